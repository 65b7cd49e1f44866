"""Proofs out of an audit log, for those who may not see its entries: two small files.

    prove_consistency(log, size, head)     the log of ``size`` entries is a prefix of that of head
    prove_inclusion(log, index, head)      the log of ``head`` holds this one entry
    proof.save(path)                       load_proof(path) -> Consistency | Inclusion, strict
    proof.verify(..)                       VerificationError unless it shows what it claims

Both carry the signed head that they lead to: the signatures are the head's, and a proof needs none
of its own. Canonical JSON and a line feed.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from blindlink.errors import FormatError, InputError, VerificationError
from blindlink.files import read_bytes, write_bytes
from blindlink.keys import PartyPublic
from blindlink.messages import canonical
from blindlink.messages.audit.log import ENTRY_LIMIT, AuditLog, Entry, Head, SignedHead, verify_log
from blindlink.messages.fields import STRICT, Digest, parse
from blindlink.messages.merkle import check_consistency, root_from
from blindlink.messages.signed import Signed, line

LIMIT = 4 * ENTRY_LIMIT
Path64 = Annotated[tuple[Digest, ...], Field(max_length=64)]


class _Proof(BaseModel):
    """What both kinds of proof share: the head that ``path`` leads to."""

    model_config = STRICT

    path: Path64
    head: SignedHead

    def to_bytes(self) -> bytes:
        """The canonical bytes."""
        return canonical.dumps(self.model_dump(mode="json"))

    def save(self, path: Path, *, force: bool = False) -> None:
        """Write the file; raises OutputError."""
        write_bytes(path, self.to_bytes() + b"\n", force=force)

    @property
    def steps(self) -> list[bytes]:
        """The nodes of the path, 32 bytes each."""
        return [bytes.fromhex(step) for step in self.path]


class Consistency(_Proof):
    """The log that had ``size`` entries once is the beginning of the log of ``head``."""

    format: Literal["blindlink-audit-consistency-v1"] = "blindlink-audit-consistency-v1"
    size: Annotated[int, Field(ge=1, le=2**53 - 1)]

    def verify(self, kept: Head, where: str) -> None:
        """Raises VerificationError unless the log of ``head`` extends the one of ``kept``.

        Both heads' signatures are checked elsewhere.
        """
        after = self.head.document
        if kept.log != after.log:
            raise VerificationError(f"{where}: is of another log")
        if kept.size != self.size:
            raise VerificationError(f"{where}: leads on from {self.size} entries, not {kept.size}")
        try:
            roots = bytes.fromhex(kept.root), bytes.fromhex(after.root)
            check_consistency(self.size, after.size, self.steps, *roots)
        except VerificationError as error:
            raise VerificationError(f"{where}: {error.message}") from None


class Inclusion(_Proof):
    """The log of ``head`` holds ``entry`` at its index."""

    format: Literal["blindlink-audit-inclusion-v1"] = "blindlink-audit-inclusion-v1"
    entry: Entry

    def verify(self, where: str) -> None:
        """Raises VerificationError unless the path leads from the entry to the head."""
        check_inclusion(self.entry, self.path, self.head.document, where)


def check_inclusion(entry: Entry, path: tuple[str, ...], head: Head, where: str) -> None:
    """Raises VerificationError unless ``path`` (hex) leads from the entry to the head's root."""
    steps = [bytes.fromhex(step) for step in path]
    try:
        reached = root_from(head.size, [entry.index], [entry.leaf()], steps)
    except VerificationError as error:
        raise VerificationError(f"{where}: {error.message}") from None
    if reached.hex() != head.root:
        raise VerificationError(f"{where}: inclusion proof: does not lead to the head")


def prove_consistency(
    log: AuditLog, size: int, head: Signed[Head], signer: PartyPublic, where: str
) -> Consistency:
    """The proof from ``size`` entries to a head of this log.

    Raises VerificationError for a head that ``signer`` did not sign for this log, and InputError
    where no proof exists.
    """
    verify_log(log, head, signer, where)
    if not 0 < size <= head.document.size:
        raise InputError(
            f"no proof leads from {size} entries to {head.document.size}",
            hint="give the earlier head first; a log without entries needs no proof",
        )
    path = tuple(log.consistency(size, head.document.size))
    return Consistency(size=size, path=path, head=SignedHead.of(head))


def prove_inclusion(
    log: AuditLog, index: int, head: Signed[Head], signer: PartyPublic, where: str
) -> Inclusion:
    """The proof that the entry at ``index`` is in the log of a head. Raises likewise."""
    verify_log(log, head, signer, where)
    if not 0 <= index < head.document.size:
        raise InputError(f"the log of this head has no entry {index}", hint="entries count from 0")
    path = tuple(log.inclusion(index, head.document.size))
    return Inclusion(entry=log.entries[index], path=path, head=SignedHead.of(head))


def load_proof(path: Path) -> Consistency | Inclusion:
    """Read a proof strictly, not yet verified; raises InputError or FormatError."""
    where = str(path)
    value: Any = canonical.loads(line(read_bytes(path, limit=LIMIT), where), where, limit=LIMIT)
    if not isinstance(value, dict) or "format" not in value:
        raise FormatError(f"{where}: not a proof out of an audit log")
    if value["format"] == Inclusion.model_fields["format"].default:
        return parse(Inclusion, value, where)
    return parse(Consistency, value, where)
