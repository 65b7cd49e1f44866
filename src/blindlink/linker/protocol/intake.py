"""Taking in submissions and withdrawals: everything is verified before anything is believed.

Who sent it, both signatures, agreement, expiry, section digests; then that schema, secret, limits
and recipients are those of the agreement; then the encodings; then the Merkle root over the
payload, which the linker cannot read.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from blindlink.arrays import Bools, Bytes
from blindlink.errors import AgreementError, FormatError, RefusedError, VerificationError
from blindlink.keys import PartyKeys, PartyPublic
from blindlink.messages import merkle
from blindlink.messages.agreement.document import Agreement, SignedAgreement
from blindlink.messages.audit.receipt import REJECTED, Rejection
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.submission.agreed import check_agreed
from blindlink.messages.submission.content import (
    KIND,
    Content,
    Records,
    content_of,
    has_twins,
    read_records,
)
from blindlink.messages.submission.payload import ID
from blindlink.messages.submission.withdrawal import (
    SECTION,
    WITHDRAWAL,
    read_withdrawn,
    withdrawal_content,
)
from blindlink.progress import Progress, silent

BATCH = 1 << 22
EMPTY = "empty-encoding"


@dataclass(frozen=True)
class Taken:
    """A verified submission.

    ``usable`` (rows,): may be matched, neither empty nor withdrawn; ``withdrawn`` (entities,);
    ``blob_ids`` (blobs, 16) and ``leaves`` in file order. Leaves, filters and match keys are there
    only where they were kept.
    """

    owner: PartyPublic
    bundle: container.Verified
    content: Content
    records: Records
    blob_ids: Bytes
    leaves: list[bytes]
    usable: Bools
    withdrawn: Bools

    @property
    def rejected(self) -> tuple[Rejection, ...]:
        """Rows that cannot match anybody, for the receipt."""
        empty = np.flatnonzero(self.records.empty)
        if not len(empty):
            return ()
        return (Rejection(reason=EMPTY, positions=tuple(empty.tolist())),)


@dataclass(frozen=True)
class Withdrawal:
    """A verified withdrawal: ids of rows of ``submission`` (a bundle id)."""

    owner: PartyPublic
    manifest: Manifest
    submission: str
    ids: list[bytes]


def take(
    stack: ExitStack,
    path: Path,
    agreement: SignedAgreement,
    keys: PartyKeys,
    *,
    now: datetime,
    keep: bool = True,
    progress: Progress = silent,
) -> Taken:
    """Open and verify a submission; its file stays open as long as ``stack``.

    To link, the encodings are held in memory: never on the linker's disk in clear, where they would
    outlive the keys. Without ``keep`` everything is checked alike and read through by pieces.
    Raises InputError, FormatError, VerificationError, AgreementError or RefusedError.
    """
    terms, where = agreement.agreement, str(path)
    sealed = stack.enter_context(container.opened(path, KIND))
    owner = _owner(terms, sealed.manifest, where)
    bundle = sealed.verify(owner, agreement=agreement.digest(), now=now)
    content = content_of(bundle.manifest, where)
    check_agreed(content, bundle.manifest, terms, where)
    with bundle.open("encodings", keys) as source:
        records = read_records(source, content, where, keep=keep)
    if int(records.empty.sum()) > REJECTED:
        raise RefusedError(
            f"{where}: more than {REJECTED} rows have an empty encoding",
            hint="the owner leaves out rows that lack every identifier",
        )
    ids, leaves = _blobs(bundle, content, where, keep, progress)
    usable = ~records.empty
    withdrawn = np.zeros(content.entities, bool)
    return Taken(owner, bundle, content, records, ids, leaves, usable, withdrawn)


def take_withdrawal(
    path: Path, agreement: SignedAgreement, keys: PartyKeys, *, now: datetime
) -> Withdrawal:
    """Read and verify a withdrawal. Raises like ``take``."""
    where = str(path)
    with container.opened(path, WITHDRAWAL) as sealed:
        owner = _owner(agreement.agreement, sealed.manifest, where)
        bundle = sealed.verify(owner, agreement=agreement.digest(), now=now)
        content = withdrawal_content(bundle.manifest, where)
        with bundle.open(SECTION, keys) as source:
            ids = read_withdrawn(source.read(), content, where)
    return Withdrawal(owner, bundle.manifest, content.submission, ids)


def without(taken: Taken, withdrawals: list[Withdrawal]) -> Taken:
    """The submission without the entities that its owner withdrew.

    A withdrawal of any row takes out the whole entity. Raises VerificationError for rows that are
    not in the submission: then the message belongs to another one.
    """
    gone = taken.withdrawn.copy()
    places = {row.tobytes(): place for place, row in enumerate(taken.records.ids)}
    for each in withdrawals:
        rows = [places.get(row) for row in each.ids]
        if each.submission != taken.bundle.manifest.bundle or None in rows:
            raise VerificationError(
                f"withdrawal of {each.owner.name}: is for another submission of this owner",
                hint="the owner makes a new one from the row map of its latest submission",
            )
        gone[taken.records.entity[np.array(rows, np.int64)]] = True
    usable = taken.usable & ~gone[taken.records.entity]
    return Taken(
        taken.owner,
        taken.bundle,
        taken.content,
        taken.records,
        taken.blob_ids,
        taken.leaves,
        usable,
        gone,
    )


def _owner(terms: Agreement, manifest: Manifest, where: str) -> PartyPublic:
    sender = terms.by_fingerprint(manifest.sender)
    if sender.role != "owner":
        raise AgreementError(f"{where}: {sender.name} is {sender.role}, not an owner")
    return sender


def _blobs(
    bundle: container.Verified, content: Content, where: str, keep: bool, progress: Progress
) -> tuple[Bytes, list[bytes]]:
    """Ids and leaf hashes of all blob records, checked against the root that the owner signed."""
    step, done = content.record_bytes, 0
    ids, leaves, total = bytearray(), [], merkle.RunningRoot()
    with bundle.raw("payload") as source:
        while block := source.read(max(1, BATCH // step) * step):
            found = [merkle.leaf(block[at : at + step]) for at in range(0, len(block), step)]
            for leaf in found:
                total.add(leaf)
            ids += b"".join(block[at : at + ID] for at in range(0, len(block), step))
            if keep:
                leaves += found
            done += len(found)
            progress(done, content.blobs)
    if total.root().hex() != content.payload_root:
        raise VerificationError(f"{where}: payload: does not have the Merkle root of the manifest")
    blob_ids = np.frombuffer(ids, np.uint8).reshape(-1, ID)
    if has_twins(blob_ids):  # two messages under one key, and a control that could be somebody else
        raise FormatError(f"{where}: payload: a blob id stands twice")
    return blob_ids, leaves
