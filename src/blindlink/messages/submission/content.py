"""What an owner hands to the linker: a container of the kind ``submission``.

    section    sealed to  plain bytes
    encodings  linker     for all rows: row id (16), entity number (4), filters, match keys (16
                          each), column after column; then for all entities: number of blobs (4)
    layout     analyst    canonical JSON: the tables and columns of the payload, and how much of
                          each identifier was lost
    controls   analyst    the ids of the control records' first blobs (16 each), ascending
    payload    analyst    blob records (blindlink.messages.submission.payload) in entity order

Integers are big-endian. Rows and entities stand in random order, so neither place nor number tells
anything. The manifest's ``content`` declares all numbers, and a section of another size is refused
before anything of it is read. The linker reads ``encodings`` only and hands on the rest.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, Annotated, Any

import numpy as np
from pydantic import BaseModel, Field, StringConstraints, model_validator

from blindlink.arrays import Bools, Bytes, Int64s
from blindlink.errors import FormatError, RefusedError
from blindlink.messages import canonical
from blindlink.messages.agreement.terms import Agreement
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.container.stream import sealed_size
from blindlink.messages.encodings import KEY_BYTES, Encodings
from blindlink.messages.fields import STRICT, Digest, KeyCheck, parse
from blindlink.messages.submission.payload import ID, OVERHEAD, Sink
from blindlink.messages.submission.records import TableLayout
from blindlink.schema.limits import (
    MAX_BLOB,
    MAX_FILTER_BITS,
    MAX_FILTERS,
    MAX_MATCH_KEYS,
    MAX_TABLES,
)

KIND = "submission"
SECTIONS = ("encodings", "layout", "controls", "payload")
FORWARDED = ("layout", "controls")  # what the linker hands to the analyst as it is
MAX_ROWS = 2**31
MAX_FIELDS = 256
PIECE = 1 << 22  # bytes of a column that are read at a time

Count = Annotated[int, Field(ge=0, le=MAX_ROWS)]
Bits = Annotated[int, Field(ge=1, le=MAX_FILTER_BITS)]
Encoder = Annotated[str, StringConstraints(pattern=r"^[a-z][ -~]{0,63}$")]


class Content(BaseModel):
    """What the manifest of a submission adds to that of every container.

    ``first_rows`` is the number of rows of the owner's first submission under the agreement, of
    which an agreed share are control records. ``blob_size`` is the plain bytes of a blob,
    ``payload_root`` the Merkle root over the blob records in file order, ``risk_report`` the digest
    of the owner's disclosure-risk report.
    """

    model_config = STRICT

    sequence: Annotated[int, Field(ge=1, le=10**6)]
    first_rows: Annotated[int, Field(ge=1, le=MAX_ROWS)]
    schema_fingerprint: Digest
    encoder: Encoder
    key_check: KeyCheck
    rows: Count
    entities: Count
    entity_rows: Annotated[int, Field(ge=1, le=MAX_ROWS)]
    bits: Annotated[tuple[Bits, ...], Field(min_length=1, max_length=MAX_FILTERS)]
    match_keys: Annotated[int, Field(ge=0, le=MAX_MATCH_KEYS)]
    blobs: Count
    blob_size: Annotated[int, Field(ge=1, le=MAX_BLOB)]
    payload_root: Digest
    risk_report: Digest | None

    @model_validator(mode="after")
    def _possible(self) -> "Content":
        if not 1 <= self.entities <= min(self.rows, self.blobs):
            raise ValueError("has fewer rows or blobs than entities, or no entity")
        if self.sequence == 1 and self.first_rows != self.rows:
            raise ValueError("is the first submission, with another number of rows as the first")
        return self

    @property
    def row_bytes(self) -> int:
        """Bytes of one encoded row."""
        filters = sum(-(-bits // 8) for bits in self.bits)
        return ID + 4 + filters + KEY_BYTES * self.match_keys

    @property
    def encodings_bytes(self) -> int:
        """Plain bytes of the section ``encodings``."""
        return self.rows * self.row_bytes + 4 * self.entities

    @property
    def record_bytes(self) -> int:
        """Bytes of one blob record."""
        return self.blob_size + OVERHEAD


class FieldLoss(BaseModel):
    """What an owner lost of one identifier: cells of its identity rows, control records apart.

    ``filled``: cells with something in them; ``kept``: those that were encoded. The rest counts by
    kind, see ``schema.quality``.
    """

    model_config = STRICT

    field: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    rows: Count
    filled: Count
    kept: Count
    unreadable: Count
    unknown: Count
    placeholder: Count
    missing: Count
    unjoined: Count

    @model_validator(mode="after")
    def _possible(self) -> "FieldLoss":
        parts = (self.unreadable, self.unknown, self.placeholder)
        if not self.kept <= self.filled <= self.rows or max(parts) > self.filled:
            raise ValueError("more cells than there are")
        return self


class Layout(BaseModel):
    """The tables of the payload, in the order of an entity's bytes, and what was lost before."""

    model_config = STRICT

    tables: Annotated[tuple[TableLayout, ...], Field(max_length=MAX_TABLES)]
    losses: Annotated[tuple[FieldLoss, ...], Field(max_length=MAX_FIELDS)]

    @model_validator(mode="after")
    def _distinct(self) -> "Layout":
        for names in ([t.name for t in self.tables], [each.field for each in self.losses]):
            if len(set(names)) != len(names):
                raise ValueError("a table or a field stands twice")
        return self

    def to_bytes(self) -> bytes:
        """The plain bytes of the section ``layout``."""
        return canonical.dumps(self.model_dump())


@dataclass(frozen=True)
class Records:
    """The encoded rows: ``ids`` (rows, 16), ``entity`` (rows,), filters and match keys as in
    Encodings (none where they were only looked through), ``blobs`` (entities,) the number of
    payload blobs of each entity, ``empty`` (rows,) where the first filter has no bit."""

    ids: Bytes
    entity: Int64s
    filters: tuple[Bytes, ...]
    match_keys: tuple[Bytes, ...]
    blobs: Int64s
    empty: Bools

    @property
    def first_blob(self) -> Int64s:
        """The place of each entity's first blob among all blobs, shape (entities,)."""
        return np.cumsum(self.blobs) - self.blobs


def content_of(manifest: Manifest, where: str) -> Content:
    """The content of a submission's manifest, with its sections checked. Raises FormatError."""
    content = parse(Content, manifest.content, f"{where}: manifest: content")
    found = tuple((section.name, section.cipher) for section in manifest.sections)
    if found != tuple((name, "blobs" if name == "payload" else "stream") for name in SECTIONS):
        raise FormatError(f"{where}: manifest: sections are not those of a submission")
    if manifest.section("payload").size != content.blobs * content.record_bytes:
        raise FormatError(f"{where}: payload: not the declared number of blobs")
    if manifest.section("encodings").size != sealed_size(content.encodings_bytes):
        raise FormatError(f"{where}: encodings: not the declared number of rows")
    return content


def check_rows(rows: int, people: int, terms: Agreement, where: str) -> None:
    """Raises RefusedError for more rows, or fewer rows of ``people`` among them, than agreed."""
    least, most = terms.minimum_rows, terms.limits.rows
    if rows > most or people < least:
        raise RefusedError(
            f"{where}: {rows} rows, {people} of people; the agreement wants {least} to {most}"
        )


def write_records(
    ids: Bytes, entity: Int64s, encoded: Iterable[Bytes], blobs: Int64s, out: Sink
) -> None:
    """Write the plain bytes of the section ``encodings``.

    ``encoded``: pieces of rows, first of every filter, then of every match key, in the order of
    ``ids``.
    """
    out.write(np.ascontiguousarray(ids).data)
    out.write(entity.astype(">u4").data)
    for piece in encoded:
        out.write(np.ascontiguousarray(piece).data)
    out.write(blobs.astype(">u4").data)


def read_records(source: IO[bytes], content: Content, where: str, *, keep: bool = True) -> Records:
    """Read the section ``encodings`` of the declared size. Raises FormatError.

    Every entity has a row and a blob, and no row id stands twice. Without ``keep`` filters and
    match keys are read through by pieces and not kept.
    """
    n = content.rows
    ids = _bytes(source, n, ID, where)
    entity = _integers(source, n, where)
    empty, filters, keys = np.zeros(n, bool), [], []
    for number, bits in enumerate(content.bits):
        blank = empty if number == 0 else None
        filters += _column(source, n, -(-bits // 8), where, keep, blank)
    for _ in range(content.match_keys):
        keys += _column(source, n, KEY_BYTES, where, keep, None)
    blobs = _integers(source, content.entities, where)
    if source.read(1):
        raise FormatError(f"{where}: encodings: more than the declared rows")
    if entity.max() != content.entities - 1 or np.bincount(entity).min() < 1:
        raise FormatError(f"{where}: encodings: an entity has no row, or a row no entity")
    if np.bincount(entity).max() != content.entity_rows:
        raise FormatError(f"{where}: encodings: the entity with most rows has others than declared")
    if blobs.min() < 1 or int(blobs.sum()) != content.blobs:
        raise FormatError(f"{where}: encodings: the entities' blobs are not those of the payload")
    if blobs.max() > 1:
        raise FormatError(f"{where}: encodings: an entity has more than one blob")
    if has_twins(ids):
        raise FormatError(f"{where}: encodings: a row id stands twice")
    return Records(ids, entity, tuple(filters), tuple(keys), blobs, empty)


def _column(
    source: IO[bytes], rows: int, width: int, where: str, keep: bool, blank: Bools | None
) -> list[Bytes]:
    """A column of fixed width, or nothing without ``keep``; marks in ``blank`` rows of zeros."""
    step = max(1, PIECE // width)
    whole = np.empty((rows if keep else min(step, rows), width), np.uint8)
    for start in range(0, rows, step):
        count = min(step, rows - start)
        at = start if keep else 0
        piece = whole[at : at + count]
        if source.readinto(piece.reshape(-1).data) != piece.size:  # type: ignore[attr-defined]
            raise FormatError(f"{where}: encodings: fewer than the declared rows")
        if blank is not None:
            blank[start : start + count] = ~piece.any(axis=1)
    return [whole] if keep else []


def to_encodings(records: Records, content: Content, rows: Int64s) -> Encodings:
    """These rows as the linker matches them: ``row`` their places, ``entity`` numbers as text."""
    whole = len(rows) == len(records.ids)  # then nothing is copied
    return Encodings(
        filters=records.filters if whole else tuple(each[rows] for each in records.filters),
        bits=content.bits,
        row=rows,
        entity=records.entity[rows].astype(str).astype(object),
        match_keys=tuple(each[rows] for each in records.match_keys),
        schema_fingerprint=content.schema_fingerprint,
        key_check=content.key_check,
        encoder=content.encoder,
    )


def read_layout(data: bytes, where: str) -> Layout:
    """Read the plain bytes of the section ``layout``. Raises FormatError."""
    where = f"{where}: layout"
    return parse(Layout, canonical.loads(data, where), where)


def read_controls(data: bytes, where: str) -> list[bytes]:
    """Read the plain bytes of the section ``controls``. Raises FormatError."""
    ids = [data[at : at + ID] for at in range(0, len(data), ID)]
    if len(data) % ID or any(a >= b for a, b in pairwise(ids)):
        raise FormatError(f"{where}: controls: not a list of ascending ids")
    return ids


def has_twins(ids: Bytes) -> bool:
    """Whether two rows of ids (n, 16) are equal."""
    flat = np.sort(np.ascontiguousarray(ids).view("S16").reshape(-1))
    return bool(np.any(flat[1:] == flat[:-1]))


def _bytes(source: IO[bytes], rows: int, width: int, where: str) -> Bytes:
    return np.frombuffer(_read(source, rows * width, where), np.uint8).reshape(rows, width)


def _integers(source: IO[bytes], number: int, where: str) -> Int64s:
    return np.frombuffer(_read(source, 4 * number, where), ">u4").astype(np.int64)


def _read(source: IO[bytes], size: int, where: str) -> bytes:
    data: Any = source.read(size)
    if len(data) != size:
        raise FormatError(f"{where}: encodings: fewer than the declared rows")
    return bytes(data)
