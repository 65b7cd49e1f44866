"""Every vector is accepted, or refused by the step that it names with the error that it names."""

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from blindlink.analyst.cohort.opening import open_release
from blindlink.errors import BlindlinkError
from blindlink.keys import LinkageKey, PartyKeys, PartyPublic
from blindlink.linker.protocol.intake import take, take_withdrawal, without
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import load_agreement
from blindlink.messages.agreement.secret import open_secret
from blindlink.messages.audit.kept import verify_kept
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.audit.receipt import load_receipt
from blindlink.messages.container import reader as container
from blindlink.messages.output_check import OutputCheck, verify_check
from blindlink.messages.signed import Signed
from blindlink.owner.withdraw import open_row_map
from vectors.world import BASE, FOLDER, NOW, PASSPHRASE, agreement, keys

KINDS = (
    *("agreement", "key-file", "secret", "audit", "receipt", "submission", "release"),
    *("row-map", "withdrawal", "output-check"),
)
LEAST = {"agreement": 45, "key-file": 30, "secret": 15, "audit": 20, "receipt": 20} | {
    "submission": 60,
    "release": 60,
    "row-map": 45,
    "withdrawal": 45,
    "output-check": 15,
}


def entries(kind: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((FOLDER / kind / "vectors.json").read_text())
    return found


ALL = [(kind, entry) for kind in KINDS for entry in entries(kind)]


def read_key_file(path: Path) -> None:
    if path.suffix == ".linkage":
        LinkageKey.load(path)
    elif path.suffix == ".party":
        PartyKeys.load(path, PASSPHRASE)
    else:
        PartyPublic.load(path)


def read_audit(path: Path) -> None:
    """A log against the head that somebody kept, a head against the log of the linker."""
    folder, ttp = FOLDER / "audit", keys("ttp").public
    if path.suffix in (".consistency", ".inclusion"):
        kept = [folder / "at-5.head"] if path.suffix == ".consistency" else []
        verify_kept(None, BASE / "ttp.public", kept, (), [path], now=NOW)
        return
    log = path if path.suffix == ".log" else folder / "of-9.log"
    head = path if path.suffix == ".head" else folder / "at-5.head"
    verify_log(AuditLog.load(log), Signed.load(head, Head), ttp, str(path))


def read_receipt(path: Path) -> None:
    with container.opened(BASE / "moj.submission", "submission") as sealed:
        load_receipt(path, keys("ttp").public, sealed.manifest)


def read_submission(path: Path) -> None:
    with ExitStack() as stack:
        take(stack, path, Acting(agreement(), keys("ttp"), NOW))


def read_withdrawal(path: Path) -> None:
    with ExitStack() as stack:
        taken = take(stack, BASE / "moj.submission", Acting(agreement(), keys("ttp"), NOW))
        without(taken, [take_withdrawal(path, Acting(agreement(), keys("ttp"), NOW))])


def read_output_check(path: Path) -> None:
    signed = load_agreement(FOLDER / "agreement" / "output-checker.agreement", now=NOW)
    world = json.loads((FOLDER / "world.json").read_text())["output"]
    found = Signed.load(path, OutputCheck)
    verify_check(found, world["files"], world["audit"], signed, str(path))


READERS: dict[str, Callable[[Path], Any]] = {
    "agreement": lambda path: load_agreement(path, now=NOW),
    "key-file": read_key_file,
    "secret": lambda path: open_secret(path, Acting(agreement(), keys("ohid"), NOW)),
    "audit": read_audit,
    "receipt": read_receipt,
    "submission": read_submission,
    "release": lambda path: open_release(path, Acting(agreement(), keys("lab"), NOW)),
    "row-map": lambda path: open_row_map(path, Acting(agreement(), keys("moj"), NOW)),
    "withdrawal": read_withdrawal,
    "output-check": read_output_check,
}


@pytest.mark.parametrize(
    ("kind", "entry"), ALL, ids=[f"{kind}/{entry['file']}" for kind, entry in ALL]
)
def test_vector(kind: str, entry: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / entry["file"]
    path.touch(mode=0o600)
    path.write_bytes((FOLDER / kind / entry["file"]).read_bytes())
    if entry["expect"] == "accept":
        READERS[kind](path)
        return
    with pytest.raises(BlindlinkError) as caught:
        READERS[kind](path)
    assert type(caught.value).__name__ == entry["expect"]
    # Without the path, which names the fault as well.
    assert entry["message"] in caught.value.message.replace(str(path), "")
    assert entry["step"]


def test_there_are_enough_of_them() -> None:
    for kind in KINDS:
        listed = [entry["file"] for entry in entries(kind)]
        on_disk = {path.name for path in (FOLDER / kind).iterdir()} - {"vectors.json"}
        assert set(listed) == on_disk
        assert len(listed) >= LEAST[kind]
    refused = [entry for _, entry in ALL if entry["expect"] != "accept"]
    assert len(refused) >= 0.75 * len(ALL)


@pytest.mark.slow
def test_they_come_out_unchanged() -> None:
    done = subprocess.run(
        [sys.executable, FOLDER / "make_vectors.py", "--check"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
