"""Random linked tables through the gate, written, read back from the files and attacked."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blindlink.analyst.disclosure.attack import Reader
from blindlink.analyst.disclosure.gate import release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.variables import Relation
from blindlink.analyst.publish.files import files_of, write_new
from blindlink.analyst.publish.tables import Table
from worlds.file_attack import bounds, read, truth
from worlds.sample_tables import count, label, share

WIDTH = {"suppress": 5, "round": 4, "cell-key": 5}


def linked(seed: int) -> list[Table]:
    """Three tables about the same people: region by sex, by age, and alone, with totals."""
    random = np.random.default_rng(seed)
    chosen = random.dirichlet(np.ones(24), size=1)[0]
    people = random.multinomial(random.choice([120, 600, 4000]), chosen).reshape(4, 2, 3)
    engaged = random.binomial(people, random.choice([0.04, 0.5, 0.96]))
    names = (("N", "S", "E", "W"), ("F", "M"), ("16", "18", "25"))
    return [
        _table("by_sex", people.sum(axis=2), engaged.sum(axis=2), names[:2], ("region", "sex")),
        _table("by_age", people.sum(axis=1), engaged.sum(axis=1), names[::2], ("region", "age")),
        _table(
            "by_region",
            people.sum(axis=(1, 2))[:, None],
            engaged.sum(axis=(1, 2))[:, None],
            (names[0], ("All",)),
            ("region", "sex"),
        ),
    ]


def _table(name: str, whole: Any, part: Any, levels: Any, labels: tuple[str, str]) -> Table:
    rows = []
    across = [*levels[1]] if levels[1] == ("All",) else [*levels[1], "All"]
    for i, first in enumerate([*levels[0], "All"]):
        for j, second in enumerate(across):
            at = (
                slice(None) if first == "All" else slice(i, i + 1),
                slice(None) if second == "All" else slice(j, j + 1),
            )
            n, k = int(whole[at].sum()), int(part[at].sum())
            rows.append((first, second, n, k, 100 * k / n if n else np.nan))
    columns = {
        labels[0]: label(labels[0]),
        labels[1]: label(labels[1]),
        "people": count("people"),
        "engaged": count("engaged"),
        "share": share("share", "engaged", "people"),
    }
    return Table(name, name, pd.DataFrame(rows, columns=list(columns)), columns)


@pytest.mark.parametrize("method", list(WIDTH))
@pytest.mark.parametrize("seed", range(6))
def test_the_written_files_keep_every_small_number(seed: int, method: Any, tmp_path: Path) -> None:
    tables = linked(seed)
    safe, audit = release(tables, Policy(method=method), secret=bytes(range(16)))
    write_new(files_of(safe), tmp_path / "out")
    found = bounds(read(tmp_path / "out" / "tables"), truth(tables), method, threshold=5)
    assert audit.exposed == 0
    for secret, width in found:
        assert width >= WIDTH[method] - 1e-6, (secret, width)


def test_the_attack_finds_what_a_gate_without_complements_leaves_open(tmp_path: Path) -> None:
    """So that the tests above can fail."""
    exposed = 0
    for seed in range(6):
        tables = linked(seed)
        safe, _ = release(tables, Policy(secondary=False))
        write_new(files_of(safe), tmp_path / f"out{seed}")
        files = read(tmp_path / f"out{seed}" / "tables")
        exposed += sum(width < 5 for _, width in bounds(files, truth(tables), "suppress", 5))
    assert exposed > 0


# What a reader infers of tables whose bounds others have published, or that follow by hand.
PROBLEMS: dict[str, tuple[list[tuple[list[int], int]], int, tuple[int, int]]] = {
    # Investment by activity and region, Fischetti and Salazar (2000): rows 20 50 10, 8 19 22,
    # 17 32 12; the corners 8, 22, 17 and 12 withheld. Of 22 a reader knows 5 to 30.
    "two-way": ([([0, 1], 30), ([2, 3], 29), ([0, 2], 25), ([1, 3], 34)], 1, (5, 30)),
    # One cell withheld alone: the total gives it away.
    "alone": ([([0], 8)], 0, (8, 8)),
    # Two withheld in a row whose column totals are out: each is known.
    "singleton": ([([0, 1], 7), ([0], 3)], 1, (4, 4)),
    # Zero-restricted: three cells of a row add up to nothing.
    "zero-restricted": ([([0, 1, 2], 0)], 1, (0, 0)),
    # Three linked rows: x + y + z = 40, z + u = 25, x + u = 30 give y = 35 - 2z, so z is at most
    # 17 in whole counts (17.5 otherwise).
    "linked": ([([0, 1, 2], 40), ([2, 3], 25), ([0, 3], 30)], 2, (0, 17)),
}


@pytest.mark.parametrize("name", list(PROBLEMS))
def test_the_reader_finds_the_known_bounds(name: str) -> None:
    sums, wanted, (low, high) = PROBLEMS[name]
    number = 1 + max(v for members, _ in sums for v in members)
    relations = [Relation(tuple((v, 1) for v in members), total, total) for members, total in sums]
    who = Reader(number, relations, {}, {})
    found, real = who.exact(((wanted, 1),)), who.range(((wanted, 1),))
    assert (found.low, found.high, found.proven) == (low, high, True)
    assert low - 1 < real.low <= low
    assert high <= real.high < high + 1
