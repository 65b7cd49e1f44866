"""A small document with its signer's two signatures: receipts, log heads, secret envelopes.

    signed = Signed.make(document, keys)           document: a pydantic model with the fields format
    signed.save(path)                              and signer (the fingerprint of keys)
    signed = Signed.load(path, Model)              strict; FormatError
    signed.verify(party, where)                    VerificationError unless party signed it

The file is canonical JSON {"document": .., "signatures": ..} and a line feed. The signatures cover
the canonical document in the domain of its format, so that none passes for another format.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from blindlink.errors import FormatError, VerificationError
from blindlink.files import read_bytes, write_bytes
from blindlink.keys import PartyKeys, PartyPublic, Signatures
from blindlink.messages import canonical
from blindlink.messages.fields import STRICT, parse

LIMIT = canonical.LIMIT


class Document(Protocol):
    """What can be signed by one party."""

    @property
    def format(self) -> str: ...
    @property
    def signer(self) -> str: ...
    def model_dump(self, *, mode: str) -> dict[str, Any]: ...


D = TypeVar("D", bound=Document)


class _Envelope(BaseModel):
    model_config = STRICT

    document: dict[str, Any]
    signatures: Signatures


@dataclass(frozen=True)
class Signed(Generic[D]):
    """A document and its signatures; verified only after ``verify``."""

    document: D
    signatures: Signatures

    @classmethod
    def make(cls, document: D, keys: PartyKeys) -> "Signed[D]":
        """Sign a document that names ``keys`` as its signer."""
        if document.signer != keys.public.fingerprint():
            raise ValueError("the document names another signer")
        return cls(document, keys.sign(_bytes(document), domain=document.format))

    @classmethod
    def parse(cls, data: bytes, model: type[D], where: str, *, limit: int = LIMIT) -> "Signed[D]":
        """Read canonical bytes without the line feed; raises FormatError that names ``where``."""
        envelope = parse(_Envelope, canonical.loads(data, where, limit=limit), where)
        found = parse(model, envelope.document, where)  # type: ignore[type-var]
        return cls(found, envelope.signatures)

    @classmethod
    def load(cls, path: Path, model: type[D], *, limit: int = LIMIT) -> "Signed[D]":
        """Read a file; raises InputError when unreadable and FormatError when malformed."""
        return cls.parse(line(read_bytes(path, limit=limit), str(path)), model, str(path))

    def to_bytes(self) -> bytes:
        """The canonical bytes of document and signatures."""
        signatures = self.signatures.model_dump()
        return canonical.dumps(
            {"document": self.document.model_dump(mode="json"), "signatures": signatures}
        )

    def save(self, path: Path, *, force: bool = False) -> None:
        """Write the file; raises OutputError."""
        write_bytes(path, self.to_bytes() + b"\n", force=force)

    def digest(self) -> str:
        """SHA-256 of the canonical document, without the signatures."""
        return canonical.digest(_bytes(self.document))

    def verify(self, signer: PartyPublic, where: str) -> None:
        """Raises VerificationError unless ``signer`` is named in the document and signed it."""
        if self.document.signer != signer.fingerprint():
            raise VerificationError(f"{where}: signer: is not {signer.name}")
        try:
            signer.verify(_bytes(self.document), self.signatures, domain=self.document.format)
        except VerificationError as error:
            raise VerificationError(f"{where}: {error.message}") from None


def line(data: bytes, where: str) -> bytes:
    """The only line of a file without its line feed; raises FormatError."""
    if not data.endswith(b"\n"):
        raise FormatError(f"{where}: no line feed at its end")
    return data[:-1]


def _bytes(document: Document) -> bytes:
    return canonical.dumps(document.model_dump(mode="json"))
