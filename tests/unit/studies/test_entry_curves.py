"""Cumulative incidence of entry against statsmodels and by hand."""

import numpy as np
import pytest
from statsmodels.duration.survfunc import CumIncidenceRight

from blindlink.analyst.estimate.intervals import Bootstrap
from blindlink.analyst.study.incidence import incidence
from blindlink.studies.probation_treatment.correction import Correction
from blindlink.studies.probation_treatment.definitions import Settings
from blindlink.studies.probation_treatment.linkage_error import error_rates
from blindlink.studies.probation_treatment.pathways import build
from blindlink.studies.probation_treatment.statistics.entry import (
    entry_curves,
    first_events,
    grid,
)
from worlds import simulated

r, e = simulated.requirement, simulated.episode


def test_incidence_is_that_of_statsmodels() -> None:
    rng = np.random.Generator(np.random.PCG64(1))
    time, cause = rng.integers(1, 60, 500), rng.integers(0, 4, 500)
    counts = np.zeros((4, 60))
    np.add.at(counts, (cause, time), 1)
    at_risk = counts.sum(axis=0)[::-1].cumsum()[::-1]
    ours = incidence(counts[1:], at_risk)
    theirs = CumIncidenceRight(time, cause)
    for number in range(3):
        assert ours[number, theirs.times] == pytest.approx(theirs.cinc[number])


def test_incidence_by_hand() -> None:
    # Ten people: on day 0 two enter; on day 1 one dies and one is censored; on day 2 three of the
    # six left enter. 0.2, then S = 0.8 x 7/8 = 0.7, then 0.2 + 0.7 x 3/6 = 0.55.
    events = np.array([[2.0, 0.0, 3.0], [0.0, 1.0, 0.0]])
    found = incidence(events, np.array([10.0, 8.0, 6.0]))
    assert found[0].tolist() == pytest.approx([0.2, 0.2, 0.55])
    assert found[1].tolist() == pytest.approx([0.0, 0.1, 0.1])


def test_what_comes_first() -> None:
    rows = [
        r("A", "2020-01-01"),  # in treatment on the day
        r("B", "2020-01-01", deceased_date="2020-01-11"),  # dies on day 10
        r("C", "2020-01-01", termination_date="2020-01-31"),  # order ends on day 30, enters day 60
        r("D", "2022-03-30"),  # one day of follow-up
        r("E", "2020-01-01", deceased_date="2020-01-06"),  # enters and dies on day 5
    ]
    episodes = [
        e("a", "2019-12-01", "2020-02-01", "80"),
        e("c", "2020-03-01"),
        e("e", "2020-01-06"),
    ]
    links = [("A", "a"), ("C", "c"), ("E", "e")]
    study = build(simulated.cohort(rows, episodes, links), Settings())
    order = study.cases["requirement_id"].str[1].tolist()
    first, within = (first_events(study, events) for events in (2, 3))
    found = {
        name: (int(first.day[i]), int(first.event[i]), int(within.day[i]), int(within.event[i]))
        for i, name in enumerate(order)
    }
    assert found == {
        "A": (0, 1, 0, 1),
        "B": (10, 2, 10, 2),
        "C": (60, 1, 30, 3),
        "D": (1, 0, 1, 0),
        "E": (5, 1, 5, 1),
    }


def test_curves_end_at_the_share_engaged_when_nobody_is_censored_early() -> None:
    rows = [r(f"P{i}", "2018-08-01", requirement="ATR" if i % 2 else "DRR") for i in range(40)]
    episodes = [e(f"T{i}", "2018-09-01", "2018-10-01", "80") for i in range(12)]
    settings = Settings(replicates=60)
    study = build(
        simulated.cohort(rows, episodes, [(f"P{i}", f"T{i}") for i in range(12)]), settings
    )
    rates = error_rates(study.info, settings, 1)
    frame = entry_curves(Correction(study, rates, Bootstrap.draw(40, 60, 1), 1)).frame
    last = frame[(frame["requirement"] == "All") & (frame["event"] == "entered treatment")]
    whole = last[last["curve"] == "to the end of observation"].iloc[-1]
    assert whole["incidence"] == pytest.approx(30.0)
    assert whole["events"] == 12
    assert whole["incidence_low"] < 30 < whole["incidence_high"]


def test_days_shown_are_weekly_then_four_weekly_and_the_last() -> None:
    shown = grid(1339)
    assert shown[:3].tolist() == [0, 7, 14]
    assert shown[-1] == 1338
    assert {21, 84, 182} <= set(shown)
    assert grid(1).tolist() == [0]
