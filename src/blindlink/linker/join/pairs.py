"""A join of filters, the pairs that come out of it, and the rules that all engines share.

Filters are arrays of shape (records, bytes), dtype uint8. The rules, by which the reference engine
defines what is correct:

* A score is a double, rounded once from the exact fraction; a pair is kept when score >= threshold.
  Fractions of counts up to 2**17 lie so far apart that this equals the comparison of the exact
  fractions for every threshold of up to eight decimals: no pair at the threshold is lost. Cosine
  is the root of a fraction, rounded twice; there, the same holds for up to three decimals (two for
  filters of more than 16,384 bits).
* A pair with an empty filter scores 0 under dice, jaccard, cosine and overlap, also against another
  empty filter: an empty filter says nothing about a person. It is kept at threshold 0 only.
* The order is by score, highest first, then left row, then right row.
* ``top=k`` keeps, of the pairs that reach the threshold, the first k of each left row in that
  order, and of these the first k of each right row (as anonlink's candidate generation does). No
  record of either side is then in more than k pairs.
* A file is joined with itself in pairs of left row < right row, and ``top`` counts these only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from blindlink.arrays import Bools, Bytes, Floats, Int64s, Words
from blindlink.errors import InputError
from blindlink.linker.join.measures import find
from blindlink.progress import Progress, silent
from blindlink.schema.limits import MAX_FILTER_BITS

HASHED = 4096  # filters hashed at once


@dataclass(frozen=True)
class Pairs:
    """Pairs (left row, right row) and their scores; three arrays of one length."""

    left: Int64s
    right: Int64s
    score: Floats

    def __len__(self) -> int:
        return len(self.score)

    def take(self, index: Int64s | Bools | slice) -> "Pairs":
        """The pairs at these positions, in this range, or where this mask holds."""
        return Pairs(self.left[index], self.right[index], self.score[index])

    def swapped(self) -> "Pairs":
        """The same pairs with the sides exchanged, in the documented order again."""
        return ordered(Pairs(self.right, self.left, self.score))


@dataclass(frozen=True)
class Join:
    """What is to be compared: two files of filters, or one with itself, and which pairs count.

    ``left``, ``right``: filters (records, bytes) of uint8; ``right`` is None for a file with
    itself. ``bits``: the length of the filters where it is not a multiple of 8 (only the measure
    hamming needs it). ``progress`` hears how many left records are done. Raises InputError for
    filters of unlike or unsupported length, and for limits without sense.
    """

    left: Bytes
    right: Bytes | None
    threshold: float
    top: int | None = None
    measure: str = "dice"
    bits: int | None = None
    progress: Progress = silent

    def __post_init__(self) -> None:
        check(self.left, self.others, self.threshold, self.top)
        find(self.measure)

    @property
    def others(self) -> Bytes:
        """What the left records are compared with: the right file, or the same one."""
        return self.left if self.right is None else self.right

    @property
    def length(self) -> int:
        """The bits of a filter."""
        return 8 * int(self.left.shape[1]) if self.bits is None else self.bits

    def counting(self, pairs: Pairs) -> Pairs:
        """The pairs that count: in a file with itself those of left row < right row."""
        return pairs if self.right is not None else pairs.take(pairs.left < pairs.right)


def concatenated(parts: Sequence[Pairs]) -> Pairs:
    """All pairs of several parts, in the order in which they come."""
    return Pairs(
        np.concatenate([np.empty(0, np.int64), *(part.left for part in parts)]),
        np.concatenate([np.empty(0, np.int64), *(part.right for part in parts)]),
        np.concatenate([np.empty(0, np.float64), *(part.score for part in parts)]),
    )


def drained(parts: list[Pairs]) -> Pairs:
    """As ``concatenated``, and the list is empty then: no pair is in memory twice."""
    whole = concatenated(parts)
    parts.clear()
    return whole


def ordered(pairs: Pairs) -> Pairs:
    """The same pairs by score, highest first, then left row, then right row."""
    if _in_order(pairs):  # seen in a hundredth of the time that a sort takes
        return pairs
    return pairs.take(by_score(pairs.score, pairs.left, pairs.right))


def _in_order(pairs: Pairs) -> bool:
    higher, lower = pairs.take(slice(None, -1)), pairs.take(slice(1, None))
    if not (higher.score >= lower.score).all():
        return False
    later = (higher.left > lower.left) | (
        (higher.left == lower.left) & (higher.right > lower.right)
    )
    return not (later & (higher.score == lower.score)).any()


def by_score(score: Floats, *columns: npt.NDArray[Any]) -> Int64s:
    """Positions by score, highest first, then by these columns of integers >= 0, smallest first.

    What is equal in all stays as it was. One sort by score and one by a key of 64 bits, in which
    the run of equal scores comes first: several times faster than a sort by every column.
    """
    order = np.argsort(-score)
    key = _packed(_runs(score[order]), (column[order] for column in columns))
    within = np.argsort(key)
    same = key[within[1:]] == key[within[:-1]]
    if same.any():
        places = np.flatnonzero(np.r_[same, False] | np.r_[False, same])
        rows = within[places]
        again = (order[rows], *(column[order[rows]] for column in reversed(columns)), key[rows])
        within[places] = rows[np.lexsort(again)]
    return order[within]


def _runs(falling: Floats) -> Words:
    """The number of the run of equal scores in which each score stands, from 0."""
    run = np.zeros(len(falling), np.uint64)
    np.cumsum(falling[1:] != falling[:-1], out=run[1:])
    return run


def _packed(key: Words, columns: Iterable[npt.NDArray[Any]]) -> Words:
    """The key and then the columns in 64 bits, the key highest; the last bits may find no room."""
    room = 64 - int(key.max(initial=0)).bit_length()
    key <<= np.uint64(min(room, 63))
    for column in columns:
        size = int(column.max(initial=0)).bit_length()
        if size >= room:
            key |= column.astype(np.uint64) >> np.uint64(min(size - room, 63))
            return key
        room -= size
        key |= column.astype(np.uint64) << np.uint64(min(room, 63))
    return key


def best(pairs: Pairs, top: int | None) -> Pairs:
    """The first ``top`` pairs of each left row, and of these of each right row; input ordered."""
    if top is None:
        return pairs
    pairs = pairs.take(rank_within(pairs.left) < top)
    return pairs.take(rank_within(pairs.right) < top)


def rank_within(group: Int64s) -> Int64s:
    """For each item, how many items of the same group stand before it. Shape: (items,)."""
    order = np.argsort(group, kind="stable")
    grouped = group[order]
    starts = np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]]) if len(group) else order
    sizes = np.diff(np.r_[starts, len(group)])
    rank = np.empty(len(group), np.int64)
    rank[order] = np.arange(len(group)) - np.repeat(starts, sizes)
    return rank


def words(filters: Bytes) -> Words:
    """The filters as 64-bit words, padded with zeros; a view where possible. (records, words)"""
    count, width = filters.shape
    if width % 8:
        padded = np.zeros((count, width + 8 - width % 8), np.uint8)
        padded[:, :width] = filters
        filters = padded
    # Alignment: a file's bytes may start anywhere in memory, compiled code reads whole words.
    return np.require(np.ascontiguousarray(filters).view(np.uint64), requirements="A")


def weights(filters: Words) -> Int64s:
    """How many bits are set in each filter. Shape: (records,)."""
    counts = np.empty(len(filters), np.int64)
    for start in range(0, len(filters), 65_536):
        part = slice(start, start + 65_536)
        counts[part] = np.bitwise_count(filters[part]).sum(axis=1, dtype=np.int64)
    return counts


def hashes(filters: Bytes, seed: int) -> Words:
    """A pseudo-random number for each filter, so that a sample does not hang on the order of rows.

    A sum of the words times random odd numbers, finished by mixing the high bits down; some rows at
    a time, since the products are as large as the filters.
    """
    data = words(filters)
    numbers = np.random.default_rng(seed).integers(0, 2**62, int(np.shape(data)[1]))
    odd = (2 * numbers + 1).astype(np.uint64)
    mixed = np.empty(len(data), np.uint64)
    for start in range(0, len(data), HASHED):
        rows = slice(start, start + HASHED)
        mixed[rows] = (data[rows] * odd).sum(axis=1, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(32)
    return mixed


def check(left: Bytes, right: Bytes, threshold: float, top: int | None) -> None:
    """Raises InputError unless the filters are of one length and the limits make sense."""
    for side, filters in (("left", left), ("right", right)):
        if filters.ndim != 2 or filters.dtype != np.uint8:
            raise InputError(f"{side} filters: expected an array (records, bytes) of uint8")
        if not 1 <= filters.shape[1] <= MAX_FILTER_BITS // 8:
            raise InputError(f"{side} filters: length must be 8 to {MAX_FILTER_BITS} bits")
    if left.shape[1] != right.shape[1]:
        raise InputError(
            f"left filters have {left.shape[1] * 8} bits, right filters {right.shape[1] * 8}",
            hint="both sides must be encoded with the same linkage schema",
        )
    if not 0 <= threshold <= 1:
        raise InputError("the threshold must lie between 0 and 1", hint="for example 0.8")
    if top is not None and top < 1:
        raise InputError("top must be at least 1", hint="leave it out to keep all pairs")
