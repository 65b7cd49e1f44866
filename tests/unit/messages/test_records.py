"""Payload rows as fixed-width bytes and back."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from blindlink.errors import FormatError, InputError
from blindlink.messages.submission.records import (
    Column,
    Kind,
    TableLayout,
    empty,
    from_rows,
    layout_of,
    to_rows,
)

TABLE = pa.table(
    {
        "code": pa.array(["7000", "", "Hull é", None]),
        "day": pa.array(["2020-02-29", "1999-12-31", None, "2000-01-01"]),
        "days": pa.array(["28", "0", "-3", None]),
        "score": pa.array(["0.5", None, "12", "3.25"]),
    }
)
KINDS: tuple[Kind, ...] = ("text", "date", "integer", "number")


def test_layout_is_as_wide_as_the_widest_value_in_bytes() -> None:
    layout = layout_of("events", TABLE, KINDS)
    assert [column.width for column in layout.columns] == [7, 10, 2, 4]
    assert layout.width == 23


def test_rows_are_the_bytes_side_by_side() -> None:
    rows = to_rows(TABLE, layout_of("events", TABLE, KINDS))
    assert rows.shape == (4, 23)
    assert rows[0].tobytes() == b"7000\0\0\0" + b"2020-02-29" + b"28" + b"0.5\0"


def test_round_trip_gives_typed_columns() -> None:
    layout = layout_of("events", TABLE, KINDS)
    back = from_rows(to_rows(TABLE, layout), layout)
    assert back.column("code").to_pylist() == ["7000", None, "Hull é", None]
    assert back.column("day").to_pylist()[0] == dt.date(2020, 2, 29)
    assert back.column("days").to_pylist() == [28, 0, -3, None]
    assert back.column("score").to_pylist() == [0.5, None, 12.0, 3.25]
    assert empty(layout).schema == back.schema


def test_chunked_and_sliced_tables_are_the_same() -> None:
    layout = layout_of("events", TABLE, KINDS)
    twice = pa.concat_tables([TABLE, TABLE]).slice(2, 4)
    expected = to_rows(TABLE, layout)[[2, 3, 0, 1]]
    assert np.array_equal(to_rows(twice, layout), expected)


def test_a_column_without_values_takes_one_byte() -> None:
    table = pa.table({"none": pa.array([None, ""], pa.string())})
    layout = layout_of("events", table, ("text",))
    assert layout.width == 1
    assert from_rows(to_rows(table, layout), layout).column("none").to_pylist() == [None, None]


def test_a_long_value_is_refused_by_its_place() -> None:
    table = pa.table({"story": ["x" * 1025]})
    with pytest.raises(InputError, match=r"table events, column story: a value of 1025 bytes"):
        layout_of("events", table, ("text",))


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("text", b"a\0b"),
        ("text", b"\xff\xfe\xfd"),
        ("integer", b"1.5"),
        ("integer", b"abc"),
        ("number", b"1,5"),
        ("date", b"abc"),
    ],
)
def test_bytes_that_no_writer_makes_are_refused(kind: str, field: bytes) -> None:
    layout = TableLayout(name="t", columns=(Column(name="c", kind=kind, width=3),))
    with pytest.raises(FormatError, match="table t, column c: a value"):
        from_rows(np.frombuffer(field, np.uint8).reshape(1, 3), layout)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(("integer", text) for text in ("0x1F", "007", "00", "-", "1.0", "1e3", "9" * 19)),
        *(("number", text) for text in ("nan", "inf", "1e5", "+1.5", ".5", "5.", "01.5", "1.5.")),
        *(("date", text) for text in ("2020-1-01", "20200101", "2020-02-30", "12020-01-01")),
    ],
)
def test_a_value_has_one_spelling(kind: str, value: str) -> None:
    """Casting alone would take hexadecimal, leading zeros, infinity."""
    layout = TableLayout(
        name="t",
        columns=(Column(name="c", kind=kind, width=20),),
    )
    rows = to_rows(pa.table({"c": [value]}), layout)
    with pytest.raises(FormatError, match=f"column c: a value is not a {kind}"):
        from_rows(rows, layout)


@pytest.mark.parametrize(
    "columns",
    [
        (),
        ({"name": "Bad Name", "kind": "text", "width": 1},),
        ({"name": "a", "kind": "blob", "width": 1},),
        ({"name": "a", "kind": "text", "width": 0},),
        ({"name": "a", "kind": "text", "width": 1025},),
        ({"name": "a", "kind": "text", "width": 1},) * 2,
        ({"name": "a\n", "kind": "text", "width": 1},),
    ],
)
def test_impossible_layouts_are_refused(columns: tuple[dict[str, object], ...]) -> None:
    with pytest.raises(ValidationError):
        TableLayout.model_validate({"name": "t", "columns": columns})
