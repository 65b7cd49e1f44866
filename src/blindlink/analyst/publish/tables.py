"""A statistic's result: a tidy table that knows which counts stand behind each of its columns.

A statistic computes; the disclosure gate (``blindlink.analyst.disclosure``) decides what may be
published and needs to know, for every figure, the counts that it would reveal. Hence each column
says what it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from blindlink.schema.populations import Kinds, Population

Kind = Literal[
    "label",  # a dimension: requirement, sex, day ...
    "count",  # a number of units; disclosive when small
    "share",  # numerator / denominator as a percentage
    "low",  # lower bound of the interval of the column named by ``of``
    "high",  # upper bound, likewise
    "estimate",  # any other figure (rate, odds ratio, mean); ``base`` counts the units behind it
    "text",  # a comment on the row
    "largest",  # the largest contribution of one unit to the column ``of``; never published
]

TOTAL = "All"


@dataclass(frozen=True)
class Column:
    """What one column holds.

    ``numerator`` and ``denominator`` name the count columns of a share; ``of`` names the column
    that a bound belongs to, or the count column that a count is a part of; ``base`` names the count
    column of the units behind an estimate; ``decimals`` is the precision for printing; ``unit`` is
    what a count counts where that is not its column's name.
    """

    kind: Kind
    description: str
    numerator: str | None = None
    denominator: str | None = None
    of: str | None = None
    base: str | None = None
    decimals: int = 0
    unit: str | None = None


@dataclass(frozen=True)
class Declared:
    """A relation between populations: ``low <= sum(coefficient * count) <= high``; None: no limit.

    For what set algebra on one kind of unit does not say: people are at most as many as their
    sentences.
    """

    terms: tuple[tuple[Population, int], ...]
    low: int | None = 0
    high: int | None = 0


@dataclass(frozen=True)
class Table:
    """One result. ``frame`` is tidy: one row per combination of the label columns.

    ``populations``: for each count column what each row counts; the disclosure gate derives every
    relation from it. A column without populations takes them from its labels: see
    ``disclosure.defaults``; ``dimensions`` says of a label what its values stand for where they are
    not levels of one dimension, one each. ``relations`` hold beside these. ``rests_on``: for a
    column of estimates the populations behind each row beside those of ``base``. ``headline``: its
    figures are withheld last.

    In a label column the value ``All`` marks the total over the other values of that column, unless
    ``totals`` names that column False (values that do not add up, such as overlapping groups).
    A missing figure is NaN and ``notes`` says why; an impossible analysis has no rows but a note.
    ``id`` is the stem of file names: ``engagement``, ``entry_curves``.
    """

    id: str
    title: str
    frame: pd.DataFrame
    columns: Mapping[str, Column]
    notes: tuple[str, ...] = ()
    totals: Mapping[str, bool] = field(default_factory=dict)
    populations: Mapping[str, Sequence[Population | None]] = field(default_factory=dict)
    dimensions: Mapping[str, Kinds] = field(default_factory=dict)
    relations: tuple[Declared, ...] = ()
    rests_on: Mapping[str, Sequence[tuple[Population, ...]]] = field(default_factory=dict)
    headline: bool = False

    def __post_init__(self) -> None:
        if list(self.frame.columns) != list(self.columns):
            raise ValueError(f"table {self.id}: the frame's columns are not those described")
        for name, declared in (*self.populations.items(), *self.rests_on.items()):
            if len(declared) != len(self.frame):
                raise ValueError(f"table {self.id}, column {name}: not a population for each row")

    def labels(self) -> list[str]:
        """The names of the label columns, in order."""
        return [name for name, column in self.columns.items() if column.kind == "label"]


def heading(columns: Mapping[str, Column], name: str, *, whole: bool = False) -> str:
    """A column's name as a heading that says its unit; ``whole``: two bounds under one heading.

    Estimates of other units than per cent are headed by what they are: "Deaths per 1,000
    person-years".
    """
    column = columns[name]
    if column.kind in ("low", "high"):
        of, stem = column.of or "", name.removesuffix(f"_{column.kind}")
        unit = " (%)" if of in columns and _in_percent(columns[of]) else ""
        if stem in (of, column.kind):
            return f"{_words(of)}: interval{'' if whole else f', {column.kind}'}{unit}"
        return f"{_words(stem)}{'s' if whole else f', {column.kind}'}{unit}"
    if column.kind == "estimate" and not _in_percent(column):
        return column.description
    return _words(name) + (" (%)" if _in_percent(column) else "")


def _in_percent(column: Column) -> bool:
    return column.kind == "share" or column.description.endswith("(%)")


def _words(name: str) -> str:
    words = name.replace("_", " ")
    return words if words == TOTAL or words.isupper() else words[:1].upper() + words[1:]
