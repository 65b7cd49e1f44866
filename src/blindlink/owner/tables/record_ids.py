"""Which record identifiers come twice, in a file of any length: 16 bytes of memory for each row.

Equal texts have equal hashes, so no repeat is missed. Two keyed SipHash values of 64 bits (Python's
own, its key drawn at start) tell texts apart: a false alarm among ten million rows has a
probability below 10^-24.
"""

from collections.abc import Sequence

import numpy as np

from blindlink.arrays import Int64s

_APART = "\x1f"


class RecordIds:
    """Collects the identifiers of all rows, in order."""

    def __init__(self) -> None:
        self._parts: list[Int64s] = []

    def add(self, values: Sequence[str], codes: Int64s) -> None:
        """Add rows: row i has the identifier ``values[codes[i]]``."""
        both = np.empty((len(values), 2), np.int64)
        both[:, 0] = np.fromiter(map(hash, values), np.int64, len(values))
        both[:, 1] = np.fromiter((hash(v + _APART) for v in values), np.int64, len(values))
        self._parts.append(both[codes])

    def repeats(self) -> Int64s:
        """The rows, in order from 0, whose identifier stands in an earlier row."""
        if not self._parts:
            return np.zeros(0, np.int64)
        both = np.concatenate(self._parts)
        self._parts = [both]
        order = np.lexsort((both[:, 1], both[:, 0]))
        again = np.zeros(len(order), bool)
        for column in (0, 1):
            ranked = both[:, column][order]
            same = ranked[1:] == ranked[:-1]
            again[1:] = same if column == 0 else again[1:] & same
        return np.sort(order[again])
