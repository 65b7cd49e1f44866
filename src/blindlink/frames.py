"""Tables in and out: CSV, CSV.gz, Parquet and Arrow files as Arrow tables, strictly read.

Cells of CSV files stay text, exactly as they stand: types are the business of whoever knows the
columns. Problems are reported by row and column, never by value.
"""

import csv
import gzip
import io
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from blindlink.errors import InputError
from blindlink.files import reason, replacing

FORMATS = ".csv, .csv.gz, .parquet, .arrow or .feather"
_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def read_table(path: Path) -> pa.Table:
    """A whole table; text columns for CSV, the file's own types otherwise. Raises InputError."""
    kind = _kind(path)
    try:
        if kind == "csv":
            return _read_csv(path)
        if kind == "parquet":
            table = pa.parquet.read_table(path)
        else:
            table = pa.feather.read_table(path)
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}", hint="check the path") from None
    except pa.ArrowException:
        raise InputError(f"{path}: not a readable {kind} file") from None
    _check_names(path, table.column_names)
    return table


def column_names(path: Path) -> list[str]:
    """The names of a table's columns, without reading its rows. Raises InputError."""
    kind = _kind(path)
    try:
        if kind == "csv":
            return _header(path)
        names = (
            pa.parquet.read_schema(path).names if kind == "parquet" else read_table(path).column_names
        )
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}", hint="check the path") from None
    except pa.ArrowException:
        raise InputError(f"{path}: not a readable {kind} file") from None
    _check_names(path, names)
    return list(names)


def write_table(
    table: pa.Table, path: Path, *, inputs: Iterable[Path] = (), force: bool = False
) -> None:
    """Write a table in the format of the path's ending, whole or not at all. Raises OutputError."""
    kind = _kind(path)
    with replacing(path, inputs=inputs, force=force) as draft:
        if kind == "parquet":
            pa.parquet.write_table(table, draft)
        elif kind == "arrow":
            pa.feather.write_feather(table, str(draft))
        else:
            with draft.open("wb") as file:
                write_csv(table, file, compressed=path.name.endswith(".gz"))


def write_csv(table: pa.Table, file: IO[bytes], *, compressed: bool = False) -> None:
    """CSV with a header, minimal quoting and \\n line ends, into an open binary file."""
    options = pa.csv.WriteOptions(quoting_style="needed", quoting_header="needed")
    if compressed:
        with gzip.GzipFile(fileobj=file, mode="wb", mtime=0) as packed:
            pa.csv.write_csv(table, packed, options)
    else:
        pa.csv.write_csv(table, file, options)


def texts(table: pa.Table, column: str) -> list[str]:
    """A column as text, empty where it is null; dates as YYYY-MM-DD. Shape: one item per row."""
    values = table.column(column)
    if not pa.types.is_string(values.type):
        values = values.cast(pa.string())
    return [value or "" for value in values.to_pylist()]


def from_any(data: Any) -> pa.Table:
    """A pandas or polars data frame, or an Arrow table, as an Arrow table. Raises InputError."""
    if isinstance(data, pa.Table):
        return data
    if hasattr(data, "to_arrow"):
        return data.to_arrow()
    if hasattr(data, "__arrow_c_stream__"):
        return pa.table(data)
    raise InputError(
        f"cannot read a table from {type(data).__name__}",
        hint="give a pandas, polars or pyarrow table",
    )


def _kind(path: Path) -> str:
    name = path.name.lower()
    for ending, kind in ((".csv", "csv"), (".csv.gz", "csv"), (".parquet", "parquet")):
        if name.endswith(ending):
            return kind
    if name.endswith((".arrow", ".feather")):
        return "arrow"
    raise InputError(f"{path}: unknown kind of table", hint=f"use a file that ends in {FORMATS}")


def _open(path: Path) -> IO[bytes]:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def _header(path: Path) -> list[str]:
    with _open(path) as file:
        start = file.read(2)
        if start in _MARKS:
            raise InputError(
                f"{path}: is {_MARKS[start]}, not UTF-8", hint="save it again as CSV UTF-8"
            )
    with _open(path) as file:
        try:
            rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8-sig", newline=""), strict=True)
            names = next(rows, [])
        except UnicodeDecodeError:
            raise _not_utf8(path) from None
        except (csv.Error, EOFError, gzip.BadGzipFile):
            raise InputError(f"{path}: its header is not readable as CSV") from None
    if not names:
        raise InputError(f"{path}: is empty", hint="the first line must name the columns")
    _check_names(path, names)
    return names


def _check_names(path: Path, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path}: column {', '.join(twice)} stands twice in the header")
    if any(not name.strip() for name in names):
        raise InputError(f"{path}: a column of the header has no name")


def _read_csv(path: Path) -> pa.Table:
    names = _header(path)
    ragged: list[int] = []

    def note(row: Any) -> str:
        ragged.append(row.number or 0)
        return "skip"

    convert = pa.csv.ConvertOptions(
        column_types={name: pa.string() for name in names},
        strings_can_be_null=False,
        check_utf8=True,
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note)
    read = pa.csv.ReadOptions(use_threads=False)
    try:
        with _open(path) as file:
            table = pa.csv.read_csv(file, read, parse, convert)
    except pa.ArrowException as error:
        if "UTF8" in str(error):
            raise _not_utf8(path) from None
        raise InputError(f"{path}: not readable as CSV") from None
    except (EOFError, gzip.BadGzipFile):
        raise InputError(f"{path}: the compressed file is damaged") from None
    if ragged:
        rows = ", ".join(str(number - 1) for number in ragged[:5])
        more = f" and {len(ragged) - 5} more" if len(ragged) > 5 else ""
        raise InputError(
            f"{path}: {len(ragged)} rows do not have {len(names)} cells (data row {rows}{more})"
        )
    return table


def _not_utf8(path: Path) -> InputError:
    return InputError(f"{path}: is not UTF-8 text", hint="save it again as CSV UTF-8")
