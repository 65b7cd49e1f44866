"""No pair at the threshold is lost: against exact fractions, and against anonlink's definition."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blindlink.arrays import Bytes
from blindlink.linker.join import engines
from blindlink.linker.join.engines.reference import engine as reference

HUNDREDTHS = range(50, 100)
LOCAL = [name for name in engines.available() if engines.load(name).in_process]
EXACT = [name for name in LOCAL if engines.load(name).exact]
LOST = {"anonlink": 23}  # thresholds of HUNDREDTHS at which a pair with just this score is lost


@st.composite
def sides(draw: st.DrawFn) -> tuple[Bytes, Bytes]:
    """Two files of one to three bytes a filter: short filters hit thresholds exactly."""
    width = draw(st.integers(1, 3))
    row = st.binary(min_size=width, max_size=width)
    left, right = draw(st.lists(row, min_size=1, max_size=8)), draw(st.lists(row, min_size=1))
    return (
        np.array([list(one) for one in left], np.uint8),
        np.array([list(one) for one in right], np.uint8),
    )


def exact_pairs(left: Bytes, right: Bytes, hundredths: int) -> set[tuple[int, int]]:
    """The pairs by rational arithmetic on Python integers."""
    found = set()
    for i, a in enumerate(int.from_bytes(row.tobytes()) for row in left):
        for j, b in enumerate(int.from_bytes(row.tobytes()) for row in right):
            total = a.bit_count() + b.bit_count()
            score = Fraction(2 * (a & b).bit_count(), total) if total else Fraction(0)
            if score >= Fraction(hundredths, 100):
                found.add((i, j))
    return found


@given(sides(), st.sampled_from(HUNDREDTHS))
def test_pairs_equal_exact_arithmetic(files: tuple[Bytes, Bytes], hundredths: int) -> None:
    left, right = files
    expected = exact_pairs(left, right, hundredths)
    for engine in EXACT:
        found = engines.load(engine).pairs(left, right, hundredths / 100)
        assert set(zip(found.left.tolist(), found.right.tolist(), strict=True)) == expected


@pytest.mark.parametrize("hundredths", HUNDREDTHS)
def test_a_pair_exactly_at_the_threshold_is_kept(hundredths: int) -> None:
    left, right = at_threshold(hundredths)
    for engine in EXACT:
        found = engines.load(engine).pairs(left, right, hundredths / 100)
        assert found.score.tolist() == [hundredths / 100]


def at_threshold(hundredths: int) -> tuple[Bytes, Bytes]:
    """One filter each, one inside the other, so that the bound by the weights is met as well."""
    left, right = np.zeros(208, bool), np.zeros(208, bool)
    left[:hundredths] = True
    right[: 200 - hundredths] = True
    return np.packbits(left)[None], np.packbits(right)[None]


@pytest.mark.needs("anonlink")
@given(sides(), st.sampled_from(HUNDREDTHS))
def test_reference_equals_anonlink_in_python(files: tuple[Bytes, Bytes], hundredths: int) -> None:
    from anonlink import similarities

    from blindlink.linker.join.engines.anonlink import bitarrays

    left, right = files
    score, (row, column) = similarities.dice_coefficient_python(
        (bitarrays(left), bitarrays(right)), hundredths / 100
    )
    found = reference.pairs(left, right, hundredths / 100)
    assert found.score.tolist() == list(score)
    assert found.left.tolist() == list(row)
    assert found.right.tolist() == list(column)


@pytest.mark.needs("anonlink")
def test_what_an_engine_that_is_not_exact_loses_is_known() -> None:
    for name in set(LOCAL) - set(EXACT):
        engine = engines.load(name)
        lost = [t for t in HUNDREDTHS if not len(engine.pairs(*at_threshold(t), t / 100))]
        assert len(lost) == LOST[name]
        assert {75, 95} <= set(lost)
        assert not {70, 80, 90} & set(lost)


@pytest.mark.needs("anonlink")
@given(sides(), st.sampled_from(HUNDREDTHS))
def test_an_engine_that_is_not_exact_gives_nothing_more(
    files: tuple[Bytes, Bytes], hundredths: int
) -> None:
    expected = reference.pairs(*files, hundredths / 100)
    known = set(zip(expected.left.tolist(), expected.right.tolist(), expected.score, strict=True))
    for name in set(LOCAL) - set(EXACT):
        found = engines.load(name).pairs(*files, hundredths / 100)
        assert (
            set(zip(found.left.tolist(), found.right.tolist(), found.score, strict=True)) <= known
        )


@given(sides(), st.sampled_from([1, 2]), st.sampled_from([0.0, 0.3, 0.6]))
def test_no_record_is_in_more_than_top_pairs(
    files: tuple[Bytes, Bytes], top: int, threshold: float
) -> None:
    found = engines.load("sliced").pairs(*files, threshold, top=top)
    for rows in (found.left, found.right):
        assert np.unique(rows, return_counts=True)[1].max(initial=0) <= top
