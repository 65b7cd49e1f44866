"""Spark's overhead and scaling on this machine against the local engine: ``make bench-spark``.

Every way runs in a process of its own. The table goes to docs/reference/performance-spark.md.
Core-seconds are those of all processes of a way: Java, its Python workers and the driver.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pyarrow.parquet as pq

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "performance-spark.md"
START, END = "<!-- figures: made by make bench-spark -->", "<!-- end of figures -->"
THRESHOLD = 0.8
LOCAL = ("local engine, 1 core", "local engine, 2 cores")
SPARK = ("local[1]", "local[2]", "local-cluster[2,1,2048]")
Figures = dict[str, float]


def main() -> None:
    """All ways, or with --way one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs=2, default=(200_000, 2_000_000))
    parser.add_argument("--folder", type=Path, help="keep the two files here")
    parser.add_argument("--way", choices=(*LOCAL, *SPARK), help="run this way alone")
    options = parser.parse_args()
    if options.way:
        run = local if options.way in LOCAL else spark
        sys.stdout.write(json.dumps(run(options.way, options.folder)) + "\n")
        return
    with tempfile.TemporaryDirectory() as place:
        folder = options.folder or Path(place)
        make(folder, *options.rows)
        write({way: measured(way, folder) for way in (*LOCAL, *SPARK)}, *options.rows)


def make(folder: Path, left_rows: int, right_rows: int) -> None:
    """left.parquet and right.parquet with CLKs of 1024 bits, unless they are there."""
    import filters

    from blindlink.messages.encodings import Encodings, write_encodings

    paths = folder / "left.parquet", folder / "right.parquet"
    if all(path.exists() for path in paths):
        return
    sides = filters.files("token", left_rows, right_rows)
    for path, side in zip(paths, sides, strict=True):
        rows, bits = np.arange(len(side)), 8 * side.shape[1]
        write_encodings(Encodings((side,), (bits,), rows, None, (), "benchmark", None, ""), path)


def measured(way: str, folder: Path) -> Figures:
    """The figures of one way, which runs in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def local(way: str, folder: Path) -> Figures:
    """``sliced`` on one or two cores, without reading and writing."""
    from blindlink.linker.join import engines
    from blindlink.messages.encodings import read_encodings

    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[: LOCAL.index(way) + 1]))
    left, right = (read_encodings(folder / f"{name}.parquet") for name in ("left", "right"))
    engine = engines.load("sliced")
    engine.pairs(left.filters[0][:2000], right.filters[0][:2000], THRESHOLD)
    began, used = time.perf_counter(), time.process_time()
    found = engine.pairs(left.filters[0], right.filters[0], THRESHOLD)
    compare, cores = time.perf_counter() - began, time.process_time() - used
    return {"pairs": len(found), "compare": compare, "compare_cores": cores}


def spark(way: str, folder: Path) -> Figures:
    """Start, first job (which loads the kernels), comparison alone, and the whole linkage."""
    clock = ProcessorTime()
    with clock.step("start"):
        from blindlink.linker.spark.session import start

        settings = {"spark.executor.cores": "1", "spark.executor.memory": "2g"}
        session = start({"spark.master": way, "spark.driver.memory": "2g", **settings})
    found: dict[str, float] = {}
    with clock.step("first"):
        compare(session, folder, 2000)
    with clock.step("compare"):
        found["pairs"] = compare(session, folder, None)
    out = folder / f"out-{way}"
    with clock.step("whole"):
        from blindlink.linker.spark import link_parquet

        paths = (str(folder / f"{name}.parquet") for name in ("left", "right"))
        found["links"] = link_parquet(session, *paths, str(out), THRESHOLD, force=True).links
    if pq.read_table(out).num_rows != found["links"]:
        raise RuntimeError("links are missing")
    session.stop()
    return found | clock.figures


def compare(session: Any, folder: Path, rows: int | None) -> int:
    """The number of pairs, of the first ``rows`` records or all."""
    from blindlink.linker.spark import exhaustive, records

    frames = [session.read.parquet(str(folder / f"{name}.parquet")) for name in ("left", "right")]
    if rows:
        frames = [frame.where(frame["row"] < rows) for frame in frames]
    rule = records.Rule(THRESHOLD, 128, 1024, engine="sliced")
    fixed = exhaustive.broadcast(frames[0], rule.width)
    large = frames[1].repartition(4, "row")
    return int(exhaustive.exhaustive(large, fixed, rule, left_is_small=True).count())


class ProcessorTime:
    """Wall time and processor time of this process and all below it, step by step."""

    def __init__(self) -> None:
        self.figures: Figures = {}
        self._seen: dict[int, float] = {}
        self._ended = Event()
        Thread(target=self._watch, daemon=True).start()

    def step(self, name: str) -> "_Step":
        return _Step(self, name)

    def used(self) -> float:
        """Processor time so far; a process that ended between two looks is missed for that time."""
        ticks = os.sysconf("SC_CLK_TCK")
        parents: dict[int, int] = {}
        times: dict[int, float] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            pid = int(path.parent.name)
            parents[pid] = int(fields[1])
            times[pid] = (int(fields[11]) + int(fields[12])) / ticks
        for pid, value in times.items():
            if _below(pid, parents):
                self._seen[pid] = value
        return sum(self._seen.values())

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            self.used()


class _Step:
    def __init__(self, clock: ProcessorTime, name: str) -> None:
        self._clock, self._name = clock, name

    def __enter__(self) -> None:
        self._began, self._used = time.perf_counter(), self._clock.used()

    def __exit__(self, *error: object) -> None:
        self._clock.figures[self._name] = time.perf_counter() - self._began
        self._clock.figures[f"{self._name}_cores"] = self._clock.used() - self._used


def _below(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents and pid != os.getpid():
        pid = parents[pid]
    return pid == os.getpid()


def write(ways: dict[str, Figures], left_rows: int, right_rows: int) -> None:
    """Put the table between the marks of the page."""
    compared = left_rows * right_rows / 1e6
    lines = [
        f"{left_rows:,} x {right_rows:,} records, 1024 bits, bitsPerToken, t = {THRESHOLD}: "
        f"{compared:,.0f} M pairs compared, {ways[LOCAL[0]]['pairs']:,.0f} found by every way.",
        "",
        "| way | start | first job | comparison | M pairs per core-second | whole linkage |",
        "|---|---|---|---|---|---|",
    ]
    for way, found in ways.items():
        if found["pairs"] != ways[LOCAL[0]]["pairs"]:
            raise RuntimeError(f"{way} found {found['pairs']} pairs")
        start, first, compare, whole = (
            _both(found, name) for name in ("start", "first", "compare", "whole")
        )
        rate = f"{compared / found['compare_cores']:,.0f}"
        lines.append(f"| {way} | {start} | {first} | {compare} | {rate} | {whole} |")
    lines += ["", *_readings(ways)]
    head, rest = PAGE.read_text("utf-8").split(START)
    text = "\n".join(lines)
    PAGE.write_text(f"{head}{START}\n{text}\n{END}{rest.split(END)[1]}", "utf-8")


def _readings(ways: dict[str, Figures]) -> list[str]:
    """What the table says about overhead and scaling."""
    engine, local = (ways[way] for way in LOCAL)
    one, two, executors = (ways[way] for way in SPARK)
    more = [
        f"{way['compare_cores'] - engine['compare_cores']:.1f}" for way in (one, two, executors)
    ]
    ready = [f"{way['start_cores'] + way['first_cores']:.1f}" for way in (one, two, executors)]
    names = ", ".join(f"`{way}`" for way in SPARK)
    return [
        f"In core-seconds, for {names}: Spark takes {', '.join(ready)} until the first job is "
        f"done, and adds {', '.join(more)} to the comparison of the local engine.",
        "",
        f"By the clock, comparison: the local engine is {engine['compare'] / local['compare']:.2f} "
        "times as fast on two cores as on one, "
        f"Spark {one['compare'] / two['compare']:.2f} times with two tasks in one process and "
        f"{one['compare'] / executors['compare']:.2f} times with two executors.",
    ]


def _both(found: Figures, name: str) -> str:
    if name not in found:
        return ""
    return f"{found[name]:.1f} s, {found[f'{name}_cores']:.1f} core-s"


if __name__ == "__main__":
    main()
