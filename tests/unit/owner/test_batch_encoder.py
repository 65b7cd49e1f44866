"""Encoding batch by batch: the same bits as at once, every bad cell, no hang, no half file."""

import copy
import gzip
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from blindlink.errors import InputError
from blindlink.frames import write_table
from blindlink.keys import LinkageKey
from blindlink.messages.encodings import Encodings
from blindlink.owner.encoding import batch, features, filters
from blindlink.owner.encoding.batch import BatchEncoder
from blindlink.owner.encoding.encode import encode
from blindlink.owner.encoding.files import encode_file
from blindlink.schema.document import LinkageSchema, parse_schema

KEY = LinkageKey(bytes(range(32)))
STEPS = {"version": 1, "profile": "test"}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def feature(name: str, comparison: dict[str, Any], **form: Any) -> dict[str, Any]:
    hashing = {"comparison": comparison, "strategy": {"bitsPerFeature": 60}}
    return {"identifier": name, "format": {"type": "string", **form}, "hashing": hashing}


GRAMS: dict[str, Any] = {
    "version": 3,
    "clkConfig": {"l": 256, "kdf": {"type": "HKDF"}},
    "features": [
        feature("surname", {"type": "ngram", "n": 2}, case="upper"),
        feature("age", {"type": "numeric", "thresholdDistance": 3, "resolution": 2}),
    ],
}
JOINED: dict[str, Any] = {
    "version": 3,
    "clkConfig": {"l": 1024, "kdf": {"type": "HKDF"}},
    "features": [],
    "blindlink": {
        "version": 1,
        "profile": "test",
        "columns": [
            {"name": "name", "from": ["surname"], "steps": ["name"]},
            {"name": "years", "from": ["age"], "steps": []},
        ],
        "composites": [
            {"fields": ["name", "years"], "bitsPerToken": 3},
            {
                "fields": ["name", "years"],
                "bitsPerFeature": 30,
                "comparison": {"type": "ngram", "n": 2},
            },
        ],
        "hardening": [{"type": "diffusion", "t": 3}],
        "matchKeys": [["name", "years"]],
    },
}
SCHEMAS = {"features": parse_schema(GRAMS), "composites": parse_schema(JOINED)}
each_schema = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)


def people(rows: int) -> pa.Table:
    rng = random.Random(rows)
    return pa.table(
        {
            "record_id": [f"r{row}" for row in range(rows)],
            "entity_id": [f"e{row // 2}" for row in range(rows)],
            "surname": ["".join(rng.choices(LETTERS, k=rng.randint(0, 9))) for _ in range(rows)],
            "age": [str(rng.randint(0, 99)) for _ in range(rows)],
        }
    )


def with_cell(table: pa.Table, row: int, column: str, value: str) -> pa.Table:
    cells = table.column(column).to_pylist()
    cells[row] = value
    return table.set_column(table.column_names.index(column), column, pa.array(cells))


def joined(pieces: list[Encodings]) -> tuple[np.ndarray, ...]:
    arrays = [[p.row, *p.filters, *p.match_keys, p.entity] for p in pieces]
    return tuple(np.concatenate(each) for each in zip(*arrays, strict=True))


def same(left: list[Encodings], right: list[Encodings]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(joined(left), joined(right), strict=True))


class Seen:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.calls.append((done, total))


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices of 70 rows for the features, about as many for the composites."""
    monkeypatch.setattr(batch, "_MOST_ROWS", 70)


@each_schema
def test_batches_and_workers_do_not_change_a_bit(small_slices: None, schema: LinkageSchema) -> None:
    table = people(500)
    whole = [encode(table, schema, KEY, workers=1)]
    for workers, size in ((1, 500), (2, 500), (3, 33)):
        with BatchEncoder(schema, KEY, workers=workers) as encoder:
            batches = (table.slice(start, size) for start in range(0, 500, size))
            assert same(list(encoder.stream(batches)), whole)
            assert encoder.rows == 500


@each_schema
def test_a_memo_without_room_gives_the_same_bits(
    small_slices: None, monkeypatch: pytest.MonkeyPatch, schema: LinkageSchema
) -> None:
    table = people(300)
    whole = [encode(table, schema, KEY, workers=1)]
    for budget in (0, 9000):
        monkeypatch.setattr(batch, "BUDGET", budget)
        assert same([encode(table, schema, KEY, workers=2)], whole)
    assert features.Budget(1000).grant(100, 40) == 5


def test_one_batch_at_a_time_counts_its_rows_on(small_slices: None) -> None:
    table = people(200)
    whole = encode(table, SCHEMAS["features"], KEY)
    with BatchEncoder(SCHEMAS["features"], KEY, workers=2) as encoder:
        pieces = [encoder.encode(table.slice(0, 90)), encoder.encode(table.slice(90))]
        encoder.finish()
    assert same(pieces, [whole])
    with BatchEncoder(SCHEMAS["features"], KEY) as encoder:
        assert encoder.encode(table.slice(90, 5), 90).row.tolist() == [90, 91, 92, 93, 94]


def test_data_frames_are_batches() -> None:
    table = people(40)
    whole = [encode(table, SCHEMAS["composites"], KEY)]
    frame = table.to_pandas().astype({"age": int, "surname": "category"}).set_index("record_id")
    others = {
        "pandas": frame.reset_index(),
        "polars": pl.DataFrame(table).cast({"age": pl.Int16, "surname": pl.Categorical}),
        "batch": table.to_batches()[0],
    }
    for name, data in others.items():
        assert same([encode(data, SCHEMAS["composites"], KEY)], whole), name
    kept = frame.reset_index()[lambda rows: rows.index != 3]
    assert len(encode(kept, SCHEMAS["composites"], KEY)) == 39


def test_missing_cells_of_data_frames_are_missing() -> None:
    texts = pa.table({"surname": ["A", "", "B"], "age": ["", "7", "8"]})
    whole = encode(texts, SCHEMAS["features"], KEY)
    frame = pd.DataFrame({"surname": ["A", None, "B"], "age": [None, 7, 8]})
    polar = pl.DataFrame({"surname": ["A", None, "B"], "age": [None, 7, 8]})
    for data in (frame, frame.convert_dtypes(), polar):
        found = encode(data, SCHEMAS["features"], KEY)
        assert np.array_equal(found.filters[0], whole.filters[0])


@each_schema
def test_files_have_the_same_bytes_whatever_the_workers_and_the_kind_of_table(
    small_slices: None, tmp_path: Path, schema: LinkageSchema
) -> None:
    (tmp_path / "S").write_text(schema.to_json())
    KEY.save(tmp_path / "K")
    outputs = []
    for ending, workers in ((".csv", 1), (".csv.gz", 2), (".parquet", 1), (".arrow", 1)):
        write_table(people(300), tmp_path / f"a{ending}")
        out = tmp_path / f"out{ending}.parquet"
        encode_file(tmp_path / f"a{ending}", tmp_path / "S", tmp_path / "K", out, workers=workers)
        outputs.append(out.read_bytes())
    assert len(set(outputs)) == 1


@pytest.mark.parametrize("bits", [{"bitsPerFeature": 400}, {"bitsPerToken": 40}])
@pytest.mark.parametrize("shape", [{"n": 2}, {"n": 1, "positional": True}, {"n": 5}])
def test_many_values_and_long_ones_are_the_reference_s(
    shape: dict[str, Any], bits: dict[str, int]
) -> None:
    """Tokens that many values share, more than one hash a token, more than a hundred tokens."""
    document = copy.deepcopy(GRAMS)
    document["features"] = [feature("surname", {"type": "ngram", **shape})]
    document["features"][0]["hashing"]["strategy"] = bits
    table = people(300).select(["surname"])
    texts = [*table["surname"].to_pylist(), "long " * 30, "x"]
    data = pa.table({"surname": texts})
    schema = parse_schema(document)
    ours, theirs = (encode(data, schema, KEY, backend=name) for name in ("blindlink", "clkhash"))
    assert np.array_equal(ours.filters[0], theirs.filters[0])


def test_fresh_noise_is_drawn_in_the_order_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    document = copy.deepcopy(JOINED)
    document["blindlink"]["hardening"] = [{"type": "blip", "perMille": 100}]
    schema, found = parse_schema(document), []
    for rows in (70, 300):
        monkeypatch.setattr(batch, "_MOST_ROWS", rows)
        noise = random.Random(1).randbytes
        found.append(encode(people(300), schema, KEY, workers=3, entropy=noise))
    assert same(found[:1], found[1:])
    plain = encode(people(300), SCHEMAS["composites"], KEY)
    assert not np.array_equal(plain.filters[0], found[0].filters[0])


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_cells_of_all_batches_are_named_by_their_rows(
    small_slices: None, tmp_path: Path, workers: int
) -> None:
    table = with_cell(with_cell(people(500), 3, "surname", "canary"), 499, "age", "old")
    table = with_cell(with_cell(table, 77, "record_id", "r1"), 400, "entity_id", " ")
    write_table(table, tmp_path / "a.csv")
    (tmp_path / "S").write_text(SCHEMAS["features"].to_json())
    KEY.save(tmp_path / "K")
    paths = [tmp_path / name for name in ("a.csv", "S", "K", "out.parquet")]
    with pytest.raises(InputError) as caught:
        encode_file(*paths, workers=workers)
    assert caught.value.message == (
        "4 cells are wrong: row 4, surname: is not upper case; "
        "row 78, record_id: stands in an earlier row already; "
        "row 401, entity_id: is empty; row 500, age: is not a number"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["K", "S", "a.csv"]


@pytest.mark.parametrize("workers", [1, 2])
def test_tolerated_cells_are_counted_at_the_end(small_slices: None, workers: int) -> None:
    table = people(500)
    bad, blank = table, table
    for row in (3, 120, 121, 499):
        bad, blank = with_cell(bad, row, "age", "old"), with_cell(blank, row, "age", "")
    told: list[dict[str, int]] = []
    found = encode(bad, SCHEMAS["features"], KEY, workers=workers, tolerate=told.append)
    assert told == [{"age": 4}]
    assert same([found], [encode(blank, SCHEMAS["features"], KEY)])
    again = with_cell(bad, 490, "record_id", "r7")
    with pytest.raises(InputError, match="1 cell is wrong: row 491, record_id"):
        encode(again, SCHEMAS["features"], KEY, workers=workers, tolerate=told.append)
    assert len(told) == 1


def test_who_tolerates_may_still_refuse(tmp_path: Path) -> None:
    write_table(with_cell(people(9), 3, "age", "old"), tmp_path / "a.parquet")
    (tmp_path / "S").write_text(SCHEMAS["features"].to_json())
    KEY.save(tmp_path / "K")

    def refuse(counts: dict[str, int]) -> None:
        raise InputError(f"too many: {counts}")

    paths = [tmp_path / name for name in ("a.parquet", "S", "K", "out.parquet")]
    with pytest.raises(InputError, match=r"too many: \{'age': 1\}"):
        encode_file(*paths, tolerate=refuse)
    assert not paths[-1].exists()


def test_a_thousand_bad_cells_are_one_line(small_slices: None) -> None:
    table = people(1000).drop_columns(["age"]).append_column("age", pa.array(["old"] * 1000))
    with pytest.raises(
        InputError, match=r"1000 cells are wrong: rows 1, 2, 3, 4, 5 and 995 more, age: "
    ):
        encode(table, SCHEMAS["features"], KEY)


def test_a_lacking_column_is_named_before_anything_is_encoded() -> None:
    for schema in SCHEMAS.values():
        with pytest.raises(InputError, match="age"):
            encode(people(3).drop_columns(["age"]), schema, KEY)


def test_a_thread_that_fails_ends_the_run_and_the_others(
    small_slices: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, failed = filters.TableEncoder.encode, []

    def fail(self: Any, prepared: Any, start: int, stop: int, out: Any = None) -> Any:
        if prepared.rows and not failed and start == 0:
            failed.append(threading.current_thread().name)
            raise MemoryError
        return whole(self, prepared, start, stop, out)

    monkeypatch.setattr(filters.TableEncoder, "encode", fail)
    before = threading.active_count()
    with pytest.raises(MemoryError), BatchEncoder(SCHEMAS["composites"], KEY, workers=3) as encoder:
        list(encoder.stream([people(2000)]))
    assert failed != [threading.main_thread().name]
    assert threading.active_count() == before


def test_progress_counts_rows_and_ends_at_the_whole(small_slices: None, tmp_path: Path) -> None:
    write_table(people(500), tmp_path / "a.csv")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    (tmp_path / "S").write_text(SCHEMAS["features"].to_json())
    KEY.save(tmp_path / "K")
    for name in ("a.csv", "a.csv.gz"):
        seen = Seen()
        paths = [tmp_path / each for each in (name, "S", "K", f"{name}.parquet")]
        encode_file(*paths, progress=seen)
        assert [done for done, _ in seen.calls[:3]] == [0, 70, 140]
        assert seen.calls[-1] == (500, 500)
        assert seen.calls[0][1] == 500


STREAMING = """
import sys
sys.path.insert(0, {folder!r})
import pyarrow as pa
from process_memory import peak
from blindlink.schema.document import parse_schema
from blindlink.keys import LinkageKey
from blindlink.owner.encoding.batch import BatchEncoder

code = {{"comparison": {{"type": "exact"}}, "strategy": {{"bitsPerToken": 9}}}}
schema = parse_schema({{
    "version": 3,
    "clkConfig": {{"l": 8192, "kdf": {{"type": "HKDF"}}}},
    "features": [{{"identifier": "a", "format": {{"type": "string"}}, "hashing": code}}],
}})

def batches(count):
    for number in range(count):
        rows = range(number * 20_000, (number + 1) * 20_000)
        yield pa.table({{"a": [str(i % 999) for i in rows], "record_id": [str(i) for i in rows]}})

with BatchEncoder(schema, LinkageKey(bytes(32)), workers=2) as encoder:
    for count in (40, 120):  # a pool is at its largest only after some forty slices
        for encodings in encoder.stream(batches(count)):
            pass
        print(encoder.rows, peak())
        encoder = BatchEncoder(schema, LinkageKey(bytes(32)), workers=2)
"""


def test_memory_does_not_grow_with_the_rows() -> None:
    """1.6 million more filters of a kibibyte pass through in an eighth of their room."""
    program = STREAMING.format(folder=str(Path(__file__).parents[2]))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    (few, before), (many, after) = (map(int, line.split()) for line in done.stdout.splitlines())
    assert (few, many) == (800_000, 2_400_000)
    assert after - before < 200 * 1024
