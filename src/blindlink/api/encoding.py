"""Encode a table: the owner's call. What comes out holds no identity and may leave the house."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from blindlink.api.extras import needs
from blindlink.api.schema import Schema, StrPath
from blindlink.api.tables import Columns, Tabular, arrow, column, kind_of
from blindlink.errors import InputError
from blindlink.progress import Progress, silent

if TYPE_CHECKING:
    import pyarrow as pa

    from blindlink.keys.linkage import LinkageKey
    from blindlink.messages.encodings import Encodings as Records

RECORD = "record_id"


class Encodings(Tabular):
    """The encoded records of one owner, in the order of its table.

    ``records``: the arrays. ``ids``: the record ids of the rows, where this process knows them;
    they are for the owner's own use and ``save`` leaves them out. ``bad_cells``: how many cells of
    each column counted as missing because they could not be read.
    """

    def __init__(
        self,
        records: "Records",
        *,
        ids: "pa.ChunkedArray | None" = None,
        kind: str = "arrow",
        bad_cells: Mapping[str, int] | None = None,
    ) -> None:
        if ids is not None and len(ids) != len(records):
            raise InputError(f"{len(ids):,} record ids do not fit {len(records):,} encodings")
        self.records, self.ids, self._kind = records, ids, kind
        self.bad_cells = dict(bad_cells or {})

    @classmethod
    def load(cls, path: StrPath, *, ids: Any = None) -> "Encodings":
        """Read a file of encodings, ours or clkhash's JSON; ``ids`` as in ``with_ids``.

        Raises FormatError, or InputError where it cannot be opened.
        """
        from blindlink.messages.encodings import read_encodings

        made = cls(read_encodings(Path(path)))
        return made if ids is None else made.with_ids(ids)

    def save(self, path: StrPath, *, force: bool = False) -> None:
        """Write the Parquet file that ``blindlink clk link`` reads; no record id is in it.

        Raises OutputError.
        """
        from blindlink.messages.encodings import write_encodings

        write_encodings(self.records, Path(path), force=force)

    def with_ids(self, ids: Any) -> "Encodings":
        """The same encodings with the record ids of their rows: any column or sequence."""
        import pyarrow

        values = ids.to_arrow() if hasattr(ids, "to_arrow") else ids
        if not isinstance(values, pyarrow.Array | pyarrow.ChunkedArray):
            values = pyarrow.array(values)
        chunked = pyarrow.chunked_array([values]) if isinstance(values, pyarrow.Array) else values
        return Encodings(self.records, ids=chunked, kind=self._kind, bad_cells=self.bad_cells)

    def to_arrow(self) -> "pa.Table":
        """The encodings as the table that the file holds: row, clk, ..., match_key_1, ..."""
        from blindlink.messages.encodings import to_table

        return to_table(self.records)

    @property
    def bits(self) -> tuple[int, ...]:
        """The length of each filter of a record, in bits."""
        return self.records.bits

    @property
    def schema(self) -> Schema | None:
        """The linkage schema that they carry, if any. Raises SchemaError where it is wrong."""
        from blindlink.schema.document import parse_schema

        document = self.records.schema_document
        return None if document is None else Schema(parse_schema(document))

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        bits = " + ".join(f"{bits:,}" for bits in self.bits)
        parts = [f"{len(self):,} records", f"{bits} bits"]
        if self.records.match_keys:
            parts.append(f"{len(self.records.match_keys)} match keys")
        parts.append(f"schema {self.records.schema_fingerprint[:8] or 'unknown'}")
        if self.records.key_check:
            parts.append(f"key check {self.records.key_check}")
        if self.ids is not None:
            parts.append("record ids known here")
        parts += [f"{n:,} bad cells in {name}" for name, n in self.bad_cells.items() if n]
        return f"<Encodings {', '.join(parts)}>"


@needs("owner")
def encode(
    table: Any,
    schema: Schema,
    key: "LinkageKey",
    *,
    columns: Columns | None = None,
    record_id: str | None = None,
    bad_cells: Literal["refuse", "missing"] = "refuse",
    workers: int | None = None,
    progress: Progress = silent,
) -> Encodings:
    """Encode every row of a table: pandas, polars, pyarrow, or what streams Arrow, as DuckDB's.

    ``columns`` maps the table's own names to standard ones, {"DOB": "date_of_birth"}, and says how
    cells are spelled, {"DOB": {"name": "date_of_birth", "format": "day first"}}. ``record_id``
    names the column whose values ``link`` gives beside row numbers, ``record_id`` unless given and
    if there; it must not repeat and stays in this process. A column ``entity_id`` says which rows
    are one person. ``bad_cells``: a cell that cannot be read, as 30 February, ends the run, or
    counts as ``missing``. The bits do not depend on ``workers``.

    Raises InputError, with every bad cell by row and column, and with the names of the columns
    that it saw where one is missing; SchemaError where the schema cannot be encoded with.
    """
    from blindlink.api.feasible import refuse_demo_key
    from blindlink.owner.encoding.encode import encode as encode_table

    refuse_demo_key(key.check_value())
    if not isinstance(schema, Schema):
        raise InputError(
            f"schema is a {type(schema).__name__}, not a bl.Schema",
            hint="make it with bl.Schema.for_columns(...), or read it with bl.Schema.load(path)",
        )
    names: Columns = dict(columns or {}) | ({record_id: RECORD} if record_id else {})
    found = arrow(table, "the table", names)
    schema.check(found.column_names, "the table")
    counted: dict[str, int] = {}
    records = encode_table(
        found,
        schema.linkage_schema,
        key,
        workers=workers,
        tolerate=counted.update if bad_cells == "missing" else None,
        progress=progress,
    )
    ids = column(found, RECORD, "the table") if RECORD in found.column_names else None
    return Encodings(records, ids=ids, kind=kind_of(table), bad_cells=counted)
