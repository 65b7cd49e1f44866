"""The audit log: heads to keep, entries, and proofs that nothing was rewritten."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from blindlink.keys import PartyPublic
from blindlink.linker.protocol.project import DESTROYED, OPENED, WITHDRAWN, Project
from blindlink.messages.audit import erasure, withdrawal_receipt
from blindlink.messages.audit.log import Entry, Head
from blindlink.messages.audit.proofs import prove_consistency, prove_inclusion
from blindlink.messages.audit.receipt import EVENT
from blindlink.messages.signed import Signed, line
from blindlink.service.api.shapes import (
    After,
    EntryPage,
    EntryView,
    HeadsView,
    Limit,
    position,
    token,
)
from blindlink.service.data.logbook import StoredLog, visible_to_owners
from blindlink.service.data.models import HeadRow
from blindlink.service.domain.projects import Access, agreement_of
from blindlink.service.problems import Problem, not_found
from blindlink.service.web.callers import ROLES, Allowed, ServiceHere

router = APIRouter(prefix="/v1/projects/{project}/audit", tags=["audit"])

PROOF: dict[int | str, Any] = {200: {"content": {"application/json": {}}}}
OWN = (EVENT, WITHDRAWN, withdrawal_receipt.ARRIVED, withdrawal_receipt.REFUSED)
END = (erasure.BEGUN, erasure.ERASED, erasure.LOST, DESTROYED)  # everybody may know how it ended
Anybody = Annotated[Access, Depends(Allowed(*ROLES))]
Insider = Annotated[Access, Depends(Allowed("linker", "analyst", "operator", "auditor"))]
Size = Annotated[int, Query(ge=1, le=10**9)]
Index = Annotated[int, Query(ge=0, le=10**9)]


@router.get("/heads")
def list_heads(access: Anybody, service: ServiceHere) -> HeadsView:
    """For which sizes of the log there is a signed head.

    Owners see none behind the freeze until the project is destroyed: how far the log grew would
    tell them that the run has ended.
    """
    with service.database.read() as session:
        return HeadsView(log=access.project.log, sizes=_sizes(session, access))


@router.get(
    "/heads/{size}",
    response_class=Response,
    responses={200: {"content": {"application/json": {}}}},
)
def get_head(access: Anybody, size: str, service: ServiceHere) -> Response:
    """A signed head as a file to keep, for 'blindlink audit verify'; `latest` is the newest one."""
    with service.database.read() as session:
        sizes = _sizes(session, access)
        wanted = sizes[-1:] if size == "latest" else [each for each in sizes if str(each) == size]
        row = session.get(HeadRow, (access.project.id, wanted[0])) if wanted else None
    if row is None:
        raise not_found("no such head")
    return Response(row.data, media_type="application/json")


@router.get("/entries")
def list_entries(
    access: Anybody,
    service: ServiceHere,
    limit: Annotated[Limit, Query()] = 50,
    after: Annotated[After, Query()] = "",
) -> EntryPage:
    """Entries of the log. Owners see the opening, the destruction and what they sent themselves."""
    with service.database.read() as session:
        log = StoredLog(session, access.project)
    found = [entry for entry in log.entries[position(after) :] if _may_see(access, entry)]
    more = found[limit - 1].index + 1 if len(found) > limit else None
    return EntryPage(
        items=[EntryView(**each.model_dump()) for each in found[:limit]], next=token(more)
    )


@router.get("/log", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def get_log(access: Insider, service: ServiceHere) -> Response:
    """The whole log as the file that 'blindlink audit verify' reads. Never for owners."""
    with service.database.read() as session:
        return Response(StoredLog(session, access.project).as_file(), media_type="text/plain")


@router.get("/consistency", response_class=Response, responses=PROOF)
def get_consistency(access: Anybody, service: ServiceHere, first: Size, second: Size) -> Response:
    """A proof file (RFC 9162, section 2.1.4) that the log of `first` entries is the beginning of
    that of `second`; both sizes have a head that the caller may see."""
    with service.database.read() as session:
        log, head = StoredLog(session, access.project), _head(session, access, second)
        if head is None or first > second or first not in _sizes(session, access):
            raise Problem(422, "unprocessable", "first and second: not sizes of heads, in order")
    proof = prove_consistency(log, first, head, _linker(access), "head")
    return Response(proof.to_bytes() + b"\n", media_type="application/json")


@router.get("/inclusion", response_class=Response, responses=PROOF)
def get_inclusion(access: Anybody, service: ServiceHere, index: Index, size: Size) -> Response:
    """A proof file (RFC 6962, section 2.1.1) that an entry which the caller may see stands in the
    log of `size` entries."""
    with service.database.read() as session:
        log, head = StoredLog(session, access.project), _head(session, access, size)
    if head is None or index >= size or not _may_see(access, log.entries[index]):
        raise Problem(422, "unprocessable", "index and size: no such entry, or no such head")
    proof = prove_inclusion(log, index, head, _linker(access), "head")
    return Response(proof.to_bytes() + b"\n", media_type="application/json")


def _head(session: Session, access: Access, size: int) -> Signed[Head] | None:
    if size not in _sizes(session, access):
        return None
    data = session.get_one(HeadRow, (access.project.id, size)).data
    return Signed.parse(line(data, "head"), Head, "head")


def _linker(access: Access) -> PartyPublic:
    return agreement_of(access.project).agreement.linker


def _sizes(session: Session, access: Access) -> list[int]:
    query = select(HeadRow.size).where(HeadRow.project == access.project.id)
    sizes = sorted(session.scalars(query))
    if access.role != "owner":
        return sizes
    log = StoredLog(session, access.project)
    most = visible_to_owners(log, Project(log.path, log).state())
    return [size for size in sizes if size <= most]


def _may_see(access: Access, entry: Entry) -> bool:
    if access.role != "owner" or entry.event in (OPENED, *END):
        return True
    return entry.event in OWN and entry.details.get("owner") == access.name
