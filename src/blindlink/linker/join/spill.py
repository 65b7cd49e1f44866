"""Pairs straight to a Parquet file, for results that do not fit into memory.

Pairs are collected up to a limit, sorted, and written as one run; at the end the runs are merged.
Memory holds at most ``limit`` pairs three times over (24 bytes each), however many there are.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from blindlink.arrays import Int64s
from blindlink.errors import InputError
from blindlink.files import check_output, replacing
from blindlink.linker.join import engines
from blindlink.linker.join.interrupts import apart
from blindlink.linker.join.pairs import Join, Pairs, concatenated, drained, ordered

LIMIT = 2**25  # pairs in memory: 800 MB each time
SCHEMA = pa.schema([("left", pa.int64()), ("right", pa.int64()), ("score", pa.float64())])
_GROUP = 2**18  # pairs of a row group


def pairs_to_parquet(
    engine: str,
    join: Join,
    path: Path,
    *,
    numbers: tuple[Int64s, Int64s] | None = None,
    limit: int = LIMIT,
    force: bool = False,
) -> int:
    """Write all pairs in the documented order; returns how many. Columns: left, right, score.

    ``numbers`` are written in place of the rows. A join with ``top`` keeps its result in memory,
    which ``top`` bounds by itself. Raises OutputError, and InputError as the engine does; nothing
    is left behind then, nor after an interrupt.
    """
    check_output(path, force=force)
    if limit < 1:
        raise InputError("the limit must be at least one pair")
    with replacing(path, force=force) as draft, TemporaryDirectory(dir=path.parent) as folder:
        runs = _write_runs(engines.load(engine).parts(join), Path(folder), limit)
        return _merge(runs, draft, limit, numbers)


def _write_runs(parts: Iterable[Pairs], folder: Path, limit: int) -> list[Path]:
    """Sorted runs of at most about ``limit`` pairs."""
    runs: list[Path] = []

    def write(waiting: list[Pairs]) -> None:
        runs.append(folder / f"{len(runs)}.parquet")
        with pq.ParquetWriter(runs[-1], SCHEMA) as writer:
            _write(writer, apart(partial(_in_order, waiting)))

    waiting, count = [], 0
    for part in parts:
        waiting.append(part)
        count += len(part)
        if count >= limit:
            write(waiting)
            count = 0
    write(waiting)
    return runs


def _in_order(parts: list[Pairs]) -> Pairs:
    return ordered(drained(parts))


def _write(writer: pq.ParquetWriter, pairs: Pairs) -> None:
    for start in range(0, len(pairs), _GROUP):  # an interrupt waits for one of them
        part = pairs.take(slice(start, start + _GROUP))
        writer.write_table(pa.table([part.left, part.right, part.score], schema=SCHEMA))


def _merge(
    paths: list[Path], result: Path, limit: int, numbers: tuple[Int64s, Int64s] | None
) -> int:
    """Merge sorted runs into one file; returns the number of pairs."""
    size = max(1, min(_GROUP, limit // len(paths)))
    runs = [run for run in (_Run(path, size) for path in paths) if len(run.head)]
    count = 0
    with pq.ParquetWriter(result, SCHEMA) as writer:
        while runs:
            # No pair still to come stands before the first of the last pairs at hand.
            border = ordered(concatenated([run.head.take(slice(-1, None)) for run in runs]))
            heads = [run.up_to(border) for run in runs]
            merged = apart(partial(_in_order, heads))
            count += len(merged)
            if numbers is not None:
                left, right = numbers
                merged = Pairs(left[merged.left], right[merged.right], merged.score)
            _write(writer, merged)
            runs = [run for run in runs if len(run.head)]
    return count


class _Run:
    """A sorted run that is read piece by piece; ``head`` is empty at its end."""

    def __init__(self, path: Path, size: int) -> None:
        self._pieces = pq.ParquetFile(path).iter_batches(size)
        self.head = self._next()

    def up_to(self, border: Pairs) -> Pairs:
        """The pairs of the head that do not stand after the first pair of ``border``."""
        head, score = self.head, border.score[0]
        row, column = border.left[0], border.right[0]
        before = (head.left < row) | ((head.left == row) & (head.right <= column))
        cut = int(((head.score > score) | ((head.score == score) & before)).sum())
        self.head = head.take(slice(cut, None)) if cut < len(head) else self._next()
        return head.take(slice(cut))

    def _next(self) -> Pairs:
        piece = next(self._pieces, None)
        if piece is None:
            return concatenated([])
        left, right, score = (column.to_numpy() for column in piece.columns)
        return Pairs(left, right, score)
