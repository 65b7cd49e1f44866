"""The self-attacks one by one: each succeeds on a leak made for it, and finds nothing in noise."""

import numpy as np
import pytest

from blindlink.owner.risk.measures.co_occurrence import clusters
from blindlink.owner.risk.measures.correlation import correlations
from blindlink.owner.risk.measures.frequency_alignment import frequent_bits
from blindlink.owner.risk.measures.key_alignment import found_by_frequency
from blindlink.owner.risk.measures.learned import ridge
from blindlink.owner.risk.measures.naive_bayes import Bayes
from blindlink.owner.risk.measures.nearest_known import nearest
from blindlink.owner.risk.measures.parities import by_pairs, triples
from blindlink.owner.risk.measures.patterns import align
from blindlink.owner.risk.measures.principal_components import main_axes, split
from blindlink.owner.risk.measures.rank import gf2_rank
from blindlink.owner.risk.outcome import Outcome, balanced
from blindlink.owner.risk.views import View, numbered_rows

N, BITS = 1500, 128


def data(leak: bool) -> tuple[View, np.ndarray]:
    """Random filters; with a leak, eight bits are those of the attribute's value."""
    rng = np.random.default_rng(1)
    truth = (rng.random(N) < 0.4).astype(np.int64)
    bits = (rng.random((N, BITS)) < 0.2).astype(np.uint8)
    if leak:
        bits[:, :8] = truth[:, None]
    return View("filter 1", ((np.packbits(bits, axis=1), BITS),)), truth


def axes(view: View, truth: np.ndarray) -> Outcome:
    return split(main_axes(view.common), truth)


def bayes(view: View, truth: np.ndarray) -> Outcome:
    attack = Bayes(truth, 500)
    for block in view.blocks():
        attack.see(block)
    return attack.outcome()


def dice(view: View, truth: np.ndarray) -> Outcome:
    return nearest(view.common, view.weight, truth, 500)


def regression(view: View, truth: np.ndarray) -> Outcome:
    return ridge(view.common, truth, 500)


def together(view: View, truth: np.ndarray) -> Outcome:
    return align(clusters(next(view.blocks())), truth, 0.0)


def by_frequency(view: View, truth: np.ndarray) -> Outcome:
    return align(*frequent_bits(view)[:1], truth, frequent_bits(view)[1])


@pytest.mark.parametrize("attack", [axes, bayes, dice, regression, together, by_frequency])
def test_an_attack_reveals_a_leak_and_nothing_else(attack) -> None:  # type: ignore[no-untyped-def]
    assert attack(*data(leak=True)).accuracy > 0.95
    assert abs(attack(*data(leak=False)).gain) < 0.06


def test_balanced_accuracy_counts_values_alike() -> None:
    truth = np.array([0] * 90 + [1] * 10)
    always = balanced(truth, np.zeros(100, np.int64))
    assert (always.accuracy, always.guess, always.gain) == (0.5, 0.5, 0.0)
    # A value that hardly anybody has is not judged.
    assert balanced(np.append(truth, 2), np.zeros(101, np.int64)).guess == 0.5


def test_people_without_the_attribute_are_neither_known_nor_guessed() -> None:
    view, truth = data(leak=True)
    truth = np.where(np.arange(N) % 3 == 0, -1, truth)
    for attack in (bayes, dice, regression):
        assert attack(view, truth).accuracy > 0.95


def test_a_match_key_counts_in_the_joint_view() -> None:
    view, truth = data(leak=False)
    person = np.arange(N) // 2
    joint = View("all", view.filters, (person,), (view,))
    assert joint.common[0, 1] == view.common[0, 1] + 16
    assert joint.common[0, 2] == view.common[0, 2]
    pairs = truth[person]
    order = np.r_[np.arange(0, N, 2), np.arange(1, N, 2)]
    halves = View("all", ((view.filters[0][0][order], BITS),), (person[order],))
    half = N // 2
    assert nearest(halves.common, halves.weight, pairs[order], half).accuracy > 0.95


def test_xors_of_two_bits_see_what_single_bits_hide() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, N)
    bits = rng.integers(0, 2, (N, 40)).astype(np.float32)
    assert by_pairs(bits, truth, 500).accuracy < 0.57
    bits[:, 1] = np.abs(bits[:, 0] - truth)
    attack = Bayes(truth, 500)
    attack.see(bits)
    assert attack.outcome().accuracy < 0.57
    assert by_pairs(bits, truth, 500).accuracy > 0.9


def test_a_biased_xor_of_three_shows() -> None:
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2, (N, 10)).astype(np.float32)
    assert np.abs(triples(bits)).max() < 6 / np.sqrt(N)
    bits[:, 9] = (bits[:, 0] + bits[:, 1]) % 2
    assert np.isclose(np.abs(triples(bits)).max(), 1, atol=0.02)
    assert len(triples(bits)) == 120


def test_correlations_are_pearsons() -> None:
    bits = np.random.default_rng(1).integers(0, 2, (50, 5)).astype(np.float32)
    assert np.allclose(correlations(bits), np.corrcoef(bits.T), atol=1e-5)


def test_alignment_by_frequency_finds_one_value_of_each_frequency() -> None:
    # Two values of three people each, one of two, two of one: 3 + 2 + 1 of 10 are right on average.
    codes = np.array([0, 0, 0, 1, 1, 1, 2, 2, 3, 4])
    assert found_by_frequency(codes) == 0.6
    assert found_by_frequency(np.append(codes[:5], [-1] * 5)) == 0.5
    keys = np.array([[1] * 16, [0] * 16, [1] * 16, [2] * 16], np.uint8)
    assert numbered_rows([keys])[1] == -1
    assert numbered_rows([keys])[0] == numbered_rows([keys])[2] != numbered_rows([keys])[3]


def simple_rank(matrix: np.ndarray) -> int:
    """By Gauss elimination on integers."""
    rows, found = [int("".join(map(str, row)), 2) for row in matrix], 0
    while rows:
        top = rows.pop()
        if top:
            found += 1
            low = top & -top
            rows = [row ^ top if row & low else row for row in rows]
    return found


@pytest.mark.parametrize(("rows", "columns"), [(5, 8), (24, 40), (40, 24), (100, 64)])
def test_the_rank_is_that_of_gauss(rows: int, columns: int) -> None:
    rng = np.random.default_rng(1)
    for inner in (3, 7, 30):
        left, right = rng.integers(0, 2, (rows, inner)), rng.integers(0, 2, (inner, columns))
        matrix = (left @ right) % 2
        assert gf2_rank(np.packbits(matrix.astype(np.uint8), axis=1)) == simple_rank(matrix)
