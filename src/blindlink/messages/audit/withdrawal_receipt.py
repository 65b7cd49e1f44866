"""What an owner gets back for a withdrawal: when it came, and whether it counts.

    signed = make(log, index, keys, now=now, facts=...)     Signed[WithdrawalReceipt]
    signed = load(path, linker, digest)                     verified, or an error

A withdrawal that is wrong has a receipt too: it says so, and why. ``arrived`` is when its last byte
came, by the log's entry; a run honours every withdrawal that came before its freeze.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from blindlink.errors import VerificationError
from blindlink.keys import PartyKeys, PartyPublic
from blindlink.messages.audit.log import AuditLog, Entry, SignedHead
from blindlink.messages.audit.proofs import check_inclusion
from blindlink.messages.fields import STRICT, Digest, Fingerprint, Stamp, stamp
from blindlink.messages.signed import Signed

ARRIVED, ACCEPTED, REFUSED = "withdrawal-arrived", "withdrawal-received", "withdrawal-refused"


class WithdrawalReceipt(BaseModel):
    """The linker's word for a withdrawal. ``file``: SHA-256 of the file that came; ``withdrawal``:
    the digest of its manifest, empty for one that was refused."""

    model_config = STRICT

    format: Literal["blindlink-withdrawal-receipt-v1"] = "blindlink-withdrawal-receipt-v1"
    agreement: Digest
    file: Digest
    withdrawal: Digest | Literal[""]
    outcome: Literal["accepted", "refused"]
    reason: Annotated[str, StringConstraints(max_length=1000)]
    rows: Annotated[int, Field(ge=0, le=10**9)]
    arrived: Stamp
    created: Stamp
    signer: Fingerprint
    entry: Entry
    path: Annotated[tuple[Digest, ...], Field(max_length=64)]
    head: SignedHead


@dataclass(frozen=True)
class Facts:
    """What became of a withdrawal."""

    agreement: str
    file: str
    withdrawal: str
    reason: str
    rows: int
    arrived: datetime


def make(
    log: AuditLog, index: int, keys: PartyKeys, facts: Facts, *, now: datetime
) -> Signed[WithdrawalReceipt]:
    """The receipt of a withdrawal whose outcome is the log's entry at ``index``."""
    head = log.head(keys, now=now, size=index + 1)
    document = WithdrawalReceipt(
        agreement=facts.agreement,
        file=facts.file,
        withdrawal=facts.withdrawal,
        outcome="accepted" if facts.withdrawal else "refused",
        reason=facts.reason[:1000],
        rows=facts.rows,
        arrived=stamp(facts.arrived),
        created=stamp(now),
        signer=keys.public.fingerprint(),
        entry=log.entries[index],
        path=tuple(log.inclusion(index, index + 1)),
        head=SignedHead.of(head),
    )
    return Signed.make(document, keys)


def load(path: Path, linker: PartyPublic, digest: str | None) -> Signed[WithdrawalReceipt]:
    """A receipt that ``linker`` signed, for the file with ``digest`` where one is given.

    Raises InputError, FormatError or VerificationError (signature, head, proof, other file).
    """
    signed, where = Signed.load(path, WithdrawalReceipt), str(path)
    receipt = signed.document
    signed.verify(linker, where)
    receipt.head.signed().verify(linker, f"{where}: head")
    details = receipt.entry.details
    if receipt.outcome == "accepted":
        same = receipt.entry.event == ACCEPTED and details.get("withdrawal") == receipt.withdrawal
    else:
        same = receipt.entry.event == REFUSED and details.get("file") == receipt.file
    if not same:
        raise VerificationError(f"{where}: entry: is not the one of this withdrawal")
    check_inclusion(receipt.entry, receipt.path, receipt.head.document, where)
    if digest is not None and receipt.file != digest:
        raise VerificationError(f"{where}: file: is another one")
    return signed
