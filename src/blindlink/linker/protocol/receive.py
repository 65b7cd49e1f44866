"""Taking one file in before the run: verified, logged, and a receipt for its owner.

The file itself stays where it is; the run is given it again. Memory does not grow with it: the
encodings are read through and not kept.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from blindlink.errors import VerificationError
from blindlink.linker.protocol import intake
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.project import Project, make_folder
from blindlink.linker.protocol.ready import check_ready
from blindlink.messages.acting import Acting
from blindlink.messages.container import reader as container
from blindlink.messages.submission.withdrawal import WITHDRAWAL


@dataclass(frozen=True)
class Received:
    """What was taken in: a ``submission`` or a ``withdrawal``, by bundle id.

    ``rejected``: rows of a submission that cannot match anybody; ``receipt``: of a submission only.
    """

    kind: str
    owner: str
    bundle_id: str
    sequence: int | None
    rows: int
    rejected: int
    receipt: Path | None


def receive(
    file: Path,
    acting: Acting,
    place: Place,
) -> Received:
    """Verify a submission or a withdrawal and log it in the project's folder, made where there is
    none; the same file again changes nothing.

    Raises InputError, FormatError, VerificationError, AgreementError or RefusedError (a replay, an
    old sequence number, frozen inputs); then nothing is logged.
    """
    check_ready(acting.check("linker"))
    if container.kind_of(file) == WITHDRAWAL:
        return _withdrawal(file, acting, place)
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


def _withdrawal(file: Path, acting: Acting, place: Place) -> Received:
    message = intake.take_withdrawal(file, acting)
    owner, rows = message.owner.name, len(message.ids)
    with place.held(acting):
        desk = Project.load(place.folder, acting.agreement.digest())
        if desk.state().current.get(owner) != message.submission:
            raise VerificationError(
                f"withdrawal of {owner}: is for another submission of this owner",
                hint="the owner makes a new one from the row map of its latest submission",
            )
        desk.withdraw(owner, message.manifest, message.submission, rows, now=acting.now)
    return Received("withdrawal", owner, message.manifest.bundle, None, rows, 0, None)
