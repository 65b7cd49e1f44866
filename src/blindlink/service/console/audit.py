"""The audit log of a project: entries, heads, verification, and the files to take home."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from blindlink.errors import FormatError
from blindlink.messages.audit.log import AuditLog, Entry, Head
from blindlink.messages.signed import Signed
from blindlink.service.console import verification
from blindlink.service.console.forms import OwnForm
from blindlink.service.console.render import HEADERS, PREFIX, page
from blindlink.service.console.verification import Check
from blindlink.service.console.visitors import Here, Reader, Seen
from blindlink.service.context import Service
from blindlink.service.data.logbook import StoredLog
from blindlink.service.domain.projects import Access
from blindlink.service.problems import not_found

router = APIRouter(prefix=f"{PREFIX}/projects/{{project}}/audit", include_in_schema=False)
PAGE = 50
EVENTS = {
    "project-opened": "Project opened",
    "submission-received": "Submission received",
    "withdrawal-received": "Withdrawal received",
    "inputs-frozen": "Inputs frozen",
    "released": "Released",
    "refused": "Refused",
    "approved": "Approved by a person",
    "run-asked": "Run asked for",
    "hold": "Legal hold",
    "hold-ended": "Legal hold ended",
    "viewed": "Report seen",
    "downloaded": "Release taken away",
    "key-held": "Key held",
    "withdrawal-arrived": "Withdrawal came",
    "withdrawal-refused": "Withdrawal refused",
    "destruction-begun": "Destruction begun",
    "key-erased": "Key erased",
    "custodian-lost": "Custodian lost",
    "destroyed": "Destroyed",
}
WORDS = {
    "owner": "Owner",
    "sequence": "Sequence",
    "rows": "Rows",
    "reason": "Reason",
    "agreement": "Agreement",
    "bundle": "Bundle",
    "submission": "Submission",
    "withdrawal": "Withdrawal",
    "release": "Release",
    "submissions": "Submissions",
    "withdrawals": "Withdrawals",
    "name": "Name",
    "by": "By",
    "role": "Role",
    "holder": "Holder",
    "holders": "Holders",
    "attested": "Attested",
    "lost": "Lost",
    "file": "File",
    "bytes": "Bytes",
}  # what else an entry may hold is on no page
After = Annotated[int, Query(ge=0, le=10**9)]


@router.get("")
def show_log(request: Request, service: Here, access: Seen, after: After = 0) -> Response:
    return _page(request, service, access, after=after)


@router.post("/verify")
def verify_log(request: Request, service: Here, _: Reader, access: Seen, form: OwnForm) -> Response:
    with service.database.read() as session:
        checks = verification.verify(session, service, access.project)
    return _page(request, service, access, checks=checks)


@router.post("/compare")
def compare_head(
    request: Request, service: Here, _: Reader, access: Seen, form: OwnForm
) -> Response:
    with service.database.read() as session:
        checks = [verification.kept(session, access.project, form.get("head", ""))]
    return _page(request, service, access, checks=checks)


@router.get("/log")
def get_log(service: Here, access: Seen) -> Response:
    with service.database.read() as session:
        data = StoredLog(session, access.project).as_file()
    return _file(data, f"{access.project.name}.audit.log")


@router.get("/head")
def get_head(service: Here, access: Seen) -> Response:
    with service.database.read() as session:
        heads = verification.heads_of(session, access.project)
    if not heads:
        raise not_found("no head yet")
    name = f"{access.project.name}-{heads[-1].document.size}.head"
    return _file(heads[-1].to_bytes() + b"\n", name)


def _page(
    request: Request,
    service: Service,
    access: Access,
    *,
    after: int = 0,
    checks: list[Check] | None = None,
) -> Response:
    log, heads = AuditLog(Path(access.project.id), access.project.log), list[Signed[Head]]()
    with service.database.read() as session:
        try:
            log, heads = (
                StoredLog(session, access.project),
                verification.heads_of(session, access.project),
            )
        except FormatError as error:  # of a log that was tampered with: the page still says so
            checks = checks or [Check("Entries", False, error.message)]
    entries = log.entries[after : after + PAGE]
    return page(
        request,
        "audit",
        project=access.project,
        log=log.log_id,
        root=log.root().hex(),
        number=len(log.entries),
        entries=[(each, EVENTS.get(each.event, each.event), _details(each)) for each in entries],
        more=after + PAGE if after + PAGE < len(log.entries) else None,
        after=after,
        heads=[each.document for each in heads[: -PAGE - 1 : -1]],
        checks=checks,
        good=checks is not None and all(check.ok for check in checks),
    )


def _details(entry: Entry) -> list[tuple[str, list[str]]]:
    """What an entry says, in words: digests, counts and names."""
    return [(WORDS[name], _texts(value)) for name, value in entry.details.items() if name in WORDS]


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(each) for each in value]
    return [f"{value:,}" if isinstance(value, int) else str(value)]


def _file(data: bytes, name: str) -> Response:
    """Something to save, and never to show: names of projects are letters, digits and hyphens."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(data, headers=HEADERS | disposition, media_type="application/octet-stream")
