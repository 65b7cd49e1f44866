"""A first draft of schema and agreement, from the column lists of the owners: names, never tables.

    read_list(path)              what ``schema columns`` wrote
    propose(owners, about)       Proposal: schema, draft (TOML), and what is left to decide

A rule keeps what a statistic needs and no more: labels, dates and amounts as they are, whole
numbers in bands of five, free text not at all. What somebody must decide stands in ``decide``.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from pathlib import Path

from blindlink.errors import InputError, OutputError
from blindlink.files import check_output, read_bytes, reason, write_text
from blindlink.messages.agreement.terms import COARSE_ONLY, IDENTIFIERS
from blindlink.schema.document import LinkageSchema
from blindlink.schema.profiles.making import new_schema

LIMIT = 1 << 20
COLUMN = re.compile(r"[a-z][a-z0-9_]{0,63}")
KINDS = ("date", "label", "integer", "number", "id", "text")
_RULES = {"date": "keep", "label": "keep", "number": "keep", "id": "keep", "integer": "band:5"}
_COARSE = {"date_of_birth": "year", "dob": "year", "postcode": "truncate:4"}
_ROWS = 100_000  # the least limit of rows
_SHARE = "0.01"  # of the rows become control records


@dataclass(frozen=True)
class ColumnList:
    """The standard names of an owner's identities, and the kind of each other column by table."""

    columns: tuple[str, ...]
    tables: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class About:
    """What a draft says of the study itself. ``people``: in the largest file."""

    project: str
    purpose: str
    linker: str
    analyst: str
    people: int
    ends: date


@dataclass(frozen=True)
class Proposal:
    """``draft`` names schema.json and NAME.key.public; ``decide``: a line for each decision."""

    schema: LinkageSchema
    profile: str
    draft: str
    decide: tuple[str, ...] = field(default=())


def read_list(path: Path) -> ColumnList:
    """Read a column list strictly. Raises InputError, which repeats nothing of the file."""
    try:
        document = json.loads(read_bytes(path, limit=LIMIT).decode("utf-8-sig"))
        columns, tables = document["columns"], document.get("tables", {})
        kinds = {kind for table in tables.values() for kind in table.values()}
        names = [*tables, *(name for table in tables.values() for name in table)]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise _no_list(path) from None
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise _no_list(path)
    if not kinds <= set(KINDS) or not all(COLUMN.fullmatch(name) for name in names):
        raise _no_list(path)
    return ColumnList(tuple(columns), tables)


def propose(owners: Mapping[str, ColumnList], about: About, profile: str | None = None) -> Proposal:
    """Schema and draft for these owners, the first of which is the left side of the link.

    ``profile``: unless given, names where all have names, else weak. Raises SchemaError where what
    all can supply tells too few people apart.
    """
    lists = [owner.columns for owner in owners.values()]
    named = all({"forename", "surname"} <= set(columns) for columns in lists)
    profile = profile or ("names" if named else "weak")
    schema, _ = new_schema(profile, lists, people=about.people)
    decide = list(_of_all(owners, about, profile))
    tables = [
        line
        for place, (name, owner) in enumerate(owners.items())
        for line in _owner(name, owner, decide, first=place == 0)
    ]
    draft = _head(owners, about) + "\n".join(tables) + "\n"
    return Proposal(schema, profile, draft, tuple(decide))


def write_proposal(proposal: Proposal, out: Path, *, force: bool = False) -> None:
    """Write schema.json and agreement.toml into the folder ``out``. Raises OutputError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: {reason(error)}") from None
    files = {"schema.json": proposal.schema.to_json(), "agreement.toml": proposal.draft}
    for name in files:
        check_output(out / name, force=force)
    for name, text in files.items():
        write_text(out / name, text, force=force)


def _of_all(owners: Mapping[str, ColumnList], about: About, profile: str) -> list[str]:
    shared = set.intersection(*(set(owner.columns) for owner in owners.values()))
    left = "".join(
        f"; {name} alone has {', '.join(more)}"
        for name, owner in owners.items()
        if (more := [column for column in owner.columns if column not in shared])
    )
    return [
        "legal_basis, controller: who answers for it",
        f"expires, destroy_by: {about.ends} is a guess",
        f"schema: profile {profile}, for {about.people:,} people{left}",
        "minimum_overlap: below so many links nothing is released",
        "limits.released: the share of the second owner's people who may be in both files",
        "cardinality: one-to-many where a person may stand in the second file twice",
        "disclosure_policy: below the threshold no count is published",
    ]


def _head(owners: Mapping[str, ColumnList], about: About) -> str:
    parties = [*owners, about.linker, about.analyst]
    text = (
        resources.files("blindlink.messages.agreement").joinpath("proposal.toml").read_text("utf-8")
    )
    return text.format(
        project=_quoted(about.project),
        purpose=_quoted(about.purpose),
        ends=about.ends,
        destroyed=about.ends.replace(year=about.ends.year + 1),
        parties=", ".join(f'"{name}.key.public"' for name in parties),
        rows=max(2 * about.people, _ROWS),
        released="\n".join(f'{name} = "0.5"' for name in list(owners)[1:]),
    )


def _owner(name: str, owner: ColumnList, decide: list[str], *, first: bool) -> list[str]:
    why = "the denominator: everybody it submits" if first else "rivals carry the linkage error"
    lines = [
        "",
        f"[owner.{name}]",
        f'release = "{"all" if first else "candidates"}"  # {why}',
        f'controls = "{_SHARE}"           # made-up records, which measure false links',
    ]
    for table, columns in owner.tables.items():
        lines += ["", f"[owner.{name}.payload.{table}]"]
        lines += [_rule(f"{name}: {table}.{column}", column, kind, decide)
                  for column, kind in columns.items()]  # fmt: skip
    return lines


def _rule(place: str, column: str, kind: str, decide: list[str]) -> str:
    rule = _COARSE.get(column) or _RULES.get(kind)
    if column in IDENTIFIERS or rule is None:
        what = "names a person" if column in IDENTIFIERS else "is free text: names may stand in it"
        decide.append(f"{place} {what}: left out")
        return f'# {column} = "keep"'
    if kind == "date" and column not in COARSE_ONLY:
        decide.append(f"{place}: whole dates; month is enough unless days are counted")
    if rule.startswith("band"):
        decide.append(f"{place}: whole numbers in bands of five; keep where bands are too coarse")
    return f'{column} = "{rule}"'


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _no_list(path: Path) -> InputError:
    return InputError(
        f"{path}: is not a list of columns", hint="make it with 'blindlink schema columns EXTRACT'"
    )
