"""What was worked out for a value is kept for the batches that follow, within a bound.

The first values to come are kept: among people the frequent ones come early. What does not fit is
worked out again in each batch, with the same result.
"""

from collections.abc import Callable
from threading import Lock

import numpy as np

from blindlink.arrays import Bytes, Int64s

# A dictionary's entry with its text takes about as much beside the bits.
_ENTRY = 160
BUDGET = 384 << 20


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


class RowMemo:
    """Rows of bits by value. Row 0 is blank. Threads may share it."""

    def __init__(self, width: int, budget: Budget) -> None:
        self._numbers: dict[str, int] = {}
        self._rows: Bytes = np.zeros((64, width), np.uint8)
        self._budget, self._lock = budget, Lock()

    def find(
        self, values: list[str], make: Callable[[list[str]], tuple[Bytes, list[int]]]
    ) -> tuple[Bytes, Bytes, Int64s]:
        """Kept rows, rows beside them, and for each value the number of its row in both together.

        ``make`` gives the rows of values that are not known, and which of those values are bad:
        they get the blank row and are not kept.
        """
        with self._lock:
            found = np.array([self._numbers.get(value, -1) for value in values], np.int64)
            unknown = np.flatnonzero(found < 0)
            if not len(unknown):
                return self._rows, self._rows[:0], found
            fresh = [values[code] for code in unknown.tolist()]
            made, bad = make(fresh)
            good = np.ones(len(fresh), bool)
            good[bad] = False
            found[unknown[~good]] = 0
            kept = self._keep([fresh[i] for i in np.flatnonzero(good).tolist()], made[good])
            first = len(self._numbers) + 1 - kept
            # Rows that did not fit are numbered after the whole of the kept array.
            beside = np.arange(good.sum() - kept) + len(self._rows)
            found[unknown[good]] = np.concatenate([np.arange(first, first + kept), beside])
            return self._rows, made[good][kept:], found

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
