"""Engines that find all pairs of filters at least as similar as a threshold.

An engine is one file of this folder with a function

    pairs(left, right, threshold, *, top=None, measure="dice", bits=None, progress=silent) -> Pairs

whose result equals that of ``reference``: the same pairs, scores and order. It is found by its file
name and imported when it is asked for, so a missing library matters only to who wants that engine.
An engine may also have ``within`` (the pairs of one file, each once) and ``batches`` (the pairs in
parts, for results larger than memory), which otherwise are made from ``pairs``.
"""

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

from blindlink.errors import InputError, MissingExtraError
from blindlink.linker.pairs import Filters, Pairs, best
from blindlink.progress import Progress, silent

# Up to here numpy is done before numba is imported and its kernels are loaded (about 0.5 s).
SMALL = 2**31  # pairs times bits


class Engine(Protocol):
    """What a module of this folder provides."""

    def pairs(
        self,
        left: Filters,
        right: Filters,
        threshold: float,
        *,
        top: int | None = None,
        measure: str = "dice",
        bits: int | None = None,
        progress: Progress = silent,
    ) -> Pairs:
        """All pairs with similarity >= threshold, by the rules of blindlink.linker.pairs.

        ``bits`` is the length of the filters where it is not a multiple of 8 (only hamming needs
        it). Raises InputError for filters of unlike length and limits without sense.
        """
        ...


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
    engine: Engine = import_module(f"{__name__}.{name}")
    return engine


def within(
    name: str,
    filters: Filters,
    threshold: float,
    *,
    top: int | None = None,
    measure: str = "dice",
    bits: int | None = None,
    progress: Progress = silent,
) -> Pairs:
    """All pairs of records of one file, for de-duplication: those with left row < right row.

    ``top`` counts these pairs only. An engine without a function of this name compares the file
    with itself, and what is double is left out.
    """
    engine = load(name)
    own = getattr(engine, "within", None)
    if own is not None:
        found: Pairs = own(
            filters, threshold, top=top, measure=measure, bits=bits, progress=progress
        )
        return found
    found = engine.pairs(filters, filters, threshold, measure=measure, bits=bits, progress=progress)
    return best(found.take(found.left < found.right), top)


def choose(m: int, n: int, bits: int) -> tuple[str, str]:
    """The engine for m x n filters of so many bits, and why."""
    if m * n * bits <= SMALL:
        return "reference", f"{m:,} x {n:,} filters are few"
    if find_spec("numba") is None:
        return "reference", "numba is not installed; pip install 'blindlink[linker]' is faster"
    return "sliced", f"{m:,} x {n:,} filters are many"


def _loads(name: str) -> bool:
    try:
        load(name)
    except MissingExtraError:
        return False
    return True
