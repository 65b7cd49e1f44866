"""The columns of a table as distinct values and codes, so that every value is worked on once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from blindlink.errors import InputError
from blindlink.formats.schema import LinkageSchema
from blindlink.formats.schema_models import Column
from blindlink.owner.normalise import Step, normalise, step

_SHOWN = 20


@dataclass(frozen=True)
class Coded:
    """A column: row i holds ``values[codes[i]]``. "" means missing."""

    values: list[str]
    codes: npt.NDArray[np.int64]

    def part(self, start: int, stop: int) -> "Coded":
        """These rows alone, with the values that they use."""
        used, codes = np.unique(self.codes[start:stop], return_inverse=True)
        return Coded([self.values[code] for code in used.tolist()], codes)

    def arrow(self) -> pa.Array:
        """The column as Arrow text, null where it is missing."""
        values = pa.array([value or None for value in self.values], pa.string())
        return values.take(pa.array(self.codes))


@dataclass
class Problems:
    """The bad cells of a table, by column and row; raised together at the end."""

    rows: dict[tuple[str, str], npt.NDArray[np.int64]] = field(default_factory=dict)

    def add(self, column: str, rows: npt.NDArray[np.int64], reason: str) -> None:
        """Note cells by 0-based row, once however often they are read."""
        if len(rows):
            before = self.rows.get((column, reason), rows)
            self.rows[column, reason] = np.union1d(before, rows)

    def counts(self) -> dict[str, int]:
        """How many cells of each column are bad, by the column's name."""
        columns: dict[str, npt.NDArray[np.int64]] = {}
        for (column, _), rows in sorted(self.rows.items()):
            columns[column] = np.union1d(columns.get(column, rows), rows)
        return {column: len(rows) for column, rows in columns.items()}

    def check(self) -> None:
        """Raises InputError when any cell was bad; rows are counted from 1."""
        count = sum(len(rows) for rows in self.rows.values())
        if not count:
            return
        found = sorted(
            (int(row) + 1, column, reason)
            for (column, reason), rows in self.rows.items()
            for row in rows[:_SHOWN]
        )[:_SHOWN]
        lines = "; ".join(f"row {row}, {column}: {reason}" for row, column, reason in found)
        more = f"; and {count - len(found)} more" if count > len(found) else ""
        cells = "1 cell is wrong" if count == 1 else f"{count} cells are wrong"
        raise InputError(f"{cells}: {lines}{more}")


def read(table: pa.Table, name: str) -> Coded:
    """A column of the table as text; a null is missing."""
    column = table.column(name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not pa.types.is_string(column.type):
        column = column.cast(pa.string())
    coded = column.fill_null("").combine_chunks().dictionary_encode()
    if isinstance(coded, pa.ChunkedArray):
        coded = coded.combine_chunks() if coded.num_chunks else pa.array([], pa.string())
        coded = coded if pa.types.is_dictionary(coded.type) else coded.dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return Coded(coded.dictionary.to_pylist(), codes)


def mapped(coded: Coded, function: Callable[[str], str], name: str, problems: Problems) -> Coded:
    """The column after a function of its values; a ValueError is a bad cell and gives ""."""
    seen: dict[str, int] = {}
    recode = np.zeros(len(coded.values), np.int64)
    for code, value in enumerate(coded.values):
        try:
            result = function(value)
        except ValueError as error:
            problems.add(name, np.flatnonzero(coded.codes == code), str(error))
            result = ""
        recode[code] = seen.setdefault(result, len(seen))
    return Coded(list(seen), recode[coded.codes])


def first_filled(columns: Sequence[Coded]) -> Coded:
    """Row by row, the first of the columns that is not missing."""
    result = columns[0]
    for other in columns[1:]:
        blank = [code for code, value in enumerate(result.values) if not value]
        empty = np.isin(result.codes, blank)
        codes = np.where(empty, other.codes + len(result.values), result.codes)
        merged = Coded(result.values + other.values, codes)
        result = mapped(merged, str, "", Problems())
    return result


def derive(table: pa.Table, schema: LinkageSchema, problems: Problems) -> dict[str, Coded]:
    """The columns that the schema makes of the table's. Raises SchemaError, InputError."""
    declared = schema.extension.columns if schema.extension else []
    return {column.name: _derived(table, column, problems) for column in declared}


def steps_of(column: Column) -> list[Step]:
    """The normalisation steps of a column. Raises ValueError naming the column."""
    try:
        return [step(each) for each in column.steps]
    except ValueError as error:
        raise ValueError(f"column {column.name}: {error}") from None


def _derived(table: pa.Table, column: Column, problems: Problems) -> Coded:
    steps = steps_of(column)
    there = [name for name in column.sources if name in table.column_names]
    if not there:
        raise InputError(
            f"the schema needs a column {' or '.join(column.sources)}, which the table lacks",
            hint="make the schema again with 'blindlink schema new' from the columns of all owners",
        )
    parts = [
        mapped(read(table, name), lambda value: normalise(value, steps), name, problems)
        for name in there
    ]
    return first_filled(parts)
