"""An attacker who reads a whole release: every table, total and percentage, in one linear program.

It shares no code with the gate and knows nothing of what tables mean. It runs the public program on
cohorts of its own and notes which counts are always equal, which are always the sum of two
others, and which make up a total. Then it reads the released cells of a cohort that it does not
know, and bounds every count that was withheld. The gate has failed if a small one is bounded too
tightly.
"""

from collections import defaultdict
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from scipy.sparse import coo_array

from blindlink.analyst.disclosure.curves import coarsen
from blindlink.analyst.disclosure.gate import release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.publish.tables import Table
from blindlink.studies.probation_treatment.analysis import analyse
from blindlink.studies.probation_treatment.definitions import Settings
from worlds import simulated

THRESHOLD = 5
TELLING = 30
ATTACKED = 60  # secrets bounded, evenly over all
Key = tuple[str, tuple[str, ...], str]  # table, labels, column
Sums = list[tuple[Key, tuple[Key, ...]]]  # a count and the counts that make it up


def tables_of(seed: int, requirements: int = 800) -> list[Table]:
    """Every table of the study, models too."""
    cohort = simulated.known_study(requirements=requirements, seed=seed, controls=300).cohort
    found = analyse(cohort, Settings(replicates=50), seed=1)
    return [coarsen(table, THRESHOLD) for table in found if len(table.frame)]


def counts(tables: list[Table]) -> dict[Key, int]:
    """Every count of every table."""
    found: dict[Key, int] = {}
    for table in tables:
        labels = table.frame[table.labels()].astype(str).itertuples(index=False, name=None)
        keys = list(labels) if table.labels() else [()] * len(table.frame)
        for name, column in table.columns.items():
            if column.kind == "count":
                values = pd.to_numeric(table.frame[name], errors="coerce")
                found |= {
                    (table.id, key, name): int(value)
                    for key, value in zip(keys, values, strict=True)
                    if np.isfinite(value)
                }
    return found


def learned(cohorts: list[dict[Key, int]]) -> tuple[list[list[Key]], Sums]:
    """Groups of counts that are always equal, and sums that always hold."""
    everywhere = sorted(set.intersection(*(set(each) for each in cohorts)))
    # Small counts are equal, and add up, by chance.
    keys = [key for key in everywhere if min(each[key] for each in cohorts) >= TELLING]
    values = np.array([[each[key] for each in cohorts] for key in keys])
    alike: dict[bytes, list[Key]] = defaultdict(list)
    for key, row in zip(keys, values, strict=True):
        alike[row.tobytes()].append(key)
    first = {data: group[0] for data, group in alike.items()}
    rows = np.array([np.frombuffer(data, dtype=values.dtype) for data in alike])
    names = list(first.values())
    sums: Sums = []
    for at, row in enumerate(rows):
        for other, whole in enumerate((rows + row)[: at + 1]):
            name = first.get(whole.tobytes())
            if name is not None:
                sums.append((name, (names[at], names[other])))
    return list(alike.values()), sums + _totals(cohorts, everywhere)


def _totals(cohorts: list[dict[Key, int]], keys: list[Key]) -> Sums:
    """Over each label of each table: the parts that always add up to the row called All."""
    found: Sums = []
    present = set(keys)
    groups: dict[tuple[Key, int], list[Key]] = defaultdict(list)
    for table, labels, column in keys:
        for place, label in enumerate(labels):
            if label != "All":
                total = (table, (*labels[:place], "All", *labels[place + 1 :]), column)
                groups[total, place].append((table, labels, column))
    for (total, _), parts in groups.items():
        if total in present and all(
            sum(each[part] for part in parts) == each[total] for each in cohorts
        ):
            found.append((total, tuple(parts)))
    return found


def bounds_of(
    released: dict[Key, str],
    groups: list[list[Key]],
    sums: Sums,
    shares: list[tuple[Key, Key, str]],
) -> tuple[dict[Key, int], "LinearProgram"]:
    """The unknowns of the attack, and the program over them."""
    place: dict[Key, int] = {}
    number = 0
    for group in groups:
        for key in group:
            place[key] = number
        number += 1
    for key in released:
        if key not in place:
            place[key], number = number, number + 1
    low, high = np.zeros(number), np.full(number, np.inf)
    for key, text in released.items():
        if text.isdecimal():
            low[place[key]] = high[place[key]] = float(text)
    program = LinearProgram(low, high)
    for whole, parts in sums:
        program.equal([(place[whole], -1.0), *((place[part], 1.0) for part in parts)])
    for part, whole, text in shares:
        program.least([(place[whole], 1.0), (place[part], -1.0)])
        if not text.startswith("["):
            share = float(text) / 100
            program.least([(place[part], 1.0), (place[whole], -(share - 0.00051))])
            program.least([(place[part], -1.0), (place[whole], share + 0.00051)])
    return place, program


class LinearProgram:
    """Counts between bounds, equations and inequalities (>= 0)."""

    def __init__(self, low: np.ndarray, high: np.ndarray) -> None:
        self.low, self.high = low, high
        self.rows: dict[str, list[list[tuple[int, float]]]] = {"equal": [], "least": []}

    def equal(self, terms: list[tuple[int, float]]) -> None:
        self.rows["equal"].append(terms)

    def least(self, terms: list[tuple[int, float]]) -> None:
        self.rows["least"].append(terms)

    def width(self, at: int) -> float:
        """How far apart the ends of an unknown are."""
        cost = np.zeros(len(self.low))
        cost[at] = 1
        equal, least = (self._matrix(name) for name in ("equal", "least"))
        ends = []
        for sign in (1, -1):
            found = linprog(
                sign * cost, A_eq=equal, b_eq=np.zeros(equal.shape[0]), A_ub=-least,
                b_ub=np.full(least.shape[0], 1e-7), bounds=np.column_stack([self.low, self.high]),
            )  # fmt: skip
            assert found.status in (0, 3, 4), found.message
            ends.append(-np.inf if found.fun is None else found.fun)
        return float(-ends[1] - ends[0])

    @cache  # noqa: B019
    def _matrix(self, name: str) -> coo_array:
        entries = [(i, c, f) for i, terms in enumerate(self.rows[name]) for c, f in terms]
        rows, columns, factors = np.array(entries).T
        shape = (len(self.rows[name]), len(self.low))
        return coo_array((factors, (rows.astype(int), columns.astype(int))), shape=shape).tocsr()


@pytest.fixture(scope="module")
def known() -> tuple[list[list[Key]], Sums]:
    return learned([counts(tables_of(seed, 2000)) for seed in (101, 102, 103, 104)])


def test_the_attacker_learns_what_anybody_could(known: tuple[list[list[Key]], Sums]) -> None:
    groups, sums = known
    assert any(len({table for table, _, _ in group}) > 3 for group in groups)
    assert len(sums) > 200


def test_no_small_count_of_a_release_can_be_worked_out(
    known: tuple[list[list[Key]], Sums],
) -> None:
    tables = tables_of(7)
    true = counts(tables)
    safe, audit = release(tables, Policy(threshold=THRESHOLD))
    printed = {table.id: table.printed() for table in safe}
    released: dict[Key, str] = {}
    shares: list[tuple[Key, Key, str]] = []
    for table in tables:
        texts = printed[table.id]
        labels = table.frame[table.labels()].astype(str).itertuples(index=False, name=None)
        for row, key in enumerate(labels):
            for name, column in table.columns.items():
                where = (table.id, key, name)
                if column.kind == "count" and where in true:
                    released[where] = str(texts[name].iloc[row])
                elif column.kind == "share" and column.numerator and column.denominator:
                    part, whole = (
                        (table.id, key, n) for n in (column.numerator, column.denominator)
                    )
                    if part in true and whole in true:
                        shares.append((part, whole, str(texts[name].iloc[row])))
    groups, sums = known
    groups = [[key for key in group if key in true] for group in groups]
    groups = [part for group in groups for part in _equal_parts(group, true)]
    sums = [
        (whole, parts)
        for whole, parts in sums
        if {whole, *parts} <= true.keys() and true[whole] == sum(true[part] for part in parts)
    ]
    place, program = bounds_of(released, groups, sums, shares)
    secrets = sorted(
        {place[key]: key for key, value in true.items() if 0 < value < THRESHOLD}.items()
    )
    assert audit.exposed == 0
    assert len(secrets) > 20
    some = secrets[:: max(1, len(secrets) // ATTACKED)]
    tight = [key for at, key in some if program.width(at) < THRESHOLD - 1e-6]
    assert tight == []


def _equal_parts(group: list[Key], true: dict[Key, int]) -> list[list[Key]]:
    """A group without chance: what was equal in the attacker's cohorts may differ in this one."""
    by_value: dict[int, list[Key]] = defaultdict(list)
    for key in group:
        by_value[true[key]].append(key)
    return list(by_value.values())
