"""Deaths per person-year with their denominator, beside the share, which says nothing of time."""

from typing import Any

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.intervals import rate
from blindlink.analyst.publish.layout import bounds, count, label, make, share, share_rows
from blindlink.analyst.publish.tables import TOTAL, Column, Table
from blindlink.schema.populations import Condition
from blindlink.studies.probation_treatment.definitions import DIED
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.populations import (
    ALIVE_ENTRY,
    DEAD,
    FIRST_JOURNEY,
    NO,
    YES,
)
from blindlink.studies.probation_treatment.statistics.layout import REQUIREMENT, kinds

YEAR = 365.25
GROUPS = (
    "everybody, from the first sentence",
    "engaged, from entry into treatment",
    "not (yet) in treatment, from the first sentence",
    "first treatment journey, while it lasts",
)


_ENTERED, _DEAD = ALIVE_ENTRY.of(YES), DEAD.of(YES)
_JOURNEY = FIRST_JOURNEY.of("ended otherwise", "died")
# Whose time counts, and which of them died in it.
_WHO: dict[str, tuple[tuple[Condition, ...], tuple[Condition, ...]]] = {
    GROUPS[0]: ((), (_DEAD,)),
    GROUPS[1]: ((_ENTERED,), (_ENTERED, _DEAD)),
    GROUPS[2]: ((), (ALIVE_ENTRY.of(NO), _DEAD)),
    GROUPS[3]: ((_JOURNEY,), (FIRST_JOURNEY.of("died"),)),
}


def deaths(pathways: Pathways) -> Table:
    """Deaths, person-years and rates for people by the requirement of their first sentence."""
    people = _people(pathways)
    parts = []
    for group in GROUPS:
        start, end, died, inside = _spans(people, group)
        rows = people.loc[inside, ["person", "requirement"]].assign(
            died=died[inside], years=np.maximum(end - start, 0)[inside] / YEAR
        )
        for name in kinds(pathways):
            here = rows if name == TOTAL else rows[rows["requirement"] == name]
            parts.append(_row(here, pathways.settings.confidence) | {
                "requirement": name, "group": group})  # fmt: skip
    columns = {
        "requirement": label(REQUIREMENT + ", of the person's first sentence"),
        "group": label("Whose time counts, and from when"),
        "persons": count("Persons"),
        "deaths": count("Deaths"),
        "person_years": Column(
            "estimate", "Person-years of observation", base="persons", decimals=0
        ),
        **share("share", "Deaths as a share of persons", "deaths", "persons"),
        "rate": Column("estimate", "Deaths per 1,000 person-years", base="deaths", decimals=1),
        **bounds("rate", 1),
    }
    notes = (
        "Time counts to death or the end of observation; people who engage count as not in "
        "treatment until they enter, so that surviving until entry is no advantage of treatment.",
        "Deaths are those known to probation; while the first journey lasts, those that the "
        "treatment provider gave as its end.",
        "Rates with exact Poisson intervals.",
    )
    totals = {"group": False}
    frame = pd.DataFrame(parts)
    made = pathways.populations
    cells = list(zip(frame["requirement"], frame["group"], strict=True))
    populations = {
        "persons": [made.first(name, *_WHO[group][0]) for name, group in cells],
        "deaths": [made.first(name, *_WHO[group][1]) for name, group in cells],
    }
    return make(
        "deaths", "Deaths per person-year", frame, columns, notes, totals,
        populations=populations, headline=True,
    )  # fmt: skip


def _people(pathways: Pathways) -> pd.DataFrame:
    """One row per person: first sentence, first entry, first journey after it, death."""
    cases = pathways.cases
    entered = cases["sentence_date"] + cases["entry"]
    by_person = cases.assign(entered=entered).groupby("person", as_index=False)
    first = by_person[["requirement", "sentence_date", "exit", "exit_day"]].first()
    first["entered"] = by_person["entered"].min()["entered"]
    first["deceased_date"] = by_person["deceased_date"].min()["deceased_date"]
    first["end"] = first["deceased_date"].fillna(np.inf).clip(upper=pathways.end)
    first["dead"] = first["deceased_date"] <= pathways.end
    return first


def _spans(
    people: pd.DataFrame, group: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Start and end of each person's time, whether it ends by death, and who belongs here."""
    start, end = people["sentence_date"].to_numpy(), people["end"].to_numpy()
    entered, dead = people["entered"].to_numpy(), people["dead"].to_numpy()
    everybody = np.ones(len(people), dtype=bool)
    names = GROUPS
    if group == names[0]:
        return start, end, dead, everybody
    if group == names[1]:
        return entered, end, dead, entered <= end
    if group == names[2]:
        return start, np.fmin(entered, end), dead & ~(entered <= end), everybody
    left = np.fmin(people["exit_day"].to_numpy(), end)
    died = (people["exit"] == DIED).to_numpy()
    return np.maximum(entered, start), left, died, (people["exit"] != "").to_numpy()


def _row(rows: pd.DataFrame, confidence: float) -> dict[str, Any]:
    died, years = int(rows["died"].sum()), float(rows["years"].sum())
    low, high = rate(died, years, confidence)
    names = ("deaths", "persons", "share")
    one = share_rows(rows.assign(all="All"), {"all": ["All"]}, "died", names, confidence)
    figures = one.drop(columns="all").to_dict("records")[0]
    return {str(name): value for name, value in figures.items()} | {
        "person_years": years,
        "rate": 1000 * died / years if years > 0 else np.nan,
        "rate_low": 1000 * low,
        "rate_high": 1000 * high,
    }
