"""Cutting the score axis where the mix of matches and strangers changes, and nowhere else.

Scores of encodings are lumpy: a lump for every pattern of agreeing fields, and the share of matches
jumps from lump to lump, not always upwards. So the axis is cut into bins of a few pairs each, and
bins are joined into segments of one mix by optimal partitioning (Jackson et al. 2005, "An
algorithm for optimal partitioning of data on an interval"; Scargle et al. 2013, Bayesian blocks):
the cut that maximises the multinomial likelihood of candidates and the strangers within either file,
less a penalty per segment. Both files by themselves: duplicates of people within one of them can hide
matches between the two, and show in the other.
"""

import numpy as np
import numpy.typing as npt

from blindlink.linker.entities import Scores

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

PENALTY = 4.0
_FEWEST = 10  # pairs in the highest bin
_GROWTH = 0.02  # of the pairs above a bin are in it


def bin_edges(scores: Scores) -> Scores:
    """Lower edges of bins, ascending, fine at the top where few pairs are. The first edge is 0."""
    falling = np.sort(scores)[::-1]
    edges, rank = [0.0], _FEWEST
    while rank < len(falling):
        edges.append(float(falling[rank]))
        rank += max(_FEWEST, int(_GROWTH * rank))
    return np.unique(edges)


def count(scores: Scores, edges: Scores) -> Floats:
    """How many scores lie in each bin. Shape: (bins,)."""
    return np.bincount(locate(scores, edges), minlength=len(edges)).astype(np.float64)


def locate(scores: Scores, edges: Scores) -> Index:
    """The bin of each score."""
    return np.searchsorted(edges, scores, side="right") - 1


def partition(*counts: Floats, penalty: float = PENALTY) -> Index:
    """The segment of each bin, for two or more counts per bin. Shape: (bins,), from 0 upwards."""
    bins = len(counts[0])
    sums = [np.r_[0.0, np.cumsum(each)] for each in counts]
    best = np.zeros(bins + 1)
    start = np.zeros(bins + 1, np.int64)
    for end in range(1, bins + 1):
        value = best[:end] + _likelihood([each[end] - each[:end] for each in sums]) - penalty
        start[end] = value.argmax()
        best[end] = value[start[end]]
    begins = np.zeros(bins, np.int64)
    end = bins
    while end > 0:
        begins[start[end]] = 1
        end = int(start[end])
    return np.cumsum(begins) - 1


def _likelihood(counts: list[Floats]) -> Floats:
    """The multinomial log-likelihood of counts at its maximum; 0 log 0 is 0."""
    total = np.maximum(np.sum(counts, axis=0), 1)
    parts = [each * np.log(np.maximum(each, 1) / total) for each in counts]
    result: Floats = np.sum(parts, axis=0)
    return result
