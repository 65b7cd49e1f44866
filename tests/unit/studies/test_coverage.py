"""The intervals cover the truth as often as they say, at a small size; the full run of 200 studies
is benchmarks/interval_coverage.py.
"""

import numpy as np
import pytest

from worlds.scoring import Score, centred_reach, score

STUDIES = 12


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    return [score(1500, seed, centred_reach(seed)) for seed in range(100, 100 + STUDIES)]


def _covered(scores: list[Score], name: str) -> int:
    inside = [s.intervals[name].low[2] <= s.truth[2] <= s.intervals[name].high[2] for s in scores]
    return int(np.sum(inside))


def test_corrected_intervals_with_centred_priors_cover_and_observed_ones_do_not(
    scores: list[Score],
) -> None:
    assert _covered(scores, "corrected, centred prior") >= STUDIES - 1
    assert _covered(scores, "observed") <= STUDIES // 2


def test_bounds_cover_even_with_misplaced_priors(scores: list[Score]) -> None:
    assert _covered(scores, "bounds, misplaced prior") == STUDIES


def test_the_correction_has_no_bias_worth_a_name(scores: list[Score]) -> None:
    errors = [s.intervals["corrected, centred prior"].value[2] - s.truth[2] for s in scores]
    assert abs(np.mean(errors)) < 0.02
