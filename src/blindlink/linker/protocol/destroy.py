"""Ending a project: crypto-erasure.

Every project has linker keys of its own, kept out of backups. Without them no copy of a submission,
wherever it lies, opens again. The log says when, and its last signed head goes to whoever asks.
"""

from dataclasses import dataclass
from pathlib import Path

from blindlink.errors import RefusedError
from blindlink.files import erase_file
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.project import Project
from blindlink.messages.acting import Acting
from blindlink.messages.audit.history import DESTROYED
from blindlink.messages.used import read_used, write_used

HEAD = "final.head"


@dataclass(frozen=True)
class Destroyed:
    """``head``: the signed head of the log after the destruction; ``fresh``: it happened now."""

    head: Path
    fresh: bool


def destroy(place: Place, acting: Acting, key_file: Path, *, used: Path | None = None) -> Destroyed:
    """Log the destruction, write the last head into the project, erase the linker's key file.

    An expired agreement can be destroyed too. ``used``: what the keys served, where that is kept;
    keys of another project that is not destroyed are not erased: RefusedError. Raises
    AgreementError for keys or a project of another agreement, VerificationError, or OutputError
    when the key file cannot be erased.
    """
    acting.agreement.check_signatures("agreement")
    acting.terms.member(acting.keys.public, "linker")
    digest, head = acting.agreement.digest(), place.folder / HEAD
    if used is not None:
        _check_other(read_used(used), digest)
    with place.held(acting):
        desk = Project.load(place.folder, digest)
        fresh = desk.destroy(now=acting.now)
        desk.log.head(acting.keys, now=acting.now).save(head, force=True)
    if used is not None:
        write_used(used, digest, DESTROYED)
    erase_file(key_file)
    return Destroyed(head, fresh)


def _check_other(used: dict[str, str], agreement: str) -> None:
    open_ = [digest for digest, word in used.items() if word != DESTROYED and digest != agreement]
    if open_:
        raise RefusedError(
            f"these keys also serve the agreement {open_[0]}, and would be lost to it",
            hint="destroy that project first, or make keys for each project",
        )
