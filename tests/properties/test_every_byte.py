"""A changed bit anywhere in a file of ours, or a cut, and nothing is accepted.

Some 40 bytes of each file are flipped; BLINDLINK_FLIP_EVERY_BYTE=1 flips each of them, those of a
submission and a release too, which takes some minutes (docs/security-properties.md). Most flips lie
below a manifest whose signature was verified before: the check of one and the same signature is
remembered here.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from blindlink.analyst.cohort.opening import open_release
from blindlink.errors import BlindlinkError
from blindlink.keys import LinkageKey, PartyKeys, PartyPublic, party
from blindlink.linker.protocol.intake import take
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import load_agreement
from blindlink.messages.agreement.secret import open_secret
from vectors.test_vectors import READERS, read_audit, read_receipt
from vectors.world import BASE, FOLDER, NOW, PASSPHRASE, agreement, keys

EVERY = bool(os.environ.get("BLINDLINK_FLIP_EVERY_BYTE"))
SIGNED = agreement()
Read = Callable[[Path], Any]


def submission(path: Path) -> None:
    with ExitStack() as stack:
        take(stack, path, Acting(SIGNED, keys("ttp"), NOW))


def secret(path: Path) -> None:
    open_secret(path, Acting(SIGNED, keys("ohid"), NOW))


CASES: dict[str, tuple[Path, Read]] = {
    "agreement": (BASE / "study.agreement", lambda path: load_agreement(path, now=NOW)),
    "secret": (BASE / "for-ohid.secret", secret),
    "receipt": (FOLDER / "receipt" / "valid.receipt", read_receipt),
    "log": (FOLDER / "audit" / "of-5.log", read_audit),
    "head": (FOLDER / "audit" / "at-5.head", read_audit),
    "consistency": (FOLDER / "audit" / "from-5-to-9.consistency", read_audit),
    "inclusion": (FOLDER / "audit" / "3-of-9.inclusion", read_audit),
    "row-map": (FOLDER / "row-map" / "valid.row-map", READERS["row-map"]),
    "withdrawal": (FOLDER / "withdrawal" / "valid.withdrawal", READERS["withdrawal"]),
    "linkage-key": (BASE / "linkage.key", LinkageKey.load),
    "party-keys": (BASE / "moj.key", lambda path: PartyKeys.load(path, PASSPHRASE)),
}
if EVERY:  # tests/properties/test_tampering.py samples these
    CASES["submission"] = BASE / "moj.submission", submission
    CASES["release"] = (
        BASE / "study.release",
        lambda path: open_release(path, Acting(SIGNED, keys("lab"), NOW)),
    )


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signature that verified once verifies again, and Argon2id is paid once for one salt."""
    verify, good = PartyPublic.verify, set()
    monkeypatch.setattr(party, "_stretch", cache(party._stretch))

    def once(self: PartyPublic, message: bytes, signatures: Any, *, domain: str) -> None:
        case = (self, message, signatures, domain)
        if case not in good:
            verify(self, message, signatures, domain=domain)
            good.add(case)

    monkeypatch.setattr(PartyPublic, "verify", once)


def flips(data: bytes, step: int) -> Iterator[bytes]:
    """The file with one bit changed in every ``step``-th byte, another bit each time."""
    for place in range(0, len(data), step):
        yield data[:place] + bytes((data[place] ^ (1 << place % 8),)) + data[place + 1 :]


def cuts(data: bytes, step: int) -> Iterator[bytes]:
    """The file cut short at every ``step``-th byte."""
    for place in range(0, len(data), step):
        yield data[:place]


def accepted(path: Path, files: Iterator[bytes], read: Read) -> int:
    """How many of the files were accepted."""
    found = 0
    path.touch(mode=0o600)
    for data in files:
        path.write_bytes(data)
        try:
            read(path)
            found += 1
        except BlindlinkError:
            continue
    return found


@pytest.mark.parametrize("name", CASES)
def test_only_the_unchanged_file_is_accepted(name: str, tmp_path: Path) -> None:
    source, read = CASES[name]
    data, path = source.read_bytes(), tmp_path / f"x{source.suffix}"
    assert accepted(path, iter([data]), read) == 1
    step = 1 if EVERY else max(1, len(data) // 40)
    assert accepted(path, flips(data, step), read) == 0
    assert accepted(path, cuts(data, max(1, len(data) // 60)), read) == 0
    if EVERY:
        print(f"{name}: {len(data)} bytes flipped, 0 accepted")
