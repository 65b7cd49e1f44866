"""Layouts: the files and columns of a source system and its code lists, as shipped data.

An owner's own code lists take the place of the shipped ones: ``{"RFLS": {"source": "...",
"values": {"5": "arrest_referral"}}}``.
"""

import json
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from blindlink.errors import InputError
from blindlink.files import read_bytes
from blindlink.messages.fields import STRICT

SYSTEMS: Final = ("ndelius", "ndtms")
_LIMIT = 1 << 20


class Text(BaseModel):
    """Whatever stands there, without blanks at its ends."""

    model_config = STRICT
    kind: Literal["id", "text"]
    optional: bool = False


class Initial(BaseModel):
    """One letter."""

    model_config = STRICT
    kind: Literal["initial"]
    optional: bool = False


class Date(BaseModel):
    """A day as YYYY-MM-DD or DD/MM/YYYY, with or without a time."""

    model_config = STRICT
    kind: Literal["date"]
    optional: bool = False


class Number(BaseModel):
    """A number from ``low`` to ``high``, both included."""

    model_config = STRICT
    kind: Literal["number"]
    low: int
    high: int
    decimals: bool = False
    optional: bool = False


class Code(BaseModel):
    """A value of a code list. ``keep``: a pattern of codes that pass though no list has them."""

    model_config = STRICT
    kind: Literal["code"]
    codes: str
    keep: str | None = None
    optional: bool = False


Column = Annotated[Text | Initial | Date | Number | Code, Field(discriminator="kind")]


class CodeList(BaseModel):
    """``values``: raw code to the contract's word; an empty word is a code for "not known"."""

    model_config = STRICT
    source: str = Field(min_length=1)
    values: dict[str, str]


class Layout(BaseModel):
    """The raw files of one system: file -> column -> what it holds."""

    model_config = STRICT
    system: str
    extract: str
    source: str
    files: dict[str, dict[str, Column]]
    codes: dict[str, CodeList]


def load_layout(system: str, own_codes: Path | None = None) -> Layout:
    """The shipped layout of a system, with the owner's code lists in it. Raises InputError."""
    data = files(__package__).joinpath("layouts", f"{system}.json").read_bytes()
    layout = Layout.model_validate_json(data)
    if own_codes is None:
        return layout
    lists = _code_lists(own_codes)
    unknown = sorted(lists.keys() - layout.codes.keys())
    if unknown:
        raise InputError(
            f"{own_codes}: {unknown[0]} is no code list of {system}",
            hint=f"its code lists are {', '.join(layout.codes)}",
        )
    return layout.model_copy(update={"codes": {**layout.codes, **lists}})


def _code_lists(path: Path) -> dict[str, CodeList]:
    adapter: TypeAdapter[Any] = TypeAdapter(dict[str, CodeList])
    try:
        found: dict[str, CodeList] = adapter.validate_python(
            json.loads(read_bytes(path, limit=_LIMIT))
        )
    except (ValueError, ValidationError):
        raise InputError(
            f"{path}: is not a file of code lists", hint="see docs/how-to/import-an-extract.md"
        ) from None
    return found
