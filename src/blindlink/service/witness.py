"""What the service remembers outside of its database: the last head of every project's log.

A database that comes back from a backup is older than these heads. It would have forgotten bundle
ids that were replaced, freezes and destructions. So no process starts on it. Keep the folder where
no restore of the database or storage touches it.
"""

from pathlib import Path

from sqlalchemy import select

from blindlink.errors import ServiceError
from blindlink.files import write_bytes
from blindlink.formats.audit import Head
from blindlink.formats.signed import Signed
from blindlink.service.context import Service
from blindlink.service.logbook import StoredLog
from blindlink.service.models import HeadRow, Project


def note(service: Service, log: str) -> None:
    """Keep the newest head of a log, if it is newer than the one that is kept."""
    with service.database.read() as session:
        row = session.scalar(
            select(HeadRow)
            .join(Project, Project.id == HeadRow.project)
            .where(Project.log == log)
            .order_by(HeadRow.size.desc())
            .limit(1)
        )
    path = service.settings.witness_folder / f"{log}.head"
    if row is not None and row.size > _size(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_bytes(path, row.data, force=True)


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
                hint="was it restored from a backup? Restore a later one: this one has forgotten "
                "submissions, freezes or destructions",
            )


def _size(path: Path) -> int:
    return Signed.load(path, Head).document.size if path.exists() else 0
