"""Taking a person out before the first link: the owner's row map, and the message to the linker.

Both are containers with one section ``rows``. A ``row-map`` is sealed by the owner to itself: it is
the only place where row ids and the owner's own entity ids stand together, and it expires with the
agreement. A ``withdrawal`` is sealed to the linker and names rows of one submission by id.

    row-map     for each row: row id (16), entity id (fixed width, UTF-8, filled up with zeros)
    withdrawal  row ids (16 each), ascending
"""

from itertools import pairwise
from typing import Annotated

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field

from blindlink.arrays import Bytes
from blindlink.errors import FormatError
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.container.stream import sealed_size
from blindlink.messages.fields import STRICT, BundleId, parse
from blindlink.messages.submission.content import MAX_ROWS
from blindlink.messages.submission.payload import ID
from blindlink.messages.submission.records import MAX_WIDTH, Column, TableLayout, from_rows, to_rows

ROW_MAP = "row-map"
WITHDRAWAL = "withdrawal"
SECTION = "rows"

Rows = Annotated[int, Field(ge=1, le=MAX_ROWS)]


class RowMapContent(BaseModel):
    """``submission`` is the bundle id of the submission whose rows these are."""

    model_config = STRICT

    submission: BundleId
    rows: Rows
    width: Annotated[int, Field(ge=1, le=MAX_WIDTH)]


class WithdrawalContent(BaseModel):
    """``submission`` is the bundle id of the submission whose rows shall be taken out."""

    model_config = STRICT

    submission: BundleId
    rows: Rows


def row_map_bytes(ids: Bytes, entities: pa.Array) -> tuple[bytes, int]:
    """The plain bytes of a row map and the width of its entity ids."""
    layout = _layout(max(len(value.encode()) for value in entities.to_pylist()))
    names = to_rows(pa.table({"entity_id": entities}), layout)
    return np.hstack([ids, names]).tobytes(), layout.width


def read_row_map(data: bytes, content: RowMapContent, where: str) -> tuple[Bytes, list[str]]:
    """Row ids (rows, 16) and the entity id of each row. Raises FormatError."""
    width = ID + content.width
    if len(data) != content.rows * width:
        raise FormatError(f"{where}: not the declared number of rows")
    rows = np.frombuffer(data, np.uint8).reshape(content.rows, width)
    names = from_rows(rows[:, ID:], _layout(content.width)).column("entity_id")
    if names.null_count:
        raise FormatError(f"{where}: a row has no entity")
    return rows[:, :ID], names.to_pylist()


def read_withdrawn(data: bytes, content: WithdrawalContent, where: str) -> list[bytes]:
    """The row ids of a withdrawal. Raises FormatError."""
    ids = [data[at : at + ID] for at in range(0, len(data), ID)]
    if len(data) != content.rows * ID or any(a >= b for a, b in pairwise(ids)):
        raise FormatError(f"{where}: not a list of ascending row ids")
    return ids


def row_map_content(manifest: Manifest, where: str) -> RowMapContent:
    """The checked content of a row map's manifest. Raises FormatError."""
    content = parse(RowMapContent, manifest.content, f"{where}: manifest: content")
    _check_section(manifest, content.rows * (ID + content.width), where)
    return content


def withdrawal_content(manifest: Manifest, where: str) -> WithdrawalContent:
    """The checked content of a withdrawal's manifest. Raises FormatError."""
    content = parse(WithdrawalContent, manifest.content, f"{where}: manifest: content")
    _check_section(manifest, content.rows * ID, where)
    return content


def _check_section(manifest: Manifest, size: int, where: str) -> None:
    found = [(section.name, section.cipher, section.size) for section in manifest.sections]
    if found != [(SECTION, "stream", sealed_size(size))]:
        raise FormatError(f"{where}: manifest: sections are not those of its format")


def _layout(width: int) -> TableLayout:
    return TableLayout(name="rows", columns=(Column(name="entity_id", kind="text", width=width),))
