"""Signed heads of the linker's audit log, for those who keep them."""

from pathlib import Path

from blindlink.files import check_output
from blindlink.linker.protocol.project import Project
from blindlink.messages.acting import Acting
from blindlink.messages.audit.log import Head
from blindlink.messages.signed import Signed


def write_head(project: Path, acting: Acting, out: Path, *, force: bool = False) -> Signed[Head]:
    """Sign the log of a project as it is now; an expired agreement has a log too.

    Raises VerificationError or AgreementError, InputError or FormatError (no such project) or
    OutputError.
    """
    acting.agreement.check_signatures("agreement")
    acting.terms.member(acting.keys.public, "linker")
    check_output(out, force=force)
    log = Project.load(project, acting.agreement.digest()).log
    head = log.head(acting.keys, now=acting.now)
    head.save(out, force=force)
    return head
