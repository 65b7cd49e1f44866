"""The places of the synthetic study: nested, and moves that respect the nesting."""

import numpy as np
import pytest

from blindlink.synthetic.generator.places import england

PLACES = england()


def test_england_has_its_regions_and_authorities() -> None:
    assert len(set(PLACES.region)) == 9
    assert len(set(PLACES.authority)) == 151
    assert 2_000 < len(PLACES.outward) < 3_000
    assert len(set(PLACES.outward)) == len(PLACES.outward)


def test_an_authority_lies_in_one_region() -> None:
    pairs = set(zip(PLACES.authority, PLACES.region, strict=True))
    assert len(pairs) == len(set(PLACES.authority))


def test_the_ranges_are_the_authority_and_the_region_of_each_area() -> None:
    for place in (0, 700, len(PLACES.outward) - 1):
        for names, ranges in (
            (PLACES.authority, PLACES.authority_range),
            (PLACES.region, PLACES.region_range),
        ):
            first, past = ranges[place]
            assert set(names[first:past]) == {names[place]}
            assert (names == names[place]).sum() == past - first


def test_people_live_where_the_weight_is() -> None:
    home = PLACES.draw(np.random.default_rng(1), 50_000)
    share = (PLACES.region[home] == "North West").mean()
    assert share == pytest.approx(0.17, abs=0.02)


@pytest.mark.parametrize(("level", "same"), [(1, (True, True)), (2, (False, True)), (3, (0, 0))])
def test_a_move_goes_where_its_level_says(level: int, same: tuple[bool, bool]) -> None:
    rng = np.random.default_rng(level)
    home = PLACES.draw(rng, 5_000)
    other = PLACES.elsewhere(rng, home, level)
    lonely = np.diff(PLACES.authority_range[home]).ravel() == 1
    moved = (other != home) | lonely
    assert moved.all()
    checked = ~lonely if level == 1 else np.ones(len(home), bool)
    assert set((PLACES.authority[other] == PLACES.authority[home])[checked]) == {bool(same[0])}
    assert set(PLACES.region[other] == PLACES.region[home]) == {bool(same[1])}
