"""The jobs ``destroy`` and ``sign``: the end of a project, and the head of its log.

Destroying is crypto-erasure: the log says so, the last head is signed, every object is erased, and
then the linker's key file, without which no copy of a submission opens again. A worker that dies on
the way is followed by one that goes on.
"""

from sqlalchemy import delete, select

from blindlink.errors import KeyFileError
from blindlink.keys import PartyKeys
from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.logbook import StoredLog, linker_project, locked
from blindlink.service.data.models import HeadRow, LinkerKey, Project
from blindlink.service.data.queue import Claim
from blindlink.service.domain import destruction
from blindlink.service.jobs.keyring import Keyring


def work(service: Service, keyring: Keyring, claim: Claim) -> None:
    """Destroy a project, or go on with it. Raises OutputError when a key file stays."""
    with service.database.read() as session:
        project = session.get_one(Project, claim.subject)
    _log(service, claim, _keys(keyring, project))
    service.storage.erase_project(project.number)
    keyring.erase(project.linker)
    with service.database.write() as session:
        queue.done(session, claim)
        session.execute(delete(LinkerKey).where(LinkerKey.fingerprint == project.linker))


def _keys(keyring: Keyring, project: Project) -> PartyKeys | None:
    """The linker's keys; None when they were erased before."""
    if project.linker not in keyring.files():
        return None
    return keyring.keys(project.linker)


def _log(service: Service, claim: Claim, keys: PartyKeys | None) -> None:
    with service.scratch() as folder, service.database.write() as session:
        project = locked(session, claim.subject)
        queue.held(session, claim)
        stored = linker_project(session, project, folder)
        stored.destroy(now=service.now())
        if keys is not None:
            stored.log.keep_head(keys, service.now())
        destruction.forget(session, project)


def sign(service: Service, keyring: Keyring, claim: Claim) -> None:
    """Sign the head of a log to which a web process, which has no keys, has written."""
    with service.database.read() as session:
        linker = session.get_one(Project, claim.subject).linker
    try:
        keys = keyring.keys(linker)
    except KeyFileError:
        if _head_is_there(service, claim.subject):
            keys = None
        else:
            raise
    with service.database.write() as session:
        project = locked(session, claim.subject)
        queue.done(session, claim)
        if keys is not None:
            StoredLog(session, project).keep_head(keys, service.now())


def _head_is_there(service: Service, project: str) -> bool:
    with service.database.read() as session:
        return session.scalar(select(HeadRow.size).where(HeadRow.project == project)) is not None
