"""A demo is a row of stages, each played by one party before an audience."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from blindlink.progress import Progress, silent

T = TypeVar("T")


@dataclass(frozen=True)
class Stage:
    """A stage that is over: who did what, what was received and learned, how many seconds."""

    party: str
    title: str
    lines: tuple[str, ...]
    seconds: float


class Audience(Protocol):
    """Whoever watches."""

    def begins(self, number: int, total: int, party: str, title: str) -> Progress:
        """A stage begins; returns what takes its progress."""
        ...

    def ends(self, stage: Stage) -> None:
        """The stage is over."""
        ...


class Nobody:
    """No audience."""

    def begins(self, number: int, total: int, party: str, title: str) -> Progress:
        return silent

    def ends(self, stage: Stage) -> None:
        return None


@dataclass
class Stagehand:
    """Runs ``total`` stages one after the other and keeps what each was like."""

    audience: Audience
    total: int
    stages: list[Stage] = field(default_factory=list)

    def play(
        self,
        party: str,
        title: str,
        work: Callable[[Progress], T],
        told: Callable[[T], Sequence[str]],
    ) -> T:
        """One stage: do the work, then say in the words of ``told`` what came of it."""
        start = time.perf_counter()
        result = work(self.audience.begins(len(self.stages) + 1, self.total, party, title))
        stage = Stage(party, title, tuple(told(result)), time.perf_counter() - start)
        self.stages.append(stage)
        self.audience.ends(stage)
        return result
