"""The bad cells of a table, by column and row, never by value; raised together at the end."""

from dataclasses import dataclass, field

import numpy as np

from blindlink.arrays import Int64s
from blindlink.errors import InputError

SHOWN = 20


@dataclass
class Problems:
    """The bad cells of one table."""

    rows: dict[tuple[str, str], Int64s] = field(default_factory=dict)

    def add(self, column: str, rows: Int64s, reason: str) -> None:
        """Note cells by 0-based row, once however often they are read."""
        if len(rows):
            before = self.rows.get((column, reason), rows)
            self.rows[column, reason] = np.union1d(before, rows)

    def counts(self) -> dict[str, int]:
        """How many cells of each column are bad, by the column's name."""
        columns: dict[str, Int64s] = {}
        for (column, _), rows in sorted(self.rows.items()):
            columns[column] = np.union1d(columns.get(column, rows), rows)
        return {column: len(rows) for column, rows in columns.items()}

    def check(self) -> None:
        """Raises InputError when any cell was bad; rows are counted from 1."""
        total = Tally()
        total.add(self, 0)
        total.check()


class Tally:
    """The bad cells of many tables: all are counted, the first are named."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str, str]] = []
        self._count = 0
        self._columns: dict[str, int] = {}

    def __bool__(self) -> bool:
        return self._count > 0

    def add(self, problems: Problems, first_row: int) -> None:
        """Add those of a table whose first row is ``first_row``, from 0."""
        for (column, reason), rows in problems.rows.items():
            self._count += len(rows)
            named = (rows[:SHOWN] + first_row + 1).tolist()
            self._found += [(row, column, reason) for row in named]
        for column, count in problems.counts().items():
            self._columns[column] = self._columns.get(column, 0) + count
        self._found = sorted(self._found)[:SHOWN]

    def take(self, other: "Tally") -> None:
        """Add another tally."""
        self._count += other._count
        for column, count in other._columns.items():
            self._columns[column] = self._columns.get(column, 0) + count
        self._found = sorted(self._found + other._found)[:SHOWN]

    def counts(self) -> dict[str, int]:
        """How many cells of each column are bad, by the column's name."""
        return dict(sorted(self._columns.items()))

    def check(self) -> None:
        """Raises InputError when any cell was bad; rows are counted from 1."""
        if not self._count:
            return
        cells = (f"row {row}, {column}: {reason}" for row, column, reason in self._found)
        more = f"; and {self._count - len(self._found)} more" if self._count > SHOWN else ""
        number = "1 cell is wrong" if self._count == 1 else f"{self._count} cells are wrong"
        raise InputError(f"{number}: {'; '.join(cells)}{more}")
