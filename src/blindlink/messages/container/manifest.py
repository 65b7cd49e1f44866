"""The signed head of a container: what it is, whose, for which agreement, and its sections.

The manifest alone can travel inside another file (a release carries those of the owners), so it
verifies without the container: ``verify_manifest``.
"""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, Field, model_validator

from blindlink.errors import AgreementError, FormatError, VerificationError
from blindlink.keys import PartyKeys, PartyPublic, Signatures
from blindlink.keys.files import decode
from blindlink.keys.public import SEALED_KEY
from blindlink.keys.strict import Base64
from blindlink.messages import canonical
from blindlink.messages.container.stream import plain_size
from blindlink.messages.fields import (
    STRICT,
    BundleId,
    Digest,
    Fingerprint,
    Name,
    Stamp,
    moment,
    parse,
)

MANIFEST_LIMIT = 1024 * 1024
SECTIONS = 16
SKEW = timedelta(minutes=5)  # how far the clocks of two parties may differ
MAX_SIZE = 2**48  # bytes of a section; far above any file, far below what overflows

SealedKey = Annotated[str, Base64(SEALED_KEY)]


Cipher = Literal["stream", "blobs"]


class Section(BaseModel):
    """One section: a ``stream`` that we decrypt, or ``blobs`` that the kind encrypts by itself."""

    model_config = STRICT

    name: Name
    cipher: Cipher
    recipient: Fingerprint
    key: SealedKey
    size: Annotated[int, Field(ge=0, le=MAX_SIZE)]
    digest: Digest

    @model_validator(mode="after")
    def _possible_size(self) -> "Section":
        if self.cipher == "stream":
            plain_size(self.size)
        return self


class Manifest(BaseModel):
    """What a container says of itself. ``content`` belongs to its kind, which validates it."""

    model_config = STRICT

    format: str
    bundle: BundleId
    agreement: Digest
    sender: Fingerprint
    created: Stamp
    expires: Stamp
    content: dict[str, Any]
    sections: Annotated[tuple[Section, ...], Field(max_length=SECTIONS)]

    @model_validator(mode="after")
    def _distinct(self) -> "Manifest":
        if len({section.name for section in self.sections}) != len(self.sections):
            raise ValueError("two sections have one name")
        if moment(self.created) >= moment(self.expires):
            raise ValueError("expires before it is created")
        return self

    def to_bytes(self) -> bytes:
        """The canonical bytes that are signed."""
        return canonical.dumps(self.model_dump())

    def digest(self) -> str:
        """SHA-256 of the signed bytes: names this very container."""
        return canonical.digest(self.to_bytes())

    def section(self, name: str) -> Section:
        """The section of that name; raises FormatError."""
        for section in self.sections:
            if section.name == name:
                return section
        raise FormatError(f"{self.format}: has no section '{name}'")

    def check(self, *, agreement: str, now: datetime, where: str) -> None:
        """Raises AgreementError when bound to another agreement, expired, or from the future."""
        if self.agreement != agreement:
            raise AgreementError(f"{where}: belongs to another agreement")
        if now >= moment(self.expires):
            raise AgreementError(f"{where}: expired at {self.expires}")
        if now + SKEW < moment(self.created):
            raise AgreementError(
                f"{where}: made in the future, at {self.created}", hint="compare the clocks"
            )

    def binding(self, section: Section) -> bytes:
        """What the section's key and chunks are bound to."""
        return binding(
            self.format, self.agreement, self.bundle, self.sender, section.recipient, section.name
        )

    def unwrap(self, name: str, keys: PartyKeys) -> bytes:
        """The content key of a section; raises VerificationError when not sealed to ``keys``."""
        section = self.section(name)
        return keys.open(decode(section.key), self.binding(section))


def binding(
    kind_format: str, agreement: str, bundle: str, sender: str, recipient: str, section: str
) -> bytes:
    """What a section's key and chunks are bound to, so that none opens in another place."""
    return canonical.dumps(
        {
            "agreement": agreement,
            "bundle": bundle,
            "format": kind_format,
            "recipient": recipient,
            "section": section,
            "sender": sender,
        }
    )


def stream_key(content_key: bytes, bound: bytes) -> tuple[bytes, bytes]:
    """Chunk key and associated data of a section's stream, from its content key and binding."""
    key = HKDF(SHA256(), 32, b"blindlink-stream-v1", bound).derive(content_key)
    return key, sha256(bound).digest()


def parse_manifest(data: bytes, kind: str, where: str) -> Manifest:
    """Read manifest bytes strictly; raises FormatError."""
    value = canonical.loads(data, f"{where}: manifest", limit=MANIFEST_LIMIT)
    manifest = parse(Manifest, value, f"{where}: manifest")
    if manifest.format != format_of(kind):
        raise FormatError(f"{where}: manifest: is of another format")
    return manifest


def verify_manifest(
    data: bytes, signatures: Signatures, kind: str, sender: PartyPublic, where: str
) -> Manifest:
    """Read manifest bytes and check both signatures; raises FormatError or VerificationError."""
    manifest = parse_manifest(data, kind, where)
    if manifest.sender != sender.fingerprint():
        raise VerificationError(f"{where}: sender: is not {sender.name}")
    try:
        sender.verify(data, signatures, domain=format_of(kind))
    except VerificationError as error:
        raise VerificationError(f"{where}: {error.message}") from None
    return manifest


def format_of(kind: str) -> str:
    """The name and version of a kind of container; also its first line."""
    return f"blindlink-{kind}-v1"
