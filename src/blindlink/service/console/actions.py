"""What the operator can do, each after a page that says what it means: start the run, destroy.

The rules are those of the API: the same functions decide.
"""

from fastapi import APIRouter, Request, Response

from blindlink.messages.approval import Act
from blindlink.service.console import overview
from blindlink.service.console.forms import OwnForm
from blindlink.service.console.render import PREFIX, go, page
from blindlink.service.console.visitors import Here, Operator, Seen
from blindlink.service.data.logbook import locked
from blindlink.service.domain import approvals, destruction, runs

router = APIRouter(prefix=f"{PREFIX}/projects/{{project}}", include_in_schema=False)


@router.get("/run")
def ask_about_run(request: Request, service: Here, _: Operator, access: Seen) -> Response:
    with service.database.read() as session:
        item = overview.of(session, service, access.project)
    return page(request, "run", item=item)


@router.post("/run")
def start_run(service: Here, _: Operator, access: Seen, form: OwnForm) -> Response:
    with service.database.write() as session:
        runs.ask(session, service, access)
    service.wake()
    return go(f"/projects/{access.project.id}?done=run")


@router.get("/destroy")
def ask_about_destroying(request: Request, service: Here, _: Operator, access: Seen) -> Response:
    with service.database.read() as session:
        item = overview.of(session, service, access.project)
    return page(request, "destroy", item=item, error="")


@router.post("/destroy")
def destroy(request: Request, service: Here, _: Operator, access: Seen, form: OwnForm) -> Response:
    if form.get("name", "").strip() != access.project.name:
        with service.database.read() as session:
            item = overview.of(session, service, access.project)
        error = "Type the name of the project exactly as it is written above."
        return page(request, "destroy", 422, item=item, error=error)
    with service.database.write() as session:
        project = locked(session, access.project.id)
        names = approvals.use(session, service, project, Act.DESTROY, access.name)
        destruction.ask(session, service, access.project.id, ", ".join(names))
    service.wake()
    return go(f"/projects/{access.project.id}?done=destroy")
