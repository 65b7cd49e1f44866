"""Graph matching: finds people where there is a graph, nobody where there is none."""

import numpy as np
import numpy.typing as npt
import pytest

from blindlink.owner.encoding.encode import encode
from blindlink.owner.risk.graph_matching import match
from blindlink.owner.risk.measures.graph import reidentified
from blindlink.owner.risk.similarity import known_graph, seen_graph
from blindlink.owner.risk.views import views_of
from blindlink.schema.profiles.making import new_schema
from worlds.risk_people import KEY, people, schema_of

ROWS = 300


def weighted(seed: int) -> npt.NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((ROWS, ROWS)) * (rng.random((ROWS, ROWS)) < 0.05), 1)
    return (upper + upper.T).astype(np.float32)


def test_the_same_graph_in_another_order_is_solved() -> None:
    first, order = weighted(1), np.random.default_rng(2).permutation(ROWS)
    noise = weighted(3) * np.float32(0.05)
    second = (first + noise)[np.ix_(order, order)]
    assert (match(first, second) == np.argsort(order)).mean() > 0.95


def test_two_unrelated_graphs_are_not() -> None:
    assert (match(weighted(1), weighted(4)) == np.arange(ROWS)).mean() < 0.03


def graphs(profile: str) -> tuple[np.ndarray, np.ndarray]:
    table = people(ROWS)
    if profile == "composites":
        parts = (["first", "sex", "date"], ["first", "last"], ["last", "sex", "date"])
        schema = schema_of([{"fields": fields, "bitsPerToken": 30} for fields in parts])
    else:
        schema, _ = new_schema(profile, [table.column_names])
    encodings = encode(table, schema, KEY, workers=1)
    view = next(views_of(encodings, np.arange(ROWS)))
    return known_graph(table, schema, [0], keys=False), seen_graph(view, keys=False)


@pytest.mark.parametrize("profile", ["clkhash", "composites"])
def test_plain_text_foretells_what_encodings_show(profile: str) -> None:
    known, seen = graphs(profile)
    assert np.allclose(known, known.T, atol=1e-3)
    near = known >= np.quantile(known, 0.9995)
    assert seen[near].mean() == pytest.approx(known[near].mean(), rel=0.25)
    assert known[near].min() > known.mean() + 1
    assert known.diagonal().max() == seen.diagonal().max() == 0


def test_a_stock_clk_gives_everybody_away_and_a_diffused_one_nobody() -> None:
    hidden = np.random.default_rng(5).permutation(ROWS)
    found = {}
    for profile in ("clkhash", "diffused"):
        known, seen = graphs(profile)
        found[profile] = reidentified(known[np.ix_(hidden, hidden)], seen, hidden)
    assert found["clkhash"] > 0.5
    assert found["diffused"] < 0.03


def test_equal_match_keys_join_people_in_both_graphs() -> None:
    table = people(ROWS)
    composites = [{"fields": ["first", "last", "date"], "bitsPerToken": 5}]
    schema = schema_of(composites, match_keys=[["first", "last"]])
    encodings = encode(table, schema, KEY, workers=1)
    *_, view = views_of(encodings, np.arange(ROWS))
    seen = seen_graph(view, keys=True) - seen_graph(view, keys=False)
    known = known_graph(table, schema, [0], keys=True) - known_graph(table, schema, [0], False)
    assert np.array_equal(seen > 10, known > 10)
    assert (known > 10).any()
