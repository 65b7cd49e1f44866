"""Who may see a page. Every page names its roles in one dependency, like the endpoints of the API.

    SignedIn("operator", "auditor")     a page
    SignedIn("operator")                an action

A form counts only when it comes from one of our own pages: its ``Origin`` is this service, and it
carries a token that follows from the session's cookie, which no other site can read.
"""

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Path, Request, Response

from blindlink.service.console import sessions
from blindlink.service.context import Service
from blindlink.service.domain import projects
from blindlink.service.domain.projects import Access
from blindlink.service.problems import Problem, not_found
from blindlink.service.web.callers import ServiceHere
from blindlink.service.web.credentials import People

READERS = ("operator", "auditor")
PART = "x-fragment"  # a header of our script: it fetches a part of a page, by itself


@dataclass(frozen=True)
class Visitor:
    """Somebody who is signed in. ``form_token`` goes into every form."""

    role: str
    name: str
    keyid: str
    token: str
    form_token: str

    @property
    def operates(self) -> bool:
        """Whether there are actions for this visitor."""
        return self.role == "operator"


def here(request: Request, service: ServiceHere) -> Service:
    """The service, once the request is meant for it. Raises Problem (404, 421).

    A page under another host's name (DNS rebinding) sees nothing.
    """
    if not service.settings.console:
        raise not_found("no console here")
    wanted = urlsplit(service.settings.public_url).netloc.lower()
    if request.headers.get("host", "").lower() != wanted:
        raise Problem(421, "misdirected", cause="another host")
    return service


Here = Annotated[Service, Depends(here)]


class SignedIn:
    """Lets visitors of these roles through. Raises Problem (401, 403, 429)."""

    def __init__(self, *roles: str) -> None:
        self.roles = frozenset(roles)

    def __call__(self, request: Request, service: Here) -> Visitor:
        visitor = _visitor(request, service)
        if visitor is None:
            raise Problem(401, "not-authenticated", cause="not signed in")
        request.app.state.rates.check(visitor.keyid)
        request.state.caller, request.state.role = visitor.keyid, visitor.role
        request.state.visitor = visitor
        if visitor.role not in self.roles:
            raise Problem(403, "not-allowed", cause=f"{visitor.role} is not allowed")
        return visitor


def _visitor(request: Request, service: Service) -> Visitor | None:
    token = request.cookies.get(cookie_name(service))
    if not token:
        return None
    session = sessions.find(service, token, counts=PART not in request.headers)
    people: People = request.app.state.people
    person = people.get(session.keyid) if session is not None else None
    if session is None or person is None:  # who left is signed out
        return None
    return Visitor(person.role, person.name, session.keyid, token, _form_token(token))


Reader = Annotated[Visitor, Depends(SignedIn(*READERS))]
Operator = Annotated[Visitor, Depends(SignedIn("operator"))]


def seen(service: Here, visitor: Reader, project: Annotated[str, Path()]) -> Access:
    """The project of a page. Raises Problem (404)."""
    with service.database.read() as session:
        access = projects.find_any(session, project, visitor.role, visitor.name)
    if access is None:
        raise not_found()
    return access


Seen = Annotated[Access, Depends(seen)]


def check_origin(request: Request, service: Service) -> None:
    """Raises Problem unless the browser says that the form is on a page of this service."""
    here = urlsplit(service.settings.public_url)
    if request.headers.get("origin", "").lower() != f"{here.scheme}://{here.netloc}".lower():
        raise Problem(403, "not-allowed", cause="a form of another site")


def check_form(visitor: Visitor, sent: str) -> None:
    """Raises Problem unless the form was made for this session."""
    if not hmac.compare_digest(sent.encode(), visitor.form_token.encode()):
        raise Problem(403, "not-allowed", cause="a form of another session")


def keep(service: Service, response: Response, token: str) -> None:
    """Give the browser its cookie. It goes when the browser closes, or the session ends."""
    secure = _tls(service)
    response.set_cookie(
        cookie_name(service), token, path="/", httponly=True, samesite="strict", secure=secure
    )


def drop(service: Service, response: Response) -> None:
    """Take the cookie back."""
    response.delete_cookie(
        cookie_name(service), path="/", httponly=True, samesite="strict", secure=_tls(service)
    )


def cookie_name(service: Service) -> str:
    """With TLS a name that browsers take from this very host only."""
    return "__Host-blindlink" if _tls(service) else "blindlink"


def _tls(service: Service) -> bool:
    return service.settings.public_url.startswith("https://")


def _form_token(token: str) -> str:
    return hmac.new(token.encode(), b"blindlink console form", sha256).hexdigest()
