"""An attacker of our own: linear programming over what is printed, sharing no code with the gate.

It reads the released text of random tables, writes down every total, share and complement that
anybody could, and tries to bound each withheld count. The gate has failed if one is bounded too
tightly.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, linprog, milp

from blindlink.analyst.disclosure.gate import release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.publish.tables import Table
from worlds.sample_tables import count, label, share

THRESHOLD = 5


def cross(name: str, parts: np.ndarray, wholes: np.ndarray) -> Table:
    """A two-way table of numerators and denominators with all its totals."""
    rows = []
    for i in range(parts.shape[0] + 1):
        for j in range(parts.shape[1] + 1):
            at = (
                slice(None) if i == parts.shape[0] else i,
                slice(None) if j == parts.shape[1] else j,
            )
            part, whole = int(parts[at].sum()), int(wholes[at].sum())
            names = (
                "All" if i == parts.shape[0] else f"r{i}",
                "All" if j == parts.shape[1] else f"c{j}",
            )
            rows.append((*names, whole, part, 100 * part / whole if whole else np.nan))
    columns = {
        "row": label("row"),
        "column": label("column"),
        "people": count("people"),
        "engaged": count("engaged"),
        "share": share("share", "engaged", "people"),
    }
    return Table(name, name, pd.DataFrame(rows, columns=list(columns)), columns)


def attack(texts: pd.DataFrame, parts: np.ndarray, wholes: np.ndarray) -> list[tuple[int, float]]:
    """(true count, width of what linear programming leaves) of each small number withheld."""
    m, n = parts.shape
    cells = [(i, j, k) for i in range(m) for j in range(n) for k in range(2)]
    index = {cell: at for at, cell in enumerate(cells)}
    true = np.array([(wholes, parts)[k][i, j] for i, j, k in cells])
    equations, values, upper, limits = [], [], [], []

    def line(i: str, j: str, k: int) -> np.ndarray:
        vector = np.zeros(len(cells))
        for a in range(m) if i == "All" else [int(i[1:])]:
            for b in range(n) if j == "All" else [int(j[1:])]:
                vector[index[a, b, k]] = 1
        return vector

    secrets = []
    rows: Any = texts.itertuples(index=False)
    for row in rows:
        whole, part = (line(row.row, row.column, k) for k in range(2))
        for vector, text in ((whole, row.people), (part, row.engaged)):
            if text != "[c]":
                equations.append(vector)
                values.append(float(text))
        for vector in (whole, part, whole - part):
            if 0 < vector @ true < THRESHOLD:
                secrets.append(vector)
        upper.append(part - whole)
        limits.append(0.0)
        if not row.share.startswith("["):
            share_now = float(row.share) / 100
            upper += [
                part - (share_now + 0.0005001) * whole,
                (share_now - 0.0005001) * whole - part,
            ]
            limits += [0.0, 0.0]
    found = []
    for vector in secrets:
        ends = []
        for sign in (1, -1):
            result = linprog(
                sign * vector,
                A_ub=np.array(upper),
                b_ub=np.array(limits) + 1e-9,
                A_eq=np.array(equations) if equations else None,
                b_eq=np.array(values) if equations else None,
                bounds=(0, None),
            )
            ends.append(-np.inf if result.status in (3, 4) else result.fun)
        found.append((int(vector @ true), -ends[1] - ends[0]))
    return found


def attack_changed(
    texts: pd.DataFrame, parts: np.ndarray, wholes: np.ndarray, reach: int
) -> list[tuple[int, float]]:
    """The same where every count is printed, and lies at most ``reach`` from the true one.

    In whole numbers. Percentages are those of the printed counts and say nothing more.
    """
    m, n = parts.shape
    size = m * n
    true = np.r_[wholes.ravel(), parts.ravel()]
    rows, low, high, secrets = [], [], [], []
    for row in texts.to_dict("records"):
        inside = np.zeros((m, n))
        inside[
            slice(None) if row["row"] == "All" else int(row["row"][1:]),
            slice(None) if row["column"] == "All" else int(row["column"][1:]),
        ] = 1
        whole, part = np.r_[inside.ravel(), np.zeros(size)], np.r_[np.zeros(size), inside.ravel()]
        for vector, text in ((whole, row["people"]), (part, row["engaged"])):
            if text != "[c]":
                rows.append(vector)
                low.append(max(float(text) - reach, float(text != "0")))
                high.append(float(text) + reach)
            if 0 < vector @ true < THRESHOLD:
                secrets.append(vector)
        rows.append(whole - part)
        low.append(0.0)
        high.append(np.inf)
        if 0 < (whole - part) @ true < THRESHOLD:
            secrets.append(whole - part)
        if not row["share"].startswith("["):
            told = 100 * float(row["engaged"]) / float(row["people"])
            assert float(row["share"]) == pytest.approx(min(told, 100.0), abs=0.5)
    found = []
    for vector in secrets:
        ends = [
            milp(
                side * vector,
                integrality=np.ones(2 * size),
                constraints=LinearConstraint(np.array(rows), low, high),
            ).fun
            for side in (1, -1)
        ]
        found.append((int(vector @ true), -ends[1] - ends[0]))
    return found


shapes = st.tuples(st.integers(1, 4), st.integers(1, 3))


@settings(max_examples=30)
@given(shape=shapes, seed=st.integers(0, 10_000), group=st.booleans())
def test_no_small_number_can_be_worked_out(shape: tuple[int, int], seed: int, group: bool) -> None:
    random = np.random.default_rng(seed)
    wholes = random.choice([0, 1, 3, 6, 9, 25, 400], size=shape)
    parts = random.binomial(wholes, random.choice([0.05, 0.5, 0.97]))
    policy = Policy(threshold=THRESHOLD, group_disclosure=group)
    safe, audit = release([cross("t", parts, wholes)], policy)
    for true, width in attack(safe[0].printed(), parts, wholes):
        assert width >= THRESHOLD - 1e-6, (true, width, safe[0].printed().to_string())
    assert audit.exposed == 0


@pytest.mark.parametrize(("method", "reach", "width"), [("round", 4, 4), ("cell-key", 8, 5)])
@settings(max_examples=15)
@given(shape=shapes, seed=st.integers(0, 10_000))
def test_no_small_number_can_be_worked_out_of_changed_counts(
    method: Any, reach: int, width: int, shape: tuple[int, int], seed: int
) -> None:
    random = np.random.default_rng(seed)
    wholes = random.choice([0, 1, 3, 6, 9, 25, 400], size=shape)
    parts = random.binomial(wholes, random.choice([0.05, 0.5, 0.97]))
    policy = Policy(threshold=THRESHOLD, method=method)
    safe, audit = release([cross("t", parts, wholes)], policy, secret=random.bytes(16))
    for true, left in attack_changed(safe[0].printed(), parts, wholes, reach):
        assert left >= width, (true, left, safe[0].printed().to_string())
    assert audit.exposed == 0


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_what_is_published_is_true(seed: int) -> None:
    random = np.random.default_rng(seed)
    wholes = random.choice([2, 12, 60, 300], size=(3, 2))
    parts = random.binomial(wholes, 0.3)
    table = cross("t", parts, wholes)
    safe, _ = release([table], Policy())
    for name in ("people", "engaged"):
        shown = safe[0].frame[name]
        assert (shown.dropna() == table.frame[name][shown.notna()]).all()


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), base=st.sampled_from([5, 10]))
def test_rounded_counts_are_multiples(seed: int, base: int) -> None:
    random = np.random.default_rng(seed)
    wholes = random.integers(0, 400, size=(3, 2))
    parts = random.binomial(wholes, 0.3)
    safe, _ = release([cross("t", parts, wholes)], Policy(rounding=base))
    for name in ("people", "engaged"):
        assert (safe[0].frame[name].dropna() % base == 0).all()
