"""Change in substance use on treatment, from the Treatment Outcomes Profile (TOP).

A form belongs to the first journey after a sentence when its date lies in the journey or within
``top_window_days`` of it. The earliest start form is compared with the latest review or exit form.
"""

from typing import Any

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.intervals import cluster_mean, shares
from blindlink.analyst.publish.layout import count, estimate, impossible, label, make, share
from blindlink.analyst.publish.tables import TOTAL, Column, Table
from blindlink.analyst.study.spells import NONE
from blindlink.schema.populations import Dimension
from blindlink.studies.probation_treatment.extracts import TOP_MEASURES
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.populations import JOURNEYS
from blindlink.studies.probation_treatment.statistics.layout import REQUIREMENT, kinds

COLUMNS: dict[str, Column] = {
    "requirement": label(REQUIREMENT),
    "measure": label("Substance, or injecting"),
    "eligible": count("First journeys with a start form that reports use in the past 28 days"),
    "paired": count("Of these, with a later form that says how many days"),
    **share("paired_share", "Share of the eligible that can be compared", "paired", "eligible"),
    "start_days": Column("estimate", "Mean days of use at start, of 28", base="paired", decimals=1),
    "later_days": Column("estimate", "Mean days of use later, of 28", base="paired", decimals=1),
    **estimate("change", "Mean change in days of use", "paired"),
    "abstinent": count("Of the paired, no use on the later form"),
    **share("abstinent_share", "Share without use later", "abstinent", "paired"),
}
TITLE = "Change in substance use on treatment"
# First journeys with a start form, by what the forms say of each substance.
USE = {
    name: Dimension(
        f"use of {name}", ("none at start", "no later form", "still in use", "abstinent")
    )
    for name in TOP_MEASURES
}


def top(pathways: Pathways) -> Table:
    """Mean change in days of use and later abstinence, by requirement and substance."""
    units = _units(pathways)
    if not len(units):
        return impossible(
            "top", TITLE, COLUMNS, "No TOP form belongs to a first journey after a sentence."
        )
    rows = []
    for name in kinds(pathways):
        here = units if name == TOTAL else units[units["requirement"] == name]
        here = here.drop_duplicates(["person", "journey"])
        for measure in TOP_MEASURES:
            rows.append(_row(here, measure, pathways.settings.confidence))
            rows[-1] |= {"requirement": name, "measure": measure}
    notes = (
        "Only journeys with a start form that reports use, and a later form, can be compared; "
        "those who leave early have no later form and are likely to have done worse.",
        "Journeys are counted once per requirement. Intervals have people as clusters.",
    )
    frame = pd.DataFrame(rows)
    made = pathways.populations
    cells = list(zip(frame["requirement"], frame["measure"], strict=True))
    populations = {
        "eligible": [made.unit(JOURNEYS, n, USE[m].of(*USE[m].levels[1:])) for n, m in cells],
        "paired": [
            made.unit(JOURNEYS, n, USE[m].of("abstinent", "still in use")) for n, m in cells
        ],
        "abstinent": [made.unit(JOURNEYS, n, USE[m].of("abstinent")) for n, m in cells],
    }
    totals = {"measure": False, "requirement": False}
    return make("top", TITLE, frame, COLUMNS, notes, totals, populations=populations)


def _units(pathways: Pathways) -> pd.DataFrame:
    """First journeys with a start form: requirement, person, journey, and both forms' days."""
    journeys, window = pathways.journeys, pathways.settings.definitions.top_window_days
    pairs = pathways.links[["left", "right"]].rename(columns={"right": "person"})
    forms = pathways.forms.merge(pairs, on="person").drop(columns="person")
    forms = forms.rename(columns={"left": "person"})
    person, date = forms["person"].to_numpy(dtype=np.int64), forms["date"].to_numpy()
    journey = journeys.next(person, date - window)
    inside = (journey != NONE) & (journeys.pick(journeys.start, journey, np.inf) - window <= date)
    forms = forms.assign(journey=journey)[inside].sort_values(["journey", "date", "hash"])
    started = forms[forms["stage"] == "start"].groupby("journey", as_index=False).first()
    later = forms[forms["stage"] != "start"].merge(
        started[["journey", "date"]], on="journey", suffixes=("", "_start")
    )
    later = later[later["date"] > later["date_start"]].groupby("journey").last()
    both = started.join(later[list(TOP_MEASURES)].add_suffix("_later"), on="journey")
    cases = pathways.cases.loc[pathways.cases["engaged"], ["person", "requirement", "journey"]]
    return cases.drop_duplicates().merge(both.drop(columns=["person", "stage"]), on="journey")


def _row(units: pd.DataFrame, measure: str, confidence: float) -> dict[str, Any]:
    eligible = units[units[measure] > 0]
    paired = eligible[eligible[f"{measure}_later"].notna()]
    change = (paired[f"{measure}_later"] - paired[measure]).to_numpy()
    mean, low, high = cluster_mean(change, paired["person"].to_numpy(dtype=np.int64), confidence)
    return {
        "eligible": len(eligible),
        "paired": len(paired),
        **_share("paired_share", eligible, eligible[f"{measure}_later"].notna(), confidence),
        "start_days": float(paired[measure].mean()),
        "later_days": float(paired[f"{measure}_later"].mean()),
        "change": mean,
        "change_low": low,
        "change_high": high,
        "abstinent": int((paired[f"{measure}_later"] == 0).sum()),
        **_share("abstinent_share", paired, paired[f"{measure}_later"] == 0, confidence),
    }


def _share(name: str, rows: pd.DataFrame, flag: pd.Series, confidence: float) -> dict[str, float]:
    person = rows["person"].to_numpy(dtype=np.int64)
    one = shares(np.zeros_like(person), person, flag.to_numpy(), 1, confidence=confidence).iloc[0]
    return {
        name: 100 * one["share"],
        f"{name}_low": 100 * one["low"],
        f"{name}_high": 100 * one["high"],
    }
