"""Parquet to Parquet on Spark: the links of the local command, and nothing left after an error."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from blindlink.errors import (
    BlindlinkError,
    FormatError,
    InputError,
    KeyFileError,
    OutputError,
    RefusedError,
    SchemaError,
)
from blindlink.linker.files import link_files
from blindlink.linker.join.engines.reference import engine as reference
from blindlink.linker.join.pairs import Pairs
from blindlink.linker.model.assignment import assign
from blindlink.linker.model.match_keys import equal_rows
from blindlink.messages.encodings import Encodings, write_encodings
from worlds.spark_files import other_schema, two_owners, write

pytestmark = [pytest.mark.needs("spark"), pytest.mark.needs("java")]
Link = Callable[..., Any]


@pytest.fixture
def link(spark: Any, tmp_path: Path) -> Link:
    """``link_parquet`` to tmp_path/out, whose rows are the result; for a different pair of files,
    or options."""
    from blindlink.linker.spark import link_parquet

    def run(left: Path, right: Path, threshold: float = 0.5, **options: Any) -> Any:
        out = tmp_path / "out"
        found = link_parquet(spark, str(left), str(right), str(out), threshold, **options)
        table = pq.read_table(out)
        assert table.column_names == ["left", "right", "score"]
        assert found.links == len(table)
        return table

    return run


def as_pairs(table: Any) -> Pairs:
    return Pairs(*(table.column(name).to_numpy() for name in ("left", "right", "score")))


def assert_same(found: Pairs, expected: Pairs) -> None:
    assert found.left.tolist() == expected.left.tolist()
    assert found.right.tolist() == expected.right.tolist()
    assert found.score.tolist() == expected.score.tolist()


@pytest.mark.parametrize(
    ("cardinality", "entities"),
    [("one-to-one", False), ("one-to-one", True), ("one-to-many", True), ("many-to-many", False)],
)
def test_equals_the_local_command(
    link: Link, tmp_path: Path, cardinality: str, entities: bool
) -> None:
    left, right = write(two_owners(entities=entities), tmp_path)
    here = tmp_path / "here.parquet"
    link_files(left, right, here, options={"threshold": "0.4", "cardinality": cardinality})
    expected = pq.read_table(here)
    assert len(expected) > 50
    found = link(left, right, 0.4, cardinality=cardinality, partitions=3)
    assert_same(as_pairs(found), as_pairs(expected))


def test_top(link: Link, tmp_path: Path) -> None:
    owners = two_owners()
    left, right = write(owners, tmp_path)
    found = link(left, right, 0.2, top=2, cardinality="many-to-many", engine="sliced", partitions=4)
    expected = reference.pairs(owners[0].filters[0], owners[1].filters[0], 0.2, top=2)
    assert_same(as_pairs(found), expected)


def test_blocks_give_the_pairs_that_share_a_key(link: Link, tmp_path: Path) -> None:
    owners = two_owners()
    left, right = write(owners, tmp_path)
    found = link(left, right, 0.3, cardinality="many-to-many", keys=[2, 1])
    assert_same(as_pairs(found), sharing(owners, [2, 1], 0.3))


def sharing(owners: list[Encodings], keys: list[int], threshold: float) -> Pairs:
    """The reference's pairs, less those without a match key in common."""
    left, right = owners
    every = reference.pairs(left.filters[0], right.filters[0], threshold)
    common = [np.stack(equal_rows(left, right, key - 1), axis=1) for key in keys]
    candidates = {tuple(pair) for pair in np.concatenate(common).tolist()}
    kept = [pair in candidates for pair in zip(every.left, every.right, strict=True)]
    assert 100 < sum(kept) < len(every)
    return every.take(np.array(kept))


def test_blocks_go_through_any_borders_of_batches(
    spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task itself, with room for few rows and few pairs."""
    from blindlink.linker.spark import blocks, records

    owners = two_owners()
    monkeypatch.setattr(blocks, "_CHUNK", 30)
    monkeypatch.setattr(blocks, "_ROOM", 1)
    table = blocks._copies(spark_frame(spark, owners[0]), [1, 2], right=False).union(
        blocks._copies(spark_frame(spark, owners[1]), [1, 2], right=True)
    )
    ordered = table.orderBy("number", "key", "right", "row").toArrow().combine_chunks()
    task = blocks._task(records.Rule(0.3, 32, 256), 2)
    parts = list(task(iter(ordered.to_batches(max_chunksize=11))))
    found = {pair for part in parts for pair in zip(*map(list, part.columns[:2]), strict=True)}
    expected = sharing(owners, [1, 2], 0.3)
    assert sum(part.num_rows for part in parts) == len(expected)
    assert {(a.as_py(), b.as_py()) for a, b in found} == set(
        zip(expected.left.tolist(), expected.right.tolist(), strict=True)
    )


def spark_frame(spark: Any, encodings: Encodings) -> Any:
    columns = {"row": encodings.row.tolist()}
    for name, array in (
        ("clk", encodings.filters[0]),
        ("match_key_1", encodings.match_keys[0]),
        ("match_key_2", encodings.match_keys[1]),
    ):
        columns[name] = [row.tobytes() for row in array]
    rows = list(zip(*columns.values(), strict=True))
    return spark.createDataFrame(
        rows, "row long, clk binary, match_key_1 binary, match_key_2 binary"
    )


@pytest.mark.parametrize("cardinality", ["one-to-one", "one-to-many"])
def test_distributed_assignment_is_the_greedy_rule(spark: Any, cardinality: Any) -> None:
    """Few scores and tie keys, so that nearly everything is decided by the last of the rules."""
    import pyarrow as pa

    from blindlink.linker.spark import records, selection

    rng = np.random.default_rng(5)
    a, b = np.divmod(rng.permutation(200 * 200)[:900], 200)
    score, tie = rng.integers(5, 8, 900) / 8, rng.integers(0, 2, 900, np.uint64) << np.uint64(63)
    expected = assign(a, b, score, cardinality, tie=tie)
    table = pa.table(
        {"left": a, "right": b, "score": score, "tie": records.signed(tie), "a": a, "b": b}
    )
    found = selection.links(spark.createDataFrame(table), cardinality, finish=0).toArrow()
    pairs = zip(found.column("a").to_pylist(), found.column("b").to_pylist(), strict=True)
    assert sorted(pairs) == sorted(zip(a[expected].tolist(), b[expected].tolist(), strict=True))


def test_tie_keys_keep_their_order_and_value(spark: Any) -> None:
    from blindlink.linker.spark.records import signed, unsigned

    keys = np.array([0, 1, 2**63 - 1, 2**63, 2**64 - 1], np.uint64)
    assert (np.diff(signed(keys).astype(object)) > 0).all()
    assert unsigned(signed(keys)).tolist() == keys.tolist()


def test_another_owner_or_key_is_refused(link: Link, tmp_path: Path) -> None:
    owners = two_owners()
    write_encodings(other_schema(owners[0]), tmp_path / "schema.parquet")
    write_encodings(replace(owners[0], key_check="b"), tmp_path / "key.parquet")
    _, right = write(owners, tmp_path)
    with pytest.raises(SchemaError):
        link(tmp_path / "schema.parquet", right)
    with pytest.raises(KeyFileError):
        link(tmp_path / "key.parquet", right)


def test_what_cannot_be_linked_is_refused_and_leaves_nothing(link: Link, tmp_path: Path) -> None:
    owners = two_owners()
    left, right = write(owners, tmp_path)
    double = np.zeros(len(owners[0]), np.int64)
    write_encodings(replace(owners[0], row=double), tmp_path / "double.parquet")
    (tmp_path / "text.parquet").write_text("row,clk\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    cases: list[tuple[type[BlindlinkError], Path, dict[str, Any]]] = [
        (InputError, tmp_path / "nothing.parquet", {}),
        (InputError, tmp_path / "double.parquet", {}),
        (FormatError, tmp_path / "text.parquet", {}),
        (InputError, left, {"keys": [3]}),
        (InputError, left, {"keys": [1, 1]}),
        (InputError, left, {"engine": "quantum"}),
        (InputError, left, {"cardinality": "some"}),
        (InputError, left, {"top": 0}),
        (RefusedError, left, {"keys": [1], "most": 1}),
    ]
    for kind, path, options in cases:
        with pytest.raises(kind):
            link(path, right, **options)
        assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_an_output_is_replaced_only_by_force(link: Link, tmp_path: Path) -> None:
    left, right = write(two_owners(), tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "kept.txt").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        link(left, right)
    with pytest.raises(OutputError, match="not what Spark wrote"):
        link(left, right, force=True)
    assert (tmp_path / "out" / "kept.txt").read_text() == "mine"
    (tmp_path / "out" / "_SUCCESS").touch()
    assert len(link(left, right, force=True)) > 50
    assert not (tmp_path / "out" / "kept.txt").exists()


@pytest.mark.parametrize("inside", [".", "left.parquet"])
def test_an_input_is_never_replaced(spark: Any, tmp_path: Path, inside: str) -> None:
    from blindlink.linker.spark import link_parquet

    left, right = write(two_owners((20, 30)), tmp_path)
    (tmp_path / "_SUCCESS").touch()
    out = str(tmp_path / inside)
    with pytest.raises(OutputError, match="also the input"):
        link_parquet(spark, f"file:{left}", str(right), out, 0.5, force=True)
    assert left.exists()


def test_an_error_in_a_worker_arrives_as_ours(spark: Any) -> None:
    from blindlink.linker.spark.session import clear_errors

    def fail(batches: Any) -> Any:
        raise FormatError("a filter is broken")

    with pytest.raises(FormatError, match=r"^a filter is broken$"), clear_errors():
        spark.range(1).mapInArrow(fail, "id long").collect()


def test_control_c_leaves_nothing(link: Link, tmp_path: Path) -> None:
    left, right = write(two_owners((3000, 30_000)), tmp_path)
    timer = threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        link(left, right, 0.2, engine="reference", cardinality="many-to-many")
    timer.join()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["left.parquet", "right.parquet"]


def test_the_command_for_spark_submit(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from blindlink.linker.spark.__main__ import main

    monkeypatch.setattr(type(spark), "stop", lambda session: None)  # other tests still need it
    left, right = write(two_owners((40, 60)), tmp_path)
    command = [str(left), str(right), str(tmp_path / "out"), "--threshold", "0.5"]
    assert main([*command, "--conf", "spark.sql.shuffle.partitions=2"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"left": 40, "right": 60, "links": len(pq.read_table(tmp_path / "out"))}
    assert main(command) == OutputError.exit_code
    assert capsys.readouterr().err.startswith("error: ")


def test_control_c_while_java_starts_leaves_no_java(tmp_path: Path) -> None:
    """The interrupt comes when Java has just been launched, seconds before it answers."""
    program = (
        "import threading, _thread\n"
        "from pyspark import java_gateway\n"
        "from blindlink.linker.spark.session import start\n"
        "launch = java_gateway.Popen\n"
        "def launched(*arguments, **options):\n"
        "    process = launch(*arguments, **options)\n"
        "    print(process.pid, flush=True)\n"
        "    threading.Timer(0.5, _thread.interrupt_main).start()\n"
        "    return process\n"
        "java_gateway.Popen = launched\n"
        "start({'spark.master': 'local[1]'})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")
    assert not (Path("/proc") / done.stdout.strip()).exists()
