"""No file makes a reader use more than 300 MiB, whatever it declares and however it is built."""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import vectors.world
from blindlink.messages.audit.log import LIMIT as LOG
from blindlink.messages.release import REPORT_LIMIT
from vectors.vectors_release import READERS
from vectors.world import BASE, Rebuild

TESTS = Path(__file__).parents[1]
LIMIT_KIB = 300 * 1024

PROGRAM = """
import json, sys
from contextlib import ExitStack
from pathlib import Path
sys.path.insert(0, {tests!r})
from vectors.world import NOW, agreement, keys
from blindlink.errors import BlindlinkError
from blindlink.messages.acting import Acting
if sys.argv[1] == "agreement":
    from blindlink.messages.agreement.document import load_agreement
    read = lambda path: load_agreement(path, now=NOW)
elif sys.argv[1] == "log":
    from blindlink.messages.audit.log import AuditLog
    read = AuditLog.load
elif sys.argv[1] == "submission":
    from blindlink.linker.protocol.intake import take
    read = lambda path: take(ExitStack(), path, Acting(agreement(), keys("ttp"), NOW))
else:
    from blindlink.analyst.cohort.opening import open_release
    read = lambda path: open_release(path, Acting(agreement(), keys("lab"), NOW))
outcomes = []
for path in sys.argv[2:]:
    try:
        read(Path(path))
        outcomes.append("accepted")
    except BlindlinkError as error:
        outcomes.append(type(error).__name__)
from process_memory import peak
print(json.dumps([outcomes, peak()]))
"""


def read(kind: str, *paths: Path) -> set[str]:
    """Reads files in a process of its own; their outcomes, when it kept within the limit."""
    program = PROGRAM.format(tests=str(TESTS))
    arguments = [sys.executable, "-c", program, kind, *map(str, paths)]
    done = subprocess.run(arguments, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    outcomes, most = json.loads(done.stdout)
    assert len(outcomes) == len(paths)
    assert most < LIMIT_KIB
    print(f"{kind}: {most} KiB")
    return set(outcomes)


def nested(size: int) -> bytes:
    return b"[" * size


def many(size: int) -> bytes:
    """The costliest canonical JSON of its size: a list of empty lists."""
    return b"[" + b"[]," * (size // 3 - 1) + b"[]]"


def digits(size: int) -> bytes:
    return b'{"version":' + b"9" * (size - 12) + b"}"


def keys(size: int) -> bytes:
    return b'{"a":0' + b',"a":0' * (size // 6 - 2) + b"}"


SHAPES = (nested, many, digits, keys)


@pytest.mark.slow
def test_agreements(tmp_path: Path) -> None:
    paths = [tmp_path / f"{shape.__name__}.agreement" for shape in SHAPES]
    for shape, path in zip(SHAPES, paths, strict=True):
        path.write_bytes(shape(2**21 - 8) + b"\n")
    assert read("agreement", *paths) == {"FormatError"}


def test_an_agreement_of_a_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "x.agreement"
    with path.open("wb") as file:
        file.truncate(2**30)
    assert read("agreement", path) == {"InputError"}


@pytest.mark.slow
def test_manifests_of_a_mebibyte(tmp_path: Path) -> None:
    paths = [tmp_path / f"{shape.__name__}.submission" for shape in SHAPES]
    for shape, path in zip(SHAPES, paths, strict=True):
        manifest = shape(2**20 - 8)
        head = b"blindlink-submission-v1\n" + len(manifest).to_bytes(4, "big")
        path.write_bytes(head + manifest + b"\0\0\0\2{}")
    assert read("submission", *paths) == {"FormatError"}


@pytest.mark.slow
def test_a_log_of_the_shortest_entries(tmp_path: Path) -> None:
    """Ten times as many entries as a log of this size has when a linker wrote it."""
    entry = b'{"details":{},"event":"a","index":%d,"time":"2026-11-23T12:00:00Z"}\n'
    entries = b"".join(entry % number for number in range(LOG // 72))
    head = b"blindlink-audit-log-v1 " + b"0" * 32 + b"\n"
    path, longer = tmp_path / "log", tmp_path / "longer"
    path.write_bytes(head + entries)
    longer.write_bytes(head + entries + b"x" * LOG)
    assert 0.9 * LOG < path.stat().st_size <= LOG
    assert read("log", path) == {"accepted"}
    assert read("log", longer) == {"InputError"}


def _instead(data: bytes, _: bytes) -> bytes:
    return data


@pytest.mark.slow
def test_reports_of_the_costliest_shape(tmp_path: Path) -> None:
    """A linker fills the room for its reports with empty lists; more is refused by its size."""
    rebuild = Rebuild(BASE / "study.release", "release", vectors.world.keys("ttp"), READERS)
    paths = []
    for name, size in (("most", REPORT_LIMIT - 64), ("more", 2 * REPORT_LIMIT), ("far", 2**24)):
        paths.append(tmp_path / f"{name}.release")
        data = many(size)
        paths[-1].write_bytes(rebuild(tmp_path / "x", {"reports": partial(_instead, data)}))
    assert read("release", *paths) == {"FormatError"}


@pytest.mark.parametrize("kind", ["submission", "release"])
def test_what_the_vectors_declare(kind: str) -> None:
    """Among them 2^32 rows and links, and sections of 10 GiB that their sender signed."""
    folder = TESTS / "vectors" / kind
    paths = sorted(path for path in folder.iterdir() if "declares" in path.name)
    assert len(paths) >= 2
    assert read(kind, *paths) == {"FormatError"}


STREAMING = """
import sys
from functools import partial
sys.path.insert(0, {tests!r})
from datetime import timedelta
from pathlib import Path
from process_memory import peak
from vectors.world import LATER, NOW, keys
from blindlink.messages.container import reader as container, writer

path, piece, before = Path(sys.argv[1]), bytes(2**20), peak()
with writer.create(path, "submission", sender=keys("moj"), agreement="0" * 64,
                      bundle="0" * 32, now=NOW, expires=LATER) as draft:
    with draft.section("encodings", keys("ttp").public) as out:
        for _ in range(int(sys.argv[2])):
            out.write(piece)
with container.opened(path, "submission") as sealed:
    bundle = sealed.verify(keys("moj").public, agreement="0" * 64, now=NOW)
    with bundle.open("encodings", keys("ttp")) as source:
        size = 0
        while block := source.read(2**20):
            size += len(block)
print(size, peak() - before)
"""


def test_a_container_is_streamed(tmp_path: Path) -> None:
    """256 MiB written, verified and read take no more memory than a few chunks."""
    program = STREAMING.format(tests=str(TESTS))
    arguments = [sys.executable, "-c", program, str(tmp_path / "x"), "256"]
    done = subprocess.run(arguments, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    size, grown = map(int, done.stdout.split())
    assert size == 256 * 2**20
    assert grown < 16 * 1024
    print(f"streaming: {grown} KiB more")


ENCODINGS = """
import sys
from functools import partial
sys.path.insert(0, {tests!r})
from pathlib import Path
import numpy as np
from process_memory import peak
from blindlink.messages.encodings import Encodings
from blindlink.messages.submission.content import Content, read_records
from blindlink.owner.encoding.spool import spooling

rows, folder = 96 * 1024, Path(sys.argv[1])
bits = (np.ones((1024, 1024), np.uint8),)
piece = Encodings(bits, (8192,), np.arange(1024), None, (), "", None, "x")
before = peak()
with spooling(folder) as spool:
    for _ in range(rows // 1024):
        spool.add(piece)
    order = np.random.default_rng(1).permutation(rows)
    with (folder / "x").open("wb") as out:
        out.write(np.arange(2 * rows, dtype=np.uint64).tobytes())
        out.write(np.arange(rows, dtype=">u4").tobytes())
        for rows_of_it in spool.pieces(order):
            out.write(rows_of_it.data)
        out.write(np.ones(rows, ">u4").tobytes())
written = peak() - before
content = Content(sequence=1, first_rows=rows, entity_rows=1, schema_fingerprint="0" * 64,
                  encoder="x", key_check="0" * 16,
                  rows=rows, entities=rows, bits=(8192,), match_keys=0, blobs=rows, blob_size=64,
                  payload_root="0" * 64, risk_report=None)
with (folder / "x").open("rb") as source:
    found = read_records(source, content, "x", keep=False)
assert len(found.ids) == rows and not found.filters
print(written, peak() - before)
"""


def test_encodings_are_spooled_and_read_through(tmp_path: Path) -> None:
    """96 MiB of encodings, written in random order and read: a piece at a time, and the ids."""
    program = ENCODINGS.format(tests=str(TESTS))
    arguments = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    written, read_through = map(int, done.stdout.split())
    print(f"encodings: {written} KiB to write, {read_through} KiB in all")
    assert read_through < 64 * 1024
