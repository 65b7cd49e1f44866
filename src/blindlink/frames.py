"""Tables in and out: CSV, CSV.gz, Parquet and Arrow files as Arrow tables, strictly read.

Cells of CSV files stay text, exactly as they stand: types are the business of whoever knows the
columns. Problems are reported by row and column, never by value.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from blindlink.errors import InputError
from blindlink.files import reason, replacing

FORMATS = ".csv, .csv.gz, .parquet, .arrow or .feather"
_INDEX = re.compile(r"__index_level_\d+__$")  # what pandas calls an index without a name
_SAMPLE = 1 << 20
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_table(path: Path) -> pa.Table:
    """A whole table; text columns for CSV, the file's own types otherwise. Raises InputError."""
    return pa.concat_tables(list(iter_tables(path)))


def iter_tables(path: Path, *, block_size: int = 1 << 24) -> Iterator[pa.Table]:
    """The rows of a table in order, in pieces of about ``block_size`` bytes (CSV) or a record batch
    (Parquet, Arrow), so that memory does not grow with the file. There is at least one piece,
    perhaps without rows. Raises InputError, perhaps late: a fault in the last row shows when it is
    reached.
    """
    kind = _kind(path)
    with _reading(path, kind):
        if kind == "CSV":
            yield from _csv_pieces(path, block_size)
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
    """The names of a table's columns, without reading its rows. Raises InputError."""
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
    """A column as text, empty where it is null; dates as YYYY-MM-DD. Shape: one item per row."""
    values = table.column(column)
    if not pa.types.is_string(values.type):
        values = values.cast(pa.string())
    return [value or "" for value in values.to_pylist()]


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
        table = pa.table(data)
        return table.select([name for name in table.column_names if not _INDEX.match(name)])
    raise InputError(
        f"cannot read a table from {type(data).__name__}",
        hint="give a pandas, polars or pyarrow table",
    )


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


def _header(path: Path) -> list[str]:
    with _open(path) as file:
        if file.read(2) in _UTF16_MARKS:
            raise InputError(f"{path}: is UTF-16, not UTF-8", hint="save it again as CSV UTF-8")
    with _open(path) as file:
        lines = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        names: list[str] = next(csv.reader(lines, strict=True), [])
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


def _csv_pieces(path: Path, block_size: int) -> Iterator[pa.Table]:
    names = _header(path)
    ragged: list[int] = []

    def note(row: Any) -> str:
        ragged.append(row.number)
        return "skip"

    convert = pa.csv.ConvertOptions(
        column_types={name: pa.string() for name in names}, strings_can_be_null=False
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note)
    read = pa.csv.ReadOptions(use_threads=False, block_size=block_size)
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
        raise _ragged(path, ragged, len(names))


def _ragged(path: Path, rows: list[int], cells: int) -> InputError:
    # Arrow counts the header as row 1.
    first = ", ".join(str(number - 1) for number in rows[:5])
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
