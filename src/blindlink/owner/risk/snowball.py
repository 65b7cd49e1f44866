"""A sample of rows in which as many people share tokens as in the whole file.

A random sample of a large file is too sparse: most of those who share a token with a row are not in
it, and an attack on the similarity graph finds no graph. So the sample is grown along the graph:
the rows next that have the most in common with those already there, or neighbours at random, or, to
keep it from getting denser than the file, strangers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from blindlink.arrays import Int64s

_SEEDS, _STEPS, _TRIALS = 3, 50, 6


class SharedTokens:
    """Who shares which tokens: a sparse matrix (rows, tokens held by at least two rows)."""

    def __init__(self, rows: int, kinds: Sequence[tuple[Int64s, Int64s]]) -> None:
        """``kinds``: rows and token numbers of the entries; numbers count from 0 in each kind."""
        sizes = [int(codes.max()) + 1 if len(codes) else 0 for _, codes in kinds]
        starts = np.cumsum([0, *sizes])
        tokens = np.concatenate(
            [codes + start for (_, codes), start in zip(kinds, starts[:-1], strict=True)]
        ).astype(np.int32)
        owners = np.concatenate([owner for owner, _ in kinds]).astype(np.int32)
        held = np.ones(len(owners), np.int8)
        self.of_row = csr_array((held, (owners, tokens)), shape=(rows, int(starts[-1])))
        self.of_token = self.of_row.T.tocsr()

    def __len__(self) -> int:
        return int(self.of_row.shape[0])

    def common(self, chosen: Int64s) -> Int64s:
        """How many tokens each row of the file has in common with the chosen rows, (rows,)."""
        tokens = _cells(self.of_row, chosen)
        return np.bincount(_cells(self.of_token, tokens), minlength=len(self))

    def neighbours_within(self, chosen: Int64s) -> float:
        """Other chosen rows that share a token with a chosen row, on average."""
        inside = self.of_row[chosen].astype(np.int32)
        shared = inside @ inside.T
        return float(shared.nnz - (shared.diagonal() > 0).sum()) / len(chosen)


@dataclass(frozen=True)
class Snowball:
    """The rows, and the neighbours that a row has among them on average."""

    rows: Int64s
    neighbours: float


def snowball(shared: SharedTokens, size: int, wanted: float, rng: np.random.Generator) -> Snowball:
    """``size`` rows in which a row has about ``wanted`` neighbours, or as many as there can be."""
    seeds = rng.choice(len(shared), min(_SEEDS, size, len(shared)), replace=False)
    best, low, high = _grown(shared, size, seeds, 1.0, rng), -1.0, 1.0
    for _ in range(_TRIALS):
        if abs(best.neighbours - wanted) <= 0.05 * wanted or best.neighbours < wanted:
            break
        middle = (low + high) / 2
        tried = _grown(shared, size, seeds, middle, rng)
        if tried.neighbours >= wanted:
            high, best = middle, tried
        else:
            low = middle
    return best


def _grown(
    shared: SharedTokens, size: int, seeds: Int64s, greed: float, rng: np.random.Generator
) -> Snowball:
    """Add rows by steps. ``greed``: the share of rows taken by what they have in common with those
    inside, the others being random neighbours; below 0 that share is of strangers.
    """
    size = min(size, len(shared))
    inside, common, new = np.zeros(len(shared), bool), np.zeros(len(shared), np.int64), seeds
    while True:
        inside[new] = True
        missing = size - int(inside.sum())
        if missing <= 0:
            rows = np.flatnonzero(inside)
            return Snowball(rows, shared.neighbours_within(rows))
        common += shared.common(new)
        step = min(missing, max(1, size // _STEPS))
        strangers = round(max(-greed, 0.0) * step)
        new = _next(np.where(inside, 0, common), step - strangers, max(greed, 0.0), rng)
        if len(new) < step:
            outside = ~inside
            outside[new] = False
            left = rng.permutation(np.flatnonzero(outside))
            new = np.concatenate([new, left[: step - len(new)]])


def _next(score: Int64s, step: int, greed: float, rng: np.random.Generator) -> Int64s:
    near = np.flatnonzero(score)
    if len(near) <= step:
        return near
    top = round(greed * step)
    order = np.argpartition(-score[near], top) if top else rng.permutation(len(near))
    chance = rng.permutation(order[top:])[: step - top]
    found: Int64s = near[np.concatenate([order[:top], chance])]
    return found


def _cells(matrix: csr_array, rows: Int64s) -> Int64s:
    """The column numbers of the cells of some rows, one after the other."""
    starts = matrix.indptr[rows].astype(np.int64)
    counts = matrix.indptr[rows + 1] - starts
    skipped = np.cumsum(counts) - counts
    at = np.repeat(starts - skipped, counts) + np.arange(int(counts.sum()))
    found: Int64s = matrix.indices[at].astype(np.int64)
    return found
