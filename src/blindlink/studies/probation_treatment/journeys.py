"""Treatment episodes to treatment journeys, and what a person's treatment is on any day.

Episodes of one person whose gaps are at most ``gap_days`` long form one journey. A journey is open
from its first day to its last day, both included. Its exit is the outcome of the episode that ends
last; where several end on that day with different outcomes the exit is ``inconsistent``.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from blindlink.analyst.study.spells import Spells, agreed, number_spells, reduced
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


@dataclass(frozen=True)
class Journeys(Spells):
    """Spells of treatment with ``exit`` and ``substance``, labels of shape (journeys,)."""

    exit: np.ndarray
    substance: np.ndarray

    @classmethod
    def merge(cls, episodes: pd.DataFrame, gap_days: int) -> Self:
        """Journeys of episodes as ``extracts.read_episodes`` gives them, with codes as persons."""
        frame = episodes.sort_values(["person", "start", "end", "hash"], ignore_index=True)
        person = frame["person"].to_numpy(dtype=np.int64)
        number = number_spells(person, frame["start"].to_numpy(), frame["end"].to_numpy(), gap_days)
        first = np.flatnonzero(np.diff(number, prepend=-1))
        end = reduced(np.maximum, frame["end"].to_numpy(), first)
        return cls(
            person=person[first],
            start=frame["start"].to_numpy()[first],
            end=end,
            exit=_exits(frame["outcome"], frame["end"].to_numpy() == end[number], number, end),
            substance=_substances(frame, first),
        )


def _exits(outcome: pd.Series, last: Bools, number: Int64s, end: Floats) -> np.ndarray:
    exits = agreed(outcome, last, number, len(end), INCONSISTENT)
    return np.where(np.isinf(end), OPEN, exits).astype(object)


def _substances(frame: pd.DataFrame, first: Int64s) -> np.ndarray:
    opiate, other, alcohol = (
        reduced(np.logical_or, frame[name].to_numpy(dtype=bool), first)
        for name in ("opiate", "non_opiate", "alcohol")
    )
    return np.select(
        [opiate, other & alcohol, other, alcohol],
        [OPIATE, MIXED, NON_OPIATE, ALCOHOL],
        default=NO_SUBSTANCE,
    ).astype(object)
