"""From a table and the pattern of what is withheld to what may be published of it.

A figure that derives from a withheld count is withheld too; the rest is rounded by the policy.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from blindlink.analyst.disclosure.methods import Shown
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.safe import (
    CONFIDENTIAL,
    LOW,
    MISSING,
    NOT_APPLICABLE,
    SafeTable,
    decimals,
)
from blindlink.analyst.disclosure.suppress import Pattern
from blindlink.analyst.disclosure.variables import Variables
from blindlink.analyst.disclosure.wording import check_text
from blindlink.analyst.publish.tables import Column, Table
from blindlink.errors import DisclosureError
from blindlink.schema.populations import Population

EXTREMES = {"min", "max", "minimum", "maximum", "smallest", "largest"}
CHECKS = (
    "small counts",
    "complements",
    "totals",
    "derived figures",
    "extremes",
    "dominance",
    "wording",
)
TOLERANCE = 0.051  # percentage points: shares may come rounded to one decimal


@dataclass(frozen=True)
class TableAudit:
    """What the gate did to one table: cells by what happened to them and why."""

    id: str
    rows: int
    cells: int
    published: int
    withheld: dict[str, int]
    checks: tuple[str, ...]


def published(
    table: Table, made: Variables, pattern: Pattern, policy: Policy, prints: Shown
) -> tuple[SafeTable, TableAudit]:
    maker = _Maker(table, made, pattern, policy, prints)
    frame: dict[str, pd.Series[Any]] = {}
    marks: dict[str, pd.Series[Any]] = {}
    columns = {name: c for name, c in table.columns.items() if c.kind != "largest"}
    for name, column in columns.items():
        if column.kind in ("label", "text"):
            frame[name] = pd.Series([_word(v, policy) for v in table.frame[name]], dtype=object)
            marks[name] = pd.Series("", index=frame[name].index, dtype=object)
        else:
            figures_made = [maker.figure(row, name) for row in range(len(table.frame))]
            frame[name] = pd.Series([value for value, _ in figures_made], dtype=float)
            marks[name] = pd.Series([mark for _, mark in figures_made], dtype=object)
    names = list(columns)
    safe = SafeTable(
        table.id,
        check_text(table.title, policy),
        pd.DataFrame(frame, columns=names),
        pd.DataFrame(marks, columns=names),
        columns,
        (*(check_text(note, policy) for note in table.notes), *_method_note(policy)),
    )
    figures = len(table.frame) * len(safe.figures())
    withheld = dict(sorted(maker.why.items()))
    published = int(safe.frame[safe.figures()].notna().to_numpy().sum())
    return safe, TableAudit(table.id, len(table.frame), figures, published, withheld, maker.checks)


def _method_note(policy: Policy) -> list[str]:
    """What a reader has to know of the method, under each table."""
    if policy.method == "round":
        return [
            f"Counts are rounded to a multiple of {policy.base}, up or down so that tables add up."
        ]
    if policy.method == "cell-key":
        return [
            f"Counts carry random noise of 0 on average, variance {policy.noise_variance}, "
            f"{policy.noise_most} at most, so that tables do not quite add up. No count from 1 to "
            f"{policy.threshold - 1} is shown."
        ]
    return []


def _word(value: object, policy: Policy) -> str:
    missing = value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return MISSING if missing or value == "" else check_text(str(value), policy)


class _Maker:
    """Makes one table's figures, and counts why some are not there."""

    def __init__(
        self, table: Table, made: Variables, pattern: Pattern, policy: Policy, prints: Shown
    ) -> None:
        self.table, self.cells, self.pattern, self.policy = table, made, pattern, policy
        self.prints = prints
        self.why: Counter[str] = Counter()
        self.numbers = {
            name: pd.to_numeric(table.frame[name], errors="coerce").astype(float).tolist()
            for name, column in table.columns.items()
            if column.kind not in ("label", "text")
        }
        self.checks = CHECKS
        self.largest = {c.of: name for name, c in table.columns.items() if c.kind == "largest"}

    def figure(self, row: int, name: str) -> tuple[float, str]:
        """The published value and the shorthand, of which exactly one says something."""
        value = self.numbers[name][row]
        column = self.table.columns[name]
        if not math.isfinite(value):  # none, or the odds ratio of an empty group
            mark = NOT_APPLICABLE if self._is_reference(row, column) else MISSING
            return math.nan, mark
        reason = self._reason(row, name)
        if reason:
            self.why[reason] += 1
            return math.nan, CONFIDENTIAL
        value = self._rounded(row, name, value)
        if math.isnan(value):
            return math.nan, NOT_APPLICABLE
        shown = round(value, decimals(column)) + 0.0
        if shown == 0 and value > 0:
            return math.nan, LOW
        return shown, ""

    def _is_reference(self, row: int, column: Column) -> bool:
        """A bound of an odds ratio that is 1 by definition has no meaning."""
        return column.of is not None and self.numbers[column.of][row] == 1

    def _reason(self, row: int, name: str, depth: int = 0) -> str | None:
        column = self.table.columns[name]
        if not self.policy.extremes and EXTREMES & set(name.lower().split("_")):
            return "minimum or maximum"
        if column.kind == "count":
            return self.pattern.reasons.get(self.cells.at[self.table.id, row, name])
        if self._dominated(row, name):
            return "dominated by one unit"
        if column.kind == "share":
            self._check_share(row, name, column)
            return self._withheld(row, column.numerator) or self._withheld(row, column.denominator)
        if column.of is not None and depth < 3:
            return self._reason(row, column.of, depth + 1)
        if column.base is None:
            return "no base count"
        for population in self._rests_on(row, name):
            v = self.cells.find(population)
            if v is not None and v in self.pattern.reasons:
                return "derived from a withheld count"
        return self._withheld(row, column.base)

    def _rests_on(self, row: int, name: str) -> tuple[Population, ...]:
        declared = self.table.rests_on.get(name)
        return declared[row] if declared else ()

    def _dominated(self, row: int, name: str) -> bool:
        limit, largest = self.policy.dominance_percent, self.largest.get(name)
        if limit is None or largest is None:
            return False
        return abs(self.numbers[largest][row]) * 100 > limit * abs(self.numbers[name][row])

    def _withheld(self, row: int, count: str | None) -> str | None:
        cell = self.cells.at.get((self.table.id, row, count)) if count else None
        if cell is None:
            return "no base count"
        return "derived from a withheld count" if cell in self.pattern.reasons else None

    def _check_share(self, row: int, name: str, column: Column) -> None:
        part = self.cells.at.get((self.table.id, row, column.numerator or ""))
        whole = self.cells.at.get((self.table.id, row, column.denominator or ""))
        if part is None or whole is None or self.cells.count(whole) == 0:
            return
        share = 100 * self.cells.count(part) / self.cells.count(whole)
        if abs(share - self.numbers[name][row]) > TOLERANCE:
            raise DisclosureError(
                f"table {self.table.id}, column {name}: not numerator over denominator in percent",
                hint="a share that is another quotient cannot be checked; make it an estimate",
            )

    def _rounded(self, row: int, name: str, value: float) -> float:
        """The value as the policy's method leaves it."""
        column = self.table.columns[name]
        if column.kind == "count":
            return float(self.prints.value[self.cells.at[self.table.id, row, name]])
        source = name if column.kind == "share" else column.of
        if not self.policy.changes:
            return value
        share = self.table.columns[source] if source else column
        if share.kind != "share" or not share.numerator or not share.denominator:
            return self._coarse(row, share, value)
        part = self.cells.at[self.table.id, row, share.numerator]
        whole = self.cells.at[self.table.id, row, share.denominator]
        shown, count = self.prints.value[whole], self.cells.count(whole)
        if shown == 0 or count == 0:
            return math.nan
        shift = 100 * (self.prints.value[part] / shown - self.cells.count(part) / count)
        return float(np.clip(value + shift, 0, 100).round(max(0, _places(shown))))

    def _coarse(self, row: int, column: Column, value: float) -> float:
        """A percentage that is no share of two counts, in steps that stand for the protection
        level: else it would tell the count that the method has just changed."""
        cell = self.cells.at.get((self.table.id, row, column.base or ""))
        if cell is None or not column.description.endswith("(%)"):
            return value
        return float(np.round(value, _places(self.prints.value[cell] // self.policy.width)))


def _places(whole: int) -> int:
    """Decimals of a percentage whose last one stands for at least one unit of ``whole``."""
    return math.floor(math.log10(whole / 100)) if whole else -1
