"""The key of a person who operates or audits: made here; the service knows the public half."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from blindlink.files import PRIVATE, write_bytes

ROLES = ("operator", "auditor")


def make(folder: Path, role: str, name: str = "", *, force: bool = False) -> Path:
    """Write ROLE.NAME.key, to be kept, and ROLE.NAME.pub, to be registered; returns the first.

    Raises OutputError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = f"{role}.{name}" if name else role
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_bytes(folder / f"{stem}.key", private, force=force, mode=PRIVATE)
    write_bytes(folder / f"{stem}.pub", public, force=force)
    return folder / f"{stem}.key"
