"""The key of a person who operates or audits: made here; the service knows the public half."""

import json
import re
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from blindlink.client.connection import Connection
from blindlink.errors import KeyFileError
from blindlink.files import PRIVATE, read_bytes, write_bytes

PATH = "/v1/people"
FILE = re.compile(r"(operator|auditor)\.([A-Za-z0-9][A-Za-z0-9_-]{0,62})\.pub", re.ASCII)


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


def listed(connection: Connection) -> list[dict[str, Any]]:
    """Everybody who operates or audits a service, or did."""
    found: list[dict[str, Any]] = connection.call("GET", PATH).json()["items"]
    return found


def register(connection: Connection, path: Path) -> dict[str, Any]:
    """Let in the person of ROLE.NAME.pub. Raises KeyFileError, RefusalError."""
    named = FILE.fullmatch(path.name)
    try:
        key = load_pem_public_key(read_bytes(path, limit=4096))
    except ValueError:
        key = None
    if named is None or not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path}: not ROLE.NAME.pub", hint="blindlink client new-person")
    body = {"role": named[1], "name": named[2], "key": key.public_bytes_raw().hex()}
    headers = {"Content-Type": "application/json"}
    answer = connection.call("POST", PATH, body=json.dumps(body).encode(), headers=headers)
    found: dict[str, Any] = answer.json()
    return found


def dismiss(connection: Connection, keyid: str) -> None:
    """End a person's access. Raises RefusalError."""
    connection.call("DELETE", f"{PATH}/{keyid}")
