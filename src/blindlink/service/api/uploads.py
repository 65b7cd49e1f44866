"""Uploads: resumable, in the manner of the IETF draft on resumable uploads."""

import re
from contextlib import ExitStack
from hashlib import sha256
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.exc import IntegrityError

from blindlink.messages.http import PART_TYPE
from blindlink.service.api.shapes import (
    After,
    Limit,
    UploadPage,
    UploadRequest,
    UploadView,
    moment,
    position,
    token,
)
from blindlink.service.context import Service
from blindlink.service.data.models import Part, Upload
from blindlink.service.data.states import UploadKind
from blindlink.service.data.storage import BLOCK
from blindlink.service.domain import uploads
from blindlink.service.domain.projects import Access
from blindlink.service.problems import Problem, not_found
from blindlink.service.web import bodies, idempotency
from blindlink.service.web.bodies import JsonBody
from blindlink.service.web.callers import Allowed, Authenticated, ServiceHere

router = APIRouter(prefix="/v1/projects/{project}/uploads", tags=["uploads"])

NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
UploadId = Annotated[
    str,
    Path(description="32 hex digits.", json_schema_extra={"pattern": "^[0-9a-f]{32}$"}),
]
Owner = Annotated[Access, Depends(Allowed("owner"))]
Operator = Annotated[Access, Depends(Allowed("operator"))]
Watcher = Annotated[Access, Depends(Allowed("owner", "linker", "operator", "auditor"))]


@router.post(
    "",
    status_code=201,
    response_model_exclude_none=True,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": UploadRequest.model_json_schema()}},
        },
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "pattern": idempotency.KEY.pattern},
            }
        ],
    },
)
def create_upload(
    access: Owner,
    caller: Authenticated,
    body: JsonBody,
    service: ServiceHere,
    request: Request,
    response: Response,
) -> UploadView:
    """Announce a submission or withdrawal: kind, size and SHA-256 of the file.

    Refused when the agreement is not in force, the inputs are frozen, the file is larger than
    agreed, or too many are under way. With an `Idempotency-Key` the same announcement again gives
    the same upload. Tells the owner where to send the parts.
    """
    wanted, path = bodies.parse(body, UploadRequest), request.url.path
    again = idempotency.of(request, caller.keyid, body)
    try:
        upload = _create(service, access, wanted, again)
    except IntegrityError:  # the same request won the race: what it made is there now
        upload = _create(service, access, wanted, again)
    response.headers["Location"] = f"{path}/{upload.id}"
    response.headers["Upload-Limit"] = _limit(service)
    return _view(upload)


@router.get("", response_model_exclude_none=True)
def list_uploads(
    access: Watcher,
    service: ServiceHere,
    limit: Annotated[Limit, Query()] = 50,
    after: Annotated[After, Query()] = "",
) -> UploadPage:
    """An owner's own uploads; for linker, operator and auditor those of every owner."""
    with service.database.read() as session:
        found = uploads.listed(session, access, position(after), limit + 1)
    more = found[limit - 1].number if len(found) > limit else None
    return UploadPage(items=[_view(each) for each in found[:limit]], next=token(more))


@router.head("/{upload}", status_code=204, response_class=Response)
def get_offset(access: Owner, upload: UploadId, service: ServiceHere) -> Response:
    """How many bytes have come (`Upload-Offset`) and whether all have (`Upload-Complete`)."""
    with service.database.read() as session:
        headers = _headers(uploads.find(session, access, upload))
    return Response(status_code=204, headers={**headers, "Upload-Limit": _limit(service)})


@router.get("/{upload}", response_model_exclude_none=True)
def show_upload(access: Watcher, upload: UploadId, service: ServiceHere) -> UploadView:
    """What became of an upload: accepted with a receipt, or refused and why.

    Says nothing about matches, a run or a release.
    """
    with service.database.read() as session:
        return _view(uploads.find(session, access, upload))


@router.patch(
    "/{upload}",
    status_code=204,
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {PART_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        },
        "parameters": [
            {
                "name": "Upload-Offset",
                "in": "header",
                "required": True,
                "schema": {"type": "integer", "minimum": 0, "maximum": 10**15 - 1},
            },
            {
                "name": "Upload-Complete",
                "in": "header",
                "required": True,
                "schema": {"type": "string", "enum": ["?0", "?1"]},
            },
        ],
    },
)
async def append_part(
    access: Owner, upload: UploadId, service: ServiceHere, request: Request
) -> Response:
    """Send the bytes that come next, at most `Upload-Limit` of them; the last with
    `Upload-Complete: ?1`.

    A part counts as a whole or not at all. After a broken connection ask for the offset and go on
    from there. Another offset is refused (409) and told which one is next.
    """
    offset, complete = _offset(request), _complete(request)
    if request.headers.get("content-type") != PART_TYPE:
        raise Problem(415, "unsupported-media-type", f"wants {PART_TYPE}")
    length = bodies.declared_length(request, service.settings.limits.part_bytes)
    await to_thread.run_sync(_check, service, access, upload, offset, length)
    key = service.storage.new(access.project.number, "parts")
    await _receive(service, request, key, length)
    part = Part(upload=upload, offset=offset, size=length, object=key)
    try:
        found = await to_thread.run_sync(
            lambda: uploads.add_part(service, access, upload, part, complete=complete)
        )
    except Problem:
        await to_thread.run_sync(service.storage.erase, [key])
        raise
    if not length:
        await to_thread.run_sync(service.storage.erase, [key])
    return Response(status_code=204, headers=_headers(found))


@router.delete("/{upload}", status_code=204, response_class=Response)
def cancel_upload(access: Owner, upload: UploadId, service: ServiceHere) -> Response:
    """Give up an upload that is not complete; its bytes are erased."""
    uploads.cancel(service, access, upload)
    return Response(status_code=204)


@router.post("/{upload}/retry", status_code=202, response_model_exclude_none=True)
def retry_upload(access: Operator, upload: UploadId, service: ServiceHere) -> UploadView:
    """Verify anew what could not be verified for a fault of the machine; its bytes are still here.

    Keeps its place in the order of its owner's files.
    """
    with service.database.write() as session:
        found = uploads.retry(session, service, access, upload)
    service.wake()
    return _view(found)


@router.get(
    "/{upload}/receipt",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}},
)
def get_receipt(access: Watcher, upload: UploadId, service: ServiceHere) -> Response:
    """The signed receipt of an accepted submission (rows taken and refused) or of a withdrawal
    (accepted or refused, and when it came), with the log's proof."""
    with service.database.read() as session:
        receipt = uploads.find(session, access, upload).receipt
    if receipt is None:
        raise not_found("no receipt")
    return Response(receipt, media_type="application/json")


async def _receive(service: Service, request: Request, key: str, length: int) -> None:
    """Stream the body into an object, in blocks. Raises Problem or OSError; then there is none."""
    total, block = sha256(), bytearray()
    with ExitStack() as stack:
        out = await to_thread.run_sync(stack.enter_context, service.storage.write(key))
        async for piece in bodies.pieces(request, length, service.settings.limits):
            total.update(piece)
            block += piece
            if len(block) >= BLOCK:
                await to_thread.run_sync(out.write, bytes(block))
                block.clear()
        await to_thread.run_sync(out.write, bytes(block))
        bodies.check_digest(request, total.digest())
        await to_thread.run_sync(stack.close)


def _create(
    service: Service, access: Access, wanted: UploadRequest, again: idempotency.Again | None
) -> Upload:
    with service.database.write() as session:
        known = idempotency.before(session, again)
        if known is not None:
            return uploads.find(session, access, known)
        announced = uploads.Wanted(UploadKind(wanted.kind), wanted.size, wanted.digest)
        upload = uploads.create(session, service, access, announced)
        idempotency.remember(session, service, again, upload.id)
        return upload


def _check(service: Service, access: Access, upload: UploadId, offset: int, length: int) -> None:
    with service.database.read() as session:
        found = uploads.find(session, access, upload)
        uploads.check_next(service, access.project, found, offset, length)


def _offset(request: Request) -> int:
    text = request.headers.get("upload-offset", "")
    if not NUMBER.fullmatch(text):
        raise Problem(400, "malformed", "Upload-Offset: wants a whole number")
    return int(text)


def _complete(request: Request) -> bool:
    text = request.headers.get("upload-complete", "")
    if text not in ("?0", "?1"):
        raise Problem(400, "malformed", "Upload-Complete: wants ?0 or ?1")
    return text == "?1"


def _headers(upload: Upload) -> dict[str, str]:
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Complete": "?1" if upload.offset == upload.size else "?0",
        "Cache-Control": "no-store",
    }


def _limit(service: Service) -> str:
    return f"max-append-size={service.settings.limits.part_bytes}"


def _view(upload: Upload) -> UploadView:
    return UploadView(
        id=upload.id,
        owner=upload.owner,
        kind=upload.kind,
        size=upload.size,
        digest=upload.digest,
        offset=upload.offset,
        state=upload.state,
        error=upload.error,
        reason=upload.reason,
        bundle=upload.bundle,
        receipt=upload.receipt is not None,
        created=moment(upload.created),
        arrived=moment(upload.arrived),
    )
