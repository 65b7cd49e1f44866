"""The bits of a feature: every distinct value is worked on once, and kept for the next tables."""

from collections.abc import Callable, Iterator

import numpy as np

from blindlink.arrays import Bytes, Int64s, UInt16s
from blindlink.owner.encoding.columns import Coded
from blindlink.owner.encoding.memo import Budget, RowMemo
from blindlink.owner.encoding.plan import FeaturePlan
from blindlink.owner.encoding.problems import Problems
from blindlink.owner.encoding.setting import set_bits
from blindlink.owner.encoding.tokens import Hasher, hasher
from blindlink.schema.bit_matrix import words
from blindlink.schema.grams import Cut, dense, within
from blindlink.schema.models import Strategy

_CELLS = 1 << 24  # unpacked bits held at a time
_PIECE = 1 << 11  # rows gathered at a time: they stay in the processor's cache
_TOKENS = 1 << 20  # tokens worked on at a time
_POSITIONS = 1 << 25
_ONE_HASH = 32  # positions
_LONG = 100  # from so many tokens on a value's bits are set one by one


class FeatureEncoder:
    """Sets the bits of one feature. Threads may share it."""

    def __init__(self, plan: FeaturePlan, keys: list[bytes], length: int, budget: Budget) -> None:
        self._plan, self._length = plan, length
        self._read, self._hash = checked(plan), hasher(plan.hash, keys, length)
        self._memo = RowMemo(-(-length // 8), budget)

    def add(self, packed: Bytes, column: Coded, problems: Problems) -> None:
        """OR the bits of a column's cells into the rows, (rows, ceil(length / 8))."""
        bad: list[tuple[str, str]] = []

        def make(values: list[str]) -> tuple[Bytes, list[int]]:
            texts, wrong = [], []
            for number, value in enumerate(values):
                try:
                    texts.append(self._read(value))
                except ValueError as error:
                    texts.append("")
                    wrong.append(number)
                    bad.append((value, str(error)))
            return value_rows(self._plan, texts, self._hash, self._length), wrong

        kept, beside, numbers = self._memo.find(column.values, make)
        _note(bad, column, self._plan.column, problems)
        _gather(packed, kept, beside, numbers[column.codes])


def checked(feature: FeaturePlan) -> Callable[[str], str]:
    """The cell's text to encode, after a trial of a comparison that does not take every text."""
    if feature.comparison.total:
        return feature.read

    def read_cell(cell: str) -> str:
        text = feature.read(cell)
        if text:
            feature.comparison.tokens(text)
        return text

    return read_cell


def value_rows(feature: FeaturePlan, texts: list[str], hashing: Hasher, length: int) -> Bytes:
    """The bits of each text of a feature, (len(texts), ceil(length / 8))."""
    rows = np.zeros((len(texts), -(-length // 8)), np.uint8)
    filled = [number for number, text in enumerate(texts) if text]
    for part in _blocks(filled, texts, feature.strategy):
        cut = feature.comparison.cut([texts[number] for number in part])
        rows[part] = _rows(feature, cut, hashing, length)
    return rows


def _blocks(filled: list[int], texts: list[str], strategy: Strategy) -> Iterator[list[int]]:
    """The numbers of texts in blocks that bound the tokens, and the positions of whole values."""
    bits = strategy.bits_per_token or strategy.bits_per_feature or 1
    start = 0
    while start < len(filled):
        stop, tokens, values = start, 0, max(1, _POSITIONS // bits)
        while stop < min(len(filled), start + values) and tokens < _TOKENS:
            tokens += len(texts[filled[stop]]) + 1
            stop += 1
        yield filled[start:stop]
        start = stop


def _rows(feature: FeaturePlan, cut: Cut, hashing: Hasher, length: int) -> Bytes:
    """The bits of each value: the OR of the rows of its tokens, which many values share."""
    encoded = [token.encode(feature.encoding) for token in cut.distinct]
    bits = _bits(feature.strategy, cut.counts)
    most = int(bits.max(initial=0))
    positions = _positions(hashing, encoded, cut.codes, bits)
    pairs, token = dense(cut.codes * (most + 1) + bits, cut.codes)
    if 2 * len(token) > len(pairs) or int(cut.counts.max(initial=0)) > _LONG:
        owner = np.repeat(np.arange(len(cut.counts)), cut.counts)
        return _direct(len(cut.counts), owner, positions, cut.codes, bits, length)
    of_pair = np.zeros(len(token), np.int64)
    of_pair[pairs] = bits
    rows = _direct(len(token), np.arange(len(token)), positions, token, of_pair, length)
    return _union(rows, pairs, cut.counts)


def _positions(hashing: Hasher, tokens: list[bytes], codes: Int64s, bits: Int64s) -> UInt16s:
    """The positions of the tokens; few of them need more than one hash has (short values)."""
    need = np.zeros(len(tokens), np.int64)
    np.maximum.at(need, codes, bits)
    most = int(need.max(initial=0))
    positions = np.zeros((len(tokens), most), np.uint16)
    positions[:, :_ONE_HASH] = hashing.positions(tokens, min(most, _ONE_HASH))
    more = np.flatnonzero(need > _ONE_HASH)
    if len(more):
        positions[more] = hashing.positions([tokens[code] for code in more.tolist()], most)
    return positions


def _bits(strategy: Strategy, counts: Int64s) -> Int64s:
    """How many bits each token sets, by value and in order (``Strategy.bits``)."""
    if strategy.bits_per_token is not None:
        return np.full(int(counts.sum()), strategy.bits_per_token, np.int64)
    total = strategy.bits_per_feature or 0
    each, more = total // counts, total % counts
    return np.repeat(each, counts) + (within(counts) < np.repeat(more, counts))


def _direct(
    count: int,
    owner: Int64s,
    positions: UInt16s,
    codes: Int64s,
    bits: Int64s,
    length: int,
) -> Bytes:
    """Rows made by setting bits; ``owner``, in order, is the row of each token."""
    rows = np.zeros((count, -(-length // 8)), np.uint8)
    step = max(1, _CELLS // length)
    for start in range(0, count, step):
        one, end = np.searchsorted(owner, [start, start + step]).tolist()
        cells = np.zeros((min(step, count - start), length), np.uint8)
        for first in range(one, end, _TOKENS // 16):
            part = slice(first, min(first + _TOKENS // 16, end))
            set_bits(cells, owner[part] - start, positions[codes[part]], bits[part])
        rows[start : start + step] = np.packbits(cells, axis=1)
    return rows


def _union(rows: Bytes, tokens: Int64s, counts: Int64s) -> Bytes:
    """The OR of the rows of each value's tokens: first tokens of all, second tokens, ..."""
    order = np.argsort(-counts, kind="stable")
    starts = (np.cumsum(counts) - counts)[order]
    falling = counts[order]
    source = words(rows)
    result = np.zeros((len(counts), *np.shape(source)[1:]), source.dtype)
    for start in range(0, len(order), _PIECE):
        part = slice(start, start + _PIECE)
        united = np.zeros((len(order[part]), *np.shape(source)[1:]), source.dtype)
        for number in range(int(falling[start])):
            longer = int(np.searchsorted(-falling[part], -number, side="left"))
            chosen = tokens[starts[part][:longer] + number]
            np.bitwise_or(united[:longer], source.take(chosen, axis=0), out=united[:longer])
        result[order[part]] = united
    return result.view(np.uint8)


def _gather(packed: Bytes, kept: Bytes, beside: Bytes, numbers: Int64s) -> None:
    """OR the row of each number into the filters, by pieces."""
    if len(beside):
        spilt = np.flatnonzero(numbers >= len(kept))
        packed[spilt] |= beside[numbers[spilt] - len(kept)]
        numbers = np.where(numbers < len(kept), numbers, 0)
    target, source = words(packed), words(kept)
    for start in range(0, len(packed), _PIECE):
        part = target[start : start + _PIECE]
        np.bitwise_or(part, source.take(numbers[start : start + _PIECE], axis=0), out=part)


def _note(bad: list[tuple[str, str]], column: Coded, name: str, problems: Problems) -> None:
    if not bad:
        return
    numbers = {value: code for code, value in enumerate(column.values)}
    for reason in sorted({reason for _, reason in bad}):
        codes = [numbers[value] for value, why in bad if why == reason]
        problems.add(name, column.rows_of(codes), reason)
