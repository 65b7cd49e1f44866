"""Layouts: the files and columns of a source system, as shipped data with a source for each line.

``layouts/SYSTEM.json`` has files and columns, ``layouts/SYSTEM-codes.csv`` the code lists. The
owner's own code lists add to the shipped ones: ``{"RFLS": {"source": "...", "values": {"26":
"other"}}}``; of the list that decides on consent no code that closes can be opened.

A layout with ``tables`` says by itself what the extract is made of, and needs no code at all; a
file of the same form can be given as ``--system my-register.json``.
"""

import csv
import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from blindlink import validation
from blindlink.errors import InputError
from blindlink.files import read_bytes
from blindlink.messages.fields import STRICT

SYSTEMS: Final = ("ndelius", "ndtms", "nomis")
HINT: Final = "see docs/how-to/import-an-extract.md"
_LIMIT = 1 << 20


class _Column(BaseModel):
    """``source`` is a key of the layout's sources, perhaps with the place there."""

    model_config = STRICT
    optional: bool = False
    source: str = Field(min_length=1)


class Text(_Column):
    """Whatever stands there, without blanks at its ends; an ``id`` as ``spellings`` has it."""

    kind: Literal["id", "text"]


class Name(_Column):
    """A name; what source systems write into one counts as missing."""

    kind: Literal["name"]


class Initial(_Column):
    """One letter."""

    kind: Literal["initial"]


class Date(_Column):
    """A day in any form of ``spellings``; of a ``birth`` that does not exist the parts stay."""

    kind: Literal["date"]
    birth: bool = False


class Number(_Column):
    """A number from ``low`` to ``high``, both included; ``unit`` may follow it."""

    kind: Literal["number"]
    low: int
    high: int
    decimals: bool = False
    unit: str = ""


class Code(_Column):
    """A value of a code list.

    ``keep``: a pattern of codes that pass though no list has them. ``number``: a pattern that takes
    a code out of a longer text; ``rest`` is the word of such a code that no list has.
    """

    kind: Literal["code"]
    codes: str
    keep: str | None = None
    number: str | None = None
    rest: str | None = None


class Postcode(_Column):
    """A postcode, full or its outward part; a sector (SR1 2) gives its outward part."""

    kind: Literal["postcode"]
    part: Literal["full", "outward"]


class Authority(_Column):
    """A local authority by name or by code; the present name is written."""

    kind: Literal["authority"]


Column = Annotated[
    Text | Name | Initial | Date | Number | Code | Postcode | Authority,
    Field(discriminator="kind"),
]


class CodeList(BaseModel):
    """``values``: raw code to the contract's word; an empty word is a code for "not known"."""

    model_config = STRICT
    source: str = Field(min_length=1)
    values: dict[str, str]


class Consent(BaseModel):
    """Which column says whether a person consents; only the word ``yes`` does."""

    model_config = STRICT
    file: str
    column: str
    codes: str
    yes: str


class Deleted(BaseModel):
    """Which column of every file says that a row is live; any other word leaves the row out."""

    model_config = STRICT
    column: str
    codes: str
    live: str


class Made(BaseModel):
    """A table of the extract: columns of a file under their names in the contract."""

    model_config = STRICT
    file: str
    columns: dict[str, str]


class Layout(BaseModel):
    """The raw files of one system: file -> column -> what it holds.

    ``person``: the columns that together name a person. ``whole``: the name of a file that holds
    all files in one. ``codes`` come from the file beside.
    """

    model_config = STRICT
    system: str
    extract: str
    sources: dict[str, str]
    dates: Literal["day first", "month first", "year first"]
    person: list[str] = Field(min_length=1)
    consent: Consent | None = None
    deleted: Deleted | None = None
    whole: str | None = None
    files: dict[str, dict[str, Column]]
    tables: dict[str, Made] | None = None
    codes: dict[str, CodeList] = {}

    @model_validator(mode="after")
    def _sourced(self) -> "Layout":
        for file, columns in self.files.items():
            for name, column in columns.items():
                if column.source.partition(":")[0] not in self.sources:
                    raise ValueError(f"{file}.{name}: has no source that the layout names")
        for made in (self.tables or {}).values():
            if made.file not in self.files or set(made.columns) - set(self.files[made.file]):
                raise ValueError(f"a table is made of what {made.file} has not")
        return self


def load_layout(system: str, own_codes: Path | None = None) -> Layout:
    """The shipped layout of a system, or one in a JSON file, with the owner's code lists added.

    Raises InputError.
    """
    layout = _shipped(system) if system in SYSTEMS else _own(Path(system))
    columns = [column for each in layout.files.values() for column in each.values()]
    used = {column.codes for column in columns if isinstance(column, Code)}
    if lacking := sorted(used - layout.codes.keys()):
        raise InputError(f"{system}: has no code list {lacking[0]}", hint=HINT)
    return layout if own_codes is None else _with_own(layout, own_codes)


def _shipped(system: str) -> Layout:
    folder = files(__package__).joinpath("layouts")
    layout = Layout.model_validate_json(folder.joinpath(f"{system}.json").read_bytes())
    lists: dict[str, dict[str, str]] = {}
    for row in csv.DictReader(
        folder.joinpath(f"{system}-codes.csv").read_text("utf-8").splitlines()
    ):
        values = lists.setdefault(row["list"], {})
        values[row["code"]] = row["word"]
        if row["meaning"]:
            values.setdefault(row["meaning"], row["word"])
    shipped = {
        name: CodeList(source=f"layouts/{system}-codes.csv", values=values)
        for name, values in lists.items()
    }
    return layout.model_copy(update={"codes": shipped})


def _own(path: Path) -> Layout:
    if path.suffix != ".json":
        raise InputError(
            f"{path}: is no system",
            hint=f"choose one of {', '.join(SYSTEMS)}, or give a layout (.json)",
        )
    try:
        layout = Layout.model_validate_json(read_bytes(path, limit=_LIMIT))
    except ValidationError as error:
        raise InputError(f"{path}: {validation.first(error, Layout)}", hint=HINT) from None
    if layout.tables is None:
        raise InputError(f"{path}: does not say what its tables are made of", hint=HINT)
    return layout


def _with_own(layout: Layout, path: Path) -> Layout:
    lists = _code_lists(path)
    unknown = sorted(lists.keys() - layout.codes.keys())
    if unknown:
        raise InputError(
            f"{path}: {unknown[0]} is no code list of {layout.system}",
            hint=f"its code lists are {', '.join(layout.codes)}",
        )
    merged = dict(layout.codes)
    for name, own in lists.items():
        shipped = layout.codes[name].values
        if layout.consent and name == layout.consent.codes:
            _check_consent(own.values, shipped, layout.consent.yes, path)
        known = {key.casefold() for key in own.values}
        kept = {key: word for key, word in shipped.items() if key.casefold() not in known}
        merged[name] = CodeList(source=own.source, values={**kept, **own.values})
    return layout.model_copy(update={"codes": merged})


def _check_consent(own: dict[str, str], shipped: dict[str, str], yes: str, path: Path) -> None:
    closed = {key.casefold() for key, word in shipped.items() if word != yes}
    if any(word == yes and key.casefold() in closed for key, word in own.items()):
        raise InputError(
            f"{path}: takes a refusal for a consent",
            hint="your own list may add codes; it cannot open what the shipped one closes",
        )


def _code_lists(path: Path) -> dict[str, CodeList]:
    adapter: TypeAdapter[Any] = TypeAdapter(dict[str, CodeList])
    try:
        found: dict[str, CodeList] = adapter.validate_python(
            json.loads(read_bytes(path, limit=_LIMIT))
        )
    except (ValueError, ValidationError):
        raise InputError(f"{path}: is not a file of code lists", hint=HINT) from None
    return found
