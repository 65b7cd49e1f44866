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

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from itertools import chain, islice
from typing import Any

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bytes, Objects
from blindlink.errors import InputError, SchemaError
from blindlink.frames import from_any, rebatch
from blindlink.keys import Entropy, LinkageKey, system_entropy
from blindlink.messages.encodings import KEY_BYTES, Encodings
from blindlink.owner.encoding import reference
from blindlink.owner.encoding.columns import names_read, read
from blindlink.owner.encoding.memo import BUDGET
from blindlink.owner.encoding.parallel import Pool, cores, here
from blindlink.owner.encoding.plan import FilterPlan
from blindlink.owner.encoding.problems import Counts, Problems, Tally
from blindlink.owner.encoding.slices import Job, Part, SliceEncoder
from blindlink.owner.tables.record_ids import RecordIds
from blindlink.progress import Progress, silent
from blindlink.schema.document import LinkageSchema
from blindlink.version import __version__

RECORD, ENTITY = "record_id", "entity_id"
Tolerate = Callable[[dict[str, int]], None]
# Bits and pieces of a slice stay in memory, one for each core and some that wait.
_SLICE_BYTES = 1 << 24
_MOST_ROWS = 1 << 17
# From so many slices on, others than this thread help: a worker takes half a second to start.
_WORTHWHILE = 3
Arrays = tuple[Bytes, ...]


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
        count = workers if workers is not None else cores()
        self._encoder = SliceEncoder(Job(schema.document, secret, backend, BUDGET), entropy)
        self.plans = self._encoder.plans
        # Noise that is drawn in one order comes from one place; the reference is one thread.
        in_order = entropy is not system_entropy and _draws_noise(self.plans)
        self._count = 1 if in_order or backend != "blindlink" else count
        self._processes = _hashes_rows(schema, self.plans)
        self._job = Job(schema.document, secret, backend, BUDGET // self._count)
        self._schema, self._check, self._tolerate = schema, check, tolerate
        version = __version__ if backend == "blindlink" else reference.version()
        self._name = f"{backend} {version}"
        self._pool: Pool | None = None
        self._ids, self._bad_ids, self._bad_cells = RecordIds(), Tally(), Tally()
        self.rows = 0
        width = sum(-(-plan.length // 8) for plan in self.plans)
        self.slice_rows = max(1, min(_MOST_ROWS, _SLICE_BYTES // width))

    @property
    def reads(self) -> list[str]:
        """The names that the schema has for columns of a table, those of rows first."""
        return [RECORD, ENTITY, *names_read(self._schema)]

    def __enter__(self) -> "BatchEncoder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers. The encoder can be used again; it starts others."""
        if self._pool is not None:
            self._pool.close()
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
        filters, keys = self._blank(len(table))
        done = 0
        for piece, part in self._parts([table]):
            for target, array in zip(filters + keys, part.filters + part.match_keys, strict=False):
                target[done : done + len(array)] = array
            done += len(piece)
            progress(done, len(table))
        self.rows += len(table)
        return self._encodings(self.rows - len(table), table, filters, keys)

    def stream(self, batches: Iterable[Any]) -> Iterator[Encodings]:
        """The encodings of all batches in order, in pieces of ``slice_rows`` rows; at least one.

        Reads ahead a few pieces. Calls ``finish`` at the end. Once a cell was bad and is not
        tolerated, the rest is only checked, and no more comes out.
        """
        for table, part in self._parts(batches):
            self.rows += len(table)
            if part.filters and not self._hopeless:
                first = self.rows - len(table)
                yield self._encodings(first, table, part.filters, part.match_keys)
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

    def _parts(self, batches: Iterable[Any]) -> Iterator[tuple[pa.Table, Part]]:
        """Each slice with what became of it, in order; its problems are noted."""
        slices = rebatch((from_any(batch) for batch in batches), self.slice_rows)
        head = list(islice(slices, _WORTHWHILE)) if self._pool is None else []
        alone = self._pool is None and (self._count < 2 or len(head) < _WORTHWHILE)
        first_row = self.rows
        for table, part in (self._alone if alone else self._together)(chain(head, slices)):
            self._note(table, part, first_row)
            first_row += len(table)
            yield table, part

    def _alone(self, slices: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, Part]]:
        for table in slices:
            yield table, here(self._encoder, self._needed(table), self._hopeless)

    def _together(self, slices: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, Part]]:
        if self._pool is None:
            self._pool = Pool(self._encoder, self._job, self._count, processes=self._processes)
        waiting: deque[tuple[pa.Table, Future[Part]]] = deque()
        try:
            for table in slices:
                future = self._pool.submit(self._needed(table), check=self._hopeless)
                waiting.append((table, future))
                while waiting and (len(waiting) > self._count + 1 or waiting[0][1].done()):
                    done, future = waiting.popleft()
                    yield done, future.result()
            while waiting:
                done, future = waiting.popleft()
                yield done, future.result()
        except BaseException:
            self.close()
            raise

    def _needed(self, table: pa.Table) -> pa.Table:
        return table.select(self._encoder.needed(table.column_names))

    def _note(self, table: pa.Table, part: Part, first_row: int) -> None:
        ids = Problems()
        if ENTITY in table.column_names:
            entity = read(table, ENTITY)
            blank = [code for code, value in enumerate(entity.values) if not value.strip()]
            ids.add(ENTITY, entity.rows_of(blank), "is empty")
        if RECORD in table.column_names:
            record = read(table, RECORD)
            self._ids.add(record.values, record.codes)
        self._bad_ids.add(ids, first_row)
        self._bad_cells.add(part.problems, first_row)

    @property
    def notes(self) -> Counts:
        """Cells by column and what was noted: placeholders, dates that do not exist."""
        return self._bad_cells.notes

    def _blank(self, rows: int) -> tuple[Arrays, Arrays]:
        widths = [-(-plan.bits // 8) for plan in self.plans]
        keys = [KEY_BYTES] * self._schema.match_keys
        filters = tuple(np.zeros((rows, width), np.uint8) for width in widths)
        return filters, tuple(np.zeros((rows, width), np.uint8) for width in keys)

    def _encodings(
        self, first_row: int, table: pa.Table, filters: Arrays, match_keys: Arrays
    ) -> Encodings:
        return Encodings(
            filters=filters,
            bits=tuple(plan.bits for plan in self.plans),
            row=np.arange(first_row, first_row + len(table), dtype=np.int64),
            entity=_entities(table),
            match_keys=match_keys,
            schema_fingerprint=self._schema.fingerprint(),
            key_check=self._check,
            encoder=self._name,
            schema_document=self._schema.document,
        )


def _hashes_rows(schema: LinkageSchema, plans: tuple[FilterPlan, ...]) -> bool:
    """Whether each row costs hashes, which hold Python's lock."""
    return schema.match_keys > 0 or any(plan.composites for plan in plans)


def _draws_noise(plans: tuple[FilterPlan, ...]) -> bool:
    """Whether a hardening reads fresh random bytes for each row."""
    return any(each.noisy for plan in plans for each in plan.hardening)


def _entities(table: pa.Table) -> Objects | None:
    if ENTITY not in table.column_names:
        return None
    entity = read(table, ENTITY)
    return np.array(entity.values, dtype=object)[entity.codes]
