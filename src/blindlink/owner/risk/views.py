"""What an attacker holds of the sampled rows: one filter, or all of them and the match keys."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from blindlink.arrays import Bytes, Float32s, Int64s
from blindlink.messages.encodings import Encodings

_BLOCK = 2048
_PIECE = 1 << 13
_SPARSE = 0.1  # a share of set bits from which on the dense product is faster
_SOME = 512  # rows of a sparse product at a time
KEY_WEIGHT = 16  # an equal match key counts as so many equal bits


@dataclass(frozen=True, eq=False)
class View:
    """Filters and match keys of some rows. ``keys``: (rows,) int64 each, -1 where missing."""

    name: str
    filters: tuple[tuple[Bytes, int], ...]
    keys: tuple[Int64s, ...] = ()
    parts: tuple["View", ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.filters[0][0])

    @property
    def bits(self) -> int:
        """Bits of all filters together."""
        return sum(bits for _, bits in self.filters)

    @property
    def differs(self) -> bool:
        """Whether any two rows differ in a bit or a match key."""
        bits = any((packed != packed[:1]).any() for packed, _ in self.filters)
        return bits or any((key != key[:1]).any() for key in self.keys)

    def blocks(self) -> Iterator[Float32s]:
        """The bits of all filters, then the repeated match keys, as columns of 0 and 1."""
        yield from self.bit_blocks()
        yield from (_one_hot(key) for key in self.keys)

    def bit_blocks(self) -> Iterator[Float32s]:
        """The bits of all filters, some columns at a time: all at once would take much room."""
        for packed, bits in self.filters:
            for start in range(0, bits, _BLOCK):
                part = packed[:, start // 8 : (start + _BLOCK) // 8]
                count = min(_BLOCK, bits - start)
                yield np.unpackbits(part, axis=1, count=count).astype(np.float32)

    def columns(self, most: int, rng: np.random.Generator) -> Float32s:
        """At most so many bits, chosen at random, without those that never change."""
        chosen = np.sort(rng.permutation(self.bits)[:most])
        found, start = [], 0
        for packed, bits in self.filters:
            own = chosen[(chosen >= start) & (chosen < start + bits)] - start
            shifts = (7 - own % 8).astype(np.uint8)
            found.append(((packed[:, own // 8] >> shifts) & 1).astype(np.float32))
            start += bits
        columns = np.concatenate(found, axis=1)
        return np.compress(columns.std(axis=0) > 0, columns, axis=1)

    @cached_property
    def weight(self) -> Float32s:
        """Bits set in each row, match keys included, (rows,)."""
        return np.ascontiguousarray(self.common.diagonal())

    @cached_property
    def common(self) -> Float32s:
        """Bits that each two rows have in common, an equal match key as many, (rows, rows)."""
        total: Float32s = np.zeros((len(self), len(self)), np.float32)
        for part in self.parts:
            total += part.common
        if not self.parts:
            for packed, bits in self.filters:
                total += common_bits(packed, bits)
        for key in self.keys:
            total += np.float32(KEY_WEIGHT) * ((key[:, None] == key) & (key >= 0))
        return total


def common_bits(packed: Bytes, bits: int) -> Float32s:
    """Bits that each two of the filters have in common, (rows, rows): exact counts.

    Where few bits are set, a product of sparse matrices: its work goes with the square of a row's
    weight over ``bits``, that of the dense one with ``bits``.
    """
    rows = len(packed)
    total: Float32s = np.zeros((rows, rows), np.float32)
    if int(np.bitwise_count(packed).sum()) > _SPARSE * rows * bits:
        for start in range(0, bits, _BLOCK):
            part = packed[:, start // 8 : (start + _BLOCK) // 8]
            count = min(_BLOCK, bits - start)
            block = np.unpackbits(part, axis=1, count=count).astype(np.float32)
            total += block @ block.T
        return total
    held = _sparse(packed, bits)
    turned = held.T.tocsr()
    for start in range(0, rows, _SOME):
        total[start : start + _SOME] = (held[start : start + _SOME] @ turned).toarray()
    return total


def _sparse(packed: Bytes, bits: int) -> csr_array:
    """The set bits of filters, (rows, bits), by pieces: unpacked they take eight times the room."""
    owners, places = [], []
    for start in range(0, len(packed), _SOME):
        part = np.unpackbits(packed[start : start + _SOME], axis=1, count=bits)
        row, place = np.nonzero(part)
        owners.append(row + start)
        places.append(place)
    row, place = np.concatenate(owners), np.concatenate(places)
    return csr_array((np.ones(len(row), np.float32), (row, place)), shape=(len(packed), bits))


def views_of(encodings: Encodings, rows: Int64s) -> Iterator[View]:
    """Each filter alone; then all of them with the match keys, where that is more."""
    pairs = zip(encodings.filters, encodings.bits, strict=True)
    alone = [
        View(f"filter {number}", ((packed[rows], bits),))
        for number, (packed, bits) in enumerate(pairs, start=1)
    ]
    yield from alone
    keys = [numbered_rows([key[rows]]) for key in encodings.match_keys]
    keys = [key for key in keys if repeated(key)]
    if len(alone) > 1 or keys:
        filters = tuple(each.filters[0] for each in alone)
        name = "all filters" if len(alone) > 1 else "filter 1"
        name += " and match keys" if keys else ""
        yield View(name, filters, tuple(keys), tuple(alone))


def numbered_rows(arrays: Sequence[Bytes]) -> Int64s:
    """Rows of bytes, each of all arrays together, as numbers from 0; -1 where all is zero.

    Rows are told apart by a 64-bit sum of their mixed words, since sorting whole filters takes much
    room: two different rows get one number with a chance of some 2^-64.
    """
    prints = np.zeros(len(arrays[0]), np.uint64)
    there = np.zeros(len(arrays[0]), bool)
    constants = np.random.Generator(np.random.PCG64(0))
    for array in arrays:
        words = -(-np.shape(array)[1] // 8)
        odd = constants.integers(0, 1 << 63, words, np.uint64) * np.uint64(2) + np.uint64(1)
        for start in range(0, len(array), _PIECE):
            part = slice(start, start + _PIECE)
            padded = np.zeros((len(array[part]), 8 * words), np.uint8)
            padded[:, : np.shape(array)[1]] = array[part]
            mixed = padded.view(np.uint64) * odd
            mixed ^= mixed >> np.uint64(32)
            mixed *= odd
            prints[part] += mixed.sum(axis=1, dtype=np.uint64)
            there[part] |= padded.any(axis=1)
    codes = np.unique(prints, return_inverse=True)[1].astype(np.int64)
    return np.where(there, codes, -1)


def repeated(codes: Int64s) -> bool:
    """Whether any two rows have the same match key."""
    filled = codes[codes >= 0]
    return bool(len(filled)) and int(np.bincount(filled).max()) > 1


def _one_hot(key: Int64s) -> Float32s:
    """A column for each repeated match key."""
    values, counts = np.unique(key[key >= 0], return_counts=True)
    found: Float32s = (key[:, None] == values[counts > 1]).astype(np.float32)
    return found
