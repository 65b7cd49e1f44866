"""The local credentials: operator and auditor, each an Ed25519 key of its own, no password.

    operator.key    private, PKCS#8 PEM, mode 0600: stays with the operator
    operator.pub    public, PEM: what the service needs

They are parties of no agreement. ``blindlink serve`` makes both pairs where there are none yet.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from blindlink.errors import KeyFileError
from blindlink.files import PRIVATE, read_bytes, write_bytes

ROLES = ("operator", "auditor")
LIMIT = 4096


@dataclass(frozen=True)
class Credential:
    """A local credential by its public key."""

    role: str
    key: Ed25519PublicKey

    @property
    def keyid(self) -> str:
        """How a signature names it."""
        return f"{self.role}-{sha256(self.key.public_bytes_raw()).hexdigest()[:32]}"


def load(folder: Path) -> dict[str, Credential]:
    """The credentials of a folder by keyid. Raises KeyFileError."""
    found = {}
    for role in ROLES:
        path = folder / f"{role}.pub"
        if path.exists():
            credential = Credential(role, _read(path))
            found[credential.keyid] = credential
    return found


def make(folder: Path) -> list[Path]:
    """Make the pairs that are not there; returns the private files that were made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = []
    for role in ROLES:
        if not (folder / f"{role}.pub").exists():
            key = Ed25519PrivateKey.generate()
            private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            write_bytes(folder / f"{role}.key", private, force=True, mode=PRIVATE)
            write_bytes(folder / f"{role}.pub", public, force=True)
            made.append(folder / f"{role}.key")
    return made


def _read(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(read_bytes(path, limit=LIMIT))
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path}: not an Ed25519 public key")
    return key
