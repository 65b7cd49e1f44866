"""Calibration: the true shares come out where the stated model wants them."""

import numpy as np
import pandas as pd
import pytest

from blindlink.synthetic.generator import probation, treatment, truth
from blindlink.synthetic.generator.engagement import draw_engagement
from blindlink.synthetic.generator.names import english_names
from blindlink.synthetic.generator.parameters import ExpectedLinkage, Parameters
from blindlink.synthetic.generator.places import england

PARAMETERS = Parameters()


@pytest.fixture(scope="module")
def cohort() -> pd.DataFrame:
    """A full-size cohort with what truly happened to each requirement."""
    rng = np.random.Generator(np.random.PCG64(11))
    _, frame = probation.draw_probation(rng, PARAMETERS, names=english_names(), places=england())
    odds = probation.log_odds(frame, PARAMETERS.effects, PARAMETERS.first_day)
    engaged = draw_engagement(rng, frame, odds, PARAMETERS)
    first, last = (frame.groupby("person")["date"].agg(end).to_numpy() for end in ("min", "max"))
    journeys = treatment.cohort_journeys(rng, engaged, first, last, PARAMETERS)
    episodes = treatment.episodes(rng, journeys, PARAMETERS, cohort=True)
    return frame.join(truth.engagement(frame, episodes))


def test_the_true_share_undoes_the_expected_linkage() -> None:
    linkage = ExpectedLinkage(sensitivity=(0.9, 0.8), false_link=0.02, counts=0.5)
    parameters = Parameters(linkage=linkage)
    for kind, sensitivity in enumerate(linkage.sensitivity):
        p = parameters.true_share(kind, 0.4, linkage.counts)
        seen = p * (sensitivity + (1 - sensitivity) * 0.01) + (1 - p) * 0.01
        assert seen == pytest.approx(0.4)


@pytest.mark.parametrize("kind", [0, 1])
def test_engagement_is_where_the_model_puts_it(cohort: pd.DataFrame, kind: int) -> None:
    mine = cohort[cohort["kind"] == kind]
    goal = PARAMETERS.true_share(
        kind, PARAMETERS.published.engaged[kind], PARAMETERS.linkage.counts
    )
    assert mine["engaged"].mean() == pytest.approx(goal, abs=0.015)
    goal = PARAMETERS.true_share(
        kind, PARAMETERS.published.in_treatment_21[kind], PARAMETERS.linkage.counts_21
    )
    assert mine["in_treatment_21"].mean() == pytest.approx(goal, abs=0.015)


def test_the_cohort_has_the_size_of_the_publication(cohort: pd.DataFrame) -> None:
    assert len(cohort) == 38_895
    assert (cohort["kind"] == 0).sum() == 17_555
    assert 32_500 < cohort["person"].nunique() < 33_500


def test_few_sentences_carry_both_requirements(cohort: pd.DataFrame) -> None:
    kinds = cohort.groupby("sentence")["kind"].nunique()
    assert 0 < (kinds == 2).mean() < 0.006
    assert cohort.groupby("sentence")["person"].nunique().max() == 1
    assert not cohort.duplicated(["sentence", "kind"]).any()


def test_sentences_lie_in_the_observation(cohort: pd.DataFrame) -> None:
    assert cohort["date"].between(PARAMETERS.first_day, PARAMETERS.last_day).all()
    assert (cohort["age"] >= 18).all()


def test_outcomes_are_near_the_publication(cohort: pd.DataFrame) -> None:
    engaged = cohort[cohort["engaged"] == 1]
    share = engaged["outcome"].value_counts(normalize=True)
    assert share["completed"] == pytest.approx(0.35, abs=0.02)
    assert share["still in treatment"] == pytest.approx(0.27, abs=0.02)
    assert share["died"] == pytest.approx(0.014, abs=0.004)


@pytest.mark.parametrize(
    ("kind", "column", "level"),
    [(0, "offence", "drink_driving"), (1, "accommodation", "rough_sleeping")],
)
def test_an_effect_shows_in_the_true_shares(
    cohort: pd.DataFrame, kind: int, column: str, level: str
) -> None:
    mine = cohort[cohort["kind"] == kind]
    share = mine.groupby(mine[column] == level)["engaged"].mean()
    assert share[True] > share[False] + 0.03
