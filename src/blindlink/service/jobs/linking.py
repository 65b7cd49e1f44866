"""The job ``run``: the one run of an agreement, with the linker's own code.

    freeze (log)  ->  link, seal the release in scratch  ->  storage  ->  log, report, done

Freezing and ending are one transaction each. Between them nothing counts: a worker that dies
leaves a sealed file that nobody can reach, and the next one links the frozen inputs again. So a
release is made known once, or not at all.
"""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from blindlink.errors import (
    AgreementError,
    BlindlinkError,
    RefusedError,
    SeparationError,
    VerificationError,
)
from blindlink.keys import PartyKeys
from blindlink.linker.protocol import release
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.project import REFUSED, RELEASED, State
from blindlink.linker.protocol.project import Project as LinkerProject
from blindlink.linker.protocol.writing import Report
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.logbook import StoredLog, lay_out, linker_project, locked, state_of
from blindlink.service.data.models import Project, Run, Upload
from blindlink.service.data.queue import Claim, LostError
from blindlink.service.data.states import JobState, RunState, UploadKind, UploadState
from blindlink.service.domain import clock, runs, uploads
from blindlink.service.domain.projects import agreement_of, without_paths
from blindlink.service.jobs.keyring import Keyring

OUT = "study.release"
REFUSALS = (RefusedError, SeparationError)
FAILURES = (AgreementError, VerificationError)
TELL = 0.5  # seconds between two notes of progress

Observer = Callable[[release.Released], None]


@dataclass(frozen=True)
class Order:
    """What a run works on: submissions in the order of the owners, and withdrawals of them."""

    project: Project
    agreement: SignedAgreement
    keys: PartyKeys
    submissions: list[Upload]
    withdrawals: list[Upload]

    @property
    def inputs(self) -> dict[str, list[str]]:
        """The bundle ids that the log names at the freeze."""
        return {
            "submissions": [str(each.bundle) for each in self.submissions],
            "withdrawals": sorted(str(each.bundle) for each in self.withdrawals),
        }


def work(service: Service, keyring: Keyring, claim: Claim, observer: Observer | None) -> None:
    """Do a run, or go on with one. Raises for faults of the machine; then it is tried again."""
    try:
        order = _freeze(service, keyring, claim)
    except _TooEarlyError:
        with service.database.write() as session:
            queue.put_back(session, claim, service.due(), service.settings.work)
        return
    except RefusedError as error:
        _fail(service, claim, error.message)
        return
    if order is None:
        return
    with service.scratch() as folder:
        try:
            with service.database.read() as session:
                lay_out(session, order.project, folder / "project")
            released = _link(service, claim, order, folder)
        except (*REFUSALS, *FAILURES) as error:
            _end_without(service, claim, order, error, folder)
            return
        _release(service, claim, order, released)
        if observer is not None:
            observer(released)


def _freeze(service: Service, keyring: Keyring, claim: Claim) -> Order | None:
    """From here on the inputs are those that count now; None when the run is over already."""
    with service.database.read() as session:
        clock.check(service, session)
        keys = keyring.keys(session.get_one(Project, claim.subject).linker)
    with service.scratch() as scratch, service.database.write() as session:
        project = locked(session, claim.subject)
        job = queue.held(session, claim)
        stored = linker_project(session, project, scratch)
        state = stored.state()
        if state.destroyed or state.ending or state.outcome is not None:
            job.state = JobState.DONE
            return None
        if state.frozen is None:
            runs.check_withdrawals(session, project)
            if runs.waiting(session, project):  # came since this job was claimed
                raise _TooEarlyError
        order = _order(session, project, state, keys)
        stored.freeze(order.inputs, now=service.now())
        stored.log.keep_head(keys, service.now())
        run = session.get_one(Run, project.id)
        run.state, run.stage, run.done, run.total = RunState.RUNNING, "linking", 0, 0
    return order


class _TooEarlyError(Exception):
    """Something came that has to be verified before the inputs freeze."""


def _order(session: Session, project: Project, state: State, keys: PartyKeys) -> Order:
    signed = agreement_of(project)
    names = [owner.name for owner in signed.agreement.owners]
    found = [uploads.current(session, project.id, name) for name in names]
    submissions = [each for each in found if each is not None]
    if len(submissions) != len(names):
        raise RefusedError("not every owner has sent a submission")
    messages = session.scalars(
        select(Upload)
        .where(
            Upload.project == project.id,
            Upload.kind == UploadKind.WITHDRAWAL,
            Upload.state == UploadState.ACCEPTED,
            Upload.of.in_([each.bundle for each in submissions]),
            Upload.object.is_not(None),
        )
        .order_by(Upload.number)
    )
    return Order(project, signed, keys, submissions, list(_distinct(messages.all())))


def _distinct(messages: Sequence[Upload]) -> list[Upload]:
    return list({each.bundle: each for each in messages}.values())


def _link(service: Service, claim: Claim, order: Order, folder: Path) -> release.Released:
    with ExitStack() as stack:
        paths = [
            [stack.enter_context(service.storage.local(str(each.object), folder)) for each in group]
            for group in (order.submissions, order.withdrawals)
        ]
        acting = Acting(
            order.agreement, order.keys, service.now(), service.entropy, Teller(service, claim)
        )
        return release.link(
            paths[0], acting, Place(folder / "project"), folder / OUT, withdrawals=paths[1]
        )


class Teller:
    """Notes progress in the table of runs, now and then."""

    def __init__(self, service: Service, claim: Claim) -> None:
        self._service, self._claim, self._last = service, claim, 0.0

    def __call__(self, done: int, total: int) -> None:
        self._claim.alive()
        if time.monotonic() - self._last < TELL:
            return
        self._last = time.monotonic()
        with self._service.database.write(durable=False) as session:
            queue.held(session, self._claim)
            run = session.get_one(Run, self._claim.subject)
            run.done, run.total = done, total


def _release(service: Service, claim: Claim, order: Order, released: release.Released) -> None:
    """Store the release, then make it known in one transaction."""
    with released.path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    size, key = released.path.stat().st_size, service.storage.new(order.project.number, "releases")
    ended = dict(
        LinkerProject.load(released.path.parent / "project", order.project.id)
        .log.entries[-1]
        .details
    )
    service.storage.put(released.path, key)
    reports = [as_json(each) for each in released.reports]
    with service.database.write() as session:
        project = locked(session, order.project.id)
        queue.done(session, claim)
        log = StoredLog(session, project)
        state = state_of(session, project)
        if state.ending or state.outcome is not None or state.frozen != order.inputs:
            raise LostError  # ended meanwhile: the object is swept up
        log.append(RELEASED, ended, now=service.now())
        log.keep_head(order.keys, service.now())
        run = session.get_one(Run, project.id)
        run.state, run.stage, run.ended = RunState.RELEASED, "", service.seconds()
        run.object, run.size, run.digest = key, size, digest
        run.report = json.dumps(reports, allow_nan=False)


def as_json(each: Report) -> dict[str, Any]:
    """A linkage report of two owners as JSON values."""
    return {"left": each.left, "right": each.right, "report": each.report.model_dump(mode="json")}


def _end_without(
    service: Service, claim: Claim, order: Order, error: BlindlinkError, folder: Path
) -> None:
    """The run ended in a refusal, which the log keeps, or in a failure that a new try can mend."""
    stored = LinkerProject.load(folder / "project", order.project.id)
    refused = stored.state().outcome == REFUSED
    with service.database.write() as session:
        project = locked(session, order.project.id)
        queue.done(session, claim)
        run = session.get_one(Run, project.id)
        run.state, run.stage, run.ended = (
            RunState.REFUSED if refused else RunState.FAILED,
            "",
            service.seconds(),
        )
        run.reason = without_paths(error.message, (folder, "run"))
        if refused:
            log = StoredLog(session, project)
            log.append(REFUSED, dict(stored.log.entries[-1].details), now=service.now())
            log.keep_head(order.keys, service.now())


def _fail(service: Service, claim: Claim, reason: str) -> None:
    with service.database.write() as session:
        queue.done(session, claim)
        run = session.get_one(Run, claim.subject)
        run.state, run.stage, run.ended, run.reason = RunState.FAILED, "", service.seconds(), reason


def gave_up(session: Session, service: Service, project: str, error: str) -> None:
    """The run failed for a fault of the machine, too often."""
    run = session.get(Run, project)
    if run is not None and run.state in (RunState.QUEUED, RunState.RUNNING):
        run.state, run.stage, run.ended = RunState.FAILED, "", service.seconds()
        run.reason = f"the worker failed repeatedly: {error}"
