"""Payload rows as fixed-width bytes: what is sealed for the analyst and becomes columns again.

Every value is UTF-8 text in a field of its column's width, filled up with zero bytes; a missing
value is all zeros. The kind of a column says what the text is: it is cast only after decryption, by
the analyst. Width and kind are the same for the whole file, so nothing has to be parsed.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, Field, StringConstraints, model_validator

from blindlink.arrays import Bytes, Int64s
from blindlink.errors import FormatError, InputError
from blindlink.messages.fields import STRICT
from blindlink.schema.limits import MAX_COLUMNS

MAX_WIDTH = 1024  # bytes of one value: payload columns are codes, dates and short texts

Kind = Literal["text", "date", "integer", "number"]
ColumnName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$", strict=True)]

_TYPES = {
    "text": pa.string(),
    "date": pa.date32(),
    "integer": pa.int64(),
    "number": pa.float64(),
}
HOSTILE = r"[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]"
INTEGER = r"^-?(0|[1-9][0-9]{0,17})$"
NUMBER = r"^-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$"
_SPELLING = {"integer": INTEGER, "number": NUMBER}  # casting takes others too: 0x1F, 007, inf


class Column(BaseModel):
    """One payload column: its name, what its text is, and the bytes of its widest value."""

    model_config = STRICT

    name: ColumnName
    kind: Kind
    width: int = Field(ge=1, le=MAX_WIDTH)


class TableLayout(BaseModel):
    """The columns of one payload table, in the order of their bytes."""

    model_config = STRICT

    name: ColumnName
    columns: tuple[Column, ...] = Field(min_length=1, max_length=MAX_COLUMNS)

    @model_validator(mode="after")
    def _names_are_distinct(self) -> "TableLayout":
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError("a column stands twice")
        return self

    @property
    def width(self) -> int:
        """Bytes of one row."""
        return sum(column.width for column in self.columns)


def layout_of(name: str, table: pa.Table, kinds: Sequence[Kind]) -> TableLayout:
    """The narrowest layout for a table of text columns. Raises InputError for a long value."""
    columns = []
    for column, kind in zip(table.column_names, kinds, strict=True):
        width = max(pc.max(pc.binary_length(table.column(column))).as_py() or 0, 1)
        if width > MAX_WIDTH:
            raise InputError(
                f"table {name}, column {column}: a value of {width} bytes",
                hint=f"payload values have at most {MAX_WIDTH} bytes: agree on truncate:N",
            )
        columns.append(Column(name=column, kind=kind, width=width))
    return TableLayout(name=name, columns=tuple(columns))


def to_rows(table: pa.Table, layout: TableLayout) -> Bytes:
    """A table of text columns as bytes, shape (rows, layout.width)."""
    rows = np.empty((table.num_rows, layout.width), np.uint8)
    start = 0
    for column in layout.columns:
        values = table.column(column.name).combine_chunks()
        rows[:, start : start + column.width] = _fixed(values, column.width)
        start += column.width
    return rows


def from_rows(rows: Bytes, layout: TableLayout) -> pa.Table:
    """The table in bytes of shape (rows, layout.width), typed. Raises FormatError."""
    arrays, start = [], 0
    for column in layout.columns:
        field = rows[:, start : start + column.width]
        arrays.append(_typed(field, column, f"table {layout.name}, column {column.name}"))
        start += column.width
    return pa.table(arrays, names=[column.name for column in layout.columns])


def empty(layout: TableLayout) -> pa.Table:
    """A table of this layout without rows."""
    return from_rows(np.zeros((0, layout.width), np.uint8), layout)


def _fixed(values: Any, width: int) -> Bytes:
    """Text (n,) as (n, width) bytes: one scatter of the text's own buffer."""
    filled = pc.fill_null(values, "").cast(pa.large_binary())
    _, offsets, data = filled.buffers()
    bounds = np.frombuffer(offsets, np.int64)[filled.offset : filled.offset + len(filled) + 1]
    text = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]] if data else bounds[:0]
    block = np.zeros((len(filled), width), np.uint8)
    block[np.arange(width) < np.diff(bounds)[:, None]] = text
    return block


def _typed(field: Bytes, column: Column, where: str) -> pa.Array:
    lengths = _lengths(field, column.width)
    inside = np.arange(column.width) < lengths[:, None]
    if np.any((field == 0) & inside):  # two spellings of one value, or text that hides behind it
        raise FormatError(f"{where}: a value holds a zero byte")
    offsets = np.zeros(len(field) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(field[inside].tobytes())]
    text = pa.LargeStringArray.from_buffers(len(field), buffers[1], buffers[2])
    try:
        text.validate(full=True)
        text = pc.if_else(pa.array(lengths == 0), None, text.cast(pa.string()))
        if not _spelt(text, column.kind):
            raise pa.ArrowInvalid
        if hostile(text):
            raise FormatError(f"{where}: a value holds a control or direction sign")
        return text.cast(_TYPES[column.kind])
    except pa.ArrowException:
        raise FormatError(f"{where}: a value is not a {column.kind}") from None


def hostile(text: pa.Array) -> bool:
    """Whether a value holds a sign that is not seen and changes what is: control characters, signs
    of direction, private and invisible ones. They deceive terminals, pages and people."""
    return bool(pc.any(pc.match_substring_regex(text, HOSTILE)).as_py())


def _spelt(text: pa.Array, kind: Kind) -> bool:
    """Whether all values are written in the one way that their kind has."""
    pattern = _SPELLING.get(kind)
    return pattern is None or pc.all(pc.match_substring_regex(text, pattern)).as_py() is not False


def _lengths(field: Bytes, width: int) -> Int64s:
    """Bytes up to the last one that is not zero, for each row."""
    places = np.arange(1, width + 1) * (field != 0)
    return np.asarray(places.max(axis=1), np.int64)
