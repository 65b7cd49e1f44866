"""A project's audit log in the database: the same log, rules and proofs as in a linker's folder."""

from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from blindlink.keys import PartyKeys
from blindlink.linker.protocol.project import FROZEN, LOG, RECEIPTS, State
from blindlink.linker.protocol.project import Project as LinkerProject
from blindlink.messages.audit.log import HEADER, AuditLog, Entry, Head, read_entry
from blindlink.messages.signed import Signed
from blindlink.service.data.models import Entry as EntryRow
from blindlink.service.data.models import HeadRow, Project


class StoredLog(AuditLog):
    """The log of a project; what is appended becomes a row of the session's transaction.

    Whoever appends holds the lock on the project's row, so no two add the same index.
    """

    def __init__(self, session: Session, project: Project) -> None:
        super().__init__(Path(project.id), project.log)
        self._session, self._project = session, project
        rows = select(EntryRow.data).where(EntryRow.project == project.id).order_by(EntryRow.index)
        for number, data in enumerate(session.scalars(rows)):
            where = f"entry {number}"
            self._take(_entry(data, where), data, where)

    def _write(self, *, force: bool) -> None:
        last = self.entries[-1]
        self._session.add(
            EntryRow(
                project=self._project.id, index=last.index, event=last.event, data=last.to_bytes()
            )
        )
        self._session.flush()

    def keep_head(self, keys: PartyKeys, now: datetime) -> Signed[Head]:
        """Sign the head of the log as it is, and keep it."""
        head = self.head(keys, now=now)
        self._session.merge(
            HeadRow(project=self._project.id, size=head.document.size, data=head.to_bytes() + b"\n")
        )
        return head

    def as_file(self, size: int | None = None) -> bytes:
        """The log, or its first entries, as the file that ``blindlink linker`` keeps."""
        entries = [entry.to_bytes() for entry in self.entries[:size]]
        lines = [f"{HEADER} {self.log_id}".encode(), *entries, b""]
        return b"\n".join(lines)


class StoredProject(LinkerProject):
    """The linker's project over a stored log."""

    log: StoredLog


@lru_cache(maxsize=4096)
def _entry(data: bytes, where: str) -> Entry:
    """Read once: the same entries are wanted at every question where a project stands."""
    return read_entry(data, where)


def locked(session: Session, project: str) -> Project:
    """A project whose log nobody else changes until the transaction ends."""
    return session.get_one(Project, project, with_for_update=True)


def linker_project(session: Session, project: Project, folder: Path) -> StoredProject:
    """The linker's project over the stored log; receipts go to ``folder``."""
    (folder / RECEIPTS).mkdir(parents=True, exist_ok=True)
    return StoredProject(folder, StoredLog(session, project))


def state_of(session: Session, project: Project) -> State:
    """Where a project stands."""
    return LinkerProject(Path(project.id), StoredLog(session, project)).state()


def lay_out(session: Session, project: Project, folder: Path) -> int:
    """Write the log into a folder for the linker; returns its number of entries."""
    log = StoredLog(session, project)
    (folder / RECEIPTS).mkdir(parents=True, exist_ok=True)
    (folder / LOG).write_bytes(log.as_file())
    return len(log.entries)


def visible_to_owners(log: AuditLog, state: State) -> int:
    """How many entries an owner may see heads of: nothing behind the freeze, until all is over.

    A head behind the end of the run would tell that it ended, and a leaf could tell how.
    """
    if state.frozen is None or state.destroyed:
        return len(log.entries)
    return next(entry.index for entry in log.entries if entry.event == FROZEN) + 1
