"""The n-grams of many values at once, by arrays of code points instead of slices of text."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from blindlink.arrays import Int64s

_POINT = 21  # bits of a Unicode code point


@dataclass(frozen=True)
class Cut:
    """Tokens of some values, in order: value i has ``counts[i]`` of them, and token j is
    ``distinct[codes[j]]``.
    """

    distinct: list[str]
    codes: Int64s
    counts: Int64s


def listed(found: Sequence[list[str]]) -> Cut:
    """The same of tokens that were made value by value."""
    seen: dict[str, int] = {}
    codes = [seen.setdefault(token, len(seen)) for tokens in found for token in tokens]
    counts = np.array([len(tokens) for tokens in found], np.int64)
    return Cut(list(seen), np.array(codes, np.int64), counts)


def ngrams(n: int, positional: bool, values: Sequence[str]) -> Cut:
    """The tokens of values that are not empty, as ``Ngram.tokens`` gives them one by one."""
    pad = n - 1
    text = " " * pad + (" " * (2 * pad)).join(values) + " " * pad
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    counts = lengths + pad
    # Within a value a window starts at each character from the first of the padding on.
    number = within(counts)
    starts = np.repeat(_before(lengths + 2 * pad), counts) + number
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)
    codes, example = _windows(points, starts, n)
    grams = [text[start : start + n] for start in starts[example].tolist()]
    if not positional:
        return Cut(grams, codes, counts)
    most = int(counts.max(initial=0)) + 1
    codes, example = dense(codes * most + number, codes)
    # ``dense`` gave the gram of each pair; the position is that of any token of the pair.
    place = np.zeros(len(example), np.int64)
    place[codes] = number + 1
    pairs = zip(place.tolist(), example.tolist(), strict=True)
    return Cut([f"{position} {grams[gram]}" for position, gram in pairs], codes, counts)


def within(counts: Int64s) -> Int64s:
    """The number of each token within its value, from 0."""
    return np.arange(int(counts.sum())) - np.repeat(_before(counts), counts)


def dense(keys: Int64s, carry: Int64s) -> tuple[Int64s, Int64s]:
    """Codes 0, 1, ... of the distinct keys, and for each of them the ``carry`` of one of its keys.

    By a hash table: numpy.unique would sort.
    """
    codes = pa.array(keys).dictionary_encode().indices.to_numpy().astype(np.int64)
    example = np.zeros(int(codes.max(initial=-1)) + 1, np.int64)
    example[codes] = carry
    return codes, example


def _windows(points: Int64s, starts: Int64s, n: int) -> tuple[Int64s, Int64s]:
    """A code for each window of n code points, and a window of each code."""
    all_windows = np.arange(len(starts))
    codes, size = points[starts], _POINT
    for step in range(1, n):
        if size + _POINT > 63:
            codes, example = dense(codes, all_windows)
            size = len(example).bit_length()
        codes, size = codes << _POINT | points[starts + step], size + _POINT
    return dense(codes, all_windows)


def _before(counts: Int64s) -> Int64s:
    """The sum of the counts before each."""
    return np.cumsum(counts) - counts
