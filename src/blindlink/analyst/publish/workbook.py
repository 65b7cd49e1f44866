"""The accessible spreadsheet: one sheet per table with cover, contents and notes (gptables).

It follows the Analysis Function's guidance on accessible spreadsheets: one table per sheet, marked
as a table, shorthand explained above it, notes on a sheet of their own.
"""

import datetime as dt
import re
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import gptables
import pandas as pd

from blindlink.analyst.disclosure.safe import SHORTHAND, SafeTable
from blindlink.analyst.publish.files import inert
from blindlink.analyst.publish.tables import heading

# An owner's label is text, whatever it begins with: neither a formula nor a link.
INERT = {"strings_to_formulas": False, "strings_to_urls": False}
EPOCH = dt.datetime(1980, 1, 1)  # the earliest date that a zip archive can hold
_ONLY_SIGNS = re.compile(r"^[^a-zA-Z0-9]*$")


def write_workbook(
    tables: Sequence[SafeTable], path: Path, *, title: str, intro: list[str], contact: list[str]
) -> None:
    """Write ``tables`` that have rows to an .xlsx file, the same bytes for the same tables.

    They are numbered in their order; the cover says which are empty and why.
    """
    shown = {n: table for n, table in enumerate(tables, start=1) if not table.empty}
    if not shown:
        return
    notes = _Notes()
    sheets = {f"Table_{n}": _sheet(table, n, notes) for n, table in shown.items()}
    cover = gptables.Cover(title, intro=intro, about=_about(tables), contact=contact or None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about notes in cells; ours stand in headings only
        book = gptables.produce_workbook(
            path.as_posix(),
            sheets,
            cover=cover,
            notes_table=notes.frame(),
            workbook_options=INERT,
        )
        book.set_properties({"title": title, "created": EPOCH})
        book.close()
    _fix_dates(path)


class _Notes:
    """Numbers the notes of all tables, each text once."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def marks(self, texts: Sequence[str]) -> str:
        for text in texts:
            if text not in self.texts:
                self.texts.append(text)
        return " ".join(f"$$note{self.texts.index(text) + 1}$$" for text in texts)

    def frame(self) -> pd.DataFrame | None:
        if not self.texts:
            return None
        marks = [f"note{n}" for n in range(1, len(self.texts) + 1)]
        return pd.DataFrame({"Note reference": marks, "Note text": self.texts})


def _sheet(table: SafeTable, number: int, notes: _Notes) -> gptables.GPTable:
    frame = _frame(table)
    legend = [f"{mark} {SHORTHAND[mark]}" for mark in table.shorthand()]
    marks = notes.marks(table.notes)
    return gptables.GPTable(
        table=frame,
        table_name=re.sub(r"\W", "_", table.id),
        title=f"Table {number}: {table.title} {marks}".strip(),
        instructions="This worksheet contains one table."
        + (" Some cells hold shorthand, which is explained below." if legend else "")
        + (" Notes stand on the notes worksheet." if table.notes else ""),
        source="blindlink analysis of linked records",
        legend=legend,
        index_columns={2: 0} if table.labels() else {},
    )


def _frame(table: SafeTable) -> pd.DataFrame:
    """The table with readable headings: numbers stay numbers, withheld cells hold shorthand."""
    columns: dict[str, list[object]] = {}
    for name, column in table.columns.items():
        heading = headings(table)[name]
        if column.kind in ("label", "text"):
            values = [table.label(row, name) for row in range(len(table.frame))]
            columns[heading] = [f"sign {v}" if _ONLY_SIGNS.match(v) else inert(v) for v in values]
        else:
            columns[heading] = [_cell(table, row, name) for row in range(len(table.frame))]
    return pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})


def _cell(table: SafeTable, row: int, name: str) -> object:
    value = table.value(row, name)
    if value is None:
        return table.text(row, name)
    return int(value) if table.columns[name].kind == "count" else value


def headings(table: SafeTable) -> dict[str, str]:
    """A heading for each column, with its unit; no two the same."""
    found: dict[str, str] = {}
    for name in table.columns:
        words = heading(table.columns, name)
        found[name] = words if words not in found.values() else f"{words} [{name}]"
    return found


def _about(tables: Sequence[SafeTable]) -> list[str]:
    empty = [
        f"[x] Table {n}, {table.title}: no figures are available. {' '.join(table.notes)}".strip()
        for n, table in enumerate(tables, start=1)
        if table.empty
    ]
    return [*(f"{mark}: {text}" for mark, text in SHORTHAND.items()), *empty]


def _fix_dates(path: Path) -> None:
    """Write the archive again with one date for all members, in place."""
    with zipfile.ZipFile(path) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(
                zipfile.ZipInfo(name, EPOCH.timetuple()[:6]), data, zipfile.ZIP_DEFLATED
            )
