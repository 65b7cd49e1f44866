"""The part of a project's page that changes while one looks: our script fetches it by itself."""

from fastapi import APIRouter, Request, Response

from blindlink.service.console import overview
from blindlink.service.console.render import PREFIX, page
from blindlink.service.console.visitors import Here, Seen

router = APIRouter(prefix=PREFIX, include_in_schema=False)


@router.get("/projects/{project}/progress")
def show_progress(request: Request, service: Here, access: Seen) -> Response:
    with service.database.read() as session:
        item = overview.of(session, service, access.project)
    return page(request, "progress", item=item)
