"""The formal model: no attack with every check, one without any of them."""

import pytest

from formal.run import CHECKS, attacks

pytestmark = pytest.mark.needs("spin")
LENGTH = 3  # a history of three entries; ``make model`` looks at four


def test_there_is_no_attack() -> None:
    found, states = attacks(LENGTH)
    assert found == 0
    assert states > 10_000


def test_the_model_is_not_empty() -> None:
    assert attacks(LENGTH, "EXPECT_A_RELEASE")[0] == 1


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_is_needed(check: str) -> None:
    assert attacks(LENGTH, f"CHECK_{check}=0")[0] == 1


def test_the_checks_are_those_that_we_know() -> None:
    assert len(CHECKS) == 10
