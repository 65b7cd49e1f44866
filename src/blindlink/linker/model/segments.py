"""Cutting the score axis where the mix of matches and non-matches changes, and nowhere else.

Floats of encodings are lumpy: a lump for every pattern of agreeing fields, and the share of matches
jumps from lump to lump, not always upwards. So the axis is cut into bins of a few pairs each, and
bins are joined into segments of one mix by optimal partitioning (Jackson et al. 2005, "An
algorithm for optimal partitioning of data on an interval"; Scargle et al. 2013, Bayesian blocks):
the cut that maximises the binomial likelihood of candidates against non-matches, less a penalty per
segment.
"""

import numpy as np

from blindlink.arrays import Floats, Int64s

PENALTY = 3.0
_FEWEST = 10  # pairs in the highest bin
_GROWTH = 0.02  # of the pairs above a bin are in it


def bin_edges(scores: Floats) -> Floats:
    """Lower edges of bins, ascending, fine at the top where few pairs are. The first edge is 0."""
    falling = np.sort(scores)[::-1]
    edges, rank = [0.0], _FEWEST
    while rank < len(falling):
        edges.append(float(falling[rank]))
        rank += max(_FEWEST, int(_GROWTH * rank))
    return np.unique(edges)


def count(scores: Floats, edges: Floats) -> Floats:
    """How many scores lie in each bin. Shape: (bins,)."""
    return np.bincount(locate(scores, edges), minlength=len(edges)).astype(np.float64)


def locate(scores: Floats, edges: Floats) -> Int64s:
    """The bin of each score."""
    result: Int64s = np.searchsorted(edges, scores, side="right") - 1
    return result


def partition(first: Floats, second: Floats, *, penalty: float = PENALTY) -> Int64s:
    """The segment of each bin, for two counts per bin. Shape: (bins,), numbered from 0 upwards."""
    bins = len(first)
    sums_first = np.r_[0.0, np.cumsum(first)]
    sums_second = np.r_[0.0, np.cumsum(second)]
    best = np.zeros(bins + 1)
    start = np.zeros(bins + 1, np.int64)
    for end in range(1, bins + 1):
        a = sums_first[end] - sums_first[:end]
        b = sums_second[end] - sums_second[:end]
        value = best[:end] + _likelihood(a, b) - penalty
        start[end] = value.argmax()
        best[end] = value[start[end]]
    begins = np.zeros(bins, np.int64)
    end = bins
    while end > 0:
        begins[start[end]] = 1
        end = int(start[end])
    return np.cumsum(begins) - 1


def _likelihood(a: Floats, b: Floats) -> Floats:
    """The binomial log-likelihood of counts a and b at its maximum; 0 log 0 is 0."""
    total = np.maximum(a + b, 1)
    result: Floats = a * np.log(np.maximum(a, 1) / total) + b * np.log(np.maximum(b, 1) / total)
    return result
