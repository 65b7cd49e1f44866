"""The run, its report and its release."""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from blindlink.messages.approval import Act
from blindlink.service.api.shapes import RunView, moment
from blindlink.service.data.logbook import locked
from blindlink.service.data.models import Run
from blindlink.service.domain import approvals, runs
from blindlink.service.domain.projects import Access, agreement_of
from blindlink.service.problems import Problem, not_found
from blindlink.service.web.callers import Allowed, ServiceHere

router = APIRouter(prefix="/v1/projects/{project}", tags=["run"])

RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)", re.ASCII)
LONG = 18  # digits: more are beyond every file
RELEASE_TYPE = "application/octet-stream"
Starter = Annotated[Access, Depends(Allowed("operator", "linker"))]
Watcher = Annotated[Access, Depends(Allowed("operator", "linker", "analyst", "auditor"))]
Analyst = Annotated[Access, Depends(Allowed("analyst"))]


@router.post("/run", status_code=202, response_model_exclude_none=True)
def start_run(access: Starter, service: ServiceHere) -> RunView:
    """Freeze the inputs and link them: the one run of this agreement.

    Wants a submission of every owner. Again changes nothing, but tries anew what failed for a fault
    of the machine. Owners learn that nothing is taken any more, and nothing else.
    """
    with service.database.write() as session:
        run = runs.ask(session, service, access)
    service.wake()
    return _view(run)


@router.get("/run", response_model_exclude_none=True)
def show_run(access: Watcher, service: ServiceHere) -> RunView:
    """How far the run is, and how it ended: released, refused or failed. Never for owners."""
    return _view(_run(service, access))


@router.get("/report")
def get_report(access: Watcher, service: ServiceHere) -> list[dict[str, Any]]:
    """The linkage report for each pair of owners: aggregates only. Never for owners."""
    report = _run(service, access).report
    if report is None:
        raise not_found("no report")
    with service.database.write() as session:
        project = locked(session, access.project.id)
        approvals.note_once(session, service, project, "viewed", access.name)
    found: list[dict[str, Any]] = json.loads(report)
    return found


@router.get(
    "/release",
    response_class=Response,
    responses={
        200: {"content": {RELEASE_TYPE: {}}},
        206: {"description": "A part of it", "content": {RELEASE_TYPE: {}}},
    },
    openapi_extra={
        "parameters": [
            {"name": "Range", "in": "header", "required": False, "schema": {"type": "string"}}
        ]
    },
)
def get_release(access: Analyst, service: ServiceHere, request: Request) -> Response:
    """The release, sealed to the analyst; `Range: bytes=N-` goes on after a broken connection.

    `Repr-Digest` is the SHA-256 of the whole file. Held back (409) until as many people as the
    service's settings say have signed that it may go out.
    """
    agreement_of(access.project).check_time(service.now(), "agreement")
    run = _run(service, access)
    if run.object is None or run.size is None or run.digest is None:
        raise not_found("no release")
    service.storage.size(run.object)  # raises where the file is gone, before anything is said
    with service.database.write() as session:
        project = locked(session, access.project.id)
        if run.let_out is None:
            session.get_one(Run, project.id).let_out = service.seconds()
            approvals.use(session, service, project, Act.RELEASE, access.name)
        approvals.note_once(session, service, project, "downloaded", access.name)
    start, end = _range(request, run.size)
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
        "Content-Length": str(end - start),
        "ETag": f'"{run.digest}"',
        "Repr-Digest": f"sha-256=:{_base64(run.digest)}:",
    }
    whole = (start, end) == (0, run.size)
    if not whole:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{run.size}"
    blocks: Iterator[bytes] = service.storage.read(run.object, start, end - start)
    return StreamingResponse(
        blocks, 200 if whole else 206, headers=headers, media_type=RELEASE_TYPE
    )


def _range(request: Request, size: int) -> tuple[int, int]:
    """The bytes that are wanted, as start and end."""
    text = (request.headers.get("range") or "")[:200] or None
    if text is None:
        return 0, size
    found = RANGE.fullmatch(text)
    if found is None or not (found[1] or found[2]):
        return 0, size  # RFC 9110: a range that is not understood is no range
    first, last = (int(each[:LONG]) if each else None for each in found.groups())
    if first is None:  # the last so many bytes
        start, end = size - min(size, last or 0), size
    else:
        start, end = first, size if last is None else min(size, last + 1)
    if not start < end:
        raise Problem(416, "range", headers={"Content-Range": f"bytes */{size}"})
    return start, end


def _run(service: Any, access: Access) -> Run:
    with service.database.read() as session:
        run: Run | None = session.get(Run, access.project.id)
    if run is None:
        raise not_found("no run")
    return run


def _base64(digest: str) -> str:
    from base64 import b64encode

    return b64encode(bytes.fromhex(digest)).decode()


def _view(run: Run) -> RunView:
    return RunView(
        state=run.state,
        stage=run.stage,
        done=run.done,
        total=run.total,
        reason=run.reason,
        asked=moment(run.asked),
        ended=moment(run.ended),
        release_bytes=run.size,
        release_digest=run.digest,
    )
