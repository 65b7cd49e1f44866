"""Treatment episodes to treatment journeys, and what a person's treatment is on any day.

Episodes of one person whose gaps are at most ``gap_days`` long form one journey. A journey is open
from its first day to its last day, both included. Its exit is the outcome of the episode that ends
last; where several end on that day with different outcomes the exit is ``inconsistent``.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from blindlink.arrays import Bools, Floats, Int64s
from blindlink.studies.probation_treatment.definitions import (
    ALCOHOL,
    INCONSISTENT,
    MIXED,
    NO_SUBSTANCE,
    NON_OPIATE,
    OPEN,
    OPIATE,
)

NONE = -1
# One number orders person and day: more days than any date has, counted from before year 1.
_SPAN, _ORIGIN = 1 << 23, 1 << 20


@dataclass(frozen=True)
class Journeys:
    """Journeys ordered by person, then start; those of one person do not overlap.

    ``person`` are codes from 0, ``start`` and ``end`` days since 1970-01-01 (``end`` inf = open),
    ``exit`` and ``substance`` labels. All of shape (journeys,).
    """

    person: Int64s
    start: Floats
    end: Floats
    exit: np.ndarray
    substance: np.ndarray

    @classmethod
    def merge(cls, episodes: pd.DataFrame, gap_days: int) -> Self:
        """Journeys of episodes as ``extracts.read_episodes`` gives them, with codes as persons."""
        frame = episodes.sort_values(["person", "start", "end", "hash"], ignore_index=True)
        person = frame["person"].to_numpy(dtype=np.int64)
        number = _numbered(person, frame["start"].to_numpy(), frame["end"].to_numpy(), gap_days)
        first = np.flatnonzero(np.diff(number, prepend=-1))
        end = _reduce(np.maximum, frame["end"].to_numpy(), first)
        return cls(
            person=person[first],
            start=frame["start"].to_numpy()[first],
            end=end,
            exit=_exits(frame["outcome"], frame["end"].to_numpy() == end[number], number, end),
            substance=_substances(frame, first),
        )

    def __len__(self) -> int:
        return len(self.person)

    def next(self, person: Int64s, day: Floats) -> Int64s:
        """The journey that is open on the day, else the first that starts after it, else -1."""
        if not len(self):
            return np.full(len(person), NONE, dtype=np.int64)
        place = np.searchsorted(_key(self.person, self.end), _key(person, day), side="left")
        inside = np.minimum(place, len(self) - 1)
        return np.where((place < len(self)) & (self.person[inside] == person), inside, NONE)

    def open_on(self, person: Int64s, day: Floats) -> Bools:
        """Whether a journey of the person is open on the day."""
        return np.asarray(self.pick(self.start, self.next(person, day), np.inf) <= day)

    def pick(self, values: np.ndarray, found: Int64s, missing: Any) -> np.ndarray:
        """``values`` of the journeys found, ``missing`` where there is none."""
        if not len(self):
            return np.full(len(found), missing, dtype=values.dtype)
        return np.where(found == NONE, missing, values[found])


def _key(person: Int64s, day: Floats) -> Int64s:
    return person * _SPAN + np.minimum(day + _ORIGIN, _SPAN - 1).astype(np.int64)


def _latest_before(person: Int64s, end: Floats) -> Floats:
    """The latest end among the person's rows above each row, -inf for the first row."""
    running = np.maximum.accumulate(_key(person, end))
    before = np.concatenate([[-_SPAN], running[:-1]])
    same = before // _SPAN == person
    day = (before - person * _SPAN).astype(np.float64)
    return np.where(same, np.where(day >= _SPAN - 1, np.inf, day - _ORIGIN), -np.inf)


def _numbered(person: Int64s, start: Floats, end: Floats, gap_days: int) -> Int64s:
    """The journey of each episode, counted from 0."""
    return np.asarray(np.cumsum(start > _latest_before(person, end) + gap_days) - 1)


def _reduce(operation: np.ufunc, values: np.ndarray, first: Int64s) -> np.ndarray:
    return np.asarray(operation.reduceat(values, first) if len(first) else values[:0])


def _exits(outcome: pd.Series, last: Bools, number: Int64s, end: Floats) -> np.ndarray:
    codes, labels = pd.factorize(outcome)
    lowest, highest = (np.full(len(end), start) for start in (len(labels), -1))
    np.minimum.at(lowest, number[last], codes[last])
    np.maximum.at(highest, number[last], codes[last])
    names = np.array([*labels, INCONSISTENT], dtype=object)
    exits = np.where(lowest == highest, names[highest], INCONSISTENT)
    return np.where(np.isinf(end), OPEN, exits).astype(object)


def _substances(frame: pd.DataFrame, first: Int64s) -> np.ndarray:
    opiate, other, alcohol = (
        _reduce(np.logical_or, frame[name].to_numpy(dtype=bool), first)
        for name in ("opiate", "non_opiate", "alcohol")
    )
    return np.select(
        [opiate, other & alcohol, other, alcohol],
        [OPIATE, MIXED, NON_OPIATE, ALCOHOL],
        default=NO_SUBSTANCE,
    ).astype(object)
