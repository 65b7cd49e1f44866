"""Signed heads of the linker's audit log, for those who keep them."""

from datetime import datetime
from pathlib import Path

from blindlink.files import check_output
from blindlink.keys import PartyKeys
from blindlink.linker.protocol.project import Project
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.audit.log import Head
from blindlink.messages.signed import Signed


def write_head(
    project: Path,
    agreement: SignedAgreement,
    keys: PartyKeys,
    out: Path,
    *,
    now: datetime,
    force: bool = False,
) -> Signed[Head]:
    """Sign the log of a project as it is now; an expired agreement has a log too.

    Raises VerificationError or AgreementError, InputError or FormatError (no such project) or
    OutputError.
    """
    agreement.check_signatures("agreement")
    agreement.agreement.member(keys.public, "linker")
    check_output(out, force=force)
    head = Project.load(project, agreement.digest()).log.head(keys, now=now)
    head.save(out, force=force)
    return head
