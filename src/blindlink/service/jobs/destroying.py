"""The jobs ``destroy``, ``erase`` and ``sign``: the end of a project, and the head of its log.

Destroying is crypto-erasure, and it is claimed only by those who can do it:

    destroy   a worker that holds the key logs that the end begins, with every holder, and signs the
              last head; then every object is erased
    erase     each key folder erases its own key file and signs that it did
    the log says ``destroyed`` when the last holder has signed

A worker that dies on the way is followed by one that goes on.
"""

import socket

from sqlalchemy.orm import Session

from blindlink.messages.audit import erasure
from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.logbook import StoredLog, locked
from blindlink.service.data.models import KeyHolder, Project
from blindlink.service.data.queue import Claim
from blindlink.service.domain import clock, destruction
from blindlink.service.jobs.keyring import Keyring


def work(service: Service, keyring: Keyring, claim: Claim) -> None:
    """Begin the end of a project, or go on with it. Raises KeyFileError without the key."""
    with service.database.read() as session:
        clock.check(service, session)
        project = session.get_one(Project, claim.subject)
        begun = _has_begun(session, project)
    if not begun:
        keys = keyring.keys(project.linker)
        with service.database.write() as session:
            project = locked(session, claim.subject)
            queue.held(session, claim)
            if not _has_begun(session, project):
                destruction.begin(session, service, project)
                StoredLog(session, project).keep_head(keys, service.now())
    service.storage.erase_project(project.number)
    with service.database.write() as session:
        project = locked(session, claim.subject)
        queue.done(session, claim)
        destruction.forget(session, project)
        destruction.have_keys_erased(session, service, project)


def _has_begun(session: Session, project: Project) -> bool:
    log = StoredLog(session, project)
    return any(each.event in (erasure.BEGUN, erasure.DESTROYED) for each in log.entries)


def erase(service: Service, keyring: Keyring, claim: Claim) -> None:
    """Erase this folder's key file and sign that it is gone. Raises OutputError when it stays."""
    id_ = claim.subject.partition("/")[0]
    with service.database.read() as session:
        project = session.get_one(Project, id_)
        if not _has_begun(session, project):
            raise RuntimeError("asked to erase a key whose project goes on")
    gone = keyring.erase(project.linker)
    said = erasure.Attestation.make(
        erasure.statement(
            project.id,
            project.log,
            project.linker,
            keyring.holder,
            erased=gone,
            now=service.now(),
        ),
        keyring.identity,
    )
    with service.database.write() as session:
        project = locked(session, id_)
        queue.done(session, claim)
        destruction.attest(session, service, project, said)


def sign(service: Service, keyring: Keyring, claim: Claim) -> None:
    """Sign the head of a log to which a web process, which has no keys, has written."""
    with service.database.read() as session:
        linker = session.get_one(Project, claim.subject).linker
    keys = keyring.keys(linker)
    with service.database.write() as session:
        project = locked(session, claim.subject)
        queue.done(session, claim)
        if not _has_begun(session, project):  # then the last head is signed
            StoredLog(session, project).keep_head(keys, service.now())


def hold(service: Service, keyring: Keyring, linkers: set[str]) -> None:
    """Say whose keys this folder holds; logs that do not name it yet name it now.

    A key file that came back after its project had ended is asked to be erased at once.
    """
    holder = keyring.holder
    for linker in sorted(linkers):
        with service.database.write() as session:
            project = destruction.of_linker(session, linker)  # locked: always before its holders
            known = session.get(KeyHolder, (linker, holder))
            if known is None:
                name = socket.gethostname()[:64]
                known = KeyHolder(linker=linker, holder=holder, name=name, seen=0.0)
                session.add(known)
            known.seen = service.due()
            session.flush()
            if project is not None:
                _settle(session, service, project, known)


def _settle(session: Session, service: Service, project: Project, known: KeyHolder) -> None:
    if _has_begun(session, project):
        known.attested = False
        session.flush()
        destruction.have_keys_erased(session, service, project)
    elif destruction.name_holders(session, service, project):
        destruction.have_signed(session, service, project)
