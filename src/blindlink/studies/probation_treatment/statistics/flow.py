"""Who is in the figures: from the rows received to the people engaged, with every loss counted."""

from typing import Any

import pandas as pd

from blindlink.analyst.cohort.losses import identifiers_lost
from blindlink.analyst.publish.layout import count, label, make, text
from blindlink.analyst.publish.tables import TOTAL, Column, Declared, Table
from blindlink.schema.populations import Dimension, Population, population
from blindlink.studies.probation_treatment.extracts import ELIGIBLE, VALID
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.populations import (
    PERSONS,
    REACHED,
    RECEIVED,
    REQUIREMENTS,
    SENTENCES,
    STAGE,
    STAGES,
    Populations,
)

COLUMNS: dict[str, Column] = {
    "stage": label("How far the requirement got; each stage is a part of the one before"),
    "persons": count("Persons"),
    "sentences": count("Sentences"),
    "requirements": count("Requirements"),
    "rule": text("What the stage asks for"),
}
RULES = {
    "received": "Rows of requirements that probation sent",
    "valid": "Has a person, a known requirement, a sentence date, and is no duplicate",
    "eligible": "Sentenced within the observation, to an order that the study covers",
    "linkable": "The person has at least one candidate record above the release's floor",
    "linked": "The person is linked to at least one treatment record",
    "engaged": "A treatment journey is open on the sentence date or starts after it",
}


def flow(pathways: Pathways) -> Table:
    """Received, valid, eligible, linkable, linked, engaged: in persons, sentences, requirements."""
    received, cases = pathways.received, pathways.cases
    near = pathways.candidate_counts[cases["person"].to_numpy(dtype=int)] > 0
    near |= (
        cases["person"].isin(pathways.candidates["left"]).to_numpy() | cases["linked"].to_numpy()
    )
    stages = {
        "received": received,
        "valid": received[received["stage"] >= VALID],
        "eligible": received[received["stage"] >= ELIGIBLE],
        "linkable": cases[near],
        "linked": cases[cases["linked"]],
        "engaged": cases[cases["engaged"]],
    }
    frame = pd.DataFrame(
        [_units(rows) | {"stage": name, "rule": RULES[name]} for name, rows in stages.items()]
    )
    notes = ("A sentence with both requirements counts once among the sentences.",)
    made = pathways.populations
    populations = {
        unit: [_stage(made, unit, stage) for stage in stages]
        for unit in (PERSONS, SENTENCES, REQUIREMENTS)
    }
    relations = [
        Declared(((_received(unit, "eligible"), 1), (made.unit(unit, TOTAL), -1)))
        for unit in populations
    ]
    return make(
        "flow", "From records received to people engaged", frame, COLUMNS, notes,
        populations=populations, relations=tuple(relations), headline=True,
    )  # fmt: skip


def _stage(made: Populations, unit: str, stage: str) -> Population:
    if stage in REACHED:
        return made.unit(unit, TOTAL, *REACHED[stage])
    return _received(unit, *STAGES[STAGES.index(stage) :])


def _received(unit: str, *stages: str) -> Population:
    """Units among all that were received, by how far they came."""
    return population(RECEIVED + unit, STAGE.of(*stages))


def losses(pathways: Pathways) -> Table:
    """Why rows were left out, by reason."""
    received = pathways.received
    lost = received[received["reason"] != ""].groupby("reason").size()
    frame = pd.DataFrame({"reason": lost.index, "requirements": lost.to_numpy()})
    columns = {
        "reason": label(
            "Why the requirement is not in the analysis; the first reason that applies"
        ),
        "requirements": count("Requirements left out"),
    }
    notes = () if len(frame) else ("No requirement was left out.",)
    reasons = tuple(map(str, frame["reason"])) or ("none",)
    before = STAGE.of("received", "valid")
    dimension = Dimension("reason", reasons, dict.fromkeys(reasons, (before,)))
    populations = {
        "requirements": [
            population(RECEIVED + REQUIREMENTS, dimension.of(each)) for each in reasons
        ]
        if len(frame)
        else []
    }
    title = "Requirements left out, by reason"
    return make("flow_losses", title, frame, columns, notes, populations=populations)


def data_quality(pathways: Pathways) -> Table:
    """Every check of the tables, what it found and what was done."""
    found = pd.concat([pathways.problems, identifiers_lost(pathways.info)], ignore_index=True)
    columns = {
        "table": label("Table of the release, or of its owner"),
        "problem": label("What was checked"),
        "rows": count("Rows found"),
        "consequence": text("What was done about them"),
    }
    title = "Checks of the data and what they found"
    # Rows of tables, each check by itself: a row may be found by several.
    populations = {"rows": [None] * len(found)}
    return make("data_quality", title, found, columns, populations=populations)


def sentence_keys(rows: pd.DataFrame) -> pd.Series:
    """One key for each sentence of a person: its number, else its date."""
    date = rows["sentence_date"].astype(str)
    return rows["sentence_id"].where(rows["sentence_id"] != "", date)


def _units(rows: pd.DataFrame) -> dict[str, Any]:
    sentences = pd.DataFrame({"person": rows["person"], "sentence": sentence_keys(rows)})
    return {
        "persons": int(rows.loc[rows["person"] != "", "person"].nunique()),
        "sentences": len(sentences.drop_duplicates()),
        "requirements": len(rows),
    }
