"""How cases end at probation, given what happened in treatment: deaths, breach, termination."""

import numpy as np
import pandas as pd

from blindlink.arrays import Floats
from blindlink.synthetic.generator.parameters import OUTCOMES, Parameters

BREACH_NOT_ENGAGED, BREACH_ENGAGED = 0.38, 0.27
DEATH_KNOWN = 0.95
YEAR = 365.25


def close_cases(
    rng: np.random.Generator,
    frame: pd.DataFrame,
    journeys: pd.DataFrame,
    engaged: np.ndarray,
    parameters: Parameters,
) -> pd.DataFrame:
    """The requirements with ``deceased`` (day or -1), ``in_breach`` and, after a death, their end.

    ``journeys``: of the cohort, by person; ``engaged``: 0|1 per requirement.
    """
    death = _deaths(rng, frame, journeys, parameters)
    known = rng.random(len(death)) < DEATH_KNOWN
    person = frame["person"].to_numpy()
    day = death[person]
    before_end = day < np.where(frame["ended"] < 0, frame["date"] + frame["length"], frame["ended"])
    breach = rng.random(len(frame)) < np.where(engaged, BREACH_ENGAGED, BREACH_NOT_ENGAGED)
    ended = np.where(before_end, day, frame["ended"]).astype(np.int64)
    reason = np.where(before_end, "died", frame["reason"])
    return frame.assign(
        deceased=np.where(known[person] & np.isfinite(day), day, -1).astype(np.int64),
        ended=ended,
        reason=reason,
        in_breach=(breach | (reason == "revoked_breach")).astype(np.int64),
    )


def _deaths(
    rng: np.random.Generator, frame: pd.DataFrame, journeys: pd.DataFrame, parameters: Parameters
) -> Floats:
    """Day of death of every person, infinite for those alive at the end of observation.

    In treatment as the discharge says; otherwise at a constant rate once the last sentence has been
    passed and treatment is over, so that nobody is treated after death.
    """
    people = int(frame["person"].max()) + 1
    last_end = journeys.groupby("person")["end"].max().reindex(range(people)).fillna(-np.inf)
    last_date = frame.groupby("person")["date"].max().reindex(range(people))
    free_from = np.maximum(last_end.to_numpy(), last_date.to_numpy()) + 1
    wait = rng.exponential(YEAR / parameters.deaths_per_year, people)
    death = np.floor(free_from + wait)
    in_treatment = (journeys["outcome"] == OUTCOMES.index("died")) & (
        journeys["end"] <= parameters.last_day
    )
    dated = journeys[in_treatment].groupby("person")["end"].max().reindex(range(people))
    death = np.where(dated.notna(), dated, death)
    return np.where(death <= parameters.last_day, death, np.inf)
