"""Substance groups of those engaged, from the drugs recorded on the first journey."""

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
from blindlink.studies.probation_treatment.definitions import SUBSTANCES
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.populations import ENGAGED, SUBSTANCE
from blindlink.studies.probation_treatment.statistics.layout import REQUIREMENT, kinds


def substances(pathways: Pathways) -> Table:
    """Substance group of the engaged, by requirement."""
    engaged = pathways.cases[pathways.cases["engaged"]]
    rows = with_all(engaged[["person", "requirement", "substance"]])
    by = {"requirement": kinds(pathways)}
    parts = []
    for name in SUBSTANCES:
        flagged = rows.assign(flag=rows["substance"] == name)
        names = ("counted", "engaged", "share")
        part = share_rows(flagged, by, "flag", names, pathways.settings.confidence)
        parts.append(part.assign(substance=name))
    columns = {
        "requirement": label(REQUIREMENT),
        "substance": label("Substance group of the first journey after the sentence"),
        "engaged": count("Requirements whose people engaged with treatment"),
        "counted": count("Of these, in the substance group"),
        **share("share", "Share in the substance group", "counted", "engaged"),
    }
    notes = (
        "Any opiate makes the group opiate; else non-opiates with alcohol, non-opiates only, "
        "alcohol only. A drug named in any of three places in any episode of the journey counts.",
        CLUSTERED,
    )
    frame = pd.concat(parts, ignore_index=True)
    made = pathways.populations
    cells = list(zip(frame["requirement"], frame["substance"], strict=True))
    populations = {
        "engaged": [made.case(name, ENGAGED) for name, _ in cells],
        "counted": [made.case(name, SUBSTANCE.of(group)) for name, group in cells],
    }
    return make(
        "substances", "Substances by requirement", frame, columns, notes,
        populations=populations, headline=True,
    )  # fmt: skip
