"""Projects: opened by the operator, seen by their parties."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from blindlink.messages.approval import Act
from blindlink.messages.http import AGREEMENT_TYPE
from blindlink.service.api.shapes import (
    After,
    Confirmation,
    Limit,
    ProjectPage,
    ProjectView,
    moment,
    position,
    token,
)
from blindlink.service.context import Service
from blindlink.service.data.logbook import locked
from blindlink.service.data.models import Project, Run
from blindlink.service.domain import approvals, destruction, projects
from blindlink.service.domain.projects import Access
from blindlink.service.problems import Problem, not_found
from blindlink.service.web.bodies import JsonBody, SmallBody, parse
from blindlink.service.web.callers import (
    PARTY,
    ROLES,
    Allowed,
    AllowedAnywhere,
    Caller,
    ServiceHere,
)

router = APIRouter(prefix="/v1/projects", tags=["projects"])


@router.post(
    "",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {AGREEMENT_TYPE: {"schema": {"type": "object"}}},
        }
    },
)
def open_project(
    caller: Annotated[Caller, Depends(AllowedAnywhere("operator"))],
    body: SmallBody,
    service: ServiceHere,
    request: Request,
    response: Response,
) -> ProjectView:
    """Open the project of an agreement that every party signed and that is in force.

    The body is the agreement file. Its digest is the project's id; the same agreement again gives
    the same project (200). Tells the operator that a worker holds the linker's keys.
    """
    if request.headers.get("content-type") != AGREEMENT_TYPE:
        raise Problem(415, "unsupported-media-type", f"wants {AGREEMENT_TYPE}")
    project, fresh = projects.open_project(service, body, caller.name)
    response.status_code = 201 if fresh else 200
    response.headers["Location"] = f"/v1/projects/{project.id}"
    with service.database.read() as session:
        return _view(session, service, Access(project, caller.role, caller.name))


@router.get("", response_model_exclude_none=True)
def list_projects(
    caller: Annotated[Caller, Depends(AllowedAnywhere(PARTY, "operator", "auditor"))],
    service: ServiceHere,
    limit: Annotated[Limit, Query()] = 50,
    after: Annotated[After, Query()] = "",
) -> ProjectPage:
    """The projects that the caller is a party of; for operator and auditor all of them."""
    with service.database.read() as session:
        found = projects.listed(
            session, None if caller.is_local else caller.keyid, position(after), limit + 1
        )
        views = [_view(session, service, _access(session, each, caller)) for each in found[:limit]]
    more = found[limit - 1].number if len(found) > limit else None
    return ProjectPage(items=views, next=token(more))


@router.get("/{project}", response_model_exclude_none=True)
def show_project(
    access: Annotated[Access, Depends(Allowed(*ROLES))], service: ServiceHere
) -> ProjectView:
    """What the project is, and to everybody but owners its state.

    Owners learn whether submissions are still taken, and nothing about a run.
    """
    with service.database.read() as session:
        return _view(session, service, access)


@router.get(
    "/{project}/agreement",
    response_class=Response,
    responses={200: {"content": {AGREEMENT_TYPE: {}}}},
)
def get_agreement(access: Annotated[Access, Depends(Allowed(*ROLES))]) -> Response:
    """The agreement file with all signatures, which every party holds anyway."""
    return Response(access.project.agreement, media_type=AGREEMENT_TYPE)


@router.post(
    "/{project}/destroy",
    status_code=202,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": Confirmation.model_json_schema()}},
        }
    },
)
def destroy_project(
    access: Annotated[Access, Depends(Allowed("operator", "linker"))],
    body: JsonBody,
    service: ServiceHere,
) -> ProjectView:
    """End the project: erase every object and the linker's keys of it, for ever.

    Wants the signed word of as many people as the service's settings say.

    The audit log, its heads and the receipts stay. Asking again changes nothing.
    """
    if parse(body, Confirmation).confirm != access.project.id:
        raise Problem(422, "unprocessable", "confirm: is not the id of this project")
    with service.database.write() as session:
        project = locked(session, access.project.id)
        names = approvals.use(session, service, project, Act.DESTROY, access.name)
        destruction.ask(session, service, access.project.id, ", ".join(names))
    service.wake()
    with service.database.read() as session:
        return _view(session, service, access)


def _access(session: Session, project: Project, caller: Caller) -> Access:
    if caller.is_local:
        return Access(project, caller.role, caller.name)
    found = projects.find(session, project.id, caller.keyid)
    if found is None:  # it was listed as one of the caller's a moment ago
        raise not_found()
    return found


def _view(session: Session, service: Service, access: Access) -> ProjectView:
    project, sees_run = access.project, access.role != "owner"
    run = session.get(Run, project.id) if sees_run else None
    phase, accepting = projects.standing(session, project, service, run)
    return ProjectView(
        id=project.id,
        name=project.name,
        version=project.version,
        role=access.role,
        accepting=accepting,
        expires=moment(project.expires),
        destroy_by=moment(project.destroy_by),
        state=phase if sees_run else None,
    )
