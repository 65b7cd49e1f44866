"""Control records: recombined people that nobody without the analyst's mark can tell apart."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.stats import rankdata

from blindlink.errors import InputError
from blindlink.keys import LinkageKey
from blindlink.owner.controls import make_controls
from blindlink.owner.encoding.encode import encode
from blindlink.schema.profiles.making import new_schema
from worlds.flow import SECRET, entropy

PEOPLE = 1600  # of the self-join
LETTERS = np.array(list("ABCDEFGHJKLMNPRSTW"))


def people(number: int, seed: int = 1) -> tuple[pa.Table, np.ndarray]:
    """Weak identifiers of ``number`` people, a fifth with an alias, some with default dates."""
    rng = np.random.default_rng(seed)
    region = rng.integers(0, 4, number)
    born = (np.datetime64("1950-01-01") + rng.integers(0, 18_000, number)).astype(str)
    born[rng.random(number) < 0.02] = "1970-01-01"
    columns = {
        "first_initial": rng.choice(LETTERS, number),
        "last_initial": rng.choice(LETTERS, number),
        "date_of_birth": born,
        "sex": rng.choice(["M", "F"], number, p=[0.8, 0.2]),
        "postcode_outward": np.array([f"{'ABCD'[r]}{rng.integers(1, 60)}" for r in region]),
        "region": np.array(["North", "East", "South", "West"])[region],
        "kind": np.full(number, "main"),
    }
    entity = np.concatenate([np.arange(number), np.flatnonzero(rng.random(number) < 0.2)])
    rows = {name: values[entity].astype(object) for name, values in columns.items()}
    aliases = np.arange(number, len(entity))
    rows["first_initial"][aliases] = rng.choice(LETTERS, len(aliases))
    rows["kind"][aliases] = "alias"
    half = aliases[::2]
    other = np.datetime64("1950-01-01") + rng.integers(0, 18_000, len(half))
    rows["date_of_birth"][half] = other.astype(str)
    order = rng.permutation(len(entity))
    names = [f"person {number}" for number in entity[order]]
    table = pa.table({"entity_id": names, **{n: v[order] for n, v in rows.items()}})
    return table, entity[order].astype(np.int64)


PARTS = {
    "template": (("first_initial", "last_initial", "sex"), slice(None)),
    "year": (("date_of_birth",), slice(4)),
    "day": (("date_of_birth",), slice(4, None)),
    "place": (("postcode_outward", "region"), slice(None)),
}


def test_every_part_is_some_persons_and_no_one_lends_two() -> None:
    table, entity = people(400)
    found = make_controls(table, entity, 60, entropy("c"))
    assert found.control.max() == 59
    lenders: list[dict[str, set[int]]] = [{} for _ in range(60)]
    for part, (names, piece) in PARTS.items():
        held: dict[object, set[int]] = {}
        for e in range(400):
            held.setdefault(shown(table, names, piece, entity == e), set()).add(e)
        for control in range(60):
            mine = shown(found.rows, names, piece, found.control == control)
            lenders[control][part] = held.get(mine, set())
    for control, lent in enumerate(lenders):
        assert found.template[control] in lent["template"]
        default = not lent["year"] or not lent["day"]
        born = lent["year"] | lent["day"] if default else lent["year"] & lent["day"]
        assert lent["place"]
        assert not lent["template"] & lent["place"] & born


def shown(table: pa.Table, names: tuple[str, ...], piece: slice, rows: np.ndarray) -> object:
    return tuple(
        tuple(value[piece] for value in table.column(name).filter(pa.array(rows)).to_pylist())
        for name in names
    )


def test_joint_distributions_are_kept() -> None:
    table, entity = people(4000)
    found = make_controls(table, entity, 1000, entropy("c"))
    frame, control = table.to_pandas(), found.rows.to_pandas()
    for column in ("sex", "region", "kind"):
        real, made = (f[column].value_counts(normalize=True) for f in (frame, control))
        assert (real - made.reindex(real.index)).abs().max() < 0.04, column
    assert (
        control.postcode_outward.str[0]
        == control.region.map({"North": "A", "East": "B", "South": "C", "West": "D"})
    ).all()
    defaults = [(f.date_of_birth == "1970-01-01").mean() for f in (frame, control)]
    assert abs(defaults[0] - defaults[1]) < 0.02
    sizes = np.bincount(np.bincount(found.control), minlength=3) / 1000
    assert abs(sizes[2] - np.mean(np.bincount(entity) == 2)) < 0.04


def test_alias_groups_share_and_differ_in_dates_as_those_of_people() -> None:
    table, entity = people(3000)
    found = make_controls(table, entity, 900, entropy("c"))

    def differing(rows: pa.Table, of: np.ndarray) -> float:
        dates = rows.column("date_of_birth").to_pandas().groupby(of).agg(["size", "nunique"])
        pairs = dates[dates["size"] == 2]
        return float((pairs["nunique"] == 2).mean())

    assert abs(differing(table, entity) - differing(found.rows, found.control)) < 0.1


def test_the_number_is_exact_and_entropy_decides_alone() -> None:
    table, entity = people(300)
    first, again, other = (make_controls(table, entity, 40, entropy(s)) for s in "aab")
    assert first.rows.equals(again.rows)
    assert not first.rows.equals(other.rows)
    assert make_controls(table, entity, 0, entropy("a")).rows.num_rows == 0


@pytest.mark.parametrize("number", [3, 20])
def test_too_few_different_people(number: int) -> None:
    table, entity = people(number)
    with pytest.raises(InputError, match="too few different people"):
        make_controls(table, entity, 30, entropy("a"))


def test_names_come_from_two_people() -> None:
    table, entity = people(300)
    rng = np.random.default_rng(2)
    surname = pa.array([f"Surname{number}" for number in rng.integers(0, 150, len(entity))])
    forename = pa.array([f"Forename{number}" for number in rng.integers(0, 150, len(entity))])
    table = table.append_column("surname", surname).append_column("forename", forename)
    found = make_controls(table, entity, 30, entropy("a"))
    pairs = set(zip(forename.to_pylist(), surname.to_pylist(), strict=True))
    made = zip(*(found.rows.column(c).to_pylist() for c in ("forename", "surname")), strict=True)
    assert sum(pair in pairs for pair in made) < 5


def test_columns_keep_their_types_and_dates_exist() -> None:
    table, entity = people(300)
    days = pc.if_else(
        pc.starts_with(table.column("first_initial"), "A"), "1960-02-29", table["date_of_birth"]
    )
    place = table.column_names.index("date_of_birth")
    typed = table.set_column(place, "date_of_birth", days.cast(pa.date32()))
    found = make_controls(typed, entity, 60, entropy("t"))
    assert found.rows.schema == typed.schema
    assert found.rows.column("date_of_birth").null_count == 0


def test_missing_cells_stay_missing() -> None:
    table, entity = people(600)
    gone = pa.array([number % 5 == 0 for number in entity.tolist()])
    place = table.column_names.index("date_of_birth")
    born = pc.if_else(gone, "", table["date_of_birth"])
    found = make_controls(table.set_column(place, "date_of_birth", born), entity, 150, entropy("m"))
    missing = np.mean([value == "" for value in found.rows["date_of_birth"].to_pylist()])
    assert abs(missing - 0.2) < 0.08


def test_default_dates_stay_as_frequent() -> None:
    table, entity = people(900)
    default = pa.array([number % 5 == 0 for number in entity.tolist()])
    place = table.column_names.index("date_of_birth")
    born = pc.if_else(default, "1980-01-01", table["date_of_birth"])
    found = make_controls(table.set_column(place, "date_of_birth", born), entity, 250, entropy("d"))
    share = np.mean([value == "1980-01-01" for value in found.rows["date_of_birth"].to_pylist()])
    assert abs(share - 0.2) < 0.07


def test_full_postcodes_are_lent_in_two_parts() -> None:
    table, entity = people(400)
    units = np.array([f"{number % 9}{'ABCDEFGH'[number % 8]}Z" for number in entity])
    outward = table.column("postcode_outward").to_pylist()
    full = pa.array([f"{a} {b}" for a, b in zip(outward, units, strict=True)])
    table = table.drop_columns(["postcode_outward"]).append_column("postcode", full)
    found = make_controls(table, entity, 80, entropy("p")).rows["postcode"].to_pylist()
    parts = [code.split(" ") for code in found]
    assert {a for a, _ in parts} <= set(outward)
    assert {b for _, b in parts} <= set(units)
    assert len(set(found) - set(full.to_pylist())) > 40


def test_without_dates_or_region() -> None:
    table, entity = people(300)
    less = table.drop_columns(["date_of_birth", "region", "sex"])
    assert make_controls(less, entity, 20, entropy("w")).control.max() == 19


def test_place_of_one_region_is_no_block_of_its_own() -> None:
    table, entity = people(200)
    found = make_controls(table.drop_columns(["postcode_outward"]), entity, 20, entropy("a"))
    regions = np.array(table.column("region").to_pylist())
    mine = np.array(found.rows.column("region").to_pylist())
    first = {e: regions[entity == e][0] for e in range(200)}
    assert all(mine[found.control == c][0] == first[t] for c, t in enumerate(found.template))


def auc(score: np.ndarray, is_control: np.ndarray) -> float:
    """The chance that a control scores above a real row, ties counted half; 0.5 is guessing."""
    mine = rankdata(score)[is_control]
    return float((mine.mean() - (len(mine) + 1) / 2) / (len(score) - len(mine)))


def with_names(table: pa.Table, seed: int) -> pa.Table:
    """The same people with postcodes and names: a few hundred, as uneven as names are."""
    rng = np.random.default_rng(seed)

    def drawn(prefix: str, kinds: int) -> dict[str, str]:
        share = 1 / np.arange(1, kinds + 1)
        syllables = [a + b for a in "bdklmnrs" for b in "aeiou"]
        names = ["".join(rng.choice(syllables, 3)) for _ in range(kinds)]
        people = sorted(set(table["entity_id"].to_pylist()))
        found = rng.choice(kinds, len(people), p=share / share.sum())
        return {who: prefix + names[at] for who, at in zip(people, found, strict=True)}

    first, last = drawn("", 300), drawn("", 800)
    who = table["entity_id"].to_pylist()
    alias = table["kind"].to_pylist()
    other = drawn("al", 300)
    columns = {
        "entity_id": table["entity_id"],
        "forename": [
            other[w] if k == "alias" else first[w] for w, k in zip(who, alias, strict=True)
        ],
        "surname": [last[w] for w in who],
        "date_of_birth": table["date_of_birth"],
        "sex": table["sex"],
        "postcode": [f"{out} 1AB" for out in table["postcode_outward"].to_pylist()],
        "region": table["region"],
    }
    return pa.table(columns)


def features(
    profile: str, seed: int, secret: LinkageKey
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """What a linker can compute for every row of a submission by joining it with itself, and which
    rows are controls."""
    table, entity = people(PEOPLE, seed)
    if profile == "names":
        table = with_names(table, seed)
    found = make_controls(table, entity, PEOPLE // 5, entropy(f"attack {seed}"))
    rows = pa.concat_tables([table, found.rows]).drop_columns(["entity_id"])
    of = np.concatenate([entity, PEOPLE + found.control])
    schema, _ = new_schema(profile, [rows.column_names])
    encoded = encode(rows, schema, secret)
    bits = np.unpackbits(encoded.filters[0], axis=1).astype(np.float32)
    common, weight = bits @ bits.T, bits.sum(axis=1)
    # Who has a default date only has no token at all: an empty filter, which is like no other.
    both = weight[:, None] + weight[None, :]
    dice = np.divide(2 * common, both, out=np.zeros_like(common), where=both > 0)
    own = of[:, None] == of[None, :]
    dice[own] = 0
    best = np.sort(dice, axis=1)[:, ::-1]
    shared = [_shared(key, of) for key in encoded.match_keys]
    known = {
        "nearest neighbour": best[:, 0],
        "second nearest": best[:, 1],
        "three nearest, one for each donor": best[:, :3].sum(axis=1),
        "gap after the first": best[:, 0] - best[:, 1],
        "gap after the third": best[:, 2] - best[:, 3],
        "ten nearest": best[:, :10].sum(axis=1),
        "mean similarity": dice.mean(axis=1),
        "weight of the filter": weight,
        "rows of its entity": own.sum(axis=1).astype(float),
        "match keys shared": np.sum(shared, axis=0) if shared else np.zeros(len(of)),
    }
    return np.stack(list(known.values()), axis=1), of >= PEOPLE, list(known)


def _shared(key: np.ndarray, of: np.ndarray) -> np.ndarray:
    """How many rows of other entities have the same match key."""
    _, group = np.unique(key, axis=0, return_inverse=True)
    group = group.reshape(-1)
    pairs = np.unique(np.stack([group, of], axis=1), axis=0)
    return (np.bincount(pairs[:, 0])[group] - 1).astype(float)


@pytest.mark.parametrize("profile", ["weak", "names"])
def test_a_self_join_tells_controls_no_better_than_chance(profile: str) -> None:
    """The linker knows the recipe: donors share one block each with a control, nobody two.

    It may also play the recipe with people and a secret of its own, and learn from that.
    """
    found, is_control, names = features(profile, 5, SECRET)
    for name, score in zip(names, found.T, strict=True):
        found_out = auc(score, is_control)
        print(f"{profile}, {name}: {found_out:.3f}")
        assert abs(found_out - 0.5) < 0.05, name
    trained, labels, _ = features(profile, 6, LinkageKey(bytes(range(32))))
    found_out = auc(learned(trained, labels, found), is_control)
    print(f"{profile}, learned from a simulation: {found_out:.3f}")
    assert found_out < 0.56


def learned(trained: np.ndarray, labels: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least squares on the features, their squares and products, fitted to a simulation."""

    def expanded(x: np.ndarray, middle: np.ndarray, spread: np.ndarray) -> np.ndarray:
        z = np.clip((x - middle) / spread, -4, 4)
        pairs = [z[:, a] * z[:, b] for a in range(z.shape[1]) for b in range(a, z.shape[1])]
        return np.column_stack([np.ones(len(z)), z, *pairs])

    middle, spread = trained.mean(axis=0), trained.std(axis=0) + 1e-9
    design = expanded(trained, middle, spread)
    ridge = design.T @ design + len(design) * 0.01 * np.eye(design.shape[1])
    weights = np.linalg.solve(ridge, design.T @ (labels - labels.mean()))
    return np.asarray(expanded(target, middle, spread) @ weights)
