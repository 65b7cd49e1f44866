"""The operator's settings: one TOML file, overridden by the environment, overridden by options.

    [limits]                      BLINDLINK_LIMITS_RATE=50          --set limits.rate=50
    rate = 50

What a setting means and what it is without one stands in docs/reference/service-settings.md, which
is written from ``settings.py``. An unknown name or a value of another kind is refused, so that a
limit that somebody believes in is one.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from blindlink.errors import InputError
from blindlink.files import read_bytes
from blindlink.service.settings import Connections, Limits, People, Sessions, Work

PREFIX = "BLINDLINK_"
LIMIT = 64 * 1024
HINT = "see docs/reference/service-settings.md"


@dataclass(frozen=True)
class Configured:
    """What the operator set."""

    limits: Limits = field(default_factory=Limits)
    work: Work = field(default_factory=Work)
    sessions: Sessions = field(default_factory=Sessions)
    connections: Connections = field(default_factory=Connections)
    people: People = field(default_factory=People)


def load(file: Path | None, environment: Mapping[str, str], pairs: Iterable[str]) -> Configured:
    """The settings of a file, the environment and ``section.name=value`` pairs, in this order.

    Raises InputError.
    """
    found = Configured()
    for where, section, name, value in (*_file(file), *_environment(environment), *_pairs(pairs)):
        found = _with(found, where, section, name, value)
    return found


Given = tuple[str, str, str, Any]


def _file(file: Path | None) -> Iterator[Given]:
    if file is None:
        return
    try:
        document = tomllib.loads(read_bytes(file, limit=LIMIT).decode())
    except ValueError as error:
        raise InputError(f"{file}: not TOML ({error})", hint=HINT) from None
    for section, values in document.items():
        if not isinstance(values, dict):
            raise InputError(f"{file}: {section}: is no section", hint=HINT)
        for name, value in values.items():
            yield f"{file}: {section}.{name}", section, name, value


def _environment(environment: Mapping[str, str]) -> Iterator[Given]:
    for section in fields(Configured):
        for each in fields(getattr(Configured(), section.name)):
            variable = f"{PREFIX}{section.name}_{each.name}".upper()
            if variable in environment:
                yield variable, section.name, each.name, _number(environment[variable], variable)


def _pairs(pairs: Iterable[str]) -> Iterator[Given]:
    for pair in pairs:
        place, mark, value = pair.partition("=")
        section, dot, name = place.partition(".")
        if not mark or not dot:
            raise InputError(f"{pair}: not section.name=value", hint=HINT)
        yield place, section, name, _number(value, place)


def _number(text: str, where: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{where}: not a number", hint=HINT) from None


def _with(found: Configured, where: str, section: str, name: str, value: Any) -> Configured:
    known = {each.name for each in fields(Configured)}
    group = getattr(found, section) if section in known else None
    if group is None or name not in {each.name for each in fields(group)}:
        raise InputError(f"{where}: there is no such setting", hint=HINT)
    whole = type(getattr(group, name)) is int
    if isinstance(value, bool) or not isinstance(value, int | (int if whole else float)):
        raise InputError(f"{where}: wants {'a whole number' if whole else 'a number'}", hint=HINT)
    if not 0 <= value < 2**53:
        raise InputError(f"{where}: is negative or too large", hint=HINT)
    changed = replace(group, **{name: value if whole else float(value)})
    return replace(found, **{section: changed})
