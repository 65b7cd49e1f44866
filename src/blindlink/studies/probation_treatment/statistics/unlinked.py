"""Who is missed: people who are linked to a treatment record against those who are not."""

import numpy as np
import pandas as pd

from blindlink.analyst.publish.layout import count, impossible, label, make, share, share_rows
from blindlink.analyst.publish.tables import Column, Table
from blindlink.schema.populations import population
from blindlink.studies.probation_treatment.groups import GROUPS, grouped, levels
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.populations import LINKED, NOT_LINKED, PERSONS

COLUMNS: dict[str, Column] = {
    "dimension": label("Characteristic, at the person's first sentence"),
    "group": label("Group"),
    "persons": count("Persons"),
    "linked": count("Of these, linked to a treatment record"),
    "unlinked": count("Of these, not linked"),
    **share("linked_share", "Share linked", "linked", "persons"),
    "linked_part": Column(
        "estimate", "The group's part of the linked (%)", base="linked", decimals=1
    ),
    "unlinked_part": Column(
        "estimate", "The group's part of the unlinked (%)", base="unlinked", decimals=1
    ),
    "difference": Column(
        "estimate", "Standardised difference of the two parts", base="linked", decimals=2
    ),
}
TITLE = "Linked and unlinked people compared"


def linked_unlinked(pathways: Pathways) -> Table:
    """Each group's part of the linked and of the unlinked, and how far they differ."""
    rules = pathways.settings.definitions
    cases = grouped(pathways.cases, rules).drop_duplicates("person", ignore_index=True)
    if cases["linked"].nunique() < 2:
        why = (
            "Nobody is linked."
            if len(cases) and not cases["linked"].any()
            else "Nobody to compare."
        )
        return impossible("linked_unlinked", TITLE, COLUMNS, why)
    parts = []
    for column, dimension in GROUPS.items():
        names = levels(column, cases[column], rules)
        level = pathways.settings.confidence
        part = share_rows(
            cases, {column: names}, "linked", ("linked", "persons", "linked_share"), level
        )
        parts.append(part.rename(columns={column: "group"}).assign(dimension=dimension))
    frame = pd.concat(parts, ignore_index=True)
    frame["unlinked"] = frame["persons"] - frame["linked"]
    shares = {
        n: frame[n] / frame.groupby("dimension")[n].transform("sum") for n in ("linked", "unlinked")
    }
    spread = np.sqrt(sum(s * (1 - s) for s in shares.values()) / 2)
    frame["linked_part"], frame["unlinked_part"] = (100 * s for s in shares.values())
    frame["difference"] = (shares["linked"] - shares["unlinked"]) / np.where(
        spread > 0, spread, np.nan
    )
    notes = (
        "Standardised difference: difference of the two parts over their pooled standard "
        "deviation; beyond 0.1 either way is usually called a difference.",
        "Unlinked people are those without treatment and those whose record was missed: a "
        "difference may lie in treatment or in linkage.",
    )
    made = pathways.populations
    by_label = {GROUPS[column]: d for column, d in made.first_groups.items()}
    cells = [
        by_label[label].of(level)
        for label, level in zip(frame["dimension"], frame["group"], strict=True)
    ]
    populations = {
        "persons": [population(PERSONS, group) for group in cells],
        "linked": [population(PERSONS, LINKED, group) for group in cells],
        "unlinked": [population(PERSONS, NOT_LINKED, group) for group in cells],
    }
    return make("linked_unlinked", TITLE, frame, COLUMNS, notes, populations=populations)
