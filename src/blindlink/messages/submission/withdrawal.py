"""Taking a person out before the first link: the owner's row map, and the message to the linker.

A ``row-map`` is sealed by the owner to itself: it is the only place where row ids and the owner's
own entity ids stand together, and it expires with the agreement. A ``withdrawal`` names rows of one
submission by id to the linker, and their entities by blob id to the analyst.

    row-map     rows      for each row: row id (16), id of its entity's blob (16), entity id (fixed
                          width, UTF-8, filled up with zeros)
                controls  canonical JSON (class OwnControls): the control records themselves, which
                          the next submission under the agreement has again
    withdrawal  rows      row ids (16 each), ascending; sealed to the linker
                entities  blob ids (16 each), ascending; sealed to the analyst
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, Field, model_validator

from blindlink.arrays import Bytes
from blindlink.errors import FormatError
from blindlink.messages import canonical
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.container.stream import sealed_size
from blindlink.messages.fields import STRICT, BundleId, parse
from blindlink.messages.submission.content import MAX_ROWS
from blindlink.messages.submission.payload import ID
from blindlink.messages.submission.records import MAX_WIDTH, Column, TableLayout, from_rows, to_rows

ROW_MAP = "row-map"
WITHDRAWAL = "withdrawal"
SECTION = "rows"
ENTITIES = "entities"
CONTROLS = "controls"
CONTROLS_LIMIT = 256 << 20  # of an owner's own file, which it signed

Rows = Annotated[int, Field(ge=1, le=MAX_ROWS)]


class RowMapContent(BaseModel):
    """``submission`` is the bundle id of the submission whose rows these are."""

    model_config = STRICT

    submission: BundleId
    rows: Rows
    width: Annotated[int, Field(ge=1, le=MAX_WIDTH)]
    first_rows: Rows


class OwnControls(BaseModel):
    """Control records as the owner keeps them: cells of each row as text, and the number of the
    record (from 0, ascending) that each row is of."""

    model_config = STRICT

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    control: tuple[Annotated[int, Field(ge=0, le=MAX_ROWS)], ...]

    @model_validator(mode="after")
    def _rectangular(self) -> "OwnControls":
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has not as many cells as there are columns")
        numbers = list(dict.fromkeys(self.control))
        if len(self.control) != len(self.rows) or numbers != list(range(len(numbers))):
            raise ValueError("rows are not numbered by control record")
        return self


class WithdrawalContent(BaseModel):
    """``submission`` is the bundle id of the submission whose rows shall be taken out, ``entities``
    how many people they are of."""

    model_config = STRICT

    submission: BundleId
    rows: Rows
    entities: Rows


def row_map_bytes(ids: Bytes, blobs: Bytes, entities: pa.Array) -> tuple[bytes, int]:
    """The plain bytes of a row map and the width of its entity ids.

    ``ids`` and ``blobs`` (rows, 16): of each row, and of its entity's blob.
    """
    layout = _layout(max(len(value.encode()) for value in entities.to_pylist()))
    names = to_rows(pa.table({"entity_id": entities}), layout)
    return np.hstack([ids, blobs, names]).tobytes(), layout.width


def read_row_map(data: bytes, content: RowMapContent, where: str) -> tuple[Bytes, Bytes, list[str]]:
    """Row ids and blob ids (rows, 16), and the entity id of each row. Raises FormatError."""
    width = 2 * ID + content.width
    if len(data) != content.rows * width:
        raise FormatError(f"{where}: not the declared number of rows")
    rows = np.frombuffer(data, np.uint8).reshape(content.rows, width)
    names = from_rows(rows[:, 2 * ID :], _layout(content.width)).column("entity_id")
    if names.null_count:
        raise FormatError(f"{where}: a row has no entity")
    return rows[:, :ID], rows[:, ID : 2 * ID], names.to_pylist()


def read_controls_kept(data: bytes, where: str) -> OwnControls:
    """The control records of a row map. Raises FormatError."""
    where = f"{where}: controls"
    return parse(OwnControls, canonical.loads(data, where, limit=CONTROLS_LIMIT), where)


def read_withdrawn(data: bytes, number: int, where: str) -> list[bytes]:
    """The ids of a section of a withdrawal, rows or entities. Raises FormatError."""
    ids = [data[at : at + ID] for at in range(0, len(data), ID)]
    if len(data) != number * ID or any(a >= b for a, b in pairwise(ids)):
        raise FormatError(f"{where}: not a list of ascending ids")
    return ids


def row_map_content(manifest: Manifest, where: str) -> RowMapContent:
    """The checked content of a row map's manifest. Raises FormatError."""
    content = parse(RowMapContent, manifest.content, f"{where}: manifest: content")
    sizes = {SECTION: content.rows * (2 * ID + content.width), CONTROLS: None}
    _check_sections(manifest, sizes, where)
    return content


def withdrawal_content(manifest: Manifest, where: str) -> WithdrawalContent:
    """The checked content of a withdrawal's manifest. Raises FormatError."""
    content = parse(WithdrawalContent, manifest.content, f"{where}: manifest: content")
    _check_sections(manifest, {SECTION: content.rows * ID, ENTITIES: content.entities * ID}, where)
    return content


def _check_sections(manifest: Manifest, plain: Mapping[str, int | None], where: str) -> None:
    """Raises FormatError for other sections, or other plain sizes where one is given."""
    found = [(section.name, section.cipher) for section in manifest.sections]
    wrong = found != [(name, "stream") for name in plain]
    if wrong or any(
        size is not None and manifest.section(name).size != sealed_size(size)
        for name, size in plain.items()
    ):
        raise FormatError(f"{where}: manifest: sections are not those of its format")


def _layout(width: int) -> TableLayout:
    return TableLayout(name="rows", columns=(Column(name="entity_id", kind="text", width=width),))
