"""How entry into treatment builds up after the sentence, with what else may come first.

The estimator of Aalen and Johansen (1978) for competing risks: 1 - Kaplan-Meier would count people
who died as if they could still enter. Those in treatment on the sentence date enter on day 0.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from blindlink.analyst.publish.layout import count, estimate, impossible, label, make
from blindlink.analyst.publish.tables import TOTAL, Column, Table
from blindlink.analyst.study.incidence import incidence_rows
from blindlink.arrays import Int64s
from blindlink.schema.populations import Dimension, Population
from blindlink.studies.probation_treatment.correction import Correction
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.populations import ENGAGED, NOT_ENGAGED
from blindlink.studies.probation_treatment.statistics.layout import REQUIREMENT

EVENTS = ("entered treatment", "died before entry", "order ended before entry")
CURVES = {"to the end of observation": 2, "within the order": 3}
COLUMNS: dict[str, Column] = {
    "curve": label("Until when entry counts; with an order's end as a competing event, or without"),
    "requirement": label(REQUIREMENT),
    "event": label("What came first"),
    "day": label("Days since the sentence"),
    "at_risk": count("Requirements still observed, and without any event, before the day"),
    "events": count("Events until the end of the day"),
    **estimate("incidence", "Cumulative incidence (%)", "events"),
}
_CENSORED = "still observed"
TITLE = "Entry into treatment after the sentence"


@dataclass(frozen=True)
class Times:
    """Whole days to the first event or to censoring, and the event (0 = censored, else 1, 2, 3)."""

    day: Int64s
    event: Int64s


def entry_curves(correction: Correction) -> Table:
    """Both curves with their competing events, on weekly days at first and four-weekly later."""
    pathways = correction.pathways
    if not len(pathways.cases):
        return impossible("entry_curves", TITLE, COLUMNS, "There is no eligible requirement.")
    parts = [
        _curve(correction, first_events(pathways, events)).assign(curve=curve)
        for curve, events in CURVES.items()
    ]
    notes = (
        "Aalen-Johansen estimates; censored at the end of observation.",
        "Intervals: bootstrap over people.",
        "The first curve ends near the share engaged: both count entry at any time.",
    )
    frame = pd.concat(parts, ignore_index=True)
    populations = _populations(pathways, frame)
    totals = {"event": False, "day": False}
    return make("entry_curves", TITLE, frame, COLUMNS, notes, totals, populations=populations)


def _populations(pathways: Pathways, frame: pd.DataFrame) -> dict[str, list[Population]]:
    """What came first, and in which stretch of days, is one dimension for each curve.

    Stretches: before the first day that is shown, that day, between it and the next, that, ...
    ``events`` are those up to and with a day; ``at_risk`` has no event before it.
    """
    made = pathways.populations
    engaged = pathways.cases["engaged"].to_numpy(dtype=bool)
    result: dict[str, list[Population]] = {"at_risk": [], "events": []}
    for curve, curve_rows in frame.groupby("curve", sort=False):
        causes = (*EVENTS[: CURVES[str(curve)]], _CENSORED)
        entered = first_events(pathways, CURVES[str(curve)]).event == 1
        days = {day: place for place, day in enumerate(sorted(curve_rows["day"].unique()))}
        stretches = range(2 * len(days) + 1)
        # All who enter are engaged; that nobody else is, is a fact of the data or is not.
        others = (NOT_ENGAGED,) if bool((entered == engaged).all()) else ()
        implied = {
            f"{cause} {k}": (ENGAGED,) if cause == EVENTS[0] else others
            for cause in causes
            for k in stretches
        }
        names = tuple(f"{cause} {k}" for cause in causes for k in stretches)
        dimension = Dimension(f"first event {curve}", names, implied, axis=True)
        for name, event, day in zip(
            curve_rows["requirement"], curve_rows["event"], curve_rows["day"], strict=True
        ):
            shown = 2 * days[day] + 1
            until = dimension.of(*(f"{event} {k}" for k in stretches if k <= shown))
            later = dimension.of(*(f"{c} {k}" for c in causes for k in stretches if k >= shown))
            result["events"].append(made.case(name, until))
            result["at_risk"].append(made.case(name, later))
    return result


def first_events(pathways: Pathways, events: int) -> Times:
    """What came first for each case: entry, death, and with ``events`` = 3 the end of the order.

    On one day entry comes before death, death before the order's end, all before censoring.
    """
    cases = pathways.cases
    times = np.column_stack(
        [
            cases["entry"].fillna(np.inf),
            (cases["deceased_date"] - cases["sentence_date"]).fillna(np.inf),
            cases["order_days"] if events == len(EVENTS) else np.full(len(cases), np.inf),
            cases["follow_up"],
        ]
    )
    first = times.argmin(axis=1)
    day = times[np.arange(len(cases)), first].astype(np.int64)
    return Times(day, np.where(first == len(EVENTS), 0, first + 1).astype(np.int64))


def grid(days: int) -> Int64s:
    """The days that are shown: weekly for half a year, then four-weekly, and the last."""
    early, late = np.arange(0, min(days, 183), 7), np.arange(196, days, 28)
    return np.unique(np.concatenate([early, late, [days - 1]])).astype(np.int64)


def _curve(correction: Correction, times: Times) -> pd.DataFrame:
    causes = max(int(times.event.max()), 2)
    days = int(times.day.max()) + 1
    shape = (len(correction.kinds), causes + 1, days)
    key = (correction.kind * shape[1] + times.event) * days + times.day
    ones = np.ones(len(key))
    point = np.bincount(key, minlength=int(np.prod(shape))).astype(float).reshape(1, *shape)
    shown = grid(days)
    rows = []
    for code, name in enumerate([*correction.kinds, TOTAL]):
        inside = np.ones(len(key), dtype=bool) if name == TOTAL else correction.kind == code
        here = times.event[inside] * days + times.day[inside]
        drawn = correction.bootstrap.totals(
            correction.person[inside], here, ones[inside], shape[1] * days
        ).reshape(-1, shape[1], days)
        exact = point.sum(axis=1) if name == TOTAL else point[:, code]
        rows.append(
            incidence_rows(exact, drawn, shown, EVENTS, correction.confidence).assign(
                requirement=name
            )
        )
    return pd.concat(rows, ignore_index=True)
