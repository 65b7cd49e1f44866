"""What everybody may know of a party: its name, its role, its public keys. Seals and verifies.

The public party file is this model as canonical JSON (RFC 8785) and a line feed. Its fingerprint
covers every field, so a changed name or role is another fingerprint.
"""

import base64
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from blindlink.errors import FormatError, InputError, VerificationError
from blindlink.files import read_bytes, write_bytes
from blindlink.keys import files, points
from blindlink.keys.strict import Base64, Name, Text, problem

Role = Literal["owner", "linker", "analyst", "checker"]
LIMIT = 64 * 1024
SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
CONTENT_KEY = 32
SEALED_KEY = KEM.MLKEM768_X25519.enc_length() + CONTENT_KEY + 16  # encapsulation, key, tag

Ed25519Signature = Annotated[str, Base64(64)]
MLDSA65Signature = Annotated[str, Base64(3309)]
Curve25519Key = Annotated[str, Base64(32)]
MLKEM768Key = Annotated[str, Base64(1184)]
MLDSA65Key = Annotated[str, Base64(1952)]


CHECKS = {
    "seal_x25519": points.check_x25519,
    "seal_mlkem768": points.check_mlkem768,
    "sign_ed25519": points.check_ed25519,
    "sign_mldsa65": points.check_mldsa65,
    "auth_ed25519": points.check_ed25519,
}


@lru_cache(maxsize=256)  # the same parties are read again with every file
def _check(check: Callable[[bytes], None], name: str, key: str) -> None:
    try:
        check(files.decode(key))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


class Signatures(BaseModel):
    """A pair of signatures over the same bytes; one alone is worth nothing. Base64."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    ed25519: Ed25519Signature
    mldsa65: MLDSA65Signature


class PartyPublic(BaseModel):
    """A party's public keys (base64) with its name, organisation and role."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["blindlink-party-v1"] = "blindlink-party-v1"
    name: Name
    organisation: Text
    role: Role
    seal_x25519: Curve25519Key
    seal_mlkem768: MLKEM768Key
    sign_ed25519: Curve25519Key
    sign_mldsa65: MLDSA65Key
    auth_ed25519: Curve25519Key

    @model_validator(mode="after")
    def _sound_keys(self) -> "PartyPublic":
        if len(self.public_keys()) != len(CHECKS):
            raise ValueError("one key stands for two purposes")
        for name, check in CHECKS.items():
            _check(check, name, getattr(self, name))
        return self

    @classmethod
    def parse(cls, data: bytes, where: str) -> "PartyPublic":
        """Read canonical JSON; raises FormatError that names ``where``."""
        try:
            party = cls.model_validate_json(data)
        except ValidationError as error:
            raise FormatError(f"{where}: not a public party file: {problem(error)}") from None
        if party.to_bytes() != data:
            raise FormatError(f"{where}: not in canonical form")
        return party

    @classmethod
    def load(cls, path: Path) -> "PartyPublic":
        """Read a public party file; raises InputError when unreadable and FormatError otherwise."""
        data = read_bytes(path, limit=LIMIT)
        if not data.endswith(b"\n"):
            raise FormatError(f"{path}: not a public party file: no line feed at its end")
        return cls.parse(data[:-1], str(path))

    def save(self, path: Path, *, force: bool = False) -> None:
        """Write the public party file; raises OutputError."""
        write_bytes(path, self.to_bytes() + b"\n", force=force)

    def to_bytes(self) -> bytes:
        """Canonical JSON, which the fingerprint covers."""
        return rfc8785.dumps(self.model_dump())

    def fingerprint(self) -> str:
        """Five groups of five letters and digits (125 bits) that people can read to each other."""
        text = base64.b32encode(sha256(self.to_bytes()).digest()).decode("ascii").lower()
        return "-".join(text[start : start + 5] for start in range(0, 25, 5))

    def public_keys(self) -> frozenset[str]:
        """The public keys one by one: two parties that share any of them hold the same secret."""
        return frozenset(
            (
                self.seal_x25519,
                self.seal_mlkem768,
                self.sign_ed25519,
                self.sign_mldsa65,
                self.auth_ed25519,
            )
        )

    def verify(self, message: bytes, signatures: Signatures, *, domain: str) -> None:
        """Raises VerificationError unless both signatures fit ``message`` in ``domain``."""
        signed = in_domain(message, domain)
        try:
            ed25519 = Ed25519PublicKey.from_public_bytes(files.decode(self.sign_ed25519))
            ed25519.verify(files.decode(signatures.ed25519), signed)
            mldsa65 = MLDSA65PublicKey.from_public_bytes(files.decode(self.sign_mldsa65))
            mldsa65.verify(files.decode(signatures.mldsa65), signed)
        except (InvalidSignature, ValueError):
            raise VerificationError(f"signature of {self.name}: does not verify") from None

    def seal(self, content_key: bytes, info: bytes) -> bytes:
        """Wrap a 32-byte key for this party (HPKE base mode); ``info`` binds where it belongs.

        Anybody can seal to a party: who did is told by a signature over the result.
        """
        if len(content_key) != CONTENT_KEY:
            raise ValueError("only 32-byte keys are sealed")
        try:
            mlkem = MLKEM768PublicKey.from_public_bytes(files.decode(self.seal_mlkem768))
            x25519 = X25519PublicKey.from_public_bytes(files.decode(self.seal_x25519))
            return SUITE.encrypt(content_key, MLKEM768X25519PublicKey(mlkem, x25519), info)
        except ValueError:
            raise InputError(
                f"sealing key of {self.name}: not a valid public key",
                hint="ask the party for its public file again",
            ) from None


def in_domain(message: bytes, domain: str) -> bytes:
    """The bytes that are signed: no signature of one format is ever one of another."""
    return b"blindlink-signature-v1\0" + domain.encode("ascii") + b"\0" + message
