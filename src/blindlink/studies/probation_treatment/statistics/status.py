"""Where people stand on given days after the sentence; day 0 is a state of its own."""

import numpy as np
import pandas as pd

from blindlink.analyst.publish.layout import (
    CLUSTERED,
    count,
    label,
    make,
    share,
    share_rows,
    with_all,
)
from blindlink.analyst.publish.tables import Table
from blindlink.analyst.study.spells import NONE
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.statistics.layout import REQUIREMENT, kinds

STATES = {
    "in_treatment": "in treatment on the day",
    "accessed": "in treatment on the day or on any day since the sentence",
    "not_yet": "not yet in treatment, but later",
    "ended": "had treatment since the sentence, but not on the day",
    "never": "no treatment from the sentence to the end of observation",
}


def status(pathways: Pathways) -> Table:
    """Status on each of ``status_days``, among those observed until then."""
    rules = pathways.settings.definitions
    parts = [_on_day(pathways, day) for day in sorted(set(rules.status_days))]
    columns = {
        "requirement": label(REQUIREMENT),
        "day": label("Days since the sentence"),
        "followed": count("Requirements observed until that day"),
    }
    for name, meaning in STATES.items():
        columns[name] = count(f"Of these, {meaning}")
        columns |= share(f"{name}_share", f"Share {meaning}", name, "followed")
    notes = (
        "In treatment, not yet, ended and never add up to all who were observed until the day.",
        "Status on a day and access by a day are different figures: both are given because a "
        "published figure 'at three weeks' may mean either.",
        CLUSTERED,
    )
    frame = pd.concat(parts, ignore_index=True)
    made = pathways.populations
    cells = list(zip(frame["requirement"], frame["day"], strict=True))
    populations = {"followed": [made.case(name, made.followed(day)) for name, day in cells]}
    for state in STATES:
        states = ("in_treatment", "ended") if state == "accessed" else (state,)
        populations[state] = [
            made.case(name, made.followed(day), made.status(day, *states)) for name, day in cells
        ]
    return make(
        "status", "Treatment status on days after the sentence", frame, columns, notes,
        populations=populations, headline=True,
    )  # fmt: skip


def _on_day(pathways: Pathways, day: int) -> pd.DataFrame:
    cases = pathways.cases[pathways.cases["follow_up"] >= day]
    person = cases["person"].to_numpy(dtype=np.int64)
    now = pathways.journeys.open_on(person, cases["sentence_date"].to_numpy() + day)
    entered = (cases["entry"] <= day).to_numpy()
    engaged = (cases["journey"] != NONE).to_numpy()
    rows = with_all(
        cases[["person", "requirement"]].assign(
            in_treatment=now,
            accessed=entered,
            not_yet=engaged & ~entered,
            ended=entered & ~now,
            never=~engaged,
        )
    )
    by = {"requirement": kinds(pathways)}
    level = pathways.settings.confidence
    result = pd.DataFrame({"requirement": by["requirement"], "day": day})
    for name in STATES:
        part = share_rows(rows, by, name, (name, "followed", f"{name}_share"), level)
        result = result.merge(part, on=["requirement", *({"followed"} & set(result.columns))])
    return result
