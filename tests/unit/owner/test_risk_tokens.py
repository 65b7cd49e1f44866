"""Tokens counted, neighbours and snowballs, against what a few lines of Python find."""

from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest

from blindlink.owner.risk.attributes import attributes
from blindlink.owner.risk.census import Census
from blindlink.owner.risk.snowball import SharedTokens, snowball
from blindlink.owner.risk.tokens import tokens_of
from worlds.risk_people import people, schema_of

BIGRAM = {"type": "ngram", "n": 2}


def held(table: pa.Table, schema) -> list[set[tuple[int, int]]]:  # type: ignore[no-untyped-def]
    """The tokens of each row, as pairs of kind and number."""
    rows: list[set[tuple[int, int]]] = [set() for _ in range(len(table))]
    for kind, tokens in enumerate(tokens_of(table, schema)):
        for row, code in zip(tokens.rows.tolist(), tokens.codes.tolist(), strict=True):
            assert (kind, code) not in rows[row]
            rows[row].add((kind, code))
    return rows


def test_tokens_are_equal_where_their_parts_are() -> None:
    table = pa.table(
        {
            "first_initial": ["anna", "anna", "bo", "", "ann"],
            "last_initial": ["x", "y", "x", "x", "x"],
            "date_of_birth": ["2000-01-01"] * 5,
            "sex": ["F"] * 5,
        }
    )
    whole = held(table, schema_of([{"fields": ["first", "last"], "bitsPerToken": 3}]))
    assert [len(row) for row in whole] == [1, 1, 1, 0, 1]
    assert whole[0].isdisjoint(whole[1] | whole[4])
    grams = [{"fields": ["first", "last"], "bitsPerFeature": 12, "comparison": BIGRAM}]
    cut = held(table, schema_of(grams))
    # " a", an, nn, na, "a " and " a", an, nn, "n ", each with x.
    assert [len(row) for row in cut] == [5, 5, 3, 0, 4]
    assert len(cut[0] & cut[4]) == 3
    assert cut[0].isdisjoint(cut[1])
    first = next(tokens_of(table, schema_of(grams)))
    assert first.bits[first.rows == 4].sum() == 12
    assert not first.hidden


def test_features_of_a_plain_schema_are_counted_too() -> None:
    from blindlink.schema.profiles.making import new_schema

    table = people(300)
    schema, _ = new_schema("clkhash", [table.column_names])
    census = Census(table, schema)
    sex = next(kind for kind in census.kinds if kind.name == "sex")
    assert sex.most == max(table.column("sex").to_pylist().count(value) for value in "FM")
    assert census.seen_dense
    diffused, _ = new_schema("diffused", [table.column_names])
    hidden = Census(table, diffused)
    assert hidden.hidden
    assert not hidden.seen_dense
    assert hidden.neighbours(np.random.default_rng(1)) is None


def test_neighbours_are_those_who_share_a_token() -> None:
    table = people(250)
    parts = [["first", "last", "sex"], ["first", "date"], ["last", "date"]]
    schema = schema_of([{"fields": fields, "bitsPerToken": 2} for fields in parts])
    rows = held(table, schema)
    edges = [(i, j) for i, j in combinations(range(250), 2) if rows[i] & rows[j]]
    tokens = sum(len(rows[i] & rows[j]) for i, j in edges)
    found = Census(table, schema).neighbours(np.random.default_rng(1))
    assert found is not None
    assert np.allclose(found, (2 * len(edges) / 250, 2 * tokens / 250))


def random_graph(rows: int, tokens: int, holders: int) -> SharedTokens:
    rng = np.random.default_rng(1)
    # Holders of a token stand apart: a row cannot hold it twice.
    first = rng.integers(0, rows, tokens)[:, None]
    owner = (first + np.cumsum(rng.integers(1, rows // holders, (tokens, holders)), axis=1)) % rows
    return SharedTokens(rows, [(owner.ravel(), np.repeat(np.arange(tokens), holders))])


@pytest.mark.parametrize("wanted", [0.5, 2.0, 4.0, 6.0])
def test_a_snowball_is_as_dense_as_wanted(wanted: float) -> None:
    shared = random_graph(5_000, 15_000, 2)  # six neighbours each
    ball = snowball(shared, 300, wanted, np.random.default_rng(2))
    assert len(ball.rows) == len(set(ball.rows.tolist())) == 300
    assert ball.neighbours == shared.neighbours_within(ball.rows)
    by_chance = shared.neighbours_within(np.random.default_rng(3).permutation(5_000)[:300])
    assert by_chance < 0.6
    # A random graph has no dense parts: what cannot be reached is said, not made up.
    assert ball.neighbours == pytest.approx(min(wanted, 2.5), rel=0.35)


def test_a_snowball_of_everybody_is_everybody() -> None:
    shared = random_graph(100, 50, 3)
    ball = snowball(shared, 500, 1.0, np.random.default_rng(2))
    assert ball.rows.tolist() == list(range(100))


def test_attributes_of_unknown_columns_come_from_the_schema() -> None:
    from blindlink.schema.document import parse_schema

    assert set(attributes(people(5), None)) >= {"sex", "first initial", "birth month"}
    features = [
        {
            "identifier": name,
            "format": {"type": "string"},
            "hashing": {"comparison": {"type": "exact"}, "strategy": {"bitsPerFeature": 9}},
        }
        for name in ("GIVEN", "CITY")
    ]
    config = {"l": 1024, "kdf": {"type": "HKDF"}}
    schema = parse_schema({"version": 3, "clkConfig": config, "features": features})
    many = [f"{'ab'[i % 2]}{i}" for i in range(200)]
    table = pa.table({"GIVEN": many, "CITY": ["x", "y"] * 100})
    found = attributes(table, schema)
    assert sorted(found["GIVEN"].values) == ["a", "b"]
    assert sorted(found["CITY"].values) == ["x", "y"]
    assert attributes(table, None) == {}
