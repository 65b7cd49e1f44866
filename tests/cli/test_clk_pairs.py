"""`blindlink clk pairs`, from files to a Parquet file."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from blindlink.cli import run
from blindlink.linker.join.engines.reference import engine as reference
from blindlink.linker.join.pairs import Pairs
from blindlink.messages.encodings import write_encodings
from worlds.linked_files import encodings, linked_files

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    made = linked_files(300, 500, 150)
    write_encodings(made.left, tmp_path / "a.parquet")
    write_encodings(made.right, tmp_path / "b.parquet")
    return tmp_path


def pairs(folder: Path, *options: str, sides: str = "ab") -> int:
    names = [str(folder / f"{name}.parquet") for name in sides]
    return run(["clk", "pairs", *names, "--out", str(folder / "pairs.parquet"), *options])


def assert_written(folder: Path, expected: Pairs) -> None:
    table = pq.read_table(folder / "pairs.parquet")
    assert table["left"].to_pylist() == expected.left.tolist()
    assert table["right"].to_pylist() == expected.right.tolist()
    assert table["score"].to_pylist() == expected.score.tolist()


@pytest.mark.parametrize("engine", ["auto", "reference", "sliced"])
def test_a_result_beyond_the_limit_is_sorted_on_disk(
    files: Path, engine: str, capsys: Captured
) -> None:
    made = linked_files(300, 500, 150)
    expected = reference.pairs(made.left.filters[0], made.right.filters[0], 0.3)
    options = ["--threshold", "0.3", "--limit", "100", "--engine", engine, "--json"]
    assert pairs(files, *options) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["pairs"] == len(expected) > 1000
    assert err.startswith("engine ")
    assert_written(files, expected)
    assert sorted(path.name for path in files.iterdir()) == [
        "a.parquet",
        "b.parquet",
        "pairs.parquet",
    ]


@pytest.mark.parametrize("engine", ["reference", "sliced"])
def test_one_file_lists_each_pair_once(files: Path, engine: str) -> None:
    filters = linked_files(300, 500, 150).right.filters[0]
    options = ["--threshold", "0.3", "--limit", "100", "--engine", engine]
    assert pairs(files, *options, sides="b") == 0
    assert_written(files, reference.within(filters, 0.3))


def test_top_and_measure(files: Path) -> None:
    made = linked_files(300, 500, 150)
    assert pairs(files, "--threshold", "0.1", "--top", "2", "--measure", "jaccard") == 0
    sides = made.left.filters[0], made.right.filters[0]
    assert_written(files, reference.pairs(*sides, 0.1, top=2, measure="jaccard"))


def test_the_rows_of_the_input_are_written(tmp_path: Path) -> None:
    filters = np.eye(8, dtype=np.uint8)
    write_encodings(encodings(filters, row=np.arange(8) * 10), tmp_path / "a.parquet")
    assert pairs(tmp_path, "--threshold", "1", sides="aa") == 0
    assert pq.read_table(tmp_path / "pairs.parquet")["left"].to_pylist() == [*range(0, 80, 10)]


def test_a_filter_that_is_not_there(files: Path, capsys: Captured) -> None:
    assert pairs(files, "--threshold", "1", "--filter", "2") == 10
    assert "no filter 2" in capsys.readouterr().err


def test_control_c_leaves_nothing(tmp_path: Path) -> None:
    """A real signal while a process writes runs to disk; more is to come than it could finish."""
    filters = np.random.default_rng(0).integers(0, 256, (20_000, 64), np.uint8)
    write_encodings(encodings(filters), tmp_path / "a.parquet")
    source = str(tmp_path / "a.parquet")
    out = str(tmp_path / "pairs.parquet")
    command = [sys.executable, "-m", "blindlink", "clk", "pairs", source, source, "--out", out]
    limits = ["--threshold", "0.3", "--limit", "100000"]
    process = subprocess.Popen([*command, *limits], stderr=subprocess.PIPE, cwd=tmp_path)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("tmp*/*.parquet"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"interrupted" in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
