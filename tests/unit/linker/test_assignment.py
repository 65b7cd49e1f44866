"""Assignment: cardinalities, ties and optimality, by hand and against brute force."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from blindlink.errors import InputError
from blindlink.linker.model.assignment import CARDINALITIES, assign, preference, tie_keys

LEFT = np.array([0, 0, 1, 1])
RIGHT = np.array([0, 1, 0, 1])
SCORE = np.array([0.9, 0.8, 0.85, 0.1])


def test_one_to_one_takes_the_best_first() -> None:
    assert assign(LEFT, RIGHT, SCORE).tolist() == [True, False, False, True]


def test_optimal_has_the_highest_sum() -> None:
    chosen = assign(LEFT, RIGHT, SCORE, optimal=True)
    assert chosen.tolist() == [False, True, True, False]


def test_one_to_many_keeps_right_entities_apart() -> None:
    assert assign(LEFT, RIGHT, SCORE, "one-to-many").tolist() == [True, True, False, False]


def test_many_to_many_keeps_all() -> None:
    assert assign(LEFT, RIGHT, SCORE, "many-to-many").all()


@pytest.mark.parametrize("cardinality", CARDINALITIES)
@pytest.mark.parametrize("optimal", [False, True])
def test_no_candidates(cardinality: Any, optimal: bool) -> None:
    nothing = np.empty(0, np.int64)
    assert not len(assign(nothing, nothing, np.empty(0), cardinality, optimal=optimal))


def test_unknown_cardinality_is_refused() -> None:
    with pytest.raises(InputError, match="no cardinality 'some'"):
        assign(LEFT, RIGHT, SCORE, "some")  # type: ignore[arg-type]


def test_ties_follow_the_key_and_not_the_rows() -> None:
    left, right, score = np.array([0, 1]), np.array([0, 0]), np.array([0.9, 0.9])
    assert assign(left, right, score).tolist() == [True, False]
    tie = np.array([7, 3], np.uint64)
    assert assign(left, right, score, tie=tie).tolist() == [False, True]
    assert assign(left, right, score, tie=tie, optimal=True).tolist() == [False, True]


def test_preference_breaks_equal_keys_by_rows() -> None:
    tie = np.zeros(3, np.uint64)
    order = preference(np.array([1, 0, 0]), np.array([0, 1, 0]), np.full(3, 0.5), tie)
    assert order.tolist() == [2, 1, 0]


def test_tie_keys_depend_on_filters_alone() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 256, (2, 6, 16)).astype(np.uint8)
    a, b = np.array([0, 1, 2, 2]), np.array([3, 3, 4, 5])
    keys = tie_keys(left, right, a, b)
    assert len(set(keys.tolist())) == 4
    moved = tie_keys(left[::-1], right[::-1], 5 - a, 5 - b)
    assert keys.tolist() == moved.tolist()
    assert keys.tolist() != tie_keys(right, left, b, a).tolist()


def test_optimal_equals_brute_force() -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        size = int(rng.integers(1, 10))
        cells = rng.choice(16, size, replace=False)
        left, right, score = cells // 4, cells % 4, rng.integers(1, 50, size) / 50
        chosen = assign(left, right, score, optimal=True)
        assert _is_matching(left[chosen], right[chosen])
        assert score[chosen].sum() == pytest.approx(_best_sum(left, right, score))


def test_optimal_is_the_same_in_any_order_of_rows() -> None:
    rng = np.random.default_rng(8)
    cells = rng.choice(400, 120, replace=False)
    left, right = cells // 20, cells % 20
    score, tie = rng.integers(1, 4, 120) / 4, rng.permutation(120).astype(np.uint64)
    chosen = assign(left, right, score, tie=tie, optimal=True)
    shuffle = rng.permutation(120)
    again = assign(
        19 - left[shuffle], 19 - right[shuffle], score[shuffle], tie=tie[shuffle], optimal=True
    )
    assert chosen[shuffle].tolist() == again.tolist()


def _is_matching(left: np.ndarray, right: np.ndarray) -> bool:
    return len(set(left.tolist())) == len(left) and len(set(right.tolist())) == len(right)


def _best_sum(left: np.ndarray, right: np.ndarray, score: np.ndarray) -> float:
    sums = [0.0]
    for size in range(1, 5):
        for some in map(list, combinations(range(len(score)), size)):
            if _is_matching(left[some], right[some]):
                sums.append(float(score[some].sum()))
    return max(sums)
