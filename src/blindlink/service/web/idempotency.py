"""Idempotency keys: the same request again gives what the first one made, and makes nothing."""

import re
from hashlib import sha256

from fastapi import Request
from sqlalchemy.orm import Session

from blindlink.service.context import Service
from blindlink.service.data.models import Remembered
from blindlink.service.problems import Problem

KEY = re.compile(r'"?([A-Za-z0-9_-]{8,64})"?', re.ASCII)


def key_of(request: Request) -> str | None:
    """The Idempotency-Key of a request. Raises Problem."""
    text = request.headers.get("idempotency-key")
    if text is None:
        return None
    found = KEY.fullmatch(text)
    if found is None:
        raise Problem(400, "malformed", "Idempotency-Key: 8 to 64 letters, digits, - or _")
    return found[1]


def before(session: Session, keyid: str, key: str | None, path: str, body: bytes) -> str | None:
    """What the first request with this key made; None for a new one. Raises Problem (422)."""
    known = session.get(Remembered, (keyid, key)) if key else None
    if known is None:
        return None
    if known.request != _digest(path, body):
        raise Problem(422, "idempotency-key-reused")
    return known.subject


def remember(
    session: Session,
    service: Service,
    keyid: str,
    key: str | None,
    path: str,
    body: bytes,
    made: str,
) -> None:
    """Keep what a request made, in the transaction that made it."""
    if key is not None:
        expires = service.seconds() + service.settings.limits.idempotency
        session.add(
            Remembered(
                keyid=keyid, key=key, request=_digest(path, body), subject=made, expires=expires
            )
        )


def _digest(path: str, body: bytes) -> str:
    return sha256(path.encode() + b"\0" + body).hexdigest()
