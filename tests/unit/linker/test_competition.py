"""Match probabilities among rivals, against the sum over all matchings of small graphs."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blindlink.linker.model.competition import probabilities


def by_enumeration(
    left: list[int], right: list[int], odds: list[float], one_left: bool
) -> list[float]:
    """The marginals of the monomer-dimer model, by listing every matching."""
    edges = range(len(odds))
    total, marginal = 0.0, [0.0] * len(odds)
    for size in range(len(odds) + 1):
        for chosen in combinations(edges, size):
            lefts, rights = [left[e] for e in chosen], [right[e] for e in chosen]
            if len(set(rights)) < size or (one_left and len(set(lefts)) < size):
                continue
            weight = float(np.prod([odds[e] for e in chosen]))
            total += weight
            for e in chosen:
                marginal[e] += weight
    return [value / total for value in marginal]


def test_a_pair_without_rivals_keeps_its_odds() -> None:
    found = probabilities(np.array([0]), np.array([0]), np.array([3.0]), "one-to-one")
    assert found == pytest.approx([0.75], abs=1e-6)


def test_two_equal_rivals_share() -> None:
    odds = np.array([1e6, 1e6])
    found = probabilities(np.array([0, 0]), np.array([0, 1]), odds, "one-to-one")
    assert found == pytest.approx([0.5, 0.5], abs=1e-3)
    free = probabilities(np.array([0, 0]), np.array([0, 1]), odds, "one-to-many")
    assert free == pytest.approx([1, 1], abs=1e-5)


def test_many_to_many_knows_no_rivals() -> None:
    found = probabilities(np.zeros(3, int), np.zeros(3, int), np.array([1.0, 3, 9]), "many-to-many")
    assert found == pytest.approx([0.5, 0.75, 0.9])


def test_no_pairs_have_no_probabilities() -> None:
    nothing = np.empty(0, np.int64)
    for cardinality in ("one-to-one", "one-to-many", "many-to-many"):
        assert len(probabilities(nothing, nothing, np.empty(0), cardinality)) == 0


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=7), st.randoms(use_true_random=False))
def test_exact_on_trees(odds: list[float], random: object) -> None:
    # A path of pairs: left 0 - right 0 - left 1 - right 1 - ...
    left = [(e + 1) // 2 for e in range(len(odds))]
    right = [e // 2 for e in range(len(odds))]
    found = probabilities(np.array(left), np.array(right), np.array(odds), "one-to-one")
    assert found == pytest.approx(by_enumeration(left, right, odds, True), abs=2e-4)


@given(st.lists(st.floats(0.01, 100), min_size=4, max_size=4))
def test_exact_for_the_rivals_of_one_right_record(odds: list[float]) -> None:
    left, right = [0, 1, 2, 0], [0, 0, 0, 1]
    found = probabilities(np.array(left), np.array(right), np.array(odds), "one-to-many")
    assert found == pytest.approx(by_enumeration(left, right, odds, False))


def test_close_on_a_cycle() -> None:
    left, right, odds = [0, 0, 1, 1], [0, 1, 0, 1], [20.0, 2.0, 1.0, 5.0]
    found = probabilities(np.array(left), np.array(right), np.array(odds), "one-to-one")
    assert found == pytest.approx(by_enumeration(left, right, odds, True), abs=0.05)
