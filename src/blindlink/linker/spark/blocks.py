"""Only records that share a keyed blocking key: for tens of millions of records on both sides.

A blocking key is a match key of the encodings (``owner/encoding/tokens.py``): an HMAC, made by
the owners, of an exact combination of fields. Records are shuffled by key, so that a block lies in
one partition, sorted; each worker goes through its blocks and compares every left with every right
record of a block by the counts of the exact kernel. A pair that shares several keys is compared
under the first of them only: each record carries all of its keys, so nothing has to be shuffled
again to find what is double.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 - as all of Spark's documentation has it

from blindlink.arrays import Int64s
from blindlink.errors import RefusedError
from blindlink.linker.join.pairs import Pairs, concatenated, weights, words
from blindlink.linker.spark.records import PAIRS, Records, Rule, batch, binary, gathered
from blindlink.messages.encodings import KEY_BYTES

MOST_PER_RECORD = 1000  # pairs per record that a key may make before it is no blocking key
MOST_PER_BLOCK = 2**18  # records that may share one value: they are held in one worker
_CHUNK = 2**18
_ROOM = 2**18  # pairs found in one call of the kernel
Batches = Iterator[pa.RecordBatch]


def within_blocks(
    left: DataFrame, right: DataFrame, keys: Sequence[int], rule: Rule, *, most: int
) -> DataFrame:
    """The pairs that share one of the match keys (counted from 1) and reach the threshold.

    ``most``: pairs per record that a key may make. Columns: left, right, score, tie; in no order.
    Raises RefusedError for a key that would pair everybody with everybody, before any comparison.
    """
    copies = _copies(left, keys, right=False).union(_copies(right, keys, right=True))
    _check(copies, keys, most * (left.count() + right.count()))
    together = copies.repartition("number", "key")
    sorted_blocks = together.sortWithinPartitions("number", "key", "right", "row")
    return sorted_blocks.mapInArrow(_task(rule, len(keys)), PAIRS)


def _copies(side: DataFrame, keys: Sequence[int], *, right: bool) -> DataFrame:
    """A copy of each record for each key that it has, with all of its keys one after another."""
    columns = [F.col(f"match_key_{key}") for key in keys]
    each = F.array(
        *(F.struct(F.lit(n).alias("n"), key.alias("key")) for n, key in enumerate(columns))
    )
    copies = side.select(
        "row", "clk", F.concat(*columns).alias("keys"), F.explode(each).alias("one")
    )
    missing = F.lit(bytes(KEY_BYTES))
    return copies.where(F.col("one.key") != missing).select(
        F.col("one.n").alias("number"),
        F.col("one.key").alias("key"),
        F.lit(right).alias("right"),
        "row",
        "clk",
        "keys",
    )


def _check(copies: DataFrame, keys: Sequence[int], most: int) -> None:
    sizes = copies.groupBy("number", "key").agg(
        F.count_if(~F.col("right")).alias("left_size"), F.count_if("right").alias("right_size")
    )
    of_key = sizes.where((F.col("left_size") > 0) & (F.col("right_size") > 0)).groupBy("number")
    found = of_key.agg(
        F.sum(F.col("left_size").cast("double") * F.col("right_size")).alias("pairs"),
        F.max(F.col("left_size") + F.col("right_size")).alias("largest"),
    )
    for key in found.collect():
        if key["pairs"] > most or key["largest"] > MOST_PER_BLOCK:
            raise RefusedError(
                f"match key {keys[key['number']]}: too many records share its values",
                hint="block on keys of more fields, which identify people better",
            )


def _task(rule: Rule, keys: int) -> Callable[[Batches], Batches]:
    """The task of one partition, in which blocks follow each other."""

    def task(batches: Batches) -> Batches:
        rest: list[pa.RecordBatch] = []
        for table in gathered(batches, _CHUNK):
            table = pa.concat_tables([*rest, table]).combine_chunks()
            start = _last_block(table)
            yield from _compare(table.slice(0, start), rule, keys)
            rest = [table.slice(start)]
        for table in rest:
            yield from _compare(table, rule, keys)

    return task


def _last_block(table: pa.Table) -> int:
    """Where the last block of the table begins: it may go on in the next."""
    borders = _borders(table)
    return int(borders[-2]) if len(borders) > 1 else 0


def _borders(table: pa.Table) -> Int64s:
    """Where blocks begin, and where the last one ends. Shape: (blocks + 1,)."""
    key, number = binary(table.column("key"), KEY_BYTES), table.column("number").to_numpy()
    new = (key[1:] != key[:-1]).any(axis=1) | (number[1:] != number[:-1])
    first = [0] if len(key) else []
    borders: Int64s = np.r_[first, np.flatnonzero(new) + 1, len(key)].astype(np.int64)
    return borders


def _compare(table: pa.Table, rule: Rule, keys: int) -> Batches:
    """The pairs of whole blocks."""
    if not len(table):
        return
    all_rows = Records(table.column("row").to_numpy(), binary(table.column("clk"), rule.width))
    pairs = concatenated(list(_pairs(table, all_rows, rule, keys)))
    if len(pairs):
        yield batch(pairs, all_rows, all_rows)


def _pairs(table: pa.Table, records: Records, rule: Rule, keys: int) -> Iterator[Pairs]:
    """Positions of the pairs that reach the threshold; one that shares several keys comes once."""
    from blindlink.linker.join import kernels  # compiled in the workers only

    filters, borders = words(records.filters), _borders(table)
    right = table.column("right").to_numpy(zero_copy_only=False)
    blocks = kernels.Blocks(
        filters,
        weights(filters),
        words(binary(table.column("keys"), keys * KEY_BYTES)),
        table.column("number").to_numpy().astype(np.int64),
        borders,
        borders[:-1] + np.add.reduceat(~right, borders[:-1], dtype=np.int64),
    )
    measured = kernels.Rule(kernels.MEASURE_CODES[rule.measure], rule.bits)
    widest = int((blocks.borders[1:] - blocks.split).max(initial=0))
    size = max(_ROOM, widest)
    room = kernels.Room(np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size))
    block, record = 0, 0
    while block < len(blocks.split):
        block, record, count = kernels.compare_blocks(
            blocks, measured, float(rule.threshold), block, record, room
        )
        if count:
            pairs = Pairs(*room).take(slice(count))
            yield Pairs(pairs.left.copy(), pairs.right.copy(), pairs.score.copy())
