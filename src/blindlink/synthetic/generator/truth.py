"""What truly happened, by the study's definitions, computed from the true episodes of each person.

Written apart from ``blindlink.analyst``: two implementations of the definitions check each other.
"""

import numpy as np
import pandas as pd

from blindlink.arrays import Bools, Int64s
from blindlink.synthetic.generator.parameters import SUBSTANCES
from blindlink.synthetic.generator.treatment import OPEN

GAP = 21
FAR = 10**6  # the end of a journey that is still open: no day of a calendar
STATUS_DAYS = (0, 21)
STILL, CONFLICT = "still in treatment", "inconsistent"
NAMES = {
    **dict.fromkeys((80, 81, 82), "completed"),
    **dict.fromkeys((83, 93), "transferred"),
    **dict.fromkeys((84, 87), "custody"),
    85: "dropped out",
    86: "withdrawn",
    88: "declined",
    89: "died",
    0: STILL,
}
ALCOHOL, MIXED, OPIATE, NON_OPIATE = SUBSTANCES
_HOLDING = {
    "opiate": (SUBSTANCES.index(OPIATE),),
    "alcohol": (SUBSTANCES.index(ALCOHOL), SUBSTANCES.index(MIXED)),
    "other": (SUBSTANCES.index(MIXED), SUBSTANCES.index(NON_OPIATE)),
}


def journeys_of(episodes: pd.DataFrame) -> pd.DataFrame:
    """Merged journeys: person, start, end (FAR where open), outcome, substance.

    ``episodes`` are all of a person, on whichever entity; gaps of at most 21 days are bridged and
    the last-ending episode says how the journey ended.
    """
    frame = episodes[["person", "start", "end", "code", "substance"]].copy()
    frame["end"] = np.where(frame["end"] == OPEN, FAR, frame["end"])
    frame = frame.sort_values(["person", "start", "end"], kind="stable", ignore_index=True)
    reach = frame.groupby("person")["end"].cummax()
    previous = reach.groupby(frame["person"]).shift().fillna(-np.inf)
    frame["journey"] = (frame["start"] > previous + GAP).cumsum()
    frame["outcome"] = frame["code"].map(NAMES)
    whole = frame.groupby("journey")
    journeys = whole[["person", "start"]].first().join(whole["end"].max())
    last = frame[frame["end"] == whole["end"].transform("max")].groupby("journey")["outcome"]
    journeys["outcome"] = last.first().where(last.nunique() == 1, CONFLICT)
    journeys["substance"] = _substances(frame)
    return journeys.reset_index(drop=True)


def _substances(frame: pd.DataFrame) -> pd.Series:
    """The group of all drugs of a journey: opiates first, then alcohol with or without others."""
    held = {name: frame["substance"].isin(_HOLDING[name]) for name in _HOLDING}
    any_of = pd.DataFrame(held).groupby(frame["journey"]).any()
    opiate, alcohol, other = (any_of[name] for name in ("opiate", "alcohol", "other"))
    found = np.select([opiate, alcohol & other, other], [OPIATE, MIXED, NON_OPIATE], ALCOHOL)
    return pd.Series(found, index=any_of.index)


def engagement(requirements: pd.DataFrame, episodes: pd.DataFrame) -> pd.DataFrame:
    """One row per requirement, in order: engaged, in_treatment_0, in_treatment_21 (0|1), entry_day,
    outcome, substance (of the first journey after sentence; empty where not engaged).

    ``entry_day`` counts from the sentence and is 0 when a journey was open on that day.
    """
    journeys = journeys_of(episodes)
    each = requirements[["person", "date"]].reset_index(names="row")
    pairs = each.merge(journeys, on="person")
    pairs = pairs[pairs["end"] >= pairs["date"]].sort_values(["row", "start"], kind="stable")
    first = pairs.groupby("row").first().reindex(range(len(requirements)))
    found = pd.DataFrame({"engaged": first["start"].notna().astype(np.int64)})
    date = requirements["date"].to_numpy()
    for status in STATUS_DAYS:
        on = pairs["date"] + status
        rows = pairs.loc[(pairs["start"] <= on) & (pairs["end"] >= on), "row"].unique()
        found[f"in_treatment_{status}"] = _flags(rows, len(requirements)).astype(np.int64)
    entry = (first["start"] - date).clip(lower=0)
    found["entry_day"] = entry.astype("Int64")
    found["outcome"] = first["outcome"].fillna("")
    found["substance"] = first["substance"].fillna("")
    return found.reset_index(drop=True)


def _flags(rows: Int64s, n: int) -> Bools:
    found = np.zeros(n, dtype=np.bool_)
    found[rows] = True
    return found
