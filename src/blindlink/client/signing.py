"""Signing a request (RFC 9421) as a party of an agreement, or with a local credential."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from http_message_signatures import HTTPMessageSigner, algorithms

from blindlink.errors import KeyFileError
from blindlink.keys import PartyKeys
from blindlink.keys.files import read_private
from blindlink.messages.http import ALWAYS, IF_PRESENT, LIFETIME, NONCE_BYTES, TAG

Clock = Callable[[], datetime]
ROLES = ("operator", "auditor")  # of persons, who belong to no agreement


def wall_clock() -> datetime:
    """The time of this machine."""
    return datetime.now(UTC)


@dataclass
class Request:
    """A request to be signed: the library writes the signature into ``headers``."""

    method: str
    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Signer:
    """Who signs, and how."""

    keyid: str
    sign: Callable[[bytes], bytes]
    clock: Clock = wall_clock

    @classmethod
    def of_party(cls, keys: PartyKeys, clock: Clock = wall_clock) -> "Signer":
        """A party, by its authentication key."""
        return cls(keys.public.fingerprint(), keys.authenticate, clock)

    @classmethod
    def of_credential(cls, path: Path, clock: Clock = wall_clock) -> "Signer":
        """Operator or auditor, by the private file ``ROLE.NAME.key``. Raises KeyFileError."""
        role = path.stem.partition(".")[0]
        try:
            key = load_pem_private_key(read_private(path), None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, Ed25519PrivateKey) or role not in ROLES:
            raise KeyFileError(
                f"{path}: not a local credential", hint="give operator.NAME.key or auditor.NAME.key"
            )
        public = sha256(key.public_key().public_bytes_raw()).hexdigest()
        return cls(f"{role}-{public[:32]}", key.sign, clock)

    def add_to(self, request: Request) -> None:
        """Sign a request that is otherwise complete."""
        signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519)
        now = self.clock()
        present = {name.lower() for name in request.headers}
        prepared = signer.prepare(
            request,
            key_id=self.keyid,
            created=now,
            expires=now + timedelta(seconds=LIFETIME),
            nonce=base64.urlsafe_b64encode(secrets.token_bytes(NONCE_BYTES)).decode(),
            label="blindlink",
            tag=TAG,
            use_existing_digest="content-digest" in present,
            covered_component_ids=[*ALWAYS, *(name for name in IF_PRESENT if name in present)],
        )
        signer.apply(request, prepared, self.sign(prepared.signature_base))


def digest_header(data: bytes) -> str:
    """Content-Digest of a body (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(sha256(data).digest()).decode()}:"
