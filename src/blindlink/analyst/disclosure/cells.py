"""The counts of all tables as unknowns, as an attacker would write them down.

Every count of every table is a cell. The same count in two tables (same column, same labels, same
value) is one cell. What everybody knows about cells is in ``relations``.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from blindlink.analyst.publish.tables import TOTAL, Table

Terms = tuple[tuple[int, int], ...]  # (cell, coefficient)
Labels = dict[str, Hashable]
Place = tuple[str, int, str]  # (table id, row, column)

# What readers need first. Of two counts that would do, the one of another table is withheld, and in
# these tables rather a part than the total over it.
WHOLES = {"flow", "engagement", "engagement_corrected", "outcomes", "chain", "deaths"}
HEADLINES = WHOLES | {"status", "substances"}


@dataclass(frozen=True)
class Relation:
    """``low <= sum(coefficient * cell) <= high``; ``high`` None means no upper limit."""

    terms: Terms
    low: int = 0
    high: int | None = 0


@dataclass
class Cells:
    """``value[i]`` is the true count of cell i; ``detail[i]`` how many labels it is split by,
    less for headlines.

    ``at`` finds a cell by (table id, row position, column).
    """

    value: list[int] = field(default_factory=list)
    detail: list[float] = field(default_factory=list)
    at: dict[Place, int] = field(default_factory=dict)
    relations: list[Relation] = field(default_factory=list)
    _known: dict[Hashable, int] = field(default_factory=dict)

    def find(self, key: Hashable) -> int | None:
        """The cell of an identity (column and labels), if any table has it."""
        return self._known.get(key)

    def add(self, key: Hashable, local: Hashable, value: int, detail: float) -> int:
        """The cell of ``key``, or one of its own (``local``) where another value has that key."""
        index = self._known.get(key)
        if index is not None and self.value[index] != value:
            key, index = local, self._known.get(local)
        if index is None:
            index = len(self.value)
            self._known[key] = index
            self.value.append(value)
            self.detail.append(detail)
        return index


def identity(labels: Labels, column: str) -> Hashable:
    """What a count counts: its column and every label that is not a total."""
    parts = tuple(sorted((name, str(label)) for name, label in labels.items() if label != TOTAL))
    return column, parts


def counts_of(table: Table) -> list[str]:
    """The names of a table's count columns."""
    return [name for name, column in table.columns.items() if column.kind == "count"]


def share_pairs(table: Table) -> list[tuple[str, str]]:
    """The distinct (numerator, denominator) pairs of a table's shares, in column order."""
    pairs = (
        (column.numerator, column.denominator)
        for column in table.columns.values()
        if column.kind == "share"
    )
    return list(dict.fromkeys((n, d) for n, d in pairs if n is not None and d is not None))


def cells_of(tables: Sequence[Table]) -> Cells:
    """All cells of all tables, without their relations."""
    cells = Cells()
    for table in tables:
        _add_cells(cells, table)
    return cells


def rows_of(table: Table) -> list[Labels]:
    """The labels of each row."""
    names = table.labels()
    if not names:
        return [{} for _ in range(len(table.frame))]
    columns = [table.frame[name] for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _add_cells(cells: Cells, table: Table) -> None:
    rows = rows_of(table)
    pairs = {name for name in table.labels() if len({*table.frame[name], TOTAL}) == 3}
    for position, column in enumerate(counts_of(table)):
        values = pd.to_numeric(table.frame[column], errors="coerce").to_numpy(dtype=float)
        for row, (labels, value) in enumerate(zip(rows, values, strict=True)):
            if np.isfinite(value):
                detail = _detail(table, labels, pairs) + position / 10
                local = (table.id, row, column)
                key = identity(labels, column)
                cells.at[local] = cells.add(key, local, round(value), detail)


def _detail(table: Table, labels: Labels, pairs: set[str]) -> float:
    """How dispensable a count is. The total over two parts is more so than either part."""
    detail = -2.0 if table.id in HEADLINES else 0.0
    for name, label in labels.items():
        if label != TOTAL:
            detail += 1
        elif name in pairs and table.id not in WHOLES:
            detail += 1.4
    return detail
