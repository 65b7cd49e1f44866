"""Tables in and out: CSV, CSV.gz, Parquet and Arrow files as Arrow tables, strictly read.

Cells of CSV files stay text, exactly as they stand: types are the business of whoever knows the
columns. Problems are reported by row and column, never by value, and a column that nobody knows yet
by its number: the first line of a file without header is a person.

A CSV file is separated by commas, semicolons, tabs or bars; which, its first line says
(``delimiter``). Blank lines are no rows. The last line may lack its end.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from blindlink.errors import InputError
from blindlink.files import reason, replacing

HEADER: Final = "line 1 must name the columns; for a file without names say --columns or --map"
ENDINGS = (".csv", ".csv.gz", ".parquet", ".arrow", ".feather")
FORMATS = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
_INDEX = re.compile(r"__index_level_\d+__$")  # what pandas calls an index without a name
_SAMPLE = 1 << 20
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def read_table(path: Path, names: Sequence[str] | None = None) -> pa.Table:
    """A whole table; text columns for CSV, the file's own types otherwise. Raises InputError.

    ``names`` are the columns of a CSV file that has no header: its first line is then a row.
    """
    return pa.concat_tables(list(iter_tables(path, names=names)))


def iter_tables(
    path: Path, *, block_size: int = 1 << 24, names: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """The rows of a table in order, in pieces of about ``block_size`` bytes (CSV) or a record batch
    (Parquet, Arrow), so that memory does not grow with the file. There is at least one piece,
    perhaps without rows. ``names`` as in ``read_table``. Raises InputError, perhaps late: a fault
    in the last row shows when it is reached.
    """
    kind = _kind(path)
    _check_headerless(path, kind, names)
    with _reading(path, kind):
        if kind == "CSV":
            yield from _csv_pieces(path, block_size, names)
        elif kind == "Parquet":
            yield from _parquet_pieces(path)
        else:
            yield from _arrow_pieces(path)


def rebatch(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of ``rows`` rows, the last one shorter; at least one table."""
    waiting: list[pa.Table] = []
    held, given = 0, False
    for table in tables:
        waiting.append(table)
        held += len(table)
        if held < rows:
            continue
        whole = _stacked(waiting)
        for start in range(0, held - rows + 1, rows):
            yield whole.slice(start, rows)
        waiting, held, given = [whole.slice(held - held % rows)], held % rows, True
    if held or not given:
        yield _stacked(waiting)


def _stacked(tables: list[pa.Table]) -> pa.Table:
    # A column without a value in one of them has no type there.
    return pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})


def find_table(folder: Path, name: str) -> Path:
    """The file of a folder that holds the table ``name``. Raises InputError unless there is one."""
    found = [path for path in (folder / f"{name}{ending}" for ending in ENDINGS) if path.exists()]
    if len(found) != 1:
        what = "several files hold" if found else "no file holds"
        raise InputError(
            f"{folder}: {what} the table {name}", hint=f"put one file there, such as {name}.csv"
        )
    return found[0]


def count_rows(path: Path) -> int:
    """The rows of a table, without reading all of them; an estimate for CSV, from its first part.

    Raises InputError.
    """
    kind = _kind(path)
    with _reading(path, kind):
        if kind == "Parquet":
            rows: int = pa.parquet.read_metadata(path).num_rows
            return rows
        if kind == "CSV":
            return _estimated(path)
        return sum(len(piece) for piece in _arrow_pieces(path))


def _estimated(path: Path) -> int:
    with path.open("rb") as raw:
        packed = path.name.lower().endswith(".gz")
        file: IO[bytes] = cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if packed else raw
        sample = file.read(_SAMPLE)
        if len(sample) < _SAMPLE:
            return max(0, sample.count(b"\n") - 1)
        return sample.count(b"\n") * path.stat().st_size // max(raw.tell(), 1)


def column_names(path: Path) -> list[str]:
    """The names of a table's columns, without reading its rows. Raises InputError.

    They are as secret as a row: a file without header has a person there.
    """
    kind = _kind(path)
    with _reading(path, kind):
        if kind == "CSV":
            return _header(path)
        if kind == "Parquet":
            names = list(pa.parquet.read_schema(path).names)
            _check_names(path, names)
        else:
            names = next(_arrow_pieces(path)).column_names
    return names


def write_table(
    table: pa.Table, path: Path, *, inputs: Iterable[Path] = (), force: bool = False
) -> None:
    """Write a table in the format of the path's ending, whole or not at all. Raises OutputError."""
    kind = _kind(path)
    with replacing(path, inputs=inputs, force=force) as draft:
        if kind == "Parquet":
            pa.parquet.write_table(table, draft)
        elif kind == "Arrow":
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
    """A column as text, empty where it is null; dates as YYYY-MM-DD. Shape: one item per row.

    Raises InputError where its type cannot be one of cells (``text_column``).
    """
    return [value or "" for value in text_column(table, column).to_pylist()]


def text_column(table: pa.Table, column: str) -> pa.ChunkedArray:
    """A column as Arrow text, null where it is missing, of whatever type it is.

    A time stamp becomes its date, in its own zone; a float with a whole value loses nothing and
    keeps its ``.0``, which ``spellings`` knows; a category its word. A list, a struct or bytes that
    are no UTF-8 can be no cell: InputError names the column, and never shows what is in it.
    """
    values = table.column(column)
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        raise _no_cells(column, "a type of its own")
    if pa.types.is_dictionary(kind):
        return text_column(_decoded(table, column), column)
    if pa.types.is_string(kind):
        return values
    if not _has_cells(kind):
        raise _no_cells(column, "lists, records or unreadable bytes")
    try:
        if pa.types.is_timestamp(kind):
            local = pc.local_timestamp(values) if kind.tz else values
            values = local.cast(pa.date32(), safe=False)
        return values.cast(pa.string())
    except (pa.ArrowException, UnicodeDecodeError):
        raise _no_cells(column, "cells that are no text") from None


def _decoded(table: pa.Table, column: str) -> pa.Table:
    values = table.column(column)
    place = table.column_names.index(column)
    try:
        return table.set_column(place, column, values.cast(values.type.value_type))
    except pa.ArrowException:
        raise _no_cells(column, "categories of several kinds") from None


def _has_cells(kind: pa.DataType) -> bool:
    """Whether values of this type are cells of a table."""
    known = pa.types
    return any(
        test(kind)
        for test in (
            *(known.is_null, known.is_boolean, known.is_integer, known.is_floating),
            *(known.is_decimal, known.is_date, known.is_timestamp, known.is_time),
            *(known.is_large_string, known.is_string_view, known.is_binary, known.is_large_binary),
        )
    )


def _no_cells(column: str, what: str) -> InputError:
    return InputError(
        f"column {column}: holds {what}, not cells of a table",
        hint="write it as text, a number or a date",
    )


def from_any(data: Any) -> pa.Table:
    """A pandas or polars data frame, or an Arrow table or batch, as an Arrow table.

    Raises InputError. The index of a pandas frame is no column.
    """
    if isinstance(data, pa.Table):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if hasattr(data, "to_arrow"):
        return data.to_arrow()
    if hasattr(data, "__arrow_c_stream__"):
        table = _converted(data)
        return table.select([name for name in table.column_names if not _INDEX.match(name)])
    raise InputError(
        f"cannot read a table from {type(data).__name__}",
        hint="give a pandas, polars or pyarrow table",
    )


def _converted(data: Any) -> pa.Table:
    """A frame of another library as Arrow; its own messages quote cells."""
    try:
        return pa.table(data)
    except (pa.ArrowException, ValueError, TypeError):
        pass
    names = [str(name) for name in getattr(data, "columns", ())]
    _check_names("table", names)
    for number, name in enumerate(names, start=1):
        try:
            pa.table(data[[name]])
        except (pa.ArrowException, ValueError, TypeError, KeyError):
            raise InputError(
                f"column {number} of the table holds values of several kinds, or of none that is a "
                "cell",
                hint="make it text: frame[column].astype(str), with empty cells as missing",
            ) from None
    raise InputError("the table cannot be read", hint="give a pandas, polars or pyarrow table")


def delimiter(path: Path) -> str:
    """What separates the cells of a CSV file: of the four, the one that the first line has most of.

    A comma where it has none, or where commas are there as well. "," for any other kind of file.
    """
    if _kind(path) != "CSV":
        return ","
    with _reading(path, "CSV"):
        return _delimiter(path)


def _delimiter(path: Path) -> str:
    with _open(path) as file:
        line = file.readline(_SAMPLE).decode("utf-8-sig", errors="replace")
    if not line.strip():
        return ","
    cells = {mark: len(next(csv.reader([line], delimiter=mark), [])) for mark in DELIMITERS}
    if cells[","] > 1:
        return ","
    return max(cells, key=lambda mark: cells[mark])


def _check_headerless(path: Path, kind: str, names: Sequence[str] | None) -> None:
    if names is None:
        return
    if kind != "CSV":
        raise InputError(
            f"{path}: has names of its own", hint="names are given for CSV files without a header"
        )
    _check_names(path, list(names))


def _kind(path: Path) -> str:
    name = path.name.lower()
    if name.endswith((".csv", ".csv.gz")):
        return "CSV"
    if name.endswith(".parquet"):
        return "Parquet"
    if name.endswith((".arrow", ".feather")):
        return "Arrow"
    raise InputError(f"{path}: unknown kind of table", hint=f"use a file that ends in {FORMATS}")


@contextmanager
def _reading(path: Path, kind: str) -> Iterator[None]:
    """Turns what the readers raise into InputError: their own messages quote cells of the file."""
    not_utf8 = InputError(f"{path}: is not UTF-8 text", hint="save it again as CSV UTF-8")
    try:
        yield
    except UnicodeDecodeError:
        raise not_utf8 from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(f"{path}: the compressed file is damaged") from None
    except pa.ArrowException as error:
        if "UTF8" in str(error):
            raise not_utf8 from None
        raise InputError(f"{path}: not readable as {kind}") from None
    except csv.Error:
        raise InputError(f"{path}: its header is not readable as CSV") from None
    except OSError as error:
        if error.errno is None:  # Arrow's, of a compressed stream
            raise InputError(f"{path}: the compressed file is damaged") from None
        raise InputError(f"{path}: {reason(error)}", hint="check the path") from None


def _open(path: Path) -> IO[bytes]:
    if path.name.lower().endswith(".gz"):
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def _header(path: Path, checked: bool = True) -> list[str]:
    with _open(path) as file:
        if file.read(2) in _UTF16_MARKS:
            raise InputError(f"{path}: is UTF-16, not UTF-8", hint="save it again as CSV UTF-8")
    mark = _delimiter(path)
    with _open(path) as file:
        lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        names: list[str] = next(
            (row for row in csv.reader(lines, delimiter=mark, strict=True) if row), []
        )
    if not names:
        raise InputError(f"{path}: is empty", hint="the first line must name the columns")
    if checked:
        _check_names(path, names)
    return names


def _check_names(where: Path | str, names: list[str]) -> None:
    """Refuses names that say nothing or stand twice: by number, for they may be a person's."""
    for number, name in enumerate(names, start=1):
        if not name.strip():
            raise InputError(f"{where}: column {number} of the header has no name", hint=HEADER)
        if name in names[: number - 1]:
            first = names.index(name) + 1
            raise InputError(
                f"{where}: column {number} has the name of column {first}", hint=HEADER
            )


def _csv_pieces(path: Path, block_size: int, given: Sequence[str] | None) -> Iterator[pa.Table]:
    first = _header(path, checked=given is None)
    names = first if given is None else list(given)
    if len(first) != len(names):
        raise InputError(f"{path}: has {len(first)} columns; {len(names)} names are given")
    ragged: list[int] = []

    def note(row: Any) -> str:
        ragged.append(row.number)
        return "skip"

    convert = pa.csv.ConvertOptions(
        column_types={name: pa.string() for name in names}, strings_can_be_null=False
    )
    parse = pa.csv.ParseOptions(
        delimiter=_delimiter(path), newlines_in_values=True, invalid_row_handler=note
    )
    read = pa.csv.ReadOptions(use_threads=False, block_size=block_size, column_names=given)
    if given is None and _header_only(path):
        yield pa.table({name: pa.array([], pa.string()) for name in names})
        return
    # Arrow's own file: its threads must not need Python, which may be ending, to let go of it.
    packed = "gzip" if path.name.lower().endswith(".gz") else None
    with (
        pa.input_stream(str(path), compression=packed) as file,
        pa.csv.open_csv(file, read, parse, convert) as reader,
    ):
        yield reader.schema.empty_table()
        for batch in reader:
            yield pa.Table.from_batches([batch])
    if ragged:
        raise _ragged(path, ragged, len(names), 1 if given is None else 0)


def _header_only(path: Path) -> bool:
    """Whether the file is one line that does not end, in which Arrow sees no table."""
    with _open(path) as file:
        line = file.readline(_SAMPLE + 1)
        return len(line) <= _SAMPLE and not line.endswith((b"\n", b"\r")) and b"\r" not in line


def _ragged(path: Path, rows: list[int], cells: int, header: int) -> InputError:
    # Arrow counts the header as row 1.
    first = ", ".join(str(number - header) for number in rows[:5])
    more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
    return InputError(f"{path}: data row {first}{more}: not {cells} cells, as the header has")


def _arrow_pieces(path: Path) -> Iterator[pa.Table]:
    with pa.OSFile(str(path)) as source:
        try:
            reader = pa.ipc.open_file(source)
        except pa.ArrowInvalid:  # a stream has no footer; an old Feather file is neither
            source.seek(0)
            yield from _stream_pieces(path, source)
            return
        _check_names(path, reader.schema.names)
        yield reader.schema.empty_table()
        for number in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(number)])


def _stream_pieces(path: Path, source: pa.NativeFile) -> Iterator[pa.Table]:
    with pa.ipc.open_stream(source) as reader:
        _check_names(path, reader.schema.names)
        yield reader.schema.empty_table()
        for batch in reader:
            yield pa.Table.from_batches([batch])


def _parquet_pieces(path: Path) -> Iterator[pa.Table]:
    with pa.parquet.ParquetFile(path) as file:
        _check_names(path, file.schema_arrow.names)
        yield file.schema_arrow.empty_table()
        for batch in file.iter_batches():
            yield pa.Table.from_batches([batch])
