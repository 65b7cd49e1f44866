"""The rules of pairs: order, top, empty filters, limits; by hand-computed examples."""

import numpy as np
import pytest

from blindlink.arrays import Bytes
from blindlink.errors import InputError
from blindlink.linker.join import pairs as rules
from blindlink.linker.join.engines.reference import engine as reference
from blindlink.linker.join.measures import MEASURES, find
from blindlink.linker.join.pairs import Pairs


def filters(*rows: str) -> Bytes:
    """Bytes from strings of bits."""
    return np.packbits(np.array([[bit == "1" for bit in row] for row in rows]), axis=1)


def listed(found: Pairs) -> list[tuple[int, int, float]]:
    return list(zip(found.left.tolist(), found.right.tolist(), found.score.tolist(), strict=True))


def test_dice_by_hand() -> None:
    left, right = filters("11110000", "00001111"), filters("11100000", "11110000", "00000001")
    assert listed(reference.pairs(left, right, 0.4)) == [
        (0, 1, 1.0),
        (0, 0, 6 / 7),
        (1, 2, 0.4),
    ]


def test_order_is_by_score_then_left_then_right() -> None:
    same = filters("11110000", "11110000")
    assert listed(reference.pairs(same, same, 0.5)) == [
        (0, 0, 1.0),
        (0, 1, 1.0),
        (1, 0, 1.0),
        (1, 1, 1.0),
    ]


def test_two_empty_filters_are_not_alike() -> None:
    empty = filters("00000000")
    assert listed(reference.pairs(empty, empty, 0.0)) == [(0, 0, 0.0)]
    assert len(reference.pairs(empty, empty, 1e-9)) == 0


def test_top_limits_left_rows_first_then_right_rows() -> None:
    found = rules.ordered(
        Pairs(
            np.array([0, 0, 1, 1, 2]),
            np.array([0, 1, 0, 1, 0]),
            np.array([0.9, 0.8, 0.95, 0.7, 0.99]),
        )
    )
    assert listed(rules.best(found, 1)) == [(2, 0, 0.99)]
    assert listed(rules.best(found, 2)) == [(2, 0, 0.99), (1, 0, 0.95), (0, 1, 0.8), (1, 1, 0.7)]
    assert len(rules.best(found, None)) == 5


def test_order_of_rows_too_large_for_one_key() -> None:
    far = np.iinfo(np.int64).max // 2
    found = Pairs(np.array([far, 0, 0]), np.array([0, far, 1]), np.array([0.5, 0.5, 0.5]))
    assert rules.ordered(found).left.tolist() == [0, 0, far]
    assert rules.ordered(found).right.tolist() == [1, far, 0]


def test_swapped_exchanges_the_sides() -> None:
    found = Pairs(np.array([0, 1]), np.array([7, 5]), np.array([0.5, 0.5]))
    assert listed(found.swapped()) == [(5, 1, 0.5), (7, 0, 0.5)]


@pytest.mark.parametrize(
    ("measure", "expected"),
    [("dice", 4 / 7), ("jaccard", 2 / 5), ("cosine", 2 / 12**0.5), ("overlap", 2 / 3)],
)
def test_measures_by_hand(measure: str, expected: float) -> None:
    left, right = filters("11100000"), filters("01111000")
    assert reference.pairs(left, right, 0.0, measure=measure).score[0] == expected


def test_hamming_counts_the_length_given() -> None:
    left, right = filters("11100"), filters("01111")
    assert reference.pairs(left, right, 0.0, measure="hamming", bits=5).score[0] == 2 / 5
    assert reference.pairs(left, right, 0.0, measure="hamming").score[0] == 5 / 8


def test_measures_where_nothing_is_set() -> None:
    zero = np.zeros(1, np.int64)
    scores = {name: MEASURES[name](zero, zero, zero, 8)[0] for name in MEASURES}
    assert scores == {"dice": 0, "jaccard": 0, "cosine": 0, "overlap": 0, "hamming": 1}


def test_an_unknown_measure_is_refused() -> None:
    with pytest.raises(InputError, match="no measure 'tanimoto'") as caught:
        find("tanimoto")
    assert "jaccard" in caught.value.hint


@pytest.mark.parametrize(
    ("left", "right", "threshold", "top", "message"),
    [
        (np.zeros((1, 2), np.uint8), np.zeros((1, 3), np.uint8), 0.5, None, "16 bits, right"),
        (np.zeros(2, np.uint8), np.zeros((1, 2), np.uint8), 0.5, None, "left filters: expected"),
        (np.zeros((1, 2), np.int8), np.zeros((1, 2), np.uint8), 0.5, None, "array .* of uint8"),
        (np.zeros((1, 0), np.uint8), np.zeros((1, 0), np.uint8), 0.5, None, "8 to 65536 bits"),
        (np.zeros((1, 8193), np.uint8), np.zeros((1, 8193), np.uint8), 0.5, None, "8 to 65536"),
        (np.zeros((1, 2), np.uint8), np.zeros((1, 2), np.uint8), 1.5, None, "between 0 and 1"),
        (np.zeros((1, 2), np.uint8), np.zeros((1, 2), np.uint8), np.nan, None, "between 0 and 1"),
        (np.zeros((1, 2), np.uint8), np.zeros((1, 2), np.uint8), 0.5, 0, "top must be"),
    ],
)
def test_input_without_sense_is_refused(
    left: Bytes, right: Bytes, threshold: float, top: int | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        reference.pairs(left, right, threshold, top=top)
