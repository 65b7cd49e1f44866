"""The life of an agreement after it was signed: how it ends, and that everybody knows.

    signed = make_notice(agreement, keys, "revoked", reason, now=now)   Signed[Notice]
    signed = load_notice(path, agreement, now=now)                      verified, or an error
    heed(keys_file, signed)           from now on these keys act under the agreement no more
    refuse_ended(keys_file, digest)   RefusedError for an agreement that has ended

Every party signed the agreement, so any one of them may take its signature back (``revoked``), or
say that its keys are known to others (``compromised``). ``destroyed`` ends nothing: it says how
much its signer erased. A later agreement that ``supersedes`` an earlier one ends that for whoever
signs it. What has ended is kept beside each party's key file (``messages.used``); the linker logs
it too.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from blindlink.errors import AgreementError, RefusedError, VerificationError
from blindlink.keys import PartyKeys
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.container.manifest import SKEW
from blindlink.messages.fields import STRICT, Digest, Fingerprint, Stamp, Text, moment, stamp
from blindlink.messages.signed import Signed
from blindlink.messages.used import read_used, write_used

Kind = Literal["revoked", "compromised", "destroyed"]
ENDS = ("revoked", "compromised")
SUPERSEDED = "superseded"


class Notice(BaseModel):
    """A party's word about an agreement. ``erased``: how many files, where some were destroyed."""

    model_config = STRICT

    format: Literal["blindlink-notice-v1"] = "blindlink-notice-v1"
    agreement: Digest
    kind: Kind
    reason: Text
    erased: Annotated[int, Field(ge=0, le=10**9)]
    created: Stamp
    signer: Fingerprint


def make_notice(
    agreement: SignedAgreement,
    keys: PartyKeys,
    kind: Kind,
    reason: str,
    *,
    erased: int = 0,
    now: datetime,
) -> Signed[Notice]:
    """Sign a notice about an agreement, expired or not.

    Raises AgreementError for keys that are no party of it, VerificationError for an altered one.
    """
    agreement.check_signatures("agreement")
    agreement.agreement.member(keys.public)
    document = Notice(
        agreement=agreement.digest(),
        kind=kind,
        reason=reason,
        erased=erased,
        created=stamp(now),
        signer=keys.public.fingerprint(),
    )
    return Signed.make(document, keys)


def load_notice(path: Path, agreement: SignedAgreement, *, now: datetime) -> Signed[Notice]:
    """A notice that a party of this agreement signed.

    Raises InputError, FormatError, AgreementError (of another agreement, or by a stranger) or
    VerificationError.
    """
    signed, where = Signed.load(path, Notice), str(path)
    agreement.check_signatures("agreement")
    if signed.document.agreement != agreement.digest():
        raise AgreementError(f"{where}: is about another agreement")
    signed.verify(agreement.agreement.by_fingerprint(signed.document.signer), where)
    if moment(signed.document.created) > now + SKEW:
        raise VerificationError(f"{where}: was signed in the future", hint="compare the clocks")
    return signed


def ended_of(keys: Path) -> Path:
    """Which agreements have ended for these keys, beside their file."""
    return keys.with_name(f"{keys.name}.ended")


def heed(keys: Path, notice: Signed[Notice]) -> bool:
    """Keep that the agreement has ended, if the notice says so. Raises OutputError."""
    ends = notice.document.kind in ENDS
    if ends:
        write_used(ended_of(keys), notice.document.agreement, notice.document.kind)
    return ends


def heed_supersession(keys: Path, agreement: SignedAgreement) -> None:
    """Who signs an agreement acts no more under the one that it supersedes."""
    earlier = agreement.agreement.supersedes
    if earlier is not None:
        write_used(ended_of(keys), earlier, SUPERSEDED)


def refuse_ended(keys: Path, agreement: str) -> None:
    """Raises RefusedError for an agreement (digest) that has ended for these keys."""
    word = read_used(ended_of(keys)).get(agreement)
    if word is not None:
        raise RefusedError(
            f"this agreement has ended: {word}",
            hint="a study goes on under a new version of the agreement, signed by all",
        )
