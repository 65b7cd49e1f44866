"""The data-sharing agreement as a document that every party signs and everything else binds.

    agreement = Agreement(...)                       constructors validate: no half-valid one exists
    signed = SignedAgreement.unsigned(agreement)     then sign(signed, keys, now=now) by every party
    signed.save(path)
    signed = load_agreement(path, now=now)           verified completely, or an error:
                                                     FormatError, AgreementError, VerificationError
    signed.agreement.party("moj")                    by name, or by role where only one has it
    signed.agreement.member(keys.public)             that party, or AgreementError: foreign keys
    signed.digest()                                  SHA-256, 64 hex digits: what others bind

``read_agreement(path)`` reads one that is not signed by all yet: to show, check or sign it, never
to act on it. The file is canonical JSON {"agreement": .., "signatures": {party: ..}} and a line
feed.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from blindlink.errors import AgreementError, VerificationError
from blindlink.files import read_bytes, write_bytes
from blindlink.keys import PartyKeys, PartyPublic, Signatures
from blindlink.messages import canonical
from blindlink.messages.agreement.terms import FORMAT, Agreement, Limits, Waiver
from blindlink.messages.container.manifest import SKEW
from blindlink.messages.fields import STRICT, Name, moment, parse
from blindlink.messages.signed import line

LIMIT = canonical.LIMIT

__all__ = [
    "Agreement",
    "Limits",
    "SignedAgreement",
    "Waiver",
    "load_agreement",
    "read_agreement",
    "sign",
]


class _File(BaseModel):
    model_config = STRICT

    agreement: dict[str, Any]
    signatures: dict[Name, Signatures]


@dataclass(frozen=True)
class SignedAgreement:
    """An agreement with the signatures that it has so far, by party name."""

    agreement: Agreement
    signatures: dict[str, Signatures]

    @classmethod
    def unsigned(cls, agreement: Agreement) -> "SignedAgreement":
        """The agreement before anybody signed it."""
        return cls(agreement, {})

    def digest(self) -> str:
        """SHA-256 of the agreement without its signatures."""
        return self.agreement.digest()

    def missing(self) -> list[str]:
        """The names of the parties that have not signed, in the order of the agreement."""
        return [p.name for p in self.agreement.parties if p.name not in self.signatures]

    def to_bytes(self) -> bytes:
        """The canonical bytes of agreement and signatures."""
        given = {name: self.signatures[name].model_dump() for name in sorted(self.signatures)}
        return canonical.dumps({"agreement": self.agreement.document(), "signatures": given})

    def save(self, path: Path, *, force: bool = False) -> None:
        """Write the agreement file; raises OutputError."""
        write_bytes(path, self.to_bytes() + b"\n", force=force)

    def check_signatures(self, where: str) -> None:
        """Raises VerificationError for a signature that does not fit or is of a stranger."""
        data = self.agreement.to_bytes()
        for name, signatures in sorted(self.signatures.items()):
            if name not in self.agreement.names:
                raise VerificationError(f"{where}: signature of {name}: is no party")
            try:
                self.agreement.party(name).verify(data, signatures, domain=FORMAT)
            except VerificationError as error:
                raise VerificationError(f"{where}: {error.message}") from None

    def check_time(self, now: datetime, where: str) -> None:
        """Raises AgreementError when the agreement is not in force at ``now``."""
        if now >= moment(self.agreement.expires):
            raise AgreementError(f"{where}: agreement: expired at {self.agreement.expires}")
        if now + SKEW < moment(self.agreement.created):
            raise AgreementError(
                f"{where}: agreement: made in the future, at {self.agreement.created}",
                hint="compare the clocks",
            )

    def verify(self, now: datetime, where: str) -> None:
        """Raises unless every party signed exactly this agreement and it is in force."""
        self.check_signatures(where)
        if missing := self.missing():
            raise AgreementError(
                f"{where}: agreement: not signed by {', '.join(missing)}",
                hint="each party signs it with 'blindlink agreement sign'",
            )
        self.check_time(now, where)


def read_agreement(path: Path) -> SignedAgreement:
    """Read an agreement without believing its signatures; raises InputError or FormatError."""
    return parse_agreement(line(read_bytes(path, limit=LIMIT), str(path)), str(path))


def parse_agreement(data: bytes, where: str) -> SignedAgreement:
    """Read canonical bytes; raises FormatError that names ``where``."""
    file = parse(_File, canonical.loads(data, where, limit=LIMIT), where)
    agreement = parse(Agreement, file.agreement, f"{where}: agreement")
    return SignedAgreement(agreement, file.signatures)


def load_agreement(path: Path, *, now: datetime) -> SignedAgreement:
    """Read an agreement that every party signed and that is in force at ``now``.

    Raises InputError (unreadable), FormatError (malformed), VerificationError (altered, signed
    by a stranger) or AgreementError (unsigned, expired).
    """
    signed = read_agreement(path)
    signed.verify(now, str(path))
    return signed


def sign(signed: SignedAgreement, keys: PartyKeys, *, now: datetime) -> SignedAgreement:
    """The agreement with the signature of ``keys`` added.

    Raises AgreementError when ``keys`` are no party, have signed already or the agreement is not in
    force, and VerificationError when an earlier signature does not fit.
    """
    name = signed.agreement.member(keys.public).name
    signed.check_signatures("agreement")
    signed.check_time(now, "sign")
    if name in signed.signatures:
        raise AgreementError(f"agreement: {name} has signed it already")
    own = keys.sign(signed.agreement.to_bytes(), domain=FORMAT)
    return SignedAgreement(signed.agreement, {**signed.signatures, name: own})


def sign_file(
    path: Path, keys: PartyKeys, out: Path, *, now: datetime, force: bool = False
) -> SignedAgreement:
    """Read an agreement, add the signature of ``keys`` and write it to ``out``; see ``sign``."""
    signed = sign(read_agreement(path), keys, now=now)
    signed.save(out, force=force)
    return signed


def check_agreement(path: Path, party: Path | None, *, now: datetime) -> SignedAgreement:
    """``load_agreement``, and AgreementError unless the public party file takes part in it."""
    signed = load_agreement(path, now=now)
    if party is not None:
        signed.agreement.member(PartyPublic.load(party))
    return signed
