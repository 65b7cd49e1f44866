"""Two ways to do the same work, timed in turn in one process, and the page that shows the figures.

What else the machine does hits both alike; the ratio of the medians is the figure that holds.
"""

import gc
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START, END = "<!-- figures: made by make bench -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Ratio:
    """Medians in seconds of both ways, and the ratio that the project wants."""

    work: str
    ours: float
    theirs: float
    wanted: float
    note: str = ""

    @property
    def value(self) -> float:
        return self.theirs / self.ours

    def row(self) -> str:
        """A row of the table."""
        return (
            f"| {self.work} | {self.theirs:.3f} s | {self.ours:.3f} s | {self.value:.1f} "
            f"| {self.wanted:g} | {self.note} |"
        )


def compare(
    work: str,
    ours: Callable[[], object],
    theirs: Callable[[], object],
    wanted: float,
    *,
    rounds: int = 5,
    clock: Callable[[], float] = time.perf_counter,
    note: str = "",
) -> Ratio:
    """Time both in turn, ``rounds`` times each, after one call of ours that loads the kernels."""
    ours()
    first, second = [], []
    for _ in range(rounds):
        first.append(_timed(ours, clock))
        second.append(_timed(theirs, clock))
    return Ratio(work, statistics.median(first), statistics.median(second), wanted, note)


@contextmanager
def one_core() -> Iterator[None]:
    """Only one processor inside, for every thread that starts there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def write(page: Path, ratios: list[Ratio]) -> None:
    """Put the table between the marks of the page."""
    text = page.read_text("utf-8")
    head, rest = text.split(START)
    tail = rest.split(END)[1]
    table = "\n".join(
        [
            "| work | anonlink or one core | blindlink | ratio | wanted | |",
            "|---|---|---|---|---|---|",
            *(ratio.row() for ratio in ratios),
        ]
    )
    page.write_text(f"{head}{START}\n{table}\n{END}{tail}", "utf-8")


def _timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    gc.collect()
    start = clock()
    work()
    return clock() - start
