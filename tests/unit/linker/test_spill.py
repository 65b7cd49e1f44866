"""Pairs to Parquet in bounded memory: the same pairs in the same order, or no file at all."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from blindlink.arrays import Bytes
from blindlink.errors import InputError, OutputError
from blindlink.linker.join import engines
from blindlink.linker.join.engines.reference import engine as reference
from blindlink.linker.join.pairs import Join, Pairs
from blindlink.linker.join.spill import pairs_to_parquet

ANONLINK = pytest.param("anonlink", marks=pytest.mark.needs("anonlink"))


@pytest.fixture
def files() -> tuple[Bytes, Bytes]:
    rng = np.random.default_rng(4)
    return rng.integers(0, 256, (40, 4)).astype(np.uint8), rng.integers(0, 256, (300, 4)).astype(
        np.uint8
    )


@pytest.mark.parametrize("engine", ["reference", "sliced", ANONLINK])
@pytest.mark.parametrize("limit", [30, 700, 10**6])
def test_the_file_holds_the_pairs_in_order(
    tmp_path: Path, files: tuple[Bytes, Bytes], engine: str, limit: int
) -> None:
    path = tmp_path / "pairs.parquet"
    expected = reference.pairs(*files, 0.6)
    assert pairs_to_parquet(engine, Join(*files, 0.6), path, limit=limit) == len(expected) > 700
    assert_holds(path, expected)
    assert list(tmp_path.iterdir()) == [path]


def test_top_bounds_the_result(tmp_path: Path, files: tuple[Bytes, Bytes]) -> None:
    path = tmp_path / "pairs.parquet"
    pairs_to_parquet("sliced", Join(*files, 0.2, top=2), path, limit=5)
    assert_holds(path, reference.pairs(*files, 0.2, top=2))


def test_no_pairs_make_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    empty = np.zeros((3, 4), np.uint8)
    assert pairs_to_parquet("sliced", Join(empty, empty, 0.9), path) == 0
    assert pq.read_table(path).num_rows == 0


def test_no_overwriting_without_force(tmp_path: Path, files: tuple[Bytes, Bytes]) -> None:
    path = tmp_path / "pairs.parquet"
    path.write_text("precious")
    with pytest.raises(OutputError, match="exists already"):
        pairs_to_parquet("sliced", Join(*files, 0.6), path)
    pairs_to_parquet("sliced", Join(*files, 0.6), path, force=True)


def test_an_interrupt_leaves_nothing(
    tmp_path: Path, files: tuple[Bytes, Bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(join: Join) -> Iterator[Pairs]:
        yield reference.pairs(*files, 0.6)
        raise KeyboardInterrupt

    monkeypatch.setattr(engines.load("sliced"), "batches", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pairs_to_parquet("sliced", Join(*files, 0.6), tmp_path / "pairs.parquet", limit=10)
    assert list(tmp_path.iterdir()) == []


def test_a_limit_without_sense_is_refused(tmp_path: Path, files: tuple[Bytes, Bytes]) -> None:
    with pytest.raises(InputError, match="at least one pair"):
        pairs_to_parquet("sliced", Join(*files, 0.6), tmp_path / "pairs.parquet", limit=0)


def assert_holds(path: Path, expected: Pairs) -> None:
    table = pq.read_table(path)
    assert table.column_names == ["left", "right", "score"]
    assert table["left"].to_pylist() == expected.left.tolist()
    assert table["right"].to_pylist() == expected.right.tolist()
    assert table["score"].to_pylist() == expected.score.tolist()
