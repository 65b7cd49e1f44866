"""A join cut into pieces of a fraction of a second, which all cores take in turn.

A piece is a tile of left rows against some blocks of a slab. Pieces are much smaller than the share
of a core: so all cores end at the same time, also where one file has a few records only.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock

import numpy as np

from blindlink.arrays import Floats, Int64s, Words
from blindlink.errors import InputError
from blindlink.linker.join import kernels, slabs
from blindlink.linker.join.kernels import WORDS
from blindlink.linker.join.pairs import Pairs, concatenated

TILE = 2048  # left records for which a block is read from memory once
WALKED = 2**21  # columns in all walks of a tile: 4 MB
ROOM = 1024  # hits between two exact comparisons: at most 2**19 lanes at once
WORK = 2**30  # words of block columns between two looks at an interrupt: 0.02 to 0.1 s
SHARES = 8  # pieces for each core, at least


@dataclass
class Tile:
    """Left rows from ``start`` on against a slab.

    ``bars``: the score to be reached, of each row. ``kept``: where only the best of each row count.
    ``first``: the block to begin with. ``beyond``: a pair counts when its right row lies beyond
    its row in the tile plus this.
    """

    slab: kernels.Slab
    rule: kernels.Rule
    left: Words
    start: int
    bars: Floats
    kept: kernels.Kept | None
    first: int
    beyond: int
    _lock: Lock = field(default_factory=Lock)
    _walks: kernels.Tile | None = None

    def walks(self, rank: Int64s) -> kernels.Tile:
        """What the kernels take; made by the first piece that needs it."""
        with self._lock:
            if self._walks is None:
                self._walks = slabs.tile(self.left, rank)
            return self._walks

    def keep(self, pairs: kernels.Room, count: int, kept: kernels.Kept) -> None:
        """Put pairs among the best of their rows: one thread at a time, in any order."""
        with self._lock:
            kernels.keep_best(pairs, count, kept, self.bars)


@dataclass
class Piece:
    """A tile against some of the blocks: steps, each a block and a row, from ``step`` to ``last``.

    Done in calls of limited length, since there is limited room for what is found.
    """

    tile: Tile
    rank: Int64s
    step: int
    last: int

    def advance(self) -> tuple["Piece", int, Pairs]:
        """One call of each kernel: the piece, the steps done, and what was found."""
        before, tile = self.step, self.tile
        self.step = min(self.last, max(self.step, tile.first * len(tile.bars)))
        if self.step == self.last:
            return self, self.last - before, concatenated([])
        walks = tile.walks(self.rank)
        hits = kernels.Hits(
            np.empty(ROOM, np.int64), np.empty(ROOM, np.int64), np.empty((ROOM, WORDS), np.uint64)
        )
        self.step, count = kernels.sift(
            tile.slab, walks, tile.rule, tile.bars, self.step, self.last, hits
        )
        hits = kernels.Hits(hits.row[:count], hits.block[:count], hits.lanes[:count])
        return self, self.step - before, self._compare(walks, hits)

    def _compare(self, walks: kernels.Tile, hits: kernels.Hits) -> Pairs:
        tile = self.tile
        most = int(np.bitwise_count(hits.lanes).sum(dtype=np.int64)) * tile.slab.group
        room = kernels.Room(np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most))
        count = kernels.compare(tile.slab, walks, tile.rule, tile.bars, tile.beyond, hits, room)
        if tile.kept is not None:
            tile.keep(room, count, tile.kept)
            count = 0
        return Pairs(room.left[:count] + tile.start, room.right[:count], room.score[:count])


def sizes(left: Words, slab: kernels.Slab, workers: int) -> tuple[int, int]:
    """The rows of a tile and the blocks of a piece.

    Many rows, since each tile reads the whole slab from memory; but pieces for all workers.
    """
    blocks, columns, words = slab.blocks.shape
    steps = min(WORK // (columns * words), len(left) * blocks // (SHARES * workers))
    longest = int(slab.high.max(initial=1)) or 1  # left and right filters are of one kind
    rows = max(1, min(TILE, WALKED // longest, steps, len(left)))
    return rows, max(1, steps // rows)


def pieces(tiles: Iterable[Tile], rank: Int64s, blocks: int) -> Iterator[Piece]:
    """All pieces of so many blocks, tile by tile."""
    for tile in tiles:
        rows, last = len(tile.bars), len(tile.slab.low) * len(tile.bars)
        for step in range(0, last, blocks * rows):
            yield Piece(tile, rank, step, min(step + blocks * rows, last))


def in_turn(
    pool: ThreadPoolExecutor, waiting: Iterator[Piece], workers: int
) -> Iterator[tuple[int, Pairs]]:
    """The steps done and pairs found by each call; few calls wait, so little is in memory."""
    running = {pool.submit(piece.advance) for piece in islice(waiting, workers + 1)}
    while running:
        ready, running = wait(running, return_when=FIRST_COMPLETED)
        for future in ready:
            piece, steps, part = future.result()
            follower = piece if piece.step < piece.last else next(waiting, None)
            if follower is not None:
                running.add(pool.submit(follower.advance))
            yield steps, part


def cores() -> int:
    """The processors that this process may use, or as many as BLINDLINK_THREADS says.

    Raises InputError where that is no number.
    """
    if threads := os.environ.get("BLINDLINK_THREADS"):  # set by a scheduler that shares them out
        if not (threads.isascii() and threads.isdigit()):
            raise InputError("BLINDLINK_THREADS is not a number", hint="for example 4")
        return max(1, int(threads))
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
