"""A party's notice about the agreement, entered in the log of its project."""

from datetime import datetime
from pathlib import Path

from blindlink.keys import PartyKeys
from blindlink.linker.protocol.lock import locked
from blindlink.linker.protocol.project import Project
from blindlink.linker.protocol.witness import witnessed
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.agreement.notice import Notice
from blindlink.messages.signed import Signed


def log_notice(
    notice: Signed[Notice],
    agreement: SignedAgreement,
    keys: PartyKeys,
    project: Path,
    *,
    witness: Path | None = None,
    now: datetime,
) -> bool:
    """Log a notice that was verified; False when it was logged before.

    Raises AgreementError for keys or a project of another agreement, VerificationError or
    OutputError.
    """
    agreement.agreement.member(keys.public, "linker")
    party = agreement.agreement.by_fingerprint(notice.document.signer).name
    with locked(project), witnessed(project, witness, keys, now):
        return Project.load(project, agreement.digest()).note(notice, party, now=now)
