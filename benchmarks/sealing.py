"""A million payload rows and a million encoded rows, sealed and opened, against AES-256-GCM alone.

    python benchmarks/sealing.py [ROWS]

Every figure is processor time of one process, so that other work on the machine does not count; the
plain AES-256-GCM figures encrypt the same bytes in the same run, in chunks of 64 KiB.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from blindlink.keys import PartyKeys
from blindlink.messages.container import reader as container
from blindlink.messages.container.stream import CHUNK
from blindlink.messages.submission import payload
from blindlink.messages.submission.content import write_records
from blindlink.messages.submission.records import layout_of

NOW = datetime(2026, 11, 23, tzinfo=UTC)
FILTER = 128  # bytes of an encoding


@dataclass
class Timer:
    """Prints what took how long, and its rate."""

    rows: int

    def __call__(self, what: str, size: int, work: Callable[[], object]) -> float:
        """Processor seconds of ``work`` on ``size`` bytes."""
        start = time.process_time()
        work()
        spent = time.process_time() - start
        rates = f"{size / spent / 2**20:8.0f} MiB/s {self.rows / spent:12,.0f} rows/s"
        print(f"{what:48} {spent:7.2f} s {rates}")
        return spent


def plain_aes(size: int) -> None:
    """Encrypt ``size`` bytes chunk by chunk, and do nothing else."""
    cipher, chunk = AESGCM(bytes(32)), bytes(CHUNK)
    for number in range(-(-size // CHUNK)):
        cipher.encrypt(number.to_bytes(12, "big"), chunk, b"aad")


def encodings(folder: Path, rows: int, timer: Timer) -> None:
    """A submission of that many encoded rows: written, verified and read."""
    owner, linker = (PartyKeys.generate(n, r) for n, r in (("moj", "owner"), ("ttp", "linker")))
    rng, path = np.random.default_rng(1), folder / "submission"
    ids, entity = rng.integers(0, 256, (rows, 16), np.uint8), np.arange(rows)
    filters, blobs = rng.integers(0, 256, (rows, FILTER), np.uint8), np.ones(rows, np.int64)

    def write() -> None:
        with (
            container.create(
                path,
                "submission",
                sender=owner,
                agreement="0" * 64,
                bundle=container.new_bundle(),
                now=NOW,
                expires=NOW + timedelta(days=1),
            ) as draft,
            draft.section("encodings", linker.public) as out,
        ):
            write_records(ids, entity, [filters], blobs, out)

    def verify() -> None:
        with container.opened(path, "submission") as sealed:
            sealed.verify(owner.public, agreement="0" * 64, now=NOW)

    def read() -> None:
        with container.opened(path, "submission") as sealed:
            bundle = sealed.verify(owner.public, agreement="0" * 64, now=NOW)
            with bundle.open("encodings", linker) as source:
                while source.read(CHUNK):
                    pass

    size = rows * (16 + 4 + FILTER + 4)
    base = timer("encodings: AES-256-GCM alone", size, lambda: plain_aes(size))
    for what, work in (("written", write), ("verified", verify), ("verified and read", read)):
        spent = timer(f"encodings: {what}", size, work)
        print(f"{'':48} {spent / base:7.1f} times AES-256-GCM alone")


def rows_of_payload(folder: Path, rows: int, timer: Timer) -> None:
    """Payload rows, two for each entity, in one blob per entity: sealed and opened."""
    rng, entities = np.random.default_rng(2), rows // 2
    table = pa.table(
        {
            "date": (np.datetime64("2020-01-01") + rng.integers(0, 999, rows)).astype(str),
            "code": rng.choice(["ATR", "DRR"], rows),
            "age": rng.choice(["20-24", "25-29", "30-34"], rows),
        }
    )
    layout = layout_of("events", table, ["date", "text", "text"])
    who = np.arange(rows) // 2
    packer = payload.Packer([(layout, table, who)], np.zeros(entities, np.uint8))
    size = payload.blob_size(packer.sizes)
    blobs = payload.blobs_for(packer.sizes, size)
    ids = [os.urandom(payload.ID) for _ in range(int(blobs.sum()))]
    path, key = folder / "payload", bytes(32)

    def seal() -> None:
        with path.open("wb") as out:
            payload.seal(packer, blobs, size, ids, key, out)

    def unseal() -> None:
        with path.open("rb") as source:
            payload.unseal(source, blobs, size, key, (layout,))

    whole = len(ids) * size
    base = timer("payload: AES-256-GCM alone", whole, lambda: plain_aes(whole))
    for what, work in (("sealed", seal), ("opened", unseal)):
        spent = timer(f"payload: {what}, {len(ids):,} blobs of {size} bytes", whole, work)
        print(f"{'':48} {spent / base:7.1f} times AES-256-GCM alone")


def main() -> None:
    """Measure both, and say how much memory it took."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    timer = Timer(rows)
    with tempfile.TemporaryDirectory() as name:
        encodings(Path(name), rows, timer)
        rows_of_payload(Path(name), rows, timer)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"most memory: {most / 1024:.0f} MiB, the arrays of the benchmark included")


if __name__ == "__main__":
    main()
