"""The bad cells of a table, by column and row, never by value; raised together at the end.

A note is less than a problem: a cell that says nothing, such as a default of its system, counts as
missing, and a date that does not exist keeps the parts that do. Notes are counted and end no run.
"""

from dataclasses import dataclass, field

import numpy as np

from blindlink.arrays import Int64s
from blindlink.errors import InputError

SHOWN = 20  # groups of equal problems
ROWS = 5  # of each group
PLACEHOLDER = "says nothing: counts as missing"
NO_SUCH_DAY = "is a date that does not exist: the parts that do are used"
Counts = dict[tuple[str, str], int]


@dataclass
class Problems:
    """The bad cells of one table, what is only noted, and the form that a column of dates has."""

    rows: dict[tuple[str, str], Int64s] = field(default_factory=dict)
    notes: dict[tuple[str, str], Int64s] = field(default_factory=dict)
    forms: dict[str, str | None] = field(default_factory=dict)

    def add(self, column: str, rows: Int64s, reason: str) -> None:
        """Note cells by 0-based row, once however often they are read."""
        _union(self.rows, (column, reason), rows)

    def note(self, column: str, rows: Int64s, what: str) -> None:
        """Count cells that end no run."""
        _union(self.notes, (column, what), rows)

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


def _union(kept: dict[tuple[str, str], Int64s], key: tuple[str, str], rows: Int64s) -> None:
    if len(rows):
        kept[key] = np.union1d(kept.get(key, rows), rows)


class Tally:
    """The bad cells of many tables: all are counted, the first of each kind are named."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], list[int]] = {}
        self._counts: Counts = {}
        self._columns: dict[str, int] = {}
        self._forms: dict[str, str | None] = {}
        self.notes: Counts = {}

    def __bool__(self) -> bool:
        return bool(self._counts)

    def add(self, problems: Problems, first_row: int) -> None:
        """Add those of a table whose first row is ``first_row``, from 0."""
        for key, rows in problems.rows.items():
            self._more(key, len(rows), (rows[:ROWS] + first_row + 1).tolist())
        for key, rows in problems.notes.items():
            self.notes[key] = self.notes.get(key, 0) + len(rows)
        for column, count in problems.counts().items():
            self._columns[column] = self._columns.get(column, 0) + count
        self._forms_of(problems.forms)

    def take(self, other: "Tally") -> None:
        """Add another tally."""
        for key, count in other._counts.items():
            self._more(key, count, other._first[key])
        for key, count in other.notes.items():
            self.notes[key] = self.notes.get(key, 0) + count
        for column, count in other._columns.items():
            self._columns[column] = self._columns.get(column, 0) + count
        self._forms_of(other._forms)

    def _more(self, key: tuple[str, str], count: int, rows: list[int]) -> None:
        self._counts[key] = self._counts.get(key, 0) + count
        self._first[key] = sorted({*self._first.get(key, []), *rows})[:ROWS]

    def _forms_of(self, forms: dict[str, str | None]) -> None:
        for column, form in forms.items():
            self._forms[column] = form if self._forms.get(column, form) == form else None

    def counts(self) -> dict[str, int]:
        """How many cells of each column are bad, by the column's name."""
        return dict(sorted(self._columns.items()))

    def check(self) -> None:
        """Raises InputError when any cell was bad; rows are counted from 1."""
        if not self._counts:
            return
        total = sum(self._counts.values())
        groups = sorted(self._counts, key=lambda key: (self._first[key], key))
        said = [self._said(key) for key in groups[:SHOWN]]
        if left := sum(self._counts[key] for key in groups[SHOWN:]):
            said.append(f"and {left} of other kinds")
        number = "1 cell is wrong" if total == 1 else f"{total} cells are wrong"
        raise InputError(f"{number}: {'; '.join(said)}", hint=self._hint())

    def _said(self, key: tuple[str, str]) -> str:
        """``row 4, sex: is no code``, or ``rows 1, 2, 3, 4, 5 and 61 more, sex: ...``."""
        (column, reason), rows = key, self._first[key]
        more = self._counts[key] - len(rows)
        word = "row" if len(rows) == 1 else "rows"
        named = ", ".join(map(str, rows)) + (f" and {more} more" if more else "")
        return f"{word} {named}, {column}: {reason}"

    def _hint(self) -> str:
        for column, form in self._forms.items():
            if form and column in self._columns:
                line = f'COLUMN = {{ name = "{column}", format = "{form}" }}'
                return (
                    f"every date of {column} can be read with the format {form!r}: say so with "
                    f"--map, in a line such as {line} with your file's name of the column"
                )
        return (
            "correct the input file; rows count from 1, without the header. --bad-cells missing "
            "counts such cells as missing"
        )
