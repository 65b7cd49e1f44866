"""The fast engine: bit-sliced counters over blocks of LANES records, on all cores, exact.

How it works: linker/join/kernels.py and docs/explanation/exact-matching.md. Memory beside the
result: the right file transposed (at most slabs.SLAB_BYTES at once), some ten megabytes per core.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from blindlink.errors import MissingExtraError
from blindlink.linker.join import measures
from blindlink.linker.join.interrupts import apart
from blindlink.linker.join.pairs import (
    Filters,
    Pairs,
    Scores,
    Words,
    best,
    check,
    drained,
    ordered,
)
from blindlink.progress import Progress, silent

try:
    from blindlink.linker.join import compiled, kernels, schedule, slabs
    from blindlink.linker.join import lane_sharing as grouping
    from blindlink.linker.join.lanes import LANES
except ModuleNotFoundError:
    raise MissingExtraError("numba, which compiles the engine 'sliced',", "linker") from None


def pairs(
    left: Filters,
    right: Filters,
    threshold: float,
    *,
    top: int | None = None,
    measure: str = "dice",
    bits: int | None = None,
    progress: Progress = silent,
) -> Pairs:
    """All pairs with similarity >= threshold; see ``blindlink.linker.join.engines.Engine``."""
    parts = batches(left, right, threshold, top=top, measure=measure, bits=bits, progress=progress)
    return _sorted(list(parts), top)


def batches(
    left: Filters,
    right: Filters,
    threshold: float,
    *,
    top: int | None = None,
    measure: str = "dice",
    bits: int | None = None,
    progress: Progress = silent,
) -> Iterator[Pairs]:
    """The pairs in parts of no particular order and at most a few megabytes each.

    ``top`` is applied to the left rows only: the right rows are complete at the end.
    """
    check(left, right, threshold, top)
    rule = _rule(left, measure, bits)
    whole = _Join(slabs.fixed(left), slabs.fixed(right), rule, threshold, top)
    yield from whole.run(progress)


def within(
    filters: Filters,
    threshold: float,
    *,
    top: int | None = None,
    measure: str = "dice",
    bits: int | None = None,
    progress: Progress = silent,
) -> Pairs:
    """All pairs of records of one file, left row < right row; see ``engines.within``."""
    if top is None:
        parts = batches_within(filters, threshold, measure=measure, bits=bits, progress=progress)
        return _sorted(list(parts), None)
    check(filters, filters, threshold, top)
    both = slabs.fixed(filters)
    whole = _Join(both, both, _rule(filters, measure, bits), threshold, top, once=True)
    return _sorted(list(whole.run(progress)), top)


def batches_within(
    filters: Filters,
    threshold: float,
    *,
    measure: str = "dice",
    bits: int | None = None,
    progress: Progress = silent,
) -> Iterator[Pairs]:
    """The pairs within one file in parts, as ``batches`` gives them."""
    check(filters, filters, threshold, None)
    both, rule = slabs.fixed(filters), _rule(filters, measure, bits)
    # Sorted by weight, what was compared already lies together, and whole blocks are left out.
    order = slabs.by_weight(slabs.weights(both))
    both = slabs.read_only(both[order])
    whole = _Join(both, both, rule, threshold, once=True, by_weight=True)
    for found in whole.run(progress):
        a, b = order[found.left], order[found.right]
        yield Pairs(np.minimum(a, b), np.maximum(a, b), found.score)


def first_use() -> str:
    """Why the engine will take some seconds to start; empty where it will not."""
    return compiled.wait(kernels.sift)


def _sorted(parts: list[Pairs], top: int | None) -> Pairs:
    """What was found, in order. Many millions of pairs take seconds, and Ctrl-C shall not."""
    return apart(lambda: best(ordered(drained(parts)), top))


@dataclass
class _Join:
    """One join.

    ``once``: both sides are the same file, and only pairs with left row < right row count.
    ``by_weight``: and that file is sorted by weight, as the slabs are.
    """

    left: Words
    right: Words
    rule: kernels.Rule
    threshold: float
    top: int | None = None
    once: bool = False
    by_weight: bool = False

    def run(self, progress: Progress) -> Iterator[Pairs]:
        """The pairs in parts, as the threads find them. An interrupt waits for one kernel call."""
        if not len(self.left) or not len(self.right):
            return
        bars, kept = np.full(len(self.left), float(self.threshold)), self._kept()
        done, total = 0, len(self.left) * len(self.right)
        workers = schedule.cores()
        pool = ThreadPoolExecutor(workers)
        try:
            share = slabs.frequency(self.right)
            rank, group = slabs.rarity(share), self._group(share)
            for slab in slabs.slabs(pool, self.right, rank, group):
                rows, blocks = schedule.sizes(self.left, slab, workers)
                tiles = self._tiles(slab, rows, bars, kept)
                waiting = schedule.pieces(tiles, rank, blocks)
                for steps, part in schedule.in_turn(pool, waiting, workers):
                    done = min(total, done + steps * LANES * group)
                    progress(done * len(self.left) // total, len(self.left))
                    if len(part):
                        yield part
        finally:
            pool.shutdown(cancel_futures=True)
        if kept is not None:
            row, place = np.nonzero(np.arange(kept.score.shape[1]) < kept.held[:, None])
            yield Pairs(row, kept.right[row, place], kept.score[row, place])

    def _group(self, share: Scores) -> int:
        measure = tuple(measures.MEASURES.values())[self.rule.measure]
        threshold, bits = self.threshold, self.rule.bits
        return grouping.choose(self.left, self.right, share, measure, threshold, bits)

    def _kept(self) -> kernels.Kept | None:
        if self.top is None:
            return None
        shape = (len(self.left), self.top)
        return kernels.Kept(
            np.zeros(shape[0], np.int64), np.zeros(shape, np.int64), np.zeros(shape)
        )

    def _tiles(
        self, slab: kernels.Slab, size: int, bars: Scores, kept: kernels.Kept | None
    ) -> Iterator[schedule.Tile]:
        for start in range(0, len(self.left), size):
            rows = slice(start, min(start + size, len(self.left)))
            mine = None
            if kept is not None:
                mine = kernels.Kept(kept.held[rows], kept.right[rows], kept.score[rows])
            beyond = start if self.once else -len(self.left)
            first, part = self._first(slab, start), self.left[rows]
            yield schedule.Tile(slab, self.rule, part, start, bars[rows], mine, first, beyond)

    def _first(self, slab: kernels.Slab, start: int) -> int:
        """The block to begin with: in a file sorted by weight, the first not yet compared."""
        if not self.by_weight:
            return 0
        return max(0, (start - slab.base) // (LANES * slab.group))


def _rule(filters: Filters, measure: str, bits: int | None) -> kernels.Rule:
    measures.find(measure)
    length = filters.shape[1] * 8 if bits is None else bits
    return kernels.Rule(kernels.MEASURE_CODES[measure], length)
