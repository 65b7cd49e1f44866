"""What went into a release, by signatures of those whom it concerns: log, submissions, withdrawals.

The linker's word alone is no premise of a check on the linker. Who was taken out stands in messages
that the owner signed; which messages and submissions there were stands in the linker's log, whose
head also the owners' receipts lead to; and the log must tell of a project that the rules allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import IO

from blindlink.errors import FormatError, VerificationError
from blindlink.keys import PartyKeys, PartyPublic
from blindlink.messages import merkle
from blindlink.messages.audit.history import FROZEN, RECEIVED, State, replay
from blindlink.messages.audit.log import ENTRY_LIMIT, Entry, read_entry
from blindlink.messages.container.manifest import SKEW, Manifest, verify_manifest
from blindlink.messages.container.reader import open_section
from blindlink.messages.fields import moment
from blindlink.messages.release import Index, SentWithdrawal, read_withdrawals
from blindlink.messages.submission.content import Content
from blindlink.messages.submission.withdrawal import (
    ENTITIES,
    WITHDRAWAL,
    read_withdrawn,
    withdrawal_content,
)


@dataclass(frozen=True)
class TakenOut:
    """Who an owner took out: blob ids of its people, identity rows, and the messages' manifests."""

    blobs: frozenset[bytes]
    rows: int
    manifests: tuple[Manifest, ...]


def read_story(
    source: IO[bytes], index: Index, linker: PartyPublic, made: datetime, where: str
) -> list[Entry]:
    """The entries of the linker's log up to the freeze, as its signed head has them.

    ``made``: when the release was. Raises FormatError or VerificationError.
    """
    head, where = index.head.document, f"{where}: log"
    index.head.signed().verify(linker, f"{where}: head")
    lines = source.read(index.log_bytes).split(b"\n")
    if lines.pop() != b"" or len(lines) != head.size:
        raise FormatError(f"{where}: has not the entries of its head")
    if any(len(line) > ENTRY_LIMIT for line in lines):
        raise FormatError(f"{where}: an entry is too long")
    entries = [read_entry(line, f"{where}: entry {at}") for at, line in enumerate(lines)]
    if any(entry.index != at for at, entry in enumerate(entries)):
        raise FormatError(f"{where}: an entry has another number")
    if merkle.root([merkle.leaf(line) for line in lines]).hex() != head.root:
        raise VerificationError(f"{where}: is not that of its head")
    if not moment(entries[-1].time) <= moment(head.time) <= made + SKEW:
        raise VerificationError(f"{where}: entries, head and release are not in this order of time")
    return entries


def check_story(
    entries: Sequence[Entry],
    agreement: str,
    submissions: Sequence[tuple[str, Manifest, Content]],
    taken_out: Sequence[TakenOut],
    where: str,
) -> State:
    """The log ends with the freeze of exactly these inputs, and says of each what its owner signed.

    ``submissions``: owner, manifest and content of each. Raises VerificationError or FormatError.
    """
    where = f"{where}: log"
    state = replay(entries, where)
    if state.agreement != agreement or state.frozen is None or entries[-1].event != FROZEN:
        raise VerificationError(f"{where}: does not end with the freeze of this agreement's inputs")
    if set(state.current) != {owner for owner, _, _ in submissions}:
        raise VerificationError(f"{where}: its owners are not those of the agreement")
    logged = {each.details["bundle"]: each.details for each in entries if each.event == RECEIVED}
    for owner, manifest, content in submissions:
        if state.current[owner] != manifest.bundle:
            raise VerificationError(
                f"{where}: {owner} sent another submission after the one that was linked"
            )
        said = logged[manifest.bundle]
        same = {
            "owner": owner,
            "submission": manifest.digest(),
            "sequence": content.sequence,
            "rows": content.rows,
        }
        for name, value in same.items():
            if said.get(name) != value:
                raise VerificationError(f"{where}: {owner}: has another {name} than was signed")
        if state.first_rows.get(owner, content.first_rows) != content.first_rows:
            raise VerificationError(f"{where}: {owner}: its first submission had other rows")
    heeded = {each.bundle: each.digest() for out in taken_out for each in out.manifests}
    if sorted(heeded) != state.due or any(state.digests[b] != d for b, d in heeded.items()):
        raise VerificationError(f"{where}: a withdrawal that was received is not in the release")
    return state


def read_taken_out(
    data: bytes,
    number: int,
    owner: PartyPublic,
    submission: Manifest,
    keys: PartyKeys,
    made: datetime,
    where: str,
) -> TakenOut:
    """Who this owner took out of its submission. Raises FormatError or VerificationError."""
    blobs: set[bytes] = set()
    manifests, rows = [], 0
    for at, sent in enumerate(read_withdrawals(data, number, where), start=1):
        place = f"{where}: withdrawal {at}"
        manifest = verify_manifest(sent.manifest, sent.signatures, WITHDRAWAL, owner, place)
        manifest.check(agreement=submission.agreement, now=made, where=place)
        content = withdrawal_content(manifest, place)
        if content.submission != submission.bundle:
            raise VerificationError(f"{place}: is for another submission")
        ids = read_withdrawn(_opened(sent, manifest, keys, place), content.entities, place)
        blobs |= set(ids)
        rows += content.rows
        manifests.append(manifest)
    if len({each.bundle for each in manifests}) != number:
        raise FormatError(f"{where}: withdrawals: one stands twice")
    return TakenOut(frozenset(blobs), rows, tuple(manifests))


def _opened(sent: SentWithdrawal, manifest: Manifest, keys: PartyKeys, where: str) -> bytes:
    if sha256(sent.sealed).hexdigest() != manifest.section(ENTITIES).digest:
        raise VerificationError(f"{where}: is not what the owner signed")
    return open_section(manifest, ENTITIES, sent.sealed, keys, where)
