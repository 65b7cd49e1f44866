"""The report itself: metrics with traffic lights, as JSON and as text. No value of any person."""

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import rfc8785

if TYPE_CHECKING:
    from blindlink.owner.risk.waiver import Waiver

Light = Literal["green", "amber", "red", "none"]
FORMAT = "blindlink-risk-report-v2"
_WORST = {"none": 0, "green": 1, "amber": 2, "red": 3}


@dataclass(frozen=True)
class Metric:
    """One line of the report.

    ``family`` is what was measured or which attack was played, ``part`` on what: the filter, the
    attribute. ``value`` is what the light is given for. ``about`` says what the family is.
    """

    family: str
    part: str
    value: float
    light: Light
    text: str
    about: str = ""

    @property
    def name(self) -> str:
        """Unique in a report."""
        return f"{self.family}: {self.part}" if self.part else self.family


@dataclass(frozen=True)
class RiskReport:
    """All metrics; ``light`` is the worst of them. ``sample``: rows that were attacked.

    ``waiver`` says who accepted the red metrics; it is not part of the document and its digest.
    """

    rows: int
    sample: int
    schema_fingerprint: str
    metrics: tuple[Metric, ...]
    waiver: "Waiver | None" = None

    @property
    def light(self) -> Light:
        """The worst light."""
        lights = [metric.light for metric in self.metrics]
        return max(lights, key=lambda light: _WORST[light], default="none")

    @property
    def red(self) -> tuple[Metric, ...]:
        """The metrics that are red."""
        return tuple(metric for metric in self.metrics if metric.light == "red")

    def document(self) -> dict[str, Any]:
        """As JSON, numbers as decimal text of four places so that signed forms can hold it."""
        return {
            "format": FORMAT,
            "rows": self.rows,
            "sample": self.sample,
            "schema": self.schema_fingerprint,
            "light": self.light,
            "metrics": [
                {
                    "name": m.name,
                    "family": m.family,
                    "value": f"{m.value:.4f}",
                    "light": m.light,
                    "text": m.text,
                }
                for m in self.metrics
            ],
        }

    def digest(self) -> str:
        """SHA-256 of the canonical document, for the manifest of a submission."""
        return hashlib.sha256(rfc8785.dumps(self.document())).hexdigest()

    def text(self) -> str:
        """One page for people: every line that is not green, and the worst of each green family."""
        head = [f"{self.light.upper()}  {self.rows:,} rows, {self.sample:,} of them attacked"]
        if self.waiver is not None:
            head.append(f"accepted: {self.waiver.text()}")
        green = Counter(m.family for m in self.metrics if m.light == "green")
        lines = []
        for metric in self.metrics:
            count = green.pop(metric.family, 0) if metric.light == "green" else 1
            if count == 1:
                lines.append(f"{metric.light:6} {metric.name}: {metric.text}")
            elif count:
                worst = self._worst_green(metric.family)
                lines.append(
                    f"green  {metric.family}: {count} times; highest {worst.part}: {worst.text}"
                )
        return "\n".join(head + lines)

    def _worst_green(self, family: str) -> Metric:
        green = [m for m in self.metrics if m.family == family and m.light == "green"]
        return max(green, key=lambda metric: metric.value)


def light(value: float, green: float, amber: float) -> Light:
    """Green up to ``green``, amber up to ``amber``, red above."""
    if value <= green:
        return "green"
    return "amber" if value <= amber else "red"
