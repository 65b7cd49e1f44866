"""A mapping: which column of an owner's file is which standard name, and how its cells are spelled.

    [columns]
    Surname = "surname"
    "Date of birth" = { name = "date_of_birth", format = "day first" }
    Gender = { name = "sex", codes = { Man = "M", Woman = "F" } }
    "#7" = "postcode"                          # the seventh column, whatever its name

    [tables.events.columns]                    # for a further table of an extract
    Amount = { name = "amount", type = "number" }

``type`` is text (the default), date, number, integer or id; ``format`` (day first, month first,
excel, sas, or one of strptime) goes with a date. A cell that cannot be read so stays as it is: the
command then says its row, as for any other. A column that is not named stays as it is, too.
"""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from blindlink import frames, spellings, validation
from blindlink.errors import InputError
from blindlink.files import read_bytes
from blindlink.schema import everyday

LIMIT = 1 << 20
HINT = "see 'A mapping' in docs/how-to/import-an-extract.md"
_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)


def _form(text: str) -> str:
    if text not in spellings.FORMS and "%" not in text:
        raise ValueError(f"must be one of {', '.join(spellings.FORMS)}, or a format of strptime")
    return text


class Target(BaseModel):
    """What a column of the file is: its standard name, and how its cells are spelled."""

    model_config = _STRICT
    name: Annotated[str, Field(min_length=1, max_length=200)]
    type: Literal["text", "date", "number", "integer", "id"] | None = None
    format: Annotated[str, AfterValidator(_form)] | None = None
    codes: dict[str, str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _sound(self) -> "Target":
        if self.format is not None and self.type not in (None, "date"):
            raise ValueError("a format goes with a date")
        if self.codes is not None and (self.type or self.format):
            raise ValueError("codes go without type and format")
        return self


class _Columns(BaseModel):
    model_config = _STRICT
    columns: dict[str, Target]


class Mapping(BaseModel):
    """``columns`` of the one table of a command, or of identities; ``tables`` of the others."""

    model_config = _STRICT
    columns: dict[str, Target] = {}
    tables: dict[str, _Columns] = {}

    def of(self, table: str | None) -> dict[str, Target]:
        """The columns of a table by their names in the file."""
        if table in self.tables:
            return self.tables[table].columns
        return self.columns if table in (None, "identities") else {}


@dataclass(frozen=True)
class Source:
    """How the tables of a command are read.

    ``names``: the columns of a CSV file without header; ``mapping``: what they are.
    """

    names: tuple[str, ...] | None = None
    mapping: Mapping | None = None

    def read(self, path: Path, table: str | None = None, wanted: Sequence[str] = ()) -> pa.Table:
        """A whole table, see ``pieces``."""
        return pa.concat_tables(list(self.pieces(path, table, wanted)))

    def pieces(
        self, path: Path, table: str | None = None, wanted: Sequence[str] = ()
    ) -> Iterator[pa.Table]:
        """The rows of a table as the mapping has them, in pieces.

        A ``wanted`` column that is not there is looked for in other case, with blanks or hyphens.
        Raises InputError.
        """
        renamed: list[str] | None = None
        targets = self.mapping.of(table) if self.mapping else {}
        for piece in frames.iter_tables(path, names=self.names):
            if renamed is None:
                renamed, chosen = self._renamed(piece.column_names, targets, wanted, path)
            made = piece.rename_columns(renamed)
            for place, target in chosen.items():
                made = made.set_column(place, target.name, spelled(made, target))
            yield made

    def columns(
        self, path: Path, table: str | None = None, wanted: Sequence[str] = ()
    ) -> list[str]:
        """The names of the columns, without reading rows. Raises InputError."""
        names = list(self.names) if self.names else frames.column_names(path)
        targets = self.mapping.of(table) if self.mapping else {}
        return self._renamed(names, targets, wanted, path)[0]

    def _renamed(
        self, names: list[str], targets: dict[str, Target], wanted: Sequence[str], path: Path
    ) -> tuple[list[str], dict[int, Target]]:
        chosen: dict[int, Target] = {}
        result = list(names)
        for source, target in targets.items():
            place = _place(source, names, path)
            if place in chosen:
                raise InputError(f"{path}: the mapping names column {place + 1} twice", hint=HINT)
            chosen[place], result[place] = target, target.name
        made = [target.name for target in targets.values()]
        for name in made:
            if result.count(name) > 1:
                raise InputError(f"{path}: two columns are mapped to {name}", hint=HINT)
        return aligned(result, wanted), chosen


PLAIN = Source()


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file. Raises InputError, which names the place and never what stands there."""
    try:
        document = tomllib.loads(read_bytes(path, limit=LIMIT).decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        raise InputError(f"{path}: is not TOML", hint=HINT) from None
    try:
        return Mapping.model_validate(document)
    except ValidationError as error:
        raise InputError(f"{path}: {validation.first(error, Mapping)}", hint=HINT) from None


def aligned(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The names, with a wanted one that is lacking in place of one that differs in spelling only:
    in case, blanks, hyphens or underscores."""
    result = list(names)
    there = set(names)
    for name in wanted:
        if name in there:
            continue
        same = [place for place, other in enumerate(names) if _plain(other) == _plain(name)]
        if len(same) == 1 and result[same[0]] not in wanted:
            result[same[0]] = name
    return result


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _place(source: str, names: list[str], path: Path) -> int:
    if source in names:
        return names.index(source)
    number = source.removeprefix("#")
    if source.startswith("#") and number.isdecimal() and 1 <= int(number) <= len(names):
        return int(number) - 1
    same = [place for place, name in enumerate(names) if _plain(name) == _plain(source)]
    if len(same) == 1:
        return same[0]
    raise InputError(
        f"{path}: has no column {source}, which the mapping names; it has {everyday.seen(names)}",
        hint=HINT,
    )


def spelled(table: pa.Table, target: Target) -> pa.ChunkedArray:
    cells = frames.text_column(table, target.name)
    if target.codes is None and target.format is None and target.type in (None, "text"):
        return cells
    read = reader(target)
    coded = cells.combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):  # an empty table
        return cells
    words = pa.array([read(value) for value in coded.dictionary.to_pylist()], pa.string())
    return pa.chunked_array([words.take(coded.indices)])


def reader(target: Target) -> Callable[[str], str]:
    """What becomes of a cell; one that cannot be read stays as it is."""
    if target.codes is not None:
        known = codes(target.codes)

        def as_listed(cell: str) -> str:
            found = known(cell)
            return cell if found is None else found

        return as_listed
    if target.type == "date" or target.format is not None:
        read = _date(target.format)
    else:
        plain = {
            "number": spellings.number,
            "integer": spellings.integer,
            "id": spellings.identifier,
        }
        read = plain.get(target.type or "text", str)

    def cell_read(cell: str) -> str:
        if spellings.nothing(cell):
            return ""
        try:
            return read(cell)
        except ValueError:
            return cell

    return cell_read


def codes(values: dict[str, str]) -> Callable[[str], str | None]:
    """What a code stands for: in any case, with or without ``.0`` and zeros in front; or None.

    Two codes of the list that are one number (1 and 01) are told apart, so that 1.0 is neither.
    """
    exact = {key.strip().casefold(): word for key, word in values.items()}
    numbers: dict[str, set[str]] = {}
    for key, word in values.items():
        try:
            numbers.setdefault(spellings.integer(key), set()).add(word)
        except ValueError:
            continue

    def listed(cell: str) -> str | None:
        found = exact.get(cell.strip().casefold())
        if found is not None:
            return found
        try:
            same = numbers.get(spellings.integer(cell), set())
        except ValueError:
            return None
        return next(iter(same)) if len(same) == 1 else None

    return listed


def _date(form: str | None) -> Callable[[str], str]:
    return lambda cell: spellings.day(cell, form).text
