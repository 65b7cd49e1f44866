"""Rank over GF(2): does every filter lie in a small linear space?

A diffusion that puts out more bits than it takes in is a linear code. Its words of low weight undo
it, and its dimension shows as the rank of the bit matrix: fewer than its columns.
"""

from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Bytes
from blindlink.owner.encoding.plan import compile_schema
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric, light

_MOST = 9000
_SPARE = 64


def rank(case: Case) -> Iterator[Metric]:
    """For each filter the share of its rank that is lacking, given its rows and its columns."""
    halved = _balanced(case)
    pairs = zip(case.encodings.filters, case.encodings.bits, strict=True)
    for number, (packed, bits) in enumerate(pairs, start=1):
        rows = case.rng("rank").permutation(len(packed))[: min(bits + _SPARE, _MOST)]
        distinct = np.unique(packed[rows], axis=0)
        columns = int(np.bitwise_count(np.bitwise_or.reduce(distinct, axis=0)).sum())
        if number - 1 in halved:
            columns = columns // 2 + 1
        full = min(len(distinct), columns)
        found = gf2_rank(distinct)
        lacking = max(1 - found / max(full, 1), 0.0)
        text = f"rank {found:,} of {full:,} possible ({len(distinct):,} rows, {columns:,} columns)"
        yield Metric("GF(2) rank", f"filter {number}", lacking, light(lacking, 0.02, 0.1), text)


def _balanced(case: Case) -> set[int]:
    """The filters that carry their own complement: half of their columns say nothing new."""
    if case.schema is None:
        return set()
    plans = compile_schema(case.schema)
    return {
        place
        for place, plan in enumerate(plans)
        if any(each.type == "balance" for each in plan.hardening)
    }


def gf2_rank(packed: Bytes) -> int:
    """The rank of a matrix of bits, rows packed. Eight columns at a time: the sums of their pivot
    rows stand in a table, so that each row is changed once (the method of the four Russians).
    """
    rows, done = packed.copy(), 0
    for byte in range(np.shape(rows)[1]):
        rest = rows[done:, byte:]
        bits = _pivots(rest)
        if bits:
            below = rest[len(bits) :]
            below ^= _sums(rest[: len(bits)], bits)[below[:, 0]]
            done += len(bits)
    return done


def _pivots(rest: Bytes) -> list[int]:
    """Move independent rows to the top, each alone in a bit of the first byte; these bits."""
    bits: list[int] = []
    first = rest[:, 0].copy()
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        top = len(bits)
        found = np.flatnonzero(first[top:] & bit)
        if not len(found):
            continue
        at = top + int(found[0])
        rest[[top, at]], first[[top, at]] = rest[[at, top]], first[[at, top]]
        for row, earlier in enumerate(bits):
            if rest[top, 0] & earlier:
                rest[top] ^= rest[row]
        for row in range(top):
            if rest[row, 0] & bit:
                rest[row] ^= rest[top]
        bits.append(bit)
        first[first & bit > 0] ^= rest[top, 0]
    return bits


def _sums(pivots: Bytes, bits: list[int]) -> Bytes:
    """Row c is what must be added to a row whose first byte is c to clear these bits."""
    sums = np.zeros((256, np.shape(pivots)[1]), np.uint8)
    for row, bit in zip(pivots, bits, strict=True):
        sums[np.arange(256) & bit > 0] ^= row
    return sums
