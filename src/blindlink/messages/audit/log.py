"""The audit log of a linker: an append-only Merkle log with signed heads.

    log = AuditLog.create(path, log_id)        log = AuditLog.load(path)
    index = log.append(event, details, now=now)          rewrites the file as a whole or not at all
    head = log.head(keys, now=now)                       Signed[Head]: give it away, others keep it
    verify_log(log, head, signer, where)                 VerificationError unless it extends head

Those who may not see the entries check heads with ``audit_proofs``.

File: the line ``blindlink-audit-log-v1 <log id>``, then one canonical JSON entry a line. Entries
hold digests, counts and names of events, nothing about a person. A leaf is the hash of an entry.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from blindlink.errors import FormatError, RefusedError, VerificationError
from blindlink.files import read_bytes, write_bytes
from blindlink.keys import PartyKeys, PartyPublic, Signatures
from blindlink.messages import canonical
from blindlink.messages.fields import (
    STRICT,
    BundleId,
    Digest,
    Fingerprint,
    Name,
    Stamp,
    moment,
    parse,
    stamp,
)
from blindlink.messages.merkle import EMPTY_ROOT, consistency_proof, leaf, prove, root
from blindlink.messages.signed import Signed

HEADER = "blindlink-audit-log-v1"
LIMIT = 8 * 1024 * 1024  # some 20,000 entries; read, they take up to fifteen times as much
ENTRY_LIMIT = 64 * 1024
FULL = "end this project; a further run needs a new version of the agreement"


class Entry(BaseModel):
    """One event. ``details``: digests, counts and names."""

    model_config = STRICT

    index: Annotated[int, Field(ge=0)]
    time: Stamp
    event: Name
    details: dict[str, Any]

    def to_bytes(self) -> bytes:
        """The canonical bytes, which the leaf hashes."""
        return canonical.dumps(self.model_dump())

    def leaf(self) -> bytes:
        """The leaf hash, 32 bytes."""
        return leaf(self.to_bytes())


class Head(BaseModel):
    """The signed state of a log: its size and root at a moment."""

    model_config = STRICT

    format: Literal["blindlink-audit-head-v1"] = "blindlink-audit-head-v1"
    log: BundleId
    size: Annotated[int, Field(ge=0, le=2**53 - 1)]
    root: Digest
    time: Stamp
    signer: Fingerprint

    @model_validator(mode="after")
    def _empty_is_empty(self) -> "Head":
        if self.size == 0 and self.root != EMPTY_ROOT.hex():
            raise ValueError("a log without entries has another root")
        return self


class SignedHead(BaseModel):
    """A head with its signatures, as it stands inside a receipt or a proof."""

    model_config = STRICT

    document: Head
    signatures: Signatures

    @classmethod
    def of(cls, signed: Signed[Head]) -> "SignedHead":
        """The same head, to be put inside another file."""
        return cls(document=signed.document, signatures=signed.signatures)

    def signed(self) -> Signed[Head]:
        """The same head by itself: to be verified, and kept."""
        return Signed(self.document, self.signatures)


@dataclass
class AuditLog:
    """A log in its file. Entries are only ever added."""

    path: Path
    log_id: str
    entries: list[Entry] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)

    @classmethod
    def create(cls, path: Path, log_id: str, *, force: bool = False) -> "AuditLog":
        """A new, empty log; ``log_id`` is 128 random bits as hex. Raises OutputError."""
        log = cls(path, log_id)
        log._write(force=force)
        return log

    @classmethod
    def load(cls, path: Path) -> "AuditLog":
        """Read a log strictly; raises InputError when unreadable and FormatError when malformed."""
        first, *lines = read_bytes(path, limit=LIMIT).split(b"\n")
        if lines[-1:] != [b""]:
            raise FormatError(f"{path}: the last entry is cut off")
        log_id = first.removeprefix(f"{HEADER} ".encode())
        if len(log_id) != 32 or log_id == first or set(log_id) - set(b"0123456789abcdef"):
            raise FormatError(f"{path}: not an audit log")
        log = cls(path, log_id.decode("ascii"))
        for number, data in enumerate(lines[:-1]):
            where = f"{path}: entry {number}"
            log._take(read_entry(data, where), data, where)
        return log

    def append(self, event: str, details: dict[str, Any], *, now: datetime) -> int:
        """Add an entry and write the file; returns its index.

        Raises RefusedError when the file would be too long to be read again, or OutputError.
        """
        time = stamp(now)
        if self.entries and moment(time) < moment(self.entries[-1].time):
            time = self.entries[-1].time  # a clock that jumped back does not reorder the log
        entry = Entry(index=len(self.entries), time=time, event=event, details=details)
        self.entries.append(entry)
        self.leaves.append(entry.leaf())
        try:
            self._write(force=True)
        except BaseException:
            del self.entries[-1], self.leaves[-1]
            raise
        return entry.index

    def root(self, size: int | None = None) -> bytes:
        """The root over the first ``size`` entries, or over all."""
        return root(self.leaves[:size])

    def head(self, keys: PartyKeys, *, now: datetime, size: int | None = None) -> Signed[Head]:
        """The signed head of the first ``size`` entries, or of the log as it is."""
        document = Head(
            log=self.log_id,
            size=len(self.leaves) if size is None else size,
            root=self.root(size).hex(),
            time=stamp(now),
            signer=keys.public.fingerprint(),
        )
        return Signed.make(document, keys)

    def inclusion(self, index: int, size: int | None = None) -> list[str]:
        """The path (hex) of an entry to the root over the first ``size`` entries, or over all."""
        return [step.hex() for step in prove(self.leaves[:size], [index])]

    def consistency(self, first: int, second: int | None = None) -> list[str]:
        """The proof (hex) that the log of ``first`` entries is a prefix of that of ``second``."""
        return [step.hex() for step in consistency_proof(self.leaves[:second], first)]

    def _take(self, entry: Entry, data: bytes, where: str) -> None:
        if entry.index != len(self.entries):
            raise FormatError(f"{where}: has another number")
        self.entries.append(entry)
        self.leaves.append(leaf(data))

    def _write(self, *, force: bool) -> None:
        lines = [f"{HEADER} {self.log_id}".encode(), *(e.to_bytes() for e in self.entries), b""]
        data = b"\n".join(lines)
        if len(data) > LIMIT:
            raise RefusedError(f"{self.path}: the audit log is full", hint=FULL)
        write_bytes(self.path, data, force=force)


def read_entry(data: bytes, where: str) -> Entry:
    """An entry from its canonical bytes. Raises FormatError."""
    return parse(Entry, canonical.loads(data, where, limit=ENTRY_LIMIT), where)


def verify_log(log: AuditLog, head: Signed[Head], signer: PartyPublic, where: str) -> None:
    """Raises VerificationError unless ``signer`` signed the head and the log extends it.

    The head is one that somebody else kept: a log that its signer rewrote, or cut, does not fit it.
    """
    head.verify(signer, where)
    kept = head.document
    if kept.log != log.log_id:
        raise VerificationError(f"{where}: is of another log")
    if kept.size > len(log.leaves):
        raise VerificationError(
            f"{where}: had {kept.size} entries, and the log has {len(log.leaves)}"
        )
    if log.root(kept.size).hex() != kept.root:
        raise VerificationError(f"{where}: the log was rewritten before entry {kept.size}")
    if kept.size and moment(kept.time) < moment(log.entries[kept.size - 1].time):
        raise VerificationError(f"{where}: was signed before its last entry was made")
