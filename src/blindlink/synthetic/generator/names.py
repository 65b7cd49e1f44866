"""What people are called: common English and South Asian names with a long tail of rare surnames.

The lists are plain counts of well-known names, rounded and written from general knowledge: what
matters here is the distribution of initials by sex and birth year, and how often names recur.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from blindlink.arrays import Bools, Int64s, Objects

RARE_SHARE = 0.42  # of British surnames outside the common ones
YOUNG_FROM = 1980  # first year of birth of the younger column
_STEMS = (
    "Ash Beck Black Brad Brom Burn Cald Carl Crom Dun East Elm Far Green Had Hal Harg Hay Hazel "
    "Hol Holling Horn Kil Lang Led Lin Lock Long Mar Mid Mill Mor Nether New Nor Oak Old Over Pem "
    "Pick Quar Rad Raven Red Rush Sand Shel Skel Stan Stock Stret Thorn Tor Under Wal War Wel West "
    "Whit Wil Win Wood Yar"
)
_ENDINGS = (
    "ton ley worth field ford wood ham by dale well bourne den hurst land man mere more ridge shaw "
    "stead wick bank gate combe"
)


@dataclass(frozen=True)
class Names:
    """Vocabularies; a person's name is a pair of positions in ``forenames`` and ``surnames``.

    ``familiar``: the familiar form of each forename where its initial differs, else empty.
    """

    forenames: Objects
    familiar: Objects
    surnames: Objects
    forename_weights: dict[tuple[str, str, bool], tuple[Int64s, np.ndarray]]
    surname_weights: dict[str, tuple[Int64s, np.ndarray]]

    def draw_forenames(
        self, rng: np.random.Generator, female: Bools, asian: Bools, born_year: Int64s
    ) -> Int64s:
        """Positions in ``forenames``, by sex, family of names and year of birth."""
        found = np.zeros(len(female), dtype=np.int64)
        for (sex, family, young), (choice, weight) in self.forename_weights.items():
            mask = (female == (sex == "F")) & (asian == (family == "asian"))
            mask &= (born_year >= YOUNG_FROM) == young
            found[mask] = rng.choice(choice, size=int(mask.sum()), p=weight)
        return found

    def draw_surnames(self, rng: np.random.Generator, asian: Bools) -> Int64s:
        """Positions in ``surnames``, by family of names."""
        found = np.zeros(len(asian), dtype=np.int64)
        for family, (choice, weight) in self.surname_weights.items():
            mask = asian == (family == "asian")
            found[mask] = rng.choice(choice, size=int(mask.sum()), p=weight)
        return found


@cache
def english_names() -> Names:
    """The names of the study; made once."""
    forenames, surnames = _rows("forenames.csv"), _rows("surnames.csv")
    rare = [stem + ending for stem in _STEMS.split() for ending in _ENDINGS.split()]
    return Names(
        forenames=np.array([row["forename"] for row in forenames], dtype=object),
        familiar=np.array([row["familiar_form"] for row in forenames], dtype=object),
        surnames=np.array([row["surname"] for row in surnames] + rare, dtype=object),
        forename_weights=_forename_weights(forenames),
        surname_weights=_surname_weights(surnames, len(rare)),
    )


def _rows(name: str) -> list[dict[str, str]]:
    text = (
        resources.files("blindlink.synthetic.generator").joinpath("data", name).read_text("utf-8")
    )
    return list(csv.DictReader(text.splitlines()))


def _forename_weights(
    rows: list[dict[str, str]],
) -> dict[tuple[str, str, bool], tuple[Int64s, np.ndarray]]:
    weights = {}
    for sex in "MF":
        for family in ("british", "asian"):
            choice = [i for i, r in enumerate(rows) if (r["sex"], r["family"]) == (sex, family)]
            for young, column in ((False, "born_before_1980"), (True, "born_since_1980")):
                weight = np.array([float(rows[i][column]) for i in choice])
                weights[sex, family, young] = (np.array(choice), weight / weight.sum())
    return weights


def _surname_weights(rows: list[dict[str, str]], rare: int) -> dict[str, tuple[Int64s, np.ndarray]]:
    weights = {}
    for family, tail in (("british", rare), ("asian", 0)):
        common = [i for i, row in enumerate(rows) if row["family"] == family]
        weight = np.array([float(rows[i]["count"]) for i in common])
        weight = weight / weight.sum() * (1 - RARE_SHARE if tail else 1)
        choice = np.concatenate([common, len(rows) + np.arange(tail)]).astype(np.int64)
        # The tail falls off like Zipf's law.
        zipf = 1 / (np.arange(tail) + 40.0)
        rest = RARE_SHARE * zipf / zipf.sum() if tail else zipf
        weights[family] = (choice, np.concatenate([weight, rest]))
    return weights
