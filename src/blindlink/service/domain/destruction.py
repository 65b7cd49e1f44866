"""The end of a project as web processes see it: asked for, and nothing refers to its files."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.logbook import locked
from blindlink.service.data.models import Part, Project, Run, Upload
from blindlink.service.data.states import UNDER_WAY, JobKind, UploadState
from blindlink.service.domain.projects import Access


def ask(session: Session, service: Service, access: Access) -> None:
    """Ask for the end of a project; again changes nothing."""
    project = locked(session, access.project.id)
    queue.ask(session, JobKind.DESTROY, project.id, service.due())


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
