"""The fast engine: bit-sliced counters over blocks of LANES records, on all cores, exact.

How it works: blindlink.linker.kernels and docs/explanation/exact-matching.md. Memory beside the
result: the right file transposed (at most slabs.SLAB_BYTES at once) and a few megabytes per core.
"""

import os
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice

import numpy as np

from blindlink.errors import MissingExtraError
from blindlink.linker import measures
from blindlink.linker.interrupts import apart
from blindlink.linker.pairs import (
    Filters,
    Pairs,
    Rows,
    Scores,
    Words,
    best,
    check,
    join,
    ordered,
)
from blindlink.progress import Progress, silent

try:
    from blindlink.linker import grouping, kernels, slabs
    from blindlink.linker.lanes import LANES, WORDS
except ModuleNotFoundError:
    raise MissingExtraError("numba, which compiles the engine 'sliced',", "linker") from None

TILE = 512  # left records whose walks stay in the second-level cache
ROOM = 1024  # hits between two exact comparisons: at most 2**18 pairs at once
WORK = 2**30  # bits of block columns between two looks at an interrupt: 0.1 to 0.3 s


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
    """All pairs with similarity >= threshold; see ``blindlink.linker.engines.Engine``."""
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


def _sorted(parts: list[Pairs], top: int | None) -> Pairs:
    """What was found, in order. Many millions of pairs take seconds, and Ctrl-C shall not."""
    return apart(lambda: best(ordered(join(parts)), top))


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
        workers = _cores()
        pool = ThreadPoolExecutor(workers)
        try:
            share = slabs.frequency(self.right)
            rank, group = slabs.rarity(share), self._group(share)
            for slab in slabs.slabs(pool, self.right, rank, group):
                tasks = self._tasks(slab, rank, bars, kept, workers)
                for steps, part in _in_turn(pool, tasks, workers):
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

    def _tasks(
        self,
        slab: kernels.Slab,
        rank: Rows,
        bars: Scores,
        kept: kernels.Kept | None,
        workers: int,
    ) -> "Iterator[_Task]":
        count = len(self.left)
        size = min(TILE, max(1, count // (4 * workers)))
        for start in range(0, count, size):
            rows = slice(start, min(start + size, count))
            mine = None
            if kept is not None:
                mine = kernels.Kept(kept.held[rows], kept.right[rows], kept.score[rows])
            yield _Task(self, slab, rank, rows, bars[rows], mine)


@dataclass
class _Task:
    """A tile of left rows against a slab of right rows, done in calls of limited length."""

    join: _Join
    slab: kernels.Slab
    rank: Rows
    rows: slice
    bars: Scores
    kept: kernels.Kept | None
    step: int = 0
    tile: kernels.Tile | None = None

    @property
    def last(self) -> int:
        blocks: int = len(self.slab.low)
        return blocks * len(self.bars)

    def advance(self) -> tuple["_Task", int, Pairs]:
        """One call of each kernel: the task, the steps done, and what was found."""
        before = self.step
        if self.tile is None:
            self.tile = slabs.tile(self.join.left[self.rows], self.rank)
            self.step = self._first()
        rule, end = self.join.rule, self.step + max(1, WORK // self.slab.blocks[0].size)
        hits = kernels.Hits(
            np.empty(ROOM, np.int64), np.empty(ROOM, np.int64), np.empty((ROOM, WORDS), np.uint64)
        )
        self.step, count = kernels.sift(
            self.slab, self.tile, rule, self.bars, self.step, min(self.last, end), hits
        )
        hits = kernels.Hits(hits.row[:count], hits.block[:count], hits.lanes[:count])
        return self, self.step - before, self._compare(hits)

    def _first(self) -> int:
        """The step to begin with: in a file sorted by weight, the first block not yet compared."""
        if not self.join.by_weight:
            return 0
        block: int = max(0, (self.rows.start - self.slab.base) // (LANES * self.slab.group))
        return min(self.last, block * len(self.bars))

    def _compare(self, hits: kernels.Hits) -> Pairs:
        room = int(np.bitwise_count(hits.lanes).sum(dtype=np.int64)) * self.slab.group
        found = kernels.Found(np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room))
        # A pair counts when its right row lies beyond its left row plus this.
        beyond = self.rows.start if self.join.once else -len(self.join.left)
        rule, bars = self.join.rule, self.bars
        count = kernels.compare(self.slab, self.tile, rule, bars, beyond, hits, found)
        if self.kept is not None:
            kernels.keep_best(found, count, self.kept, bars)
            count = 0
        left = found.left[:count] + self.rows.start
        return Pairs(left, found.right[:count], found.score[:count])


def _in_turn(
    pool: ThreadPoolExecutor, tasks: Iterator[_Task], workers: int
) -> Iterator[tuple[int, Pairs]]:
    """The steps done and pairs found by each call; few calls wait, so little is in memory."""
    running = {pool.submit(task.advance) for task in islice(tasks, workers + 1)}
    while running:
        ready, running = wait(running, return_when=FIRST_COMPLETED)
        for future in ready:
            task, steps, part = future.result()
            follower = task if task.step < task.last else next(tasks, None)
            if follower is not None:
                running.add(pool.submit(follower.advance))
            yield steps, part


def _rule(filters: Filters, measure: str, bits: int | None) -> kernels.Rule:
    measures.find(measure)
    length = filters.shape[1] * 8 if bits is None else bits
    return kernels.Rule(kernels.MEASURE_CODES[measure], length)


def _cores() -> int:
    """The processors that this process may use; fewer where BLINDLINK_THREADS says so."""
    if threads := os.environ.get("BLINDLINK_THREADS"):  # set by a scheduler that shares them out
        return max(1, int(threads))
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
