"""Who accepted a red report: a small TOML or JSON file.

    format = "blindlink-risk-waiver-v1"
    accepted_by = "Name of a person"
    role = "What entitles this person to accept the risk"
    date = 2026-03-31
    reason = "Why the encodings are sent all the same"
    schema = "fingerprint of the linkage schema, 64 hex digits"
    metrics = ["principal components", "naive Bayes: filter 1, sex, 500 known"]

``metrics`` names what is accepted: a family of metrics or one of them, as the report names them;
or ``report`` is the digest of the one report that is accepted. ``expires`` may name a last day.
"""

import datetime as dt
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from blindlink import validation
from blindlink.errors import InputError, RiskError
from blindlink.files import read_bytes
from blindlink.owner.risk.report import Metric, RiskReport

_LIMIT, _SHOWN = 1 << 16, 5
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=1000)]
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Waiver(BaseModel):
    """Who accepts which red metrics, in which role, when and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["blindlink-risk-waiver-v1"]
    accepted_by: Text
    role: Text
    date: dt.date
    reason: Text
    schema_fingerprint: Digest = Field(alias="schema")
    metrics: tuple[Text, ...] = Field(default=(), max_length=1000)
    report: Digest | None = None
    expires: dt.date | None = None

    @model_validator(mode="after")
    def _says_what(self) -> "Waiver":
        if bool(self.metrics) == (self.report is not None):
            raise ValueError("needs either metrics or report: what is accepted")
        if self.expires is not None and self.expires < self.date:
            raise ValueError("expires before its date")
        return self

    def covers(self, metric: Metric) -> bool:
        """Whether it names this metric or its family."""
        return metric.name in self.metrics or metric.family in self.metrics

    def text(self) -> str:
        """Who and why, for the report."""
        return f"{self.accepted_by}, {self.role}, {self.date.isoformat()}: {self.reason}"


def read_waiver(path: Path) -> Waiver:
    """Read a waiver, TOML or JSON (by its ending). Raises InputError naming every wrong field."""
    try:
        text = read_bytes(path, limit=_LIMIT).decode("utf-8-sig")
        found = json.loads(text) if path.name.lower().endswith(".json") else tomllib.loads(text)
    except (ValueError, RecursionError):
        raise _wrong(path, "is not TOML (or, where it ends in .json, JSON)") from None
    try:
        return Waiver.model_validate(found)
    except ValidationError as error:
        raise _wrong(path, "; ".join(_problem(each) for each in error.errors())) from None


def accepted(report: RiskReport, waiver: Waiver | None, today: dt.date) -> None:
    """Raises RiskError where the report is red and the waiver does not cover all of it."""
    if report.light != "red":
        return
    red = list(report.red)
    if waiver is None:
        raise RiskError(f"the disclosure-risk report is red: {_listed(red)}")
    if waiver.schema_fingerprint != report.schema_fingerprint:
        raise _refused("is for another linkage schema")
    if waiver.date > today:
        raise _refused("is dated in the future")
    if waiver.expires is not None and waiver.expires < today:
        raise _refused(f"expired on {waiver.expires.isoformat()}")
    if waiver.report is not None and waiver.report != report.digest():
        raise _refused("is for another report")
    left = [] if waiver.report else [metric for metric in red if not waiver.covers(metric)]
    if left:
        raise RiskError(
            f"the disclosure-risk report is red beyond what the waiver accepts: {_listed(left)}"
        )


def _listed(metrics: list[Metric]) -> str:
    more = f" and {len(metrics) - _SHOWN} more" if len(metrics) > _SHOWN else ""
    return "; ".join(metric.name for metric in metrics[:_SHOWN]) + more


def _refused(why: str) -> RiskError:
    return RiskError(f"the disclosure-risk report is red, and the waiver {why}")


def _problem(error: Any) -> str:
    said = validation.words(error, Waiver)
    return f"{validation.place(error['loc'])}: {said}" if error["loc"] else said


def _wrong(path: Path, problem: str) -> InputError:
    return InputError(
        f"{path}: {problem}",
        hint="docs/how-to/read-the-risk-report.md shows what a waiver looks like",
    )
