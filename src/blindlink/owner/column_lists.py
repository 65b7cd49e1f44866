"""What an owner tells the others before an agreement: the columns of its extract, and no cell.

    {"columns": ["entity_id", "forename", ...],          standard names of the identities
     "tables": {"claims": {"claim_start": "date", ...}}}  the other tables, with kinds

A kind is date, label (30 different words at most), integer, number, id or text. Of the identities
standard names alone are written. Of another table all are, once a column of it is ``entity_id``:
then its first line names columns, and is nobody.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from blindlink import frames
from blindlink.errors import InputError
from blindlink.mapping import PLAIN, Source
from blindlink.owner.tables.generalise import ENTITY, kinds
from blindlink.schema import everyday
from blindlink.spellings import form_of

LABELS = 30
_TRIED = 1000  # distinct cells that are tried as dates


@dataclass
class Extract:
    """``tables``: kind of each column by table; ``notes`` in words, for the owner itself."""

    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def document(self, columns: list[str]) -> dict[str, Any]:
        """The list as JSON."""
        return {"columns": columns, "tables": self.tables}


def describe_tables(files: dict[str, Path], source: Source = PLAIN) -> Extract:
    """The columns of the tables beside the identities, by the name of each table.

    Raises InputError for one without ``entity_id``.
    """
    found = Extract()
    for name, path in files.items():
        table = source.read(path, name, [ENTITY])
        if ENTITY not in table.column_names:
            hint = f"say with --map, under [tables.{name}.columns], which column names the person"
            lines = everyday.lines(table.column_names, [ENTITY])
            raise InputError(
                f"{path}: column {ENTITY} is missing; it has {everyday.seen(table.column_names)}",
                hint=f"{hint}: {lines[0]}" if lines else hint,
            )
        found.tables[name] = _kinds(name, table, found.notes)
    return found


def plain_name(name: str) -> str:
    """A column's name as agreements write it: Claim start is claim_start."""
    sign = "".join(each if each.isascii() and each.isalnum() else "_" for each in name.casefold())
    return "_".join(filter(None, sign.split("_")))


def _kinds(name: str, table: pa.Table, notes: list[str]) -> dict[str, str]:
    texts = pa.table(
        {column: frames.text_column(table, column) for column in table.column_names}
    ).drop_columns([ENTITY])
    made = {}
    for column, kind in zip(texts.column_names, kinds(texts), strict=True):
        different = pc.unique(texts.column(column)).drop_null().to_pylist()
        made[plain_name(column)] = _kind(column, kind, different)
        form = form_of([cell for cell in different if cell][:_TRIED]) if kind == "text" else None
        if form:
            notes.append(
                f"{name}: column {plain_name(column)} holds dates of the form {form!r}: say so "
                f'with --map, COLUMN = {{ name = "{plain_name(column)}", format = "{form}" }}'
            )
    return made


def _kind(column: str, kind: str, different: list[str]) -> str:
    if column.endswith("_id"):
        return "id"
    if kind in ("text", "integer") and len(different) <= LABELS:
        return "label"
    return kind
