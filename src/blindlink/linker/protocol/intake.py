"""Taking in submissions and withdrawals: everything is verified before anything is believed.

Who sent it, both signatures, agreement, expiry, section digests; then that schema, secret, limits
and recipients are those of the agreement; then the encodings; then the Merkle root over the
payload, which the linker cannot read.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from blindlink.arrays import Bools, Bytes
from blindlink.errors import AgreementError, FormatError, RefusedError, VerificationError
from blindlink.keys import PartyPublic, Signatures
from blindlink.messages import merkle
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import Agreement
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
from blindlink.messages.submission.payload import ID, leaf
from blindlink.messages.submission.withdrawal import (
    ENTITIES,
    SECTION,
    WITHDRAWAL,
    read_withdrawn,
    withdrawal_content,
)
from blindlink.progress import Progress

BATCH = 1 << 22
EMPTY = "empty-encoding"


@dataclass(frozen=True)
class Taken:
    """A verified submission.

    ``usable`` (rows,): may be matched, neither empty nor withdrawn; ``withdrawn`` (entities,), by
    these ``messages``;
    ``blob_ids`` (blobs, 16) and ``digests`` of what is sealed in each blob, in file order. Digests,
    filters and match keys are there only where they were kept.
    """

    owner: PartyPublic
    bundle: container.Verified
    content: Content
    records: Records
    blob_ids: Bytes
    digests: list[bytes]
    usable: Bools
    withdrawn: Bools
    messages: tuple["Withdrawal", ...] = ()

    @property
    def leaves(self) -> list[bytes]:
        """The Merkle leaves of all blobs."""
        pairs = zip(self.blob_ids, self.digests, strict=True)
        return [leaf(blob.tobytes(), digest) for blob, digest in pairs]

    @property
    def rejected(self) -> tuple[Rejection, ...]:
        """Rows that cannot match anybody, for the receipt."""
        empty = np.flatnonzero(self.records.empty)
        if not len(empty):
            return ()
        return (Rejection(reason=EMPTY, positions=tuple(empty.tolist())),)


@dataclass(frozen=True)
class Withdrawal:
    """A verified withdrawal: ids of rows of ``submission`` (a bundle id).

    ``entities``: how many people the owner says they are of; ``manifest_bytes``, ``signatures`` and
    the section that is ``sealed`` to the analyst go on as they came.
    """

    owner: PartyPublic
    manifest: Manifest
    submission: str
    ids: list[bytes]
    entities: int
    manifest_bytes: bytes
    signatures: Signatures
    sealed: bytes


def take(
    stack: ExitStack,
    path: Path,
    acting: Acting,
    *,
    keep: bool = True,
) -> Taken:
    """Open and verify a submission; its file stays open as long as ``stack``.

    To link, the encodings are held in memory: never on the linker's disk in clear, where they would
    outlive the keys. Without ``keep`` everything is checked alike and read through by pieces.
    Raises InputError, FormatError, VerificationError, AgreementError or RefusedError.
    """
    terms, where = acting.terms, str(path)
    sealed = stack.enter_context(container.opened(path, KIND))
    owner = _owner(terms, sealed.manifest, where)
    bundle = sealed.verify(owner, agreement=acting.agreement.digest(), now=acting.now)
    content = content_of(bundle.manifest, where)
    check_agreed(content, bundle.manifest, terms, where)
    with bundle.open("encodings", acting.keys) as source:
        records = read_records(source, content, where, keep=keep)
    if int(records.empty.sum()) > REJECTED:
        raise RefusedError(
            f"{where}: more than {REJECTED} rows have an empty encoding",
            hint="the owner leaves out rows that lack every identifier",
        )
    ids, digests = _blobs(bundle, content, where, keep, acting.progress)
    usable = ~records.empty
    withdrawn = np.zeros(content.entities, bool)
    return Taken(owner, bundle, content, records, ids, digests, usable, withdrawn)


def take_withdrawal(path: Path, acting: Acting) -> Withdrawal:
    """Read and verify a withdrawal. Raises like ``take``."""
    where = str(path)
    with container.opened(path, WITHDRAWAL) as sealed:
        owner = _owner(acting.terms, sealed.manifest, where)
        bundle = sealed.verify(owner, agreement=acting.agreement.digest(), now=acting.now)
        content = withdrawal_content(bundle.manifest, where)
        with bundle.open(SECTION, acting.keys) as source:
            ids = read_withdrawn(source.read(), content.rows, where)
        return Withdrawal(
            owner,
            bundle.manifest,
            content.submission,
            ids,
            content.entities,
            bundle.manifest_bytes,
            bundle.signatures,
            bundle.raw(ENTITIES).read(),
        )


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
        theirs = np.unique(taken.records.entity[np.array(rows, np.int64)])
        if len(theirs) != each.entities:
            raise VerificationError(
                f"withdrawal of {each.owner.name}: its rows are not of as many people as it says"
            )
        gone[theirs] = True
    usable = taken.usable & ~gone[taken.records.entity]
    messages = (*taken.messages, *withdrawals)
    return replace(taken, usable=usable, withdrawn=gone, messages=messages)


def _owner(terms: Agreement, manifest: Manifest, where: str) -> PartyPublic:
    sender = terms.by_fingerprint(manifest.sender)
    if sender.role != "owner":
        raise AgreementError(f"{where}: {sender.name} is {sender.role}, not an owner")
    return sender


def _blobs(
    bundle: container.Verified, content: Content, where: str, keep: bool, progress: Progress
) -> tuple[Bytes, list[bytes]]:
    """Ids of all blob records and digests of what they seal, checked against the signed root."""
    step, done = content.record_bytes, 0
    ids, digests, total = bytearray(), [], merkle.RunningRoot()
    with bundle.raw("payload") as source:
        while block := source.read(max(1, BATCH // step) * step):
            starts = range(0, len(block), step)
            mine = [block[at : at + ID] for at in starts]
            found = [sha256(memoryview(block)[at + ID : at + step]).digest() for at in starts]
            for blob, digest in zip(mine, found, strict=True):
                total.add(leaf(blob, digest))
            ids += b"".join(mine)
            if keep:
                digests += found
            done += len(found)
            progress(done, content.blobs)
    if total.root().hex() != content.payload_root:
        raise VerificationError(f"{where}: payload: does not have the Merkle root of the manifest")
    blob_ids = np.frombuffer(ids, np.uint8).reshape(-1, ID)
    if has_twins(blob_ids):  # two messages under one key, and a control that could be somebody else
        raise FormatError(f"{where}: payload: a blob id stands twice")
    return blob_ids, digests
