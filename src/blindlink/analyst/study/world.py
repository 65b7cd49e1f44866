"""A cohort as a declared study sees it: units, what became of each, and how far it was linked.

Units are ordered by what is known of them, never by pseudonym or row, so that the same data under
other pseudonyms give the same figures to the last digit.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.estimate.columns import day_number
from blindlink.analyst.study.counting import Counting, group_values
from blindlink.analyst.study.reading import (
    ELIGIBLE,
    Units,
    read_spells,
    read_table,
    read_units,
)
from blindlink.analyst.study.spells import Spells, agreed, number_spells, reduced
from blindlink.arrays import Bools, Floats, Int64s, Objects
from blindlink.schema.study.declaration import Declaration, Exits, Sorting
from blindlink.schema.study.declaration import Spells as Declared


@dataclass(frozen=True)
class Happened:
    """What the spells of one name say of each unit. Shapes (units,).

    ``entry``: days from the start to the first spell, 0 where it was open on the start, NaN where
    there is none; ``exit_day``: days from the start to its end, inf while open; ``category`` and
    ``exit``: as declared, empty without a spell.
    """

    spells: Spells
    entry: Floats
    exit_day: Floats
    category: Objects
    exit: Objects

    @property
    def ever(self) -> Bools:
        """With any spell."""
        return ~np.isnan(self.entry)

    def within(self, days: int | None) -> Bools:
        """With a spell open on the start, or beginning within so many days; None: ever."""
        return self.ever if days is None else np.nan_to_num(self.entry, nan=np.inf) <= days


@dataclass(frozen=True)
class World:
    """Eligible ``units``: person (a code from 0), start (day), follow_up, died and end (days from
    the start, inf where unknown), kinds (bits), and a column for each group.

    ``linked`` and ``candidate``: by owner, shape (units,). ``forms``: by name, rows with person,
    day and values.
    """

    study: Declaration
    counting: Counting
    info: dict[str, Any]
    received: Units
    units: pd.DataFrame
    linked: dict[str, Bools]
    candidate: dict[str, Bools]
    happened: dict[str, Happened] = field(default_factory=dict)
    forms: dict[str, pd.DataFrame] = field(default_factory=dict)
    links: dict[str, int] = field(default_factory=dict)

    @property
    def person(self) -> Int64s:
        """The person of each unit."""
        return self.units["person"].to_numpy(dtype=np.int64)

    @property
    def start(self) -> Floats:
        """The day of each unit's start."""
        return self.units["start"].to_numpy(dtype=float)

    def followed(self, days: int | None) -> Bools:
        """Who was observed for so many days; None: everybody."""
        return (self.units["follow_up"] >= (days or 0)).to_numpy()

    def of_kind(self, kind: str) -> Bools:
        """The units of a kind, or of all."""
        names = self.counting.kind_names
        bits = self.units["kinds"].to_numpy(dtype=np.int64)
        place = names.index(kind)
        return (
            np.ones(len(bits), bool)
            if place == len(names) - 1
            else (bits >> place & 1).astype(bool)
        )


def build(study: Declaration, cohort: Cohort) -> World:
    """The world of a cohort that fits. Raises MisfitError where no unit is left."""
    received = read_units(study, cohort)
    frame, unit = received.frame, study.unit
    chosen = frame[frame["stage"] == ELIGIBLE].reset_index(drop=True)
    counting = Counting(study)
    start = chosen[unit.start].to_numpy(dtype=float)
    units = pd.DataFrame({"pseudonym": chosen["person"], "start": start})
    units["follow_up"] = day_number(study.observation.end) - start
    for name in ("died", "end"):
        column = getattr(unit, name)
        units[name] = np.inf if column is None else (chosen[column] - start).fillna(np.inf)
    units["kinds"] = chosen["kinds"]
    for name, group in study.groups.items():
        units[name] = group_values(group, study.levels(group), chosen[group.column])
    names = pd.Index(units["pseudonym"].unique())
    person = names.get_indexer(pd.Index(units["pseudonym"]))
    parts = {
        name: _joined(
            cohort, study, each.owner, names, read_spells(study, cohort, each, received.problems)
        )
        for name, each in study.spells.items()
    }
    for name, each in study.spells.items():
        happened = _happened(parts[name], each, person, start)
        units[f"{name} entry"], units[f"{name} exit"] = happened.entry, happened.exit
    order = units.sort_values([c for c in units.columns if c != "pseudonym"], kind="stable").index
    units = units.loc[order].reset_index(drop=True)
    codes = pd.Index(units["pseudonym"].unique())
    ours = codes.get_indexer(names)
    units["person"] = codes.get_indexer(pd.Index(units["pseudonym"]))
    person, start = units["person"].to_numpy(dtype=np.int64), units["start"].to_numpy(dtype=float)
    happened_by = {
        name: _happened(parts[name].assign(person=ours[parts[name]["person"]]), each, person, start)
        for name, each in study.spells.items()
    }
    forms = {
        name: _joined(
            cohort, study, each.owner, codes,
            read_table(study, cohort, each, received.problems).rename(columns={each.date: "day"}),
        )
        for name, each in study.forms.items()
    }  # fmt: skip
    others = [owner for owner in study.owners if owner != unit.owner]
    pairs = {owner: _pairs(cohort, unit.owner, owner, codes) for owner in others}
    return World(
        study, counting, dict(cohort.info), received, units,
        linked={o: np.isin(person, links["person"]) for o, (links, _) in pairs.items()},
        candidate={
            o: np.isin(person, np.concatenate([links["person"], near["person"]]))
            for o, (links, near) in pairs.items()
        },
        happened=happened_by,
        forms=forms,
        links={o: len(links) for o, (links, _) in pairs.items()},
    )  # fmt: skip


def _pairs(
    cohort: Cohort, mine: str, owner: str, codes: pd.Index
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Links and candidates of our persons (codes) with another owner's (pseudonyms).

    In a release the owner that the agreement names first is the left one.
    """
    theirs = set(
        cohort.people.loc[cohort.people["owner"].astype(str) == owner, "person"].astype(str)
    )
    found: list[pd.DataFrame] = []
    for pairs in (cohort.links, cohort.candidates):
        left, right = (pairs[side].astype(str) for side in ("left", "right"))
        both: pd.DataFrame = pd.concat(
            [
                pd.DataFrame({"person": codes.get_indexer(pd.Index(a)), "other": b})
                for a, b in ((left, right), (right, left))
            ]
        )
        found.append(both[(both["person"] >= 0) & both["other"].isin(theirs)].drop_duplicates())
    return found[0], found[1]


def _joined(
    cohort: Cohort, study: Declaration, owner: str, codes: pd.Index, rows: pd.DataFrame
) -> pd.DataFrame:
    """An owner's rows with our persons (codes) in place of the owner's: all that are linked."""
    if owner == study.unit.owner:
        own = rows.assign(person=codes.get_indexer(pd.Index(rows["person"])))
        return own[own["person"] >= 0].reset_index(drop=True)
    links, _ = _pairs(cohort, study.unit.owner, owner, codes)
    joined = rows.rename(columns={"person": "other"}).merge(links, on="other")
    return joined.drop(columns="other").reset_index(drop=True)


def _happened(parts: pd.DataFrame, declared: Declared, person: Int64s, day: Floats) -> Happened:
    frame = parts.sort_values(["person", "start", "end", "category", "exit"], ignore_index=True)
    of, start, end = (frame[c].to_numpy() for c in ("person", "start", "end"))
    of = of.astype(np.int64)
    number = number_spells(of, start, end, declared.gap_days)
    first = np.flatnonzero(np.diff(number, prepend=-1))
    ends = reduced(np.maximum, end, first)
    spells = Spells(of[first], start[first], ends)
    found = spells.next(person, day)
    last = end == ends[number]
    exits = _one(frame["exit"], last, number, len(ends), declared.exit)
    if declared.exit is not None:
        exits = np.where(np.isinf(ends), declared.exit.open, exits).astype(object)
    every = np.ones(len(frame), bool)
    categories = _one(frame["category"], every, number, len(ends), declared.category)
    return Happened(
        spells,
        np.maximum(spells.pick(spells.start, found, np.nan) - day, 0),
        spells.pick(ends, found, np.nan) - day,
        spells.pick(categories, found, ""),
        spells.pick(exits, found, ""),
    )


def _one(
    labels: pd.Series, last: Bools, number: Int64s, spells: int, sorting: Sorting | None
) -> Objects:
    """One label for each spell: the first in the order of precedence, or that of all its parts."""
    if sorting is None:
        return np.full(spells, "", dtype=object)
    conflict = sorting.conflict if isinstance(sorting, Exits) else sorting.other
    result = agreed(labels, last, number, spells, conflict).astype(object)
    wins = sorting.wins if isinstance(sorting, Exits) else sorting.levels
    for label in reversed(wins):
        result[number[last & (labels == label).to_numpy()]] = label
    return result
