"""An extract as a contract: which columns its tables have, and what a cell may hold.

Every cell is text, as it stands in a CSV file; empty means missing. A table is checked column by
column on its distinct values: a column of a million dates has about two thousand of them. The
contracts themselves belong to a study: see ``blindlink.studies``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import pyarrow as pa
from pydantic import BaseModel, TypeAdapter, ValidationError

from blindlink.errors import InputError

DRAFT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class Contract:
    """What an owner hands to blindlink: a model of one row for each table, fields in order."""

    name: str
    tables: Mapping[str, type[BaseModel]]

    def columns(self, table: str, there: Iterable[str] | None = None) -> list[str]:
        """The columns of a table, in order; of those that may be absent only what is ``there``."""
        fields = self.tables[table].model_fields
        names = None if there is None else set(there)
        return [
            name
            for name, field in fields.items()
            if field.is_required() or (names is not None and name in names)
        ]

    def check_table(self, table: str, data: pa.Table) -> None:
        """Raises InputError at the first column that breaks the contract, never with a value."""
        wanted = self.columns(table, data.column_names)
        if data.column_names != wanted:
            raise InputError(f"table {table}: its columns are not {', '.join(wanted)}")
        hints = get_type_hints(self.tables[table], include_extras=True)
        for name in wanted:
            adapter: TypeAdapter[Any] = TypeAdapter(hints[name])
            values = data.column(name).unique().cast(pa.string()).to_pylist()
            wrong = sum(not _fits(adapter, value or "") for value in values)
            if wrong:
                raise InputError(
                    f"table {table}, column {name}: {wrong} different values break the contract",
                    hint=f"see schemas/extract-{self.name}.json",
                )

    def json_schema(self) -> dict[str, Any]:
        """The JSON Schema of the extract; validate a row of a table against #/$defs/TABLE."""
        return {
            "$schema": DRAFT,
            "title": f"{self.name.capitalize()} extract",
            "description": "The tables that the owner hands to blindlink. Every cell is text, as "
            "it stands in a CSV file; empty means missing. Validate a row of a table against "
            "#/$defs/TABLE.",
            "$defs": {name: model.model_json_schema() for name, model in self.tables.items()},
        }


def _fits(adapter: TypeAdapter[Any], value: object) -> bool:
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True
