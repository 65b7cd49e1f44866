"""The threshold that a target chooses: no other one finds as much at a better precision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blindlink.errors import SeparationError
from blindlink.linker.model.thresholds import choose, curve
from blindlink.messages.plan import Plan


@st.composite
def assigned(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of pairs in falling order of score; the first ones are good."""
    tail = draw(st.lists(st.sampled_from([0.0, 0.01, 0.3, 0.9, 1.0]), min_size=1, max_size=30))
    chance = np.r_[np.ones(20), tail]
    return np.linspace(1, 0.1, len(chance)), chance


@given(assigned(), st.sampled_from(["precision:0.7", "precision:0.95", "false_link_rate:0.05"]))
def test_the_chosen_threshold_is_not_beaten(
    pairs: tuple[np.ndarray, np.ndarray], target: str
) -> None:
    score, chance = pairs
    points = curve(score, chance, 1 - chance, float(chance.sum()), 100.0)
    try:
        chosen = choose(points, Plan(target=target))
    except SeparationError:
        return
    name, value = target.split(":")
    met = points.precision >= float(value)
    if name == "false_link_rate":
        met = points.false_link_rate <= float(value)
    assert met[chosen]
    assert points.correct[chosen] >= points.correct[met].max() - 0.5
    better = (points.correct >= points.correct[chosen]) & (
        points.precision > points.precision[chosen]
    )
    assert not better.any()


def test_links_that_are_never_right_are_not_taken_along() -> None:
    chance = np.r_[np.ones(20), np.zeros(5)]
    points = curve(np.linspace(1, 0.1, 25), chance, 1 - chance, 20.0, 100.0)
    assert points.position[choose(points, Plan(target="precision:0.7"))] == 20


def test_a_target_that_nothing_meets_is_refused() -> None:
    chance = np.full(25, 0.6)
    points = curve(np.linspace(1, 0.1, 25), chance, 1 - chance, 15.0, 100.0)
    with pytest.raises(SeparationError, match=r"precision:0.95"):
        choose(points, Plan(target="precision:0.95"))
