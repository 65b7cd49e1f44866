"""The linkage secret on its way from owner to owner: sealed, signed, bound to the agreement.

    signed = seal_secret(key, acting, to=public)
    signed.save(path)
    key = open_secret(path, acting)              a LinkageKey

Neither linker nor analyst may be an end of it. The key must have the check value that the agreement
names, so a receiver cannot be given another one than the parties agreed on.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel

from blindlink.errors import AgreementError, RefusedError, VerificationError
from blindlink.keys import LinkageKey, PartyPublic
from blindlink.keys.files import decode, encode
from blindlink.keys.public import SEALED_KEY
from blindlink.keys.strict import Base64
from blindlink.messages import canonical
from blindlink.messages.acting import Acting
from blindlink.messages.fields import STRICT, Digest, Fingerprint, Stamp, stamp
from blindlink.messages.signed import Signed

LIMIT = 64 * 1024


class Secret(BaseModel):
    """The envelope: who sends it to whom, for which agreement, and the sealed 32 bytes."""

    model_config = STRICT

    format: Literal["blindlink-secret-v1"] = "blindlink-secret-v1"
    agreement: Digest
    signer: Fingerprint
    recipient: Fingerprint
    created: Stamp
    sealed: Annotated[str, Base64(SEALED_KEY)]


def seal_secret(key: LinkageKey, acting: Acting, *, to: PartyPublic) -> Signed[Secret]:
    """The envelope for one owner.

    Raises AgreementError, RefusedError (no owner) or VerificationError (not the agreed key).
    """
    agreement, sender, terms = acting.agreement, acting.keys, acting.terms
    agreement.verify(acting.now, "agreement")
    for party in (terms.member(sender.public), terms.member(to)):
        _only_owners(party)
    if key.check_value() != terms.key_check:
        raise VerificationError(
            "linkage key: is not the one that the agreement names",
            hint="compare the check values in 'blindlink agreement show' and of the key file",
        )
    signer, recipient = sender.public.fingerprint(), to.fingerprint()
    info = _binding(agreement.digest(), signer, recipient)
    document = Secret(
        agreement=agreement.digest(),
        signer=signer,
        recipient=recipient,
        created=stamp(acting.now),
        sealed=encode(to.seal(key.secret, info)),
    )
    return Signed.make(document, sender)


def open_secret(path: Path, acting: Acting) -> LinkageKey:
    """The linkage key from an envelope that another owner sent.

    Raises FormatError, AgreementError (another agreement), VerificationError (signature, sealing,
    check value) or RefusedError (sent by or to somebody who is no owner).
    """
    agreement, keys = acting.agreement, acting.keys
    agreement.verify(acting.now, "agreement")
    terms, where = acting.terms, str(path)
    signed = Signed.load(path, Secret, limit=LIMIT)
    document = signed.document
    if document.agreement != agreement.digest():
        raise AgreementError(f"{where}: belongs to another agreement")
    sender = terms.by_fingerprint(document.signer)
    signed.verify(sender, where)
    for party in (sender, terms.member(keys.public)):
        _only_owners(party)
    info = _binding(document.agreement, document.signer, document.recipient)
    key = LinkageKey(keys.open(decode(document.sealed), info))
    if key.check_value() != terms.key_check:
        raise VerificationError(f"{where}: key: does not have the check value of the agreement")
    return key


def send_secret(
    key: LinkageKey, acting: Acting, to: str, out: Path, *, force: bool = False
) -> None:
    """Write the envelope for the owner named ``to``; see ``seal_secret``."""
    seal_secret(key, acting, to=acting.terms.party(to)).save(out, force=force)


def receive_secret(path: Path, acting: Acting, out: Path, *, force: bool = False) -> None:
    """Open an envelope and write the linkage key file; see ``open_secret``."""
    open_secret(path, acting).save(out, force=force)


def _only_owners(party: PartyPublic) -> None:
    if party.role != "owner":
        raise RefusedError(
            f"linkage secret: {party.name} is {party.role}, and only owners may hold it",
            hint="whoever holds the secret can re-identify people from their encodings",
        )


def _binding(agreement: str, sender: str, recipient: str) -> bytes:
    return canonical.dumps(
        {
            "agreement": agreement,
            "format": "blindlink-secret-v1",
            "recipient": recipient,
            "sender": sender,
        }
    )
