"""Tables in and out: pandas, polars, pyarrow, or whatever streams Arrow; out comes the same kind.

A table is taken without a copy where its library can give Arrow, and its columns are renamed to the
standard names here, before anybody else sees them. No message quotes a cell: Arrow's own would.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from blindlink import validation
from blindlink.api.extras import needs
from blindlink.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from blindlink.mapping import Target

# What columns of a table are: a standard name, or that with how the cells are spelled.
Columns = Mapping[str, str | Mapping[str, Any]]
_SHOWN = 40  # names of columns in a message


class Tabular:
    """What can be had as a table of any kind; ``to_frame`` gives the kind that went in."""

    _kind = "arrow"

    def to_arrow(self) -> "pa.Table":
        """A pyarrow table."""
        raise NotImplementedError

    def to_pandas(self) -> "pd.DataFrame":
        """A pandas data frame. Raises MissingExtraError without pandas."""
        with needs("owner"):
            import pandas
        frame: pandas.DataFrame = self.to_arrow().to_pandas()
        return frame

    def to_polars(self) -> "pl.DataFrame":
        """A polars data frame. Raises MissingExtraError without polars."""
        with needs("polars"):
            import polars
        return polars.DataFrame(self.to_arrow())

    def to_frame(self) -> Any:
        """A table of the kind that went in: pandas, polars, else pyarrow, which DuckDB reads."""
        if self._kind == "pandas":
            return self.to_pandas()
        return self.to_polars() if self._kind == "polars" else self.to_arrow()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """So that DuckDB, polars, pandas and others read it without a copy."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)


def kind_of(frame: Any) -> str:
    """``pandas``, ``polars`` or ``arrow``: what ``to_frame`` shall give back."""
    library = type(frame).__module__.partition(".")[0]
    return library if library in ("pandas", "polars") else "arrow"


def arrow(frame: Any, what: str, columns: Columns | None = None) -> "pa.Table":
    """The frame as an Arrow table under the names that ``columns`` gives: {"DOB": "date_of_birth"}.

    A path is read: CSV, Parquet or Arrow.
    ``what`` names the argument in messages. Raises InputError for what is no table, a column that
    Arrow cannot hold, and a mapping that does not fit.
    """
    from blindlink.frames import from_any, read_table

    if isinstance(frame, str | os.PathLike):
        return renamed(read_table(Path(frame)), what, columns or {})
    try:
        table = from_any(frame)
    except InputError:
        if hasattr(frame, "__arrow_c_stream__"):
            raise
        raise InputError(
            f"{what} is {_kind_in_words(frame)}, not a table",
            hint="give a pandas, polars or pyarrow table, or what streams Arrow, such as DuckDB's",
        ) from None
    return renamed(table, what, columns or {})


def renamed(table: "pa.Table", what: str, columns: Columns) -> "pa.Table":
    """The table under other names, its cells spelled in the standard way where the mapping says how
    they are. Raises InputError, which lists the columns that it saw.
    """
    from blindlink.mapping import spelled

    targets = {name: target_of(to) for name, to in columns.items()}
    absent = [name for name in columns if name not in table.column_names]
    if absent:
        raise InputError(
            f"{what} has no column {' or '.join(absent)}; it has {listed(table.column_names)}",
            hint="columns= maps a name of the table to a standard one: {'DOB': 'date_of_birth'}",
        )
    names = [targets[name].name if name in targets else name for name in table.column_names]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            f"{what} has several columns for {', '.join(twice)}; it has "
            f"{listed(table.column_names)}",
            hint="drop all but one of them, or map them to different names",
        )
    table = table.rename_columns(names)
    for target in targets.values():
        place = names.index(target.name)
        table = table.set_column(place, target.name, spelled(table, target))
    return table


def target_of(to: "str | Mapping[str, Any]") -> "Target":
    """What a mapping says of a column: name, and perhaps type, format or codes; see a mapping file.

    Raises InputError, without a value, for what it cannot say.
    """
    from pydantic import ValidationError

    from blindlink.mapping import HINT, Target

    try:
        return Target.model_validate(to if isinstance(to, str) else dict(to))
    except ValidationError as error:
        raise InputError(f"columns=, {validation.first(error, Target)}", hint=HINT) from None


def column(table: "pa.Table", name: str, what: str) -> "pa.ChunkedArray":
    """A column of a table. Raises InputError, which lists the columns that it saw."""
    if name not in table.column_names:
        raise InputError(
            f"{what} has no column {name}; it has {listed(table.column_names)}",
            hint="check the name of the column",
        )
    return table.column(name)


def listed(names: Sequence[str]) -> str:
    """Names of columns for a message."""
    shown = ", ".join(str(name) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "") or "none"


def _kind_in_words(frame: Any) -> str:
    name = type(frame).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
