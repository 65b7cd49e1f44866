"""Events of people as spells: merged over small gaps, and what a person's state is on any day.

Spells of one person whose gaps are at most so many days long are one. A spell is open from its
first day to its last, both included. Its exit is that of the part which ends last.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from blindlink.arrays import Bools, Floats, Int64s

NONE = -1
# One number orders person and day: more days than any date has, counted from before year 1.
_SPAN, _ORIGIN = 1 << 23, 1 << 20


@dataclass(frozen=True)
class Spells:
    """Spells ordered by person, then start; those of one person do not overlap.

    ``person`` are codes from 0, ``start`` and ``end`` days since 1970-01-01 (``end`` inf = open).
    All of shape (spells,).
    """

    person: Int64s
    start: Floats
    end: Floats

    def __len__(self) -> int:
        return len(self.person)

    def next(self, person: Int64s, day: Floats) -> Int64s:
        """The spell that is open on the day, else the first that starts after it, else -1."""
        if not len(self):
            return np.full(len(person), NONE, dtype=np.int64)
        place = np.searchsorted(_key(self.person, self.end), _key(person, day), side="left")
        inside = np.minimum(place, len(self) - 1)
        return np.where((place < len(self)) & (self.person[inside] == person), inside, NONE)

    def open_on(self, person: Int64s, day: Floats) -> Bools:
        """Whether a spell of the person is open on the day."""
        return np.asarray(self.pick(self.start, self.next(person, day), np.inf) <= day)

    def pick(self, values: np.ndarray, found: Int64s, missing: Any) -> np.ndarray:
        """``values`` of the spells found, ``missing`` where there is none."""
        if not len(self):
            return np.full(len(found), missing, dtype=values.dtype)
        return np.where(found == NONE, missing, values[found])


def number_spells(person: Int64s, start: Floats, end: Floats, gap_days: int) -> Int64s:
    """The spell of each part, counted from 0; parts in the order of person, then start."""
    return np.asarray(np.cumsum(start > _latest_before(person, end) + gap_days) - 1)


def reduced(operation: np.ufunc, values: np.ndarray, first: Int64s) -> np.ndarray:
    """``operation`` over the parts of each spell, which begin at ``first``."""
    return np.asarray(operation.reduceat(values, first) if len(first) else values[:0])


def agreed(
    labels: pd.Series, last: Bools, number: Int64s, spells: int, conflict: str
) -> np.ndarray:
    """The label that all the ``last`` parts of a spell have, else ``conflict``. Shape (spells,)."""
    codes, names = pd.factorize(labels)
    lowest, highest = (np.full(spells, start) for start in (len(names), -1))
    np.minimum.at(lowest, number[last], codes[last])
    np.maximum.at(highest, number[last], codes[last])
    known = np.array([*names, conflict], dtype=object)
    return np.where(lowest == highest, known[highest], conflict)


def _key(person: Int64s, day: Floats) -> Int64s:
    return person * _SPAN + np.minimum(day + _ORIGIN, _SPAN - 1).astype(np.int64)


def _latest_before(person: Int64s, end: Floats) -> Floats:
    """The latest end among the person's rows above each row, -inf for the first row."""
    running = np.maximum.accumulate(_key(person, end))
    before = np.concatenate([[-_SPAN], running[:-1]])
    same = before // _SPAN == person
    day = (before - person * _SPAN).astype(np.float64)
    return np.where(same, np.where(day >= _SPAN - 1, np.inf, day - _ORIGIN), -np.inf)
