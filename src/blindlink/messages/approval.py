"""One person's signed word for an act that wants more than one.

    word = Approval.make(statement, sign)        by the person's own key, which no service has
    word.verify(key, where)                      VerificationError unless that key signed it

It stands in the project's log beside the person's name and key, so that whoever holds a head can
show later who let a run start, a release go out, or a project end.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, StringConstraints

from blindlink.errors import VerificationError
from blindlink.messages import canonical
from blindlink.messages.fields import BundleId, Digest, Stamp, stamp

EVENT = "approved"
DOMAIN = b"blindlink-approval-v1\0"
FIELDS = ConfigDict(frozen=True, extra="forbid")


class Act(StrEnum):
    """What people let happen."""

    RUN = "run"
    RELEASE = "release"
    DESTROY = "destroy"
    HOLD = "hold"
    END_HOLD = "end-hold"
    GIVE_UP = "give-up"  # a custodian who is lost


class Statement(BaseModel):
    """``person``: the keyid with which requests are signed."""

    model_config = FIELDS

    format: Literal["blindlink-approval-v1"] = "blindlink-approval-v1"
    agreement: Digest
    log: BundleId
    act: Act
    person: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{8,64}$")]
    time: Stamp

    def signed_bytes(self) -> bytes:
        """What the person signs."""
        return DOMAIN + canonical.dumps(self.model_dump(mode="json"))


class Approval(BaseModel):
    """A statement and its Ed25519 signature in hex."""

    model_config = FIELDS

    statement: Statement
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")]

    @classmethod
    def make(cls, statement: Statement, sign: Callable[[bytes], bytes]) -> "Approval":
        """Sign a statement with the person's key."""
        return cls(statement=statement, signature=sign(statement.signed_bytes()).hex())

    def verify(self, key: Ed25519PublicKey, where: str) -> None:
        """Raises VerificationError unless ``key`` signed it."""
        try:
            key.verify(bytes.fromhex(self.signature), self.statement.signed_bytes())
        except InvalidSignature:
            raise VerificationError(f"{where}: the person did not sign this") from None


def statement(agreement: str, log: str, act: Act, person: str, now: datetime) -> Statement:
    """What somebody says to let an act happen now."""
    return Statement(agreement=agreement, log=log, act=act, person=person, time=stamp(now))
