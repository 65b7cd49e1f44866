"""People: registered by somebody of the other role, and what they sign for together."""

from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fastapi import APIRouter, Depends, Request, Response

from blindlink.messages.approval import Approval
from blindlink.service.api.shapes import (
    ApprovalsView,
    PeopleView,
    PersonId,
    PersonRequest,
    PersonView,
    moment,
)
from blindlink.service.data.logbook import locked
from blindlink.service.data.models import Person
from blindlink.service.domain import approvals, people
from blindlink.service.domain.projects import Access
from blindlink.service.problems import Problem
from blindlink.service.web.bodies import JsonBody, parse
from blindlink.service.web.callers import (
    Allowed,
    AllowedAnywhere,
    Authenticated,
    Caller,
    ServiceHere,
)
from blindlink.service.web.credentials import People, keyid

router = APIRouter(prefix="/v1", tags=["people"])

Local = Annotated[Caller, Depends(AllowedAnywhere("operator", "auditor"))]
Approver = Annotated[Access, Depends(Allowed("operator", "auditor", "linker"))]
BODY = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}


@router.get("/people")
def list_people(caller: Local, service: ServiceHere, request: Request) -> PeopleView:
    """Everybody who operates or audits, also who left: names, roles, keys, and who let them in."""
    known: People = request.app.state.people
    with service.database.read() as session:
        rows = people.listed(session)
    first = [
        PersonView(keyid=each.keyid, name=each.name, role=each.role, by="installation")
        for each in known.first()
        if each.keyid not in {row.keyid for row in rows}
    ]
    return PeopleView(items=[*first, *(_view(row) for row in rows)])


@router.post("/people", status_code=201, openapi_extra={"requestBody": BODY})
def add_person(caller: Local, body: JsonBody, service: ServiceHere, request: Request) -> PersonView:
    """Register a person of the **other** role: nobody lets in somebody like themselves."""
    wanted = parse(body, PersonRequest)
    if wanted.role == caller.role:
        raise Problem(403, "not-allowed", "somebody of the other role registers this person")
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(wanted.key))
    row = Person(
        keyid=keyid(wanted.role, key),
        name=wanted.name,
        role=wanted.role,
        key=key.public_bytes_raw(),
        by=caller.name,
        since=service.seconds(),
    )
    with service.database.write() as session:
        people.add(session, row)
    request.app.state.people.forget()
    return _view(row)


@router.delete("/people/{person}", status_code=204, response_class=Response)
def end_person(caller: Local, person: PersonId, service: ServiceHere, request: Request) -> Response:
    """A person leaves: by itself, or by somebody of the other role. Its sessions end at once."""
    known = request.app.state.people.get(person)
    if known is None:
        raise Problem(404, "not-found", cause="no such person")
    if known.role == caller.role and person != caller.keyid:
        raise Problem(403, "not-allowed", "somebody of the other role ends this person's access")
    row = Person(
        keyid=person,
        name=known.name,
        role=known.role,
        key=known.key.public_bytes_raw(),
        by=caller.name,
        since=service.seconds(),
    )
    with service.database.write() as session:
        people.end(session, row, service.seconds())
    request.app.state.people.forget()
    return Response(status_code=204)


@router.post("/projects/{project}/approvals", status_code=201, openapi_extra={"requestBody": BODY})
def approve(
    access: Approver, caller: Authenticated, body: JsonBody, service: ServiceHere, request: Request
) -> ApprovalsView:
    """A person's signed word that a run starts, a release goes out, or a project ends.

    It stands in the project's log. The act itself is asked for apart, and wants as many as the
    service's settings say, one of them an operator's.
    """
    word = parse(body, Approval)
    known = request.app.state.people.get(caller.keyid)
    key = known.key if known else request.app.state.parties.ask(service, caller.keyid)
    person = approvals.Person(caller.keyid, access.name, access.role, key)
    with service.database.write() as session:
        project = locked(session, access.project.id)
        count = approvals.give(session, service, project, person, word)
    service.wake()
    return ApprovalsView(
        act=word.statement.act, given=count, wanted=service.settings.people.approvals
    )


def _view(row: Person) -> PersonView:
    return PersonView(
        keyid=row.keyid,
        name=row.name,
        role=row.role,
        by=row.by,
        since=moment(row.since),
        until=moment(row.until),
    )
