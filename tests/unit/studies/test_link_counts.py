"""False links from pairs per person: recovered where it can be, refused where it cannot."""

import numpy as np
import pytest

from blindlink.studies.probation_treatment.definitions import SecondRecord
from blindlink.studies.probation_treatment.link_counts import (
    NEGATIVE_BINOMIAL,
    POISSON,
    fit_link_counts,
)


def _second(share: float) -> SecondRecord:
    return SecondRecord(value=share, low=max(0, share - 0.02), high=share + 0.02, source="test")


def _counts(people: int, w: float, t: float, second: float, unequal: float = 0.0) -> np.ndarray:
    rng = np.random.Generator(np.random.PCG64(7))
    mean = w * rng.gamma(1 / unequal, unequal, people) if unequal else w
    true = (rng.random(people) < t) * (1 + (rng.random(people) < second))
    return true + rng.poisson(mean, people)


@pytest.mark.parametrize(
    ("w", "second", "unequal", "model"),
    [
        (0.03, 0.0, 0.0, POISSON),
        (0.05, 0.04, 0.0, POISSON),
        (0.10, 0.04, 0.0, POISSON),
        (0.10, 0.04, 1.0, NEGATIVE_BINOMIAL),
    ],
)
def test_the_rate_is_recovered(w: float, second: float, unequal: float, model: str) -> None:
    fit, _ = fit_link_counts(_counts(30_000, w, 0.5, second, unequal), _second(second))
    truth = 1 - (1 + unequal * w) ** (-1 / unequal) if unequal else 1 - np.exp(-w)
    assert fit is not None
    assert fit.model == model
    assert fit.false_link == pytest.approx(truth, rel=0.15)
    assert fit.low < truth < fit.high
    assert fit.with_true_pair == pytest.approx(0.5, abs=0.02)
    assert fit.expected.sum() == pytest.approx(30_000)


def test_second_records_that_nobody_told_of_would_be_taken_for_strangers() -> None:
    counts = _counts(30_000, 0.03, 0.5, 0.04)
    told, _ = fit_link_counts(counts, _second(0.04))
    untold, _ = fit_link_counts(counts, SecondRecord(value=0, low=0, high=0, source="test"))
    assert told is not None
    assert untold is not None
    assert untold.false_link > 1.5 * told.false_link


def test_what_no_model_fits_is_refused() -> None:
    # Many people with exactly four pairs: no chance of strangers looks like that.
    counts = np.repeat([0, 1, 2, 3, 4], [5000, 4000, 100, 10, 900])
    fit, why = fit_link_counts(counts, _second(0.0))
    assert fit is None
    assert "refuses" in why


@pytest.mark.parametrize(
    "counts", [np.zeros(1000, int), np.array([0, 1, 2] * 20), np.zeros(0, int)]
)
def test_too_little_to_see(counts: np.ndarray) -> None:
    fit, why = fit_link_counts(counts, _second(0.0))
    assert fit is None
    assert "need" in why
