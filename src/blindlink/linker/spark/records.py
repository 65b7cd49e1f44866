"""Arrow batches as arrays, and pairs as Arrow batches: what runs in the workers of Spark."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bytes, Int64s, Words
from blindlink.errors import FormatError
from blindlink.linker.join.pairs import Pairs
from blindlink.linker.model.assignment import tie_keys

PAIRS = "left long, right long, score double, tie long"
_SIGN = np.uint64(1 << 63)


@dataclass(frozen=True)
class Rule:
    """What is compared and kept: filters of ``width`` bytes, ``bits`` of them in use."""

    threshold: float
    width: int
    bits: int
    measure: str = "dice"
    top: int | None = None
    engine: str = "auto"


@dataclass(frozen=True)
class Records:
    """Row numbers (records,) and filters (records, bytes), in order of the row numbers."""

    row: Int64s
    filters: Bytes

    def __len__(self) -> int:
        return len(self.row)


def records(row: pa.ChunkedArray, filters: pa.ChunkedArray, width: int) -> Records:
    """The columns of a table, sorted by row: ties between rows are then ties between places."""
    numbers, packed = row.to_numpy(), binary(filters, width)
    if (numbers[1:] > numbers[:-1]).all():
        return Records(numbers, packed)
    order = np.argsort(numbers, kind="stable")
    return Records(numbers[order], packed[order])


def gathered(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """The batches in tables of ``size`` rows or a little more: a join has a cost for each call."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += batch.num_rows
        if count >= size:
            yield pa.Table.from_batches(waiting)
            waiting, count = [], 0
    if count:
        yield pa.Table.from_batches(waiting)


def binary(column: pa.ChunkedArray, width: int) -> Bytes:
    """A column of binary values of one width as an array (rows, width); raises FormatError."""
    if column.null_count:
        raise FormatError("a cell of a filter or key is empty")
    try:
        fixed = column.cast(pa.binary(width))
    except pa.ArrowInvalid:
        raise FormatError(f"a filter or key does not have {width} bytes") from None
    parts = [np.zeros((0, width), np.uint8)]
    for chunk in fixed.chunks:
        flat = np.frombuffer(chunk.buffers()[1], np.uint8) if len(chunk) else parts[0].ravel()
        start = chunk.offset * width
        parts.append(flat[start : start + len(chunk) * width].reshape(len(chunk), width))
    return np.concatenate(parts) if len(parts) > 2 else parts[-1]


def batch(pairs: Pairs, left: Records, right: Records) -> pa.RecordBatch:
    """Pairs of places as pairs of rows, with the key that breaks ties; the columns of ``PAIRS``."""
    tie = tie_keys(left.filters, right.filters, pairs.left, pairs.right)
    columns = [left.row[pairs.left], right.row[pairs.right], pairs.score, signed(tie)]
    return pa.record_batch(columns, ["left", "right", "score", "tie"])


def signed(tie: Words) -> Int64s:
    """Numbers of 64 bits without sign as numbers with one, in the same order."""
    return (tie ^ _SIGN).view(np.int64)


def unsigned(tie: Int64s) -> Words:
    """The inverse of ``signed``."""
    return tie.view(np.uint64) ^ _SIGN


def use_task_cores() -> None:
    """Let the engine run on the cores of this task: the other cores work on other tasks."""
    from pyspark import TaskContext

    task = TaskContext.get()
    if task is not None:
        os.environ["BLINDLINK_THREADS"] = str(task.cpus())
