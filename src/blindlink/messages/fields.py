"""Fields that every signed format uses, and the one way to read a model from canonical JSON."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from blindlink.errors import FormatError
from blindlink.keys.strict import Name, Text, problem
from blindlink.messages import canonical

Model = TypeVar("Model", bound=BaseModel)
STRICT = ConfigDict(frozen=True, extra="forbid", strict=True)

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, 64 lower-case hex digits."""

BundleId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""128 random bits, 32 lower-case hex digits."""

KeyCheck = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
"""The check value of a linkage key."""

Fingerprint = Annotated[str, StringConstraints(pattern=r"^[a-z2-7]{5}(-[a-z2-7]{5}){4}$")]
"""A party's fingerprint, five groups of five."""

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def stamp(now: datetime) -> str:
    """A moment as UTC text to the second, "2026-11-23T03:14:41Z"."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """The moment that ``stamp`` wrote; raises ValueError for any other spelling."""
    if not _STAMP.fullmatch(text):
        raise ValueError("not a moment like 2026-11-23T03:14:41Z")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _stamp(text: str) -> str:
    moment(text)
    return text


Stamp = Annotated[
    str, AfterValidator(_stamp), Field(json_schema_extra={"pattern": f"^{_STAMP.pattern}$"})
]
"""A moment in UTC to the second."""


def parse(model: type[Model], value: Any, where: str) -> Model:
    """``value`` (from canonical.loads) as a model; raises FormatError that names ``where``.

    Read as JSON, where arrays fit tuples; everything else keeps the strict types.
    """
    try:
        found = model.model_validate_json(canonical.dumps(value))
    except ValidationError as error:
        raise FormatError(f"{where}: {problem(error)}") from None
    if found.model_dump(mode="json") != value:
        raise FormatError(f"{where}: a field is left out or spelt in another way")
    return found


__all__ = [
    "STRICT",
    "BundleId",
    "Digest",
    "Fingerprint",
    "KeyCheck",
    "Name",
    "Stamp",
    "Text",
    "moment",
    "parse",
    "stamp",
]
