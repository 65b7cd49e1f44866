"""The matching engine against anonlink, as ratios in one process: ``make bench``.

One-core figures are processor time on one core, so that other work on the machine does not count.
Every case first checks that both sides find the same pairs.
"""

import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filters
import numpy as np
import pytest
from ratios import Ratio, compare, one_core, write

from blindlink.linker import engines
from blindlink.linker.assignment import assign
from blindlink.linker.engines.anonlink import bitarrays
from blindlink.linker.pairs import by_score

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "performance.md"
SIZE, LONG_SIZE = (4000, 100_000), (2000, 50_000)


@pytest.fixture(scope="module")
def ratios() -> Iterator[list[Ratio]]:
    """What the cases found; written to the page at the end when all of them ran."""
    found: list[Ratio] = []
    yield found
    if len(found) == len(JOINS) + 3:
        write(PAGE, found)


JOINS = [
    ("1024 bits, bitsPerToken, t = .7", "token", 0.7, SIZE, 18),
    ("1024 bits, bitsPerToken, t = .8", "token", 0.8, SIZE, 25),
    ("1024 bits, bitsPerToken, t = .9", "token", 0.9, SIZE, 40),
    ("1024 bits, bitsPerToken, t = .95", "token", 0.95, SIZE, 60),
    ("1024 bits, bitsPerFeature, t = .7", "feature", 0.7, SIZE, 12),
    ("1024 bits, bitsPerFeature, t = .8", "feature", 0.8, SIZE, 16),
    ("1024 bits, bitsPerFeature, t = .9", "feature", 0.9, SIZE, 32),
    ("1024 bits, bitsPerFeature, t = .95", "feature", 0.95, SIZE, 42),
    ("2048 bits, bitsPerToken, t = .8", "token-2048", 0.8, SIZE, 25),
    ("4096 bits, diffused, fill .5, t = .55", "diffused", 0.55, LONG_SIZE, 6),
    ("4096 bits, composite, fill .04, t = .15", "sparse", 0.15, LONG_SIZE, 50),
]


@pytest.mark.parametrize(("work", "kind", "threshold", "size", "wanted"), JOINS)
def bench_join(
    benchmark: Any,
    ratios: list[Ratio],
    work: str,
    kind: str,
    threshold: float,
    size: tuple[int, int],
    wanted: float,
) -> None:
    from anonlink.similarities import dice_coefficient

    left, right = filters.files(kind, *size)
    both = bitarrays(left), bitarrays(right)
    engine = engines.load("sliced")
    with one_core():
        found = engine.pairs(left, right, threshold)
        # anonlink loses some pairs that lie exactly at the threshold.
        assert len(found) - (found.score == threshold).sum() <= len(
            dice_coefficient(both, threshold)[0]
        )
        ratio = compare(
            work,
            lambda: engine.pairs(left, right, threshold),
            lambda: dice_coefficient(both, threshold),
            wanted,
            clock=time.process_time,
            note=f"{size[0] * size[1] / 1e6:.0f} M comparisons, {len(found):,} pairs, one core",
        )
        benchmark.extra_info["ratio"] = ratio.value
        benchmark.pedantic(engine.pairs, (left, right, threshold), rounds=5)
    ratios.append(ratio)


def bench_both_cores(benchmark: Any, ratios: list[Ratio]) -> None:
    """All cores of this machine against one of them."""
    left, right = filters.files("token", *SIZE)
    engine = engines.load("sliced")

    def on_one_core() -> None:
        with one_core():
            engine.pairs(left, right, 0.7)

    ratio = compare(
        "all cores over one, t = .7",
        lambda: engine.pairs(left, right, 0.7),
        on_one_core,
        1.8,
        rounds=9,
    )
    benchmark.extra_info["ratio"] = ratio.value
    benchmark.pedantic(engine.pairs, (left, right, 0.7), rounds=5)
    ratios.append(ratio)


def bench_assignment(benchmark: Any, ratios: list[Ratio]) -> None:
    """Greedy one-to-one assignment of ten million candidates in order of score."""
    from anonlink.solving import greedy_solve

    left, right, score = _candidates(10_000_000)
    files = array("I", bytes(4 * len(score))), array("I", np.ones(len(score), np.uint32).tobytes())
    rows = tuple(array("I", side.astype(np.uint32).tobytes()) for side in (left, right))
    candidates = array("d", score.tobytes()), files, rows
    wanted = sorted((a[1], b[1]) for a, b in map(sorted, greedy_solve(candidates)))
    chosen = assign(left, right, score)
    assert sorted(zip(left[chosen].tolist(), right[chosen].tolist(), strict=True)) == wanted
    ratio = compare(
        "greedy assignment of 10 M candidates",
        lambda: assign(left, right, score),
        lambda: greedy_solve(candidates),
        10,
        clock=time.process_time,
        note=f"{len(wanted):,} links, one core",
    )
    benchmark.extra_info["ratio"] = ratio.value
    benchmark.pedantic(assign, (left, right, score), rounds=5)
    ratios.append(ratio)


def bench_candidates_in_order(benchmark: Any, ratios: list[Ratio]) -> None:
    """Sort ten million candidates by score, left, right: against numpy's sort by three columns."""
    left, right, score = _candidates(10_000_000)
    shuffled = np.random.default_rng(1).permutation(len(score))
    left, right, score = left[shuffled], right[shuffled], score[shuffled]
    ratio = compare(
        "sort 10 M candidates, over numpy.lexsort",
        lambda: by_score(score, left, right),
        lambda: np.lexsort((right, left, -score)),
        1,
        clock=time.process_time,
    )
    benchmark.pedantic(by_score, (score, left, right), rounds=5)
    ratios.append(ratio)


def _candidates(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Candidates among a million records a side, few distinct scores, in the documented order."""
    rng = np.random.default_rng(0)
    cells = np.unique(rng.integers(0, 10**12, count))
    left, right = cells // 10**6, cells % 10**6
    score = np.round(rng.beta(2, 6, len(cells)) * 0.3 + 0.7, 3)
    order = by_score(score, left, right)
    return left[order], right[order], score[order]
