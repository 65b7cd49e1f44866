"""What attackers guess about a person, as far as the table has it."""

from typing import Any

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bools
from blindlink.owner.encoding.columns import Coded, derive, mapped, read
from blindlink.owner.encoding.plan import compile_schema
from blindlink.owner.encoding.problems import Problems
from blindlink.schema.document import LinkageSchema, parse_schema

_DATE: list[Any] = ["date"]
_WANTED: dict[str, tuple[list[str], list[Any]]] = {
    "sex": (["sex"], ["sex"]),
    "first initial": (["first_initial", "forename"], ["name", "initial"]),
    "last initial": (["last_initial", "surname"], ["name", "initial"]),
    **{
        f"birth {part}": (["date_of_birth"], [*_DATE, {"step": "date_part", "part": part}])
        for part in ("year", "month", "day")
    },
}
_FEW = 100


def attributes(table: pa.Table, schema: LinkageSchema | None) -> dict[str, Coded]:
    """Sex, initials and the parts of the date of birth; of a table with other columns, what its
    schema encodes: the value itself where there are few, else its first character.
    """
    there = {
        name: (sources, steps)
        for name, (sources, steps) in _WANTED.items()
        if not set(sources).isdisjoint(table.column_names)
    }
    found = _standard(table, there) if there else {}
    if len(found) < 2 and schema is not None:
        plan = compile_schema(schema)[0]
        for feature in plan.features:
            if feature.column in table.column_names and feature.column not in found:
                found[feature.column] = _few(table, feature.column)
    return found


def lacking(table: pa.Table, schema: LinkageSchema) -> dict[str, Bools]:
    """Which rows lack each column that the schema encodes or makes a match key of."""
    columns = derive(table, schema, Problems())
    for feature in compile_schema(schema)[0].features:
        if feature.column not in columns and feature.column in table.column_names:
            columns[feature.column] = read(table, feature.column)
    return {name: known_codes(column) < 0 for name, column in columns.items()}


def _standard(table: pa.Table, wanted: dict[str, tuple[list[str], list[Any]]]) -> dict[str, Coded]:
    columns = [
        {"name": name, "from": sources, "steps": steps} for name, (sources, steps) in wanted.items()
    ]
    document = {
        "version": 3,
        "clkConfig": {"l": 1024, "kdf": {"type": "HKDF"}},
        "features": [],
        "blindlink": {
            "version": 1,
            "profile": "attributes",
            "columns": columns,
            "composites": [{"fields": list(wanted), "bitsPerToken": 1}],
        },
    }
    return derive(table, parse_schema(document), Problems())


def _few(table: pa.Table, name: str) -> Coded:
    column = read(table, name)
    if len(column.values) <= _FEW:
        return column
    return mapped(column, lambda value: value[:1], name, Problems())


def known_codes(column: Coded) -> np.ndarray:
    """The codes of a column, -1 where it is missing."""
    blank = np.array([not value for value in column.values], bool)
    return np.where(blank[column.codes], -1, column.codes)
