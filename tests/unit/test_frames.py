"""What is read is exactly what stands in the file, and faults name rows, not values."""

import gzip
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from blindlink import frames
from blindlink.errors import InputError, OutputError

SECRET = "Zaphodine"


def write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_csv_cells_stay_text_as_they_stand(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'id,dob,note\n007,1980-01-02,"a ""b"",\nc"\n8,, NULL\n')
    table = frames.read_table(path)
    assert table.to_pylist() == [
        {"id": "007", "dob": "1980-01-02", "note": 'a "b",\nc'},
        {"id": "8", "dob": "", "note": " NULL"},
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"\xef\xbb\xbfid,x\n1,2\n")
    assert frames.column_names(path) == ["id", "x"]
    assert frames.read_table(path).column_names == ["id", "x"]


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".arrow"])
def test_what_is_written_is_read_again(tmp_path: Path, ending: str) -> None:
    table = pa.table({"a": ["x", "", 'q"u,o\nte'], "b": ["1", "2", "ü"]})
    path = tmp_path / f"t{ending}"
    frames.write_table(table, path)
    assert frames.read_table(path).equals(table)
    assert pa.concat_tables(list(frames.iter_tables(path))).equals(table)
    assert frames.column_names(path) == ["a", "b"]


def test_small_blocks_give_the_same_rows_in_order(tmp_path: Path) -> None:
    rows = "".join(f"{number},v{number}\n" for number in range(5000))
    path = write(tmp_path / "a.csv", "id,x\n" + rows)
    pieces = list(frames.iter_tables(path, block_size=1 << 10))
    assert len(pieces) > 10
    assert pa.concat_tables(pieces).equals(frames.read_table(path))


def test_a_table_without_rows_is_a_table(tmp_path: Path) -> None:
    table = frames.read_table(write(tmp_path / "a.csv", "id,x\n"))
    assert (table.num_rows, table.column_names) == (0, ["id", "x"])


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", "id,name\n1,x\n2\n3,y,z\n", "data row 2, 3: not 2 cells"),
        ("a.csv", "id,name,id\n1,x,2\n", "column 3 has the name of column 1"),
        ("a.csv", "id,,x\n1,2,3\n", "has no name"),
        ("a.csv", f"id,name\n1,{SECRET}é\n".encode("latin-1"), "is not UTF-8"),
        ("a.csv", f"id,é\n1,{SECRET}\n".encode("latin-1"), "is not UTF-8"),
        ("a.csv", f"id,name\n1,{SECRET}\n".encode("utf-16"), "is UTF-16"),
        (
            "a.csv.gz",
            gzip.compress(f"id,name\n1,{SECRET}\n".encode() * 99, mtime=0)[:-9],
            "damaged",
        ),
        ("a.csv.gz", b"id,name\n1,x\n", "damaged"),
        ("a.parquet", b"PAR1 no, it is not", "not readable as Parquet"),
        ("a.xlsx", b"PK", "unknown kind of table"),
    ],
)
def test_bad_tables_are_refused_by_place(
    tmp_path: Path, name: str, data: str | bytes, says: str
) -> None:
    with pytest.raises(InputError) as raised:
        frames.read_table(write(tmp_path / name, data))
    assert says in raised.value.message
    assert SECRET not in raised.value.message + raised.value.hint


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".arrow"])
def test_a_missing_file_says_so(tmp_path: Path, ending: str) -> None:
    for read in (frames.read_table, frames.column_names):
        with pytest.raises(InputError, match="no such file"):
            read(tmp_path / f"none{ending}")


def test_writing_does_not_replace_without_force(tmp_path: Path) -> None:
    table, path = pa.table({"a": ["1"]}), tmp_path / "a.csv"
    frames.write_table(table, path)
    with pytest.raises(OutputError, match="exists already"):
        frames.write_table(table, path)
    frames.write_table(table, path, force=True)


def test_tables_of_other_libraries(tmp_path: Path) -> None:
    expected = pa.table({"a": [1, 2]})
    for data in (expected, pl.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]})):
        assert frames.from_any(data).to_pydict() == expected.to_pydict()
    with pytest.raises(InputError, match="cannot read a table from list"):
        frames.from_any([1, 2])


def test_texts_of_dates_and_nulls() -> None:
    table = pa.table({"d": pa.array([0, None], pa.date32()), "i": pa.array([7, None])})
    assert frames.texts(table, "d") == ["1970-01-01", ""]
    assert frames.texts(table, "i") == ["7", ""]


def test_rows_are_put_into_tables_of_one_size() -> None:
    table = pa.table({"a": range(23)})
    for sizes in ([23], [1] * 23, [0, 10, 0, 13], [5, 18]):
        pieces, start = [], 0
        for size in sizes:
            pieces.append(table.slice(start, size))
            start += size
        found = list(frames.rebatch(pieces, 10))
        assert [len(each) for each in found] == [10, 10, 3]
        assert pa.concat_tables(found).equals(table)
    assert [len(each) for each in frames.rebatch([table.slice(0, 20)], 10)] == [10, 10]
    assert [each.column_names for each in frames.rebatch([table.slice(0, 0)], 10)] == [["a"]]


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".arrow"])
def test_rows_are_counted_without_reading_all(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t{ending}"
    frames.write_table(pa.table({"a": [str(number) for number in range(1234)]}), path)
    assert frames.count_rows(path) == 1234
    with pytest.raises(InputError, match="no such file"):
        frames.count_rows(tmp_path / f"none{ending}")


def test_the_rows_of_a_long_csv_file_are_estimated(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    frames.write_table(pa.table({"a": [f"{number:09}" for number in range(300_000)]}), path)
    assert frames.count_rows(path) == pytest.approx(300_000, rel=0.01)


def test_an_arrow_stream_is_read_like_a_file(tmp_path: Path) -> None:
    table = pa.table({"a": ["x", "y"]})
    path = tmp_path / "a.arrow"
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=1)
    assert frames.read_table(path).equals(table)
    assert frames.column_names(path) == ["a"]
    path.write_bytes(b"neither a file nor a stream, but long enough to be one")
    with pytest.raises(InputError, match="not readable as Arrow"):
        frames.read_table(path)


def test_the_index_of_a_data_frame_is_no_column() -> None:
    frame = pd.DataFrame({"a": ["x", "y", "z"]}, index=[5, 7, 1])
    assert frames.from_any(frame).column_names == ["a"]
    assert frames.from_any(pa.table({"a": [1]}).to_batches()[0]).to_pydict() == {"a": [1]}
