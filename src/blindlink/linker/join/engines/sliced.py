"""The fast engine: bit-sliced counters over blocks of LANES records, on all cores, exact.

How it works: linker/join/kernels.py and docs/explanation/exact-matching.md. Memory beside the
result: the right file transposed (at most slabs.SLAB_BYTES at once), some ten megabytes per core.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from blindlink.arrays import Floats, Words
from blindlink.errors import MissingExtraError
from blindlink.linker.join import measures
from blindlink.linker.join.engines import Engine
from blindlink.linker.join.pairs import Join, Pairs

try:
    from blindlink.linker.join import compiled, kernels, lane_sharing, schedule, slabs
    from blindlink.linker.join.kernels import LANES
except ModuleNotFoundError:
    raise MissingExtraError("numba, which compiles the engine 'sliced',", "linker") from None


class Sliced(Engine):
    """Blocks of records at once, on all cores."""

    def batches(self, join: Join) -> Iterator[Pairs]:
        """See ``Engine``; parts of at most a few megabytes. An interrupt waits for one kernel."""
        rule = kernels.Rule(kernels.MEASURE_CODES[join.measure], join.length)
        left = slabs.fixed(join.left)
        if join.right is not None:
            yield from _Run(left, slabs.fixed(join.right), rule, join).batches()
        elif join.top is not None:
            yield from _Run(left, left, rule, join).batches()
        else:
            yield from _sorted_by_weight(left, rule, join)


def first_use() -> str:
    """Why the engine will take some seconds to start; empty where it will not."""
    return compiled.wait(kernels.sift)


def _sorted_by_weight(filters: Words, rule: kernels.Rule, join: Join) -> Iterator[Pairs]:
    """A file with itself: sorted by weight, what was compared already lies together, and whole
    blocks are left out."""
    order = slabs.by_weight(slabs.weights(filters))
    both = slabs.read_only(filters[order])
    for part in _Run(both, both, rule, join, by_weight=True).batches():
        a, b = order[part.left], order[part.right]
        yield Pairs(np.minimum(a, b), np.maximum(a, b), part.score)


@dataclass
class _Run:
    """One join. ``by_weight``: of a file with itself that is sorted by weight, as the slabs are."""

    left: Words
    right: Words
    rule: kernels.Rule
    join: Join
    by_weight: bool = False

    def batches(self) -> Iterator[Pairs]:
        """The pairs in parts, as the threads find them. An interrupt waits for one kernel call."""
        if not len(self.left) or not len(self.right):
            return
        bars, kept = np.full(len(self.left), float(self.join.threshold)), self._kept()
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
                    self.join.progress(done * len(self.left) // total, len(self.left))
                    if len(part):
                        yield part
        finally:
            pool.shutdown(cancel_futures=True)
        if kept is not None:
            row, place = np.nonzero(np.arange(kept.score.shape[1]) < kept.held[:, None])
            yield Pairs(row, kept.right[row, place], kept.score[row, place])

    def _group(self, share: Floats) -> int:
        measure = measures.MEASURES[self.join.measure]
        threshold, bits = self.join.threshold, self.rule.bits
        return lane_sharing.choose(self.left, self.right, share, measure, threshold, bits)

    def _kept(self) -> kernels.Kept | None:
        if self.join.top is None:
            return None
        shape = (len(self.left), self.join.top)
        return kernels.Kept(
            np.zeros(shape[0], np.int64), np.zeros(shape, np.int64), np.zeros(shape)
        )

    def _tiles(
        self, slab: kernels.Slab, size: int, bars: Floats, kept: kernels.Kept | None
    ) -> Iterator[schedule.Tile]:
        for start in range(0, len(self.left), size):
            rows = slice(start, min(start + size, len(self.left)))
            mine = None
            if kept is not None:
                mine = kernels.Kept(kept.held[rows], kept.right[rows], kept.score[rows])
            beyond = start if self.join.right is None else -len(self.left)
            first, part = self._first(slab, start), self.left[rows]
            yield schedule.Tile(slab, self.rule, part, start, bars[rows], mine, first, beyond)

    def _first(self, slab: kernels.Slab, start: int) -> int:
        """The block to begin with: in a file sorted by weight, the first not yet compared."""
        if not self.by_weight:
            return 0
        return max(0, (start - slab.base) // (LANES * slab.group))


engine = Sliced()
