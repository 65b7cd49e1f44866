"""Probation: who was sentenced to which requirement, when, and what the case system says of it."""

import numpy as np
import pandas as pd

from blindlink.arrays import Floats, Int64s, Objects
from blindlink.synthetic.generator.names import Names
from blindlink.synthetic.generator.parameters import Effects, Parameters
from blindlink.synthetic.generator.places import Places
from blindlink.synthetic.generator.population import (
    ATR_PEOPLE,
    DRR_PEOPLE,
    ETHNICITIES,
    People,
    ages_at,
    draw_people,
    join,
)

# Shares for ATR and for DRR.
OFFENCES = {
    "violence": (0.38, 0.16),
    "theft": (0.09, 0.42),
    "drink_driving": (0.22, 0.01),
    "drugs": (0.03, 0.14),
    "public_order": (0.12, 0.07),
    "breach": (0.08, 0.10),
    "other": (0.08, 0.10),
}
ACCOMMODATION = {
    "settled": (0.68, 0.52),
    "bail_or_probation": (0.05, 0.06),
    "other_housed": (0.15, 0.19),
    "rough_sleeping": (0.02, 0.06),
    "no_fixed_abode": (0.05, 0.11),
    "unknown": (0.05, 0.06),
}
TERMINATIONS = {
    "completed": (0.42, 0.30),
    "expired": (0.26, 0.26),
    "revoked_breach": (0.15, 0.23),
    "revoked_other": (0.06, 0.08),
    "early_good_progress": (0.05, 0.03),
    "other": (0.06, 0.10),
}
EARLY = ("revoked_breach", "revoked_other", "early_good_progress")
LENGTHS = (182, 274, 365, 548, 730, 1095)
LENGTH_SHARES = ((0.05, 0.06, 0.44, 0.26, 0.17, 0.02), (0.07, 0.08, 0.42, 0.25, 0.16, 0.02))
COURTS_CLOSED = ((2020, 4), (2020, 5), (2020, 6))  # pandemic months with few sentences
MEDIUM_OGRS, MEDIUM_RSR = (50.0, 75.0), (3.0, 6.9)


def draw_probation(
    rng: np.random.Generator, parameters: Parameters, *, names: Names, places: Places
) -> tuple[People, pd.DataFrame]:
    """The probation people and one row per requirement, ordered by person and date.

    Columns: person (position), kind (0 ATR, 1 DRR), sentence (number), date (days), and the
    covariates as they are written to the extract.
    """
    kind, person = _who(rng, parameters)
    frame = pd.DataFrame(
        {"person": person, "kind": kind, "date": _dates(rng, parameters, len(kind))}
    )
    frame = _same_sentence(rng, frame, parameters)
    first = frame.groupby("person")["date"].min().to_numpy()
    own_kind = frame.groupby("person")["kind"].first().to_numpy()
    people = _people(rng, first, own_kind, names=names, places=places)
    frame = frame.sort_values(["person", "date", "kind"], kind="stable", ignore_index=True)
    frame["sentence"] = frame.groupby(["person", "date"], sort=True).ngroup()
    return people, _covariates(rng, frame, people, parameters)


def _who(rng: np.random.Generator, parameters: Parameters) -> tuple[Int64s, Int64s]:
    """Kind and person of every requirement: each person has one, and some have more."""
    total = parameters.requirements
    atr = round(total * parameters.atr_share)
    kinds, persons, start = [], [], 0
    own: list[Int64s] = []
    for count in (atr, total - atr):
        people = min(count, round(count * parameters.people_per_requirement))
        own.append(np.arange(start, start + people))
        start += people
    for kind, count in enumerate((atr, total - atr)):
        extra = count - len(own[kind])
        same = rng.random(extra) < parameters.same_requirement_again
        again = np.where(same, rng.choice(own[kind], extra), rng.choice(own[1 - kind], extra))
        persons.append(np.concatenate([own[kind], again]))
        kinds.append(np.full(count, kind))
    return np.concatenate(kinds), np.concatenate(persons)


def _dates(rng: np.random.Generator, parameters: Parameters, n: int) -> Int64s:
    days = np.arange(parameters.first_day, parameters.last_day + 1)
    months = pd.DatetimeIndex(days.astype("datetime64[D]"))
    closed = np.zeros(len(days), dtype=bool)
    for year, month in COURTS_CLOSED:
        closed |= (months.year == year) & (months.month == month)
    weight = np.where(closed, 0.4, 1.0) * np.where(months.day_of_week < 5, 1.0, 0.05)
    return rng.choice(days, size=n, p=weight / weight.sum())


def _same_sentence(
    rng: np.random.Generator, frame: pd.DataFrame, parameters: Parameters
) -> pd.DataFrame:
    """Give a few requirements of the other kind the person's first date: one sentence, both."""
    first = frame.groupby("person")[["kind", "date"]].transform("first")
    other = (frame["kind"] != first["kind"]).to_numpy()
    share = parameters.both_requirements * len(frame) / max(1, int(other.sum()))
    both = other & (rng.random(len(frame)) < share)
    frame.loc[both, "date"] = first.loc[both, "date"]
    # Two requirements of one kind on one day would be one.
    clash = frame.duplicated(["person", "kind", "date"])
    step = np.where(frame["date"] > parameters.last_day - 60, -30, 30)
    frame["date"] += np.where(clash, step, 0)
    return frame


def _people(
    rng: np.random.Generator, first: Int64s, kind: Int64s, *, names: Names, places: Places
) -> People:
    groups = [
        draw_people(rng, profile, first[kind == k], names=names, places=places)
        for k, profile in enumerate((ATR_PEOPLE, DRR_PEOPLE))
    ]
    joined = join(*groups)
    back = np.argsort(np.concatenate([np.flatnonzero(kind == k) for k in (0, 1)]), kind="stable")
    return People(
        *(
            getattr(joined, name)[back]
            for name in ("female", "born", "ethnicity", "forename", "surname", "home")
        )
    )


def _covariates(
    rng: np.random.Generator, frame: pd.DataFrame, people: People, parameters: Parameters
) -> pd.DataFrame:
    kind, person = frame["kind"].to_numpy(), frame["person"].to_numpy()
    n = len(frame)
    frame["female"] = people.female[person]
    frame["age"] = ages_at(people.born[person], frame["date"].to_numpy())
    frame["ethnicity"] = np.array(ETHNICITIES, dtype=object)[people.ethnicity[person]]
    frame["order_type"] = np.where(
        rng.random(n) < 0.66, "community_order", "suspended_sentence_order"
    )
    frame["offence"] = _pick(rng, kind, OFFENCES)
    frame["accommodation"] = _pick(rng, kind, ACCOMMODATION)
    risk = rng.normal(0, 1, len(people))[person] - 0.02 * (frame["age"].to_numpy() - 38)
    frame["ogrs3"] = _ogrs(rng, kind, risk)
    frame["rsr"] = np.round(np.exp(0.75 + 0.45 * risk + rng.normal(0, 0.75, n)).clip(0.05, 60), 2)
    frame["length"] = _lengths(rng, kind)
    return _terminations(rng, frame, parameters)


def _pick(
    rng: np.random.Generator, kind: Int64s, shares: dict[str, tuple[float, float]]
) -> np.ndarray:
    cumulative = np.cumsum(np.array(list(shares.values())), axis=0).T
    spot = rng.random(len(kind))[:, None]
    column = (spot > cumulative[kind] / cumulative[kind][:, -1:]).sum(axis=1)
    found: Objects = np.array(list(shares), dtype=object)[column]
    return found


def _ogrs(rng: np.random.Generator, kind: Int64s, risk: Floats) -> Int64s:
    score: Floats = np.where(kind == 0, -0.35, 0.45) + 0.8 * risk + rng.normal(0, 0.6, len(kind))
    rounded: Int64s = np.round(100 / (1 + np.exp(-score))).astype(np.int64)
    return rounded


def _lengths(rng: np.random.Generator, kind: Int64s) -> Int64s:
    cumulative = np.cumsum(np.array(LENGTH_SHARES), axis=1)[kind]
    column = (rng.random(len(kind))[:, None] > cumulative).sum(axis=1)
    found: Int64s = np.array(LENGTHS)[np.minimum(column, len(LENGTHS) - 1)]
    return found


def _terminations(
    rng: np.random.Generator, frame: pd.DataFrame, parameters: Parameters
) -> pd.DataFrame:
    """When and why the order ended; empty where it runs on at the end of observation."""
    reason = _pick(rng, frame["kind"].to_numpy(), TERMINATIONS)
    early = np.isin(reason, EARLY)
    share = np.where(early, 0.15 + 0.75 * rng.random(len(frame)), 1.0)
    ended = frame["date"] + np.round(frame["length"] * share).astype(np.int64)
    runs = ended > parameters.last_day
    frame["reason"] = np.where(runs, "", reason)
    frame["ended"] = np.where(runs, -1, ended)
    return frame


def log_odds(frame: pd.DataFrame, effects: tuple[Effects, Effects], first_day: int) -> Floats:
    """The part of the log odds of engagement that covariates explain, without the intercept."""
    total = np.zeros(len(frame))
    for kind, effect in enumerate(effects):
        mask = (frame["kind"] == kind).to_numpy()
        total[mask] = _effect(frame[mask], effect, first_day)
    return total


def _effect(frame: pd.DataFrame, effect: Effects, first_day: int) -> Floats:
    ogrs, rsr = frame["ogrs3"].to_numpy(), frame["rsr"].to_numpy()
    minority = ~frame["ethnicity"].isin(["white", "not_stated"]).to_numpy()
    total = effect.female * frame["female"].to_numpy() + effect.minority * minority
    total = total + effect.age_10 * (frame["age"].to_numpy() - 38) / 10
    total += effect.year * (frame["date"].to_numpy() - first_day) / 365.25
    total += effect.ogrs_10 * (ogrs - 50) / 10
    total += effect.ogrs_medium * ((ogrs >= MEDIUM_OGRS[0]) & (ogrs < MEDIUM_OGRS[1]))
    total += effect.rsr_medium * ((rsr >= MEDIUM_RSR[0]) & (rsr < MEDIUM_RSR[1]))
    total += effect.length_year * frame["length"].to_numpy() / 365.25
    for column, table in (
        ("offence", effect.offence),
        ("accommodation", effect.accommodation),
        ("reason", effect.termination),
    ):
        total += frame[column].map(table).fillna(0.0).to_numpy(dtype=np.float64)
    return np.asarray(total, dtype=np.float64)
