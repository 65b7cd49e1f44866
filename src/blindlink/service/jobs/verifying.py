"""The job ``verify``: what an owner sent is believed only after the linker's own code verified it.

    parts -> one file in scratch, size and digest -> linker.intake.take -> storage -> log, receipt

Everything that makes it count happens in the last transaction, together with the end of the job. A
worker that dies before leaves parts that the next one starts from again.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from blindlink.errors import (
    AgreementError,
    BlindlinkError,
    FormatError,
    RefusedError,
    VerificationError,
)
from blindlink.keys import PartyKeys
from blindlink.linker.protocol import intake
from blindlink.linker.protocol.project import Project as LinkerProject
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.audit import withdrawal_receipt
from blindlink.messages.audit.withdrawal_receipt import Facts
from blindlink.service.context import Service
from blindlink.service.data import queue
from blindlink.service.data.logbook import StoredLog, linker_project, locked, state_of
from blindlink.service.data.models import Project, Upload
from blindlink.service.data.queue import Claim
from blindlink.service.data.states import UploadKind, UploadState
from blindlink.service.domain import uploads
from blindlink.service.domain.projects import agreement_of, without_paths
from blindlink.service.jobs.keyring import Keyring

REFUSALS = (FormatError, VerificationError, AgreementError, RefusedError)

Entering = Callable[[LinkerProject, Upload], None]


@dataclass(frozen=True)
class Delivery:
    """What the job works on."""

    upload: Upload
    project: Project
    agreement: SignedAgreement
    keys: PartyKeys
    parts: list[str]

    def acting(self, service: Service) -> Acting:
        """The linker of this project, now."""
        return Acting(self.agreement, self.keys, service.now())

    @property
    def arrived(self) -> datetime:
        """When its last byte came."""
        return datetime.fromtimestamp(self.upload.arrived or self.upload.touched, UTC)


def verify(service: Service, keyring: Keyring, claim: Claim) -> None:
    """Verify an upload. What it has wrong ends it; an error of the machine is raised."""
    delivery = _delivery(service, keyring, claim)
    if delivery is None:
        return
    with service.scratch() as folder:
        path = folder / delivery.upload.kind
        try:
            _assemble(service, delivery, path)
            if delivery.upload.kind == UploadKind.SUBMISSION:
                enter = _submission(service, delivery, path)
            else:
                enter = _withdrawal(service, delivery, path, folder)
            _accept(service, delivery, claim, path, enter)
        except REFUSALS as error:
            _refuse(service, delivery, claim, error, path)


def _delivery(service: Service, keyring: Keyring, claim: Claim) -> Delivery | None:
    with service.database.read() as session:
        upload = session.scalars(select(Upload).where(Upload.id == claim.subject)).one()
        project = session.get_one(Project, upload.project)
        parts = uploads.in_order(session, upload)
    if upload.state != UploadState.RECEIVED:  # decided before the worker of then died
        with service.database.write() as session:
            queue.done(session, claim)
        return None
    return Delivery(upload, project, agreement_of(project), keyring.keys(project.linker), parts)


def _assemble(service: Service, delivery: Delivery, path: Path) -> None:
    """Put the parts together. Raises VerificationError for another size or digest than declared."""
    total, size = sha256(), 0
    with path.open("wb") as out:
        for key in delivery.parts:
            for block in service.storage.read(key):
                total.update(block)
                size += len(block)
                out.write(block)
    if (size, total.hexdigest()) != (delivery.upload.size, delivery.upload.digest):
        raise VerificationError("upload: its digest is not the declared one")


def _submission(service: Service, delivery: Delivery, path: Path) -> Entering:
    acting = delivery.acting(service)
    with ExitStack() as stack:
        taken = intake.take(stack, path, acting, keep=False)
        _check_sender(taken.owner.name, delivery.upload)
        manifest, content, rejected = taken.bundle.manifest, taken.content, taken.rejected
    delivery.agreement.check_time(acting.now, "agreement")

    def enter(stored: LinkerProject, upload: Upload) -> None:
        receipt = stored.receive(
            upload.owner, manifest, content.sequence, content.rows, rejected, acting
        )
        upload.bundle, upload.receipt = manifest.bundle, receipt.read_bytes()

    return enter


def _withdrawal(service: Service, delivery: Delivery, path: Path, folder: Path) -> Entering:
    """A withdrawal is held against the submission it is for: a run must not stumble over it."""
    acting = delivery.acting(service)
    now, keys = acting.now, acting.keys
    message = intake.take_withdrawal(path, acting)
    _check_sender(message.owner.name, delivery.upload)
    delivery.agreement.check_time(now, "agreement")
    with service.database.read() as session:
        held = uploads.current(session, delivery.project.id, delivery.upload.owner)
    if held is None or held.object is None or held.bundle != message.submission:
        raise VerificationError("withdrawal: is for another submission than the one held")
    with service.storage.local(held.object, folder) as file, ExitStack() as stack:
        taken = intake.take(stack, file, acting, keep=False)
        intake.without(taken, [message])

    def enter(stored: LinkerProject, upload: Upload) -> None:
        if stored.state().current.get(upload.owner) != message.submission:
            raise VerificationError("withdrawal: is for another submission than the one held")
        rows, digest = len(message.ids), message.manifest.digest()
        stored.withdraw(upload.owner, message.manifest, message.submission, rows, now=now)
        upload.bundle, upload.of = message.manifest.bundle, message.submission
        index = next(
            each.index for each in stored.log.entries if each.details.get("withdrawal") == digest
        )
        facts = Facts(delivery.project.id, upload.digest, digest, "", rows, delivery.arrived)
        receipt = withdrawal_receipt.make(stored.log, index, keys, facts, now=now)
        upload.receipt = receipt.to_bytes() + b"\n"

    return enter


def _check_sender(sender: str, upload: Upload) -> None:
    if sender != upload.owner:
        raise VerificationError("upload: was signed by another owner than the one that sent it")


def _accept(
    service: Service, delivery: Delivery, claim: Claim, path: Path, enter: Entering
) -> None:
    key = service.storage.new(delivery.project.number, "submissions")
    service.storage.put(path, key)
    try:
        with service.database.write() as session:
            project = locked(session, delivery.project.id)
            queue.done(session, claim)
            upload = session.scalars(select(Upload).where(Upload.id == claim.subject)).one()
            stored = linker_project(session, project, path.parent)
            gone = _enter(session, stored, upload, key, enter)
            stored.log.keep_head(delivery.keys, service.now())
            gone += uploads.drop_parts(session, upload)
    except (BlindlinkError, queue.LostError):  # surely not committed; of others nobody knows
        service.storage.erase([key])
        raise
    service.storage.erase(gone)


def _enter(
    session: Session, stored: LinkerProject, upload: Upload, key: str, enter: Entering
) -> list[str]:
    """Let the upload count; returns the objects that nothing needs any more."""
    held = uploads.current(session, upload.project, upload.owner)
    enter(stored, upload)
    upload.state = UploadState.ACCEPTED
    if upload.kind == UploadKind.SUBMISSION and held is not None:
        if held.bundle == upload.bundle:  # the same submission came again: nothing changes
            return [key]
        held.state, old, held.object = UploadState.REPLACED, held.object, None
        upload.object = key
        return [old] if old else []
    upload.object = key
    return []


def _refuse(
    service: Service, delivery: Delivery, claim: Claim, error: BlindlinkError, path: Path
) -> None:
    with service.database.write() as session:
        project = locked(session, delivery.project.id)
        queue.done(session, claim)
        upload = session.scalars(select(Upload).where(Upload.id == claim.subject)).one()
        upload.state, upload.error = UploadState.REFUSED, type(error).__name__
        names = (path, upload.kind), (path.parent, "project")
        upload.reason = without_paths(error.message, *names)
        if upload.kind == UploadKind.WITHDRAWAL:
            _receipt_of_refusal(session, service, delivery, project, upload)
        parts = uploads.drop_parts(session, upload)
    service.storage.erase(parts)


def _receipt_of_refusal(
    session: Session, service: Service, delivery: Delivery, project: Project, upload: Upload
) -> None:
    """A withdrawal that is wrong is evidence too: the log and a receipt say that it was refused."""
    log, now = StoredLog(session, project), service.now()
    if state_of(session, project).frozen is not None:
        return  # sent again after the freeze: the log says nothing any more that owners could read
    details = {"error": upload.error, "file": upload.digest, "owner": upload.owner}
    index = log.append(withdrawal_receipt.REFUSED, details, now=now)
    facts = Facts(project.id, upload.digest, "", upload.reason or "", 0, delivery.arrived)
    receipt = withdrawal_receipt.make(log, index, delivery.keys, facts, now=now)
    upload.receipt = receipt.to_bytes() + b"\n"
    log.keep_head(delivery.keys, now)


def gave_up(session: Session, service: Service, subject: str) -> None:
    """The upload could not be verified for a fault of the machine, too often."""
    upload = session.scalars(select(Upload).where(Upload.id == subject)).one()
    if upload.state == UploadState.RECEIVED:
        upload.state, upload.error = UploadState.FAILED, "ServiceError"
        upload.reason = "the service could not verify it: the operator can have it tried again"
        upload.touched = service.seconds()
