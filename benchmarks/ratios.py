"""Two ways to do the same work, timed in turn in one process, and the page that shows the figures.

What else the machine does hits both alike; the ratio of the medians is the figure that holds.
"""

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

START, END = "<!-- figures: made by make bench -->", "<!-- end of figures -->"
ROUNDS = 5


@dataclass(frozen=True)
class Timing:
    """The median in seconds of some rounds of one way, and how much work it did in each."""

    seconds: float
    work: float

    @property
    def rate(self) -> float:
        return self.work / self.seconds


@dataclass(frozen=True)
class Ratio:
    """Both ways, and the ratio of their rates that the project wants (0: none)."""

    work: str
    ours: Timing
    theirs: Timing
    wanted: float
    note: str = ""

    @classmethod
    def of(cls, known: dict[str, Any]) -> "Ratio":
        """From ``dataclasses.asdict`` of one."""
        return cls(**known | {name: Timing(**known[name]) for name in ("ours", "theirs")})

    @property
    def value(self) -> float:
        return self.ours.rate / self.theirs.rate

    @property
    def goal(self) -> str:
        """What is wanted, and whether it is met."""
        return f"{self.wanted:g}{'' if self.value >= self.wanted else ', missed'}"


def compare(
    work: str,
    ours: tuple[Callable[[], object], float],
    theirs: tuple[Callable[[], object], float],
    wanted: float,
    *,
    rounds: int = ROUNDS,
    clock: Callable[[], float] = time.perf_counter,
    note: str = "",
) -> Ratio:
    """Time both in turn, ``rounds`` times each, after one call of ours that loads the kernels.

    Each way comes with how much work it does; a slow way may do a part of it.
    """
    ours[0]()
    first, second = [], []
    for _ in range(rounds):
        first.append(_timed(ours[0], clock))
        second.append(_timed(theirs[0], clock))
    return Ratio(
        work,
        Timing(statistics.median(first), ours[1]),
        Timing(statistics.median(second), theirs[1]),
        wanted,
        note,
    )


@contextmanager
def one_core() -> Iterator[None]:
    """Only one processor inside, for every thread that starts there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def machine() -> str:
    """The processor and the versions that the figures hold for."""
    model = "unknown processor"
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), model)
    from blindlink.linker.join.kernels import LANES

    names = ", ".join(f"{name} {version(name)}" for name in ("numba", "numpy", "anonlink"))
    return (
        f"{model}, {os.cpu_count()} cores, {platform.machine()}, vectors of {LANES} bits; "
        f"Python {platform.python_version()}, {names}; {date.today():%d %B %Y}"
    )


def table(header: str, rows: list[str]) -> str:
    """A table in Markdown; ``header`` as the rows are."""
    return "\n".join([header, "|---" * (header.count("|") - 1) + "|", *rows])


def write(page: Path, parts: list[str]) -> None:
    """Put the parts between the marks of the page."""
    head, rest = page.read_text("utf-8").split(START)
    text = "\n\n".join([START, *parts, END])
    page.write_text(f"{head}{text}{rest.split(END)[1]}", "utf-8")


def _timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    gc.collect()
    start = clock()
    work()
    return clock() - start
