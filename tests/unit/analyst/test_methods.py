"""Controlled rounding and noise: what is printed, and that tables add up or noise is as it says."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from blindlink.analyst.disclosure.gate import release
from blindlink.analyst.disclosure.methods import noise_table
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.publish.tables import Table
from blindlink.errors import InputError
from worlds.sample_tables import by_group, count, engagement, label, split

SECRET = bytes(range(16))
NOISE = Policy(method="cell-key")
ROUND = Policy(method="round")


def grid(values: np.ndarray) -> Table:
    """A two-way table with all its totals."""
    rows: list[tuple[Any, ...]] = []
    m, n = values.shape
    for i in range(m + 1):
        for j in range(n + 1):
            part = values[i : i + 1] if i < m else values
            part = part[:, j : j + 1] if j < n else part
            names = (f"r{i}" if i < m else "All", f"c{j}" if j < n else "All")
            rows.append((*names, int(part.sum())))
    columns = {"row": label("row"), "column": label("column"), "people": count("people")}
    return Table("grid", "grid", pd.DataFrame(rows, columns=list(columns)), columns)


def printed(table: Table, policy: Policy, secret: bytes = SECRET) -> dict[tuple[str, str], int]:
    safe, audit = release([table], policy, secret=secret)
    assert audit.exposed == 0
    rows = safe[0].printed().to_dict("records")
    return {(r["row"], r["column"]): int(r["people"]) for r in rows}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("base", [5, 10])
def test_rounded_tables_add_up_and_no_count_moves_by_a_whole_base(seed: int, base: int) -> None:
    values = np.random.default_rng(seed).choice([0, 1, 2, 4, 7, 33, 512], size=(4, 3))
    found = printed(grid(values), Policy(method="round", rounding=base))
    true = printed(grid(values), Policy(threshold=1, group_disclosure=False))
    assert all(value % base == 0 for value in found.values())
    assert all(abs(found[cell] - true[cell]) < base for cell in true)
    rows, columns = [f"r{i}" for i in range(4)], [f"c{j}" for j in range(3)]
    for i in (*rows, "All"):
        assert found[i, "All"] == sum(found[i, j] for j in columns)
    for j in (*columns, "All"):
        assert found["All", j] == sum(found[i, j] for i in rows)


@pytest.mark.parametrize(
    ("threshold", "most", "variance"), [(5, 8, 9), (3, 5, 3), (10, 15, 30), (5, 20, 64)]
)
def test_the_table_of_noise_is_what_it_says(threshold: int, most: int, variance: int) -> None:
    noise = np.arange(-most, most + 1)
    table = noise_table(threshold, most, variance)
    assert table.sum(axis=1) == pytest.approx(1)
    assert (table >= 0).all()
    assert table @ noise == pytest.approx(0, abs=0.01)
    assert table[0, most] == 1
    for true, row in enumerate(table):
        shown = true + noise[row > 0]
        assert ((shown == 0) | (shown >= threshold)).all()
    free = table[threshold + most // 2 :]
    assert free @ noise**2 == pytest.approx(variance, rel=0.01)


def test_the_noise_that_is_drawn_has_the_published_variance() -> None:
    frame = pd.DataFrame({"group": [f"g{i}" for i in range(4000)], "people": 1000})
    table = Table("t", "t", frame, {"group": label("group"), "people": count("people")})
    safe, _ = release([table], NOISE, secret=SECRET)
    noise = safe[0].frame["people"] - 1000
    assert noise.mean() == pytest.approx(0, abs=4 * 3 / np.sqrt(4000))
    assert noise.var() == pytest.approx(9, rel=0.1)
    assert noise.abs().max() <= NOISE.noise_most


def test_equal_groups_have_equal_noise_in_every_table_and_release() -> None:
    one, other = engagement(), by_group()
    first, _ = release([one, other], NOISE, secret=SECRET)
    alone, _ = release([one], NOISE, secret=SECRET)
    assert first[0].printed().equals(alone[0].printed())
    another, _ = release([one], NOISE, secret=b"another secret of 16 bytes")
    assert not first[0].printed().equals(another[0].printed())


@pytest.mark.parametrize("policy", [ROUND, NOISE], ids=["round", "cell-key"])
def test_no_small_count_is_printed_and_shares_are_of_what_is_printed(policy: Policy) -> None:
    safe, audit = release([by_group()], policy, secret=SECRET)
    frame = safe[0].frame
    for name in ("requirements", "engaged"):
        assert not frame[name].between(1, 4).any()
    told = 100 * frame["engaged"] / frame["requirements"]
    assert frame["share"].to_numpy() == pytest.approx(told.to_numpy(), abs=0.51)
    assert audit.narrowest is not None
    assert audit.narrowest >= policy.width
    assert "Counts" in safe[0].notes[-1]


def test_nothing_is_withheld_for_being_small() -> None:
    for policy in (ROUND, NOISE):
        safe, _ = release([split("t", {"a": 3, "b": 20, "c": 500})], policy, secret=SECRET)
        assert "[c]" not in safe[0].printed()["people"].tolist()


def test_noise_needs_a_secret() -> None:
    with pytest.raises(InputError, match="no secret"):
        release([split("t", {"a": 3, "b": 20})], NOISE)


@pytest.mark.parametrize(
    "fields",
    [
        {"method": "cell-key", "rounding": 5},
        {"method": "cell-key", "noise_most": 4},
        {"method": "cell-key", "noise_variance": 64},
        {"method": "round", "rounding": 3},
        {"method": "swap"},
    ],
)
def test_a_policy_that_would_protect_nothing_is_none(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Policy(**fields)


def test_another_method_is_no_stricter_policy() -> None:
    assert ROUND.weaker_than(NOISE)
    assert Policy().weaker_than(NOISE)
    assert "method" in NOISE.weaker_than(Policy())
