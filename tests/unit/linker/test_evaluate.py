"""Links against the truth: counts by hand, Wilson intervals against published values."""

import pytest

from blindlink.errors import InputError
from blindlink.linker.model.evaluate import evaluate, wilson


def test_counts_by_hand() -> None:
    left, right = ["p", "q", "q", ""], ["q", "p", "", "r"]
    # True pairs: (0, 1), (1, 0), (2, 0); rows without a key are in none.
    found = evaluate(["0", "1", "3"], ["1", "3", "2"], left, right)
    assert (found.links, found.true_pairs, found.true_links) == (3, 3, 1)
    for figure in (found.precision, found.recall, found.f1):
        assert figure.value == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(hits: int, total: int, low: float, high: float) -> None:
    found = wilson(hits, total)
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_f1_lies_between_precision_and_recall() -> None:
    keys = [str(number) for number in range(100)]
    rows = [str(number) for number in range(80)]
    found = evaluate(rows, [*rows[:70], *[str(99 - n) for n in range(10)]], keys, keys)
    assert found.precision.value == pytest.approx(70 / 80)
    assert found.recall.value == pytest.approx(0.7)
    assert found.f1.value == pytest.approx(140 / 180)
    assert found.f1.low is not None
    assert found.f1.high is not None
    assert found.f1.low < 140 / 180 < found.f1.high


def test_nothing_is_divided_by_nothing() -> None:
    found = evaluate([], [], ["a"], ["b"])
    assert found.precision.value is found.recall.value is found.f1.value is None


@pytest.mark.parametrize(
    ("row", "text"),
    [("7", "3 rows"), ("-1", "row 1, column left"), ("x", "column left"), ("", "left")],
)
def test_rows_that_do_not_exist_are_refused(row: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        evaluate([row], ["0"], ["a", "b", "c"], ["a"])


def test_a_link_that_stands_twice_is_refused() -> None:
    with pytest.raises(InputError, match="1 of them stand twice"):
        evaluate(["0", "0"], ["1", "1"], ["a"], ["a", "b"])
