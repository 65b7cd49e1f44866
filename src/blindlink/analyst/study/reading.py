"""A cohort's tables, read as a study declares them; every problem is counted with what was done."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.estimate.columns import day_number, days, numbers, texts
from blindlink.arrays import Bools, Int64s
from blindlink.errors import MisfitError
from blindlink.schema.study.declaration import Cells, Declaration, Place, Sorting, Spells

RECEIVED, VALID, ELIGIBLE = 0, 1, 2
STAGES = ("received", "valid", "eligible")


@dataclass
class Problems:
    """Rows by table and problem, and what was done about them."""

    rows: list[tuple[str, str, int, str]] = field(default_factory=list)

    def add(self, table: str, problem: str, found: Bools, consequence: str) -> Bools:
        """Count the rows of a mask, and give the mask back."""
        self.rows.append((table, problem, int(found.sum()), consequence))
        return found

    def frame(self) -> pd.DataFrame:
        """Columns table, problem, rows, consequence."""
        return pd.DataFrame(self.rows, columns=["table", "problem", "rows", "consequence"])


@dataclass(frozen=True)
class Units:
    """Every row received: ``person`` (pseudonym), the declared columns, ``stage`` and the
    ``reason`` where it stopped, and ``kinds``, bit i for the declared kind i."""

    frame: pd.DataFrame
    problems: Problems

    def stages(self) -> dict[str, int]:
        """Rows that reached each stage, and those that did not, by reason."""
        counts = {
            name: int((self.frame["stage"] >= stage).sum()) for stage, name in enumerate(STAGES)
        }
        lost = self.frame.loc[self.frame["reason"] != "", "reason"].value_counts(sort=False)
        return counts | {f"left out: {reason}": int(number) for reason, number in lost.items()}


def read_units(study: Declaration, cohort: Cohort) -> Units:
    """The units of a cohort that fits. Raises MisfitError where none is left."""
    problems, unit, seen = Problems(), study.unit, study.observation
    frame = read_table(study, cohort, unit, problems)
    mine = cohort.people.loc[cohort.people["owner"].astype(str) == unit.owner, "person"].astype(str)
    frame["kinds"] = kinds_of(study, frame)
    start = frame[unit.start]
    tests = [
        (RECEIVED, "no person", ~frame["person"].isin(mine)),
        (RECEIVED, f"no {unit.start}", start.isna()),
        (RECEIVED, f"stands twice by its {unit.id}", _again(frame, unit.id)),
        (RECEIVED, "of no declared kind", frame["kinds"] == 0),
        (VALID, f"before the observation ({seen.start})", start < day_number(seen.start)),
        (VALID, f"after the observation ({seen.end})", start > day_number(seen.end)),
        *(
            (VALID, f"another {column}", ~frame[column].isin(labels))
            for column, labels in unit.where.items()
        ),
    ]
    reason, stage = np.full(len(frame), "", dtype=object), np.full(len(frame), ELIGIBLE)
    for reached, name, failed in tests:
        fresh = failed.to_numpy(dtype=bool) & (reason == "")
        problems.add(unit.table, name, fresh, f"{unit.name} left out")
        reason[fresh], stage[fresh] = name, reached
    for column in filter(None, (unit.died, unit.end)):
        early = (frame[column] < start).to_numpy()
        problems.add(unit.table, f"{column} before {unit.start}", early, "value set to missing")
        frame[column] = frame[column].mask(early)
    made = Units(frame.assign(stage=stage, reason=reason), problems)
    if not (stage == ELIGIBLE).any():
        lost = "; ".join(f"{name}: {number}" for name, number in made.stages().items())
        raise MisfitError(f"no {unit.name} is left for the study {study.name}: {lost}")
    return made


def read_table(
    study: Declaration, cohort: Cohort, place: Place, problems: Problems
) -> pd.DataFrame:
    """A table's declared columns, typed: days and numbers as floats, anything else as text."""
    columns = study.owners[place.owner].tables[place.table].columns
    table = cohort.tables[place.owner, place.table]
    frame = pd.DataFrame({"person": texts(table["person"])})
    for name, cells in columns.items():
        held = (
            table[name] if name in table.columns else pd.Series([None] * len(table), dtype=object)
        )
        frame[name] = _typed(held, name, cells, place.table, problems)
    return frame


def _typed(held: pd.Series, name: str, cells: Cells, table: str, problems: Problems) -> np.ndarray:
    words = texts(held)
    held = held.where(~np.isin(words, cells.missing), None)
    if cells.type == "date":
        values, bad = days(held)
        problems.add(table, f"{name} unreadable", bad, "value set to missing")
        return np.asarray(values)
    if cells.type == "number":
        values, bad = numbers(held)
        low = -np.inf if cells.low is None else cells.low
        high = np.inf if cells.high is None else cells.high
        bad |= (values < low) | (values > high)
        problems.add(table, f"{name} unreadable or out of range", bad, "value set to missing")
        return np.where(bad, np.nan, values)
    words = texts(held)
    if cells.labels:
        bad = (words != "") & ~np.isin(words, cells.labels)
        problems.add(table, f"{name} has no declared label", bad, "value set to missing")
        words = np.where(bad, "", words)
    return words


def kinds_of(study: Declaration, frame: pd.DataFrame) -> Int64s:
    """The kinds of each row, bit i for kind i; 1 for all where the study declares none."""
    if study.kinds is None:
        return np.ones(len(frame), np.int64)
    bits = np.zeros(len(frame), np.int64)
    for place, kind in enumerate(study.kinds.kind):
        bits |= frame[kind.column].isin(kind.labels).to_numpy().astype(np.int64) << place
    return bits


def read_spells(
    study: Declaration, cohort: Cohort, spells: Spells, problems: Problems
) -> pd.DataFrame:
    """Parts of spells: person (pseudonym), start, end (inf = open), category and exit as names.

    What begins after the observation is left out; what ends after it is still open.
    """
    raw = read_table(study, cohort, spells, problems)
    observed = day_number(study.observation.end)
    start = raw[spells.start].to_numpy(dtype=float)
    end = start if spells.end is None else raw[spells.end].to_numpy(dtype=float)
    lost = problems.add(spells.table, f"no {spells.start}", np.isnan(start), "row left out")
    lost = lost | problems.add(spells.table, "ends before it starts", end < start, "row left out")
    lost |= problems.add(
        spells.table, "starts after the observation", start > observed, "row left out"
    )
    for column, labels in spells.where.items():
        other = ~raw[column].isin(labels).to_numpy()
        lost |= problems.add(spells.table, f"another {column}", other, "row left out")
    frame = pd.DataFrame(
        {
            "person": raw["person"],
            "start": start,
            "end": np.where(np.isnan(end) | (end > observed), np.inf, end),
            "category": _sorted(raw, spells.category),
            "exit": _sorted(raw, spells.exit),
        }
    )
    return frame[~lost].reset_index(drop=True)


def _sorted(raw: pd.DataFrame, sorting: Sorting | None) -> np.ndarray:
    if sorting is None:
        return np.full(len(raw), "", dtype=object)
    names: Mapping[str, str] = {
        value: name for name, values in sorting.names.items() for value in values
    }
    return raw[sorting.column].map(names).fillna(sorting.other).to_numpy(dtype=object)


def _again(frame: pd.DataFrame, identifier: str | None) -> pd.Series:
    """Rows whose identifier stood before, in order of content so that row order says nothing."""
    if identifier is None:
        return pd.Series(np.zeros(len(frame), bool), index=frame.index)
    order = frame.sort_values(sorted(frame.columns), kind="stable").index
    again = frame.loc[order].duplicated(["person", identifier])
    return again.reindex(frame.index) & (frame[identifier] != "")
