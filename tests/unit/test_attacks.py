"""The self-attacks: each must succeed where it should, and find nothing in noise."""

import numpy as np
import pytest

from blindlink.owner.attacks import (
    balanced,
    learned,
    naive_bayes,
    nearest_known,
    principal_components,
)

N, BITS = 1500, 128


def data(leak: bool) -> tuple[np.ndarray, np.ndarray]:
    """Random filters; with a leak, eight bits are those of the attribute's value."""
    rng = np.random.default_rng(1)
    truth = (rng.random(N) < 0.4).astype(np.int64)
    bits = (rng.random((N, BITS)) < 0.2).astype(np.float32)
    if leak:
        bits[:, :8] = truth[:, None]
    return bits, truth


def test_balanced_accuracy_counts_values_alike() -> None:
    truth = np.array([0] * 90 + [1] * 10)
    always = balanced(truth, np.zeros(100, np.int64))
    assert (always.accuracy, always.guess, always.gain) == (0.5, 0.5, 0.0)
    # A value that hardly anybody has is not judged.
    assert balanced(np.append(truth, 2), np.zeros(101, np.int64)).guess == 0.5


@pytest.mark.parametrize("attack", [naive_bayes, nearest_known, learned])
def test_known_pairs_reveal_a_leak_and_nothing_else(attack) -> None:  # type: ignore[no-untyped-def]
    assert attack(*data(leak=True), 500).accuracy > 0.95
    assert abs(attack(*data(leak=False), 500).gain) < 0.06


def test_principal_components_reveal_a_leak_without_any_key() -> None:
    assert principal_components(*data(leak=True)).accuracy > 0.95
    assert principal_components(*data(leak=False)).gain < 0.06
