"""The covariates of the models: which columns, which reference, and what had to be left out."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.regression import independent_columns
from blindlink.arrays import Bools, Floats, Int64s
from blindlink.studies.probation_treatment.definitions import Definitions
from blindlink.studies.probation_treatment.groups import UNKNOWN, grouped, levels

RARE = "rare levels together"
REFERENCE = "reference"

_NUMBERS = {
    "Age (per 10 years)": ("age_at_sentence", 10.0),
    "Sentence date (per year later)": ("sentence_date", 365.25),
    "Sentence length (per half year)": ("sentence_length_days", 182.625),
}
_CATEGORIES = {
    "Sex": "sex",
    "Ethnicity": "ethnicity",
    "Main offence": "offence_category",
    "Accommodation": "accommodation_status",
    "OGRS3 score": "ogrs_band",
    "RSR score": "rsr_band",
    "Type of order": "order_type",
}
_TERMINATION = {"End of the order": "termination_reason"}


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


def design(cases: pd.DataFrame, outcome: Bools, rules: Definitions, *, termination: bool) -> Design:
    """The design of an access or outcome model over ``cases`` (a clean index from 0).

    Numbers are centred. Cases without one of the numbers are left out; missing categories are a
    level. Levels with fewer than ``minimum_level`` cases, with or without the outcome, are joined.
    """
    complete = np.ones(len(cases), dtype=bool)
    used = {n: c for n, c in _NUMBERS.items() if cases[c[0]].notna().sum() > 1}
    for column, _ in used.values():
        complete &= cases[column].notna().to_numpy()
    kept = grouped(cases[complete], rules).reset_index(drop=True)
    notes = [f"{name} is not in the release." for name in _NUMBERS if name not in used]
    lost = int((~complete).sum())
    if lost:
        notes.append("Requirements without age, date or sentence length are not in the model.")
    builder = _Builder(len(kept), outcome[complete], rules)
    for name, (column, unit) in used.items():
        builder.number(name, kept[column].to_numpy(), unit)
    for name, column in (_CATEGORIES | (_TERMINATION if termination else {})).items():
        builder.category(name, column, kept[column])
    return builder.finish(np.flatnonzero(complete), notes)


class _Builder:
    def __init__(self, size: int, outcome: Bools, rules: Definitions) -> None:
        self.columns: list[Floats] = [np.ones(size)]
        self.terms: list[Term] = []
        self.everybody = np.ones(size, dtype=bool)
        self.outcome, self.rules = outcome, rules

    def number(self, name: str, values: Floats, unit: float) -> None:
        self.terms.append(Term(name, "", len(self.columns), self.everybody))
        self.columns.append((values - values.mean()) / unit if len(values) else values)

    def category(self, name: str, column: str, values: pd.Series) -> None:
        joined = values.where(~values.isin(self._rare(values)), RARE)
        names = [*levels(column, joined[joined != RARE], self.rules)]
        if not names:
            return
        reference = self._reference(column, joined, names)
        self.terms.append(Term(name, f"{reference} ({REFERENCE})", None, _is(joined, reference)))
        rare = [RARE] if (joined == RARE).any() else []
        for level in (*(n for n in names if n != reference), *rare):
            inside = _is(joined, level)
            if level == RARE and not self._varies(inside):
                # Too few to say anything, and they must not sit in the reference unseen.
                self.everybody = self.everybody & ~inside
                continue
            self.terms.append(Term(name, level, len(self.columns), inside))
            self.columns.append(inside.astype(float))

    def finish(self, rows: Int64s, notes: list[str]) -> Design:
        keep = self.everybody
        X = np.column_stack(self.columns)[keep]
        fine = independent_columns(X)
        place = np.where(fine, np.cumsum(fine) - 1, -1)
        terms = [
            Term(t.variable, t.level, t.column and int(place[t.column]), t.rows[keep])
            for t in self.terms
            if t.column is None or fine[t.column]
        ]
        if not keep.all():
            notes.append("Requirements with a rare level that no model can speak of are left out.")
        if not fine.all():
            notes.append("Levels that follow from other columns are left out.")
        return Design(X[:, fine], rows[keep], tuple(terms), tuple(notes))

    def _rare(self, values: pd.Series) -> list[str]:
        return [level for level in values.unique() if not self._varies(_is(values, level))]

    def _varies(self, inside: Bools) -> bool:
        with_outcome = int((inside & self.outcome).sum())
        return min(with_outcome, int(inside.sum()) - with_outcome) >= self.rules.minimum_level

    def _reference(self, column: str, values: pd.Series, names: list[str]) -> str:
        wanted = self.rules.references.get(column, "")
        known = [name for name in names if name != UNKNOWN] or names
        sizes = values.value_counts()
        return wanted if wanted in names else max(known, key=lambda name: (sizes[name], name))


def _is(values: pd.Series, level: str) -> Bools:
    return np.asarray(values == level, dtype=bool)
