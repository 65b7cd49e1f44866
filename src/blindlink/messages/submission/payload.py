"""The payload of a submission: one entity's rows in blobs of one size, each under a key of its own.

An entity's bytes are::

    1 byte    0 a person's record, 1 a control record
    4 bytes   rows in table 1, big-endian; likewise for each further table
    rows      fixed width (blindlink.messages.submission.records), table after table
    zeros     to the end of the entity's last blob

cut into blobs of one size for the whole file. A blob record on disk is its random 128-bit id and
its AES-256-GCM ciphertext with tag. Its key is HKDF-Expand of the section key over its own id, the
id of the entity's first blob, its place among the entity's blobs and their number: nobody can swap,
drop, repeat or regroup blobs unnoticed. A key encrypts one message only, so the nonce is zero.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import IO, Any, Protocol

import numpy as np
import pyarrow as pa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from blindlink.arrays import Bytes, Int64s
from blindlink.errors import FormatError, InputError, VerificationError
from blindlink.messages import merkle
from blindlink.messages.submission.records import TableLayout, empty, from_rows, to_rows
from blindlink.progress import Progress, silent

ID = 16
TAG = 16
OVERHEAD = ID + TAG
STEP = 64  # blob sizes are multiples of it, so that they do not tell the longest entity to the byte
BATCH = 1 << 22  # plain bytes that are packed, sealed and opened at a time
RECORD, CONTROL = 0, 1
LABEL = b"blindlink-payload-blob-v1"

_NONCE = bytes(12)


class Sink(Protocol):
    """What takes bytes: an open file, or a section in the making."""

    def write(self, data: Any, /) -> Any: ...


@dataclass(frozen=True)
class Unsealed:
    """Payload of several entities.

    ``kinds`` (entities,) is RECORD or CONTROL; ``tables`` holds, for each layout, the typed rows
    and the entity (int64, from 0) of each row.
    """

    kinds: Bytes
    tables: tuple[tuple[pa.Table, Int64s], ...]


class Packer:
    """Text tables of one file, grouped by entity and ready to be cut into blobs.

    ``tables`` pairs each layout with its rows (columns of text) and the entity number of each row;
    ``kinds`` (entities,) is RECORD or CONTROL.
    """

    def __init__(
        self,
        tables: Sequence[tuple[TableLayout, pa.Table, Int64s]],
        kinds: Bytes,
    ) -> None:
        self.kinds = kinds
        self.layouts = tuple(layout for layout, _, _ in tables)
        self._tables, self._bounds = [], []
        for _, table, entity in tables:
            order = np.argsort(entity, kind="stable")
            self._tables.append(table.take(pa.array(order)))
            self._bounds.append(np.searchsorted(entity[order], np.arange(len(kinds) + 1)))
        widths = (layout.width for layout in self.layouts)
        rows = (np.diff(bounds) * w for bounds, w in zip(self._bounds, widths, strict=True))
        self.sizes: Int64s = sum(rows, np.full(len(kinds), header_size(len(tables)), np.int64))

    def plain(self, first: int, last: int, blobs: Int64s, size: int) -> Bytes:
        """The plain blobs of entities ``first`` to ``last``, ``blobs`` of each: (sum, size)."""
        base = (np.cumsum(blobs) - blobs) * size
        flat = np.zeros(int(blobs.sum()) * size, np.uint8)
        flat[base] = self.kinds[first:last]
        at = base + header_size(len(self.layouts))
        for number, layout in enumerate(self.layouts):
            bounds = self._bounds[number][first : last + 1]
            counts = np.diff(bounds)
            flat[(base + 1 + 4 * number)[:, None] + np.arange(4)] = _big_endian(counts)
            rows = to_rows(self._tables[number].slice(bounds[0], bounds[-1] - bounds[0]), layout)
            flat[_places(at, counts, layout.width)] = rows
            at = at + counts * layout.width
        return flat.reshape(-1, size)


def leaf(blob: bytes, digest: bytes) -> bytes:
    """The Merkle leaf of a blob record: its id, and the SHA-256 of what is sealed.

    So the id of a blob can be proved without the blob: the linker names people whose payload it
    does not forward.
    """
    return merkle.leaf(blob + digest)


def leaf_of(record: bytes) -> bytes:
    """The same from the whole record."""
    return leaf(record[:ID], sha256(memoryview(record)[ID:]).digest())


def header_size(tables: int) -> int:
    """Bytes before the rows of an entity."""
    return 1 + 4 * tables


def blob_size(sizes: Int64s, most: int) -> int:
    """Plain bytes of everybody's blob for entities of these sizes: those of the largest, rounded.

    Everybody has one blob of one size: the number of blobs would be the number of somebody's
    events. The size is rounded up to three significant bits (in the manner of padme: Nikitin et
    al., Reducing metadata leakage from encrypted files and communication with PURBs, 2019), so it
    tells the order of the largest only. Raises InputError where that is above ``most``, as agreed.
    """
    largest = max(int(sizes.max(initial=0)), STEP)
    if largest > most:
        raise InputError(
            f"payload: an entity has {largest} bytes; the agreement allows {most}",
            hint="agree on fewer columns, or on a higher limit entity_bytes",
        )
    return blob_bytes(largest)


def blob_bytes(largest: int) -> int:
    """Plain bytes of a blob that holds an entity of so many, rounded up."""
    unit = max(1 << max(largest.bit_length() - 3, 0), STEP)
    return -(-largest // unit) * unit


def seal(
    packer: Packer,
    blobs: Int64s,
    size: int,
    ids: Sequence[bytes],
    key: bytes,
    out: Sink,
    progress: Progress = silent,
) -> bytes:
    """Write all blob records to ``out``; returns their Merkle root. ``ids``: one for each blob."""
    done, total, ciphers = 0, merkle.RunningRoot(), Ciphers(key)
    for first, last in batches(blobs, size):
        plain, records = packer.plain(first, last, blobs[first:last], size), []
        for row, info in enumerate(_infos(blobs[first:last], ids, done)):
            record = info[:ID] + ciphers.of(info).encrypt(_NONCE, plain[row], None)
            total.add(leaf_of(record))
            records.append(record)
        out.write(b"".join(records))
        done += len(records)
        progress(done, len(ids))
    return total.root()


def unseal(
    source: IO[bytes],
    blobs: Int64s,
    size: int,
    key: bytes,
    layouts: Sequence[TableLayout],
    progress: Progress = silent,
) -> tuple[Unsealed, list[bytes], list[bytes]]:
    """Open the blob records in ``source``, grouped by entity: payload, ids, leaf hashes in order.

    Raises VerificationError where a blob does not open at its place, FormatError for what its owner
    may not have written.
    """
    ids: list[bytes] = []
    leaves: list[bytes] = []
    parts, ciphers = [], Ciphers(key)
    for first, last in batches(blobs, size):
        counts = blobs[first:last]
        records = _read(source, int(counts.sum()), size)
        start = len(ids)
        ids += [record[:ID] for record in records]
        leaves += [leaf_of(record) for record in records]
        infos = _infos(counts, ids, start)
        plain = [_open(ciphers, *pair) for pair in zip(records, infos, strict=True)]
        flat = np.frombuffer(bytearray().join(plain), np.uint8)
        parts.append(_unpack(flat, counts, size, layouts, first))
        progress(len(ids), int(blobs.sum()))
    return _joined(parts, layouts), ids, leaves


def batches(blobs: Int64s, size: int) -> Iterator[tuple[int, int]]:
    """Ranges of entities whose blobs have about BATCH plain bytes together."""
    ends, first = np.cumsum(blobs) * size, 0
    while first < len(blobs):
        done = ends[first - 1] if first else 0
        last = max(int(np.searchsorted(ends, done + BATCH, side="right")), first + 1)
        yield first, last
        first = last


def _infos(blobs: Int64s, ids: Sequence[bytes], start: int) -> Iterator[bytes]:
    """For each blob of the entities, from ``ids[start]`` on: own id, first id, place, number."""
    for count in blobs.tolist():
        tail = ids[start] + LABEL
        for place in range(count):
            yield ids[start + place] + tail + place.to_bytes(4, "big") + count.to_bytes(4, "big")
        start += count


class Ciphers:
    """The cipher of each blob, under HKDF-Expand (RFC 5869) of the section key.

    A key of 32 bytes is one block of it, HMAC(section key, info || 0x01). An HMAC that is keyed
    once and copied takes a third of the time of a derivation from the start.
    """

    def __init__(self, key: bytes) -> None:
        self._keyed = HMAC(key, SHA256())

    def of(self, info: bytes) -> AESGCM:
        """The cipher for one blob; it encrypts one message only."""
        keyed = self._keyed.copy()
        keyed.update(info + b"\1")
        return AESGCM(keyed.finalize())


def _open(ciphers: Ciphers, record: bytes, info: bytes) -> bytes:
    try:
        return ciphers.of(info).decrypt(_NONCE, memoryview(record)[ID:], None)
    except InvalidTag:
        raise VerificationError(
            "payload: a blob does not open at its place",
            hint="it was altered, or given to another entity than its owner did",
        ) from None


def _read(source: IO[bytes], count: int, size: int) -> list[bytes]:
    step = size + OVERHEAD
    data = source.read(count * step)
    if len(data) != count * step:
        raise FormatError("payload: ends before its last blob")
    return [data[at : at + step] for at in range(0, len(data), step)]


def _unpack(
    flat: Bytes, blobs: Int64s, size: int, layouts: Sequence[TableLayout], first: int
) -> Unsealed:
    """What ``Packer.plain`` packed. Entities are numbered from ``first``."""
    base = (np.cumsum(blobs) - blobs) * size
    end = base + blobs * size
    at = base + header_size(len(layouts))
    if np.any(at > end):
        raise FormatError("payload: a blob is too small for its header")
    kinds = flat[base].copy()
    counts = [_count(flat, base + 1 + 4 * number) for number in range(len(layouts))]
    needed = sum((c * w.width for c, w in zip(counts, layouts, strict=True)), at - base)
    if np.any(needed > end - base) or np.any(kinds > CONTROL):
        raise FormatError("payload: an entity declares what its blobs do not hold")
    if any(np.any(count[kinds == CONTROL]) for count in counts):
        raise FormatError("payload: a control record has rows")
    flat[_places(base, np.ones_like(base), header_size(len(layouts)))] = 0
    tables = []
    for layout, count in zip(layouts, counts, strict=True):
        places = _places(at, count, layout.width)
        table = from_rows(flat[places], layout)
        flat[places] = 0
        tables.append((table, np.repeat(np.arange(first, first + len(blobs)), count)))
        at = at + count * layout.width
    if flat.any():
        raise FormatError("payload: an entity's blobs are not filled up with zeros")
    return Unsealed(kinds, tuple(tables))


def _joined(parts: list[Unsealed], layouts: Sequence[TableLayout]) -> Unsealed:
    tables = []
    for number, layout in enumerate(layouts):
        pieces = [part.tables[number] for part in parts]
        table = pa.concat_tables([empty(layout), *(table for table, _ in pieces)])
        tables.append((table, _concatenated([entity for _, entity in pieces], np.int64)))
    return Unsealed(_concatenated([part.kinds for part in parts], np.uint8), tuple(tables))


def _concatenated(arrays: list[Any], dtype: Any) -> Any:
    return np.concatenate([np.zeros(0, dtype), *arrays])


def _places(at: Int64s, counts: Int64s, width: int) -> Int64s:
    """Where the bytes of ``counts`` rows of ``width`` lie that begin at ``at``: (sum, width)."""
    ends = np.cumsum(counts)
    within = np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - counts, counts)
    starts = np.repeat(at, counts) + within * width
    return starts[:, None] + np.arange(width)


def _big_endian(counts: Int64s) -> Bytes:
    return counts.astype(">u4").view(np.uint8).reshape(-1, 4)


def _count(flat: Bytes, at: Int64s) -> Int64s:
    four = np.ascontiguousarray(flat[at[:, None] + np.arange(4)])
    return four.view(">u4")[:, 0].astype(np.int64)
