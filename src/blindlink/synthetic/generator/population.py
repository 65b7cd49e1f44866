"""People as they truly are, before any record of them: sex, birth, ethnicity, names and home."""

from dataclasses import dataclass

import numpy as np

from blindlink.arrays import Bools, Floats, Int64s
from blindlink.synthetic.generator.names import Names
from blindlink.synthetic.generator.places import Places

ETHNICITIES = ("white", "mixed", "asian", "black", "other", "not_stated")
YEAR = 365.25


@dataclass(frozen=True)
class Profile:
    """Who is drawn: share of women, ages as 18 + Gamma(shape, scale), shares of ethnicities."""

    women: float
    age_shape: float
    age_scale: float
    ethnicities: tuple[float, ...]


ATR_PEOPLE = Profile(0.16, 3.4, 6.3, (0.86, 0.03, 0.05, 0.03, 0.01, 0.02))
DRR_PEOPLE = Profile(0.19, 3.8, 5.0, (0.84, 0.04, 0.04, 0.05, 0.01, 0.02))
TREATMENT_PEOPLE = Profile(0.31, 4.2, 5.5, (0.84, 0.03, 0.05, 0.04, 0.02, 0.02))


@dataclass(frozen=True)
class People:
    """Arrays of one item per person. ``born`` in days; ``home`` a position in the places."""

    female: Bools
    born: Int64s
    ethnicity: Int64s
    forename: Int64s
    surname: Int64s
    home: Int64s

    def __len__(self) -> int:
        return len(self.born)


def draw_people(
    rng: np.random.Generator,
    profile: Profile,
    reference: Int64s,
    *,
    names: Names,
    places: Places,
) -> People:
    """One person for each reference day, on which the person's age follows the profile."""
    n = len(reference)
    female = rng.random(n) < profile.women
    born = reference - _ages(rng, profile, n)
    ethnicity = rng.choice(len(ETHNICITIES), size=n, p=profile.ethnicities)
    asian = ethnicity == ETHNICITIES.index("asian")
    return People(
        female=female,
        born=born,
        ethnicity=ethnicity.astype(np.int64),
        forename=names.draw_forenames(rng, female, asian, years_of(born)),
        surname=names.draw_surnames(rng, asian),
        home=places.draw(rng, n),
    )


def join(*groups: People) -> People:
    """The people of all groups, in order."""
    fields = ("female", "born", "ethnicity", "forename", "surname", "home")
    return People(*(np.concatenate([getattr(group, name) for group in groups]) for name in fields))


def years_of(days: Int64s) -> Int64s:
    """Calendar year of each day."""
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970


def ages_at(born: Int64s, when: Int64s) -> Int64s:
    """Completed years of age."""
    years: Floats = (when - born) / YEAR
    return np.floor(years).astype(np.int64)


def _ages(rng: np.random.Generator, profile: Profile, n: int) -> Int64s:
    years = 18.05 + rng.gamma(profile.age_shape, profile.age_scale, n)
    return np.round(np.minimum(years, 84.0) * YEAR).astype(np.int64)
