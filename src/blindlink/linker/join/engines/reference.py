"""The engine that defines what is correct: count, divide, compare, sort. Plain numpy."""

from collections.abc import Iterator

import numpy as np

from blindlink.linker.join.engines import Engine
from blindlink.linker.join.measures import find
from blindlink.linker.join.pairs import Join, Pairs, ordered, rank_within, weights, words

_CELLS = 2**21  # words compared at once: 16 MiB


class Reference(Engine):
    """The pairs of some left rows after another."""

    def batches(self, join: Join) -> Iterator[Pairs]:
        """See ``Engine``; each part is in the documented order."""
        score = find(join.measure)
        left, right = words(join.left), words(join.others)
        left_weights, right_weights = weights(left), weights(right)
        step = max(1, _CELLS // max(1, right.size))
        for start in range(0, len(left), step):
            rows = slice(start, start + step)
            common = np.bitwise_count(left[rows, None] & right[None]).sum(axis=2, dtype=np.int64)
            scores = score(common, left_weights[rows, None], right_weights[None], join.length)
            row, column = np.nonzero(scores >= join.threshold)
            part = join.counting(ordered(Pairs(row + start, column, scores[row, column])))
            # All pairs of these left rows are here: what is not among their first is not needed.
            yield part if join.top is None else part.take(rank_within(part.left) < join.top)
            join.progress(min(start + step, len(left)), len(left))


engine = Reference()
