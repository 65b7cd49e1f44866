"""Rows that a cleansing must find: about 40,000 records were received and 38,895 could be used.

Copies of usable rows, each made unusable in one way. Which ways, and how often each, is assumed:
the publication gives the two totals only.
"""

import datetime as dt
from itertools import pairwise

import numpy as np
import pyarrow as pa

from blindlink.arrays import Objects
from blindlink.synthetic.generator.parameters import Parameters

# One in so many of the unusable rows, in the order in which they are made.
WAYS = {
    "the same row twice": 0.4,
    "sentenced before the observation": 0.25,
    "sentenced after it": 0.15,
    "no sentence date": 0.1,
    "no type of requirement": 0.1,
}
_MOST_DAYS = 90


def with_unusable(rng: np.random.Generator, events: pa.Table, parameters: Parameters) -> pa.Table:
    """Probation's events and, among them, the rows that cannot be used."""
    number = round(parameters.unusable * events.num_rows)
    if not number:
        return events
    frame = events.to_pandas()
    more = frame.iloc[rng.choice(len(frame), number, replace=False)].copy()
    bounds = np.round(np.cumsum([0.0, *WAYS.values()]) * number).astype(int)
    again, before, after, dateless, typeless = (slice(*ends) for ends in pairwise(bounds))
    fresh = np.ones(number, dtype=bool)
    fresh[again] = False
    for column, letter in (("sentence_id", "S"), ("requirement_id", "R")):
        more.loc[fresh, column] = _new_ids(rng, frame[column].to_numpy(), fresh.sum(), letter)
    away = rng.integers(1, _MOST_DAYS + 1, number)
    date = more["sentence_date"].to_numpy(copy=True)
    date[before] = _shifted(parameters.observation_start, -away[before])
    date[after] = _shifted(parameters.observation_end, away[after])
    date[dateless] = ""
    kind = more["requirement"].to_numpy(copy=True)
    kind[typeless] = ""
    # An order that has just begun, or has no date, has no end yet.
    open_still = np.zeros(number, dtype=bool)
    open_still[after] = open_still[dateless] = True
    more = more.assign(sentence_date=date, requirement=kind)
    more.loc[open_still, ["termination_date", "termination_reason"]] = ""
    both = pa.concat_tables(
        [events, pa.Table.from_pandas(more, events.schema, preserve_index=False)]
    )
    order = ("entity_id", "sentence_date", "requirement_id")
    return both.sort_by([(name, "ascending") for name in order])


def _new_ids(rng: np.random.Generator, taken: Objects, number: int, letter: str) -> Objects:
    """Ids of the form of the others that none of them has."""
    drawn = rng.choice(10**8, size=2 * number, replace=False)
    ids = np.array([f"{letter}{each:08d}" for each in drawn.tolist()], dtype=object)
    return ids[~np.isin(ids, taken)][:number]


def _shifted(date: dt.date, days: np.ndarray) -> Objects:
    found: Objects = np.datetime_as_string(np.datetime64(date, "D") + days).astype(object)
    return found
