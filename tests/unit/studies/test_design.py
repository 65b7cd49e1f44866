"""The covariates of the models: references, rare levels, missing values."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from blindlink.analyst.estimate.regression import population_averaged
from blindlink.analyst.study.design import RARE, Design
from blindlink.studies.probation_treatment.definitions import Definitions
from blindlink.studies.probation_treatment.design import design

RULES = Definitions()


def cases(size: int = 400, **changes: Any) -> pd.DataFrame:
    rng = np.random.Generator(np.random.PCG64(1))
    frame = pd.DataFrame(
        {
            "age_at_sentence": rng.integers(18, 70, size).astype(float),
            "sentence_date": rng.integers(17_800, 19_000, size).astype(float),
            "sentence_length_days": rng.integers(100, 700, size).astype(float),
            "ogrs3_score": rng.integers(0, 100, size).astype(float),
            "rsr_score": rng.random(size) * 9,
            "sex": rng.choice(["M", "F"], size),
            "ethnicity": rng.choice(["white", "asian"], size),
            "offence_category": rng.choice(["violence", "theft"], size),
            "accommodation_status": rng.choice(["settled", "other_housed"], size),
            "order_type": "community_order",
            "requirement": "ATR",
            "region": rng.choice(["London", "South East"], size),
            "termination_reason": "",
            "termination_date": np.nan,
        }
    )
    return frame.assign(**changes)


def made(frame: pd.DataFrame, *, termination: bool = False) -> Design:
    outcome = np.random.Generator(np.random.PCG64(2)).random(len(frame)) < 0.4
    return design(frame, outcome, RULES, termination=termination)


def levels(found: Design, variable: str) -> list[str]:
    return [term.level for term in found.terms if term.variable == variable]


def test_references_come_first_and_have_no_column() -> None:
    found = made(cases())
    assert levels(found, "Sex") == ["M (reference)", "F"]
    references = [term for term in found.terms if term.level.endswith("(reference)")]
    assert all(term.column is None for term in references)
    columns = [term.column for term in found.terms if term.column is not None]
    assert columns == list(range(1, found.X.shape[1]))
    assert (found.X[:, 0] == 1).all()


def test_numbers_are_centred() -> None:
    assert np.abs(made(cases()).X[:, 1:4].mean(axis=0)).max() < 1e-9


def test_a_level_that_everybody_has_is_a_reference_alone() -> None:
    assert levels(made(cases()), "Type of order") == ["community_order (reference)"]


def test_rare_levels_are_joined() -> None:
    ethnicity = np.array(["white"] * 340 + ["asian"] * 15 + ["black"] * 15 + ["mixed"] * 30)
    found = made(cases(ethnicity=ethnicity))
    names = levels(found, "Ethnicity")
    assert names[0] == "white (reference)"
    assert RARE in names
    assert "asian" not in names
    assert len(found.rows) == 400


def test_levels_too_rare_even_together_leave_the_model_with_a_note() -> None:
    ethnicity = np.array(["white"] * 395 + ["asian"] * 5)
    found = made(cases(ethnicity=ethnicity))
    assert len(found.rows) == 395
    assert any("rare level" in note for note in found.notes)
    assert len(found.X) == 395
    assert all(len(term.rows) == 395 for term in found.terms)


def test_cases_without_a_number_leave_and_missing_categories_are_a_level() -> None:
    frame = cases(ogrs3_score=np.nan)
    frame.loc[:9, "age_at_sentence"] = np.nan
    found = made(frame)
    assert len(found.rows) == 390
    assert levels(found, "OGRS3 score") == ["not recorded (reference)"]
    assert any("without age" in note for note in found.notes)


def test_a_number_that_was_not_released_is_said_to_be_missing() -> None:
    found = made(cases(sentence_length_days=np.nan))
    assert "Sentence length (per half year) is not in the release." in found.notes
    assert len(found.rows) == 400


def test_the_end_of_the_order_is_in_the_model_only_when_asked() -> None:
    reason = np.array(["completed", "expired"] * 200)
    frame = cases(termination_reason=reason, termination_date=19_000.0)
    assert levels(made(frame), "End of the order") == []
    assert levels(made(frame, termination=True), "End of the order") == [
        "completed (reference)",
        "expired",
    ]


def test_the_requirement_is_in_every_pooled_model_and_a_null_stays_one() -> None:
    """Completion depends on the requirement alone, and theft goes with DRR.

    Over 40 studies the offence is clear no more often than 95 % intervals allow, by a binomial
    test; without the requirement it nearly always is.
    """
    clear, clear_without = 0, 0
    for seed in range(40):
        rng = np.random.Generator(np.random.PCG64(seed))
        size = 1500
        drr = rng.random(size) < 0.5
        theft = np.where(rng.random(size) < np.where(drr, 0.8, 0.2), "theft", "violence")
        kind = np.where(drr, "DRR", "ATR")
        y = rng.random(size) < np.where(drr, 0.3, 0.5)
        frame = cases(size, offence_category=theft, requirement=kind)
        for pooled in (True, False):
            given = frame if pooled else frame.assign(requirement="ATR")
            found = design(given, y, RULES, termination=False)
            assert ("Requirement" in {term.variable for term in found.terms}) == pooled
            fit = population_averaged(found.X, y[found.rows].astype(float), found.rows)
            assert fit is not None
            at = next(t.column for t in found.terms if t.level == "theft")
            low, high = (ends[at] for ends in fit.interval(0.95))
            if pooled:
                clear += bool(low > 0 or high < 0)
            else:
                clear_without += bool(low > 0 or high < 0)
    assert stats.binomtest(clear, 40, 0.05, alternative="greater").pvalue > 0.01
    assert clear_without > 35
