"""The one run of an agreement, as web processes see it: asked for, and how far it is.

The work is done in ``linking``, which only workers import: a web process never loads the linker.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from blindlink.errors import RefusedError
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.approval import Act
from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.logbook import locked, state_of
from blindlink.service.data.models import Project, Run, Upload
from blindlink.service.data.queue import Order
from blindlink.service.data.states import JobKind, RunState, UploadKind, UploadState
from blindlink.service.domain import approvals, uploads
from blindlink.service.domain.projects import Access, in_force
from blindlink.service.problems import Problem


def ask(session: Session, service: Service, access: Access) -> Run:
    """Ask for the run; a second time changes nothing, unless it failed for a fault of the machine.

    Raises AgreementError, RefusedError or Problem.
    """
    project = locked(session, access.project.id)
    run = session.get(Run, project.id)
    state = state_of(session, project)
    if run is not None and (state.outcome is not None or run.state != RunState.FAILED):
        return run
    uploads_missing = _missing(session, in_force(service, project), project)
    if state.destroyed or state.ending:
        raise Problem(409, "conflict", "the project is destroyed")
    check_withdrawals(session, project)
    if uploads_missing:
        raise RefusedError(f"no submission of {', '.join(uploads_missing)}")
    approvals.use(session, service, project, Act.RUN, access.name)
    if run is None:
        run = Run(project=project.id, asked=service.seconds(), done=0, total=0, stage="")
        session.add(run)
    run.state, run.stage, run.reason, run.ended = RunState.QUEUED, "", None, None
    order = Order(JobKind.RUN, project.id, needs=project.linker, lane=project.id)
    queue.ask(session, order, service.due())
    return run


def check_withdrawals(session: Session, project: Project) -> None:
    """Raises RefusedError for a withdrawal that came and could not be verified yet.

    What is only waiting for a worker does not stand in the way: the run waits for it.
    """
    failed = session.scalars(
        select(Upload.owner).where(
            Upload.project == project.id,
            Upload.kind == UploadKind.WITHDRAWAL,
            Upload.state == UploadState.FAILED,
        )
    ).all()
    if failed:
        raise RefusedError(
            f"{len(failed)} withdrawals of {', '.join(sorted(set(failed)))} came and could not be "
            "verified for a fault of the machine",
            hint="have them verified again: blindlink client retry UPLOAD",
        )


def waiting(session: Session, project: Project) -> int:
    """How many files came and are not verified yet."""
    mine = (Upload.project == project.id, Upload.state == UploadState.RECEIVED)
    return session.scalar(select(func.count()).select_from(Upload).where(*mine)) or 0


def _missing(session: Session, signed: SignedAgreement, project: Project) -> list[str]:
    names = [owner.name for owner in signed.agreement.owners]
    return [name for name in names if uploads.current(session, project.id, name) is None]
