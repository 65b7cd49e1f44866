"""The audit log, recomputed: every leaf, the root of each signed head, the proofs between them.

A service that checks itself proves little to others: what counts is a head that somebody kept
elsewhere, and ``kept`` compares the log with one. The signatures are the linker's, and a web
process has no key to make one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from blindlink.errors import BlindlinkError, FormatError
from blindlink.keys import PartyPublic
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.audit.proofs import prove_consistency, prove_inclusion
from blindlink.messages.signed import Signed, line
from blindlink.service.context import Service
from blindlink.service.data.logbook import StoredLog
from blindlink.service.data.models import HeadRow, Project
from blindlink.service.domain.projects import agreement_of

MOST = 200  # heads and entries that are proved one by one; the root covers every entry anyway


@dataclass(frozen=True)
class Check:
    """One thing that was recomputed: ``ok`` with what was found, or not with what is wrong."""

    name: str
    ok: bool
    text: str


def verify(session: Session, service: Service, project: Project) -> list[Check]:
    """Recompute everything. What does not hold is a check that failed, never an error."""
    try:
        log, heads = StoredLog(session, project), heads_of(session, project)
    except BlindlinkError as error:
        return [Check("Entries", False, error.message)]
    signer = agreement_of(project).agreement.linker
    return [
        Check("Entries", True, f"{len(log.entries)} entries, each in canonical form and in order"),
        _tried("Agreement", lambda: _agreement(log, project)),
        _tried("Signed heads", lambda: _heads(log, heads, signer)),
        _tried("Consistency", lambda: _consistency(log, heads, signer)),
        _tried("Inclusion", lambda: _inclusion(log, heads, signer)),
        _tried("Kept outside the database", lambda: _witness(service, log, signer)),
    ]


def kept(session: Session, project: Project, text: str) -> Check:
    """Does the log extend a head that somebody kept, given as the text of its file?"""

    def check() -> str:
        head = Signed.parse(text.strip().encode(), Head, "the head")
        log = StoredLog(session, project)
        verify_log(log, head, agreement_of(project).agreement.linker, "the head")
        return (
            f"the linker signed it, and its {head.document.size} entries are the first of the "
            f"{len(log.entries)} that the log has now"
        )

    return _tried("The head that you kept", check)


def heads_of(session: Session, project: Project) -> list[Signed[Head]]:
    """The signed heads, from the first to the last. Raises FormatError."""
    rows = select(HeadRow.data).where(HeadRow.project == project.id).order_by(HeadRow.size)
    return [Signed.parse(line(data, "head"), Head, "head") for data in session.scalars(rows)]


def _tried(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, True, check())
    except BlindlinkError as error:
        return Check(name, False, error.message)


def _agreement(log: AuditLog, project: Project) -> str:
    """The agreement of the project is the one that the log opens with, signed by every party."""
    signed: SignedAgreement = agreement_of(project)
    signed.check_signatures("agreement")
    first = log.entries[0].details.get("agreement") if log.entries else None
    if first != signed.digest() or first != project.id:
        raise FormatError("the log opens with another agreement")
    return "every party signed the agreement that the log opens with"


def _heads(log: AuditLog, heads: Sequence[Signed[Head]], signer: PartyPublic) -> str:
    if not heads:
        raise FormatError("there is no signed head yet")
    for head in heads[-MOST:]:
        verify_log(log, head, signer, f"head of {head.document.size}")
    rest = len(log.entries) - heads[-1].document.size
    waiting = f"; {rest} entries wait for the next head" if rest else ", all entries are covered"
    return f"{min(len(heads), MOST)} heads are the linker's, with the roots recomputed{waiting}"


def _consistency(log: AuditLog, heads: Sequence[Signed[Head]], signer: PartyPublic) -> str:
    some = heads[-MOST:]
    for before, after in pairwise(some):
        first = before.document.size
        proof = prove_consistency(log, first, after, signer, f"head of {after.document.size}")
        proof.verify(before.document, f"from {first} to {after.document.size}")
    if len(some) < 2:
        return "one head: nothing to compare yet"
    return f"{len(some) - 1} proofs: each head's log is the beginning of the next one's"


def _inclusion(log: AuditLog, heads: Sequence[Signed[Head]], signer: PartyPublic) -> str:
    if not heads:
        raise FormatError("there is no signed head yet")
    head = heads[-1]
    last = head.document.size
    for index in range(max(0, last - MOST), last):
        prove_inclusion(log, index, head, signer, "newest head").verify(f"entry {index}")
    return f"{min(last, MOST)} proofs: each entry stands in the log of the newest head"


def _witness(service: Service, log: AuditLog, signer: PartyPublic) -> str:
    path = service.settings.witness_folder / f"{log.log_id}.head"
    if not path.exists():
        return "no head of this log is kept on this machine: workers keep one beside their keys"
    head = Signed.load(path, Head)
    verify_log(log, head, signer, "the kept head")
    return f"the log extends the head of {head.document.size} entries that a worker kept"
