"""Taking one file in before the run: verified, logged, and a receipt for its owner.

The file itself stays where it is; the run is given it again. Memory does not grow with it: the
encodings are read through and not kept. A withdrawal is held against the submission that it is for:
one that is wrong is logged and receipted as refused, and no run stumbles over it.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from blindlink.errors import InputError, VerificationError
from blindlink.linker.protocol import intake
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.project import Project, make_folder
from blindlink.linker.protocol.ready import check_ready
from blindlink.messages.acting import Acting
from blindlink.messages.audit.withdrawal_receipt import Facts
from blindlink.messages.container import reader as container
from blindlink.messages.submission.withdrawal import WITHDRAWAL


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


def receive(
    file: Path,
    acting: Acting,
    place: Place,
    *,
    submission: Path | None = None,
) -> Received:
    """Verify a submission or a withdrawal and log it in the project's folder, made where there is
    none; the same file again changes nothing. ``submission`` is the one that a withdrawal is for.

    Raises InputError, FormatError, VerificationError, AgreementError or RefusedError (a replay, an
    old sequence number, frozen inputs); then nothing is logged, but for a withdrawal that does not
    fit its submission: that it was refused is logged, and its owner gets a receipt.
    """
    check_ready(acting.check("linker"))
    if container.kind_of(file) == WITHDRAWAL:
        if submission is None:
            raise InputError(
                f"{file}: a withdrawal is held against the submission that it is for",
                hint="give that file too: --submission",
            )
        return _withdrawal(file, submission, acting, place)
    with ExitStack() as stack:
        taken = intake.take(stack, file, acting, keep=False)
        make_folder(place.folder)
        stack.enter_context(place.held(acting))
        desk = Project.open(
            place.folder, acting.agreement.digest(), now=acting.now, entropy=acting.entropy
        )
        manifest, content = taken.bundle.manifest, taken.content
        receipt = desk.receive(
            taken.owner.name,
            manifest,
            content.sequence,
            content.rows,
            taken.rejected,
            acting,
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


def _withdrawal(file: Path, submission: Path, acting: Acting, place: Place) -> Received:
    message = intake.take_withdrawal(file, acting)
    owner, rows = message.owner.name, len(message.ids)
    agreement, digest = acting.agreement.digest(), message.manifest.digest()
    with ExitStack() as stack:
        taken = intake.take(stack, submission, acting, keep=False)
        stack.enter_context(place.held(acting))
        desk = Project.load(place.folder, agreement)
        state = desk.state()
        held = taken.bundle.manifest
        if owner not in state.current:
            raise VerificationError(f"{file}: no submission of {owner} was received")
        if state.digests[state.current[owner]] != held.digest():
            raise InputError(
                f"{submission}: is not the submission of {owner} that was received last",
                hint="give that one",
            )
        content = sha256(file.read_bytes()).hexdigest()
        facts = Facts(agreement, content, digest, "", rows, acting.now)
        try:
            intake.without(taken, [message])
        except VerificationError as error:
            desk.refuse_withdrawal(owner, facts, error, acting)
            raise
        desk.withdraw(owner, message.manifest, message.submission, rows, now=acting.now)
        receipt = desk.withdrawal_receipt(owner, facts, acting)
    return Received("withdrawal", owner, message.manifest.bundle, None, rows, 0, receipt)
