"""Encode a table of any length, batch by batch, on all cores.

    with BatchEncoder(schema, key) as encoder:
        for encodings in encoder.stream(batches):
            ...                               # Encodings of some rows, in order
    with BatchEncoder(schema, key) as encoder:
        encodings = encoder.encode(batch)     # of this batch; its rows follow those before
        encoder.finish()                      # raises when any cell of all batches was bad

``BatchEncoder(schema, key, *, backend="blindlink", workers=None, entropy=system_entropy,
tolerate=None)``. A batch is a pyarrow table or record batch, or a pandas or polars data frame, with
the columns that the schema reads, perhaps ``entity_id``, whose row it is, and ``record_id``, which
must not repeat over all batches. Memory does not grow with the rows but by the 16 bytes of each
that it takes to find a repeated ``record_id``. The bits do not depend on batches or workers.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from blindlink.arrays import Objects
from blindlink.errors import InputError, SchemaError
from blindlink.frames import from_any, rebatch
from blindlink.keys import Entropy, LinkageKey, system_entropy
from blindlink.messages.encodings import Encodings
from blindlink.owner.encoding import reference
from blindlink.owner.encoding.columns import names_read, read
from blindlink.owner.encoding.features import BUDGET
from blindlink.owner.encoding.filters import Part, Prepared, TableEncoder
from blindlink.owner.encoding.plan import FilterPlan
from blindlink.owner.encoding.problems import Counts, Problems, Tally
from blindlink.owner.tables.record_ids import RecordIds
from blindlink.progress import Progress, silent
from blindlink.schema.document import LinkageSchema
from blindlink.version import __version__

RECORD, ENTITY = "record_id", "entity_id"
Tolerate = Callable[[dict[str, int]], None]
# Bits of a slice stay in memory, one for each core and some that wait.
_SLICE_BYTES = 1 << 24
# Rows whose columns are made at a time. With features, whose values have rows of bits, fewer.
_MOST_ROWS = 1 << 17
_MOST_SLICES = 4


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class BatchEncoder:
    """See the module. Raises SchemaError where the schema is wrong.

    Bad cells are collected over all batches; without ``tolerate`` they end the run with InputError,
    which counts them all and names the first by row and column. With it a bad cell counts as
    missing, and the number of them by column is handed to it at the end; identifiers of rows must
    be right all the same. ``entropy`` feeds only a hardening with fresh noise.
    """

    def __init__(
        self,
        schema: LinkageSchema,
        key: LinkageKey,
        *,
        backend: str = "blindlink",
        workers: int | None = None,
        entropy: Entropy = system_entropy,
        tolerate: Tolerate | None = None,
    ) -> None:
        self._start(schema, key.secret, key.check_value(), backend, workers, entropy, tolerate)

    @classmethod
    def as_clkhash(
        cls,
        schema: LinkageSchema,
        secret: bytes,
        *,
        backend: str = "blindlink",
        workers: int | None = None,
        tolerate: Tolerate | None = None,
    ) -> "BatchEncoder":
        """The reference's bytes for a plain schema and any secret, text included.

        Without a key-check value: for a secret that can be guessed it would be an offline oracle.
        """
        if schema.extension is not None:
            raise SchemaError("a schema with the extension 'blindlink' is not one of clkhash's")
        if not secret:
            raise InputError("the secret is empty", hint="clkhash would take it; nobody should")
        made = cls.__new__(cls)
        made._start(schema, secret, None, backend, workers, system_entropy, tolerate)
        return made

    def _start(
        self,
        schema: LinkageSchema,
        secret: bytes,
        check: str | None,
        backend: str,
        workers: int | None,
        entropy: Entropy,
        tolerate: Tolerate | None,
    ) -> None:
        self._encoder = TableEncoder(schema, secret, backend, BUDGET, entropy)
        self.plans = self._encoder.plans
        # Noise that is drawn in one order comes from one place; the reference is one thread.
        in_order = entropy is not system_entropy and _draws_noise(self.plans)
        alone = in_order or backend != "blindlink"
        self._count = 1 if alone else (workers if workers is not None else cores())
        self._schema, self._check, self._tolerate = schema, check, tolerate
        version = __version__ if backend == "blindlink" else reference.version()
        self._name = f"{backend} {version}"
        self._pool: ThreadPoolExecutor | None = None
        self._ids, self._bad_ids, self._bad_cells = RecordIds(), Tally(), Tally()
        self.rows = 0
        width = sum(-(-plan.length // 8) for plan in self.plans)
        self.slice_rows = max(1, min(_MOST_ROWS, _SLICE_BYTES // width))
        whole = _MOST_SLICES if any(plan.features for plan in self.plans) else _MOST_ROWS
        self._table_rows = min(_MOST_ROWS, whole * self.slice_rows)

    @property
    def reads(self) -> list[str]:
        """The names that the schema has for columns of a table, those of rows first."""
        return [RECORD, ENTITY, *names_read(self._schema)]

    @property
    def notes(self) -> Counts:
        """Cells by column and what was noted: placeholders, dates that do not exist."""
        return self._bad_cells.notes

    def __enter__(self) -> "BatchEncoder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the threads. The encoder can be used again; it starts others."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def encode(
        self, batch: Any, first_row: int | None = None, progress: Progress = silent
    ) -> Encodings:
        """The encodings of one batch; its rows count from ``first_row``, or follow those before.

        A bad cell counts as missing here; ``finish`` tells of it. Once one was bad and is not
        tolerated, rows are only checked, and what comes out is blank.
        """
        table = from_any(batch)
        self.rows = self.rows if first_row is None else first_row
        made = self._encoder.blank(len(table))
        for start, piece, _ in self._slices([table], made):
            progress(start + len(piece), len(table))
        self.rows += len(table)
        return self._encodings(self.rows - len(table), table, made)

    def stream(self, batches: Iterable[Any]) -> Iterator[Encodings]:
        """The encodings of all batches in order, in pieces of ``slice_rows`` rows; at least one.

        Reads ahead a few pieces. Calls ``finish`` at the end. Once a cell was bad and is not
        tolerated, the rest is only checked, and no more comes out.
        """
        for _, table, part in self._slices(batches):
            self.rows += len(table)
            if part is not None:
                yield self._encodings(self.rows - len(table), table, part)
        self.finish()

    def finish(self) -> None:
        """Raises InputError for the bad cells of all batches, or hands their numbers on."""
        problems = Problems()
        problems.add(RECORD, self._ids.repeats(), "stands in an earlier row already")
        self._bad_ids.add(problems, 0)
        if self._tolerate is None:
            self._bad_cells.take(self._bad_ids)
            self._bad_cells.check()
        else:
            self._bad_ids.check()
            self._tolerate(self._bad_cells.counts())

    @property
    def _hopeless(self) -> bool:
        """Whether the run ends with an error for certain, so that only its list is wanted."""
        return bool(self._bad_ids or (self._bad_cells and self._tolerate is None))

    def _slices(
        self, batches: Iterable[Any], out: Part | None = None
    ) -> Iterator[tuple[int, pa.Table, Part | None]]:
        """The first row of each slice in these batches, the slice, and what became of it.

        In order; None where rows were only checked. With ``out`` the rows are put there.
        """
        first_row, done = self.rows, 0
        for table, prepared in self._tables(batches):
            self._note(table, prepared.problems, first_row + done)
            parts = self._encoded(prepared, done, out)
            starts = range(0, max(len(table), 1), self.slice_rows)
            for start, part in zip(starts, parts, strict=True):
                yield done + start, table.slice(start, self.slice_rows), part
            done += len(table)

    def _tables(self, batches: Iterable[Any]) -> Iterator[tuple[pa.Table, Prepared]]:
        """Tables of some rows and their columns, made while the table before is encoded."""
        tables = rebatch((from_any(batch) for batch in batches), self._table_rows)
        if self._count < 2:
            for table in tables:
                yield table, self._prepared(table)
            return
        waiting: deque[tuple[pa.Table, Future[Prepared]]] = deque()
        for table in tables:
            waiting.append((table, self._threads().submit(self._prepared, table)))
            if len(waiting) > 1:
                before, future = waiting.popleft()
                yield before, future.result()
        while waiting:
            before, future = waiting.popleft()
            yield before, future.result()

    def _prepared(self, table: pa.Table) -> Prepared:
        needed = table.select(self._encoder.needed(table.column_names))
        return self._encoder.prepare(needed, check=self._hopeless)

    def _encoded(self, prepared: Prepared, done: int, out: Part | None) -> Iterator[Part | None]:
        """Each slice encoded, some of them ahead; None where only cells were checked."""
        waiting: deque[Future[Part]] = deque()
        for start in range(0, max(prepared.rows, 1), self.slice_rows):
            stop = min(start + self.slice_rows, prepared.rows)
            if self._hopeless:
                yield None
                continue
            target = None if out is None else _rows(out, done + start, done + stop)
            if self._count < 2:
                yield self._encoder.encode(prepared, start, stop, target)
                continue
            waiting.append(
                self._threads().submit(self._encoder.encode, prepared, start, stop, target)
            )
            while waiting and (len(waiting) > self._count + 1 or waiting[0].done()):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _threads(self) -> ThreadPoolExecutor:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._count)
        return self._pool

    def _note(self, table: pa.Table, problems: Problems, first_row: int) -> None:
        ids = Problems()
        if ENTITY in table.column_names:
            entity = read(table, ENTITY)
            blank = [code for code, value in enumerate(entity.values) if not value.strip()]
            ids.add(ENTITY, entity.rows_of(blank), "is empty")
        if RECORD in table.column_names:
            record = read(table, RECORD)
            self._ids.add(record.values, record.codes)
        self._bad_ids.add(ids, first_row)
        self._bad_cells.add(problems, first_row)

    def _encodings(self, first_row: int, table: pa.Table, part: Part) -> Encodings:
        return Encodings(
            filters=part.filters,
            bits=tuple(plan.bits for plan in self.plans),
            row=np.arange(first_row, first_row + len(table), dtype=np.int64),
            entity=_entities(table),
            match_keys=part.match_keys,
            schema_fingerprint=self._schema.fingerprint(),
            key_check=self._check,
            encoder=self._name,
            schema_document=self._schema.document,
        )


def _rows(part: Part, start: int, stop: int) -> Part:
    """Some rows of the arrays, not copied."""
    return Part(
        tuple(each[start:stop] for each in part.filters),
        tuple(each[start:stop] for each in part.match_keys),
    )


def _draws_noise(plans: tuple[FilterPlan, ...]) -> bool:
    """Whether a hardening reads fresh random bytes for each row."""
    return any(each.noisy for plan in plans for each in plan.hardening)


def _entities(table: pa.Table) -> Objects | None:
    if ENTITY not in table.column_names:
        return None
    entity = read(table, ENTITY)
    return np.array(entity.values, dtype=object)[entity.codes]
