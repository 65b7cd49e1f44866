"""Signing a browser in, without a password.

    code = issue(service, keyid)             asked for with the credential's key; works once
    token = redeem(service, code)            the browser gives the code, gets a cookie
    session = find(service, token)           None when it is over

Codes and cookies are random and kept as SHA-256 only. What signs in is always the credential's
private key: a code is what a request that it signed was answered with.
"""

import secrets
from hashlib import sha256

from sqlalchemy import delete, select, update

from blindlink.service.context import Service
from blindlink.service.data.models import BrowserSession, SignInCode

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U
GROUPS, GROUP = 5, 4  # 100 bits
MISREAD = str.maketrans("OIL", "011", "- \t\r\n")
NOTED = 60.0  # seconds between two notes that a session is in use


def issue(service: Service, keyid: str) -> tuple[str, float]:
    """A new sign-in code of a credential, and when it expires; earlier ones work no more."""
    text = "".join(secrets.choice(ALPHABET) for _ in range(GROUPS * GROUP))
    expires = service.seconds() + service.settings.sessions.code
    with service.database.write(durable=False) as session:
        session.execute(delete(SignInCode).where(SignInCode.keyid == keyid))
        session.add(SignInCode(digest=_digest(text), keyid=keyid, expires=expires))
    parts = (text[start : start + GROUP] for start in range(0, len(text), GROUP))
    return "-".join(parts), expires


def redeem(service: Service, code: str) -> tuple[str, str] | None:
    """The keyid of a code and the token of a new session; None for a code that is no good."""
    digest, now = _digest(code.upper().translate(MISREAD)), service.seconds()
    token = secrets.token_urlsafe(32)
    with service.database.write(durable=False) as session:
        found = session.get(SignInCode, digest, with_for_update=True)
        if found is None:
            return None
        session.delete(found)
        if found.expires < now:
            return None
        session.add(
            BrowserSession(
                digest=_digest(token),
                keyid=found.keyid,
                since=now,
                seen=now,
                expires=now + service.settings.sessions.life,
            )
        )
    return found.keyid, token


def find(service: Service, token: str, *, counts: bool) -> BrowserSession | None:
    """The session of a cookie; ``counts`` says whether this request keeps it from idling."""
    now, idle = service.seconds(), service.settings.sessions.idle
    with service.database.read() as session:
        found = session.get(BrowserSession, _digest(token))
    if found is None or now > found.expires or now > found.seen + idle:
        return None
    if counts and now > found.seen + NOTED:
        with service.database.write(durable=False) as session:
            mine = update(BrowserSession).where(BrowserSession.digest == found.digest)
            session.execute(mine.values(seen=now))
    return found


def listed(service: Service, keyid: str) -> list[BrowserSession]:
    """The browsers in which a person is signed in."""
    mine = (BrowserSession.keyid == keyid, BrowserSession.expires > service.seconds())
    with service.database.read() as session:
        return list(session.scalars(select(BrowserSession).where(*mine)))


def end_all(service: Service, keyid: str) -> int:
    """Sign a person out everywhere, and make its codes useless; returns how many browsers."""
    with service.database.write() as session:
        session.execute(delete(SignInCode).where(SignInCode.keyid == keyid))
        done = session.execute(delete(BrowserSession).where(BrowserSession.keyid == keyid))
    return int(getattr(done, "rowcount", 0))


def end(service: Service, token: str) -> None:
    """Sign a browser out."""
    with service.database.write() as session:
        session.execute(delete(BrowserSession).where(BrowserSession.digest == _digest(token)))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
