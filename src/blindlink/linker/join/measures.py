"""Similarity of two filters from three counts: bits in common, bits of the left, bits of the right.

The measures of set similarity, for filters A and B of ``bits`` bits (Dice 1945, Jaccard 1901,
Otsuka 1936 for cosine, Szymkiewicz 1934 and Simpson 1943 for overlap; hamming is the share of equal
bits, also called simple matching, Sokal and Michener 1958):

    dice     2 |A and B| / (|A| + |B|)        cosine   |A and B| / sqrt(|A| |B|)
    jaccard  |A and B| / |A or B|             overlap  |A and B| / min(|A|, |B|)
    hamming  1 - |A xor B| / bits

Where a denominator is 0, the measure is 0.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from blindlink.arrays import Floats, Int64s
from blindlink.errors import InputError

Measure = Callable[[Int64s, Int64s, Int64s, int], Floats]


def dice(common: Int64s, left: Int64s, right: Int64s, bits: int) -> Floats:
    """Twice the bits in common over the sum of both weights."""
    return _ratio(2 * common, left + right)


def jaccard(common: Int64s, left: Int64s, right: Int64s, bits: int) -> Floats:
    """The bits in common over the bits of either."""
    return _ratio(common, left + right - common)


def cosine(common: Int64s, left: Int64s, right: Int64s, bits: int) -> Floats:
    """The bits in common over the geometric mean of both weights."""
    return _ratio(common, np.sqrt((left * right).astype(np.float64)))


def overlap(common: Int64s, left: Int64s, right: Int64s, bits: int) -> Floats:
    """The bits in common over the smaller weight."""
    return _ratio(common, np.minimum(left, right))


def hamming(common: Int64s, left: Int64s, right: Int64s, bits: int) -> Floats:
    """The share of positions that are equal."""
    return _ratio(bits - (left + right - 2 * common), np.int64(bits))


MEASURES: dict[str, Measure] = {
    measure.__name__: measure for measure in (dice, jaccard, cosine, overlap, hamming)
}


def find(name: str) -> Measure:
    """The measure of this name; raises InputError."""
    if name not in MEASURES:
        raise InputError(f"no measure {name!r}", hint=f"choose one of {', '.join(MEASURES)}")
    return MEASURES[name]


def _ratio(part: Any, whole: Any) -> Floats:
    part, whole = np.broadcast_arrays(part, whole)
    result = np.zeros(part.shape, np.float64)
    np.divide(part, whole, out=result, where=whole != 0)
    return result
