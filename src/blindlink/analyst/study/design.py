"""The covariates of a logistic model: which columns, which reference, and what was left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.regression import independent_columns
from blindlink.arrays import Bools, Floats, Int64s

RARE = "rare levels together"
REFERENCE = "reference"


@dataclass(frozen=True)
class Category:
    """A characteristic of the rows: their values, its levels in order, and the reference wanted.

    ``unknown``: the level that says nothing; it becomes the reference only where there is no other.
    """

    name: str
    values: pd.Series
    levels: Sequence[str]
    reference: str
    unknown: str


@dataclass(frozen=True)
class Term:
    """One row of a model table; ``column`` is its place in the matrix, None for a reference."""

    variable: str
    level: str
    column: int | None
    rows: Bools


@dataclass(frozen=True)
class Design:
    """A matrix with an intercept first, its rows among the cases, and what was left out."""

    X: Floats
    rows: Int64s
    terms: tuple[Term, ...]
    notes: tuple[str, ...]


def matrix(
    outcome: Bools,
    numbers: Mapping[str, tuple[Floats, float]],
    categories: Sequence[Category],
    minimum_level: int,
    units: str,
) -> Design:
    """A design over all rows. ``numbers``: by name the values, without gaps, and their unit.

    Numbers are centred. Levels with fewer than ``minimum_level`` rows, with or without the outcome,
    are joined. ``units``: what the rows are, for the notes.
    """
    builder = _Builder(outcome, minimum_level, units)
    for name, (values, unit) in numbers.items():
        builder.number(name, values, unit)
    for category in categories:
        builder.category(category)
    return builder.finish()


class _Builder:
    def __init__(self, outcome: Bools, minimum_level: int, units: str) -> None:
        self.columns: list[Floats] = [np.ones(len(outcome))]
        self.terms: list[Term] = []
        self.everybody = np.ones(len(outcome), dtype=bool)
        self.outcome, self.minimum_level, self.units = outcome, minimum_level, units

    def number(self, name: str, values: Floats, unit: float) -> None:
        self.terms.append(Term(name, "", len(self.columns), self.everybody))
        self.columns.append((values - values.mean()) / unit if len(values) else values)

    def category(self, category: Category) -> None:
        values, name = category.values, category.name
        joined = values.where(~values.isin(self._rare(values)), RARE)
        seen = set(joined.unique())
        names = [level for level in category.levels if level in seen]
        if not names:
            return
        reference = self._reference(category, joined, names)
        self.terms.append(Term(name, f"{reference} ({REFERENCE})", None, _is(joined, reference)))
        rare = [RARE] if RARE in seen else []
        for level in (*(n for n in names if n != reference), *rare):
            inside = _is(joined, level)
            if level == RARE and not self._varies(inside):
                # Too few to say anything, and they must not sit in the reference unseen.
                self.everybody = self.everybody & ~inside
                continue
            self.terms.append(Term(name, level, len(self.columns), inside))
            self.columns.append(inside.astype(float))

    def finish(self) -> Design:
        keep = self.everybody
        X = np.column_stack(self.columns)[keep]
        fine = independent_columns(X)
        place = np.where(fine, np.cumsum(fine) - 1, -1)
        terms = [
            Term(t.variable, t.level, t.column and int(place[t.column]), t.rows[keep])
            for t in self.terms
            if t.column is None or fine[t.column]
        ]
        notes = []
        if not keep.all():
            notes.append(
                f"{self.units.capitalize()} with a rare level that no model can speak of are left "
                "out."
            )
        if not fine.all():
            notes.append("Levels that follow from other columns are left out.")
        return Design(X[:, fine], np.flatnonzero(keep), tuple(terms), tuple(notes))

    def _rare(self, values: pd.Series) -> list[str]:
        return [level for level in values.unique() if not self._varies(_is(values, level))]

    def _varies(self, inside: Bools) -> bool:
        with_outcome = int((inside & self.outcome).sum())
        return min(with_outcome, int(inside.sum()) - with_outcome) >= self.minimum_level

    def _reference(self, category: Category, values: pd.Series, names: list[str]) -> str:
        known = [name for name in names if name != category.unknown] or names
        sizes = values.value_counts()
        largest = max(known, key=lambda name: (sizes[name], name))
        return category.reference if category.reference in names else largest


def _is(values: pd.Series, level: str) -> Bools:
    return np.asarray(values == level, dtype=bool)
