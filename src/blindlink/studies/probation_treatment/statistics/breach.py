"""Breach of the order, beside engagement: would dropping out so early not lead to breach?"""

import numpy as np
import pandas as pd

from blindlink.analyst.publish.layout import (
    CLUSTERED,
    count,
    impossible,
    label,
    make,
    share,
    share_rows,
    with_all,
)
from blindlink.analyst.publish.tables import Table
from blindlink.schema.populations import Condition
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.populations import (
    BREACH,
    BREACH_KNOWN,
    ENGAGED,
    NOT_ENGAGED,
    YES,
)
from blindlink.studies.probation_treatment.statistics.layout import REQUIREMENT, kinds

COLUMNS = {
    "requirement": label(REQUIREMENT),
    "group": label("Which of them"),
    "requirements": count("Requirements with a known breach state"),
    "breached": count("Of these, in breach"),
    **share("share", "Share in breach", "breached", "requirements"),
}
TITLE = "Breach of the order and treatment"


def breach(pathways: Pathways) -> Table:
    """Share in breach: all, engaged or not, in treatment at three weeks or not."""
    cases = pathways.cases[pathways.cases["in_breach"].notna()]
    if not len(cases):
        return impossible("breach", TITLE, COLUMNS, "The release does not say who is in breach.")
    three_weeks = pathways.settings.definitions.three_weeks
    person = cases["person"].to_numpy(dtype=np.int64)
    then = pathways.journeys.open_on(person, cases["sentence_date"].to_numpy() + three_weeks)
    seen = (cases["follow_up"] >= three_weeks).to_numpy()
    engaged = cases["engaged"].to_numpy()
    groups = {
        "everybody": np.ones(len(cases), dtype=bool),
        "engaged": engaged,
        "not engaged": ~engaged,
        "in treatment at three weeks": seen & then,
        "not in treatment at three weeks": seen & ~then,
    }
    parts = []
    for name, inside in groups.items():
        rows = with_all(cases.loc[inside, ["person", "requirement", "in_breach"]])
        by = {"requirement": kinds(pathways)}
        names = ("breached", "requirements", "share")
        part = share_rows(rows, by, "in_breach", names, pathways.settings.confidence)
        parts.append(part.assign(group=name))
    missing = len(pathways.cases) - len(cases)
    notes = [CLUSTERED, "Breach is recorded once per order, without a date: it may come before "
             "or after treatment."]  # fmt: skip
    if missing:
        notes.append("Requirements whose breach state is not recorded are left out.")
    frame = pd.concat(parts, ignore_index=True)
    made = pathways.populations
    who: dict[str, tuple[Condition, ...]] = {
        "everybody": (),
        "engaged": (ENGAGED,),
        "not engaged": (NOT_ENGAGED,),
        "in treatment at three weeks": (
            made.followed(three_weeks),
            made.status(three_weeks, "in_treatment"),
        ),
        "not in treatment at three weeks": (
            made.followed(three_weeks),
            made.status(three_weeks, "not_yet", "ended", "never"),
        ),
    }
    cells = list(zip(frame["requirement"], frame["group"], strict=True))
    populations = {
        "requirements": [made.case(name, BREACH_KNOWN, *who[group]) for name, group in cells],
        "breached": [made.case(name, BREACH.of(YES), *who[group]) for name, group in cells],
    }
    return make("breach", TITLE, frame, COLUMNS, notes, {"group": False}, populations=populations)
