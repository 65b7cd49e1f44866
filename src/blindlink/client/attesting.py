"""A custodian's word that its copy of a linker's key is erased."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blindlink.errors import KeyFileError
from blindlink.keys.files import read_private
from blindlink.messages.audit.erasure import Attestation, statement

if TYPE_CHECKING:
    from blindlink.client.client import Client

SIZE = 32


def sign(client: "Client", path: Path) -> Attestation:
    """Sign that the copy is erased, with the custodian's own key. Raises KeyFileError."""
    data = read_private(path)
    if len(data) != SIZE:
        raise KeyFileError(f"{path}: not a custodian's key", hint="32 random bytes, mode 0600")
    key = Ed25519PrivateKey.from_private_bytes(data)
    heads = client.connection.call("GET", f"{client.path}/audit/heads").json()
    said = statement(
        client.agreement.digest(),
        str(heads["log"]),
        client.agreement.agreement.linker.fingerprint(),
        key.public_key().public_bytes_raw().hex(),
        erased=True,
        now=datetime.now(UTC),
    )
    return Attestation.make(said, key)
