"""Populations of a table that declares none: its labels are the dimensions.

A count column counts units of its own name; the rows under a label column are the levels of that
dimension, in all tables that are checked together, and ``All`` is no condition. The numerator of a
share is a part of its denominator. What does not add up (groups that overlap) must be said in
``totals``: then the labels tell populations apart and nothing more. A label whose dimension the
table declares (``Table.dimensions``) may have folds: values that stand for several levels.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from blindlink.analyst.publish.tables import TOTAL, Table
from blindlink.errors import DisclosureError
from blindlink.schema.populations import Condition, Dimension, Kinds, Population, kinds, population

REST = "(not shown)"
YES, NO = "yes", "no"
Declared = dict[tuple[str, str], Sequence[Population | None]]


def populations_of(tables: Sequence[Table], *, apart: bool = False) -> Declared:
    """For each table and count column the population of each row.

    ``apart``: columns of one name in two tables count different units. Raises DisclosureError
    where a total is less than its parts.
    """
    levels = _levels(tables)
    made: Declared = {}
    for table in tables:
        counts = [name for name, column in table.columns.items() if column.kind == "count"]
        for name in counts:
            declared = table.populations.get(name)
            made[table.id, name] = (
                declared if declared is not None else _of(table, name, levels, apart)
            )
    return made


def _levels(tables: Sequence[Table]) -> dict[str, Kinds]:
    """Each label that is a dimension: a level wherever a total is more than its parts is the rest.

    A label is a dimension unless some table says that it does not add up.
    """
    seen: dict[str, dict[str, None]] = defaultdict(dict)
    opaque = set()
    given: dict[str, Kinds] = {}
    for table in tables:
        given |= table.dimensions
        if all(n in table.populations for n, c in table.columns.items() if c.kind == "count"):
            continue
        for name in table.labels():
            if table.totals.get(name) is False:
                opaque.add(name)
            seen[name] |= dict.fromkeys(map(str, table.frame[name]))
            if not {name} & (opaque | {*given}) and _more_than_parts(table, name):
                seen[name][REST] = None
    found = {
        name: kinds(name, [level for level in values if level != TOTAL] or [REST])
        for name, values in seen.items()
        if name not in opaque
    }
    return found | given


def _more_than_parts(table: Table, name: str) -> bool:
    """Whether some total over this label is more than the rows under it."""
    others = [other for other in table.labels() if other != name]
    more = False
    for count in (n for n, c in table.columns.items() if c.kind == "count"):
        values = pd.to_numeric(table.frame[count], errors="coerce")
        totals: dict[Hashable, float] = {}
        sums: dict[Hashable, float] = defaultdict(float)
        labels = table.frame[[name, *others]].astype(str).itertuples(index=False)
        for row, value in zip(labels, values, strict=True):
            if np.isfinite(value) and row[0] == TOTAL:
                totals[row[1:]] = float(value)
            elif np.isfinite(value):
                sums[row[1:]] += float(value)
        for key, total in totals.items():
            if key in sums and sums[key] > total:
                raise DisclosureError(
                    f"table {table.id}, column {count}: the rows under {name} are more than "
                    "their total",
                    hint=f"if groups overlap, say so: totals = {{'{name}': False}}",
                )
            more |= key in sums and sums[key] < total
    return more


def _of(table: Table, name: str, levels: dict[str, Kinds], apart: bool) -> list[Population]:
    whole = _wholes(table).get(name)
    unit, parts = _unit(table, name)
    unit = f"{table.id}: {unit}" if apart else unit
    split = _split_by(table, name, whole) if whole else set()
    if whole and split and _complete(table, name, whole, split):
        parts = parts[1:]  # the rows are the whole: being counted is having one of the labels
    same = _constant(table, name) if name in _wholes(table).values() else set()
    rows = []
    # Not itertuples: without a label pandas 2 gives no row, and the table would have no population.
    for labels in table.frame[table.labels()].astype(str).to_numpy().tolist():
        conditions = [*parts]
        for label, level in zip(table.labels(), labels, strict=True):
            if label in same:
                continue
            if label in levels:
                conditions += [] if level == TOTAL else [levels[label].of(level)]
            else:
                conditions.append(Dimension(f"{table.id}: {label} {level}", (YES, NO)).of(YES))
        rows.append(population(unit, *conditions))
    return rows


def _wholes(table: Table) -> dict[str, str]:
    """The counts that are parts of another: numerators of shares, and what a column says."""
    said = {n: c.of for n, c in table.columns.items() if c.kind == "count" and c.of}
    return said | {
        column.numerator: column.denominator
        for column in table.columns.values()
        if column.kind == "share"
        and column.numerator
        and column.denominator
        and column.numerator != column.denominator
    }


def _constant(table: Table, name: str) -> set[str]:
    """The labels along which a denominator stays the same: its parts are split by them, not it."""
    found = set()
    for label in table.labels():
        others = [other for other in table.labels() if other != label]
        frame = table.frame
        groups = frame.groupby(others, sort=False)[name] if others else [((), frame[name])]
        values = [group for _, group in groups]
        if values and all(len(v) > 1 and v.nunique(dropna=False) == 1 for v in values):
            found.add(label)
    return found


def _split_by(table: Table, name: str, whole: str) -> set[str]:
    return _constant(table, whole) if name != whole else set()


def _complete(table: Table, name: str, whole: str, split: set[str]) -> bool:
    """Whether the rows of each split add up to the denominator."""
    frame = table.frame
    for label in split:
        frame = frame[frame[label].astype(str) != TOTAL]
    others = [other for other in table.labels() if other not in split]
    groups = frame.groupby(others, sort=False) if others else [((), frame)]
    return all(group[name].sum() == group[whole].iloc[0] for _, group in groups)


def _unit(table: Table, name: str) -> tuple[str, list[Condition]]:
    """The unit of a count, and the conditions that make it a part: a numerator of its whole."""
    wholes = _wholes(table)
    conditions: list[Condition] = []
    seen = {name}
    while (whole := wholes.get(name)) is not None and whole not in seen:
        conditions.append(Dimension(f"of {whole}: {name}", (YES, NO)).of(YES))
        name = whole
        seen.add(name)
    return table.columns[name].unit or name, conditions
