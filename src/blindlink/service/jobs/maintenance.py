"""What a worker does now and then: forget what is over, put aside what nothing refers to, and end
what the agreements say must be destroyed by now.

Nothing here can be repaired, so nothing happens at one look: an object that no row names is noted,
a day later put into quarantine, a week later erased; a project whose ``destroy_by`` has come is
``due``, with an alarm, and ends only when its grace was counted down minute by minute.
"""

import logging
import shutil
import time
from contextlib import suppress

from sqlalchemy import delete, select

from blindlink.linker.protocol.project import DESTROYED
from blindlink.messages.audit.erasure import BEGUN
from blindlink.service.context import Service
from blindlink.service.data.models import (
    BrowserSession,
    Entry,
    Nonce,
    Project,
    Remembered,
    SignInCode,
    Stray,
    Upload,
    named_objects,
)
from blindlink.service.data.states import UploadState
from blindlink.service.domain import clock, destruction, uploads
from blindlink.service.telemetry.logs import log

LOOK = 600.0  # the most that one look counts of a grace, in seconds: sweeps come every 300
DAY = 24 * 3600.0
STRANGE = 0.5  # a share of unknown objects above which the storage is taken for another's


def sweep(service: Service) -> dict[str, int]:
    """All of it; returns counts of what was done, which the log has too."""
    with service.database.read() as session:
        clock.check(service, session)
    done = {
        "forgotten": forget(service),
        "cancelled": cancel_stale(service),
        "destroying": end_what_is_due(service),
        "orphans": put_aside_orphans(service),
    }
    for what in ("cancelled", "destroying", "orphans"):
        if done[what]:
            log(f"swept-{what}", count=done[what])
    return done


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


def end_what_is_due(service: Service) -> int:
    """Count down the grace of every project that is due, and ask for the end where it is over.

    The grace is counted in looks, each worth at most LOOK seconds, and starts anew when the time
    turns out to have been another: a clock that is wrong for a moment counts for a moment.
    """
    work, asked = service.settings.work, 0
    with service.database.write() as session:
        here, now = clock.database_seconds(service, session), clock.seconds(service, session)
        over = select(Entry.project).where(Entry.event.in_((DESTROYED, BEGUN)))
        rows = select(Project).where(Project.id.not_in(over)).with_for_update()
        for project in session.scalars(rows):
            if project.destroy_by > now:
                project.due_since = project.grace_left = project.counted = None
            elif project.due_since is None or project.grace_left is None:
                project.due_since, project.grace_left, project.counted = now, work.grace, here
                log("destruction-due", logging.WARNING, project=project.id)
            elif not project.hold:
                project.grace_left -= min(LOOK, max(0.0, here - (project.counted or here)))
                project.counted = here
                if project.grace_left <= 0:
                    destruction.ask(session, service, project.id, destruction.AGREEMENT)
                    asked += 1
            else:
                project.counted = here
    return asked


def put_aside_orphans(service: Service) -> int:
    """Objects that a process left when it died: nothing in the database names them.

    Returns how many were put into quarantine or erased. Nothing is touched when most objects are
    unknown: then this database is not the one of this storage, or an older one.
    """
    work, now, storage = service.settings.work, service.due(), service.storage
    storage.check_owner(service.identity())
    listed = list(storage.listing())
    with service.database.read() as session:
        known = set(named_objects(session))
    unknown = {key: age for key, age, _ in listed if key not in known}
    if len(unknown) > 10 and len(unknown) > STRANGE * len(listed):
        log("storage-strange", logging.ERROR, count=len(unknown))
        return 0
    old = {key for key, age in unknown.items() if age > work.orphan}
    aside, gone = [], []
    with service.database.write() as session:
        for stray in session.scalars(select(Stray).with_for_update()):
            if stray.quarantined is not None:
                if now - stray.quarantined > work.quarantine:
                    gone.append(stray.key)
                    session.delete(stray)
            elif stray.key not in old:  # a row names it now, or it went
                session.delete(stray)
            else:
                old.discard(stray.key)
                if now - stray.noted > min(DAY, work.orphan):
                    aside.append(stray.key)
                    stray.quarantined = now
        for key in old:
            if session.get(Stray, key) is None:
                session.add(Stray(key=key, noted=now))
        for key in aside:  # inside: a row that says so without the object moved can be seen again
            storage.put_aside(key)
    for key in gone:
        storage.erase_aside(key)
    return len(aside) + len(gone)


def clear_scratch(service: Service) -> None:
    """Erase scratch folders of workers that died."""
    before = time.time() - service.settings.work.orphan
    with suppress(FileNotFoundError):
        for folder in service.settings.scratch_folder.iterdir():
            with suppress(OSError):
                if folder.stat().st_mtime < before:
                    shutil.rmtree(folder, ignore_errors=True)
