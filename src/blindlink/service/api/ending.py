"""The end of a project: who holds its key, and who has signed that it is erased."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy.orm import Session

from blindlink.errors import FormatError
from blindlink.messages.approval import Act
from blindlink.messages.audit.erasure import Attestation
from blindlink.service.api.shapes import (
    CustodianRequest,
    EndView,
    HolderView,
    HoldRequest,
    LostRequest,
)
from blindlink.service.data.logbook import locked, state_of
from blindlink.service.data.models import Project
from blindlink.service.domain import approvals, destruction
from blindlink.service.domain.projects import Access
from blindlink.service.web.bodies import JsonBody, parse
from blindlink.service.web.callers import Allowed, ServiceHere

router = APIRouter(prefix="/v1/projects/{project}/end", tags=["end"])

Insider = Annotated[Access, Depends(Allowed("linker", "operator", "auditor"))]
Operator = Annotated[Access, Depends(Allowed("operator"))]
BODY = {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}


@router.get("")
def show_end(access: Insider, service: ServiceHere) -> EndView:
    """Whether the project is due for destruction, and whose word is still missing."""
    with service.database.read() as session:
        return _view(session, session.get_one(Project, access.project.id))


@router.post("/custodians", status_code=201, openapi_extra={"requestBody": BODY})
def name_custodian(access: Operator, body: JsonBody, service: ServiceHere) -> EndView:
    """Name somebody who holds a copy of the linker's key; the log does too.

    The project is destroyed only when this custodian has signed that the copy is erased.
    """
    wanted = parse(body, CustodianRequest)
    with service.database.write() as session:
        project = locked(session, access.project.id)
        destruction.add_custodian(session, service, project, wanted.name, wanted.holder)
        found = _view(session, project)
    service.wake()
    return found


@router.put("/hold", openapi_extra={"requestBody": BODY})
def set_hold(access: Operator, body: JsonBody, service: ServiceHere) -> EndView:
    """A legal hold: while it lasts, the agreement's `destroy_by` ends nothing.

    Wants the signed word of as many people as the service's settings say, to begin and to end.
    """
    wanted = parse(body, HoldRequest).hold
    with service.database.write() as session:
        project = locked(session, access.project.id)
        if project.hold != wanted:
            act = Act.HOLD if wanted else Act.END_HOLD
            approvals.use(session, service, project, act, access.name)
            project.hold = wanted
        return _view(session, project)


@router.post("/lost", status_code=201, openapi_extra={"requestBody": BODY})
def give_up(access: Operator, body: JsonBody, service: ServiceHere) -> EndView:
    """Go on without the word of a custodian who is lost. The log says so for ever."""
    wanted = parse(body, LostRequest)
    with service.database.write() as session:
        project = locked(session, access.project.id)
        names = approvals.use(session, service, project, Act.GIVE_UP, access.name)
        destruction.give_up(session, service, project, wanted.holder, names)
        return _view(session, project)


@router.post("/attestations", status_code=201, openapi_extra={"requestBody": BODY})
def take_attestation(access: Insider, body: JsonBody, service: ServiceHere) -> EndView:
    """A holder's signed word that its copy of the key is erased, brought by whoever has it."""
    try:
        document = json.loads(body)
    except ValueError:
        raise FormatError("attestation: is not JSON") from None
    said = Attestation.read(document, "attestation")
    with service.database.write() as session:
        project = locked(session, access.project.id)
        destruction.attest(session, service, project, said)
        return _view(session, project)


def _view(session: Session, project: Project) -> EndView:
    state = state_of(session, project)
    left = project.grace_left
    return EndView(
        due=project.due_since is not None,
        grace_left=None if left is None else max(0, round(left)),
        hold=project.hold,
        begun=state.ending,
        destroyed=state.destroyed,
        holders=[
            HolderView(
                holder=each.holder,
                name=each.name,
                copy_elsewhere=each.copy,
                attested=each.attested,
            )
            for each in destruction.holders(session, project)
        ],
    )
