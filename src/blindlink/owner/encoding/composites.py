"""Composite tokens: the values of several columns joined, one hash for each token of each row.

They hardly repeat, so nothing is kept of them but the pieces of a first column that is cut.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from blindlink.arrays import Bytes, Int64s, UInt16s
from blindlink.owner.encoding.columns import Coded
from blindlink.owner.encoding.plan import CompositePlan
from blindlink.owner.encoding.setting import set_bits
from blindlink.owner.encoding.tokens import Blake

# Joins the parts of a composite token. Normalised values cannot hold a control character.
SEPARATOR = "\x1f"
_CELLS = 1 << 22  # unpacked bits held at a time: they stay in the processor's cache
_KEPT = 1 << 16  # values whose pieces are kept, unless they are long
_KEPT_LENGTH = 200


@dataclass(frozen=True)
class Tokens:
    """Token i belongs to row ``owner[i]``, in order, and sets ``bits[i]`` bits."""

    texts: list[bytes]
    owner: Int64s
    bits: Int64s


class CompositeEncoder:
    """Sets the bits of one composite. Threads may share it."""

    def __init__(self, plan: CompositePlan, key: bytes, length: int) -> None:
        self.fields, self._plan = plan.fields, plan
        self._hash, self._length = Blake(key, length), length
        self._pieces: dict[str, list[bytes]] = {}

    def hashed(self, columns: Mapping[str, Coded], parts: list[pa.Array]) -> "Hashed":
        """The positions of all tokens of a table; ``parts`` are the columns of the composite."""
        if self._plan.comparison.whole:
            tokens = self._whole(parts)
        else:
            tokens = self._cut(columns[self.fields[0]], parts[1:])
        most = int(tokens.bits.max(initial=0))
        return Hashed(self._hash.positions(tokens.texts, most), tokens.owner, tokens.bits)

    def _whole(self, parts: list[pa.Array]) -> Tokens:
        joined = join(parts)
        rows = np.flatnonzero(joined.is_valid().to_numpy(zero_copy_only=False))
        texts = joined.drop_null().cast(pa.binary()).to_pylist()
        return Tokens(texts, rows, np.full(len(rows), self._plan.strategy.bits(1)[0], np.int64))

    def _cut(self, first: Coded, rest: list[pa.Array]) -> Tokens:
        pieces = [self._pieces_of(value) for value in first.values]
        rows = len(first.codes)
        salts = join(rest).cast(pa.binary()).to_pylist() if rest else [b""] * rows
        texts: list[bytes] = []
        counts = np.zeros(rows, np.int64)
        for row, (code, salt) in enumerate(zip(first.codes.tolist(), salts, strict=True)):
            if salt is not None:
                own = pieces[code]
                counts[row] = len(own)
                texts += [piece + salt for piece in own]
        strategy = self._plan.strategy
        shares = {count: np.array(strategy.bits(count), np.int64) for count in set(counts.tolist())}
        bits = [np.zeros(0, np.int64), *(shares[count] for count in counts.tolist())]
        return Tokens(texts, np.repeat(np.arange(rows), counts), np.concatenate(bits))

    def _pieces_of(self, value: str) -> list[bytes]:
        pieces = self._pieces.get(value)
        if pieces is None:
            tokens = self._plan.comparison.tokens(value) if value else []
            pieces = [(token + SEPARATOR).encode() for token in tokens]
            if len(self._pieces) < _KEPT and len(value) <= _KEPT_LENGTH:
                self._pieces[value] = pieces
        return pieces


@dataclass(frozen=True)
class Hashed:
    """Positions (tokens, bits) of tokens in the order of their rows."""

    positions: UInt16s
    owner: Int64s
    bits: Int64s

    def set(self, cells: Bytes, start: int) -> None:
        """Set the bits of the rows from ``start`` on in ``cells``, (rows, length), unpacked."""
        stop = start + len(cells)
        one, end = np.searchsorted(self.owner, [start, stop]).tolist()
        owner = self.owner[one:end] - start
        set_bits(cells, owner, self.positions[one:end], self.bits[one:end])


def composite_rows(
    encoders: list[CompositeEncoder], columns: Mapping[str, Coded], rows: int, length: int
) -> Bytes:
    """The bits that composites set in the rows of a table, (rows, ceil(length / 8))."""
    used = {name for each in encoders for name in each.fields}
    texts = {name: columns[name].arrow() for name in used}
    hashed = [each.hashed(columns, [texts[name] for name in each.fields]) for each in encoders]
    packed = np.zeros((rows, -(-length // 8)), np.uint8)
    step = max(1, _CELLS // length)
    for start in range(0, rows, step):
        cells = np.zeros((min(step, rows - start), length), np.uint8)
        for each in hashed:
            each.set(cells, start)
        packed[start : start + step] = np.packbits(cells, axis=1)
    return packed


def join(parts: list[pa.Array]) -> pa.Array:
    """The parts of each row joined; null where one is missing."""
    return pc.binary_join_element_wise(*parts, SEPARATOR, null_handling="emit_null")
