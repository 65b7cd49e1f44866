"""The audit log, heads that others keep, and receipts."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from blindlink.errors import BlindlinkError, FormatError, InputError, OutputError, VerificationError
from blindlink.messages import canonical
from blindlink.messages.acting import Acting
from blindlink.messages.audit.kept import verify_kept
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.audit.receipt import (
    EVENT,
    Receipt,
    Rejection,
    load_receipt,
    log_details,
    make_receipt,
)
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.signed import Signed
from worlds.parties import LATER, NOW, entropy, keys, project_event, signed

LOG_ID = "0f" * 16
TTP = keys("ttp")


def log_of(path: Path, count: int, *, salt: int = 0) -> AuditLog:
    """A log of ``count`` entries; another salt is another history from entry 2 on."""
    log = AuditLog.create(path, LOG_ID, force=True)
    for number in range(count):
        log.append("event", {"number": number + (salt if number > 1 else 0)}, now=NOW)
    return log


def history_of(path: Path, count: int, *, salt: int = 0) -> AuditLog:
    """The same of events that a project has in this order."""
    log = AuditLog.create(path, LOG_ID, force=True)
    for number in range(count):
        log.append(*project_event(number, salt if number > 1 else 0), now=NOW)
    return log


# -------------------------------------------------------------------------------------------- log


def test_a_log_comes_back(tmp_path: Path) -> None:
    log = log_of(tmp_path / "log", 5)
    again = AuditLog.load(tmp_path / "log")
    assert (again.log_id, again.entries, again.leaves) == (LOG_ID, log.entries, log.leaves)
    assert again.root() == log.root()
    assert (tmp_path / "log").read_bytes().split(b"\n")[:2] == [
        b"blindlink-audit-log-v1 " + LOG_ID.encode(),
        b'{"details":{"number":0},"event":"event","index":0,"time":"2026-11-23T12:00:00Z"}',
    ]


def test_a_log_is_not_begun_twice(tmp_path: Path) -> None:
    AuditLog.create(tmp_path / "log", LOG_ID)
    with pytest.raises(OutputError, match="exists already"):
        AuditLog.create(tmp_path / "log", LOG_ID)


def test_a_clock_that_jumps_back_does_not_reorder_it(tmp_path: Path) -> None:
    log = log_of(tmp_path / "log", 1)
    log.append("late", {}, now=LATER)
    log.append("early", {}, now=NOW - timedelta(days=1))
    assert [entry.time for entry in log.entries[1:]] == ["2027-02-21T12:00:00Z"] * 2


def test_an_entry_that_cannot_be_written_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of(tmp_path / "log", 2)
    monkeypatch.setattr(AuditLog, "_write", lambda *_, **__: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):  # noqa: PT011 (any)
        log.append("event", {}, now=NOW)
    assert len(log.entries) == len(log.leaves) == 2
    assert len(AuditLog.load(tmp_path / "log").entries) == 2


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda data: b"", "cut off"),
        (lambda data: data[:-1], "cut off"),
        (lambda data: data[:-10], "cut off"),
        (lambda data: data.replace(b"log-v1", b"log-v2"), "not an audit log"),
        (lambda data: data.replace(b"0f0f", b"0F0F"), "not an audit log"),
        (lambda data: data.replace(b"0f0f", b"0f"), "not an audit log"),
        (lambda data: data + b"\n", "entry 3: not JSON"),
        (lambda data: data + b"{}\n", "entry 3: index"),
        (lambda data: data.replace(b'"index":1', b'"index":2'), "entry 1: has another number"),
        (lambda data: data.replace(b'{"number":1}', b'{"number": 1}'), "entry 1: not in canon"),
        (lambda data: data.replace(b'{"number":1}', b"[1]"), "entry 1: details"),
        (lambda data: data.replace(b'"event":"event"', b'"event":"E"', 1), "entry 0: event"),
    ],
)
def test_a_malformed_log_is_refused(edit: Any, message: str, tmp_path: Path) -> None:
    log_of(tmp_path / "log", 3)
    (tmp_path / "x").write_bytes(edit((tmp_path / "log").read_bytes()))
    with pytest.raises(FormatError, match=message):
        AuditLog.load(tmp_path / "x")
    with pytest.raises(InputError):
        AuditLog.load(tmp_path / "missing")


# ------------------------------------------------------------------------------------------ heads


def test_every_head_that_was_ever_given_is_extended(tmp_path: Path) -> None:
    log = log_of(tmp_path / "log", 0)
    heads = [log.head(TTP, now=NOW)]
    for number in range(6):
        log.append("event", {"number": number}, now=NOW)
        heads.append(log.head(TTP, now=NOW))
    for head in heads:
        verify_log(log, head, TTP.public, "head")


def test_a_log_that_its_signer_rewrote_is_found_out(tmp_path: Path) -> None:
    kept = log_of(tmp_path / "a", 4).head(TTP, now=NOW)
    rewritten = log_of(tmp_path / "b", 6, salt=100)
    with pytest.raises(VerificationError, match="kept: the log was rewritten before entry 4"):
        verify_log(rewritten, kept, TTP.public, "kept")


def test_a_log_that_was_cut_is_found_out(tmp_path: Path) -> None:
    kept = log_of(tmp_path / "a", 4).head(TTP, now=NOW)
    cut = log_of(tmp_path / "b", 3)
    with pytest.raises(VerificationError, match="had 4 entries, and the log has 3"):
        verify_log(cut, kept, TTP.public, "kept")


def test_heads_of_other_logs_and_other_signers_are_refused(tmp_path: Path) -> None:
    log = log_of(tmp_path / "a", 4)
    other = AuditLog.create(tmp_path / "b", "ab" * 16)
    foreign = other.head(TTP, now=NOW)
    with pytest.raises(VerificationError, match="is of another log"):
        verify_log(log, foreign, TTP.public, "kept")
    with pytest.raises(VerificationError, match="signer: is not ttp"):
        verify_log(log, log.head(keys("moj"), now=NOW), TTP.public, "kept")


# --------------------------------------------------------------------------------------- receipts


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The manifest of a small submission of moj."""
    path = tmp_path_factory.mktemp("submission") / "s"
    with container.create(
        path,
        "submission",
        sender=keys("moj"),
        agreement=signed().digest(),
        bundle="ab" * 16,
        now=NOW,
        expires=LATER,
        entropy=entropy("receipt"),
    ) as draft:
        draft.content = {"rows": 5, "sequence": 1}
    with container.opened(path, "submission") as sealed:
        return sealed.manifest


def receipt_of(log: AuditLog, manifest: Manifest, **changes: Any) -> Signed[Receipt]:
    index = log.append(EVENT, log_details("moj", manifest, 1, 5), now=NOW)
    log.append(*project_event(91), now=NOW)
    options: dict[str, Any] = {
        "rows": 5,
        "rejected": (Rejection(reason="duplicate-row", positions=(1, 4)),),
    }
    return make_receipt(log, index, Acting(signed(), TTP, NOW), manifest, **options | changes)


def test_a_receipt_comes_back(tmp_path: Path, manifest: Manifest) -> None:
    log = history_of(tmp_path / "log", 3)
    receipt_of(log, manifest).save(tmp_path / "r")
    found = load_receipt(tmp_path / "r", TTP.public, manifest).document
    assert (found.received, found.accepted, found.rejected[0].positions) == (5, 3, (1, 4))
    assert found.head.document.size == 4  # its own entry is the last: the head tells no more
    TTP.public.save(tmp_path / "p")
    log.head(TTP, now=NOW).save(tmp_path / "h")
    kept = verify_kept(
        tmp_path / "log", tmp_path / "p", [tmp_path / "h"], [tmp_path / "r"], now=NOW
    )
    assert (kept.size, kept.heads, kept.entries) == (5, 2, 1)
    history_of(tmp_path / "log", 6, salt=9)
    with pytest.raises(VerificationError, match="rewritten before entry 4"):
        verify_kept(tmp_path / "log", tmp_path / "p", [], [tmp_path / "r"], now=NOW)


def test_a_receipt_says_nothing_of_matches_or_release() -> None:
    assert set(Receipt.model_fields) == {
        *("format", "agreement", "bundle", "submission", "received", "accepted", "rejected"),
        *("created", "signer", "entry", "path", "head"),
    }


def test_a_receipt_of_another_submission_is_refused(tmp_path: Path, manifest: Manifest) -> None:
    receipt_of(log_of(tmp_path / "log", 1), manifest).save(tmp_path / "r")
    other = manifest.model_copy(update={"bundle": "cd" * 16})
    with pytest.raises(VerificationError, match="submission: is another one"):
        load_receipt(tmp_path / "r", TTP.public, other)
    with pytest.raises(VerificationError, match="signer: is not moj"):
        load_receipt(tmp_path / "r", keys("moj").public, manifest)


def other_head(receipt: Receipt) -> Any:
    return receipt.head.model_copy(
        update={"document": receipt.head.document.model_copy(update={"root": "0" * 64})}
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda r: {"path": r.path[:-1]}, VerificationError, "proof: is too short"),
        (lambda r: {"path": (*r.path, "0" * 64)}, VerificationError, "proof: is too long"),
        (lambda r: {"path": ("0" * 64, *r.path[1:])}, VerificationError, "lead to the head"),
        (lambda r: {"head": other_head(r)}, VerificationError, "head: signature of ttp"),
        (
            lambda r: {"entry": r.entry.model_copy(update={"event": "other"})},
            VerificationError,
            "entry: is not the one",
        ),
        (
            lambda r: {"entry": r.entry.model_copy(update={"details": {}})},
            VerificationError,
            "entry: is not the one",
        ),
        (lambda r: {"accepted": 4}, FormatError, "are not the received ones"),
        (lambda r: {"received": -1}, FormatError, "received"),
        (lambda r: {"path": ("x",)}, FormatError, "path"),
    ],
)
def test_what_the_linker_may_not_say(
    change: Any, error: type[BlindlinkError], message: str, tmp_path: Path, manifest: Manifest
) -> None:
    """Faults that the linker itself signed."""
    good = receipt_of(log_of(tmp_path / "log", 3), manifest).document
    Signed.make(good.model_copy(update=change(good)), TTP).save(tmp_path / "r")
    with pytest.raises(error, match=message):
        load_receipt(tmp_path / "r", TTP.public, manifest)


def test_a_head_is_no_receipt(tmp_path: Path) -> None:
    log_of(tmp_path / "log", 1).head(TTP, now=NOW).save(tmp_path / "h")
    with pytest.raises(FormatError):
        Signed.load(tmp_path / "h", Receipt)
    assert Signed.load(tmp_path / "h", Head).document.size == 1
    data = (tmp_path / "h").read_bytes()
    (tmp_path / "h").write_bytes(data[:-1])
    with pytest.raises(FormatError, match="no line feed"):
        Signed.load(tmp_path / "h", Head)
    assert canonical.loads(data[:-1])["document"]["size"] == 1
