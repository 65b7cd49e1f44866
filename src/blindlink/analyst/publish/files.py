"""The tables as files: tidy CSVs, and a data dictionary that says what each column holds.

One CSV per table, one row per combination of labels, shorthand such as [c] in the cells. The same
tables give the same bytes.
"""

import csv
import io
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from blindlink.analyst.disclosure.safe import SHORTHAND, SafeTable, decimals
from blindlink.analyst.publish.tables import Column
from blindlink.errors import OutputError
from blindlink.files import reason

_FORMULA = ("=", "+", "-", "@")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_NUMBER = re.compile(r"[-+]?[0-9][0-9,]*(\.[0-9]+)?( ?%)?")
DICTIONARY = "data-dictionary.csv"
KINDS = {
    "label": "label",
    "count": "count",
    "share": "percentage",
    "low": "lower bound",
    "high": "upper bound",
    "estimate": "estimate",
    "text": "text",
}


def csv_of(table: SafeTable) -> str:
    """The table as CSV text with \\n line ends."""
    frame = table.printed()
    return _csv(list(table.columns), frame.values.tolist())


def dictionary_of(tables: Sequence[SafeTable]) -> str:
    """The data dictionary of all tables as CSV text: one row per table and column."""
    header = ["table", "title", "column", "kind", "description", "computed_from", "decimals"]
    rows = [
        [
            table.id,
            table.title,
            name,
            KINDS[column.kind],
            column.description,
            computed_from(column),
            "" if column.kind in ("label", "text") else str(decimals(column)),
        ]
        for table in tables
        for name, column in table.columns.items()
    ]
    shorthand = [["", "", mark, "shorthand", text, "", ""] for mark, text in SHORTHAND.items()]
    return _csv(header, rows + shorthand)


def computed_from(column: Column) -> str:
    """Which columns a column derives from, in words."""
    if column.numerator and column.denominator:
        return f"{column.numerator} / {column.denominator}"
    if column.kind == "count" and column.of:
        return f"part of {column.of}"
    if column.of:
        return f"interval of {column.of}"
    return f"based on {column.base}" if column.base else ""


def inert(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe before what would begin one.

    Owners' labels reach the tables, and a program would be run by whoever opens them (OWASP, CSV
    injection). What breaks a line becomes a space, since a cell could begin behind it. A number
    stays what it is.
    """
    plain = _BREAKS.sub(" ", text)
    formula = plain.lstrip().startswith(_FORMULA) and not _NUMBER.fullmatch(plain)
    return f"'{plain}" if formula else plain


def _csv(header: list[str], rows: list[list[str]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[inert(str(cell)) for cell in row] for row in rows])
    return buffer.getvalue()


def files_of(tables: Sequence[SafeTable]) -> dict[str, bytes]:
    """The tables and their data dictionary by the paths that they have below an output's folder."""
    made = {f"tables/{table.id}.csv": csv_of(table).encode() for table in tables}
    return made | {f"tables/{DICTIONARY}": dictionary_of(tables).encode()}


def write_new(files: Mapping[str, bytes], out: Path) -> None:
    """A new folder of exactly these files, whole or not at all; raises OutputError."""
    if out.exists():
        raise OutputError(f"{out}: exists already", hint="what is written here is never replaced")
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        draft.mkdir()
        for name, data in files.items():
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            (draft / name).write_bytes(data)
        draft.rename(out)
    except OSError as error:
        raise OutputError(f"{out}: {reason(error)}", hint="nothing was written") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
