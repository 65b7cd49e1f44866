"""The matching engine against anonlink, as ratios in one process: ``make bench``.

One-core figures are processor time on one core, so that other work on the machine does not count.
anonlink's time is proportional to the pairs compared, so it compares a part of the files, at the
size where its rate is best. Every case first checks that both find the same pairs in that part.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from array import array
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import filters
import numpy as np
import pytest
from ratios import Ratio, compare, machine, one_core, table, write

from blindlink.linker.join import engines
from blindlink.linker.join.engines.anonlink import bitarrays
from blindlink.linker.join.pairs import by_score
from blindlink.linker.model.assignment import assign
from blindlink.messages.encodings import Encodings, write_encodings

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "performance.md"
FOUND = Path(__file__).parent.parent / ".benchmarks" / "engines.json"
LARGE, PART = (8000, 200_000), (4000, 25_000)
LONG, LONG_PART = (8000, 100_000), (4000, 6_000)
MILLION = 1_000_000
WHOLE = (40_000, 1_000_000)
_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, capture_output=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


Figures = dict[str, dict[str, Any]]  # what each case found, by its name


@pytest.fixture(scope="module")
def figures() -> Iterator[Figures]:
    """What the cases found, also those of an earlier run of a part; a full set makes the page."""
    found: Figures = json.loads(FOUND.read_text()) if FOUND.exists() else {}
    yield found
    FOUND.parent.mkdir(exist_ok=True)
    FOUND.write_text(json.dumps(found, indent=1))
    if set(found) == _cases():
        write(PAGE, _parts(found))
        FOUND.unlink()


JOINS = [
    ("1024 bits, bitsPerToken, fill .31, t = .7", "token", 0.7, LARGE, PART, 18),
    ("t = .8", "token", 0.8, LARGE, PART, 25),
    ("t = .9", "token", 0.9, LARGE, PART, 40),
    ("t = .95", "token", 0.95, LARGE, PART, 60),
    ("1024 bits, bitsPerFeature, fill .40, t = .7", "feature", 0.7, LARGE, PART, 12),
    ("t = .8", "feature", 0.8, LARGE, PART, 16),
    ("t = .9", "feature", 0.9, LARGE, PART, 32),
    ("t = .95", "feature", 0.95, LARGE, PART, 42),
    ("2048 bits, bitsPerToken, t = .8", "token-2048", 0.8, LONG, LONG_PART, 25),
    ("4096 bits, diffused, fill .5, t = .55", "diffused", 0.55, LONG, LONG_PART, 6),
    ("4096 bits, composite, fill .05, t = .15", "sparse", 0.15, LONG, LONG_PART, 50),
]
OTHERS = ("cores", "assignment", "order")
SMALL = [("1024 bits, bitsPerToken, t = .8", "token", 0.8, PART, PART, 0)]


@pytest.mark.parametrize(("work", "kind", "threshold", "size", "part", "wanted"), JOINS)
def bench_join(
    benchmark: Any,
    figures: Figures,
    work: str,
    kind: str,
    threshold: float,
    size: tuple[int, int],
    part: tuple[int, int],
    wanted: float,
) -> None:
    """A large join, whose cost is that of comparing."""
    figures[f"{kind} {threshold}"] = asdict(
        _join(benchmark, work, kind, threshold, size, part, wanted)
    )


@pytest.mark.parametrize(("work", "kind", "threshold", "size", "part", "wanted"), SMALL)
def bench_small_join(
    benchmark: Any,
    figures: Figures,
    work: str,
    kind: str,
    threshold: float,
    size: tuple[int, int],
    part: tuple[int, int],
    wanted: float,
) -> None:
    """The same files on both sides, so small that preparing them weighs."""
    figures["small"] = asdict(_join(benchmark, work, kind, threshold, size, part, wanted))


def _join(
    benchmark: Any,
    work: str,
    kind: str,
    threshold: float,
    size: tuple[int, int],
    part: tuple[int, int],
    wanted: float,
) -> Ratio:
    from anonlink.similarities import dice_coefficient

    left, right = filters.files(kind, *size)
    some = left[: part[0]], right[: part[1]]
    both = bitarrays(some[0]), bitarrays(some[1])
    engine = engines.load("sliced")
    with one_core():
        found = engine.pairs(*some, threshold)
        # anonlink loses some pairs that lie exactly at the threshold.
        theirs = len(dice_coefficient(both, threshold)[0])
        assert len(found) - (found.score == threshold).sum() <= theirs <= len(found)
        ratio = compare(
            work,
            (lambda: engine.pairs(left, right, threshold), size[0] * size[1]),
            (lambda: dice_coefficient(both, threshold), part[0] * part[1]),
            wanted,
            clock=time.process_time,
        )
        benchmark.extra_info["ratio"] = ratio.value
        benchmark.pedantic(engine.pairs, (left, right, threshold), rounds=1)
    return ratio


def bench_both_cores(benchmark: Any, figures: Figures) -> None:
    """All cores of this machine against one of them, by the clock, on a join of some seconds."""
    left, right = filters.files("token", 5 * LARGE[0], 4 * LARGE[1])
    engine = engines.load("sliced")

    def on_one_core() -> None:
        with one_core():
            engine.pairs(left, right, 0.7)

    cores = len(os.sched_getaffinity(0))
    ratio = compare(
        f"{cores} cores over one, t = .7",
        (lambda: engine.pairs(left, right, 0.7), 1),
        (on_one_core, 1),
        1.8,
        rounds=5,
        note="by the clock",
    )
    benchmark.extra_info["ratio"] = ratio.value
    benchmark.pedantic(engine.pairs, (left, right, 0.7), rounds=1)
    figures["cores"] = asdict(ratio)


def bench_assignment(benchmark: Any, figures: Figures) -> None:
    """Greedy one-to-one assignment of ten million candidates; anonlink's of one million.

    Both have ten candidates per record. anonlink's rate does not rise with their number.
    """
    from anonlink.solving import greedy_solve

    left, right, score = _candidates(MILLION)
    files = array("I", bytes(4 * len(score))), array("I", np.ones(len(score), np.uint32).tobytes())
    rows = tuple(array("I", side.astype(np.uint32).tobytes()) for side in (left, right))
    candidates = array("d", score.tobytes()), files, rows
    wanted = sorted((a[1], b[1]) for a, b in map(sorted, greedy_solve(candidates)))
    chosen = assign(left, right, score)
    assert sorted(zip(left[chosen].tolist(), right[chosen].tolist(), strict=True)) == wanted
    many = _candidates(10 * MILLION)
    ratio = compare(
        "greedy assignment of 10 M candidates",
        (lambda: assign(*many), len(many[0])),
        (lambda: greedy_solve(candidates), len(score)),
        10,
        clock=time.process_time,
        note="over anonlink, which assigns 1 M; one core",
    )
    benchmark.extra_info["ratio"] = ratio.value
    benchmark.pedantic(assign, many, rounds=1)
    figures["assignment"] = asdict(ratio)


def bench_candidates_in_order(benchmark: Any, figures: Figures) -> None:
    """Sort ten million candidates by score, left, right: against numpy's sort by three columns."""
    left, right, score = _candidates(10 * MILLION)
    shuffled = np.random.default_rng(1).permutation(len(score))
    left, right, score = left[shuffled], right[shuffled], score[shuffled]
    ratio = compare(
        "sort of 10 M candidates",
        (lambda: by_score(score, left, right), 1),
        (lambda: np.lexsort((right, left, -score)), 1),
        1,
        clock=time.process_time,
        note="over numpy.lexsort, one core",
    )
    benchmark.pedantic(by_score, (score, left, right), rounds=1)
    figures["order"] = asdict(ratio)


def bench_whole_command(benchmark: Any, figures: Figures, tmp_path: Path) -> None:
    """``blindlink clk link`` from Parquet to CSV, three times: core-seconds and peak memory."""
    for name, side in zip("ab", filters.files("token", *WHOLE), strict=True):
        write_encodings(_encodings(side), tmp_path / f"{name}.parquet")
    command = [sys.executable, "-m", "blindlink", "clk", "link", "a.parquet", "b.parquet"]
    command += ["--threshold", "0.8", "--out", "links.csv", "--force"]

    def run() -> None:
        # A process in between: the peak of a child includes that of the process that started it.
        between = [sys.executable, "-c", _MEASURE, *command]
        seconds, kilobytes = subprocess.check_output(between, cwd=tmp_path).split()
        found.append((float(seconds), int(kilobytes) / 2**20))

    found: list[tuple[float, float]] = []
    benchmark.pedantic(run, rounds=3)
    seconds, gigabytes = (statistics.median(values) for values in zip(*found, strict=True))
    figures["whole"] = {"seconds": seconds, "gigabytes": gigabytes}


def _encodings(rows: filters.Filters) -> Encodings:
    number = np.arange(len(rows), dtype=np.int64)
    return Encodings(
        (rows,), (8 * rows.shape[1],), number, None, (), "benchmark", None, "benchmark"
    )


def _candidates(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ten per record of each side, few distinct scores, in the documented order."""
    rng, records = np.random.default_rng(0), count // 10
    cells = np.unique(rng.integers(0, records**2, count))
    left, right = cells // records, cells % records
    score = np.round(rng.beta(2, 6, len(cells)) * 0.3 + 0.7, 3)
    order = by_score(score, left, right)
    return left[order], right[order], score[order]


def _cases() -> set[str]:
    return {f"{case[1]} {case[2]}" for case in JOINS} | {"small", "whole", *OTHERS}


def _parts(found: Figures) -> list[str]:
    """The tables of the page."""
    ratios = {name: Ratio.of(one) for name, one in found.items() if name != "whole"}
    others = [
        f"| {one.work} | {one.theirs.seconds:.2f} s | {one.ours.seconds:.2f} s | {one.value:.1f} "
        f"| {one.goal} | {one.note} |"
        for one in (ratios[name] for name in OTHERS)
    ]
    whole = found["whole"]
    return [
        f"Machine: {machine()}.",
        _joins("join, one core", [ratios[f"{case[1]} {case[2]}"] for case in JOINS]),
        "A join so small that preparing the files weighs, the same for both:",
        _joins("small join, one core", [ratios["small"]]),
        "Other work:",
        table("| work | the other | blindlink | ratio | wanted | |", others),
        f"`blindlink clk link` of {WHOLE[0]:,} with {WHOLE[1]:,} records (1024 bits, t = .8), from "
        f"Parquet to CSV: **{whole['seconds']:.1f} core-seconds** and {whole['gigabytes']:.2f} GiB "
        "at its peak (wanted: under 30 and 1.5).",
    ]


def _joins(title: str, ratios: list[Ratio]) -> str:
    rows = [
        f"| {one.work} | {one.theirs.rate / 1e6:.0f} | {one.ours.rate / 1e6:.0f} | {one.value:.1f} "
        f"| {one.goal if one.wanted else ''} | {one.theirs.work / 1e6:.0f} M "
        f"| {one.ours.work / 1e6:.0f} M |"
        for one in ratios
    ]
    head = f"| {title} | anonlink, M pairs/s | blindlink, M pairs/s | ratio | wanted "
    return table(head + "| pairs, anonlink | pairs, blindlink |", rows)
