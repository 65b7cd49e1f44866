"""Importing from files: a folder of raw files in, the folder that ``owner submit`` takes out."""

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from blindlink import frames
from blindlink.errors import InputError, OutputError
from blindlink.files import reason
from blindlink.owner.tables import ndelius, ndtms
from blindlink.owner.tables.findings import Findings
from blindlink.owner.tables.layouts import Layout, load_layout
from blindlink.owner.tables.raw_cells import Context, clean
from blindlink.schema.extracts import Contract

Frames = dict[str, pd.DataFrame]
ENDINGS = (".csv", ".csv.gz", ".parquet", ".arrow", ".feather")
REPORT_JSON, REPORT_HTML, LEFT_OUT = "data-quality.json", "data-quality.html", "left-out"
_ASSEMBLE: Final[dict[str, Callable[[Frames, Findings], Frames]]] = {
    "ndelius": ndelius.tables,
    "ndtms": ndtms.tables,
}
_PERSON: Final = {"ndelius": "CRN", "ndtms": "CLIENTID"}


def import_folder(
    system: str,
    raw: Path,
    out: Path,
    contracts: Mapping[str, Contract],
    *,
    own_codes: Path | None = None,
) -> tuple[dict[str, pa.Table], Findings]:
    """Import the raw files of a system into the new folder ``out``, whole or not at all.

    ``contracts`` are the study's extracts by name; the system's layout names one of them.

    ``out`` gets a CSV file for each table, data-quality.json and data-quality.html, and in
    ``left-out`` the rows that name no person. Returns the tables and the findings. Raises
    InputError (a file or column is missing, or a code list leads out of the contract), OutputError.
    """
    layout = load_layout(system, own_codes)
    _check_new(out)
    files = {name: _file(raw, name) for name in layout.files}
    tables = {name: frames.read_table(path) for name, path in files.items()}
    made, findings = import_tables(layout, tables, contracts[layout.extract])
    with _new_folder(out) as draft:
        for name, table in made.items():
            frames.write_table(table, draft / f"{name}.csv")
        _write_left_out(layout, tables, draft)
        (draft / REPORT_JSON).write_text(findings.to_json(), encoding="utf-8")
        (draft / REPORT_HTML).write_text(findings.to_html(), encoding="utf-8")
    return made, findings


def import_tables(
    layout: Layout, raw: dict[str, pa.Table], contract: Contract
) -> tuple[dict[str, pa.Table], Findings]:
    """The tables of the contract, checked against it, and the findings."""
    findings = Findings(layout.system, {name: table.num_rows for name, table in raw.items()})
    cleaned = {name: _cleaned(layout, name, raw[name], findings) for name in layout.files}
    made = {}
    for name, frame in _ASSEMBLE[layout.system](cleaned, findings).items():
        table = pa.table(
            {
                column: pa.array(frame[column].to_numpy(dtype=object), pa.string())
                for column in contract.columns(name)
            }
        )
        contract.check_table(name, table)
        findings.written[name] = table.num_rows
        made[name] = table
    return made, findings


def _cleaned(layout: Layout, file: str, table: pa.Table, findings: Findings) -> pd.DataFrame:
    wanted = layout.files[file]
    absent = [n for n, c in wanted.items() if not c.optional and n not in table.column_names]
    if absent:
        raise InputError(
            f"{file}: column {absent[0]} is missing", hint=f"its columns are {', '.join(wanted)}"
        )
    made = {}
    for name, column in wanted.items():
        where = Context(file, name, layout.codes, findings)
        if name in table.column_names:
            made[name] = clean(table.column(name), column, where)
        else:
            made[name] = np.full(table.num_rows, "", dtype=object)
    for name in table.column_names:
        if name not in wanted:
            nothing = np.ones(table.num_rows, dtype=bool)
            findings.add(file, name, "column not in the layout", nothing, "column left out")
    return pd.DataFrame(made, dtype=object)


def _write_left_out(layout: Layout, raw: dict[str, pa.Table], draft: Path) -> None:
    key = _PERSON[layout.system]
    for name, table in raw.items():
        nobody = [not cell.strip() for cell in frames.texts(table, key)]
        if any(nobody):
            (draft / LEFT_OUT).mkdir(exist_ok=True)
            frames.write_table(table.filter(pa.array(nobody)), draft / LEFT_OUT / f"{name}.csv")


def _file(raw: Path, name: str) -> Path:
    found = [path for path in (raw / f"{name}{ending}" for ending in ENDINGS) if path.exists()]
    if len(found) != 1:
        what = "several files hold" if found else "no file holds"
        raise InputError(f"{raw}: {what} {name}", hint=f"put one file there, such as {name}.csv")
    return found[0]


def _check_new(out: Path) -> None:
    if out.exists():
        raise OutputError(f"{out}: exists already", hint="choose a folder that does not exist")
    if not out.absolute().parent.is_dir():
        raise OutputError(f"{out}: its folder does not exist", hint="make the folder first")


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A draft folder, closed to others, that takes the name ``out`` when the block ends well."""
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}.part")
    try:
        draft.mkdir(mode=0o700)
        yield draft
        draft.rename(out)
    except OSError as error:
        raise OutputError(f"{out}: {reason(error)}", hint="nothing was written") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
