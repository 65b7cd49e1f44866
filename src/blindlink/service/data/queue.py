"""The queue of jobs, a table in the same database as everything else.

A job is asked for in the transaction that makes it due, claimed under a row lock, kept by
heartbeats, and ended in the transaction that writes its result. A worker that died or was thought
dead has lost its claim: ``token`` went up, and ``held`` stops it from writing anything. Clocks
that jump can make work be done twice, never count twice.

    needs, holder   who can do it: a job is claimed by nobody else
    lane, owner     what an owner sent is verified one after the other, in the order of ``place``;
                    a run waits for everything of its lane that is not verified yet
    attempts        failures of its own count; while storage or database is away it is tried for
                    ``persist``, with pauses up to ``backoff_most``

Why no library stands in docs/explanation/queue.md, beside procrastinate.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from blindlink.service.data.database import Database
from blindlink.service.data.models import Job
from blindlink.service.data.states import JobKind, JobState
from blindlink.service.settings import Work
from blindlink.service.tracing import TRACE

WAITING = (JobState.QUEUED, JobState.RUNNING)


class LostError(Exception):
    """Somebody else has this job now."""


@dataclass(frozen=True)
class Order:
    """What there is to do, for whom it can be done, and what comes first."""

    kind: JobKind
    subject: str
    needs: str | None = None
    holder: str | None = None
    lane: str | None = None
    owner: str | None = None
    place: int = 0


@dataclass(frozen=True)
class Claim:
    """A job that this worker holds, for the ``attempt``-th time since it was asked for.

    Who does it calls ``alive`` as it gets on.
    """

    id: int
    kind: JobKind
    subject: str
    attempt: int
    token: int
    trace: str = ""
    alive: Callable[[], None] = field(default=lambda: None, compare=False)


@dataclass(frozen=True)
class Able:
    """Who claims: its name, the linkers whose keys it can open, and its key folder."""

    worker: str
    linkers: Collection[str]
    holder: str


def ask(session: Session, order: Order, now: float) -> None:
    """Have a job done; the same one waiting or at work already is enough."""
    job = session.scalar(
        select(Job).where(Job.kind == order.kind, Job.subject == order.subject).with_for_update()
    )
    if job is None:
        job = Job(
            kind=order.kind,
            subject=order.subject,
            state=JobState.DONE,
            token=0,
            attempts=0,
            tries=0,
            due=now,
            first=now,
        )
        session.add(job)
    if job.state in (JobState.DONE, JobState.FAILED):
        job.state, job.due, job.error = JobState.QUEUED, now, None
        job.attempts, job.tries, job.first = 0, 0, now
        job.needs, job.holder = order.needs, order.holder
        job.lane, job.owner, job.place = order.lane, order.owner, order.place
        job.trace = TRACE.get()


def claim(database: Database, able: Able, now: float, work: Work) -> Claim | None:
    """The next job that is due, or whose worker was not heard of for ``work.lease``.

    Only one that ``able`` can do, and before which nothing has to be done.
    """
    with database.write() as session:
        job = session.scalar(
            select(Job)
            .where(_free(now, work), _can(able), ~_behind())
            .order_by(Job.due, Job.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if job is None:
            return None
        job.attempts, job.tries, job.token = job.attempts + 1, job.tries + 1, job.token + 1
        job.state, job.worker, job.due = JobState.RUNNING, able.worker, now + work.lease
        return Claim(job.id, JobKind(job.kind), job.subject, job.attempts, job.token, job.trace)


def _can(able: Able) -> ColumnElement[bool]:
    return and_(
        or_(Job.needs.is_(None), Job.needs.in_(sorted(able.linkers))),
        or_(Job.holder.is_(None), Job.holder == able.holder),
    )


def _behind() -> ColumnElement[bool]:
    """Whether something of the same lane has to be verified first."""
    earlier = aliased(Job)
    mine = and_(Job.kind == JobKind.VERIFY, earlier.owner == Job.owner, earlier.place < Job.place)
    return exists(
        select(earlier.id).where(
            earlier.lane == Job.lane,
            earlier.kind == JobKind.VERIFY,
            earlier.state.in_(WAITING),
            or_(Job.kind == JobKind.RUN, mine),
        )
    )


def _free(now: float, work: Work) -> ColumnElement[bool]:
    """Due jobs. ``due`` of a running job is when its claim ends.

    No job waits longer than ``far``: one that does is from before the clock was put back.
    """
    far = now + 2 * max(work.lease, work.backoff_most)
    return and_(Job.state.in_(WAITING), or_(Job.due <= now, Job.due > far))


def beat(database: Database, claim: Claim, now: float, work: Work) -> bool:
    """Say that work goes on; False when the job is no longer its own."""
    with database.write(durable=False) as session:
        try:
            held(session, claim).due = now + work.lease
        except LostError:
            return False
        return True


def held(session: Session, claim: Claim) -> Job:
    """The job, locked until the transaction ends. Raises LostError when it is somebody else's."""
    job = session.get(Job, claim.id, with_for_update=True)
    if job is None or job.state != JobState.RUNNING or job.token != claim.token:
        raise LostError
    return job


def done(session: Session, claim: Claim) -> None:
    """End a job in the transaction that wrote its result. Raises LostError."""
    held(session, claim).state = JobState.DONE


def put_back(session: Session, claim: Claim, now: float, work: Work) -> None:
    """It cannot be done yet, and that is nobody's fault. Raises LostError."""
    job = held(session, claim)
    job.state, job.due, job.attempts = JobState.QUEUED, now + work.poll, job.attempts - 1


def later(
    session: Session, claim: Claim, error: str, now: float, work: Work, *, outage: bool = False
) -> bool:
    """After an attempt that failed: try again later, or give up; True when given up.

    An ``outage`` is no fault of the job's: it is tried until ``work.persist`` is over.
    """
    job = held(session, claim)
    job.error = error
    if outage:
        job.attempts -= 1
    over = now - job.first > work.persist if outage else claim.attempt >= work.attempts
    job.state = JobState.FAILED if over else JobState.QUEUED
    job.due = now + min(work.backoff_most, work.backoff * 2.0 ** min(30, job.tries - 1))
    return over
