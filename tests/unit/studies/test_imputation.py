"""Drawn linkages obey the cardinality and have the released probabilities as marginals."""

import numpy as np
import pytest

from blindlink.analyst.estimate.matchings import Candidates, draw, moved
from blindlink.studies.probation_treatment.imputation import pool

DRAWS = 3000


def _marginals(left: list[int], right: list[int], p: list[float], cardinality: str) -> np.ndarray:
    # Many copies of the small graph are one large graph: as many independent draws at once.
    pairs = len(left)
    copies = np.repeat(np.arange(DRAWS), pairs)
    graph = Candidates(
        np.tile(left, DRAWS) + 10 * copies,
        np.tile(right, DRAWS) + 10 * copies,
        np.tile(np.array(p), DRAWS),
        cardinality,
    )
    chosen = draw(graph, np.random.Generator(np.random.PCG64(1)))
    for side, most in ((graph.left, cardinality == "one-to-one"),
                       (graph.right, cardinality != "many-to-many")):  # fmt: skip
        if most:
            assert np.bincount(side[chosen]).max() <= 1
    return chosen.reshape(DRAWS, pairs).mean(axis=0)


@pytest.mark.parametrize(
    ("left", "right", "p"),
    [
        ([0], [0], [0.9]),
        ([0, 0], [0, 1], [0.6, 0.3]),
        ([0, 1], [0, 0], [0.45, 0.45]),
        ([0, 0, 1], [0, 1, 1], [0.5, 0.3, 0.6]),
        ([0, 1, 1, 2, 2], [0, 0, 1, 1, 2], [0.2, 0.5, 0.4, 0.3, 0.6]),
        ([0], [0], [0.01]),
    ],
)
@pytest.mark.parametrize("cardinality", ["one-to-one", "one-to-many", "many-to-many"])
def test_marginals_are_the_probabilities(
    left: list[int], right: list[int], p: list[float], cardinality: str
) -> None:
    found = _marginals(left, right, p, cardinality)
    error = np.sqrt(np.array(p) * (1 - np.array(p)) / DRAWS)
    assert np.abs(found - p).max() < 4.5 * error.max() + 0.002


def test_a_certain_link_is_practically_always_drawn() -> None:
    assert _marginals([0], [0], [1.0], "one-to-one")[0] > 0.99


def test_probabilities_that_add_up_to_more_than_one_still_give_a_linkage() -> None:
    found = _marginals([0, 0, 1, 1], [0, 1, 0, 1], [0.9, 0.9, 0.9, 0.9], "one-to-one")
    assert found.sum() > 1.9


def test_the_same_generator_draws_the_same() -> None:
    graph = Candidates(np.arange(50), np.arange(50), np.full(50, 0.5), "one-to-one")
    one, other = (draw(graph, np.random.Generator(np.random.PCG64(4))) for _ in range(2))
    assert np.array_equal(one, other)


def test_rubins_rules_by_hand() -> None:
    # Values 1, 2, 3 with variance 0.5 each: mean 2, between 1, total 0.5 + 4/3.
    result = pool(np.array([1.0, 2.0, 3.0]), np.full(3, 0.5))
    assert result.value == 2
    assert result.between == pytest.approx(4 / 3)
    assert result.variance == pytest.approx(0.5 + 4 / 3)
    assert result.freedom == pytest.approx(2 * ((0.5 + 4 / 3) / (4 / 3)) ** 2)


def test_more_doubt_about_links_makes_likely_links_less_sure() -> None:
    pairs = Candidates(
        np.arange(5), np.arange(5), np.array([0.99, 0.9, 0.6, 0.2, 1.0]), "one-to-one"
    )
    likely = pairs.probability[:3]
    for times in (0.5, 1.0, 2.0):
        found = moved(pairs, times).probability
        assert (1 - found[:3]).sum() == pytest.approx(times * (1 - likely).sum(), rel=1e-6)
        assert found[4] == 1
        assert (np.diff(found[[3, 2, 1, 0]]) > 0).all()


def test_nothing_moves_without_likely_links() -> None:
    pairs = Candidates(np.arange(2), np.arange(2), np.array([0.2, 1.0]), "one-to-one")
    assert moved(pairs, 2.0) is pairs
