"""What an owner gets back for a submission: rows taken and refused, and a proof that it was logged.

    signed = make_receipt(log, index, acting, ...)             Signed[Receipt]
    signed.save(path)
    signed = load_receipt(path, linker, manifest)              verified, or an error

Nothing about matches, and nothing about whether a release was made or refused.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from blindlink.errors import VerificationError
from blindlink.keys import PartyPublic
from blindlink.messages.acting import Acting
from blindlink.messages.audit.history import RECEIVED
from blindlink.messages.audit.log import AuditLog, Entry, SignedHead
from blindlink.messages.audit.proofs import check_inclusion
from blindlink.messages.container.manifest import SKEW, Manifest
from blindlink.messages.fields import (
    STRICT,
    BundleId,
    Digest,
    Fingerprint,
    Name,
    Stamp,
    moment,
    stamp,
)
from blindlink.messages.signed import Signed

EVENT = RECEIVED
REJECTED = 100_000

Rows = Annotated[int, Field(ge=0, le=10**9)]


class Rejection(BaseModel):
    """Rows of one submission that were not taken, by position from 0, for one reason."""

    model_config = STRICT

    reason: Name
    positions: Annotated[tuple[Rows, ...], Field(min_length=1, max_length=REJECTED)]


class Receipt(BaseModel):
    """The linker's word for a submission. ``entry`` is the log's, ``path`` leads it to ``head``."""

    model_config = STRICT

    format: Literal["blindlink-receipt-v1"] = "blindlink-receipt-v1"
    agreement: Digest
    bundle: BundleId
    submission: Digest
    received: Rows
    accepted: Rows
    rejected: Annotated[tuple[Rejection, ...], Field(max_length=100)]
    created: Stamp
    signer: Fingerprint
    entry: Entry
    path: Annotated[tuple[Digest, ...], Field(max_length=64)]
    head: SignedHead

    @model_validator(mode="after")
    def _counts_fit(self) -> "Receipt":
        if self.accepted + sum(len(each.positions) for each in self.rejected) != self.received:
            raise ValueError("accepted and rejected rows are not the received ones")
        return self


def log_details(owner: str, manifest: Manifest, sequence: int, rows: int) -> dict[str, str | int]:
    """What the log says of a submission: append it under ``EVENT``."""
    return {
        "owner": owner,
        "sequence": sequence,
        "agreement": manifest.agreement,
        "bundle": manifest.bundle,
        "rows": rows,
        "submission": manifest.digest(),
    }


def make_receipt(
    log: AuditLog,
    index: int,
    acting: Acting,
    manifest: Manifest,
    rows: int,
    rejected: tuple[Rejection, ...] = (),
) -> Signed[Receipt]:
    """The receipt for the submission with ``manifest``, logged as the entry at ``index``.

    Its head ends with that entry: a later one would tell the owner whether the run has ended.
    """
    keys, now = acting.keys, acting.now
    head = log.head(keys, now=now, size=index + 1)
    document = Receipt(
        agreement=manifest.agreement,
        bundle=manifest.bundle,
        submission=manifest.digest(),
        received=rows,
        accepted=rows - sum(len(each.positions) for each in rejected),
        rejected=rejected,
        created=stamp(now),
        signer=keys.public.fingerprint(),
        entry=log.entries[index],
        path=tuple(log.inclusion(index, index + 1)),
        head=SignedHead.of(head),
    )
    return Signed.make(document, keys)


def load_receipt(
    path: Path, linker: PartyPublic, manifest: Manifest | None, owner: PartyPublic | None = None
) -> Signed[Receipt]:
    """A receipt that ``linker`` signed, for the submission with ``manifest`` where one is given,
    and of ``owner``.

    Raises InputError, FormatError or VerificationError (signature, head, proof, other submission).
    """
    signed, where = Signed.load(path, Receipt), str(path)
    receipt = signed.document
    signed.verify(linker, where)
    receipt.head.signed().verify(linker, f"{where}: head")
    _check_entry(receipt, where)
    check_inclusion(receipt.entry, receipt.path, receipt.head.document, where)
    if manifest is not None:
        _check_submission(receipt, manifest, where)
    if owner is not None and receipt.entry.details["owner"] != owner.name:
        raise VerificationError(f"{where}: entry: is of another owner")
    return signed


def _check_entry(receipt: Receipt, where: str) -> None:
    """What stands in the receipt and in the log's entry is the same, and in order of time."""
    details, head = receipt.entry.details, receipt.head.document
    if receipt.entry.event != EVENT or details.get("submission") != receipt.submission:
        raise VerificationError(f"{where}: entry: is not the one of this submission")
    same = {"agreement": receipt.agreement, "bundle": receipt.bundle, "rows": receipt.received}
    for name, value in same.items():
        if details.get(name) != value:
            raise VerificationError(f"{where}: entry: has another {name} than the receipt")
    if not (isinstance(details.get("owner"), str) and isinstance(details.get("sequence"), int)):
        raise VerificationError(f"{where}: entry: names no owner, or no sequence number")
    times = [moment(each) for each in (receipt.entry.time, head.time, receipt.created)]
    if times != sorted(times):
        raise VerificationError(f"{where}: entry, head and receipt are not in this order of time")
    positions = [at for each in receipt.rejected for at in each.positions]
    if len(set(positions)) != len(positions) or max(positions, default=-1) >= receipt.received:
        raise VerificationError(f"{where}: rejected: a row stands twice, or is not there")


def _check_submission(receipt: Receipt, manifest: Manifest, where: str) -> None:
    """The receipt is for the submission that the owner kept the manifest of."""
    if receipt.submission != manifest.digest():
        raise VerificationError(f"{where}: submission: is another one")
    details = receipt.entry.details
    declared: dict[str, Any] = {
        "agreement": (receipt.agreement, manifest.agreement),
        "bundle": (receipt.bundle, manifest.bundle),
        "rows": (receipt.received, manifest.content.get("rows")),
        "sequence": (details["sequence"], manifest.content.get("sequence")),
    }
    for name, (said, sent) in declared.items():
        if said != sent:
            raise VerificationError(f"{where}: {name}: is not that of the submission")
    if moment(receipt.created) + SKEW < moment(manifest.created):
        raise VerificationError(f"{where}: is older than the submission")
