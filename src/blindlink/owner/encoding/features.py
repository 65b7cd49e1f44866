"""The bits of features, as clkhash sets them: every distinct value is worked on once, and kept.

values of a column   SMITH  JONES  SMYTHE ...        each once, however many rows hold it
cut into tokens      " S" "SM" "MI" "IT" "TH" "H "   by arrays of code points
distinct tokens      hashed once, to rows of bits that many values share
value's row          the OR of its tokens' rows; kept for the next tables, within a budget
filter of a record   the OR of its values' rows, gathered by the number of the value
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock

import numpy as np

from blindlink.arrays import Bytes, Int64s, UInt16s
from blindlink.owner.encoding.columns import Coded
from blindlink.owner.encoding.plan import FeaturePlan
from blindlink.owner.encoding.problems import Problems
from blindlink.owner.encoding.tokens import DRAWN, Hasher, hasher, set_bits
from blindlink.schema.bit_matrix import words
from blindlink.schema.grams import Cut, dense, within
from blindlink.schema.models import Strategy

BUDGET = 384 << 20  # bytes of rows that are kept
_ENTRY = 160  # a dictionary's entry with its text takes about as much beside the bits
_CELLS = 1 << 24  # unpacked bits held at a time
_PIECE = 1 << 11  # rows gathered at a time: they stay in the processor's cache
_TOKENS = 1 << 20  # tokens worked on at a time
_POSITIONS = 1 << 25
_LONG = 100  # from so many tokens on a value's bits are set one by one


class Budget:
    """The bytes that all the memos of an encoder may take together."""

    def __init__(self, size: int = BUDGET) -> None:
        self._left, self._lock = size, Lock()

    def grant(self, count: int, each: int) -> int:
        """How many of ``count`` entries of ``each`` bytes still fit; they are taken."""
        with self._lock:
            granted = max(0, min(count, self._left // (each + _ENTRY)))
            self._left -= granted * (each + _ENTRY)
        return granted


@dataclass(frozen=True)
class Rows:
    """The bits of a column's values: row i of a table holds line ``numbers[i]`` of the kept rows
    and of those beside them, which did not fit, as if they stood in one array.
    """

    kept: Bytes
    beside: Bytes
    numbers: Int64s


class RowMemo:
    """Rows of bits by value. Row 0 is blank. Threads may share it.

    The first values to come are kept: among people the frequent ones come early. What does not fit
    is worked out again in each table, with the same result.
    """

    def __init__(self, width: int, budget: Budget) -> None:
        self._numbers: dict[str, int] = {}
        self._rows: Bytes = np.zeros((64, width), np.uint8)
        self._budget, self._lock = budget, Lock()

    def find(self, values: list[str], make: Callable[[list[str]], tuple[Bytes, list[int]]]) -> Rows:
        """The rows of values. ``make`` gives those of values that are not known, and which of
        those values are bad: they get the blank row and are not kept.
        """
        with self._lock:
            numbers = np.array([self._numbers.get(value, -1) for value in values], np.int64)
            unknown = np.flatnonzero(numbers < 0)
            if not len(unknown):
                return Rows(self._rows, self._rows[:0], numbers)
            fresh = [values[code] for code in unknown.tolist()]
            made, bad = make(fresh)
            good = np.ones(len(fresh), bool)
            good[bad] = False
            numbers[unknown[~good]] = 0
            kept = self._keep([fresh[i] for i in np.flatnonzero(good).tolist()], made[good])
            first = len(self._numbers) + 1 - kept
            # Rows that did not fit are numbered after the whole of the kept array.
            beside = np.arange(good.sum() - kept) + len(self._rows)
            numbers[unknown[good]] = np.concatenate([np.arange(first, first + kept), beside])
            return Rows(self._rows, made[good][kept:], numbers)

    def _keep(self, values: list[str], rows: Bytes) -> int:
        text = 4 * max(map(len, values), default=0)
        count = self._budget.grant(len(values), np.shape(rows)[1] + text)
        first = len(self._numbers) + 1
        if first + count > len(self._rows):
            # Others may still read the old array: its rows do not change.
            grown = np.zeros((2 * (first + count), np.shape(rows)[1]), np.uint8)
            grown[:first] = self._rows[:first]
            self._rows = grown
        self._rows[first : first + count] = rows[:count]
        self._numbers.update(zip(values[:count], range(first, first + count), strict=True))
        return count


class FeatureEncoder:
    """Makes and sets the bits of one feature. Threads may share it."""

    def __init__(self, plan: FeaturePlan, keys: list[bytes], length: int, budget: Budget) -> None:
        self._plan, self._length = plan, length
        self._read, self._hash = checked(plan), hasher(plan.hash, keys, length)
        self._memo = RowMemo(-(-length // 8), budget)

    def rows(self, column: Coded, problems: Problems) -> Rows:
        """The bits of a column's cells; a bad cell has none and is noted."""
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

        made = self._memo.find(column.values, make)
        _note(bad, column, self._plan.column, problems)
        return Rows(made.kept, made.beside, made.numbers[column.codes])


def add_rows(packed: Bytes, rows: Rows, start: int) -> None:
    """OR the bits of the rows of a column from ``start`` on into filters, (rows, bytes)."""
    numbers = rows.numbers[start : start + len(packed)]
    if len(rows.beside):
        spilt = np.flatnonzero(numbers >= len(rows.kept))
        packed[spilt] |= rows.beside[numbers[spilt] - len(rows.kept)]
        numbers = np.where(numbers < len(rows.kept), numbers, 0)
    target, source = words(packed), words(rows.kept)
    for first in range(0, len(packed), _PIECE):
        part = target[first : first + _PIECE]
        np.bitwise_or(part, source.take(numbers[first : first + _PIECE], axis=0), out=part)


def fold(packed: Bytes, length: int, folds: int) -> Bytes:
    """XOR the halves of filters of ``length`` bits, ``folds`` times."""
    for _ in range(folds):
        length //= 2
        if length % 8 == 0:
            packed = packed[:, : length // 8] ^ packed[:, length // 8 :]
        else:
            bits = np.unpackbits(packed, axis=1, count=2 * length)
            packed = np.packbits(bits[:, :length] ^ bits[:, length:], axis=1)
    return packed


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
    positions[:, :DRAWN] = hashing.positions(tokens, min(most, DRAWN))
    more = np.flatnonzero(need > DRAWN)
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


def _note(bad: list[tuple[str, str]], column: Coded, name: str, problems: Problems) -> None:
    if not bad:
        return
    numbers = {value: code for code, value in enumerate(column.values)}
    for reason in sorted({reason for _, reason in bad}):
        codes = [numbers[value] for value, why in bad if why == reason]
        problems.add(name, column.rows_of(codes), reason)
