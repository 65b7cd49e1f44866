"""Comparisons, by examples worked out by hand; clkhash's own are also drawn in properties/."""

from typing import Any

import pytest

from blindlink.schema.comparators import comparison


@pytest.mark.parametrize(
    ("document", "value", "tokens"),
    [
        ({"type": "exact"}, "abc", ["abc"]),
        ({"type": "ngram", "n": 1}, "aba", ["a", "b", "a"]),
        ({"type": "ngram", "n": 2}, "ab", [" a", "ab", "b "]),
        ({"type": "ngram", "n": 2, "positional": True}, "ab", ["1  a", "2 ab", "3 b "]),
        ({"type": "words"}, "ANN LEE ANN", ["ANN", "LEE"]),
        ({"type": "ngram", "n": 3}, "a", ["  a", " a ", "a  "]),
        # The example of clkhash's documentation: x = 25, distance 8, resolution 2.
        (
            {"type": "numeric", "thresholdDistance": 8, "resolution": 2},
            "25",
            ["88", "96", "104", "112", "120"],
        ),
    ],
)
def test_tokens(document: dict[str, Any], value: str, tokens: list[str]) -> None:
    assert comparison(document).tokens(value) == tokens


def shared(first: str, second: str, **settings: Any) -> int:
    date = comparison({"type": "date", **settings})
    return len(set(date.tokens(first)) & set(date.tokens(second)))


def test_a_date_with_one_wrong_part_keeps_one_pair_of_parts() -> None:
    assert shared("1980-02-13", "1980-02-14", swaps=False) == 1
    assert shared("1980-02-13", "1981-02-13", swaps=False) == 1
    assert shared("1980-02-13", "1981-03-13", swaps=False) == 0


def test_swapped_day_and_month_and_near_dates_share_tokens() -> None:
    assert shared("1980-02-03", "1980-03-02") == 1
    assert shared("1980-02-28", "1980-03-01", near=3) > 0
    assert shared("1980-02-28", "1980-04-28", swaps=False) == 1


@pytest.mark.parametrize(
    "document",
    [
        {"type": "sound"},
        {"type": "ngram"},
        {"type": "ngram", "n": 0},
        {"type": "ngram", "n": True},
        {"type": "numeric", "thresholdDistance": 0.1, "resolution": 1},
        {"type": "numeric", "thresholdDistance": -1, "resolution": 1},
        {"type": "exact", "n": 2},
    ],
)
def test_a_wrong_comparison_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        comparison(document)


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ({"type": "numeric", "thresholdDistance": 1, "resolution": 1}, "Anna"),
        ({"type": "numeric", "thresholdDistance": 1, "resolution": 1}, "inf"),
        ({"type": "date"}, "1980-02-30"),
    ],
)
def test_a_value_that_cannot_be_compared_is_not_repeated(
    document: dict[str, Any], value: str
) -> None:
    with pytest.raises(ValueError, match="is not a") as caught:
        comparison(document).tokens(value)
    assert value not in str(caught.value)
