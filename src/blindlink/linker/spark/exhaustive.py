"""Every left record with every right record: the smaller side broadcast, the larger in partitions.

Each worker holds the smaller side once and compares it with CHUNK records of the larger at a time,
by the kernel of one machine. Nothing is shuffled but the pairs that are found.
"""

from collections.abc import Callable, Iterator

import pyarrow as pa
from pyspark import Broadcast
from pyspark.sql import DataFrame

from blindlink.linker.join import engines
from blindlink.linker.join.pairs import Join
from blindlink.linker.spark.records import (
    PAIRS,
    Records,
    Rule,
    batch,
    gathered,
    records,
    use_task_cores,
)

CHUNK = 2**18  # records of the larger side compared at once: 32 MiB of 1024 bits, twice
Batches = Iterator[pa.RecordBatch]


def exhaustive(
    large: DataFrame, small: "Broadcast[Records]", rule: Rule, *, left_is_small: bool
) -> DataFrame:
    """All pairs that reach the threshold, of a frame with the columns row and clk.

    Columns: left, right, score, tie; in no order. ``rule.top`` is applied to left records as far as
    one call sees them; the caller completes it (``selection.best``).
    """
    task = compare(small, rule, left_is_small=left_is_small)
    return large.select("row", "clk").mapInArrow(task, PAIRS)


def broadcast(frame: DataFrame, width: int) -> "Broadcast[Records]":
    """The records of a frame on every executor; they pass through the driver."""
    table = frame.select("row", "clk").toArrow()
    whole = records(table.column("row"), table.column("clk"), width)
    return frame.sparkSession.sparkContext.broadcast(whole)


def compare(
    fixed: "Broadcast[Records]", rule: Rule, *, left_is_small: bool
) -> Callable[[Batches], Batches]:
    """The task of one partition of the larger side."""

    def task(batches: Batches) -> Batches:
        use_task_cores()
        for table in gathered(batches, CHUNK):
            here = records(table.column("row"), table.column("clk"), rule.width)
            if left_is_small:
                yield from pairs(fixed.value, here, rule)
            else:
                yield from pairs(here, fixed.value, rule)

    return task


def pairs(left: Records, right: Records, rule: Rule) -> Batches:
    """The pairs of two sets of records in parts, as the local engine finds them."""
    name = rule.engine
    if name == "auto":
        name, _ = engines.choose(len(left), len(right), rule.bits)
    join = Join(left.filters, right.filters, rule.threshold, rule.top, rule.measure, rule.bits)
    # Not ``parts``: with ``top`` it would finish here what only the whole can finish.
    for part in engines.load(name).batches(join):
        if len(part):
            yield batch(part, left, right)
