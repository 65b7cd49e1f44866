"""The exact comparison of all pairs of many small blocks, compiled."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from blindlink.linker.join.compiled import kernel
from blindlink.linker.join.kernels import MEASURE_CODES, Rule, common_bits, similarity
from blindlink.linker.join.pairs import Pairs, Rows, Words

_ROOM = 2**18  # pairs found in one call


class Blocks(NamedTuple):
    """Records by block: filters (records, words), weights, all keys (records, 2 x keys).

    ``number``: which of the keys (from 0) the block of a record shares. Block i goes from
    ``borders[i]`` to ``borders[i + 1]``, its right records begin at ``split[i]``.
    """

    words: Words
    weights: Rows
    keys: Words
    number: Rows
    borders: Rows
    split: Rows


def pairs(blocks: Blocks, measure: str, bits: int, threshold: float) -> Iterator[Pairs]:
    """Places of the pairs that reach the threshold; a pair that shares several keys comes once."""
    rule = Rule(MEASURE_CODES[measure], bits)
    widest = int((blocks.borders[1:] - blocks.split).max(initial=0))
    room = max(_ROOM, widest)
    left, right, score = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    block, place, count = 0, 0, 0
    while block < len(blocks.split):
        block, place, count = _compare(
            blocks, rule, float(threshold), block, place, left, right, score
        )
        if count:
            yield Pairs(left[:count].copy(), right[:count].copy(), score[:count].copy())


@kernel
def _compare(
    blocks: Any,
    rule: Any,
    threshold: float,
    block: int,
    place: int,
    left: Any,
    right: Any,
    score: Any,
) -> Any:
    """From left record ``place`` of ``block`` on, until the room is filled or all is done.

    Returns the block and record to go on from, and the number of pairs found.
    """
    words, weights, keys, number = blocks.words, blocks.weights, blocks.keys, blocks.number
    address, size, count = np.intp(words.ctypes.data), words.shape[1], 0
    while block < len(blocks.split):
        split, end = blocks.split[block], blocks.borders[block + 1]
        for a in range(max(place, blocks.borders[block]), split):
            if count + end - split > len(score):
                return block, a, count
            for b in range(split, end):
                if _earlier(keys, number[a], a, b):
                    continue
                common = common_bits(address + a * size * 8, address + b * size * 8, size)
                found = similarity(rule, common, weights[a], weights[b])
                if found >= threshold:
                    left[count], right[count], score[count] = a, b, found
                    count += 1
        block += 1
        place = 0
    return block, place, count


@kernel
def _earlier(keys: Any, number: int, a: int, b: int) -> bool:
    """Whether two records share a key before this one; a missing key is all zero."""
    for k in range(0, 2 * number, 2):
        first, second = keys[a, k], keys[a, k + 1]
        if first | second != 0 and first == keys[b, k] and second == keys[b, k + 1]:
            return True
    return False
