"""What a worker does now and then: forget what is over, erase what nothing refers to, and destroy
what the agreements say must be destroyed by now."""

import shutil
import time
from contextlib import suppress

from sqlalchemy import delete, select

from blindlink.linker.protocol.project import DESTROYED
from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.models import (
    BrowserSession,
    Entry,
    Nonce,
    Project,
    Remembered,
    SignInCode,
    Upload,
)
from blindlink.service.data.states import JobKind, UploadState
from blindlink.service.domain import uploads
from blindlink.service.recovery import backup


def sweep(service: Service) -> dict[str, int]:
    """All of it; returns counts of what was done."""
    return {
        "forgotten": forget(service),
        "cancelled": cancel_stale(service),
        "destroying": destroy_expired(service),
        "orphans": erase_orphans(service),
    }


def forget(service: Service) -> int:
    """Nonces, idempotency keys, sign-in codes and browser sessions whose time is over."""
    now = service.seconds()
    with service.database.write() as session:
        done = [
            session.execute(delete(table).where(table.expires < now))
            for table in (Nonce, Remembered, SignInCode, BrowserSession)
        ]
    return sum(getattr(each, "rowcount", 0) for each in done)


def cancel_stale(service: Service) -> int:
    """Uploads that stopped long ago."""
    before = service.seconds() - service.settings.work.stale
    gone: list[str] = []
    with service.database.write() as session:
        stale = session.scalars(
            select(Upload)
            .where(
                Upload.state.in_((UploadState.RECEIVING, UploadState.FAILED)),
                Upload.touched < before,
            )
            .with_for_update()
        ).all()
        for upload in stale:
            upload.state = UploadState.CANCELLED
            gone += uploads.drop_parts(session, upload)
    service.storage.erase(gone)
    return len(stale)


def destroy_expired(service: Service) -> int:
    """Ask for the destruction of every project whose agreement says so."""
    with service.database.write() as session:
        over = select(Entry.project).where(Entry.event == DESTROYED)
        due = session.scalars(
            select(Project.id).where(
                Project.destroy_by <= service.seconds(), Project.id.not_in(over)
            )
        ).all()
        for project in due:
            queue.ask(session, JobKind.DESTROY, project, service.due())
    return len(due)


def erase_orphans(service: Service) -> int:
    """Objects that a process left when it died: nothing in the database names them."""
    old = [key for key, age, _ in service.storage.listing() if age > service.settings.work.orphan]
    if not old:
        return 0
    with service.database.read() as session:
        known = set(backup.objects(session))
    strays = [key for key in old if key not in known]
    for key in strays:
        service.storage.erase_stray(key)
    return len(strays)


def clear_scratch(service: Service) -> None:
    """Erase scratch folders of workers that died."""
    before = time.time() - service.settings.work.orphan
    with suppress(FileNotFoundError):
        for folder in service.settings.scratch_folder.iterdir():
            with suppress(OSError):
                if folder.stat().st_mtime < before:
                    shutil.rmtree(folder, ignore_errors=True)
