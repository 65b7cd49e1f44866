"""Compiled kernels of the sliced engine: an exact threshold join that looks at few of the bits.

The right filters are transposed once into blocks of LANES lanes: for each bit position one vector
with a lane per record, set where the record does *not* have the bit. For a left filter ``sift``
walks its set bits, rarest first, and counts for all lanes at once how often the bit is missing
(blindlink.linker.join.counters); when all lanes miss too many, the block is left. What survives,
``compare`` counts exactly and divides as in the reference.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from blindlink.linker.join.adders import inner
from blindlink.linker.join.compiled import kernel
from blindlink.linker.join.counters import FEW, survivors, survivors_of_many
from blindlink.linker.join.lanes import (
    LANES,
    WORDS,
    anything,
    bit_count,
    every,
    load,
    lowest_bit,
    set_word,
    store,
    word,
)
from blindlink.linker.join.measures import MEASURES

MEASURE_CODES = {name: code for code, name in enumerate(MEASURES)}  # dice is 0


class Rule(NamedTuple):
    """What is compared: the code of the measure and the length of the filters."""

    measure: int
    bits: int


class Slab(NamedTuple):
    """Right records, transposed: blocks (blocks, columns, WORDS) with weights from low to high.

    A lane stands for ``group`` records that follow each other in ``order``, and has the bits of all
    of them: if it misses too many bits, so does each of them. ``words`` and ``weights`` are by
    record; ``base`` is the right row of record 0.
    """

    blocks: npt.NDArray[np.uint64]
    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]
    words: npt.NDArray[np.uint64]
    weights: npt.NDArray[np.int64]
    group: int
    base: int


class Tile(NamedTuple):
    """Left records and their walks: the columns of set bits, from ``starts`` of each record."""

    words: npt.NDArray[np.uint64]
    weights: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    walks: npt.NDArray[np.uint16]


class Hits(NamedTuple):
    """What has to be compared exactly: a left record, a block, and lanes in it (hits, WORDS)."""

    row: npt.NDArray[np.int64]
    block: npt.NDArray[np.int64]
    lanes: npt.NDArray[np.uint64]


class Found(NamedTuple):
    """Room for pairs that reach the threshold, in no order. Shape: (room,)."""

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]


class Kept(NamedTuple):
    """The best pairs of each left record: how many are held, and which (records, top)."""

    held: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]


@kernel
def weigh(words: Any, weights: Any) -> None:
    """Put the number of set bits of each record of ``words`` (records, words) into ``weights``."""
    source, width = np.intp(words.ctypes.data), words.shape[1]
    for record in range(len(words)):
        weight = 0
        for k in range(width):
            weight += bit_count(word(source, record * width + k))
        weights[record] = weight


@inner
def exchange(square: Any, width: int, shift: int, mask: int) -> None:
    """In 8 rows of 8 words at ``square``: exchange bits between rows that are ``width`` apart.

    The bits of ``mask`` in the lower row, with those that are ``shift`` higher in the upper row.
    """
    distance, kept = every(shift), every(mask)
    for start in range(0, 8, 2 * width):
        for row in range(start, start + width):
            for k in range(8 // WORDS):
                at, other = row * (8 // WORDS) + k, (row + width) * (8 // WORDS) + k
                upper, lower = load(square, at), load(square, other)
                swap = ((upper >> distance) ^ lower) & kept
                store(square, at, upper ^ (swap << distance))
                store(square, other, lower ^ swap)


@inner
def transpose_square(square: Any, turned: Any) -> None:
    """Transpose 64 words of 64 bits (Warren 2012, section 7-3) from ``square`` to ``turned``.

    Both are addresses. Row 8 i + j of the input is word 8 j + i, so that each step is one of whole
    vectors; the output is in order.
    """
    exchange(square, 4, 4, 0x0F0F0F0F0F0F0F0F)
    exchange(square, 2, 2, 0x3333333333333333)
    exchange(square, 1, 1, 0x5555555555555555)
    for i in range(8):
        for j in range(8):
            set_word(turned, 8 * i + j, word(square, 8 * j + i))
    exchange(turned, 4, 32, 0x00000000FFFFFFFF)
    exchange(turned, 2, 16, 0x0000FFFF0000FFFF)
    exchange(turned, 1, 8, 0x00FF00FF00FF00FF)


@inner
def missing_bits(words: Any, order: Any, group: int, start: int, lanes: Any) -> None:
    """The bits that all records of a lane miss, for 64 lanes (64, words) from this place on."""
    for lane in range(64):
        lanes[lane] = ~np.uint64(0)
        first = start + lane * group
        for k in range(first, min(first + group, len(order))):
            record = order[k]
            for column in range(words.shape[1]):
                lanes[lane, column] &= ~words[record, column]


@kernel
def transpose(
    words: Any, order: Any, group: int, rank: Any, first: int, last: int, blocks: Any
) -> None:
    """Fill blocks [first, last) of ``blocks`` (blocks, columns, WORDS) from records in this order.

    The column of a bit stands at its ``rank`` by rarity: what is walked first lies together. Lanes
    beyond the last record miss every bit. The last column is zero: walking it changes nothing.
    """
    width, columns = words.shape[1], blocks.shape[1]
    lanes, turned = np.empty((64, width), np.uint64), np.empty(64, np.uint64)
    scratch = np.empty(64, np.uint64)
    square, result = np.intp(scratch.ctypes.data), np.intp(turned.ctypes.data)
    target = np.intp(blocks.ctypes.data)
    for block in range(first, last):
        blocks[block, -1] = np.uint64(0)
        for part in range(WORDS):
            missing_bits(words, order, group, (block * LANES + part * 64) * group, lanes)
            for k in range(width):
                for lane in range(64):
                    scratch[(lane & 7) * 8 + (lane >> 3)] = lanes[lane, k]
                transpose_square(square, result)
                for bit in range(64):
                    place = block * columns + rank[k * 64 + bit]
                    set_word(target, place * WORDS + part, turned[bit])


@kernel
def walk(words: Any, rank: Any, columns: int, starts: Any, walks: Any) -> None:
    """The columns of each record's set bits, rarest first.

    ``rank`` is the place of each bit by rarity, and so the column in a block of ``columns``. What
    is left over of the places from ``starts[record]`` to ``starts[record + 1]`` points at the last
    column, which is zero.
    """
    ranked = np.empty(words.shape[1], np.uint64)
    for record in range(len(words)):
        ranked[:] = 0
        for k in range(words.shape[1]):
            rest = words[record, k]
            while rest != 0:
                place = rank[k * 64 + lowest_bit(rest)]
                rest &= rest - np.uint64(1)
                ranked[place >> 6] |= np.uint64(1) << np.uint64(place & 63)
        at = starts[record]
        for k in range(words.shape[1]):
            rest = ranked[k]
            while rest != 0:
                walks[at] = k * 64 + lowest_bit(rest)
                rest &= rest - np.uint64(1)
                at += 1
        walks[at : starts[record + 1]] = columns - 1


@inner
def least_common(rule: Any, bar: float, left: int, right: int) -> int:
    """A lower bound of the bits in common at which ``bar`` is reached, for these weights.

    It does not fall when ``right`` grows. The slack covers the rounding of a few operations on
    counts below 2**15; the exact comparison comes later.
    """
    measure, bits = rule.measure, rule.bits
    if measure == 0:
        need = bar * 0.5 * (left + right)
    elif measure == 1:
        need = bar * (left + right) / (1.0 + bar)
    elif measure == 2:
        need = bar * math.sqrt(float(left) * right)
    elif measure == 3:
        need = bar * min(left, right)
    else:
        need = 0.5 * (left + right - (1.0 - bar) * bits)
    return max(0, math.ceil(need - 1e-6))


@inner
def similarity(rule: Any, common: int, left: int, right: int) -> float:
    """The measure, rounded as in ``blindlink.linker.join.measures``."""
    measure, bits = rule.measure, rule.bits
    if measure == 0:
        part, whole = float(2 * common), float(left + right)
    elif measure == 1:
        part, whole = float(common), float(left + right - common)
    elif measure == 2:
        part, whole = float(common), math.sqrt(float(left * right))
    elif measure == 3:
        part, whole = float(common), float(min(left, right))
    else:
        part, whole = float(bits - (left + right - 2 * common)), float(bits)
    return part / whole if whole != 0.0 else 0.0


@inner
def misses_allowed(rule: Any, bar: float, left: int, low: int, high: int) -> int:
    """How many bits of a left filter the records of a block with weights low..high may miss.

    Negative where no record of the block can reach the threshold.
    """
    if high < left and least_common(rule, bar, left, high) > high:
        return -1
    allowed: int = left - least_common(rule, bar, left, low)
    return allowed


@kernel
def sift(slab: Any, tile: Any, rule: Any, bars: Any, step: int, last: int, hits: Any) -> Any:
    """Find what has to be compared exactly: steps are (block, record) pairs, in row-major order.

    Goes from ``step`` to ``last``, or until ``hits`` is full. ``bars`` (records,) is the score that
    a pair of each record must reach. Returns the step to go on from and the number of hits.

    Everything is taken out of the tuples first: numba counts references whenever an array is handed
    on, which in the loop would cost as much as the work itself.
    """
    low, high, weights, starts = slab.low, slab.high, tile.weights, tile.starts
    hit_row, hit_block, hit_lanes = hits.row, hits.block, np.intp(hits.lanes.ctypes.data)
    blocks, walks = np.intp(slab.blocks.ctypes.data), np.intp(tile.walks.ctypes.data)
    size, rows, count = slab.blocks.strides[0], len(weights), 0
    allowance = np.empty(rows, np.int64)
    while step < last:
        block, first = step // rows, step % rows
        # In a loop of its own, where the processor works on many rows at once.
        for row in range(first, rows):
            allowance[row] = misses_allowed(rule, bars[row], weights[row], low[block], high[block])
        here = blocks + block * size
        for row in range(first, min(rows, first + last - step)):
            if count == len(hit_row):
                return step, count
            step += 1
            allowed = allowance[row]
            if allowed < 0:
                continue
            if allowed >= weights[row]:
                lanes = every(-1)
            elif allowed < FEW:
                lanes = survivors(here, walks, starts[row], starts[row + 1], allowed)
            else:
                lanes = survivors_of_many(here, walks, starts[row], starts[row + 1], allowed)
            if anything(lanes):
                hit_row[count], hit_block[count] = row, block
                store(hit_lanes, count, lanes)
                count += 1
    return step, count


@inner
def common_bits(left: Any, right: Any, words: int) -> int:
    """The bits that two filters of so many words have in common; both are addresses."""
    common = 0
    for k in range(words):
        common += bit_count(word(left, k) & word(right, k))
    return common


@kernel
def compare(slab: Any, tile: Any, rule: Any, bars: Any, beyond: int, hits: Any, found: Any) -> int:
    """Compare the hits exactly; returns how many pairs reach the bar of their left record.

    Pairs whose right row is not above the left record plus ``beyond`` do not count. ``found`` has
    room for all.
    """
    row_of, block_of, lanes, order = hits.row, hits.block, hits.lanes, slab.order
    out_left, out_right, out_score = found.left, found.right, found.score
    left, right = np.intp(tile.words.ctypes.data), np.intp(slab.words.ctypes.data)
    left_weights, right_weights = tile.weights, slab.weights
    words, group, count = tile.words.shape[1], slab.group, 0
    for hit in range(len(row_of)):
        row = row_of[hit]
        for part in range(WORDS):
            rest, start = lanes[hit, part], block_of[hit] * LANES + part * 64
            while rest != 0:
                place = (start + lowest_bit(rest)) * group
                rest &= rest - np.uint64(1)
                for k in range(place, min(place + group, len(order))):
                    record = order[k]
                    if slab.base + record <= row + beyond:
                        continue
                    common = common_bits(left + row * words * 8, right + record * words * 8, words)
                    score = similarity(rule, common, left_weights[row], right_weights[record])
                    if score >= bars[row]:
                        out_left[count], out_right[count] = row, slab.base + record
                        out_score[count] = score
                        count += 1
    return count


@kernel
def keep_best(found: Any, count: int, kept: Any, bars: Any) -> None:
    """Put pairs among the best of their left records; a full row raises its bar."""
    top = kept.score.shape[1]
    for pair in range(count):
        row, record, score = found.left[pair], found.right[pair], found.score[pair]
        place = kept.held[row]
        while place > 0 and (
            score > kept.score[row, place - 1]
            or (score == kept.score[row, place - 1] and record < kept.right[row, place - 1])
        ):
            place -= 1
        if place == top:
            continue
        for k in range(min(kept.held[row], top - 1), place, -1):
            kept.score[row, k] = kept.score[row, k - 1]
            kept.right[row, k] = kept.right[row, k - 1]
        kept.score[row, place], kept.right[row, place] = score, record
        kept.held[row] = min(kept.held[row] + 1, top)
        if kept.held[row] == top:
            bars[row] = kept.score[row, top - 1]
