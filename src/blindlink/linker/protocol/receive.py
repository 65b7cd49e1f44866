"""Taking one file in before the run: verified, logged, and a receipt for its owner.

The file itself stays where it is; the run is given it again. Memory does not grow with it: the
encodings are read through and not kept. A withdrawal is held against the submission that it is for:
one that is wrong is logged and receipted as refused, and no run stumbles over it.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from blindlink.errors import InputError, VerificationError
from blindlink.keys import Entropy, PartyKeys, system_entropy
from blindlink.linker.protocol import intake
from blindlink.linker.protocol.lock import locked
from blindlink.linker.protocol.project import Project, make_folder
from blindlink.linker.protocol.ready import check_ready
from blindlink.linker.protocol.witness import only_project, witnessed
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.audit.withdrawal_receipt import Facts
from blindlink.messages.container import reader as container
from blindlink.messages.submission.withdrawal import WITHDRAWAL
from blindlink.progress import Progress, silent


@dataclass(frozen=True)
class Received:
    """What was taken in: a ``submission`` or a ``withdrawal``, by bundle id.

    ``rejected``: rows of a submission that cannot match anybody.
    """

    kind: str
    owner: str
    bundle_id: str
    sequence: int | None
    rows: int
    rejected: int
    receipt: Path


@dataclass(frozen=True)
class _Places:
    """The folder, and what is kept of it outside."""

    project: Path
    witness: Path | None
    used: Path | None


def receive(
    file: Path,
    agreement: SignedAgreement,
    keys: PartyKeys,
    project: Path,
    *,
    submission: Path | None = None,
    witness: Path | None = None,
    used: Path | None = None,
    now: datetime,
    entropy: Entropy = system_entropy,
    progress: Progress = silent,
) -> Received:
    """Verify a submission or a withdrawal and log it in the project's folder, made where there is
    none; the same file again changes nothing. ``submission`` is the one that a withdrawal is for.
    ``witness`` keeps the log's head and ``used`` which log, see ``linker.protocol.witness``.

    Raises InputError, FormatError, VerificationError, AgreementError or RefusedError (a replay, an
    old sequence number, frozen inputs); then nothing is logged, but for a withdrawal that does not
    fit its submission: that it was refused is logged, and its owner gets a receipt.
    """
    agreement.verify(now, "agreement")
    agreement.agreement.member(keys.public, "linker")
    check_ready(agreement.agreement)
    if container.kind_of(file) == WITHDRAWAL:
        if submission is None:
            raise InputError(
                f"{file}: a withdrawal is held against the submission that it is for",
                hint="give that file too: --submission",
            )
        return _withdrawal(
            (file, submission), agreement, keys, _Places(project, witness, used), now
        )
    with ExitStack() as stack:
        taken = intake.take(stack, file, agreement, keys, now=now, keep=False, progress=progress)
        make_folder(project)
        stack.enter_context(locked(project))
        stack.enter_context(only_project(project, used, agreement.digest()))
        stack.enter_context(witnessed(project, witness, keys, now))
        desk = Project.open(project, agreement.digest(), now=now, entropy=entropy)
        manifest, content = taken.bundle.manifest, taken.content
        receipt = desk.receive(
            taken.owner.name,
            manifest,
            content.sequence,
            content.rows,
            taken.rejected,
            keys,
            now=now,
        )
    rejected = sum(len(each.positions) for each in taken.rejected)
    return Received(
        "submission",
        taken.owner.name,
        manifest.bundle,
        content.sequence,
        content.rows,
        rejected,
        receipt,
    )


def _withdrawal(
    files: tuple[Path, Path],
    agreement: SignedAgreement,
    keys: PartyKeys,
    at: _Places,
    now: datetime,
) -> Received:
    file, submission = files
    message = intake.take_withdrawal(file, agreement, keys, now=now)
    owner, rows = message.owner.name, len(message.ids)
    digest = message.manifest.digest()
    with ExitStack() as stack:
        taken = intake.take(stack, submission, agreement, keys, now=now, keep=False)
        stack.enter_context(locked(at.project))
        stack.enter_context(only_project(at.project, at.used, agreement.digest()))
        stack.enter_context(witnessed(at.project, at.witness, keys, now))
        desk = Project.load(at.project, agreement.digest())
        state = desk.state()
        held = taken.bundle.manifest
        if owner not in state.current:
            raise VerificationError(f"{file}: no submission of {owner} was received")
        if state.digests[state.current[owner]] != held.digest():
            raise InputError(
                f"{submission}: is not the submission of {owner} that was received last",
                hint="give that one",
            )
        facts = Facts(
            agreement.digest(), sha256(file.read_bytes()).hexdigest(), digest, "", rows, now
        )
        try:
            intake.without(taken, [message])
        except VerificationError as error:
            desk.refuse_withdrawal(owner, facts, error, keys, now=now)
            raise
        desk.withdraw(owner, message.manifest, message.submission, rows, now=now)
        receipt = desk.withdrawal_receipt(owner, facts, keys, now=now)
    return Received("withdrawal", owner, message.manifest.bundle, None, rows, 0, receipt)
