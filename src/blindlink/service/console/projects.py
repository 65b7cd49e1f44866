"""The list of projects, and one of them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from blindlink.service.console import overview, states
from blindlink.service.console.render import PREFIX, page
from blindlink.service.console.visitors import Here, Reader, Seen
from blindlink.service.domain import projects, uploads

router = APIRouter(prefix=PREFIX, include_in_schema=False)
PAGE = 25
NOTICES = {
    "run": "The run is asked for. A worker freezes the inputs and links them.",
    "destroy": "Destruction is asked for. A worker erases the files and the linker's keys.",
}
After = Annotated[int, Query(ge=0, le=2**53)]


@router.get("")
def list_projects(request: Request, service: Here, visitor: Reader, after: After = 0) -> Response:
    with service.database.read() as session:
        found = projects.listed(session, None, after, PAGE + 1)
        items = [overview.of(session, service, each) for each in found[:PAGE]]
    more = found[PAGE - 1].number if len(found) > PAGE else None
    return page(request, "projects", items=items, more=more, after=after)


@router.get("/projects/{project}")
def show_project(
    request: Request, service: Here, access: Seen, done: Annotated[str, Query(max_length=16)] = ""
) -> Response:
    with service.database.read() as session:
        item = overview.of(session, service, access.project)
    return page(request, "project", item=item, notice=NOTICES.get(done, ""))


@router.get("/projects/{project}/uploads")
def list_uploads(request: Request, service: Here, access: Seen, after: After = 0) -> Response:
    with service.database.read() as session:
        found = uploads.listed(session, access, after, PAGE + 1)
    rows = [
        (each, states.upload(each.state), overview.receipt_rows(each), overview.percent(each))
        for each in found[:PAGE]
    ]
    more = found[PAGE - 1].number if len(found) > PAGE else None
    return page(request, "uploads", project=access.project, rows=rows, more=more, after=after)
