"""The identifier-error model: shares of people, kinds of error, and nothing else."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blindlink.synthetic.generator import identifiers
from blindlink.synthetic.generator.identifiers import Vocabulary
from blindlink.synthetic.generator.names import english_names
from blindlink.synthetic.generator.parameters import IdentifierErrors
from blindlink.synthetic.generator.places import england
from blindlink.synthetic.generator.population import TREATMENT_PEOPLE, People, draw_people, years_of

N = 20_000
NAMES, PLACES = english_names(), england()
NO_ERRORS: dict[str, Any] = dict.fromkeys(IdentifierErrors.__dataclass_fields__, 0.0)
NONE = IdentifierErrors(**(NO_ERRORS | {"outward_elsewhere": (0.0, 0.0, 0.0)}))


def people(n: int = N) -> People:
    reference = np.full(n, 18_000)
    return draw_people(
        np.random.default_rng(3), TREATMENT_PEOPLE, reference, names=NAMES, places=PLACES
    )


def ohid(errors: IdentifierErrors, who: People) -> pd.DataFrame:
    words = Vocabulary(NAMES, PLACES, errors)
    everyone = np.arange(len(who))
    return identifiers.ohid_identities(np.random.default_rng(4), who, everyone, who.home, words)


def moj(errors: IdentifierErrors, who: People) -> pd.DataFrame:
    nowhere = np.full(len(who), -1)
    words = Vocabulary(NAMES, PLACES, errors)
    return identifiers.moj_identities(np.random.default_rng(5), who, nowhere, words)


def test_without_errors_both_extracts_tell_the_truth() -> None:
    who = people(500)
    left, right = moj(NONE, who), ohid(NONE, who)
    assert left["kind"].unique().tolist() == ["main"]
    assert left["forename"].tolist() == NAMES.forenames[who.forename].tolist()
    assert left["forename"].str[0].tolist() == right["first_initial"].tolist()
    assert left["surname"].str[0].tolist() == right["last_initial"].tolist()
    assert left["date_of_birth"].tolist() == right["date_of_birth"].tolist()
    assert left["postcode"].str.split(" ").str[0].tolist() == right["postcode_outward"].tolist()
    assert left["sex"].map({"M": "1", "F": "2"}).tolist() == right["sex"].tolist()


@pytest.mark.parametrize(
    ("error", "column", "share"),
    [
        ({"birth_typo": 0.1}, "date_of_birth", 0.1),
        ({"birth_default_ohid": 0.1}, "date_of_birth", 0.1),
        ({"sex": 0.1}, "sex", 0.1),
        ({"outward_missing_ohid": 0.1}, "postcode_outward", 0.1),
        ({"authority_missing_ohid": 0.1}, "local_authority", 0.1),
    ],
)
def test_an_error_has_its_share_and_stays_in_its_column(
    error: dict[str, float], column: str, share: float
) -> None:
    who = people()
    clean, dirty = ohid(NONE, who), ohid(replace(NONE, **error), who)  # type: ignore[arg-type]
    differs = clean != dirty
    assert differs[column].mean() == pytest.approx(share, abs=0.01)
    assert not differs.drop(columns=column).to_numpy().any()


def test_a_default_date_is_the_first_of_january_of_the_right_year() -> None:
    who = people(2_000)
    found = ohid(replace(NONE, birth_default_ohid=1.0), who)["date_of_birth"]
    assert set(found.str[4:]) == {"-01-01"}
    assert found.str[:4].astype(int).tolist() == years_of(who.born).tolist()


def test_a_swapped_date_exchanges_day_and_month() -> None:
    who = people(4_000)
    clean = ohid(NONE, who)["date_of_birth"]
    found = ohid(replace(NONE, birth_swapped=1.0), who)["date_of_birth"]
    swaps = clean.str[8:].astype(int) <= 12
    expected = clean.str[:5] + clean.str[8:] + "-" + clean.str[5:7]
    assert found[swaps].tolist() == expected[swaps].tolist()
    assert found[~swaps].tolist() == clean[~swaps].tolist()


def test_swapped_initials() -> None:
    who = people(1_000)
    clean, found = ohid(NONE, who), ohid(replace(NONE, initials_swapped=1.0), who)
    assert found["first_initial"].tolist() == clean["last_initial"].tolist()
    assert found["last_initial"].tolist() == clean["first_initial"].tolist()


def test_no_fixed_abode_has_no_postcode_but_often_an_authority() -> None:
    errors = replace(NONE, no_fixed_abode=1.0, authority_with_no_fixed_abode=0.5)
    found = moj(errors, people())
    assert set(found["postcode"]) == {""}
    assert (found["local_authority"] == "").mean() == pytest.approx(0.5, abs=0.02)
    assert (found["region"] != "").all()


def test_an_alias_says_something_new_about_the_same_person() -> None:
    who = people(3_000)
    found = moj(replace(NONE, alias=0.5), who)
    main = found[found["kind"] == "main"].set_index("person")
    alias = found[found["kind"] == "alias"].set_index("person")
    assert 0.2 < len(alias) / len(main) < 0.6
    same = main.loc[alias.index]
    assert ((alias["surname"] != same["surname"]) | (alias["forename"] != same["forename"])).all()
    assert alias["postcode"].tolist() == same["postcode"].tolist()


def test_the_treatment_place_differs_as_often_as_stated() -> None:
    who = people()
    errors = replace(NONE, outward_elsewhere=(0.2, 0.1, 0.05))
    words = Vocabulary(NAMES, PLACES, errors)
    place = identifiers.treatment_places(np.random.default_rng(6), who.home, words)
    authority = PLACES.authority[place] == PLACES.authority[who.home]
    region = PLACES.region[place] == PLACES.region[who.home]
    assert (place != who.home).mean() == pytest.approx(0.35, abs=0.02)
    assert (~authority).mean() == pytest.approx(0.15, abs=0.01)
    assert (~region).mean() == pytest.approx(0.05, abs=0.01)
