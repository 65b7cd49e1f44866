"""A worker: takes jobs one after the other, and lives by signs that work goes on.

Any number of workers, in any number of processes, share one database. Each takes only what it can
do: jobs of linkers whose keys it opens, and the erasure of its own key files. What a job means
stands in ``verifying``, ``linking`` and ``destroying``; this module only keeps them going.

    progress  ->  heartbeat  ->  lease     a job that stands still loses its lease, and says so
    outage    ->  again, for a day         of storage, database or clock: no attempt is counted
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from blindlink.errors import BlindlinkError, KeyFileError, OutputError, ServiceError
from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.models import Project, Upload
from blindlink.service.data.queue import Able, Claim, LostError
from blindlink.service.data.states import JobKind
from blindlink.service.domain import clock
from blindlink.service.jobs import destroying, linking, maintenance, verifying
from blindlink.service.jobs.keyring import Keyring
from blindlink.service.jobs.pulse import Pulse
from blindlink.service.recovery import witness
from blindlink.service.telemetry.logs import fault, log
from blindlink.service.telemetry.metrics import ATTEMPTS
from blindlink.service.tracing import TRACE

REGISTER = 60.0  # seconds between two looks at the key folder
SWEEP = 300.0
LOOK = 1.0  # seconds for which a look at the clocks is good
QUIET = 120.0  # without a job, the longest time between two rounds of a worker that lives
UNABLE = 300.0  # how long a key that could not be opened is not asked for again
OUTAGES = (OSError, SQLAlchemyError, OutputError, clock.ClockError)
NEVER_GIVEN_UP = (JobKind.DESTROY, JobKind.ERASE, JobKind.SIGN)

Stalled = Callable[[], None]


class Worker:
    """Does jobs until it is told to stop. ``stalled`` is called when a job stands still."""

    def __init__(
        self,
        service: Service,
        keyring: Keyring,
        *,
        observer: linking.Observer | None = None,
        stalled: Stalled | None = None,
    ) -> None:
        self.service, self.keyring = service, keyring
        self._observer, self._stalled = observer, stalled
        self.name = f"{service.name}-{threading.get_native_id()}"
        self._known: set[str] = set()
        self._jump = clock.Jump(service)
        self._unable: dict[str, float] = {}
        self._registered = self._swept = self._looked = float("-inf")
        self._round, self._pulse, self._trouble = time.monotonic(), None, ""

    _pulse: Pulse | None

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``; the job at hand is finished first."""
        awake = threading.Event()
        self.service.wakers.append(awake)
        self.service.checks.append(self.ready)
        log("worker-started", worker=self.name)
        while not stop.is_set():
            self._round = time.monotonic()
            TRACE.set("")
            try:
                self.keep_house()
                busy = self.step()
                self._trouble = ""
            except Exception as error:  # database, storage or clock are away: wait for them
                away = isinstance(error, SQLAlchemyError)
                fault("database-away" if away else "worker-failed", error, worker=self.name)
                busy, self._trouble = False, type(error).__name__
            if not busy:
                awake.wait(self.service.settings.work.poll)
                awake.clear()
        log("worker-stopped", worker=self.name)

    def ready(self) -> None:
        """Raises ServiceError when this worker does not get on."""
        pulse, work = self._pulse, self.service.settings.work
        if self._trouble:
            raise ServiceError(f"the worker cannot work: {self._trouble}")
        if pulse is None and time.monotonic() - self._round > QUIET:
            raise ServiceError("the worker does not come round")
        if pulse is not None and (pulse.still() > work.still or pulse.age() > work.ceiling):
            raise ServiceError("the worker's job stands still")

    def step(self) -> bool:
        """Do one job; False when there is none."""
        service, work = self.service, self.service.settings.work
        if time.monotonic() - self._looked > LOOK:
            with service.database.read() as session:
                clock.check(service, session)
            self._looked = time.monotonic()
        claim = queue.claim(service.database, self._able(), service.due(), work)
        if claim is None:
            return False
        facts: dict[str, Any] = {
            "kind": claim.kind,
            "subject": claim.subject,
            "attempt": claim.attempt,
        }
        TRACE.set(claim.trace)
        log("job-started", worker=self.name, **facts)
        try:
            with self._heart(claim) as alive:
                self._do(replace(claim, alive=alive))
        except LostError:
            log("job-lost", worker=self.name, **facts)
            ATTEMPTS.labels(claim.kind, "lost").inc()
        except Exception as error:
            fault("job-failed", error, worker=self.name, **facts)
            ATTEMPTS.labels(claim.kind, "failed").inc()
            self._later(claim, error)
        else:
            log("job-done", worker=self.name, **facts)
            ATTEMPTS.labels(claim.kind, "done").inc()
            self._witness(claim)
        return True

    def keep_house(self) -> None:
        """Say which linkers' keys are here and what time it is, and sweep, when it is time."""
        now = time.monotonic()
        files = set(self.keyring.files())
        if self._jump.seen() or files != self._known or now - self._registered > REGISTER:
            with self.service.database.write() as session:
                clock.register(self.service, session, self.name, "worker")
            destroying.hold(self.service, self.keyring, files)
            self._known, self._registered = files, now
        if now - self._swept > SWEEP:
            self._swept = now
            maintenance.clear_scratch(self.service)
            maintenance.sweep(self.service)
            self._note(lambda: witness.note_all(self.service))

    def _able(self) -> Able:
        """What this worker can do now."""
        now = time.monotonic()
        self._unable = {key: at for key, at in self._unable.items() if now - at < UNABLE}
        return Able(self.name, self._known - set(self._unable), self.keyring.holder)

    def _witness(self, claim: Claim) -> None:
        """Keep the log that the job left, outside of the database."""
        service, subject = self.service, claim.subject.partition("/")[0]
        with service.database.read() as session:
            upload = select(Upload.project).where(Upload.id == subject).scalar_subquery()
            found = session.scalar(
                select(Project.log).where(or_(Project.id == subject, Project.id == upload))
            )
        if found is not None:
            self._note(lambda: witness.note(service, found))

    def _note(self, keep: Callable[[], None]) -> None:
        try:
            keep()
        except (BlindlinkError, OSError) as error:  # the next note covers this one
            fault("head-not-kept", error, worker=self.name)

    def _do(self, claim: Claim) -> None:
        if claim.attempt > self.service.settings.work.attempts:
            raise RuntimeError("workers died over this job")
        service, keyring = self.service, self.keyring
        if claim.kind == JobKind.VERIFY:
            verifying.verify(service, keyring, claim)
        elif claim.kind == JobKind.RUN:
            linking.work(service, keyring, claim, self._observer)
        elif claim.kind == JobKind.DESTROY:
            destroying.work(service, keyring, claim)
        elif claim.kind == JobKind.ERASE:
            destroying.erase(service, keyring, claim)
        else:
            destroying.sign(service, keyring, claim)

    def _later(self, claim: Claim, error: Exception) -> None:
        service, work, name = self.service, self.service.settings.work, type(error).__name__
        never = claim.kind in NEVER_GIVEN_UP
        if never:
            work = replace(work, persist=float("inf"))
        try:
            with service.database.write() as session:
                if isinstance(error, KeyFileError):  # somebody else may open this key
                    job = queue.held(session, claim)
                    self._unable[job.needs or ""] = time.monotonic()
                outage = never or isinstance(error, (*OUTAGES, KeyFileError))
                if queue.later(session, claim, name, service.due(), work, outage=outage):
                    self._gave_up(session, claim, name)
        except (LostError, SQLAlchemyError) as lost:  # the claim ends by itself
            fault("job-left", lost, worker=self.name, job=claim.id)

    def _gave_up(self, session: Session, claim: Claim, error: str) -> None:
        log("job-given-up", worker=self.name, kind=claim.kind, subject=claim.subject, error=error)
        if claim.kind == JobKind.VERIFY:
            verifying.gave_up(session, self.service, claim.subject)
        elif claim.kind == JobKind.RUN:
            linking.gave_up(session, self.service, claim.subject, error)

    @contextmanager
    def _heart(self, claim: Claim) -> Iterator[Callable[[], None]]:
        """Beats as long as the block runs and gets on."""
        over, pulse, work = threading.Event(), Pulse(), self.service.settings.work
        self._pulse = pulse

        def beat() -> None:
            service = self.service
            while not over.wait(work.beat):
                if pulse.still() > work.still or pulse.age() > work.ceiling:
                    log("job-stalled", worker=self.name, kind=claim.kind, subject=claim.subject)
                    ATTEMPTS.labels(claim.kind, "stalled").inc()
                    if self._stalled is not None:
                        self._stalled()
                    return  # the lease runs out, and another worker takes it over
                try:
                    if not queue.beat(service.database, claim, service.due(), work):
                        return
                except SQLAlchemyError as error:
                    fault("heartbeat-missed", error, worker=self.name, job=claim.id)

        thread = threading.Thread(target=beat, name=f"heart-{claim.id}", daemon=True)
        thread.start()
        try:
            yield pulse.beat
        finally:
            over.set()
            thread.join()
            self._pulse = None
