"""Files of encodings: what is written is read back, and anything else is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blindlink.errors import FormatError, OutputError
from blindlink.messages.encodings import (
    Encodings,
    metadata,
    read_encodings,
    to_table,
    write_clkhash,
    write_encodings,
)


def sample(*, entity: bool = True) -> Encodings:
    rng = np.random.default_rng(1)
    return Encodings(
        filters=(rng.integers(0, 256, (3, 4), np.uint8), rng.integers(0, 256, (3, 2), np.uint8)),
        bits=(32, 12),
        row=np.arange(3),
        entity=np.array(["a", "b", "b"], dtype=object) if entity else None,
        match_keys=(rng.integers(0, 256, (3, 16), np.uint8),),
        schema_fingerprint="f" * 64,
        key_check="0123456789abcdef",
        encoder="blindlink test",
    )


@pytest.mark.parametrize("entity", [True, False])
def test_a_written_file_is_read_back(tmp_path: Path, entity: bool) -> None:
    path, encodings = tmp_path / "A.parquet", sample(entity=entity)
    write_encodings(encodings, path)
    found = read_encodings(path)
    for ours, theirs in zip(encodings.filters, found.filters, strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(found.match_keys[0], encodings.match_keys[0])
    assert metadata(found) == metadata(encodings)
    assert (None if found.entity is None else found.entity.tolist()) == (
        ["a", "b", "b"] if entity else None
    )


def test_the_columns_are_those_of_the_contract(tmp_path: Path) -> None:
    write_encodings(sample(), tmp_path / "A.parquet")
    table = pq.read_table(tmp_path / "A.parquet")
    assert table.column_names == ["row", "entity", "clk", "clk_2", "match_key_1"]
    assert table.schema.field("clk").type == pa.binary(4)


def test_the_same_encodings_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("A.parquet", "B.parquet"):
        write_encodings(sample(), tmp_path / name)
    assert (tmp_path / "A.parquet").read_bytes() == (tmp_path / "B.parquet").read_bytes()


def test_clkhash_s_form_keeps_row_order(tmp_path: Path) -> None:
    path, encodings = tmp_path / "A.json", sample()
    write_clkhash(encodings, path)
    assert np.array_equal(read_encodings(path).filters[0], encodings.filters[0])


def test_an_output_is_not_overwritten(tmp_path: Path) -> None:
    write_encodings(sample(), tmp_path / "A.parquet")
    with pytest.raises(OutputError, match="exists already"):
        write_encodings(sample(), tmp_path / "A.parquet")


def broken(name: str) -> pa.Table:
    table = to_table(sample())
    meta = dict(table.schema.metadata)
    match name:
        case "version":
            return table.replace_schema_metadata({**meta, b"blindlink.format": b"other"})
        case "no metadata":
            return table.replace_schema_metadata(None)
        case "bits":
            return table.replace_schema_metadata({**meta, b"blindlink.bits": b"32,x"})
        case "length":
            return table.replace_schema_metadata({**meta, b"blindlink.bits": b"64,12"})
        case "order":
            names = ["entity", "row", "clk", "clk_2", "match_key_1"]
            return table.select(names)
        case "null":
            nulls = pa.array([0, None, 2], pa.int64())
            return table.set_column(0, "row", nulls).replace_schema_metadata(meta)
        case "type":
            text = pa.array(["0", "1", "2"])
            return table.set_column(0, "row", text).replace_schema_metadata(meta)
        case _:
            extra = table.append_column("name", pa.array(["a", "b", "c"]))
            return extra.replace_schema_metadata(meta)


@pytest.mark.parametrize(
    "name", ["version", "no metadata", "bits", "length", "order", "null", "type", "extra"]
)
def test_a_file_that_breaks_the_format_is_refused(tmp_path: Path, name: str) -> None:
    pq.write_table(broken(name), tmp_path / "A.parquet")
    with pytest.raises(FormatError, match=r"A\.parquet"):
        read_encodings(tmp_path / "A.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"name\nAnna\n"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "A.parquet").write_bytes(content)
    with pytest.raises(FormatError, match=r"A\.parquet"):
        read_encodings(tmp_path / "A.parquet")


@pytest.mark.parametrize("text", ["{}", "[]", '{"clks": ["*"]}', '{"clks": ["AA==", "AAA="]}'])
def test_what_is_no_list_of_clks_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "A.json").write_text(text)
    with pytest.raises(FormatError, match=r"A\.json"):
        read_encodings(tmp_path / "A.json")


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(FormatError):
        replace(sample(), bits=(40, 12))
    with pytest.raises(FormatError):
        replace(sample(), row=np.arange(2))
