"""Who sent a request: an HTTP message signature (RFC 9421) by a party's authentication key.

Checked, in this order: the request is for this service; exactly one signature of ours; it covers
all that matters; it is fresh by the service's clock; it verifies; it was not used before. Why a
signature was refused is for the log: the client hears one answer for all of it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import http_sf
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)
from http_message_signatures.exceptions import HTTPMessageSignaturesException
from starlette.datastructures import Headers
from starlette.requests import Request

from blindlink.messages.http import ALWAYS, IF_PRESENT, NONCE_BYTES, TAG
from blindlink.service.context import Service
from blindlink.service.problems import Problem
from blindlink.service.web.nonces import Nonces

PATH = re.compile(r"(/[A-Za-z0-9._~-]*)+", re.ASCII)
NOBODY = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()  # verifies for no one we know
ACCEPT = f'sig=({" ".join(f"{chr(34)}{name}{chr(34)}" for name in ALWAYS)});tag="{TAG}"'
KeyOf = Callable[[str], Ed25519PublicKey | None]


@dataclass(frozen=True)
class Message:
    """A request as the library wants to see it."""

    method: str
    url: str
    headers: Headers


class _Keys(HTTPSignatureKeyResolver):
    """An unknown key costs as much as a known one."""

    def __init__(self, key_of: KeyOf) -> None:
        self._key_of, self.known = key_of, False

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        key = self._key_of(key_id)
        self.known = key is not None
        return key or NOBODY


class _Verifier(HTTPMessageVerifier):
    """Freshness by the service's clock."""

    def __init__(self, keys: _Keys, now: datetime, skew: int, age: int) -> None:
        super().__init__(signature_algorithm=algorithms.ED25519, key_resolver=keys)
        self._now, self._skew, self._age = now.timestamp(), skew, age

    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        created, expires = sig_input.params.get("created"), sig_input.params.get("expires")
        if type(created) is not int or type(expires) is not int:
            raise InvalidSignature("created or expires is missing")
        if created > self._now + self._skew:
            raise InvalidSignature("made in the future")
        if expires < self._now - self._skew or not created < expires <= created + self._age:
            raise InvalidSignature("expired, or made to last too long")


def verify(service: Service, request: Request, key_of: KeyOf, nonces: Nonces) -> str:
    """The keyid of who signed the request. Raises Problem (401, or 421 for another service)."""
    message = _message(service, request)
    limits, keys = service.settings.limits, _Keys(key_of)
    verifier = _Verifier(keys, service.now(), limits.skew, limits.signature_age)
    try:
        results = verifier.verify(
            message,
            max_age=timedelta(seconds=limits.signature_age),
            expect_tag=TAG,
            require_components=_required(message.headers),
        )
        if len(results) != 1 or not keys.known:
            raise InvalidSignature("more than one signature" if keys.known else "unknown key")
        parameters = results[0].parameters
        keyid, nonce = str(parameters["keyid"]), str(parameters.get("nonce", ""))
        if not NONCE_BYTES <= len(nonce) <= 64:
            raise InvalidSignature("no nonce, or one of an impossible length")
    except (HTTPMessageSignaturesException, ValueError, TypeError, KeyError) as error:
        raise refused(_cause(error)) from None
    if not nonces.use(keyid, nonce, float(parameters["expires"]) + limits.skew):
        raise refused("replayed")
    return keyid


def refused(cause: str) -> Problem:
    """The one answer to everything that is not signed as it must be."""
    return Problem(
        401,
        "not-authenticated",
        "see the clock, the key and the agreement that you use",
        cause=cause,
        headers={"Accept-Signature": ACCEPT},
    )


def content_digest(headers: Headers) -> bytes | None:
    """The SHA-256 of the body as the signature covers it; None without a body.

    Raises Problem when there is something else than exactly that.
    """
    text = headers.get("content-digest")
    if text is None:
        return None
    try:
        members: Any = http_sf.parse(text.encode("ascii"), tltype="dictionary")
        digest = members["sha-256"][0]
    except (ValueError, TypeError, KeyError):
        digest, members = b"", {}
    if len(members) != 1 or not isinstance(digest, bytes) or len(digest) != 32:
        raise Problem(400, "malformed", "Content-Digest: wants exactly one, sha-256")
    return digest


def _message(service: Service, request: Request) -> Message:
    here = urlsplit(service.settings.public_url)
    if request.headers.get("host", "").lower() != here.netloc.lower():
        raise Problem(421, "misdirected", cause="another host")
    path = request.scope.get("raw_path", b"").split(b"?")[0].decode("ascii", "replace")
    query = request.scope.get("query_string", b"").decode("ascii", "replace")
    check_target(path, query)
    url = f"{here.scheme}://{here.netloc}{path}" + (f"?{query}" if query else "")
    return Message(request.method, url, request.headers)


def check_target(path: str, query: str) -> None:
    """Raises Problem (400) for a target that two parsers could read in two ways.

    What is signed and what is executed must be the same: the path has only signs that mean
    themselves, and the query is what its own parameters would be written as again.
    """
    if not PATH.fullmatch(path) or any(part in (".", "..") for part in path.split("/")):
        raise Problem(400, "malformed", "the path has signs that no endpoint has")
    if not query:
        return
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except ValueError:
        pairs = []
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names) or urlencode(pairs) != query:
        raise Problem(400, "malformed", "the query is not as it would be written again")


def _required(headers: Headers) -> list[str]:
    return [*ALWAYS, *(name for name in IF_PRESENT if name in headers)]


def _cause(error: Exception) -> str:
    """What the library said, which is about parameters and never holds the signature."""
    if not isinstance(error, HTTPMessageSignaturesException):
        return "malformed"
    return str(error)[:100] or "does not verify"
