"""Two Parquet files of encodings in, Parquet links out, all of it by Spark."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession

from blindlink.errors import InputError
from blindlink.linker.join import engines, measures, pairs
from blindlink.linker.model import link as local
from blindlink.linker.model.assignment import Cardinality
from blindlink.linker.spark import blocks, selection, storage
from blindlink.linker.spark.exhaustive import CHUNK, broadcast, exhaustive
from blindlink.linker.spark.records import Rule
from blindlink.linker.spark.session import clear_errors
from blindlink.messages.encodings import Encodings

_FEWEST = 2**12  # records of a task, where there are enough


@dataclass(frozen=True)
class Found:
    """How many records were compared with how many, and how many links were written."""

    left: int
    right: int
    links: int


def link_parquet(
    spark: SparkSession,
    left: str,
    right: str,
    out: str,
    threshold: float,
    *,
    top: int | None = None,
    cardinality: Cardinality = "one-to-one",
    measure: str = "dice",
    keys: Sequence[int] = (),
    most: int = blocks.MOST_PER_RECORD,
    partitions: int | None = None,
    engine: str = "auto",
    force: bool = False,
) -> Found:
    """Link two files (or folders) of encodings by their first filter; write a folder of Parquet.

    The columns of the output are left, right (the ``row`` numbers) and score, in the documented
    order over its part files: score, highest first, then left, then right. Links are those of
    ``blindlink clk link --threshold``, ties between pairs included; ``top`` (see
    ``blindlink.linker.join.pairs``) cuts the pairs first, as it does in the engines.

    ``keys``: compare only the records that share one of these match keys (counted from 1), instead
    of all with all; ``most``: refuse a key that makes more pairs per record than this.
    ``partitions``: tasks of the larger side; if None, so many that each compares one chunk.
    ``engine``: the local engine that runs in the tasks.

    Paths are on any file system that Spark reads. Raises InputError, FormatError, SchemaError or
    KeyFileError for files that cannot be linked, OutputError where ``out`` exists and not
    ``force``, RefusedError for a key that nearly all records share; nothing is written then.
    """
    with clear_errors():
        measures.find(measure)
        if engine != "auto":
            engines.load(engine)
        selection.check(cardinality)
        storage.check_output(spark, out, inputs=(left, right), force=force)
        sides = [storage.read(spark, path) for path in (left, right)]
        (_, header), (_, other) = sides
        local.check(header, other)
        pairs.check(header.filters[0], other.filters[0], threshold, top)
        _check_keys(header, keys)
        sizes = storage.count(sides[0][0], left), storage.count(sides[1][0], right)
        frames = [frame for frame, _ in sides]
        width = header.filters[0].shape[1]
        rule = Rule(float(threshold), width, header.bits[0], measure, top, engine)
        if keys:
            found = blocks.within_blocks(frames[0], frames[1], keys, rule, most=most)
        else:
            small = int(sizes[0] > sizes[1])
            fixed = broadcast(frames[small], width)
            large = _spread(frames[1 - small], sizes[1 - small], partitions)
            found = exhaustive(large, fixed, rule, left_is_small=small == 0)
        chosen = _links(found, frames, top, cardinality)
        with storage.replacing(spark, out) as draft:
            ordered = chosen.select("left", "right", "score")
            ordered.orderBy(ordered["score"].desc(), "left", "right").write.parquet(draft)
        return Found(*sizes, chosen.count())


def _links(
    found: DataFrame, frames: Sequence[DataFrame], top: int | None, cardinality: str
) -> DataFrame:
    """The pairs are computed once, here; and so are the links."""
    candidates = selection.kept(selection.best(found, top))
    entities = selection.by_entity(candidates, frames[0], frames[1])
    return selection.kept(selection.links(entities, cardinality))


def _spread(frame: DataFrame, size: int, partitions: int | None) -> DataFrame:
    """The records in partitions of like size: row groups of a file may be few and large."""
    cores: int = frame.sparkSession.sparkContext.defaultParallelism
    wanted = max(-(-size // CHUNK), 2 * cores)
    return frame.repartition(partitions or min(wanted, -(-size // _FEWEST) or 1), "row")


def _check_keys(header: Encodings, keys: Sequence[int]) -> None:
    count = len(header.match_keys)
    if len(set(keys)) != len(keys) or not all(1 <= key <= count for key in keys):
        raise InputError(
            f"blocking keys must be different numbers from 1 to {count}",
            hint="they are the match keys of the linkage schema, in its order",
        )
