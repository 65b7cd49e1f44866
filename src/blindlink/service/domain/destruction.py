"""The end of a project: asked for, begun, attested by every holder of its key, then claimed.

ask          by people, or by the agreement when its destroy_by and the grace are over
begin        the log names the holders, nothing refers to the files any more
attest       a holder signed that its copy of the key is erased
give_up      a custodian who cannot sign any more, by people with names
"""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from blindlink.linker.protocol.project import DESTROYED, State
from blindlink.messages.audit import erasure
from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.logbook import StoredLog, locked, state_of
from blindlink.service.data.models import KeyHolder, Part, Project, Run, Upload
from blindlink.service.data.queue import Order
from blindlink.service.data.states import UNDER_WAY, JobKind, UploadState
from blindlink.service.problems import Problem

AGREEMENT = "the agreement's destroy_by"


def ask(session: Session, service: Service, project: str, actor: str) -> None:
    """Ask for the end of a project; again changes nothing."""
    found = locked(session, project)
    found.ending = found.ending or actor
    order(session, service, found, state_of(session, found))


def order(session: Session, service: Service, project: Project, state: State) -> None:
    """Queue the work: until it has begun, only for who can still sign a head of the log."""
    needs = None if state.ending or state.destroyed else project.linker
    queue.ask(session, Order(JobKind.DESTROY, project.id, needs=needs), service.due())


def holders(session: Session, project: Project) -> list[KeyHolder]:
    """Who holds, or held, the key of the project's linker."""
    query = select(KeyHolder).where(KeyHolder.linker == project.linker)
    return list(session.scalars(query.order_by(KeyHolder.holder)))


def of_linker(session: Session, linker: str) -> Project | None:
    """The project of a linker's keys, locked; None where none was opened."""
    found = session.scalar(select(Project.id).where(Project.linker == linker))
    return None if found is None else locked(session, found)


def have_signed(session: Session, service: Service, project: Project) -> None:
    """Have a worker sign the head of a log to which somebody without keys has written."""
    queue.ask(session, Order(JobKind.SIGN, project.id, needs=project.linker), service.due())


def name_holders(session: Session, service: Service, project: Project) -> bool:
    """Let the log name every holder that it does not name yet; True when it did."""
    state = state_of(session, project)
    log, fresh = StoredLog(session, project), False
    for holder in holders(session, project):
        if not holder.logged and not state.destroyed:
            details = {"copy": holder.copy, "holder": holder.holder, "name": holder.name}
            log.append(erasure.HELD, details, now=service.now())
            holder.logged = fresh = True
    return fresh


def add_custodian(
    session: Session, service: Service, project: Project, name: str, holder: str
) -> None:
    """Name the custodian of a copy of the key. Raises Problem once the end has begun."""
    state = state_of(session, project)
    if state.ending or state.destroyed:
        raise Problem(409, "conflict", "the end of the project has begun")
    if session.get(KeyHolder, (project.linker, holder)) is None:
        session.add(KeyHolder(linker=project.linker, holder=holder, name=name, copy=True, seen=0.0))
        session.flush()
        if name_holders(session, service, project):
            have_signed(session, service, project)


def begin(session: Session, service: Service, project: Project) -> None:
    """Log that the end begins, with all who have to attest it, and forget the files."""
    name_holders(session, service, project)
    names = [each.holder for each in holders(session, project)]
    details = {"by": project.ending or AGREEMENT, "holders": names}
    StoredLog(session, project).append(erasure.BEGUN, details, now=service.now())
    forget(session, project)


def have_keys_erased(session: Session, service: Service, project: Project) -> None:
    """Ask every key folder that has not attested to erase its key file."""
    for holder in holders(session, project):
        if not holder.copy and not holder.attested:
            subject = f"{project.id}/{holder.holder}"
            order = Order(JobKind.ERASE, subject, holder=holder.holder)
            queue.ask(session, order, service.due())


def attest(session: Session, service: Service, project: Project, said: erasure.Attestation) -> None:
    """Put a holder's attestation into the log, and claim the destruction when it is the last.

    Raises VerificationError for another's signature, Problem (409, 422) for one that is not due.
    """
    said.verify("attestation")
    statement = said.statement
    if (statement.agreement, statement.log) != (project.id, project.log):
        raise Problem(422, "unprocessable", "attestation: is of another project")
    if statement.linker != project.linker:
        raise Problem(422, "unprocessable", "attestation: is of another linker")
    holder = session.get(KeyHolder, (project.linker, statement.holder), with_for_update=True)
    state = state_of(session, project)
    if holder is None or not (state.ending or state.destroyed):
        raise Problem(409, "conflict", "nobody waits for this attestation")
    if holder.attested:
        return
    holder.attested = True
    if not state.destroyed:  # a copy that came back later is erased without a word in the log
        StoredLog(session, project).append(
            erasure.ERASED, said.model_dump(mode="json"), now=service.now()
        )
        claim(session, service, project)


def give_up(
    session: Session, service: Service, project: Project, holder: str, actors: list[str]
) -> None:
    """Go on without the word of a holder who is lost. Raises Problem.

    The log says so for ever, and that its copy of the key may still be somewhere.
    """
    found = session.get(KeyHolder, (project.linker, holder), with_for_update=True)
    state = state_of(session, project)
    if found is None or found.attested or not state.ending or state.destroyed:
        raise Problem(409, "conflict", "nobody waits for this holder")
    found.attested = True
    details = {"by": actors, "holder": holder, "name": found.name}
    StoredLog(session, project).append(erasure.LOST, details, now=service.now())
    claim(session, service, project)


def claim(session: Session, service: Service, project: Project) -> None:
    """Log the destruction, once no holder's word is missing."""
    session.flush()
    everybody = holders(session, project)
    if all(each.attested for each in everybody):
        log = StoredLog(session, project)
        lost = [e.details["holder"] for e in log.entries if e.event == erasure.LOST]
        details = {"attested": len(everybody) - len(lost), "lost": len(lost)}
        log.append(DESTROYED, details, now=service.now())


def forget(session: Session, project: Project) -> None:
    """Nothing refers to the objects any more, and the report goes too."""
    mine = select(Upload.id).where(Upload.project == project.id)
    session.execute(delete(Part).where(Part.upload.in_(mine)))
    for upload in session.scalars(select(Upload).where(Upload.project == project.id)):
        upload.object = None
        if upload.state in UNDER_WAY:
            upload.state = UploadState.CANCELLED
    run = session.get(Run, project.id)
    if run is not None:
        run.object = run.report = None
