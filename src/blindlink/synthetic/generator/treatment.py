"""Treatment: the journeys of the cohort and of everybody else, as episodes of NDTMS persons.

A journey is what truly happens to a person; an episode is what one agency reports. A person who
moves to another area is a new person at OHID, an *entity* here.
"""

import numpy as np
import pandas as pd

from blindlink.arrays import Bools, Int64s, Objects
from blindlink.synthetic.generator.parameters import OUTCOMES, SUBSTANCES, Parameters

OPEN = -1
# Journeys of people outside the cohort: shares by substance group and by end (OUTCOMES).
BACKGROUND_SUBSTANCES = (0.28, 0.14, 0.48, 0.10)
BACKGROUND_OUTCOMES = (0.47, 0.31, 0.07, 0.03, 0.05, 0.03, 0.04)
BACKGROUND_DAYS = (190.0, 190.0, 560.0, 170.0)
OPEN_AT_START = 0.35
SECOND_JOURNEY = 0.25
CODES = {
    "completed": ((80, 81, 82), (0.55, 0.30, 0.15)),
    "dropped out": ((85,), (1.0,)),
    "transferred": ((83, 93), (0.8, 0.2)),
    "custody": ((84, 87), (0.7, 0.3)),
    "declined": ((88,), (1.0,)),
    "withdrawn": ((86,), (1.0,)),
    "died": ((89,), (1.0,)),
}
HANDED_OVER = 83
SPLIT_SHARE, SPLIT_DAYS, HANDOVER_DAYS = 0.20, 60, 14
# Second and third drugs, by substance group: code (0 none) and share.
FIRST_DRUG = (
    {7000: 1.0},
    {7000: 0.62, 3200: 0.24, 5000: 0.14},
    {1011: 0.86, 1000: 0.11, 1105: 0.03},
    {3200: 0.36, 5000: 0.37, 3201: 0.13, 3100: 0.08, 3406: 0.02, 4000: 0.02, 6000: 0.02},
)
FURTHER_DRUG = (
    {0: 1.0},
    {3200: 0.5, 5000: 0.35, 3201: 0.15},
    {3201: 0.52, 0: 0.22, 7000: 0.10, 2200: 0.08, 5000: 0.08},
    {0: 0.62, 5000: 0.2, 3200: 0.1, 3100: 0.08},
)
ALCOHOL = 7000
REFERRALS = ("probation", "arrest_referral", "prison", "self", "general_practice", "other")
COHORT_REFERRALS = (0.52, 0.13, 0.10, 0.16, 0.02, 0.07)
BACKGROUND_REFERRALS = (0.03, 0.05, 0.08, 0.59, 0.09, 0.16)
MODALITIES = ("psychosocial", "pharmacological", "recovery_support")


def cohort_journeys(
    rng: np.random.Generator,
    engaged: pd.DataFrame,
    first_date: Int64s,
    last_date: Int64s,
    parameters: Parameters,
) -> pd.DataFrame:
    """The journeys from sentences, later returns, and earlier treatment that ended before.

    ``first_date``, ``last_date``: days of the first and last sentence of each person. Columns:
    person, start, end, outcome, substance. Nothing happens after a death in treatment.
    """
    own = engaged[["person", "start", "end", "outcome", "substance"]]
    journeys = pd.concat(
        [
            own,
            _returns(rng, own, last_date, parameters),
            _earlier(rng, first_date, own, parameters),
        ],
        ignore_index=True,
    )
    died = (journeys["outcome"] == OUTCOMES.index("died")) & (
        journeys["end"] <= parameters.last_day
    )
    death = journeys[died].groupby("person")["end"].min()
    limit = journeys["person"].map(death).fillna(np.inf)
    journeys = journeys[(journeys["start"] <= limit)].copy()
    late = journeys["end"] > limit[journeys.index]
    journeys.loc[late, "end"] = limit[journeys.index][late].astype(np.int64)
    return journeys[journeys["end"] >= _extract_day(parameters)].reset_index(drop=True)


def _returns(
    rng: np.random.Generator, own: pd.DataFrame, last_date: Int64s, parameters: Parameters
) -> pd.DataFrame:
    died = OUTCOMES.index("died")
    closed = (own["end"] <= parameters.last_day) & (own["outcome"] != died)
    again = own[closed & (rng.random(len(own)) < parameters.represents)].copy()
    again["start"] = again["end"] + 22 + np.floor(rng.exponential(220, len(again))).astype(np.int64)
    days = rng.gamma(1.4, 150, len(again)).astype(np.int64)
    again["end"] = again["start"] + 3 + days
    outcome = _ends(rng, len(again))
    # Nobody is sentenced after having died in treatment.
    lives = (outcome == died) & (again["end"] < last_date[again["person"]]).to_numpy()
    again["outcome"] = np.where(lives, OUTCOMES.index("dropped out"), outcome)
    return again[again["start"] <= parameters.last_day]


def _earlier(
    rng: np.random.Generator, first_date: Int64s, own: pd.DataFrame, parameters: Parameters
) -> pd.DataFrame:
    """Treatment that was over a month before the first sentence: a record, but no engagement."""
    person = np.flatnonzero(rng.random(len(first_date)) < parameters.earlier_treatment)
    known = pd.Series(own["substance"].to_numpy(), index=own["person"].to_numpy())
    known = known[~known.index.duplicated()]
    drawn = rng.choice(len(SUBSTANCES), size=len(person), p=BACKGROUND_SUBSTANCES)
    end = first_date[person] - 30 - np.floor(rng.exponential(400, len(person))).astype(np.int64)
    outcome = _ends(rng, len(person))
    alive = np.where(outcome == OUTCOMES.index("died"), OUTCOMES.index("dropped out"), outcome)
    return pd.DataFrame(
        {
            "person": person,
            "start": end - 3 - rng.gamma(1.4, 130, len(person)).astype(np.int64),
            "end": end,
            "outcome": alive,
            "substance": pd.Series(person).map(known).fillna(pd.Series(drawn)).astype(np.int64),
        }
    )


def background_journeys(
    rng: np.random.Generator, people: int, parameters: Parameters
) -> pd.DataFrame:
    """One or two journeys of each of ``people`` persons outside the cohort; columns as above."""
    person = np.arange(people)
    substance = rng.choice(len(SUBSTANCES), size=people, p=BACKGROUND_SUBSTANCES)
    mean = np.array(BACKGROUND_DAYS)[substance]
    begin = _extract_day(parameters)
    start = rng.integers(begin, parameters.last_day + 1, people)
    end = start + 3 + np.floor(rng.gamma(1.2, mean / 1.2)).astype(np.int64)
    standing = rng.random(people) < OPEN_AT_START
    end = np.where(standing, begin + (end - start), end)
    start = np.where(standing, begin - 1 - np.floor(rng.exponential(mean)).astype(np.int64), start)
    outcome = _ends(rng, people)
    first = pd.DataFrame(
        {"person": person, "start": start, "end": end, "outcome": outcome, "substance": substance}
    )
    alive = (first["outcome"] != OUTCOMES.index("died")) & (rng.random(people) < SECOND_JOURNEY)
    second = first[alive].copy()
    wait = np.floor(rng.exponential(250, len(second))).astype(np.int64)
    second["start"] = second["end"] + 22 + wait
    days = rng.gamma(1.2, mean[second["person"]] / 1.2)
    second["end"] = second["start"] + 3 + np.floor(days).astype(np.int64)
    second["outcome"] = _ends(rng, len(second))
    second = second[second["start"] <= parameters.last_day]
    return pd.concat([first, second], ignore_index=True)


def episodes(
    rng: np.random.Generator, journeys: pd.DataFrame, parameters: Parameters, *, cohort: bool
) -> pd.DataFrame:
    """Journeys as agencies report them: some are handed over once, drugs and referral are told.

    Columns person, start, end (OPEN where it runs on), code (0 where open), drug_1 to drug_3,
    substance, referral, modality; ordered by person and start.
    """
    drugs = _drugs(rng, journeys["substance"].to_numpy())
    shares = COHORT_REFERRALS if cohort else BACKGROUND_REFERRALS
    frame = journeys.assign(
        referral=np.array(REFERRALS, dtype=object)[
            rng.choice(len(REFERRALS), len(journeys), p=shares)
        ],
        modality=_modality(rng, journeys["substance"].to_numpy()),
        code=_codes(rng, journeys["outcome"].to_numpy()),
        **{f"drug_{i + 1}": drugs[:, i] for i in range(3)},
    )
    frame = _hand_over(rng, frame)
    frame = frame[(frame["start"] <= parameters.last_day)]
    runs = frame["end"] > parameters.last_day
    frame["end"] = np.where(runs, OPEN, frame["end"])
    frame["code"] = np.where(runs, 0, frame["code"])
    return frame.sort_values(["person", "start", "end"], kind="stable", ignore_index=True)


def parts(rng: np.random.Generator, frame: pd.DataFrame, share: float) -> Int64s:
    """0, or 1 after a move, which a ``share`` of the persons with several episodes make."""
    size = frame.groupby("person")["start"].transform("size").to_numpy()
    rank = frame.groupby("person").cumcount().to_numpy()
    people = int(frame["person"].max()) + 1 if len(frame) else 0
    moves = rng.random(people) < share
    after = rng.random(people)
    person = frame["person"].to_numpy()
    first_after = 1 + np.floor(after[person] * np.maximum(size - 1, 1))
    moved = moves[person] & (size > 1) & (rank >= first_after)
    result: Int64s = moved.astype(np.int64)
    return result


def _hand_over(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    length = (frame["end"] - frame["start"]).to_numpy()
    split = (length > SPLIT_DAYS) & (rng.random(len(frame)) < SPLIT_SHARE)
    second = frame[split].copy()
    at = np.floor(length[split] * (0.2 + 0.5 * rng.random(len(second)))).astype(np.int64)
    handed = frame.loc[split, "start"].to_numpy() + at
    frame = frame.copy()
    frame.loc[split, "end"] = handed
    frame.loc[split, "code"] = HANDED_OVER
    frame.loc[split, "outcome"] = OPEN
    second["start"] = handed + rng.integers(0, HANDOVER_DAYS + 1, len(second))
    second["referral"] = "other"
    return pd.concat([frame, second], ignore_index=True)


def _ends(rng: np.random.Generator, n: int) -> Int64s:
    shares = np.array(BACKGROUND_OUTCOMES)
    return rng.choice(len(OUTCOMES), size=n, p=shares / shares.sum())


def _codes(rng: np.random.Generator, outcome: Int64s) -> Int64s:
    found = np.zeros(len(outcome), dtype=np.int64)
    for position, name in enumerate(OUTCOMES):
        mask = outcome == position
        codes, shares = CODES[name]
        found[mask] = rng.choice(codes, size=int(mask.sum()), p=shares)
    return found


def _drugs(rng: np.random.Generator, substance: Int64s) -> Int64s:
    """Three codes per journey, 0 for none, of which the groups of ``SUBSTANCES`` follow."""
    found = np.zeros((len(substance), 3), dtype=np.int64)
    for group in range(len(SUBSTANCES)):
        mask = substance == group
        count = int(mask.sum())
        for column, shares in enumerate((FIRST_DRUG[group], FURTHER_DRUG[group])):
            found[mask, column] = rng.choice(list(shares), size=count, p=list(shares.values()))
    mixed = substance == SUBSTANCES.index("non-opiate and alcohol")
    # Whoever names another drug first names alcohol second.
    other_first = mixed & (found[:, 0] != ALCOHOL)
    found[other_first, 1] = ALCOHOL
    third = (substance != SUBSTANCES.index("alcohol only")) & (rng.random(len(substance)) < 0.18)
    third &= (found[:, 1] != 0) & (found != 5000).all(axis=1)
    found[third, 2] = 5000
    found[(found[:, 1] == found[:, 0]), 1] = 0
    return found


def _modality(rng: np.random.Generator, substance: Int64s) -> Objects:
    drawn = rng.random(len(substance))
    opiate = substance == SUBSTANCES.index("opiate")
    medical: Bools = drawn < np.where(opiate, 0.8, 0.08)
    found = np.where(medical, 1, np.where(drawn > 0.93, 2, 0))
    return np.array(MODALITIES, dtype=object)[found]


def _extract_day(parameters: Parameters) -> int:
    return int(np.datetime64(parameters.extract_start).astype(np.int64))
