"""Whether the service can work: looked at anew for every visit."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from blindlink.errors import BlindlinkError
from blindlink.service.console.render import PREFIX, page
from blindlink.service.console.states import BAD, GOOD, JOBS, Tag
from blindlink.service.console.visitors import Here, Reader
from blindlink.service.context import Service
from blindlink.service.data import schema
from blindlink.service.data.models import Job, KeyHolder, Project
from blindlink.service.data.states import JobState
from blindlink.service.recovery import witness
from blindlink.service.telemetry.logs import fault

router = APIRouter(prefix=PREFIX, include_in_schema=False)
NONE = Tag("None", "yellow")
HEARD = 180.0  # seconds: workers say every minute which keys they hold


@dataclass(frozen=True)
class Line:
    """One thing that was looked at."""

    name: str
    tag: Tag
    text: str


@router.get("/health")
def show_health(request: Request, service: Here, _: Reader) -> Response:
    lines = [
        _tried(
            "Database", "has the tables of this version", lambda: schema.check(service.database)
        ),
        _tried("Storage", "an object was written and erased", service.storage.check),
        _tried(
            "Kept heads", "the database has all that they count", lambda: witness.check(service)
        ),
    ]
    with service.database.read() as session:
        lines += [_workers(session, service), _waiting(session, service)]
        jobs = _jobs(session)
        keys = _keys(session, service)
    return page(request, "health", lines=lines, jobs=jobs, keys=keys, now=service.seconds())


def _tried(name: str, text: str, check: Callable[[], None]) -> Line:
    """What a check found. Of an unexpected error the page has the class, like the log."""
    try:
        check()
    except BlindlinkError as error:
        return Line(name, BAD, f"{type(error).__name__}: {error.hint}")
    except Exception as error:
        fault("not-ready", error)
        return Line(name, BAD, type(error).__name__)
    return Line(name, GOOD, text)


def _workers(session: Session, service: Service) -> Line:
    """Workers that hold keys register every minute; those with a job also beat."""
    newest = session.scalar(select(func.max(KeyHolder.seen)))
    at_work = session.scalar(
        select(func.count(distinct(Job.worker))).where(
            Job.state == JobState.RUNNING, Job.due > service.due()
        )
    )
    if newest is None:
        return Line("Workers", NONE, "no worker holds a linker's key: no project can be opened")
    ago = max(0.0, service.due() - newest)
    text = f"heard of {ago:.0f} seconds ago; {at_work or 0} at work"
    return Line("Workers", GOOD if ago <= HEARD else BAD, text)


def _waiting(session: Session, service: Service) -> Line:
    late = service.due() - 60.0
    waiting = session.scalar(
        select(func.count()).select_from(Job).where(Job.state == JobState.QUEUED, Job.due < late)
    )
    failed = session.scalar(
        select(func.count()).select_from(Job).where(Job.state == JobState.FAILED)
    )
    text = f"{waiting or 0} waiting for more than a minute; {failed or 0} given up"
    return Line("Queue", BAD if waiting or failed else GOOD, text)


def _jobs(session: Session) -> list[tuple[str, dict[str, int]]]:
    """Jobs by kind and state."""
    rows = session.execute(select(Job.kind, Job.state, func.count()).group_by(Job.kind, Job.state))
    found: dict[str, dict[str, int]] = {kind: {} for kind in JOBS}
    for kind, state, count in rows:
        found.setdefault(kind, {})[state] = count
    return [(JOBS.get(kind, kind), counts) for kind, counts in found.items()]


def _keys(session: Session, service: Service) -> list[tuple[str, str, float]]:
    """Linkers whose key a worker holds: fingerprint, project, and when it was last heard of."""
    rows = session.execute(
        select(KeyHolder.linker, Project.name, KeyHolder.seen)
        .join(Project, Project.linker == KeyHolder.linker, isouter=True)
        .order_by(KeyHolder.seen.desc())
    )
    return [(mark, name or "no project yet", seen) for mark, name, seen in rows]
