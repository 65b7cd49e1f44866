"""The engine ``spark`` gives the reference's pairs, scores and order."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from blindlink.arrays import Bytes
from blindlink.errors import InputError, MissingExtraError
from blindlink.linker.files import link_files
from blindlink.linker.join import engines
from blindlink.linker.join.engines.reference import engine as reference
from blindlink.linker.join.pairs import Pairs, best, concatenated, ordered
from worlds.spark_files import two_owners, write

pytestmark = [pytest.mark.needs("spark"), pytest.mark.needs("java")]


@pytest.fixture(scope="module")
def sides() -> tuple[Bytes, Bytes]:
    left, right = two_owners()
    return left.filters[0], right.filters[0]


def assert_same(found: Pairs, expected: Pairs) -> None:
    np.testing.assert_array_equal(found.left, expected.left)
    np.testing.assert_array_equal(found.right, expected.right)
    np.testing.assert_array_equal(found.score, expected.score)


@pytest.mark.parametrize(
    ("threshold", "top", "turned"),
    [(0.0, None, False), (0.3, 2, False), (0.3, None, True), (0.3, 2, True), (0.99, None, False)],
)
def test_equals_the_reference(
    spark: Any, sides: tuple[Bytes, Bytes], threshold: float, top: int | None, turned: bool
) -> None:
    left, right = reversed(sides) if turned else sides
    found = engines.load("spark").pairs(left, right, threshold, top=top)
    expected = reference.pairs(left, right, threshold, top=top)
    assert len(expected) > 20
    assert_same(found, expected)


@pytest.mark.parametrize("measure", ["cosine", "hamming"])
def test_measures_and_odd_lengths(spark: Any, measure: str) -> None:
    rng = np.random.default_rng(1)
    left, right = (np.packbits(rng.random((rows, 100)) < 0.3, axis=1) for rows in (20, 90))
    options: dict[str, Any] = {"measure": measure, "bits": 100}
    found = engines.load("spark").pairs(left, right, 0.5, **options)
    assert_same(found, reference.pairs(left, right, 0.5, **options))


@pytest.mark.parametrize("rows", [(0, 5), (5, 0), (1, 1)])
def test_no_or_one_record(spark: Any, sides: tuple[Bytes, Bytes], rows: tuple[int, int]) -> None:
    left, right = (side[:count] for side, count in zip(sides, rows, strict=True))
    found = engines.load("spark").pairs(left, right, 0.2)
    assert_same(found, reference.pairs(left, right, 0.2))


def test_within_one_file(spark: Any, sides: tuple[Bytes, Bytes]) -> None:
    found = engines.load("spark").within(sides[0], 0.4, top=3)
    assert_same(found, reference.within(sides[0], 0.4, top=3))


def test_progress_ends_at_the_total(spark: Any, sides: tuple[Bytes, Bytes]) -> None:
    seen: list[tuple[int, int]] = []
    engines.load("spark").pairs(
        *sides, 0.5, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == sorted(seen)
    assert seen[-1] == (len(sides[0]), len(sides[0]))


def test_the_whole_linkage_with_this_engine(spark: Any, tmp_path: Path) -> None:
    left, right = write(two_owners(), tmp_path)
    for engine in ("spark", "reference"):
        options = {"threshold": "0.5", "engine": engine}
        link_files(left, right, tmp_path / f"{engine}.csv", options=options)
    assert (tmp_path / "spark.csv").read_bytes() == (tmp_path / "reference.csv").read_bytes()


@pytest.mark.parametrize("top", [None, 1, 3])
@pytest.mark.parametrize("engine", ["reference", "sliced"])
@pytest.mark.parametrize("left_is_small", [True, False])
def test_partitions_and_batches_do_not_matter(
    spark: Any,
    sides: tuple[Bytes, Bytes],
    monkeypatch: pytest.MonkeyPatch,
    left_is_small: bool,
    engine: str,
    top: int | None,
) -> None:
    """The task itself: partitions of odd sizes, rows in any order, small batches, several calls."""
    from blindlink.linker.spark import exhaustive, records

    monkeypatch.setattr(exhaustive, "CHUNK", 40)
    left, right = sides
    small, large = (left, right) if left_is_small else (right, left)
    fixed: Any = SimpleNamespace(value=records.Records(np.arange(len(small)), small))
    rule = records.Rule(0.3, 32, 256, top=top, engine=engine)
    task = exhaustive.compare(fixed, rule, left_is_small=left_is_small)
    order = np.random.default_rng(3).permutation(len(large))
    parts = []
    for partition in np.array_split(order, 3):
        batches = [
            pa.record_batch({"row": rows, "clk": [large[row].tobytes() for row in rows]})
            for rows in np.array_split(partition, 4)
        ]
        parts += [
            Pairs(*(found.column(name).to_numpy() for name in ("left", "right", "score")))
            for found in task(iter(batches))
        ]
    assert_same(best(ordered(concatenated(parts)), top), reference.pairs(left, right, 0.3, top=top))


def test_bad_input_is_refused(spark: Any, sides: tuple[Bytes, Bytes]) -> None:
    with pytest.raises(InputError, match="threshold"):
        engines.load("spark").pairs(*sides, 1.5)


def test_without_java(monkeypatch: pytest.MonkeyPatch, spark: Any) -> None:
    from blindlink.linker.spark.session import start

    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingExtraError, match="Java") as raised:
        start({})
    assert "openjdk-17-jre-headless" in raised.value.hint
