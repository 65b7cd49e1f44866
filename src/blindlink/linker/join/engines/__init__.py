"""Engines that find all pairs of filters at least as similar as a threshold.

An engine is one file of this folder with an ``engine``: an ``Engine`` with one method of its own,
``batches``. Everything else (the pairs in order, within a limit, of one file, the best of each
record) is derived from it here, once. An engine is found by its file name and imported when it is
asked for, so a missing library matters only to who wants that engine. What it gives must equal
what ``reference`` gives: the same pairs, scores and order; the tests take every engine that is
listed, and ``exact`` is how one says that it does not.
"""

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import closing
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

from blindlink.arrays import Bytes
from blindlink.errors import InputError, MissingExtraError
from blindlink.linker.join.interrupts import apart
from blindlink.linker.join.measures import MEASURES
from blindlink.linker.join.pairs import Join, Pairs, best, drained, ordered

# Up to here numpy is done before numba is imported and its kernels are loaded (about 0.5 s).
SMALL = 2**31  # pairs times bits
LIMIT = 2**26  # pairs that linking holds in memory: 1.6 GB, three times as much while it sorts


class Engine(ABC):
    """A way to find pairs. ``batches`` is all that an engine has to bring.

    ``exact``: it gives the reference's pairs, none lost and none more. ``in_process``: it compares
    on this machine, without starting another program. ``measures``: those that it knows; a join by
    another is refused before it begins.
    """

    exact: ClassVar[bool] = True
    in_process: ClassVar[bool] = True
    measures: ClassVar[frozenset[str]] = frozenset(MEASURES)

    @abstractmethod
    def batches(self, join: Join) -> Iterator[Pairs]:
        """The pairs of the join that reach its threshold, in parts of any size and in any order.

        Each pair comes once; in a file with itself only with left row < right row. With ``top`` the
        engine may leave out pairs that are not among the first of their left row: the rest is done
        here. Left early, it stops its threads.
        """

    def parts(self, join: Join) -> Iterator[Pairs]:
        """The pairs in parts, as they are found; one part, in memory as a whole, with ``top``."""
        return self._checked(join) if join.top is None else iter([self.join(join)])

    def join(self, join: Join) -> Pairs:
        """All pairs of the join in the documented order. Raises InputError."""
        return _whole(list(self._checked(join)), join.top)

    def pairs(self, left: Bytes, right: Bytes, threshold: float, **options: Any) -> Pairs:
        """All pairs of two files in the documented order; ``options`` are fields of ``Join``."""
        return self.join(Join(left, right, threshold, **options))

    def within(self, filters: Bytes, threshold: float, **options: Any) -> Pairs:
        """All pairs of records of one file, left row < right row, as ``pairs``."""
        return self.join(Join(filters, None, threshold, **options))

    def bounded(self, join: Join, *, limit: int = LIMIT) -> Pairs:
        """As ``join``, unless the pairs are more than ``limit``: InputError as soon as they are."""
        held, count = [], 0
        with closing(self._checked(join)) as coming:
            for part in coming:
                held.append(part)
                count += len(part)
                if count > limit:
                    raise InputError(
                        f"more than {limit:,} pairs reach the threshold {join.threshold:g}",
                        hint="raise the threshold; 'clk pairs' writes any number of pairs",
                    )
        return _whole(held, join.top)

    def _checked(self, join: Join) -> Generator[Pairs, None, None]:
        if join.measure not in self.measures:
            name = type(self).__module__.rpartition(".")[2]
            known = ", ".join(sorted(self.measures))
            raise InputError(f"the engine {name!r} knows the measure {known} only")
        yield from self.batches(join)


def names() -> list[str]:
    """All engines, whether or not their libraries are installed."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def available() -> list[str]:
    """The engines whose libraries are installed on this machine."""
    return [name for name in names() if _loads(name)]


def load(name: str) -> Engine:
    """The engine of this name; raises InputError for no such, MissingExtraError for no library."""
    if name not in names():
        raise InputError(f"no engine {name!r}", hint=f"choose one of {', '.join(names())}")
    loaded: Engine = import_module(f"{__name__}.{name}").engine
    return loaded


def choose(m: int, n: int, bits: int) -> tuple[str, str]:
    """The engine for m x n filters of so many bits, and why."""
    if m * n * bits <= SMALL:
        return "reference", f"{m:,} x {n:,} filters are few"
    if find_spec("numba") is None:
        return "reference", "numba is not installed; pip install 'blindlink[linker]' is faster"
    why = f"{m:,} x {n:,} filters are many"
    waiting = import_module(f"{__name__}.sliced").first_use()
    return "sliced", f"{why}; {waiting}" if waiting else why


def _loads(name: str) -> bool:
    try:
        load(name)
    except MissingExtraError:
        return False
    return True


def _whole(parts: list[Pairs], top: int | None) -> Pairs:
    """What was found, in order. Many millions of pairs take seconds, and Ctrl-C shall not."""
    return apart(lambda: best(ordered(drained(parts)), top))
