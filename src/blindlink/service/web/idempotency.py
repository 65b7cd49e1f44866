"""Idempotency keys: the same request again gives what the first one made, and makes nothing."""

import re
from dataclasses import dataclass
from hashlib import sha256

from fastapi import Request
from sqlalchemy.orm import Session

from blindlink.service.context import Service
from blindlink.service.data.models import Remembered
from blindlink.service.problems import Problem

KEY = re.compile(r'"?([A-Za-z0-9_-]{8,64})"?', re.ASCII)


@dataclass(frozen=True)
class Again:
    """A request that may come again: whose it is, its key, and the digest of what it asks."""

    keyid: str
    key: str
    request: str


def of(request: Request, keyid: str, body: bytes) -> Again | None:
    """What the Idempotency-Key of a request names; None without one. Raises Problem."""
    text = request.headers.get("idempotency-key")
    if text is None:
        return None
    found = KEY.fullmatch(text)
    if found is None:
        raise Problem(400, "malformed", "Idempotency-Key: 8 to 64 letters, digits, - or _")
    digest = sha256(request.url.path.encode() + b"\0" + body).hexdigest()
    return Again(keyid, found[1], digest)


def before(session: Session, again: Again | None) -> str | None:
    """What the first request with this key made; None for a new one. Raises Problem (422)."""
    known = session.get(Remembered, (again.keyid, again.key)) if again else None
    if known is None or again is None:
        return None
    if known.request != again.request:
        raise Problem(422, "idempotency-key-reused")
    return known.subject


def remember(session: Session, service: Service, again: Again | None, made: str) -> None:
    """Keep what a request made, in the transaction that made it."""
    if again is not None:
        expires = service.seconds() + service.settings.limits.idempotency
        session.add(
            Remembered(
                keyid=again.keyid,
                key=again.key,
                request=again.request,
                subject=made,
                expires=expires,
            )
        )
        session.flush()  # of two at once the second one is told here
