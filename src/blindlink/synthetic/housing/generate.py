"""Invented people on a housing register, and the jobs that they and others start.

The rates behind the figures are drawn for each study, so that nobody can aim at them. The truth is
kept apart: who is whom, and what an application would count for if every link were right.
"""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from blindlink.arrays import Bools, Int64s, Objects
from blindlink.errors import InputError
from blindlink.synthetic.generator.names import english_names

DEFAULT_PEOPLE, LEAST_PEOPLE = 12_000, 2_000
FIRST, LAST = np.datetime64("2018-07-01"), np.datetime64("2023-03-31")  # of what is held
SEEN = (np.datetime64("2019-01-01"), np.datetime64("2022-12-31"))  # what the study observes
YEAR_DAYS = 365
DISTRICTS = ("North", "East", "South", "West")
SECTORS = ("86", "47", "41", "56", "62", "99")
_SECTOR_SHARES = (0.22, 0.24, 0.12, 0.22, 0.14, 0.06)
_APPLICANTS = 0.35  # of all people
_KEYS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Rates:
    """What is drawn for each study. Jobs per year of somebody without either reason, by how much
    each reason multiplies that, and how often an identifier is wrong or out of date."""

    jobs: float
    homeless: float
    medical: float
    young: float
    typos: float
    moved: float
    unlinkable: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Rates":
        """One study's."""
        low = (0.25, 0.45, 0.4, 1.1, 0.01, 0.1, 0.0)
        high = (0.5, 0.9, 0.9, 1.6, 0.05, 0.3, 0.06)
        return cls(*map(float, rng.uniform(low, high)))


@dataclass(frozen=True)
class HousingStudy:
    """Tables by path: owner/identities, owner/TABLE, truth/people, truth/applications."""

    tables: dict[str, pa.Table]
    rates: Rates

    @property
    def constants(self) -> dict[str, float]:
        """The drawn rates by name."""
        return asdict(self.rates)


def generate(people: int = DEFAULT_PEOPLE, *, seed: int = 1) -> HousingStudy:
    """A study of so many people. Raises InputError for too few to link."""
    if people < LEAST_PEOPLE:
        raise InputError(f"a housing study has {LEAST_PEOPLE:,} people at least")
    rng = np.random.Generator(np.random.PCG64(seed))
    rates = Rates.drawn(rng)
    everyone = _people(rng, people)
    applicants = np.flatnonzero(rng.random(people) < _APPLICANTS)
    applications = _applications(rng, applicants)
    jobs = _jobs(rng, everyone, applications, rates)
    workers = np.unique(jobs["person"].to_numpy())
    tables = {
        "housing/identities": _identities(rng, everyone, applicants, "h", None),
        "housing/applications": _sent(_with_people(applications, everyone), "h"),
        "employment/identities": _identities(rng, everyone, workers, "e", rates),
        "employment/jobs": _sent(jobs, "e"),
        "truth/people": pd.DataFrame({
            "housing": [f"h{p}" for p in applicants],
            "employment": [f"e{p}" if p in set(workers.tolist()) else "" for p in applicants],
        }),
        "truth/applications": _truth(applications, jobs),
    }  # fmt: skip
    return HousingStudy(
        {name: pa.Table.from_pandas(t, preserve_index=False) for name, t in tables.items()}, rates
    )


def _people(rng: np.random.Generator, people: int) -> pd.DataFrame:
    names = english_names()
    female = rng.random(people) < 0.5
    asian = rng.random(people) < 0.08
    born = np.datetime64("1960-01-01") + rng.integers(0, 365 * 40, people)
    year = born.astype("datetime64[Y]").astype(int) + 1970
    return pd.DataFrame({
        "forename": names.forenames[names.draw_forenames(rng, female, asian, year)],
        "surname": names.surnames[names.draw_surnames(rng, asian)],
        "date_of_birth": born,
        "sex": np.where(female, "F", "M"),
        "district": rng.choice(DISTRICTS, people),
        "postcode": _postcodes(rng, people),
    })  # fmt: skip


def _postcodes(rng: np.random.Generator, number: int) -> Objects:
    areas = rng.integers(1, 30, number)
    ends = rng.integers(0, 10, number)
    letters = rng.choice(list("ABDEFGHJLNPQRSTUWXYZ"), (number, 2))
    return np.array(
        [f"LS{a} {e}{x}{y}" for a, e, (x, y) in zip(areas, ends, letters, strict=True)], object
    )


def _applications(rng: np.random.Generator, applicants: Int64s) -> pd.DataFrame:
    person = np.repeat(applicants, 1 + (rng.random(len(applicants)) < 0.2))
    size = len(person)
    applied = FIRST + rng.integers(0, (LAST - FIRST).astype(int), size)
    reason = rng.choice(["homeless", "medical", "both"], size, p=[0.5, 0.35, 0.15])
    closed = applied + np.ceil(rng.exponential(700, size)).astype("timedelta64[D]")
    return pd.DataFrame({
        "person": person,
        "application_id": [str(n) for n in rng.permutation(size) + 1],
        "applied_on": applied,
        "closed_on": np.where(closed <= LAST, closed, np.datetime64("NaT")),
        "homeless": np.where(reason == "medical", "no", "yes"),
        "medical": np.where(reason == "homeless", "no", "yes"),
    })  # fmt: skip


def _with_people(applications: pd.DataFrame, everyone: pd.DataFrame) -> pd.DataFrame:
    who = everyone.iloc[applications["person"]].reset_index(drop=True)
    age = (applications["applied_on"] - who["date_of_birth"]).dt.days // 365.25
    return applications.assign(sex=who["sex"], age=age.astype(int), district=who["district"])


def _jobs(
    rng: np.random.Generator, everyone: pd.DataFrame, applications: pd.DataFrame, rates: Rates
) -> pd.DataFrame:
    """Jobs begin at a constant rate for each person: a Poisson process over all that is held."""
    rate = np.full(len(everyone), rates.jobs)
    for reason in ("homeless", "medical"):
        who = applications.loc[applications[reason] == "yes", "person"].unique()
        rate[who] *= getattr(rates, reason)
    rate[(everyone["date_of_birth"] >= np.datetime64("1990-01-01")).to_numpy()] *= rates.young
    days = int((LAST - FIRST).astype(int))
    person = np.repeat(np.arange(len(everyone)), rng.poisson(rate * days / 365.25))
    return pd.DataFrame({
        "person": person,
        "started_on": FIRST + rng.integers(0, days, len(person)),
        "sector": rng.choice(SECTORS, len(person), p=_SECTOR_SHARES),
    })  # fmt: skip


def _identities(
    rng: np.random.Generator,
    everyone: pd.DataFrame,
    who: Int64s,
    prefix: str,
    rates: Rates | None,
) -> pd.DataFrame:
    """What an owner holds of some people; with ``rates`` some of it is wrong or out of date."""
    frame = everyone.iloc[who].reset_index(drop=True).drop(columns="district")
    frame["date_of_birth"] = frame["date_of_birth"].dt.strftime("%Y-%m-%d")
    frame.insert(0, "entity_id", [f"{prefix}{person}" for person in who])
    if rates is not None:
        hit = rng.random((5, len(frame)))
        for name, chance in (("forename", hit[0]), ("surname", hit[1])):
            frame[name] = _mistyped(rng, frame[name], chance < rates.typos)
        moved = hit[2] < rates.moved
        frame.loc[moved, "postcode"] = _postcodes(rng, int(moved.sum()))
        lost = hit[3] < rates.unlinkable
        frame.loc[lost, ["date_of_birth", "postcode"]] = ""
    return frame


def _mistyped(rng: np.random.Generator, column: pd.Series, hit: Bools) -> pd.Series:
    values = column.to_numpy(dtype=object).copy()
    for at in np.flatnonzero(hit):
        place = int(rng.integers(1, max(2, len(values[at]))))
        letter = _KEYS[int(rng.integers(len(_KEYS)))]
        values[at] = values[at][:place] + letter + values[at][place + 1 :]
    return pd.Series(values)


def _sent(frame: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """A table as the owner sends it: text, empty where missing."""
    made = frame.rename(columns={"person": "entity_id"})
    made["entity_id"] = [f"{prefix}{person}" for person in frame["person"]]
    for name in made.columns:
        if made[name].dtype.kind == "M":
            made[name] = made[name].dt.strftime("%Y-%m-%d").fillna("")
    return made.astype(str)


def _truth(applications: pd.DataFrame, jobs: pd.DataFrame) -> pd.DataFrame:
    """For each application in the observation whether a job began in the year after it, or ever."""
    begin = jobs.loc[(jobs["started_on"] <= SEEN[1]), ["person", "started_on"]]
    held = applications.merge(begin, on="person", how="left")
    days = (held["started_on"] - held["applied_on"]).dt.days
    later = days.where(days >= 0)
    first = later.groupby(held["application_id"]).min().reindex(applications["application_id"])
    applied = applications["applied_on"].to_numpy()
    return pd.DataFrame({
        "application_id": applications["application_id"],
        "homeless": applications["homeless"],
        "medical": applications["medical"],
        "observed": (applied >= SEEN[0]) & (applied <= SEEN[1]),
        "followed": (SEEN[1] - applied).astype("timedelta64[D]").astype(int) >= YEAR_DAYS,
        "within": (first <= YEAR_DAYS).to_numpy(),
        "ever": first.notna().to_numpy(),
    })  # fmt: skip
