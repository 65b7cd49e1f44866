"""Files on their way: resumable, in parts that are whole or not there, in the manner of the IETF
draft on resumable uploads.

A part is streamed into an object of its own while its digest is computed, and counts only when the
digest is the one that was signed and the offset is still the next one. Of two clients that send the
same part one wins, the other is told the new offset. Memory is one block, whatever the size.
"""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from blindlink.linker.protocol.project import State
from blindlink.messages.audit.withdrawal_receipt import ARRIVED
from blindlink.messages.container.manifest import MANIFEST_LIMIT
from blindlink.messages.container.reader import SIGNATURES_LIMIT
from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.logbook import StoredLog, locked, state_of
from blindlink.service.data.models import Part, Project, Run, Upload
from blindlink.service.data.states import UNDER_WAY, JobKind, RunState, UploadKind, UploadState
from blindlink.service.domain import destruction
from blindlink.service.domain.projects import Access, agreement_of, in_force
from blindlink.service.problems import Problem, not_found

ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
HEAD_LIMIT = MANIFEST_LIMIT + SIGNATURES_LIMIT + 64  # of a container, before its sections


@dataclass(frozen=True)
class Wanted:
    """What an owner wants to send."""

    kind: UploadKind
    size: int
    digest: str


def create(session: Session, service: Service, access: Access, wanted: Wanted) -> Upload:
    """A new upload. Raises AgreementError when the agreement is not in force, Problem otherwise."""
    project = locked(session, access.project.id)
    terms = in_force(service, project).agreement
    if wanted.size > terms.limits.bytes + HEAD_LIMIT:
        raise Problem(413, "too-large", f"the agreement allows {terms.limits.bytes} bytes")
    check_open(session, project, access.name, wanted.kind)
    _check_number(session, service, access)
    now = service.seconds()
    upload = Upload(
        id=secrets.token_hex(16),
        project=project.id,
        owner=access.name,
        kind=wanted.kind,
        size=wanted.size,
        digest=wanted.digest,
        offset=0,
        state=UploadState.RECEIVING,
        created=now,
        touched=now,
    )
    session.add(upload)
    session.flush()
    return upload


def check_open(session: Session, project: Project, owner: str, kind: str) -> None:
    """Raises Problem when nothing is taken any more.

    Once the run was asked for no submission is taken; a withdrawal is, until the inputs freeze.
    """
    state = state_of(session, project)
    if state.destroyed or state.ending:
        raise Problem(409, "conflict", "the project is destroyed")
    if state.frozen is not None and not _lost(session, project, owner, state):
        raise Problem(409, "conflict", "the inputs are frozen")
    run = session.get(Run, project.id)
    asked = run is not None and run.state in (RunState.QUEUED, RunState.RUNNING)
    if state.frozen is None and asked and kind == UploadKind.SUBMISSION:
        raise Problem(409, "conflict", "the run was asked for")


def _lost(session: Session, project: Project, owner: str, state: State) -> bool:
    """Whether a file of this owner that the run waits for is gone, as after a restore.

    It may come again, and is then the same one: for the log another one comes too late.
    """
    mine = state.current.get(owner)
    if state.outcome is not None or mine is None:
        return False
    wanted = {mine, *(bundle for bundle, at in state.withdrawals.items() if at == mine)}
    held = select(Upload.bundle).where(
        Upload.project == project.id,
        Upload.owner == owner,
        Upload.state == UploadState.ACCEPTED,
        Upload.object.is_not(None),
    )
    return bool(wanted - set(session.scalars(held)))


def _check_number(session: Session, service: Service, access: Access) -> None:
    limits = service.settings.limits
    mine = (Upload.project == access.project.id, Upload.owner == access.name)
    under_way = Upload.state.in_(UNDER_WAY)
    count = select(func.count()).select_from(Upload).where(*mine)
    if (session.scalar(count.where(under_way)) or 0) >= limits.open_uploads:
        raise Problem(409, "conflict", f"{limits.open_uploads} uploads are under way already")
    if (session.scalar(count) or 0) >= limits.uploads:
        raise Problem(409, "conflict", "too many uploads in this project")


def find(session: Session, access: Access, upload: str, *, lock: bool = False) -> Upload:
    """An upload of the caller, or any for operator, auditor and linker. Raises Problem (404)."""
    query = select(Upload).where(Upload.id == upload, Upload.project == access.project.id)
    if access.role == "owner":
        query = query.where(Upload.owner == access.name)
    known = ID.fullmatch(upload) is not None
    found = session.scalar(query.with_for_update() if lock else query) if known else None
    if found is None:
        raise not_found("no such upload of this caller")
    return found


def listed(session: Session, access: Access, after: int, limit: int) -> Sequence[Upload]:
    """Uploads in the order they were begun."""
    query = select(Upload).where(Upload.project == access.project.id, Upload.number > after)
    if access.role == "owner":
        query = query.where(Upload.owner == access.name)
    return session.scalars(query.order_by(Upload.number).limit(limit)).all()


def check_next(service: Service, project: Project, upload: Upload, offset: int, size: int) -> None:
    """Raises Problem unless ``size`` bytes at ``offset`` may come next."""
    if upload.state != UploadState.RECEIVING:
        raise Problem(409, "completed-upload")
    if offset != upload.offset:
        raise Problem(
            409, "mismatching-upload-offset", expected_offset=upload.offset, provided_offset=offset
        )
    if offset + size > upload.size:
        raise Problem(413, "too-large", "more bytes than the upload declared")
    if size > service.settings.limits.part_bytes:
        raise Problem(413, "too-large", "more bytes than a part may have")
    agreement_of(project).check_time(service.now(), "agreement")


def add_part(
    service: Service, access: Access, upload: str, part: Part, *, complete: bool
) -> Upload:
    """Let a stored part count. Raises Problem when another one was faster."""
    with service.database.write() as session:
        project = locked(session, access.project.id)
        found = find(session, access, upload, lock=True)
        check_next(service, project, found, part.offset, part.size)
        check_open(session, project, found.owner, found.kind)
        if complete and part.offset + part.size != found.size:
            raise Problem(400, "malformed", "said to be complete before all bytes came")
        if part.size:
            session.add(part)
        found.offset += part.size
        found.touched = service.seconds()
        if complete:
            _arrive(session, service, project, found)
    service.wake()
    return found


def _arrive(session: Session, service: Service, project: Project, upload: Upload) -> None:
    """All bytes are here. From now on this file has its place in the order of its owner's files.

    Of a withdrawal the log says at once that it came, and a worker signs that: what decides is when
    the last byte came, and not when somebody found time to verify it.
    """
    last = session.scalar(select(func.max(Upload.arrival)).where(Upload.project == project.id))
    upload.state, upload.arrival = UploadState.RECEIVED, 1 + (last or 0)
    upload.arrived = service.seconds()
    if upload.kind == UploadKind.WITHDRAWAL and state_of(session, project).frozen is None:
        details = {"bytes": upload.size, "file": upload.digest, "owner": upload.owner}
        StoredLog(session, project).append(ARRIVED, details, now=service.now())
        destruction.have_signed(session, service, project)
    verify(session, service, project, upload)


def verify(session: Session, service: Service, project: Project, upload: Upload) -> None:
    """Ask for the verification of a file, behind those of the same owner that came before it."""
    order = queue.Order(
        JobKind.VERIFY,
        upload.id,
        needs=project.linker,
        lane=project.id,
        owner=upload.owner,
        place=upload.arrival or 0,
    )
    queue.ask(session, order, service.due())


def retry(session: Session, service: Service, access: Access, upload: str) -> Upload:
    """Have a file verified again that could not be for a fault of the machine. Raises Problem."""
    project = locked(session, access.project.id)
    found = find(session, access, upload, lock=True)
    if found.state != UploadState.FAILED:
        raise Problem(409, "conflict", "only what failed for a fault of the machine")
    found.state, found.error, found.reason = UploadState.RECEIVED, None, None
    verify(session, service, project, found)
    return found


def cancel(service: Service, access: Access, upload: str) -> None:
    """Give up an upload that is not complete. Raises Problem."""
    with service.database.write() as session:
        found = find(session, access, upload, lock=True)
        if found.state not in (UploadState.RECEIVING, UploadState.FAILED):
            raise Problem(409, "completed-upload")
        found.state = UploadState.CANCELLED
        parts = drop_parts(session, found)
    service.storage.erase(parts)


def drop_parts(session: Session, upload: Upload) -> list[str]:
    """Forget the parts of an upload; returns their objects, to be erased after the commit."""
    parts = session.scalars(select(Part).where(Part.upload == upload.id)).all()
    for part in parts:
        session.delete(part)
    return [part.object for part in parts]


def in_order(session: Session, upload: Upload) -> list[str]:
    """The objects of an upload's parts, first to last."""
    query = select(Part.object).where(Part.upload == upload.id).order_by(Part.offset)
    return list(session.scalars(query))


def current(session: Session, project: str, owner: str) -> Upload | None:
    """The submission of an owner that counts now."""
    return session.scalar(
        select(Upload).where(
            Upload.project == project,
            Upload.owner == owner,
            Upload.kind == UploadKind.SUBMISSION,
            Upload.state == UploadState.ACCEPTED,
            Upload.object.is_not(None),
        )
    )
