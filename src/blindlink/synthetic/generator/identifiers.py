"""How records get people wrong: the identifier-error model of both extracts.

Each extract sees the true person through its own errors. What is a share of people stands in
``IdentifierErrors``; what is not there is a plain consequence (a wrong forename gives a wrong
initial at OHID only where the first letter differs).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from blindlink.arrays import Bools, Int64s, Objects
from blindlink.synthetic.generator.names import Names
from blindlink.synthetic.generator.parameters import IdentifierErrors
from blindlink.synthetic.generator.places import Places
from blindlink.synthetic.generator.population import People

_UNIT = np.array(list("ABDEFGHJLNPQRSTUWXYZ"), dtype=object)
_LETTERS = np.array(list("abcdefghilmnoprstuwy"), dtype=object)


@dataclass(frozen=True)
class Vocabulary:
    """What both extracts draw from, and how often they err."""

    names: Names
    places: Places
    errors: IdentifierErrors


def treatment_places(rng: np.random.Generator, home: Int64s, words: Vocabulary) -> Int64s:
    """Where the treatment service has each person: mostly the same outward area as probation."""
    near, region, beyond = words.errors.outward_elsewhere
    spot = rng.random(len(home))
    place = home.copy()
    bounds = np.cumsum([near, region, beyond])
    for level in (1, 2, 3):
        mask = (spot < bounds[level - 1]) & (spot >= (bounds[level - 2] if level > 1 else 0.0))
        place[mask] = words.places.elsewhere(rng, home[mask], level)
    return place


def moved_places(rng: np.random.Generator, home: Int64s, places: Places) -> Int64s:
    """Where people live after a move to another area: two in three stay in the region."""
    place = places.elsewhere(rng, home, 2)
    far = rng.random(len(home)) < 1 / 3
    place[far] = places.elsewhere(rng, home[far], 3)
    return place


def ohid_identities(
    rng: np.random.Generator, people: People, person: Int64s, place: Int64s, words: Vocabulary
) -> pd.DataFrame:
    """One row per entity (``person``, ``place``): initials, date of birth, sex 1|2, and place."""
    errors, n = words.errors, len(person)
    first, last = _initials(rng, people, person, words)
    swapped = rng.random(n) < errors.initials_swapped
    first, last = np.where(swapped, last, first), np.where(swapped, first, last)
    born = _births(rng, people.born[person], errors, errors.birth_default_ohid)
    female = people.female[person] ^ (rng.random(n) < errors.sex)
    own = rng.random(n) < errors.own_details
    last = np.where(own, rng.permutation(last), last)
    born = np.where(own, rng.permutation(born), born)
    place = np.where(own, words.places.elsewhere(rng, place, 3), place)
    hidden = rng.random(n) < errors.outward_missing_ohid
    nowhere = rng.random(n) < errors.authority_missing_ohid
    return pd.DataFrame(
        {
            "first_initial": first,
            "last_initial": last,
            "date_of_birth": iso(born),
            "sex": np.where(female, "2", "1"),
            "postcode_outward": np.where(hidden, "", words.places.outward[place]),
            "local_authority": np.where(nowhere, "", words.places.authority[place]),
            "region": words.places.region[place],
        }
    )


def moj_identities(
    rng: np.random.Generator, people: People, treatment: Int64s, words: Vocabulary
) -> pd.DataFrame:
    """Main, alias and previous-address rows. Column ``person`` is the position in ``people``.

    ``treatment``: the place that a treatment service would know, or -1.
    """
    main = _main(rng, people, words)
    alias = _aliases(rng, people, main, words)
    previous = _previous(rng, people, main, treatment, words)
    return pd.concat([main, alias, previous], ignore_index=True)


def iso(days: Int64s) -> Objects:
    """Days as YYYY-MM-DD text; negative sentinels are the caller's business."""
    unique, back = np.unique(days, return_inverse=True)
    texts: Objects = np.datetime_as_string(unique.astype("datetime64[D]")).astype(object)[back]
    return texts


def _initials(
    rng: np.random.Generator, people: People, person: Int64s, words: Vocabulary
) -> tuple[Objects, Objects]:
    """The initials that a treatment service notes: of a familiar form, or a former surname."""
    errors, names, n = words.errors, words.names, len(person)
    forename, surname = people.forename[person], people.surname[person]
    other = rng.random(n) < errors.forename_other
    # Movers make more records than there are people in a large study.
    somebody = np.resize(rng.permutation(people.forename), n)
    forename = np.where(other, somebody, forename)
    familiar = names.familiar[forename]
    # Only half of the differing surnames are on this side; the other half is probation's.
    share = np.where(people.female[person], errors.surname_other_women, errors.surname_other_men)
    changed = rng.random(n) < share / 2
    strangers = rng.choice(people.surname, size=n)
    surname = np.where(changed, strangers, surname)
    called = (familiar != "") & (rng.random(n) < errors.familiar_form)
    first = _first_letters(np.where(called, familiar, names.forenames[forename]))
    return first, _first_letters(names.surnames[surname])


def _first_letters(words: Objects) -> Objects:
    return np.array([word[:1] for word in words], dtype=object)


def _births(
    rng: np.random.Generator, born: Int64s, errors: IdentifierErrors, default: float
) -> Int64s:
    """Dates of birth as recorded: one part wrong, day and month swapped, or 1 January."""
    spot = rng.random(len(born))
    date = born.astype("datetime64[D]")
    year = date.astype("datetime64[Y]")
    month = date.astype("datetime64[M]")
    in_month = (date - month.astype("datetime64[D]")).astype(np.int64)
    month_number = (month - year.astype("datetime64[M]")).astype(np.int64)
    typo = spot < errors.birth_typo
    swap = ~typo & (spot < errors.birth_typo + errors.birth_swapped) & (in_month < 12)
    unknown = spot > 1 - default
    found = np.where(typo, _mistyped(rng, born, in_month, year), born)
    swapped = (year.astype("datetime64[M]") + in_month.clip(0, 11)).astype("datetime64[D]")
    found = np.where(swap, (swapped + month_number).astype(np.int64), found)
    return np.where(unknown, year.astype("datetime64[D]").astype(np.int64), found)


def _mistyped(rng: np.random.Generator, born: Int64s, in_month: Int64s, year: np.ndarray) -> Int64s:
    """One part of the date is wrong: the day, the month, or the year."""
    part, step = rng.integers(0, 3, len(born)), rng.integers(1, 10, len(born))
    sign = np.where(rng.random(len(born)) < 0.5, 1, -1)
    day = born - in_month + (in_month + step) % 28
    neighbour = born - in_month + 31 * sign
    month_start = neighbour.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]")
    other_month = month_start.astype(np.int64) + np.minimum(in_month, 27)
    offset = born - year.astype("datetime64[D]").astype(np.int64)
    other_year = (year + sign * np.where(step < 5, 1, 10)).astype("datetime64[D]").astype(np.int64)
    return np.where(part == 0, day, np.where(part == 1, other_month, other_year + offset))


def _main(rng: np.random.Generator, people: People, words: Vocabulary) -> pd.DataFrame:
    errors, names, n = words.errors, words.names, len(people)
    share = np.where(people.female, errors.surname_other_women, errors.surname_other_men)
    changed = rng.random(n) < share / 2
    surname = np.where(changed, rng.permutation(people.surname), people.surname)
    forenames = _typed(rng, names.forenames[people.forename], errors.forename_typo)
    surnames = _typed(rng, names.surnames[surname], errors.surname_typo)
    born = _births(rng, people.born, errors, errors.birth_default_moj)
    female = people.female ^ (rng.random(n) < errors.sex)
    homeless = rng.random(n) < errors.no_fixed_abode
    known = ~homeless | (rng.random(n) < errors.authority_with_no_fixed_abode)
    frame = pd.DataFrame(
        {
            "person": np.arange(n),
            "forename": forenames,
            "surname": surnames,
            "date_of_birth": iso(born),
            "sex": np.where(female, "F", "M"),
        }
    )
    return _with_place(rng, frame, people.home, words.places, ~homeless, known, "main")


def _with_place(
    rng: np.random.Generator,
    frame: pd.DataFrame,
    place: Int64s,
    places: Places,
    has_postcode: Bools,
    known: Bools,
    kind: str,
) -> pd.DataFrame:
    postcode = _postcodes(rng, places.outward[place])
    return frame.assign(
        postcode=np.where(has_postcode, postcode, ""),
        local_authority=np.where(known, places.authority[place], ""),
        region=places.region[place],
        kind=kind,
    )


def _postcodes(rng: np.random.Generator, outward: Objects) -> Objects:
    n = len(outward)
    digit = rng.integers(0, 10, n).astype(str).astype(object)
    unit = _UNIT[rng.integers(0, len(_UNIT), n)] + _UNIT[rng.integers(0, len(_UNIT), n)]
    found: Objects = outward + " " + digit + unit
    return found


def _typed(rng: np.random.Generator, words: Objects, share: float) -> Objects:
    """Words with one letter after the first replaced, in ``share`` of them."""
    found = words.copy()
    for i in np.flatnonzero(rng.random(len(words)) < share):
        word = words[i]
        at = int(rng.integers(1, max(2, len(word))))
        found[i] = word[:at] + str(rng.choice(_LETTERS)) + word[at + 1 :]
    return found


def _aliases(
    rng: np.random.Generator, people: People, main: pd.DataFrame, words: Vocabulary
) -> pd.DataFrame:
    """Another surname or a familiar forename, same address, now and then another birth date."""
    errors, names = words.errors, words.names
    share = np.where(people.female, 1.5, 1.0) * errors.alias
    who = np.flatnonzero(rng.random(len(people)) < share)
    alias = main.iloc[who].copy()
    surname = names.surnames[people.surname[who]]
    married = rng.random(len(who)) < errors.alias_tells_surname
    stranger = names.surnames[rng.choice(people.surname, size=len(who))]
    alias["surname"] = np.where(married, surname, stranger)
    familiar = names.familiar[people.forename[who]]
    called = (familiar != "") & (rng.random(len(who)) < 0.5)
    alias["forename"] = np.where(called, familiar, names.forenames[people.forename[who]])
    date = people.born[who].astype("datetime64[D]")
    in_month = (date - date.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    born = iso(_mistyped(rng, people.born[who], in_month, date.astype("datetime64[Y]")))
    alias["date_of_birth"] = np.where(
        rng.random(len(who)) < errors.alias_birth, born, alias["date_of_birth"]
    )
    # An alias that says nothing new would not have been recorded.
    told = (alias["surname"] != main["surname"].iloc[who]) | (
        alias["forename"] != main["forename"].iloc[who]
    )
    return alias[told].assign(kind="alias")


def _previous(
    rng: np.random.Generator,
    people: People,
    main: pd.DataFrame,
    treatment: Int64s,
    words: Vocabulary,
) -> pd.DataFrame:
    """A former address: where treatment knows the person, or elsewhere in the region."""
    errors = words.errors
    who = np.flatnonzero(rng.random(len(people)) < errors.previous_address)
    home = people.home[who]
    near = rng.random(len(who)) < 0.7
    place = np.where(
        near, words.places.elsewhere(rng, home, 1), words.places.elsewhere(rng, home, 2)
    )
    told = (treatment[who] >= 0) & (rng.random(len(who)) < errors.previous_tells_place)
    place = np.where(told & (treatment[who] != home), treatment[who], place)
    yes = np.ones(len(who), dtype=bool)
    return _with_place(rng, main.iloc[who].copy(), place, words.places, yes, yes, "previous")
