"""Encoded records: what an owner's encoder writes and a linker reads. No identity is in here.

A Parquet file with exactly these columns, in this order:

    row            int64, 0-based row of the input
    entity         string, only where the input named entities
    clk            fixed-size binary, the filter; further filters are clk_2, clk_3, ...
    match_key_1    fixed-size binary of 16 bytes, strictest first; all zero where it is missing

and the schema and its fingerprint, format version, lengths in bits, key-check value and encoder in
the file's metadata. Bit i of a filter is byte i // 8, most significant bit first.
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import rfc8785

from blindlink.arrays import Bytes, Int64s, Objects
from blindlink.errors import FormatError, InputError
from blindlink.files import open_regular, read_bytes, reason, replacing, write_text
from blindlink.schema.limits import MAX_FILTER_BITS

VERSION = "blindlink-encodings-v1"
KEY_BYTES = 16
_META = "blindlink."
ROOM = 64 << 20  # bytes that any file may become
PACKED = 50  # times its size that a larger one may
_MAX_JSON = 1 << 32


@dataclass(frozen=True, eq=False, repr=False)
class Encodings:
    """Encoded records of one owner.

    filters: one array (n, ceil(bits / 8)) per filter; row: (n,) int64; entity: (n,) of str or None;
    match_keys: arrays (n, 16), strictest first. ``schema_document``: the linkage schema, where
    it is known; it is no secret. The constructor refuses arrays that do not fit.
    """

    filters: tuple[Bytes, ...]
    bits: tuple[int, ...]
    row: Int64s
    entity: Objects | None
    match_keys: tuple[Bytes, ...]
    schema_fingerprint: str
    key_check: str | None
    encoder: str
    schema_document: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        n = len(self.row)
        if not self.filters or len(self.filters) != len(self.bits):
            raise FormatError("encodings need one length in bits for each of their filters")
        for array, bits in zip(self.filters, self.bits, strict=True):
            if array.shape != (n, -(-bits // 8)) or array.dtype != np.uint8:
                raise FormatError("a filter does not have the declared rows and length")
        if any(key.shape != (n, KEY_BYTES) or key.dtype != np.uint8 for key in self.match_keys):
            raise FormatError("a match key does not have the declared rows and length")
        if self.entity is not None and len(self.entity) != n:
            raise FormatError("the entities are not as many as the rows")

    def __len__(self) -> int:
        return len(self.row)


def write_encodings(
    encodings: Encodings, path: Path, *, inputs: Iterable[Path] = (), force: bool = False
) -> None:
    """Write the Parquet file, whole or not at all; the same encodings give the same bytes."""
    with replacing(path, inputs=inputs, force=force) as draft:
        pa.parquet.write_table(to_table(encodings), draft, compression="zstd")


class EncodingsWriter:
    """Writes encodings piece by piece into a file of ``write_encodings``' or clkhash's form.

    Give it the temporary file of ``files.replacing``, and the rows in order; the pieces must agree
    in everything but their rows. Each is a row group of its own.
    """

    def __init__(self, draft: Path, *, form: str = "parquet") -> None:
        self._draft, self._as_text = draft, form == "json"
        self._text: IO[str] | None = None
        self._parquet: Any = None

    def write(self, encodings: Encodings) -> None:
        """Add rows."""
        if self._as_text:
            self._write_text(encodings)
            return
        table = to_table(encodings)
        if self._parquet is None:
            # Bits hardly repeat: a dictionary of them is tried in vain.
            plain = ["entity"] if encodings.entity is not None else False
            self._parquet = pa.parquet.ParquetWriter(
                self._draft, table.schema, compression="zstd", use_dictionary=plain
            )
        self._parquet.write_table(table)

    def _write_text(self, encodings: Encodings) -> None:
        text = ", ".join(f'"{base64.b64encode(bits).decode()}"' for bits in encodings.filters[0])
        if self._text is None:
            self._text = self._draft.open("w", encoding="utf-8")
            self._text.write('{"clks": [' + text)
        elif text:
            self._text.write(", " + text)

    def __enter__(self) -> "EncodingsWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if self._parquet is not None:
            self._parquet.close()
        if self._text is not None:
            self._text.write("]}")
            self._text.close()


def to_table(encodings: Encodings) -> pa.Table:
    """The encodings as the Arrow table that the Parquet file holds, metadata included."""
    columns: dict[str, pa.Array] = {"row": pa.array(encodings.row, pa.int64())}
    if encodings.entity is not None:
        columns["entity"] = pa.array(encodings.entity.tolist(), pa.string())
    for number, array in enumerate(encodings.filters, start=1):
        columns[filter_name(number)] = _binary(array)
    for number, array in enumerate(encodings.match_keys, start=1):
        columns[f"match_key_{number}"] = _binary(array)
    return pa.table(columns).replace_schema_metadata(metadata(encodings))


def metadata(encodings: Encodings) -> dict[str, str]:
    """What the file says about itself."""
    known = {
        "format": VERSION,
        "schema": encodings.schema_fingerprint,
        "bits": ",".join(str(bits) for bits in encodings.bits),
        "encoder": encodings.encoder,
    }
    if encodings.key_check is not None:
        known["key_check"] = encodings.key_check
    if encodings.schema_document is not None:
        known["schema_document"] = rfc8785.dumps(encodings.schema_document).decode()
    return {_META + name: value for name, value in known.items()}


def filter_name(number: int) -> str:
    """The column of filter ``number``, counted from 1."""
    return "clk" if number == 1 else f"clk_{number}"


def read_encodings(path: Path) -> Encodings:
    """Read a file of encodings strictly; also clkhash's ``{"clks": [...]}``.

    Raises FormatError, or InputError where it cannot be opened.
    """
    if path.name.lower().endswith(".json"):
        return _read_clkhash(path)
    try:
        with open_regular(path) as source, pa.parquet.ParquetFile(source) as file:
            _check_size(file, os.fstat(source.fileno()).st_size, path)
            table = file.read()
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}", hint="check the path") from None
    except pa.ArrowException:
        raise FormatError(f"{path}: not a file of encodings") from None
    return from_table(table, str(path))


def _check_size(file: Any, size: int, path: Path) -> None:
    """Raises FormatError for a file that would take far more room than it has.

    Encodings hardly compress: a file of zeros, a thousandth of what it becomes, is nobody's.
    """
    kinds = [field.type for field in file.schema_arrow]
    row = sum(t.byte_width if pa.types.is_fixed_size_binary(t) else 8 for t in kinds)
    plain = row * file.metadata.num_rows
    if plain > max(ROOM, PACKED * size):
        raise FormatError(
            f"{path}: {size:,} bytes would become {plain:,}: not a file of encodings",
        )


def from_table(table: pa.Table, where: str) -> Encodings:
    """The encodings in an Arrow table that ``to_table`` could have made. Raises FormatError."""
    known = _metadata(table, where)
    bits = _bits(known.get("bits", ""), where)
    keys = sum(name.startswith("match_key_") for name in table.column_names)
    named = "entity" in table.column_names
    expected = ["row"] + ["entity"] * named
    expected += [filter_name(number) for number in range(1, len(bits) + 1)]
    expected += [f"match_key_{number}" for number in range(1, keys + 1)]
    if table.column_names != expected:
        raise FormatError(f"{where}: its columns are not those of its format")
    if any(table.column(name).null_count for name in expected):
        raise FormatError(f"{where}: a cell is empty")
    if table.schema.field("row").type != pa.int64():
        raise FormatError(f"{where}: column row is not int64")
    if named and table.schema.field("entity").type != pa.string():
        raise FormatError(f"{where}: column entity is not text")
    widths = [-(-length // 8) for length in bits] + [KEY_BYTES] * keys
    arrays = [
        _array(table.column(name), width, f"{where}: column {name}")
        for name, width in zip(expected[1 + named :], widths, strict=True)
    ]
    return Encodings(
        filters=tuple(arrays[: len(bits)]),
        bits=bits,
        row=table.column("row").to_numpy(),
        entity=np.array(table.column("entity").to_pylist(), dtype=object) if named else None,
        match_keys=tuple(arrays[len(bits) :]),
        schema_fingerprint=known.get("schema", ""),
        key_check=known.get("key_check"),
        encoder=known.get("encoder", ""),
        schema_document=_schema_document(known, where),
    )


def write_clkhash(
    encodings: Encodings, path: Path, *, inputs: Iterable[Path] = (), force: bool = False
) -> None:
    """Write the first filter in clkhash's form ``{"clks": ["base64", ...]}``, in row order."""
    clks = [base64.b64encode(bits).decode() for bits in encodings.filters[0]]
    write_text(path, json.dumps({"clks": clks}), inputs=inputs, force=force)


def _read_clkhash(path: Path) -> Encodings:
    try:
        clks = json.loads(read_bytes(path, limit=_MAX_JSON))["clks"]
        raw = [base64.b64decode(clk, validate=True) for clk in clks]
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        raise FormatError(f"{path}: not clkhash's list of encodings") from None
    widths = {len(clk) for clk in raw}
    if len(widths) != 1 or 0 in widths:
        raise FormatError(f"{path}: its encodings do not have one length")
    width = widths.pop()
    filters = np.frombuffer(b"".join(raw), np.uint8).reshape(len(raw), width)
    rows = np.arange(len(raw), dtype=np.int64)
    return Encodings((filters,), (8 * width,), rows, None, (), "", None, "clkhash")


def _binary(array: Bytes) -> pa.Array:
    flat = pa.py_buffer(np.ascontiguousarray(array))
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(int(np.shape(array)[1])), len(array), [None, flat]
    )


def _array(column: pa.ChunkedArray, width: int, where: str) -> Bytes:
    if column.type != pa.binary(width):
        raise FormatError(f"{where} is not fixed-size binary of {width} bytes")
    parts = []
    for chunk in column.chunks:
        start, flat = chunk.offset * width, np.frombuffer(chunk.buffers()[1], np.uint8)
        parts.append(flat[start : start + len(chunk) * width].reshape(len(chunk), width))
    return np.concatenate(parts) if parts else np.zeros((0, width), np.uint8)


def _metadata(table: pa.Table, where: str) -> dict[str, str]:
    try:
        known = {
            name.decode().removeprefix(_META): value.decode()
            for name, value in (table.schema.metadata or {}).items()
            if name.startswith(_META.encode())
        }
    except UnicodeDecodeError:
        raise FormatError(f"{where}: its metadata is not text") from None
    if known.get("format") != VERSION:
        raise FormatError(f"{where}: not a file of encodings of version {VERSION}")
    return known


def _schema_document(known: dict[str, str], where: str) -> dict[str, Any] | None:
    """The schema in the metadata, if any; it must be the one of the fingerprint."""
    text = known.get("schema_document")
    if text is None:
        return None
    if hashlib.sha256(text.encode()).hexdigest() != known.get("schema"):
        raise FormatError(f"{where}: its schema is not that of its fingerprint")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise FormatError(f"{where}: its schema is not JSON") from None
    if not isinstance(document, dict):
        raise FormatError(f"{where}: its schema is not a JSON object")
    return document


def _bits(text: str, where: str) -> tuple[int, ...]:
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() and len(part) < 8 for part in parts):
        raise FormatError(f"{where}: its lengths in bits are not readable")
    bits = tuple(int(part) for part in parts)
    if not all(0 < length <= MAX_FILTER_BITS for length in bits):
        raise FormatError(f"{where}: its lengths in bits are not possible")
    return bits
