"""The JSON of requests and answers."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from blindlink.messages.fields import stamp
from blindlink.service.problems import Problem

Hex32 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
PersonId = Annotated[str, StringConstraints(pattern=r"^(operator|auditor)-[0-9a-f]{32}$")]
Hex64 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Limit = Annotated[int, Field(ge=1, le=200, description="How many at most.")]
After = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_-]{0,16}$", description="The token `next` of the last page.")
]

STRICT = ConfigDict(extra="forbid", strict=True)


def token(position: int | None) -> str | None:
    """A page token. What it holds is nobody's business and may change."""
    if position is None:
        return None
    return urlsafe_b64encode(position.to_bytes(6, "big")).decode().rstrip("=")


def position(text: str) -> int:
    """Where a page begins. Raises Problem (422)."""
    if not text:
        return 0
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        data = b""
    found = int.from_bytes(data, "big")
    if len(data) != 6 or found >= 2**31 or token(found) != text:
        raise Problem(422, "unprocessable", "after: is no token of a page")
    return found


def moment(seconds: float | None) -> str | None:
    """Seconds since 1970 as the formats write moments."""
    return None if seconds is None else stamp(datetime.fromtimestamp(seconds, UTC))


class ProblemDetails(BaseModel):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str | None = None


class ProjectView(BaseModel):
    """A project. `state` (open, frozen, queued, running, released, refused, failed, destroyed, or
    broken where its log cannot be read) is not for owners: they learn whether it still takes
    submissions."""

    id: Hex64
    name: str
    version: int
    role: str
    accepting: bool
    expires: str | None
    destroy_by: str | None
    state: str | None = None


class ProjectPage(BaseModel):
    """Projects in the order they were opened."""

    items: list[ProjectView]
    next: str | None = None


class UploadRequest(BaseModel):
    """A file to come: its kind, its bytes and its SHA-256."""

    model_config = STRICT

    kind: Literal["submission", "withdrawal"]
    size: Annotated[int, Field(ge=1, le=2**48)]
    digest: Hex64


class UploadView(BaseModel):
    """An upload. `state`: receiving, received (all bytes are here), accepted, refused (see
    `reason`), replaced (by a later submission), cancelled, failed (send it again)."""

    id: Hex32
    owner: str
    kind: str
    size: int
    digest: Hex64
    offset: int
    state: str
    error: str | None = None
    reason: str | None = None
    bundle: str | None = None
    receipt: bool
    created: str | None
    arrived: str | None = None


class UploadPage(BaseModel):
    """Uploads in the order they were begun."""

    items: list[UploadView]
    next: str | None = None


class RunView(BaseModel):
    """The run. `state`: queued, running, released, refused, failed (may be asked for again)."""

    state: str
    stage: str
    done: int
    total: int
    reason: str | None = None
    asked: str | None
    ended: str | None = None
    release_bytes: int | None = None
    release_digest: str | None = None


class Confirmation(BaseModel):
    """The project's id once more, so that nobody destroys by a slip."""

    model_config = STRICT

    confirm: Hex64


class PersonRequest(BaseModel):
    """Somebody to be registered, by the public half of a key (Ed25519, hex)."""

    model_config = STRICT

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}$")]
    role: Literal["operator", "auditor"]
    key: Hex64


class PersonView(BaseModel):
    """A person. `by`: who let it in."""

    keyid: str
    name: str
    role: str
    by: str
    since: str | None = None
    until: str | None = None


class PeopleView(BaseModel):
    """Everybody who operates or audits, or did."""

    items: list[PersonView]


class ApprovalsView(BaseModel):
    """How many people gave their word for an act, and how many it wants."""

    act: str
    given: int
    wanted: int


class SessionView(BaseModel):
    """A browser that is signed in."""

    since: str | None
    seen: str | None
    expires: str | None


class SessionsView(BaseModel):
    """The caller's own browsers."""

    items: list[SessionView]


class CustodianRequest(BaseModel):
    """Somebody who holds a copy of the linker's key: its name and its Ed25519 public key."""

    model_config = STRICT

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$")]
    holder: Hex64


class HoldRequest(BaseModel):
    """Whether there is a legal hold."""

    model_config = STRICT

    hold: bool


class LostRequest(BaseModel):
    """A custodian who cannot sign any more."""

    model_config = STRICT

    holder: Hex64


class HolderView(BaseModel):
    """Who holds the linker's key, and whether it signed that its copy is erased."""

    holder: Hex64
    name: str
    copy_elsewhere: bool
    attested: bool


class EndView(BaseModel):
    """How far the end of a project is. `lost` and `hold` are said by people."""

    due: bool
    grace_left: int | None
    hold: bool
    begun: bool
    destroyed: bool
    holders: list[HolderView]


class EntryView(BaseModel):
    """An entry of the audit log."""

    index: int
    time: str
    event: str
    details: dict[str, Any]


class EntryPage(BaseModel):
    """Entries in their order."""

    items: list[EntryView]
    next: str | None = None


class HeadsView(BaseModel):
    """For which sizes of the log there is a signed head that the caller may see."""

    log: Hex32
    sizes: list[int]


class SignInView(BaseModel):
    """A one-time code for the console, and the page where it is given in."""

    code: str
    address: str
    expires: str | None
