"""A table that has passed the disclosure gate: all that figures and files accept."""

import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from blindlink.analyst.publish.tables import TOTAL, Column

CONFIDENTIAL, MISSING, NOT_APPLICABLE, LOW = "[c]", "[x]", "[z]", "[low]"
SHORTHAND: Mapping[str, str] = {
    CONFIDENTIAL: "confidential: withheld, because it is about few people, or because with it a "
    "figure about few people could be worked out from the others",
    MISSING: "not available: there is no figure, the notes say why",
    NOT_APPLICABLE: "not applicable: a figure would have no meaning here",
    LOW: "low: above zero, but it would round to zero",
}


@dataclass(frozen=True)
class SafeTable:
    """A released table. ``frame`` holds figures as published, NaN where ``marks`` has a shorthand.

    Both frames have the same shape. Labels and texts are text in ``frame`` and have no mark.
    """

    id: str
    title: str
    frame: pd.DataFrame
    marks: pd.DataFrame
    columns: Mapping[str, Column]
    notes: tuple[str, ...] = ()

    @cached_property
    def _values(self) -> dict[str, list[Any]]:
        return {name: self.frame[name].tolist() for name in self.columns}

    @cached_property
    def _marks(self) -> dict[str, list[Any]]:
        return {name: self.marks[name].tolist() for name in self.columns}

    @property
    def empty(self) -> bool:
        """Whether there is nothing to show but the notes."""
        return self.frame.empty

    def labels(self) -> list[str]:
        """The names of the label columns, in order."""
        return [name for name, column in self.columns.items() if column.kind == "label"]

    def figures(self) -> list[str]:
        """The names of the columns that hold numbers, in order."""
        return [name for name, c in self.columns.items() if c.kind not in ("label", "text")]

    def row(self, **labels: Hashable) -> int | None:
        """The position of the first row with these labels; None when there is none."""
        for position in self.rows(**labels):
            return position
        return None

    def rows(self, **labels: Hashable) -> Iterator[int]:
        """The positions of the rows with these labels; none when a label column is not there."""
        if any(name not in self.columns for name in labels):
            return
        wanted = {name: str(value) for name, value in labels.items()}
        for position in range(len(self.frame)):
            if all(self.label(position, name) == value for name, value in wanted.items()):
                yield position

    def label(self, row: int, column: str) -> str:
        """A label or text as it is printed."""
        return str(self._values[column][row])

    def value(self, row: int | None, column: str) -> float | None:
        """A published figure, or None where it is withheld, missing or there is no such cell."""
        if row is None or column not in self.columns:
            return None
        value = float(self._values[column][row])
        return None if math.isnan(value) else value

    def text(self, row: int | None, column: str, *, grouped: bool = True) -> str:
        """A cell as printed: figure, shorthand or label; [x] where there is no such cell."""
        if row is None or column not in self.columns:
            return MISSING
        if self.columns[column].kind in ("label", "text"):
            return self.label(row, column)
        mark = str(self._marks[column][row])
        if mark:
            return mark
        places = decimals(self.columns[column])
        value = float(self._values[column][row])
        return f"{value:,.{places}f}" if grouped else f"{value:.{places}f}"

    def shorthand(self) -> list[str]:
        """The shorthand that stands in this table, in the order in which it is explained."""
        used = set(self.marks.to_numpy().ravel().tolist())
        return [mark for mark in SHORTHAND if mark in used]

    def printed(self) -> pd.DataFrame:
        """The whole table as text, cell by cell as it is printed in files."""
        return pd.DataFrame(
            {
                name: pd.Series(
                    [self.text(row, name, grouped=False) for row in range(len(self.frame))],
                    dtype=object,
                )
                for name in self.columns
            },
            columns=list(self.columns),
        )


def decimals(column: Column) -> int:
    """How many decimals a column is published with."""
    return 0 if column.kind == "count" else column.decimals


def is_total(label: str) -> bool:
    """Whether a label marks a total."""
    return label == TOTAL
