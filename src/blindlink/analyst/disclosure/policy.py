"""The disclosure policy: the data controller's rules for what may leave the secure room.

It is a JSON file that the controller writes and the agreement fixes; the analyst cannot loosen it.
There are no fractions in it, so that it can stand inside a signed document.
"""

import json
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from blindlink import validation
from blindlink.errors import FormatError, RefusedError
from blindlink.files import read_bytes
from blindlink.messages import canonical

LIMIT = 64 * 1024
VERSION: Final = "blindlink-disclosure-policy-1"


class Policy(BaseModel):
    """What the gate enforces. Counts are numbers of units (people, requirements, journeys)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: Literal["blindlink-disclosure-policy-1"] = VERSION
    controller: str = Field(
        default="", max_length=200, description="Who owns this policy and answers for it."
    )
    threshold: int = Field(
        default=5,
        ge=1,
        le=1000,
        description="Counts from 1 to one below this are not published; 1 switches the rule off.",
    )
    method: Literal["suppress", "round", "cell-key"] = Field(
        default="suppress",
        description="suppress: withhold what discloses and what would give it away. round: "
        "controlled rounding, so that tables still add up. cell-key: random noise.",
    )
    rounding: int | None = Field(
        default=None,
        ge=2,
        le=1000,
        description="Publish counts rounded to this multiple, and shares of the rounded counts. "
        "With the method round the threshold where absent.",
    )
    noise_most: int = Field(
        default=8,
        ge=1,
        le=1000,
        description="Cell-key: the most that the noise adds or takes away; at least the threshold.",
    )
    noise_variance: int = Field(
        default=9,
        ge=1,
        le=100000,
        description="Cell-key: the variance of the noise. It may be published.",
    )
    secondary: bool = Field(
        default=True,
        description="Suppress further counts until no total reveals a protected count.",
    )
    protection: int | None = Field(
        default=None,
        ge=1,
        le=10000,
        description="Least width of what an attacker may learn about a protected count, as the "
        "largest minus the smallest possible value; the threshold where absent, or with the method "
        "round one less than its base.",
    )
    group_disclosure: bool = Field(
        default=True,
        description="Also protect shares of exactly 0 % and 100 %, which say something about "
        "everybody in the group.",
    )
    extremes: bool = Field(
        default=False,
        description="Whether minima and maxima, which belong to single people, may be published.",
    )
    dominance_percent: int | None = Field(
        default=50,
        ge=1,
        le=100,
        description="Withhold a sum when its largest contribution exceeds this share of it.",
    )
    differencing: bool = Field(
        default=True,
        description="Compare with earlier releases: withhold counts that differ by less than the "
        "threshold, and what was withheld before.",
    )
    curve_steps: bool = Field(
        default=True,
        description="Let counts and curves along an axis (days) change only in steps of at least "
        "the threshold.",
    )

    @model_validator(mode="after")
    def _method_is_whole(self) -> Self:
        if self.method == "cell-key":
            if self.rounding is not None:
                raise ValueError("cell-key noise and rounding are two methods: choose one")
            if self.noise_most < self.threshold:
                raise ValueError("noise_most is below the threshold and would protect nothing")
            if self.noise_variance >= self.noise_most**2:
                raise ValueError("noise_variance is more than noise of noise_most can have")
        if self.method == "round" and (self.base < self.threshold or self.base - 1 < self.width):
            raise ValueError("rounding leaves less room than the protection level")
        return self

    @model_validator(mode="after")
    def _rounding_needs_a_threshold(self) -> Self:
        if self.rounding is not None and self.rounding < self.threshold // 2:
            raise ValueError("rounding is finer than half the threshold and would protect nothing")
        return self

    @property
    def width(self) -> int:
        """The protection level: see ``protection``. What controlled rounding prints as zero stands
        for 0 to one less than the base, and for no more."""
        if self.protection is not None:
            return self.protection
        return self.base - 1 if self.method == "round" else self.threshold

    @property
    def changes(self) -> bool:
        """Whether printed counts are others than the true ones."""
        return self.rounding is not None or self.method != "suppress"

    @property
    def base(self) -> int:
        """What controlled rounding rounds to."""
        return self.rounding or max(2, self.threshold)

    def document(self) -> dict[str, Any]:
        """The policy as it stands in its file, with every default spelt out."""
        return self.model_dump(mode="json")

    def digest(self) -> str:
        """SHA-256 of the canonical JSON (RFC 8785), as hex."""
        return canonical.digest(self.document())

    def weaker_than(self, other: "Policy") -> list[str]:
        """The rules in which this policy protects less than ``other``; empty when in none."""
        weaker = {
            "method": self.method != other.method,
            "noise_most": self.noise_most < other.noise_most,
            "noise_variance": self.noise_variance < other.noise_variance,
            "threshold": self.threshold < other.threshold,
            "rounding": (self.rounding or 0) < (other.rounding or 0),
            "protection": self.width < other.width,
            "secondary": other.secondary and not self.secondary,
            "group_disclosure": other.group_disclosure and not self.group_disclosure,
            "extremes": self.extremes and not other.extremes,
            "dominance_percent": (self.dominance_percent or 101) > (other.dominance_percent or 101),
            "differencing": other.differencing and not self.differencing,
            "curve_steps": other.curve_steps and not self.curve_steps,
        }
        return [name for name, is_weaker in weaker.items() if is_weaker]


def parse_policy(document: Any, *, source: str = "disclosure policy") -> Policy:
    """A policy from parsed JSON; raises FormatError that names the field."""
    try:
        return Policy.model_validate(document)
    except ValidationError as error:
        raise FormatError(
            f"{source}: {validation.first(error, Policy)}",
            hint="see schemas/disclosure-policy.json and docs/reference/disclosure-control.md",
        ) from None


def load_policy(path: Path) -> Policy:
    """Read a policy file; raises InputError when unreadable, FormatError when malformed."""
    data = read_bytes(path, limit=LIMIT)
    try:
        document = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise FormatError(f"{path}: is not JSON", hint="the policy is one JSON object") from None
    return parse_policy(document, source=str(path))


def agreed_policy(agreed: Any, wanted: Policy | None) -> Policy:
    """The policy to apply: the agreement's, or a stricter one. Raises RefusedError, FormatError."""
    base = parse_policy(agreed, source="the cohort's disclosure policy") if agreed else None
    if wanted is None:
        return base or Policy()
    weaker = wanted.weaker_than(base) if base else []
    if weaker:
        raise RefusedError(
            f"the policy is weaker than the agreed one in: {', '.join(weaker)}",
            hint="leave --policy away, or ask the data controller to sign another policy",
        )
    return wanted


def schema() -> dict[str, Any]:
    """The JSON Schema of the policy file, as it stands in ``schemas/disclosure-policy.json``."""
    body = Policy.model_json_schema()
    body.update(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "disclosure-policy.json",
            "title": "blindlink disclosure policy",
            "description": "Rules of the data controller for what may be published.",
        }
    )
    return body
