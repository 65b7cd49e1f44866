"""Operators and auditors: persons, by the public half of a key that the service never had.

    ROLE.NAME.pub    Ed25519 public key (PEM) in the credentials folder: put there by whoever
                     installs the service, for the first person of each role
    table people     registered later, each by somebody of the other role, and ended when they leave

A person makes the key with ``blindlink client new-person`` and keeps the private half. A web
process makes no key of anybody: one break-in would be both roles.
"""

import re
import threading
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from sqlalchemy import select

from blindlink.errors import KeyFileError
from blindlink.files import read_bytes
from blindlink.service.data.database import Database
from blindlink.service.data.models import Person

ROLES = ("operator", "auditor")
LIMIT = 4096
FILE = re.compile(r"(operator|auditor)(?:\.([A-Za-z0-9][A-Za-z0-9_-]{0,62}))?\.pub", re.ASCII)
KEPT = 5.0  # seconds: who leaves is out that soon, in every process


@dataclass(frozen=True)
class Credential:
    """A person by name, role and public key."""

    role: str
    name: str
    key: Ed25519PublicKey

    @property
    def keyid(self) -> str:
        """How a signature names it."""
        return keyid(self.role, self.key)


def keyid(role: str, key: Ed25519PublicKey) -> str:
    """How signatures of a role's key name it."""
    return f"{role}-{sha256(key.public_bytes_raw()).hexdigest()[:32]}"


class People:
    """Everybody who operates or audits, as a web process knows them."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._first, self._database = load(folder), database
        self._known: dict[str, Credential] = {}
        self._at, self._lock = float("-inf"), threading.Lock()

    def get(self, keyid: str) -> Credential | None:
        """A person by keyid; None for nobody, and for somebody who left."""
        if not keyid.startswith(ROLES):
            return None
        with self._lock:
            if time.monotonic() - self._at > KEPT:
                self._known, self._at = self._read(), time.monotonic()
        return self._known.get(keyid)

    def forget(self) -> None:
        """Look anew at the next question."""
        self._at = float("-inf")

    def _read(self) -> dict[str, Credential]:
        found = dict(self._first)
        with self._database.read() as session:
            for row in session.scalars(select(Person)):
                if row.until is not None:
                    found.pop(row.keyid, None)
                else:
                    key = Ed25519PublicKey.from_public_bytes(row.key)
                    found[row.keyid] = Credential(row.role, row.name, key)
        return found

    def first(self) -> list[Credential]:
        """Those of the folder."""
        return list(self._first.values())


def load(folder: Path) -> dict[str, Credential]:
    """The persons of a folder by keyid. Raises KeyFileError."""
    found = {}
    for path in sorted(folder.glob("*.pub")):
        named = FILE.fullmatch(path.name)
        if named is not None:
            credential = Credential(named[1], named[2] or named[1], _read(path))
            found[credential.keyid] = credential
    return found


def _read(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(read_bytes(path, limit=LIMIT))
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"{path}: not an Ed25519 public key")
    return key
