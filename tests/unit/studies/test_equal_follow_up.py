"""Outcomes of the models are counted in equal time: follow-up alone makes no association."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from blindlink.analyst.estimate.regression import population_averaged
from blindlink.studies.probation_treatment.statistics.models import _by, _completion

DAYS = 365


def cases(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"sentence_date": 100.0, **columns})


def test_who_counts_as_completed_and_who_is_not_looked_at() -> None:
    frame = cases(
        follow_up=[800.0, 800.0, 800.0, 300.0, 800.0, 800.0],
        entry=[10.0, 10.0, 10.0, 10.0, np.nan, 600.0],
        exit=["completed", "completed", "still in treatment", "completed", "", "completed"],
        exit_day=[200.0, 600.0, np.inf, 200.0, np.nan, 710.0],
    )
    observed, completed = _completion(frame, DAYS)
    # In time, too late, never; seen too short; never engaged; entered too late to be seen.
    assert observed.tolist() == [True, True, True, False, False, False]
    assert completed.tolist() == [True, False, False, False, False, False]


def test_engaged_by_a_day() -> None:
    assert _by(cases(entry=[0.0, 365.0, 366.0, np.nan]), DAYS).tolist() == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("what", ["access", "completion"])
def test_the_date_of_the_sentence_is_no_association_where_there_is_none(what: str) -> None:
    """Constant chances whatever the date: over 40 studies the date is clear no more often than 95 %
    intervals allow, while to the end of observation it always is."""
    clear, ever_clear = 0, 0
    for seed in range(40):
        rng = np.random.Generator(np.random.PCG64(seed))
        follow_up = rng.integers(0, 1300, 1500).astype(float)
        wait, lasts = rng.exponential(500, (2, 1500)).round()
        entry = np.where(wait <= follow_up, wait, np.nan)
        done = entry + lasts <= follow_up
        frame = cases(
            follow_up=follow_up,
            entry=entry,
            exit=np.where(done, "completed", "still in treatment"),
            exit_day=100 + np.where(done, entry + lasts, np.inf),
        )
        if what == "access":
            inside, y = follow_up >= DAYS, _by(frame, DAYS)
            everybody, ever = np.ones(1500, bool), ~np.isnan(entry)
        else:
            inside, y = _completion(frame, DAYS)
            everybody, ever = ~np.isnan(entry), done
        clear += _clear(follow_up, inside, y)
        ever_clear += _clear(follow_up, everybody, ever)
    assert stats.binomtest(clear, 40, 0.05, alternative="greater").pvalue > 0.01
    assert ever_clear == 40


def _clear(follow_up: np.ndarray, inside: np.ndarray, y: np.ndarray) -> bool:
    date = follow_up[inside]
    X = np.column_stack([np.ones(len(date)), (date - date.mean()) / 365.25])
    fit = population_averaged(X, y[inside].astype(float), np.arange(len(date)))
    assert fit is not None
    low, high = fit.interval(0.95)
    return bool(low[1] > 0 or high[1] < 0)
