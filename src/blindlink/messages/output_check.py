"""An output checker's signed word: exactly these files may be published.

    check = make_check(files, audit, comments, signed, keys, now=now)     Signed[OutputCheck]
    check.save(path)
    checker = verify_check(check, files, audit, signed, where)            who signed; or an error

``files`` and ``audit`` are SHA-256 digests: of each file by its path, and of the audit record that
the checker read. A checker is named in the agreement and is none of its parties.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from blindlink.errors import AgreementError, VerificationError
from blindlink.keys import PartyKeys, PartyPublic
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.fields import STRICT, Digest, Fingerprint, Stamp, Text, stamp
from blindlink.messages.signed import Signed

FilePath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")
]


class OutputCheck(BaseModel):
    """What is signed. ``comments``: what the checker looked at and thought of it."""

    model_config = STRICT

    format: Literal["blindlink-output-check-v1"] = "blindlink-output-check-v1"
    agreement: Digest
    files: Annotated[dict[FilePath, Digest], Field(min_length=1, max_length=10_000)]
    audit: Digest
    comments: Text
    created: Stamp
    signer: Fingerprint


def make_check(
    files: Mapping[str, str],
    audit: str,
    comments: str,
    signed: SignedAgreement,
    keys: PartyKeys,
    *,
    now: datetime,
) -> Signed[OutputCheck]:
    """Sign as a checker; raises AgreementError for keys that the agreement names as none."""
    checker = signed.agreement.checker(keys.public.fingerprint())
    document = OutputCheck(
        agreement=signed.digest(),
        files=dict(files),
        audit=audit,
        comments=comments,
        created=stamp(now),
        signer=checker.fingerprint(),
    )
    return Signed.make(document, keys)


def verify_check(
    check: Signed[OutputCheck],
    files: Mapping[str, str],
    audit: str,
    signed: SignedAgreement,
    where: str,
) -> PartyPublic:
    """The checker who let exactly these files go.

    Raises AgreementError (another agreement, nobody's or no checker's signature) or
    VerificationError (altered, other files).
    """
    if check.document.agreement != signed.digest():
        raise AgreementError(f"{where}: made under another agreement")
    checker = signed.agreement.checker(check.document.signer)
    check.verify(checker, where)
    wanted = check.document.files
    changed = sorted(name for name in {*wanted, *files} if wanted.get(name) != files.get(name))
    if changed:
        raise VerificationError(
            f"{where}: {changed[0]} is not as {checker.name} signed it",
            hint="the checker has to look at the files as they are now, and sign again",
        )
    if check.document.audit != audit:
        raise VerificationError(f"{where}: the audit record is not the one that was checked")
    return checker
