"""What the service remembers outside of its database: every project's log, as it was last signed.

    LOG.agreement    what the project was opened with
    LOG.log          the whole audit log, as 'blindlink audit' reads it
    LOG.head         its signed head

A database that comes back from a backup is older than these. It has forgotten bundle ids that were
replaced, freezes and destructions, so no process starts on it before ``restore`` brought it up to
them. Keep the folder where no restore of the database or storage touches it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from blindlink import system
from blindlink.errors import ServiceError
from blindlink.files import PRIVATE, write_bytes
from blindlink.messages.agreement.document import SignedAgreement, read_agreement
from blindlink.messages.audit.erasure import BEGUN
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.signed import Signed
from blindlink.service.context import Service
from blindlink.service.data.logbook import StoredLog
from blindlink.service.data.models import HeadRow, Project


@dataclass(frozen=True)
class Witness:
    """A project as the folder knows it; the log is proved to be the linker's by the head."""

    agreement: SignedAgreement
    log: AuditLog
    head: Signed[Head]


def note(service: Service, log: str) -> None:
    """Keep the newest signed state of a log, if it is newer than the one that is kept."""
    folder = service.settings.witness_folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # One process at a time, so that an older head never replaces a newer one.
    with system.locked(folder / ".lock"), service.database.read() as session:
        project = session.scalars(select(Project).where(Project.log == log)).one()
        newest = select(HeadRow).where(HeadRow.project == project.id)
        row = session.scalar(newest.order_by(HeadRow.size.desc()).limit(1))
        if row is None:
            return
        whole = StoredLog(session, project)
        # Behind the last head come the attestations of the end: no head counts them, and their
        # holders signed each.
        ended = any(each.event == BEGUN for each in whole.entries)
        stored = whole.as_file(None if ended else row.size)
        kept = folder / f"{log}.log"
        longer = not kept.exists() or kept.stat().st_size < len(stored)
        if row.size <= _size(folder / f"{log}.head") and not (ended and longer):
            return
        # The head comes last: what it counts is there.
        for name, data in (("agreement", project.agreement), ("log", stored), ("head", row.data)):
            write_bytes(folder / f"{log}.{name}", data, force=True, mode=PRIVATE)


def note_all(service: Service) -> None:
    """The same for every project: a worker may have died between a job and its note."""
    with service.database.read() as session:
        logs = session.scalars(select(Project.log)).all()
    for log in logs:
        note(service, log)


def read(folder: Path) -> Iterator[Witness]:
    """Every project that the folder knows. Raises FormatError or VerificationError."""
    for path in sorted(folder.glob("*.head")):
        head = Signed.load(path, Head)  # first: what it counts was there before it
        agreement = read_agreement(path.with_suffix(".agreement"))
        log = AuditLog.load(path.with_suffix(".log"))
        verify_log(log, head, agreement.agreement.linker, str(path))
        yield Witness(agreement, log, head)


def check(service: Service) -> None:
    """Raises ServiceError when the database does not have every entry that a kept head counts."""
    for path in sorted(service.settings.witness_folder.glob("*.head")):
        head = Signed.load(path, Head).document
        with service.database.read() as session:
            project = session.scalar(select(Project).where(Project.log == head.log))
            log = StoredLog(session, project) if project is not None else None
        known = log is not None and len(log.entries) >= head.size
        if log is None or not known or log.root(head.size).hex() != head.root:
            raise ServiceError(
                f"{path}: the database is older than this head, or another one",
                hint="it came from a backup, and has forgotten submissions, freezes or "
                "destructions: run 'blindlink restore' first",
            )


def _size(path: Path) -> int:
    return Signed.load(path, Head).document.size if path.exists() else 0
