"""A linker that signs whatever it likes: receipts and logs that tell of what cannot have been.

Signatures, inclusion proofs and roots are correct throughout; only what they say is not.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blindlink.errors import BlindlinkError, FormatError, VerificationError
from blindlink.messages.audit.kept import Sent, verify_kept
from blindlink.messages.audit.log import AuditLog, Entry, Head
from blindlink.messages.audit.receipt import Rejection, log_details, make_receipt
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.fields import stamp
from blindlink.messages.signed import Signed
from worlds.flow import NOW, World, keys

TTP = keys("ttp")
LOG_ID = "0f" * 16
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.submit("moj")
    TTP.public.save(tmp_path / "ttp.public")
    return made


def sent(world: World) -> Manifest:
    with container.opened(world.folder / "moj.submission", "submission") as sealed:
        return sealed.manifest


def receipt(
    world: World,
    entry: dict[str, Any] | None = None,
    said: dict[str, Any] | None = None,
    event: str = "submission-received",
) -> Path:
    """A receipt for moj's submission by a linker that logs and says something else."""
    manifest, rows = sent(world), sent(world).content["rows"]
    log = AuditLog.create(world.folder / "its.log", LOG_ID, force=True)
    log.append("project-opened", {"agreement": world.agreement.digest()}, now=NOW)
    details: dict[str, Any] = log_details("moj", manifest, 1, rows)
    index = log.append(event, {**details, **(entry or {})}, now=NOW)
    honest = make_receipt(log, index, world.acting("ttp"), manifest, rows).document
    path = world.folder / "moj-1.receipt"
    Signed.make(honest.model_copy(update=said or {}), TTP).save(path, force=True)
    return path


def check(world: World, path: Path) -> None:
    """As the owner does, with what it sent; ``audit verify --submission``."""
    mine = Sent(keys("moj").public, [world.folder / "moj.submission"])
    verify_kept(None, world.folder / "ttp.public", [], [path], now=LATER, sent=mine)


def test_an_honest_receipt_holds(world: World) -> None:
    check(world, receipt(world))


CLAIMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    # what the log's entry says, and what the receipt says
    "fewer rows in the receipt": ({}, {"received": 1, "accepted": 1}),
    "fewer rows in both": ({"rows": 1}, {"received": 1, "accepted": 1}),
    "no rows": ({"rows": 0}, {"received": 0, "accepted": 0}),
    "another owner": ({"owner": "ohid"}, {}),
    "no owner": ({"owner": None}, {}),
    "a sequence of the future": ({"sequence": 99}, {}),
    "a sequence that is text": ({"sequence": "1"}, {}),
    "other rows in the entry": ({"rows": 3}, {}),
    "another bundle": ({"bundle": "ab" * 16}, {"bundle": "ab" * 16}),
    "another agreement": ({"agreement": "ab" * 32}, {"agreement": "ab" * 32}),
    "another bundle in the entry": ({"bundle": "ab" * 16}, {}),
    "another agreement in the entry": ({"agreement": "ab" * 32}, {}),
    "another submission": ({"submission": "ab" * 32}, {"submission": "ab" * 32}),
    "rows rejected that are not there": (
        {},
        {"accepted": 65, "rejected": (Rejection(reason="empty-encoding", positions=(10**6,)),)},
    ),
    "made before the submission": ({}, {"created": "1970-01-01T00:00:00Z"}),
    "made in 9999": ({}, {"created": "9999-01-01T00:00:00Z"}),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_receipt_that_does_not_agree_is_refused(world: World, name: str) -> None:
    entry, said = CLAIMS[name]
    with pytest.raises((VerificationError, FormatError)):
        check(world, receipt(world, entry, said))


def test_an_entry_of_another_kind_is_no_receipt(world: World) -> None:
    with pytest.raises(VerificationError, match="is not the one of this submission"):
        check(world, receipt(world, event="refused"))


def test_a_receipt_for_what_was_not_sent_is_refused(world: World) -> None:
    path = receipt(world)
    world.submit("moj", sequence=2, force=True, previous=world.folder / "moj.submission.rows")
    with pytest.raises(VerificationError, match="is for no submission that moj sent"):
        check(world, path)


# ---------------------------------------------------------------------------------------- heads

HEADS: dict[str, Callable[[Head], dict[str, Any]]] = {
    "of 1970": lambda _: {"time": "1970-01-01T00:00:00Z"},
    "of 9999": lambda _: {"time": "9999-12-31T23:59:59Z"},
    "of another root": lambda _: {"root": "ab" * 32},
    "of no entry and some root": lambda _: {"size": 0, "root": "ab" * 32},
    "of more entries": lambda head: {"size": head.size + 1},
    "of another log": lambda _: {"log": "ab" * 16},
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_cannot_be_is_refused(world: World, name: str) -> None:
    log = _log(world.folder / "its.log", honest(world))
    head = log.head(TTP, now=NOW).document
    changed = Signed.make(head.model_copy(update=HEADS[name](head)), TTP)
    changed.save(world.folder / "a.head")
    log.head(TTP, now=NOW).save(world.folder / "good.head")
    linker, given = world.folder / "ttp.public", [world.folder / "a.head"]
    with pytest.raises(BlindlinkError):
        verify_kept(log.path, linker, [*given, world.folder / "good.head"], now=LATER)


# ----------------------------------------------------------------------------------------- logs

Events = list[tuple[str, dict[str, Any]]]


def honest(world: World) -> Events:
    """A run from its beginning to its end."""
    digest = world.agreement.digest()
    received: Events = [
        (
            "submission-received",
            {
                "owner": name,
                "sequence": 1,
                "agreement": digest,
                "bundle": f"{at:032x}",
                "rows": 9,
                "submission": f"{at:064x}",
            },
        )
        for at, name in enumerate(world.owners, start=1)
    ]
    bundles = [details["bundle"] for _, details in received]
    withdrawal = {
        "owner": "moj",
        "bundle": f"{99:032x}",
        "rows": 1,
        "submission": bundles[0],
        "withdrawal": f"{99:064x}",
    }
    return [
        ("project-opened", {"agreement": digest}),
        *received,
        ("withdrawal-received", withdrawal),
        ("inputs-frozen", {"submissions": bundles, "withdrawals": [f"{99:032x}"]}),
        ("released", {"bundle": f"{7:032x}", "release": f"{7:064x}", "nonce": "00" * 16}),
        ("destroyed", {}),
    ]


def _log(path: Path, events: Events, moments: list[datetime] | None = None) -> AuditLog:
    """A log of these events, written as they are; honest writers would refuse some of them."""
    log = AuditLog.create(path, LOG_ID, force=True)
    for at, (event, details) in enumerate(events):
        time = stamp(moments[at] if moments else NOW)
        entry = Entry(index=at, time=time, event=event, details=details)
        log.entries.append(entry)
        log.leaves.append(entry.leaf())
    log._write(force=True)
    return log


def at(events: Events, kind: str) -> int:
    return next(number for number, (event, _) in enumerate(events) if event == kind)


def moved(events: Events, kind: str, before: str) -> Events:
    rest = list(events)
    event = rest.pop(at(rest, kind))
    rest.insert(at(rest, before), event)
    return rest


def replaced(events: Events, kind: str, **changes: Any) -> Events:
    place = at(events, kind)
    event, details = events[place]
    return [*events[:place], (event, {**details, **changes}), *events[place + 1 :]]


LOGS: dict[str, Callable[[Events], Events]] = {
    "the freeze before a receipt": lambda e: moved(e, "inputs-frozen", "submission-received"),
    "the freeze before a withdrawal": lambda e: moved(e, "inputs-frozen", "withdrawal-received"),
    "two releases": lambda e: [*e[:-1], e[at(e, "released")], e[-1]],
    "refused, then released": lambda e: [
        *e[: at(e, "released")],
        ("refused", {"reason": "RefusedError", "nonce": "00" * 16}),
        *e[at(e, "released") :],
    ],
    "a release after the destruction": lambda e: moved(e, "destroyed", "released"),
    "opened twice": lambda e: [e[0], *e],
    "opened under another agreement later": lambda e: [
        *e,
        ("project-opened", {"agreement": "ab" * 32}),
    ],
    "opened after something": lambda e: [e[1], e[0], *e[2:]],
    "not opened": lambda e: e[1:],
    "a release without a freeze": lambda e: [each for each in e if each[0] != "inputs-frozen"],
    "frozen twice": lambda e: [*e[:-1], e[at(e, "inputs-frozen")], e[-1]],
    "frozen without a withdrawal": lambda e: replaced(e, "inputs-frozen", withdrawals=[]),
    "frozen with others": lambda e: replaced(e, "inputs-frozen", submissions=["cd" * 16]),
    "received under another agreement": lambda e: replaced(
        e, "submission-received", agreement="ab" * 32
    ),
    "a bundle twice": lambda e: [*e[:2], e[1], *e[2:]],
    "a withdrawal for nothing": lambda e: replaced(e, "withdrawal-received", submission="ab" * 16),
    "an event that is none": lambda e: [*e, ("all-is-well", {})],
    "an entry without its fields": lambda e: [e[0], ("submission-received", {}), *e[1:]],
}


def verified(world: World, log: AuditLog) -> None:
    log.head(TTP, now=LATER).save(world.folder / "a.head", force=True)
    linker = world.folder / "ttp.public"
    verify_kept(log.path, linker, [world.folder / "a.head"], now=LATER)


def test_an_honest_log_holds(world: World) -> None:
    verified(world, _log(world.folder / "its.log", honest(world)))


@pytest.mark.parametrize("name", LOGS)
def test_a_log_that_cannot_have_been_is_refused(world: World, name: str) -> None:
    with pytest.raises((VerificationError, FormatError)):
        verified(world, _log(world.folder / "its.log", LOGS[name](honest(world))))


def test_time_that_goes_back_is_refused(world: World) -> None:
    events = honest(world)
    moments = [NOW] * len(events)
    moments[2] = datetime(2002, 1, 1, tzinfo=UTC)
    with pytest.raises((VerificationError, FormatError)):
        verified(world, _log(world.folder / "its.log", events, moments))
