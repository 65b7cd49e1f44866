"""Engines that find all pairs of filters at least as similar as a threshold.

An engine is one file of this folder with a function

    pairs(left, right, threshold, *, top=None, measure="dice", bits=None, progress=silent) -> Pairs

whose result equals that of ``reference``: the same pairs, scores and order. It is found by its file
name and imported when it is asked for, so a missing library matters only to who wants that engine.
An engine may also have ``within`` (the pairs of one file, each once) and ``batches`` (the pairs in
parts, for results larger than memory), which otherwise are made from ``pairs``.
"""

import pkgutil
from collections.abc import Iterable
from contextlib import closing
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

from blindlink.errors import InputError, MissingExtraError
from blindlink.linker.join.interrupts import apart
from blindlink.linker.join.pairs import Filters, Pairs, best, drained, ordered
from blindlink.progress import Progress, silent

# Up to here numpy is done before numba is imported and its kernels are loaded (about 0.5 s).
SMALL = 2**31  # pairs times bits
LIMIT = 2**26  # pairs that linking holds in memory: 1.6 GB, three times as much while it sorts


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
        """All pairs with similarity >= threshold, by the rules of blindlink.linker.join.pairs.

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


def bounded(
    name: str,
    left: Filters,
    right: Filters,
    threshold: float,
    *,
    limit: int = LIMIT,
    progress: Progress = silent,
) -> Pairs:
    """The pairs, unless they are more than ``limit``; raises InputError as soon as they are."""
    batches = getattr(load(name), "batches", None)
    if batches is None:
        return load(name).pairs(left, right, threshold, progress=progress)
    found, count = [], 0
    with closing(batches(left, right, threshold, progress=progress)) as coming:
        for part in coming:
            found.append(part)
            count += len(part)
            if count > limit:
                raise InputError(
                    f"more than {limit:,} pairs reach the threshold {threshold:g}",
                    hint="raise the threshold; 'blindlink clk pairs' writes any number of pairs",
                )
    return apart(lambda: ordered(drained(found)))


def parts(
    name: str, left: Filters, right: Filters | None, threshold: float, **options: Any
) -> Iterable[Pairs]:
    """The pairs in parts as they are found; ``right`` is None for the pairs of one file.

    One part, which is in memory as a whole, with ``top`` and for an engine that has no parts.
    """
    module = load(name)
    function = getattr(module, "batches" if right is not None else "batches_within", None)
    if function is None or options.get("top") is not None:
        if right is None:
            return [within(name, left, threshold, **options)]
        return [module.pairs(left, right, threshold, **options)]
    options.pop("top", None)
    sides = (left,) if right is None else (left, right)
    found: Iterable[Pairs] = function(*sides, threshold, **options)
    return found


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
