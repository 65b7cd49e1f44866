"""The queue of jobs, a table in the same database as everything else.

A job is asked for in the transaction that makes it due, claimed under a row lock, kept by
heartbeats, and ended in the transaction that writes its result. A worker that died or was thought
dead has lost its claim: ``token`` went up, and ``held`` stops it from writing anything. Clocks
that jump can make work be done twice, never count twice.

Why no library: those that are well kept want one database. procrastinate and pgqueuer need
PostgreSQL and async drivers, huey's SQLite storage has no PostgreSQL twin, and none ends a job in
the transaction of our own tables on both.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from blindlink.service.data.database import Database
from blindlink.service.data.models import Job
from blindlink.service.data.states import JobState
from blindlink.service.settings import Work


class LostError(Exception):
    """Somebody else has this job now."""


@dataclass(frozen=True)
class Claim:
    """A job that this worker holds, for the ``attempt``-th time since it was asked for."""

    id: int
    kind: str
    subject: str
    attempt: int
    token: int


def ask(session: Session, kind: str, subject: str, now: float) -> None:
    """Have a job done; the same one waiting or at work already is enough."""
    job = session.scalar(
        select(Job).where(Job.kind == kind, Job.subject == subject).with_for_update()
    )
    if job is None:
        job = Job(kind=kind, subject=subject, state=JobState.DONE, attempts=0, token=0)
        session.add(job)
    if job.state in (JobState.DONE, JobState.FAILED):
        job.state, job.due, job.error, job.attempts = JobState.QUEUED, now, None, 0


def claim(
    database: Database, worker: str, kinds: Sequence[str], now: float, work: Work
) -> Claim | None:
    """The next job that is due, or whose worker was not heard of for ``work.lease``."""
    with database.write() as session:
        job = session.scalar(
            select(Job)
            .where(Job.kind.in_(kinds), _free(now, work))
            .order_by(Job.due, Job.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if job is None:
            return None
        job.attempts, job.token = job.attempts + 1, job.token + 1
        job.state, job.worker, job.due = JobState.RUNNING, worker, now + work.lease
        return Claim(job.id, job.kind, job.subject, job.attempts, job.token)


def _free(now: float, work: Work) -> ColumnElement[bool]:
    """Due jobs. ``due`` of a running job is when its claim ends.

    No job waits longer than ``far``: one that does is from before the clock was put back.
    """
    far = now + 2 * max(work.lease, work.backoff * 2.0**work.attempts)
    return and_(
        or_(Job.state == JobState.QUEUED, Job.state == JobState.RUNNING),
        or_(Job.due <= now, Job.due > far),
    )


def beat(database: Database, claim: Claim, now: float, work: Work) -> bool:
    """Say that the worker lives; False when the job is no longer its own."""
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


def later(session: Session, claim: Claim, error: str, now: float, work: Work) -> bool:
    """After an attempt that failed: try again later, or give up; True when given up."""
    job = held(session, claim)
    job.error = error
    over = claim.attempt >= work.attempts
    job.state = JobState.FAILED if over else JobState.QUEUED
    job.due = now + work.backoff * 2.0 ** (claim.attempt - 1)
    return over
