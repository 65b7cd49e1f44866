"""Importing from files: raw files of a source system in, the folder for ``owner submit`` out.

read    every file in any case of its name, through the mapping; or one file that holds all;
        or a dump of the database
permit  rows of people who are known to consent, rows that are live in their system
clean   every column in the words of the contract, everything else counted
make    the tables of the extract, checked against the contract
gate    refuse where more of a field is lost than agreed, and say all of it
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from blindlink import frames, spellings
from blindlink.errors import InputError, OutputError
from blindlink.files import reason, replacing_folder
from blindlink.mapping import PLAIN, Source, aligned
from blindlink.owner.tables import ndelius, ndelius_dump, ndtms, register
from blindlink.owner.tables import raw_rows as rows
from blindlink.owner.tables.findings import Findings
from blindlink.owner.tables.layouts import Layout, load_layout
from blindlink.owner.tables.permission import Unclear, consenting, living
from blindlink.owner.tables.raw_cells import UNKNOWN, Context, clean
from blindlink.owner.tables.sql_dump import read_dump
from blindlink.schema import quality
from blindlink.schema.extracts import Contract

Frames = dict[str, pd.DataFrame]
Ids = Literal["exact", "folded"]
DUMP: Final = ".sql"
REPORT_JSON, REPORT_HTML, LEFT_OUT = "data-quality.json", "data-quality.html", "left-out"
_ASSEMBLE: Final[dict[str, Callable[[Frames, Findings], Frames]]] = {
    "ndelius": ndelius.tables,
    "ndtms": ndtms.tables,
}
_NAMES: Final[Mapping[str, Mapping[str, Mapping[str, str]]]] = {
    "ndelius": ndelius.NAMES,
    "ndtms": ndtms.NAMES,
}


@dataclass(frozen=True)
class Rules:
    """What the owner says about its files.

    ``unclear``: what becomes of people whose consent is not clear; ``ids``: whether zeros in front,
    case and blanks of an identifier matter (``exact``) or not (``folded``); ``tolerant``: whether a
    code of no list counts as missing; ``limits``: how much may be lost of a field;
    ``source``: names of columns and the mapping.
    """

    unclear: Unclear = "stop"
    ids: Ids = "exact"
    tolerant: bool = False
    limits: Mapping[str, quality.Limits] = field(default_factory=dict)
    source: Source = PLAIN


STRICT: Final = Rules()


def import_folder(
    system: str,
    raw: Path,
    out: Path,
    contracts: Mapping[str, Contract],
    *,
    own_codes: Path | None = None,
    rules: Rules = STRICT,
) -> tuple[dict[str, pa.Table], Findings]:
    """Import the raw files of a system into the new folder ``out``, whole or not at all.

    ``raw`` is a folder, or the one file that holds all. ``contracts`` are the study's extracts by
    name; the system's layout names one of them.

    ``out`` gets a CSV file for each table, data-quality.json and data-quality.html, and in
    ``left-out`` the rows that name no person. Returns the tables and the findings. Raises
    InputError (a file or column is missing, too much is lost, or a code list leads out of the
    contract), OutputError.
    """
    layout = load_layout(system, own_codes)
    _check_new(out)
    contract = contracts.get(layout.extract)
    tables = read_raw(layout, raw, rules.source)
    made, findings, nobody = _made(layout, tables, contract, rules)
    gate(findings, rules)
    with replacing_folder(out, partial(_check_new, out)) as draft:
        for name, table in made.items():
            frames.write_table(table, draft / f"{name}.csv")
        for name, table in nobody.items():
            (draft / LEFT_OUT).mkdir(exist_ok=True)
            frames.write_table(table, draft / LEFT_OUT / f"{name}.csv")
        (draft / REPORT_JSON).write_text(findings.to_json(), encoding="utf-8")
        (draft / REPORT_HTML).write_text(findings.to_html(), encoding="utf-8")
    return made, findings


def gate(findings: Findings, rules: Rules) -> None:
    """Raises InputError where a code is in no list, or more is lost than agreed."""
    unknown = [each for each in findings.found if each.problem == UNKNOWN and each.rows]
    if unknown and not rules.tolerant:
        raise InputError(
            "codes of no list: " + "; ".join(each.text().rpartition(", ")[0] for each in unknown),
            hint="give your own lists with --codes; --bad-cells missing counts them as missing",
        )
    try:
        quality.check(findings.losses, rules.limits, "import")
    except InputError as error:
        offered = "; ".join(
            f"every unread date of {where} can be read with the format {form!r}"
            for where, form in findings.offered.items()
        )
        raise InputError(
            error.message, hint=f"{offered}: say so with --map" if offered else error.hint
        ) from None


def import_tables(
    layout: Layout,
    raw: Mapping[str, pa.Table],
    contract: Contract | None,
    rules: Rules = STRICT,
) -> tuple[dict[str, pa.Table], Findings]:
    """The tables of the contract, checked against it, and the findings; no limit is applied."""
    made, findings, _ = _made(layout, _framed(layout, raw), contract, rules)
    return made, findings


def _made(
    layout: Layout, raw: Frames, contract: Contract | None, rules: Rules
) -> tuple[dict[str, pa.Table], Findings, dict[str, pa.Table]]:
    findings = Findings(layout.system, {name: len(frame) for name, frame in raw.items()})
    named = _with_person(layout, raw, rules.ids)
    nobody = {
        name: _arrow(raw[name][(frame[rows.PERSON] == "").to_numpy()].drop(columns=rows.ROW))
        for name, frame in named.items()
        if (frame[rows.PERSON] == "").any()
    }
    kept = living(consenting(named, layout, rules.unclear, findings), layout, findings)
    cleaned = {name: _cleaned(layout, name, kept[name], findings) for name in layout.files}
    for name, names in _names(layout).items():
        findings.standing_for(name, names if _identity(layout, name) else _others(names))
    assemble = _ASSEMBLE.get(layout.system)
    tables = assemble(cleaned, findings) if assemble else register.tables(layout, cleaned, findings)
    made = {}
    for name, frame in tables.items():
        columns = contract.columns(name, frame.columns) if contract else list(frame.columns)
        table = _arrow(frame[columns])
        if contract:
            contract.check_table(name, table)
        findings.written[name] = table.num_rows
        made[name] = table
    return made, findings, nobody


def _names(layout: Layout) -> Mapping[str, Mapping[str, str]]:
    if layout.tables is None:
        return _NAMES[layout.system]
    return {made.file: made.columns for made in layout.tables.values()}


def _identity(layout: Layout, file: str) -> bool:
    """Whether a file is about people: whatever is empty there cannot be linked by."""
    if layout.tables is not None:
        return layout.tables["identities"].file == file
    return file in _PEOPLE


_PEOPLE: Final = ("offender", "alias", "offender_address", "client")


def _others(names: Mapping[str, str]) -> dict[str, str]:
    """Names without those that have limits of their own as identifiers."""
    return {raw: name for raw, name in names.items() if name not in quality.DEFAULTS}


def _arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.table(
        {name: pa.array(frame[name].to_numpy(dtype=object), pa.string()) for name in frame.columns}
    )


def read_raw(layout: Layout, raw: Path, source: Source = PLAIN) -> Frames:
    """The raw files of a layout as frames of text, rows numbered. Raises InputError."""
    files = _files(raw)
    wanted = sorted({name for columns in layout.files.values() for name in columns})
    if layout.system == "ndelius" and (dumped := _dumped(files, source)):
        return _framed(layout, {name: _arrow(frame) for name, frame in dumped.items()})
    whole = _whole(layout, raw, files)
    if whole is not None:
        return _parted(layout, _texts(source.read(whole, layout.whole, wanted)))
    tables = {}
    for name, columns in layout.files.items():
        if name not in files:
            raise InputError(
                f"{raw}: no file holds {name}", hint=f"put one file there, such as {name}.csv"
            )
        tables[name] = source.read(files[name], name, list(columns))
    return _framed(layout, tables)


def _files(raw: Path) -> dict[str, Path]:
    """The tables of a folder by their names in lower case."""
    if raw.is_file():
        return {_stem(raw): raw}
    found: dict[str, Path] = {}
    try:
        paths = sorted(path for path in raw.iterdir() if path.is_file())
    except OSError as error:
        raise InputError(f"{raw}: {reason(error)}", hint="check the path") from None
    for path in paths:
        if not path.name.lower().endswith((*frames.ENDINGS, DUMP)):
            continue
        name = _stem(path)
        if name in found:
            raise InputError(f"{raw}: several files hold {name}", hint="put one file there")
        found[name] = path
    return found


def _stem(path: Path) -> str:
    return path.name.lower().partition(".")[0]


def _dumped(files: dict[str, Path], source: Source) -> Frames | None:
    """The four files of nDelius from a dump of its database, where that is what is there."""
    dumps = [path for path in files.values() if path.name.lower().endswith(DUMP)]
    tables: Frames = {}
    for path in dumps:
        for name, frame in read_dump(path).items():
            tables[name] = pd.concat([tables[name], frame]) if name in tables else frame
    if not dumps and not ndelius_dump.is_dump(set(files)):
        return None
    for name, path in files.items():
        if path not in dumps:
            tables[name] = _texts(source.read(path, name)).rename(columns=str.upper)
    return ndelius_dump.files_of({name: frame.fillna("") for name, frame in tables.items()})


def _whole(layout: Layout, raw: Path, files: dict[str, Path]) -> Path | None:
    if layout.whole is None:
        return None
    if raw.is_file():
        return raw
    lone = [path for name, path in files.items() if name not in layout.files]
    return lone[0] if len(lone) == len(files) == 1 else None


def _parted(layout: Layout, frame: pd.DataFrame) -> Frames:
    """The files that are in one: of each the distinct rows that say something of their own."""
    lacking = [
        name
        for columns in layout.files.values()
        for name, column in columns.items()
        if not column.optional and name not in frame.columns
    ]
    if lacking:
        raise InputError(f"{layout.whole}: column {lacking[0]} is missing")
    frame = frame.assign(**{rows.ROW: np.arange(1, len(frame) + 1)})
    made = {}
    for name, columns in layout.files.items():
        there = [column for column in columns if column in frame.columns]
        own = [c for c in there if c not in layout.person and c in _OWN.get(name, there)]
        part = frame[[*there, rows.ROW]]
        if own and name in _OWN:
            blank = part[own].map(spellings.nothing).all(axis=1)
            part = part[~blank]
        made[name] = part[~part[there].duplicated()].reset_index(drop=True)
    return made


# Of the one file of NDTMS: a row has an episode or a TOP form where it says when.
_OWN: Final = {"episode": ("EPISODID", "TRIAGED"), "top": ("TOPDATE",)}


def _framed(layout: Layout, tables: Mapping[str, pa.Table]) -> Frames:
    made = {}
    for name in layout.files:
        frame = _texts(tables[name])
        frame.columns = pd.Index(aligned(list(frame.columns), list(layout.files[name])))
        made[name] = frame.assign(**{rows.ROW: np.arange(1, len(frame) + 1)})
    return ndelius_dump.with_crn(made) if layout.system == "ndelius" else made


def _texts(table: pa.Table) -> pd.DataFrame:
    return pd.DataFrame(
        {name: frames.texts(table, name) for name in table.column_names}, dtype=object
    )


def _with_person(layout: Layout, raw: Frames, ids: Ids) -> Frames:
    """With the column ``PERSON``: the identifiers that together name one, as ``spellings`` has
    them. One that is not in every file (AGNCY of a client) names nobody there and is left away."""
    parts = [name for name in layout.person if all(name in raw[f].columns for f in raw)]
    if not parts:
        file = next(f for f in raw if layout.person[-1] not in raw[f].columns)
        raise InputError(
            f"{file}: column {layout.person[-1]} is missing", hint=_columns(layout, file)
        )
    made = {}
    for name, frame in raw.items():
        keys = [_identifiers(frame[part]) for part in parts]
        nobody = np.any([np.asarray(key == "", dtype=bool) for key in keys], axis=0)
        person = keys[0]
        for key in keys[1:]:
            person = person + ":" + key
        made[name] = frame.assign(**{rows.PERSON: person.mask(nobody, "")})
    return made if ids == "exact" else _folded(layout, made)


def _identifiers(cells: pd.Series) -> pd.Series:
    known: dict[str, str] = {}
    for cell in cells.unique():
        try:
            known[cell] = "" if spellings.nothing(cell) else spellings.identifier(cell)
        except ValueError:
            known[cell] = ""
    return cells.map(known).astype(object)


def _folded(layout: Layout, named: Frames) -> Frames:
    """One spelling for identifiers that differ in zeros in front, case and blanks only."""
    people = named[next(iter(layout.files))][rows.PERSON]
    first: dict[str, str] = {}
    for text in people.unique():
        key = spellings.folded(text)
        if key and first.setdefault(key, text) != text:
            raise InputError(
                "two identifiers of the file of people differ in zeros, case or blanks only",
                hint="such differences mean something here: leave --ids folded away",
            )
    return {
        name: frame.assign(
            **{
                rows.PERSON: frame[rows.PERSON].map(
                    lambda text: first.get(spellings.folded(text), text)
                )
            }
        )
        for name, frame in named.items()
    }


def _columns(layout: Layout, file: str) -> str:
    return f"its columns are {', '.join(layout.files[file])}"


def _cleaned(layout: Layout, file: str, frame: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    wanted = layout.files[file]
    absent = [n for n, c in wanted.items() if not c.optional and n not in frame.columns]
    if absent:
        raise InputError(f"{file}: column {absent[0]} is missing", hint=_columns(layout, file))
    number = rows.numbers(frame)
    made: dict[str, object] = {}
    for name, column in wanted.items():
        where = Context(file, name, layout.codes, layout.dates, findings)
        if name in frame.columns:
            made[name] = clean(rows.texts(frame, name), column, where, number)
        else:
            made[name] = np.full(len(frame), "", dtype=object)
    others = sum(name not in wanted and name not in (rows.ROW, rows.PERSON) for name in frame)
    if others:
        nothing = np.zeros(len(frame), dtype=bool)
        findings.add(file, "other columns", f"{others} not in the layout", nothing, "left out")
    cleaned = pd.DataFrame(made, dtype=object)
    return cleaned.assign(**{rows.ROW: number, rows.PERSON: rows.texts(frame, rows.PERSON)})


def _check_new(out: Path) -> None:
    if out.exists():
        raise OutputError(f"{out}: exists already", hint="choose a folder that does not exist")
    if not out.absolute().parent.is_dir():
        raise OutputError(f"{out}: its folder does not exist", hint="make the folder first")
