"""Payload columns as the agreement allows them."""

import pyarrow as pa
import pytest

from blindlink.errors import AgreementError, InputError
from blindlink.owner.tables.generalise import apply, generalised, kinds, renumbered
from worlds.flow import entropy


def one(value: str | None, rule: str) -> str | None:
    result = apply(pa.array([value], pa.string()), rule, "here").to_pylist()[0]
    return None if result is None else str(result)


@pytest.mark.parametrize(
    ("value", "rule", "expected"),
    [
        ("Hull", "keep", "Hull"),
        ("2020-02-29", "year", "2020"),
        ("2020-02-29", "month", "2020-02"),
        ("33", "band:5", "30-34"),
        ("30", "band:5", "30-34"),
        ("-1", "band:5", "-5--1"),
        ("0", "band:1", "0-0"),
        ("Höhe", "truncate:2", "Hö"),
        (None, "year", None),
        (None, "band:5", None),
    ],
)
def test_rules(value: str | None, rule: str, expected: str | None) -> None:
    assert one(value, rule) == expected


@pytest.mark.parametrize(
    ("value", "rule"),
    [("29/02/2020", "year"), ("2021-02-29", "month"), ("20200229", "year"), ("3.5", "band:5")],
)
def test_a_value_that_does_not_fit_is_named_by_its_row_only(value: str, rule: str) -> None:
    column = pa.array(["2020-01-01" if rule != "band:5" else "3", None, value, value])
    with pytest.raises(InputError, match="here, row 3: the value does not fit") as caught:
        apply(column, rule, "here")
    assert value not in str(caught.value)


@pytest.mark.parametrize("rule", ["hash", "band:0", "band:", "truncate:x", "keep:1"])
def test_unknown_rules_are_refused(rule: str) -> None:
    with pytest.raises(AgreementError, match="no generalisation"):
        one("1", rule)


def test_only_listed_columns_leave() -> None:
    table = pa.table({"entity_id": ["e"], "age": [33], "judge": ["J"], "day": ["2020-02-29"]})
    found = generalised(table, {"age": "band:10", "day": "year"}, "events")
    assert found.to_pydict() == {"age": ["30-39"], "day": ["2020"]}


def test_empty_cells_are_missing_and_types_become_text() -> None:
    table = pa.table({"a": ["", "x"], "b": pa.array([True, None]), "c": pa.array([1.5, None])})
    found = generalised(table, dict.fromkeys("abc", "keep"), "events")
    assert found.to_pydict() == {"a": [None, "x"], "b": ["1", None], "c": ["1.5", None]}


def test_the_entity_id_never_leaves() -> None:
    with pytest.raises(AgreementError, match="never leaves"):
        generalised(pa.table({"entity_id": ["e"]}), {"entity_id": "keep"}, "events")


def test_a_missing_column_is_named() -> None:
    with pytest.raises(InputError, match="table events: column age is missing"):
        generalised(pa.table({"a": ["1"]}), {"age": "keep"}, "events")


def test_a_zero_character_is_refused() -> None:
    with pytest.raises(InputError, match="zero character"):
        generalised(pa.table({"a": ["1\0"]}), {"a": "keep"}, "events")


def test_a_list_cannot_be_text() -> None:
    with pytest.raises(InputError, match="column a: holds lists, records or unreadable bytes"):
        generalised(pa.table({"a": [[1], [2]]}), {"a": "keep"}, "events")


def test_kinds_hold_for_every_value_of_a_column() -> None:
    table = pa.table(
        {
            "whole": ["0", "-7", None],
            "code": ["07", "11", None],
            "real": ["0.5", "2", None],
            "day": ["2020-02-29", None, None],
            "wrong_day": ["2021-02-29", None, None],
            "text": ["1", "x", None],
            "none": pa.array([None] * 3, pa.string()),
            "some_id": ["1", "2", "3"],
        }
    )
    expected = ["integer", "text", "number", "date", "text", "text", "text", "text"]
    assert kinds(table) == expected


def test_identifiers_become_fresh_numbers_shared_by_all_tables() -> None:
    events = pa.table({"episode_id": ["E9", "E7", "E8"], "x": ["1", "2", "3"]})
    details = pa.table({"episode_id": ["E7", None, "E9", "E7"]})
    found = renumbered({"events": events, "details": details}, entropy("a"))
    nine, seven, eight = found["events"].column("episode_id").to_pylist()
    assert sorted([nine, seven, eight]) == ["1", "2", "3"]
    assert found["details"].column("episode_id").to_pylist() == [seven, None, nine, seven]
    assert found["events"].column("x").to_pylist() == ["1", "2", "3"]


def test_fresh_numbers_depend_on_entropy_only() -> None:
    table = {"t": pa.table({"a_id": [str(n) for n in range(50)]})}
    first, again, other = (
        renumbered(table, entropy(s))["t"].column("a_id").to_pylist() for s in "aab"
    )
    assert first == again != other
