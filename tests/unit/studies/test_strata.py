"""Error rates by group: seen where they differ, equal where they do not, with their doubt."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blindlink.analyst.estimate.intervals import Bootstrap
from blindlink.studies.probation_treatment.correction import ENGAGED, Correction
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.groups import grouped, levels
from blindlink.studies.probation_treatment.linkage_error import error_rates
from blindlink.studies.probation_treatment.pathways import build
from blindlink.studies.probation_treatment.statistics.linkage_groups import linkage_by_group
from blindlink.studies.probation_treatment.strata import CASES, TRUE_PAIRS, relative
from worlds import simulated

SETTINGS = Settings(replicates=100)


@pytest.fixture(scope="module")
def known() -> simulated.Known:
    return simulated.known_study(requirements=4000, seed=11)


def correction(cohort: simulated.Cohort) -> Correction:
    pathways = build(cohort, SETTINGS)
    rates = error_rates(cohort.info, SETTINGS, 1)
    return Correction(pathways, rates, Bootstrap.draw(pathways.left_people, 100, 2), 3)


def badly_linked(known: simulated.Known, ethnicity: str) -> simulated.Cohort:
    """The study, where of this group only links of at least 0.97 are accepted."""
    events = known.cohort.tables["moj", "events"]
    group = set(events.loc[events["ethnicity"] == ethnicity, "person"])
    links = known.cohort.links
    lost = links["left"].isin(group) & (links["probability"] < 0.97)
    return replace(known.cohort, links=links[~lost].reset_index(drop=True))


def by_group(made: Correction) -> pd.DataFrame:
    table = linkage_by_group(made)
    return table.frame.set_index("group")


def test_equal_groups_have_nearly_equal_rates(known: simulated.Known) -> None:
    frame = by_group(correction(known.cohort))
    assert frame.loc[["white", "asian", "black"], "sensitivity"].std() < 1.5
    assert (frame["sensitivity_low"] < frame["sensitivity"]).all()
    assert (frame["sensitivity"] < frame["sensitivity_high"]).all()
    assert (frame["false_links_low"] < frame["false_links_high"]).all()


def test_a_group_that_is_linked_worse_is_seen_and_corrected(known: simulated.Known) -> None:
    before, after = correction(known.cohort), correction(badly_linked(known, "black"))
    one: Any = by_group(before)
    two: Any = by_group(after)
    assert two.loc["black", "linked"] < 0.95 * one.loc["black", "linked"]
    assert two.loc["black", "sensitivity"] < two.loc["white", "sensitivity"] - 3
    shares = [_corrected(each)["black"] for each in (before, after)]
    observed = [_observed(each)["black"] for each in (before, after)]
    assert observed[1] < observed[0] - 0.01
    # What was lost on purpose comes back, up to the change of the overall rate that is not told.
    gap = _corrected(after)["black"] - _corrected(after)["white"]
    was = _corrected(before)["black"] - _corrected(before)["white"]
    assert abs(gap - was) < abs((observed[1] - observed[0]) / 2), shares


def test_without_match_probabilities_there_are_no_groups(known: simulated.Known) -> None:
    blind = known.cohort.candidates.assign(probability=np.nan)
    made = correction(replace(known.cohort, candidates=blind))
    table = linkage_by_group(made)
    assert not len(table.frame)
    assert "match probability" in table.notes[0]


def test_factors_are_those_of_the_formula() -> None:
    values = ((100.0, 300.0), (40.0, 150.0), (50.0, 160.0), (6.0, 6.0))
    n, right, every, wrong = (np.array(pair)[:, None] for pair in values)
    found = relative([n, right, every, wrong], [x[None] for x in (n, right, every, wrong)])
    overall = 190 / 210
    assert found.sensitivity[0, 0] == pytest.approx(
        (40 + TRUE_PAIRS * overall) / (50 + TRUE_PAIRS) / overall
    )
    base = 12 / 210
    assert found.false_link[0, 0] == pytest.approx((6 + CASES * base) / (60 + CASES) / base)
    assert (found.sensitivity_draws[0] == found.sensitivity).all()


def test_everybody_together_has_the_factor_one() -> None:
    sums = [np.array([[x]]) for x in (100.0, 40.0, 50.0, 3.0)]
    found = relative(sums, [x[None] for x in sums])
    assert found.sensitivity == pytest.approx(1)
    assert found.false_link == pytest.approx(1)


def _counted(made: Correction) -> pd.DataFrame:
    rules = made.pathways.settings.definitions
    cases = grouped(made.pathways.cases, rules)
    names = levels("ethnicity", cases["ethnicity"], rules)
    codes = pd.Categorical(cases["ethnicity"], categories=names).codes.astype(np.int64)
    frame = made.shares(made.count(ENGAGED, group=codes, groups=len(names)))
    frame = frame[frame["kind"] == len(made.kinds)]
    return frame.assign(name=[names[i] for i in frame["group"]]).set_index("name")


def _corrected(made: Correction) -> "pd.Series[float]":
    return _counted(made)["corrected"]


def _observed(made: Correction) -> "pd.Series[float]":
    return _counted(made)["observed"]
