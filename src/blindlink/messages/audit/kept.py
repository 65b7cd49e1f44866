"""What owners and auditors kept of a log, held against the log itself or against each other.

Heads come by themselves, in receipts and in proofs. With the log, each must be one of its past
states. Without it, each but the latest must be shown to be the beginning of a later one by a
consistency proof; and two heads of one size with different roots are a log that has been split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from blindlink.errors import VerificationError
from blindlink.files import read_bytes
from blindlink.keys import PartyPublic
from blindlink.messages import canonical
from blindlink.messages.audit.history import replay
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.audit.proofs import (
    Consistency,
    Inclusion,
    load_proof,
    prove_consistency,
    prove_inclusion,
)
from blindlink.messages.audit.receipt import Receipt, load_receipt
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import SKEW, Manifest
from blindlink.messages.fields import moment
from blindlink.messages.signed import Signed, line
from blindlink.messages.submission.content import KIND as SUBMISSION


@dataclass(frozen=True)
class Kept:
    """What was read and proved to be the linker's: heads by where they come from, and proofs.

    ``entries`` counts inclusion proofs and receipts, which show one entry each.
    """

    heads: Mapping[str, Signed[Head]]
    proofs: Mapping[str, Consistency] = field(default_factory=dict)
    entries: int = 0


@dataclass(frozen=True)
class Checked:
    """What held: ``heads`` of one log, the latest with ``size`` entries and ``root``."""

    log: str
    heads: int
    entries: int
    size: int
    root: str


@dataclass(frozen=True)
class Sent:
    """What an owner holds its receipts against: itself, and the submissions that it sent."""

    owner: PartyPublic
    submissions: Sequence[Path]

    def manifest(self, receipt: Path) -> Manifest:
        """That of the submission which a receipt names, of those that were sent.

        Raises VerificationError for a receipt of another one, or of another sender.
        """
        named = Signed.load(receipt, Receipt).document.submission
        for path in self.submissions:
            with container.opened(path, SUBMISSION) as sealed:
                found = sealed.manifest
            if found.digest() == named and found.sender == self.owner.fingerprint():
                return found
        raise VerificationError(f"{receipt}: is for no submission that {self.owner.name} sent")


def read_kept(
    signer: PartyPublic,
    heads: Sequence[Path],
    receipts: Sequence[Path],
    proofs: Sequence[Path],
    now: datetime,
    sent: Sent | None = None,
) -> Kept:
    """Read and verify each file by itself: signatures of ``signer``, paths from entry to head.

    With ``sent`` the receipts are held against the submissions that they are for. Raises
    InputError, FormatError or VerificationError.
    """
    found = {str(path): Signed.load(path, Head) for path in heads}
    links: dict[str, Consistency] = {}
    entries = len(receipts)
    for path in receipts:
        mine = (None, None) if sent is None else (sent.manifest(path), sent.owner)
        receipt = load_receipt(path, signer, *mine).document
        found[str(path)] = receipt.head.signed()
        _check_past(receipt.created, now, str(path))
    for path in proofs:
        proof, where = load_proof(path), str(path)
        found[where] = proof.head.signed()
        if isinstance(proof, Consistency):
            links[where] = proof
        else:
            proof.verify(where)
            entries += 1
    for where, head in found.items():
        head.verify(signer, where)
        _check_past(head.document.time, now, where)
    return Kept(found, links, entries)


def _check_past(time: str, now: datetime, where: str) -> None:
    if moment(time) > now + SKEW:
        raise VerificationError(f"{where}: was signed in the future", hint="compare the clocks")


def head_in(path: Path) -> Signed[Head]:
    """The head in a head file, a receipt or a proof, not yet verified.

    Raises InputError or FormatError.
    """
    where = str(path)
    value = canonical.loads(line(read_bytes(path, limit=canonical.LIMIT), where), where)
    document = value.get("document") if isinstance(value, dict) else None
    if not isinstance(document, dict):
        return load_proof(path).head.signed()
    if document.get("format") == Receipt.model_fields["format"].default:
        return Signed.load(path, Receipt).document.head.signed()
    return Signed.load(path, Head)


def check_with_log(kept: Kept, log: AuditLog, signer: PartyPublic) -> Checked:
    """Raises VerificationError, naming the file, unless every head is a past state of the log, and
    the log tells of a project that the rules allow (see ``history``)."""
    replay(log.entries, str(log.path))
    for where, head in kept.heads.items():
        verify_log(log, head, signer, where)
    for where, proof in kept.proofs.items():
        state = Head(
            log=log.log_id,
            size=proof.size,
            root=log.root(proof.size).hex(),
            time=proof.head.document.time,
            signer=proof.head.document.signer,
        )
        proof.verify(state, where)
    root = log.root().hex()
    return Checked(log.log_id, len(kept.heads), kept.entries, len(log.entries), root)


def check_without_log(kept: Kept) -> Checked:
    """Raises VerificationError unless every head leads on to the latest one.

    That is: all are of one log, none of one size have two roots, and for each but the latest there
    is a consistency proof from its size.
    """
    ordered = sorted(kept.heads.items(), key=lambda item: item[1].document.size)
    where, latest = ordered[-1][0], ordered[-1][1].document
    known: dict[int, str] = {}
    for place, head in ordered:
        document = head.document
        if document.log != latest.log:
            raise VerificationError(f"{place}: is of another log than {where}")
        if known.setdefault(document.size, document.root) != document.root:
            raise VerificationError(
                f"{place}: its log of {document.size} entries is not that of another head",
                hint="the linker showed two logs: compare heads with the other parties",
            )
        if 0 < document.size < latest.size:
            _leads_on(document, place, kept.proofs)
    return Checked(latest.log, len(ordered), kept.entries, latest.size, latest.root)


def _leads_on(head: Head, place: str, proofs: Mapping[str, Consistency]) -> None:
    mine = [item for item in proofs.items() if item[1].size == head.size]
    further = [item for item in mine if item[1].head.document.size > head.size]
    if not further:
        raise VerificationError(
            f"{place}: no proof leads on from its {head.size} entries",
            hint="ask the linker for a consistency proof to its latest head, or for the log",
        )
    for where, proof in mine:
        proof.verify(head, where)


def verify_kept(
    log: Path | None,
    linker: Path,
    heads: Sequence[Path] = (),
    receipts: Sequence[Path] = (),
    proofs: Sequence[Path] = (),
    *,
    now: datetime,
    sent: Sent | None = None,
) -> Checked:
    """Check files that somebody kept against a log file, or against each other without one.

    Raises InputError, FormatError or VerificationError, which names the file that does not fit.
    """
    signer = PartyPublic.load(linker)
    kept = read_kept(signer, heads, receipts, proofs, now, sent)
    if log is None:
        return check_without_log(kept)
    return check_with_log(kept, AuditLog.load(log), signer)


def prove_file(
    log: Path,
    linker: Path,
    head: Path,
    out: Path,
    *,
    since: Path | None = None,
    entry: int | None = None,
    force: bool = False,
) -> Consistency | Inclusion:
    """Write the proof that leads to ``head``: from the head in ``since``, or from one entry.

    Raises InputError, FormatError, VerificationError (the log does not fit a head) or OutputError.
    """
    signer, found, later = PartyPublic.load(linker), AuditLog.load(log), head_in(head)
    proof: Consistency | Inclusion
    if since is not None:
        earlier = head_in(since)
        verify_log(found, earlier, signer, str(since))
        proof = prove_consistency(found, earlier.document.size, later, signer, str(head))
    else:
        proof = prove_inclusion(found, entry or 0, later, signer, str(head))
    proof.save(out, force=force)
    return proof
