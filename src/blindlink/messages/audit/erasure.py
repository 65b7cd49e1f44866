"""The end of a project at several holders of its key, each of whom signs that its copy is erased.

    key-held            names a holder by its public key, while the linker still signs heads
    destruction-begun   lists the holders; the linker's last head counts this entry
    key-erased          one for each holder, signed by it: the attestation
    custodian-lost      a holder who cannot sign any more, given up by people with names
    destroyed           only when every holder has signed or was given up

An attestation is a statement that somebody made, not a proof that no copy is left. What can be
checked: that the log, which the linker signed while it could, names who had to make one, and that
each of them made it. ``attested`` checks that.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, StringConstraints

from blindlink.errors import FormatError, VerificationError
from blindlink.messages import canonical
from blindlink.messages.audit.log import Entry
from blindlink.messages.fields import STRICT, BundleId, Digest, Fingerprint, Stamp, parse, stamp

HELD, BEGUN, ERASED, LOST = "key-held", "destruction-begun", "key-erased", "custodian-lost"
DESTROYED = "destroyed"
DOMAIN = b"blindlink-key-erased-v1\0"

Holder = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
SignatureHex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]


class KeyErased(BaseModel):
    """A holder's word. ``erased``: it erased the key file now; else there was none any more."""

    model_config = STRICT

    format: Literal["blindlink-key-erased-v1"] = "blindlink-key-erased-v1"
    agreement: Digest
    log: BundleId
    linker: Fingerprint
    holder: Holder
    erased: bool
    time: Stamp

    def signed_bytes(self) -> bytes:
        """What the holder signs."""
        return DOMAIN + canonical.dumps(self.model_dump())


class Attestation(BaseModel):
    """The word and its Ed25519 signature, as they stand in the log."""

    model_config = STRICT

    statement: KeyErased
    signature: SignatureHex

    @classmethod
    def make(cls, statement: KeyErased, key: Ed25519PrivateKey) -> "Attestation":
        """Sign a statement that names this key as its holder."""
        if key.public_key().public_bytes_raw().hex() != statement.holder:
            raise ValueError("the statement names another holder")
        return cls(statement=statement, signature=key.sign(statement.signed_bytes()).hex())

    @classmethod
    def read(cls, details: dict[str, Any], where: str) -> "Attestation":
        """From an entry's details, or a file that was parsed. Raises FormatError."""
        return parse(cls, details, where)

    def verify(self, where: str) -> None:
        """Raises VerificationError unless its holder signed it."""
        holder = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.statement.holder))
        try:
            holder.verify(bytes.fromhex(self.signature), self.statement.signed_bytes())
        except InvalidSignature:
            raise VerificationError(f"{where}: the holder did not sign this") from None


def statement(
    agreement: str, log: str, linker: str, holder: str, *, erased: bool, now: datetime
) -> KeyErased:
    """What a holder says of its copy."""
    return KeyErased(
        agreement=agreement, log=log, linker=linker, holder=holder, erased=erased, time=stamp(now)
    )


@dataclass(frozen=True)
class End:
    """What the log says of a project's end, by holder."""

    holders: tuple[str, ...]
    attested: tuple[str, ...]
    lost: tuple[str, ...]
    claimed: bool

    @property
    def waiting(self) -> tuple[str, ...]:
        """Holders whose word is missing."""
        return tuple(set(self.holders) - set(self.attested) - set(self.lost))


def attested(entries: Sequence[Entry], head_size: int) -> End | None:
    """Check the end of a project; None where no end has begun.

    ``head_size``: how many entries the linker's last head counts. Raises VerificationError when the
    end began behind that head, when an attestation is not its holder's or of another project, or
    when the log claims a destruction that not every holder attested; FormatError.
    """
    begun = next((each for each in entries if each.event == BEGUN), None)
    if begun is None:
        return None
    if begun.index >= head_size:
        raise VerificationError("the end of the project is behind the linker's last head")
    first = entries[0].details.get("agreement") if entries else None
    named = begun.details.get("holders")
    if not isinstance(named, list):
        raise FormatError(f"entry {begun.index}: does not list the holders")
    signed, lost, claimed = set[str](), set[str](), False
    for entry in entries[begun.index + 1 :]:
        where = f"entry {entry.index}"
        if entry.event == ERASED:
            found = Attestation.read(entry.details, where)
            found.verify(where)
            if found.statement.agreement != first:
                raise VerificationError(f"{where}: is of another project")
            signed.add(found.statement.holder)
        elif entry.event == LOST:
            lost.add(str(entry.details.get("holder")))
        elif entry.event == DESTROYED:
            claimed = True
            if missing := set(named) - signed - lost:
                raise VerificationError(
                    f"{where}: claims a destruction that {len(missing)} holders did not attest"
                )
    return End(tuple(named), tuple(sorted(signed)), tuple(sorted(lost)), claimed)
