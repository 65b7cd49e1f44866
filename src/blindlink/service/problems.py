"""Problem details (RFC 9457): what a refused client is told, and never more.

``Problem`` is raised anywhere behind the API; ``of_error`` says what an error of blindlink means in
HTTP. A detail names a place or a rule, never a value, and nothing about matches.
"""

from typing import Any

from blindlink.errors import (
    AgreementError,
    BlindlinkError,
    FormatError,
    InputError,
    KeyFileError,
    RefusedError,
    ServiceError,
    VerificationError,
)

PREFIX = "urn:blindlink:problem:"
IANA = "https://iana.org/assignments/http-problem-types#"

TITLES = {
    "malformed": "The request is malformed",
    "not-authenticated": "The request is not signed as it must be",
    "not-allowed": "Your role may not do this",
    "not-found": "There is nothing here for you",
    "no-such-method": "The method is not known here",
    "conflict": "The request does not fit the present state",
    "too-large": "The body is larger than allowed",
    "length-required": "The body must say its length",
    "unsupported-media-type": "The body is not of the type that is wanted",
    "misdirected": "The request was meant for another service",
    "unprocessable": "The document is refused",
    "agreement": "The agreement is not in force",
    "idempotency-key-reused": "The idempotency key was used for another request",
    "too-many-requests": "Too many requests",
    "too-slow": "The body came too slowly",
    "range": "The range cannot be had",
    "unavailable": "The service cannot do this now",
    "no-room": "The service has no room",
    "fault": "A fault of the service",
    "mismatching-upload-offset": "The offset is not the one that comes next",
    "completed-upload": "The upload is complete already",
}


class Problem(Exception):  # noqa: N818 - the RFC's own word
    """A refusal with its HTTP status. ``cause`` is for the log only."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str = "",
        *,
        cause: str = "",
        headers: dict[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(kind)
        self.status, self.kind, self.detail = status, kind, detail
        self.cause, self.headers, self.extra = cause or detail or kind, headers or {}, extra

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        iana = self.kind in ("mismatching-upload-offset", "completed-upload")
        found = {
            "type": (IANA if iana else PREFIX) + self.kind,
            "title": TITLES[self.kind],
            "status": self.status,
        }
        if self.detail:
            found["detail"] = self.detail
        return {**found, **{name.replace("_", "-"): value for name, value in self.extra.items()}}


def not_found(cause: str = "") -> Problem:
    """The one answer for what does not exist and for what is not the caller's to see."""
    return Problem(404, "not-found", cause=cause or "unknown or not a member")


def of_error(error: BlindlinkError) -> Problem:
    """What an error of the product means to a client."""
    if isinstance(error, AgreementError):
        return Problem(403, "agreement", error.message)
    if isinstance(error, RefusedError):
        return Problem(409, "conflict", error.message)
    if isinstance(error, FormatError | VerificationError | InputError):
        return Problem(422, "unprocessable", error.message)
    if isinstance(error, KeyFileError):
        return Problem(503, "unavailable", "no worker holds the linker's keys of this agreement")
    if isinstance(error, ServiceError):  # a clock, a storage: it may be well again in a minute
        return Problem(503, "unavailable", cause=type(error).__name__)
    return Problem(500, "fault", cause=type(error).__name__)
