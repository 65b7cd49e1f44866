"""A worker: takes jobs one after the other and lives by its heartbeats.

Any number of workers, in any number of processes, share one database. What a job means stands in
``intake``, ``linking`` and ``destroying``; this module only keeps them going.
"""

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from blindlink.errors import BlindlinkError
from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.models import LinkerKey, Project, Upload
from blindlink.service.data.queue import Claim, LostError
from blindlink.service.data.states import JobKind
from blindlink.service.jobs import destroying, linking, maintenance
from blindlink.service.jobs import verifying as intake
from blindlink.service.jobs.keyring import Keyring
from blindlink.service.recovery import witness
from blindlink.service.telemetry.logs import fault, log
from blindlink.service.telemetry.metrics import ATTEMPTS

REGISTER = 60.0  # seconds between two looks at the key folder
SWEEP = 300.0


class Worker:
    """Does jobs until it is told to stop."""

    def __init__(
        self, service: Service, keyring: Keyring, *, observer: linking.Observer | None = None
    ) -> None:
        self.service, self.keyring, self._observer = service, keyring, observer
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._kinds: dict[str, Callable[[Claim], None]] = {
            JobKind.VERIFY: lambda claim: intake.verify(service, keyring, claim),
            JobKind.RUN: lambda claim: linking.work(service, keyring, claim, self._observer),
            JobKind.DESTROY: lambda claim: destroying.work(service, keyring, claim),
            JobKind.SIGN: lambda claim: destroying.sign(service, keyring, claim),
        }
        self._known: set[str] = set()
        self._registered = self._swept = float("-inf")

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``; the job at hand is finished first."""
        awake = threading.Event()
        self.service.wakers.append(awake)
        log("worker-started", worker=self.name)
        while not stop.is_set():
            try:
                self.keep_house()
                busy = self.step()
            except SQLAlchemyError as error:  # the database is away: wait for it
                fault("database-away", error, worker=self.name)
                busy = False
            except Exception as error:  # so is the storage, or there is no room: the same
                fault("worker-failed", error, worker=self.name)
                busy = False
            if not busy:
                awake.wait(self.service.settings.work.poll)
                awake.clear()
        log("worker-stopped", worker=self.name)

    def step(self) -> bool:
        """Do one job; False when there is none."""
        service = self.service
        claim = queue.claim(
            service.database, self.name, list(self._kinds), service.due(), service.settings.work
        )
        if claim is None:
            return False
        facts: dict[str, Any] = {
            "kind": claim.kind,
            "subject": claim.subject,
            "attempt": claim.attempt,
        }
        log("job-started", worker=self.name, **facts)
        try:
            with self._heart(claim):
                self._do(claim)
        except LostError:
            log("job-lost", worker=self.name, **facts)
            ATTEMPTS.labels(claim.kind, "lost").inc()
        except Exception as error:
            fault("job-failed", error, worker=self.name, **facts)
            ATTEMPTS.labels(claim.kind, "failed").inc()
            self._later(claim, type(error).__name__)
        else:
            log("job-done", worker=self.name, **facts)
            ATTEMPTS.labels(claim.kind, "done").inc()
            self._witness(claim)
        return True

    def keep_house(self) -> None:
        """Say which linkers' keys are here, and sweep, when it is time."""
        now = time.monotonic()
        files = self.keyring.files()
        if set(files) != self._known or now - self._registered > REGISTER:
            self._known, self._registered = set(files), now
            with self.service.database.write() as session:
                for fingerprint in files:
                    session.merge(LinkerKey(fingerprint=fingerprint, seen=self.service.due()))
        if now - self._swept > SWEEP:
            self._swept = now
            maintenance.clear_scratch(self.service)
            maintenance.sweep(self.service)
            self._note(lambda: witness.note_all(self.service))

    def _witness(self, claim: Claim) -> None:
        """Keep the log that the job left, outside of the database."""
        service = self.service
        with service.database.read() as session:
            upload = select(Upload.project).where(Upload.id == claim.subject).scalar_subquery()
            found = session.scalar(
                select(Project.log).where(or_(Project.id == claim.subject, Project.id == upload))
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
        self._kinds[claim.kind](claim)

    def _later(self, claim: Claim, error: str) -> None:
        service = self.service
        try:
            with service.database.write() as session:
                if queue.later(session, claim, error, service.due(), service.settings.work):
                    self._gave_up(session, claim, error)
        except (LostError, SQLAlchemyError) as lost:  # the claim ends by itself
            fault("job-left", lost, worker=self.name, job=claim.id)

    def _gave_up(self, session: Session, claim: Claim, error: str) -> None:
        log("job-given-up", worker=self.name, kind=claim.kind, subject=claim.subject, error=error)
        if claim.kind == JobKind.VERIFY:
            intake.gave_up(session, self.service, claim.subject)
        elif claim.kind == JobKind.RUN:
            linking.gave_up(session, self.service, claim.subject, error)

    @contextmanager
    def _heart(self, claim: Claim) -> Iterator[None]:
        """Beats in a thread of its own as long as the block runs."""
        over = threading.Event()

        def beat() -> None:
            service = self.service
            while not over.wait(service.settings.work.beat):
                try:
                    if not queue.beat(
                        service.database, claim, service.due(), service.settings.work
                    ):
                        return
                except SQLAlchemyError as error:
                    fault("heartbeat-missed", error, worker=self.name, job=claim.id)

        thread = threading.Thread(target=beat, name=f"heart-{claim.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
