"""Who may do what. Every endpoint names its roles in one dependency; without one it does not start.

    Allowed("owner")             in a project: the caller's role in its agreement, or a local one
    AllowedAnywhere("operator")  outside of projects

Who is no party of a project gets the answer of a project that does not exist. Who is, and has
another role, is told so.
"""

from dataclasses import dataclass
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import Depends, Path, Request
from sqlalchemy import select

from blindlink.service.context import Service
from blindlink.service.data.models import Member
from blindlink.service.domain import projects
from blindlink.service.domain.projects import Access
from blindlink.service.problems import Problem, not_found
from blindlink.service.web import signatures
from blindlink.service.web.credentials import People
from blindlink.service.web.rates import Rates

PARTY = "party"
ROLES = ("owner", "linker", "analyst", "operator", "auditor")


@dataclass(frozen=True)
class Caller:
    """Who signed the request. ``role`` is operator, auditor, or party: of which, a project says."""

    keyid: str
    role: str
    name: str = ""  # of a person

    @property
    def is_local(self) -> bool:
        """Whether this is a person who operates or audits."""
        return self.role != PARTY


class Parties:
    """The keys of parties that were asked for: a fingerprint never gets another key."""

    def __init__(self) -> None:
        self.known: dict[str, Ed25519PublicKey] = {}

    def ask(self, service: Service, keyid: str) -> Ed25519PublicKey | None:
        """The key of a party of some project, from the database."""
        with service.database.read() as session:
            auth = session.scalar(select(Member.auth).where(Member.fingerprint == keyid).limit(1))
        if auth is None:
            return None
        return self.known.setdefault(keyid, Ed25519PublicKey.from_public_bytes(auth))


def service_of(request: Request) -> Service:
    """The service behind a request."""
    service: Service = request.app.state.service
    return service


async def _here(request: Request) -> Service:
    return service_of(request)  # async: not worth a change of threads


ServiceHere = Annotated[Service, Depends(_here)]


def authenticate(request: Request, service: ServiceHere) -> Caller:
    """Who sent this request; looked at once, whoever asks. Raises Problem (401, 421, 429)."""
    known: Caller | None = getattr(request.state, "who", None)
    if known is not None:
        return known
    people: People = request.app.state.people
    rates: Rates = request.app.state.rates
    address = request.client.host if request.client else "?"
    parties: Parties = request.app.state.parties
    remembered: list[str] = []

    def key_of(keyid: str) -> Ed25519PublicKey | None:
        if person := people.get(keyid):
            return person.key
        if keyid not in parties.known:
            return parties.ask(service, keyid)
        remembered.append(keyid)
        return parties.known[keyid]

    try:
        keyid = signatures.verify(service, request, key_of, request.app.state.nonces)
    except Problem as problem:
        if problem.status == 401:
            rates.count_failure(address)
            for keyid in remembered:  # so that a refusal takes as long as one of an unknown key
                parties.ask(service, keyid)
        raise
    rates.check(keyid)
    connection = getattr(request.state, "connection", None)
    if connection is not None:
        connection.trusted = True
    person = people.get(keyid)
    role, name = (person.role, person.name) if person else (PARTY, "")
    request.state.caller, request.state.who = keyid, Caller(keyid, role, name)
    return Caller(keyid, role, name)


Authenticated = Annotated[Caller, Depends(authenticate)]
# The pattern is said and not checked: another name is answered as one that does not exist.
ProjectId = Annotated[
    str,
    Path(
        description="The digest of the agreement, 64 hex digits.",
        json_schema_extra={"pattern": "^[0-9a-f]{64}$"},
    ),
]


class Allowed:
    """Lets these roles of the project through."""

    def __init__(self, *roles: str) -> None:
        self.roles = frozenset(roles)

    def __call__(self, request: Request, project: ProjectId, service: ServiceHere) -> Access:
        caller = authenticate(request, service)  # in this thread: a change costs more than it does
        with service.database.read() as session:
            if caller.is_local:
                access = projects.find_any(session, project, caller.role, caller.name)
            else:
                access = projects.find(session, project, caller.keyid)
        if access is None:
            raise not_found()
        request.state.role = access.role
        if access.role not in self.roles:
            raise Problem(403, "not-allowed", cause=f"{access.role} is not allowed")
        return access


class AllowedAnywhere:
    """Lets these callers through where no project is named."""

    def __init__(self, *roles: str) -> None:
        self.roles = frozenset(roles)

    def __call__(self, request: Request, service: ServiceHere) -> Caller:
        caller = authenticate(request, service)
        request.state.role = caller.role
        if caller.role not in self.roles:
            raise Problem(403, "not-allowed", cause=f"{caller.role} is not allowed")
        return caller
