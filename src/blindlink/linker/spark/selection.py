"""From pairs to links on a cluster: the best of each record, entities, and one-to-one.

**Greedy one-to-one, distributed.** The greedy rule takes pairs in order of preference (score,
highest first; then tie key, left, right) and accepts a pair while both its entities are free. The
order is strict, so a pair that comes first among all pairs of its left *and* of its right entity is
accepted by that rule whatever happens elsewhere. All such *locally dominant* pairs are accepted at
once, the pairs of their entities are dropped, and the same is done with the rest, until nothing is
left (Preis 1999; that this equals the sequential result: Blelloch, Fineman and Shun 2012). Each
round accepts at least the best pair of every connected component; what fits into the driver
is finished there, by the function that one machine uses. The result is that of the greedy rule,
pair for pair.
"""

from functools import reduce

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's documentation has it

from blindlink.errors import InputError
from blindlink.linker.model.assignment import CARDINALITIES, assign
from blindlink.linker.spark.records import unsigned

FINISH = 2**21  # pairs that the driver finishes by itself: 100 MB
_LINK = ("left", "right", "score", "tie", "a", "b")


def best(pairs: DataFrame, top: int | None) -> DataFrame:
    """The first ``top`` pairs of each left row, and of these of each right row."""
    if top is None:
        return pairs
    for side in ("left", "right"):
        order = Window.partitionBy(side).orderBy(F.desc("score"), "left", "right")
        ranked = pairs.withColumn("rank", F.row_number().over(order))
        pairs = ranked.where(F.col("rank") <= top).drop("rank")
    return pairs


def by_entity(pairs: DataFrame, left: DataFrame, right: DataFrame) -> DataFrame:
    """Pairs with the entities ``a`` and ``b``, by the first row of each; the best pair of rows.

    Where a side has no column ``entity``, each row is an entity.
    """
    named = False
    for side, frame, number in (("left", left, "a"), ("right", right, "b")):
        if "entity" not in frame.columns:
            pairs = pairs.withColumn(number, F.col(side))
            continue
        named = True
        first = F.min("row").over(Window.partitionBy("entity"))
        rows = frame.select(F.col("row").alias(side), first.alias(number))
        pairs = pairs.join(rows, side)
    if not named:
        return pairs
    preferred = F.min(F.struct((-F.col("score")).alias("cost"), "left", "right", "tie"))
    chosen = pairs.groupBy("a", "b").agg(preferred.alias("best"))
    score = (-F.col("best.cost")).alias("score")
    return chosen.select("best.left", "best.right", score, "best.tie", "a", "b")


def check(cardinality: str) -> None:
    """Raises InputError where there is no such cardinality."""
    if cardinality not in CARDINALITIES:
        raise InputError(
            f"no cardinality {cardinality!r}", hint=f"choose one of {', '.join(CARDINALITIES)}"
        )


def links(pairs: DataFrame, cardinality: str, *, finish: int = FINISH) -> DataFrame:
    """The pairs that become links, as ``blindlink.linker.model.assignment.assign`` chooses them.

    Columns in and out: left, right, score, tie, a, b. ``finish``: so many pairs the driver takes.
    """
    if cardinality == "many-to-many":
        return pairs.select(*_LINK)
    if cardinality == "one-to-many":
        return _first(pairs, "b")
    return _one_to_one(pairs.select(*_LINK), finish)


def _one_to_one(rest: DataFrame, finish: int) -> DataFrame:
    accepted: list[DataFrame] = []
    rest = kept(rest)
    while rest.count() > finish:
        by_left, by_right = _first(rest, "a"), _first(rest, "b").select("a", "b")
        chosen = kept(by_left.join(by_right, ["a", "b"], "left_semi").select(*_LINK))
        accepted.append(chosen)
        for side in ("a", "b"):
            rest = rest.join(chosen.select(side), side, "left_anti")
        rest = kept(rest.select(*_LINK))
    return reduce(DataFrame.union, accepted, _finished(rest))


def _first(pairs: DataFrame, side: str) -> DataFrame:
    """The pair that comes first among those of each entity of this side."""
    order = F.struct((-F.col("score")).alias("cost"), "tie", "a", "b", "left", "right")
    first = pairs.groupBy(F.col(side).alias("entity")).agg(F.min(order).alias("first"))
    score = (-F.col("first.cost")).alias("score")
    return first.select("first.left", "first.right", score, "first.tie", "first.a", "first.b")


def _finished(rest: DataFrame) -> DataFrame:
    """The links among these pairs, chosen by the driver."""
    table = rest.toArrow()
    columns = {name: table.column(name).to_numpy() for name in _LINK}
    a, b = (np.unique(columns[side], return_inverse=True)[1] for side in ("a", "b"))
    tie = unsigned(columns["tie"])
    chosen = assign(a.astype(np.int64), b.astype(np.int64), columns["score"], tie=tie)
    return rest.sparkSession.createDataFrame(table.filter(pa.array(chosen)), schema=rest.schema)


def kept(frame: DataFrame) -> DataFrame:
    """The same rows, computed now and kept: in the session's checkpoint folder where it has one.

    Without it they are kept by the executors, and lost with them.
    """
    if frame.sparkSession.sparkContext.getCheckpointDir():
        return frame.checkpoint()
    return frame.localCheckpoint()
