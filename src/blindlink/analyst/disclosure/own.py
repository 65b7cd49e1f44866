"""Tables of an analyst's own before the gate: what their columns and labels are, declared.

    [dimensions.age]                         all levels, and labels that stand for several of them
    levels = ["16-17", "18-24", "25+"]
    folds = { "under 25" = ["16-17", "18-24"] }

    [columns]                                of every table; [tables.NAME.columns] of one
    year = "label"
    people = { kind = "count", unit = "person" }
    engaged = { kind = "count", of = "people" }
    rate = { kind = "share", numerator = "engaged", denominator = "people" }

Without a declaration text is a label and whole numbers are counts; any other column has to be
declared. Labels of one name are one dimension in all tables that are checked together.
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from blindlink.analyst.disclosure.differencing import Earlier
from blindlink.analyst.disclosure.gate import Audit, release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.reasons import joins
from blindlink.analyst.disclosure.safe import SHORTHAND, SafeTable
from blindlink.analyst.disclosure.variables import agree
from blindlink.analyst.publish.files import files_of, write_new
from blindlink.analyst.publish.runrecord import audit_record, run_record
from blindlink.analyst.publish.tables import TOTAL, Column, Kind, Table
from blindlink.errors import DisclosureError, FormatError, InputError
from blindlink.files import read_bytes
from blindlink.schema.populations import Dimension, Kinds

STRICT = ConfigDict(frozen=True, extra="forbid")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class DeclaredDimension(BaseModel):
    """All levels of a label, of which each unit has exactly one.

    ``folds``: a label that stands for several levels. Where two folds share a level their overlap
    is protected too. ``harmless``: levels that are no secret when everybody has them.
    """

    model_config = STRICT

    levels: tuple[str, ...] = Field(min_length=1)
    folds: dict[str, tuple[str, ...]] = {}
    harmless: tuple[str, ...] = ()


class DeclaredColumn(BaseModel):
    """What a column is; see ``publish.tables.Column``. ``unit``: what a count counts."""

    model_config = STRICT

    kind: Kind
    unit: str | None = None
    of: str | None = None
    numerator: str | None = None
    denominator: str | None = None
    base: str | None = None
    decimals: int = Field(default=0, ge=0, le=12)


class DeclaredTable(BaseModel):
    """``overlapping``: labels whose rows do not add up. ``headline``: withheld last."""

    model_config = STRICT

    columns: dict[str, DeclaredColumn | Kind] = {}
    overlapping: tuple[str, ...] = ()
    headline: bool = False


class Declaration(BaseModel):
    """What an analyst says of its tables."""

    model_config = STRICT

    dimensions: dict[str, DeclaredDimension] = {}
    columns: dict[str, DeclaredColumn | Kind] = {}
    tables: dict[str, DeclaredTable] = {}


@dataclass(frozen=True)
class Checked:
    """What may be published of the tables, in their order, and why not more."""

    tables: tuple[SafeTable, ...]
    audit: Audit
    declaration: Declaration
    advice: tuple[str, ...]

    @property
    def withheld(self) -> int:
        """How many figures are withheld."""
        return sum(sum(table.withheld.values()) for table in self.audit.tables)

    @property
    def figures(self) -> int:
        """How many figures there are."""
        return sum(table.cells for table in self.audit.tables)


def parse_declaration(document: Any, where: str) -> Declaration:
    """A declaration from parsed TOML or a dictionary; raises FormatError that names the field."""
    try:
        return Declaration.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise FormatError(
            f"{where}: {place}: {first['msg'].lower()}",
            hint="see docs/how-to/check-your-own-tables.md",
        ) from None


def load_declaration(path: Path) -> Declaration:
    """Read a declaration; raises InputError or FormatError."""
    try:
        return parse_declaration(tomllib.loads(read_bytes(path, limit=1 << 20).decode()), str(path))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        raise FormatError(f"{path}: is not TOML") from None


def check(
    frames: Mapping[str, pd.DataFrame],
    policy: Policy,
    declaration: Declaration,
    *,
    earlier: Sequence[Earlier] = (),
    secret: bytes = b"",
) -> Checked:
    """Pass tables through the gate together. Raises InputError for what is no table of figures,
    DisclosureError where the counts contradict what is declared or cannot be protected."""
    if unknown := sorted(set(declaration.tables) - set(frames)):
        raise InputError(f"the declaration is about {unknown[0]}, which is none of the tables")
    tables = [as_table(name, frame, declaration) for name, frame in frames.items()]
    if not agree(tables):
        raise DisclosureError(
            "the counts contradict what their names and labels say",
            hint="rows under a total are more than it, or two tables count different things in "
            "columns of one name: declare labels that overlap, and a unit for each count",
        )
    safe, audit = release(tables, policy, earlier=earlier, secret=secret)
    advice = [line for table in tables for line in joins(table, audit.withheld)]
    return Checked(tuple(safe), audit, declaration, tuple(advice))


def write(checked: Checked, out: Path, *, agreement: str = "", now: datetime) -> None:
    """What may be published as a new folder that an output checker can sign: ``tables/*.csv``,
    ``run.json``, ``audit.json``. ``agreement``: its digest. Raises OutputError."""
    files = files_of(checked.tables)
    outputs = {name: sha256(data).hexdigest() for name, data in sorted(files.items())}
    run = run_record(
        settings=checked.declaration, seed=0, now=now, inputs={}, outputs=outputs,
        info={"agreement": agreement}, policy_digest=checked.audit.policy_digest,
    )  # fmt: skip
    audit = audit_record(checked.audit, outputs=outputs, now=now)
    write_new({**files, "run.json": run.encode(), "audit.json": audit.encode()}, out)


def as_table(name: str, frame: pd.DataFrame, declaration: Declaration) -> Table:
    """A frame as the gate takes it. Raises InputError."""
    if not _ID.fullmatch(name):
        raise InputError(
            f"table {name!r}: is no name of a table", hint="letters, digits, hyphens, underscores"
        )
    said = declaration.tables.get(name, DeclaredTable())
    described = {**declaration.columns, **said.columns}
    if absent := sorted(set(said.columns) - set(frame.columns)):
        raise InputError(f"table {name}: has no column {absent[0]}, which is declared")
    columns = {
        column: _column(name, frame, column, described.get(column), declaration)
        for column in map(str, frame.columns)
    }
    for column, kind in columns.items():
        _check_names(name, column, kind, columns)
    made = {
        column: (_labels if kind.kind in ("label", "text") else _numbers)(name, frame, column, kind)
        for column, kind in columns.items()
    }
    labels = [column for column, kind in columns.items() if kind.kind == "label"]
    dimensions = {
        label: _dimension(name, label, made[label], declaration.dimensions[label])
        for label in labels
        if label in declaration.dimensions
    }
    _check_rows(name, pd.DataFrame(made)[labels])
    return Table(
        name, name.replace("_", " "), pd.DataFrame(made, columns=list(columns)), columns,
        totals=dict.fromkeys(said.overlapping, False), dimensions=dimensions,
        headline=said.headline,
    )  # fmt: skip


def _column(
    table: str,
    frame: pd.DataFrame,
    name: str,
    said: DeclaredColumn | Kind | None,
    declaration: Declaration,
) -> Column:
    if isinstance(said, str):
        said = DeclaredColumn(kind=said)
    if said is not None:
        return Column(description=name.replace("_", " "), **said.model_dump())
    if name in declaration.dimensions:
        return Column("label", name)
    cells = frame[name].dropna()
    if pd.api.types.is_bool_dtype(cells):
        return Column("label", name)
    text = cells.astype(str).str.strip()
    if (text == "").any() or not len(text) or not text.str.fullmatch(r"-?\d[\d.,eE+-]*").all():
        return Column("label", name)
    if not text.str.fullmatch(r"\d+(\.0)?").all():
        raise InputError(
            f"table {table}, column {name}: is neither text nor whole numbers",
            hint="declare what it is: a share of two counts, or an estimate with its base",
        )
    return Column("count", name)


def _check_names(table: str, name: str, column: Column, columns: Mapping[str, Column]) -> None:
    wanted = {"numerator": column.numerator, "denominator": column.denominator}
    wanted |= {"base": column.base, "of": column.of}
    for field, other in wanted.items():
        if other is not None and other not in columns:
            raise InputError(f"table {table}, column {name}: {field}: there is no column {other}")
    if column.kind == "share" and not (column.numerator and column.denominator):
        raise InputError(f"table {table}, column {name}: a share needs numerator and denominator")
    if column.kind in ("low", "high", "largest") and not column.of:
        raise InputError(f"table {table}, column {name}: say which column it is of")


def _labels(table: str, frame: pd.DataFrame, name: str, _: Column) -> "pd.Series[Any]":
    cells = [_plain(value) for value in frame[name].tolist()]
    for row, cell in enumerate(cells):
        if any(unicodedata.category(sign).startswith("C") for sign in cell):
            raise InputError(
                f"table {table}, column {name}, row {row + 1}: a sign that nobody sees",
                hint="take control characters and marks of direction out of the labels",
            )
    return pd.Series(cells, dtype=object)


def _plain(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return (
        "" if value is None or value is pd.NA or value is pd.NaT or value != value else str(value)
    )


def _numbers(table: str, frame: pd.DataFrame, name: str, column: Column) -> "pd.Series[Any]":
    cells = frame[name]
    empty = cells.isna() | (cells.astype(str).str.strip() == "")
    marked = cells.astype(str).str.strip().isin(set(SHORTHAND))
    values = pd.to_numeric(cells.where(~empty), errors="coerce").astype(float)
    wrong = values.isna() & ~empty
    if column.kind == "count":
        wrong |= ~empty & ((values < 0) | (values % 1 != 0) | ~np.isfinite(values))
    if wrong.any():
        row = int(np.flatnonzero(wrong.to_numpy())[0])
        raise InputError(
            f"table {table}, column {name}, row {row + 1}: is no "
            f"{'count' if column.kind == 'count' else 'number'}",
            hint="give the table as it is: what is withheld already cannot be checked"
            if marked.any()
            else "a thousands separator or a unit is no part of a number",
        )
    return values.reset_index(drop=True)


def _dimension(table: str, name: str, cells: "pd.Series[Any]", said: DeclaredDimension) -> Kinds:
    dimension = Dimension(name, said.levels, harmless=frozenset(said.harmless))
    known = {level: (level,) for level in said.levels} | said.folds
    stray = {m for levels in (*said.folds.values(), said.harmless) for m in levels} - {*said.levels}
    if stray:
        raise InputError(f"dimension {name}: {min(stray)} is none of its levels")
    for row, cell in enumerate(cells):
        if cell != TOTAL and cell not in known:
            raise InputError(
                f"table {table}, column {name}, row {row + 1}: is no declared level or fold"
            )
    return Kinds(dimension, {label: dimension.mask(levels) for label, levels in known.items()})


def _check_rows(table: str, labels: pd.DataFrame) -> None:
    twice = labels.duplicated()
    if not labels.columns.size and len(labels) > 1:
        raise InputError(
            f"table {table}: has several rows and no label",
            hint='whole numbers are counts unless declared: columns.year = "label"',
        )
    if labels.columns.size and twice.any():
        row = int(np.flatnonzero(twice.to_numpy())[0])
        raise InputError(f"table {table}, row {row + 1}: its labels stand there before")


def table_names(paths: Sequence[Path]) -> list[str]:
    """A name for each file: its own, without folder and ending. Raises InputError for a twin."""
    names = [path.name.partition(".")[0] for path in paths]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"two tables are called {twice[0]}", hint="rename one of the files")
    return names
