"""The register of what is already out: every later output is held against all of it.

    outputs/register.json      name, moment and digests of each release, in order
    outputs/2026-june/tables   its tables as they went out, with their data dictionary

What cannot be read for certain is not taken in, and a register in which something is missing or
changed is refused: a release that is not compared can be subtracted.
"""

import shutil
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from blindlink.analyst.disclosure.differencing import Earlier, load_earlier
from blindlink.errors import FormatError, InputError, OutputError, VerificationError
from blindlink.files import read_bytes, reason, write_text
from blindlink.messages.fields import Digest, Stamp, stamp

INDEX = "register.json"
LIMIT = 64 * 1024 * 1024
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")]


class Released(BaseModel):
    """One release: SHA-256 of each of its tables, by file name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    created: Stamp
    tables: dict[str, Digest]


class Register(BaseModel):
    """All releases, the first one first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["blindlink-output-register-1"] = "blindlink-output-register-1"
    releases: tuple[Released, ...] = ()


def load(folder: Path) -> list[Earlier]:
    """Every release of a register; an empty list where there is none yet.

    Raises FormatError for no register, VerificationError for a table that changed or is missing,
    InputError for one that cannot be read.
    """
    found = []
    for released in _index(folder).releases:
        tables = folder / released.name / "tables"
        if _digests(tables) != released.tables:
            raise VerificationError(
                f"{tables}: is not as it was registered", hint="bring back what was released"
            )
        found.append(load_earlier(folder / released.name))
    return found


def add(folder: Path, output: Path, name: str, *, now: datetime) -> Released:
    """Take a published folder into the register. Raises as ``load``, and OutputError for a name
    that stands there already."""
    register = _index(folder)
    load_earlier(output)
    target = folder / name
    try:
        released = Released(name=name, created=stamp(now), tables=_digests(output / "tables"))
    except ValidationError:
        raise InputError(
            "the name of a release has letters, digits, hyphens and underscores"
        ) from None
    if name in {each.name for each in register.releases} or target.exists():
        raise OutputError(f"{target}: is registered already", hint="choose another name")
    try:
        shutil.copytree(output / "tables", target / "tables")
    except OSError as error:
        raise OutputError(f"{target}: {reason(error)}") from None
    after = Register(releases=(*register.releases, released))
    write_text(folder / INDEX, after.model_dump_json(indent=1) + "\n", force=True)
    return released


def _index(folder: Path) -> Register:
    if not folder.exists():
        return Register()
    if folder.is_dir() and not any(folder.iterdir()):
        return Register()
    try:
        return Register.model_validate_json(read_bytes(folder / INDEX, limit=LIMIT))
    except ValidationError:
        raise FormatError(f"{folder / INDEX}: is not the index of a register") from None


def _digests(tables: Path) -> dict[str, str]:
    try:
        return {
            path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(tables.iterdir())
        }
    except OSError as error:
        raise InputError(f"{tables}: {reason(error)}") from None
