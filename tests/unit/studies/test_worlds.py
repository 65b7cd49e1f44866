"""A small version of benchmarks/worlds.py: what is printed where the assumptions are wrong."""

from typing import Any

import pytest
from benchmarks.worlds import WORLDS, run

PEOPLE = 2000
BROKEN = ("everybody: 20 % cannot be linked", "the engaged: 12 % did not consent")


@pytest.fixture(scope="module", params=BROKEN)
def found(request: pytest.FixtureRequest) -> dict[str, Any]:
    world = next(each for each in WORLDS if each.name == request.param)
    return run(world, 1, PEOPLE)


def held(found: dict[str, Any], source: str, ends: str = "corrected") -> int:
    printed, true = found[source], found["true"]
    return sum(
        printed[name][f"{ends}_low"] <= true[name] <= printed[name][f"{ends}_high"]
        for name in ("ATR", "DRR", "All")
    )


def test_far_fewer_are_found_than_believed_and_the_interval_misses(found: dict[str, Any]) -> None:
    assert found["found"]["all"] < found["believed"] - 0.1
    assert held(found, "printed") < 3
    assert found["printed"]["All"]["corrected"] < found["true"]["All"]


def test_the_bounds_hold(found: dict[str, Any]) -> None:
    assert held(found, "printed", "bound") == 3


def test_known_pairs_bring_the_truth_back_where_they_can_see_the_loss(
    found: dict[str, Any],
) -> None:
    off = abs(found["printed"]["All"]["corrected"] - found["true"]["All"])
    assert abs(found["sourced"]["All"]["corrected"] - found["true"]["All"]) < off
    if "linked" in found["world"]:
        assert held(found, "sourced") == 3
