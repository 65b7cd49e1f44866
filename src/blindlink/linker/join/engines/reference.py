"""The engine that defines what is correct: count, divide, compare, sort. Plain numpy."""

from collections.abc import Iterator

import numpy as np

from blindlink.linker.join.measures import find
from blindlink.linker.join.pairs import (
    Filters,
    Pairs,
    best,
    check,
    join,
    ordered,
    rank_within,
    weights,
    words,
)
from blindlink.progress import Progress, silent

_CELLS = 2**21  # words compared at once: 16 MiB


def pairs(
    left: Filters,
    right: Filters,
    threshold: float,
    *,
    top: int | None = None,
    measure: str = "dice",
    bits: int | None = None,
    progress: Progress = silent,
) -> Pairs:
    """All pairs with similarity >= threshold; see ``blindlink.linker.join.engines.Engine``."""
    parts = batches(left, right, threshold, top=top, measure=measure, bits=bits, progress=progress)
    return best(ordered(join(list(parts))), top)


def within(
    filters: Filters,
    threshold: float,
    *,
    top: int | None = None,
    measure: str = "dice",
    bits: int | None = None,
    progress: Progress = silent,
) -> Pairs:
    """All pairs of records of one file, left row < right row; see ``engines.within``."""
    parts = batches(filters, filters, threshold, measure=measure, bits=bits, progress=progress)
    once = [part.take(part.left < part.right) for part in parts]
    return best(ordered(join(once)), top)


def batches(
    left: Filters,
    right: Filters,
    threshold: float,
    *,
    top: int | None = None,
    measure: str = "dice",
    bits: int | None = None,
    progress: Progress = silent,
) -> Iterator[Pairs]:
    """The pairs of some left rows after another, each part in the documented order.

    ``top`` is applied to the left rows only: the right rows are complete at the end.
    """
    check(left, right, threshold, top)
    score = find(measure)
    length = left.shape[1] * 8 if bits is None else bits
    left_words, right_words = words(left), words(right)
    left_weights, right_weights = weights(left_words), weights(right_words)
    step = max(1, _CELLS // max(1, right_words.size))
    for start in range(0, len(left), step):
        rows = slice(start, start + step)
        common = np.bitwise_count(left_words[rows, None] & right_words[None]).sum(
            axis=2, dtype=np.int64
        )
        scores = score(common, left_weights[rows, None], right_weights[None], length)
        row, column = np.nonzero(scores >= threshold)
        part = ordered(Pairs(row + start, column, scores[row, column]))
        yield part if top is None else part.take(rank_within(part.left) < top)
        progress(min(start + step, len(left)), len(left))
