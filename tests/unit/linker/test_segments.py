"""Segments of the score axis: against all partitions of small counts."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blindlink.linker.model.segments import bin_edges, count, locate, partition


def likelihood(a: float, b: float) -> float:
    return sum(x * np.log(x / (a + b)) for x in (a, b) if x)


def value(first: list[int], second: list[int], segment: tuple[int, ...], penalty: float) -> float:
    total = 0.0
    for number in set(segment):
        bins = [place for place, s in enumerate(segment) if s == number]
        total += likelihood(sum(first[b] for b in bins), sum(second[b] for b in bins)) - penalty
    return total


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=7))
def test_the_best_of_all_partitions(counts: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in counts], [b for _, b in counts]
    found = tuple(partition(np.array(first, float), np.array(second, float), penalty=3.0))
    cuts = product((0, 1), repeat=len(counts) - 1)
    every = [tuple(np.cumsum((0, *cut))) for cut in cuts]
    best = max(value(first, second, segment, 3.0) for segment in every)
    assert value(first, second, found, 3.0) == pytest.approx(best)


def test_a_jump_of_the_mix_is_found_where_it_is() -> None:
    first = np.array([10.0] * 10 + [50] * 5 + [10] * 5)
    second = np.array([100.0] * 10 + [5] * 5 + [100] * 5)
    assert list(partition(first, second)) == [0] * 10 + [1] * 5 + [2] * 5


def test_every_score_falls_into_a_bin() -> None:
    scores = np.random.default_rng(1).random(5000)
    edges = bin_edges(scores)
    assert edges[0] == 0
    assert np.all(np.diff(edges) > 0)
    assert count(scores, edges).sum() == len(scores)
    place = locate(scores, edges)
    assert np.all(edges[place] <= scores)
    assert np.all(scores < np.r_[edges, np.inf][place + 1])


def test_few_pairs_stand_in_the_highest_bin() -> None:
    scores = np.random.default_rng(2).random(5000)
    counts = count(scores, bin_edges(scores))
    assert 5 <= counts[-1] <= 20
