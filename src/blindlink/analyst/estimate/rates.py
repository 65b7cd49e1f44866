"""Error rates of a linkage, each with what it rests on: measured, assumed, or only bounded.

A rate that counts were made for is *measured* (from what, on how many); one that somebody states is
*assumed* (by whom, in which range); one of which only the ends are known is *bounded*, and then no
corrected figure is given. A prior is never called a measurement.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from blindlink.arrays import Floats
from blindlink.errors import FormatError, InputError, MissingExtraError
from blindlink.messages.linkage_report import parse_report

Basis = Literal["measured", "assumed", "bounded"]
Range = tuple[float, float, float]  # value, and the ends of its 95 % range
RATES = ("false_link", "sensitivity", "precision", "delta")
_Z = 1.959964


def beta_parameters(value: float, low: float, high: float) -> tuple[float, float]:
    """Alpha and beta of the Beta distribution with this mean and a 95 % range as wide as given.

    By moments: standard deviation = (high - low) / (2 x 1.96). Raises ValueError when no such
    distribution exists.
    """
    variance = ((high - low) / (2 * _Z)) ** 2
    size = math.inf if variance == 0 else value * (1 - value) / variance - 1
    if not 0 < size < math.inf:
        raise ValueError("the range is too wide for its mean, or empty")
    return value * size, (1 - value) * size


@dataclass(frozen=True)
class Rate:
    """One rate with its 95 % range, its basis and its source in words.

    ``beta``: parameters of its distribution, None for a fixed, a bounded or an unlimited rate.
    """

    value: float
    low: float
    high: float
    basis: Basis
    source: str
    beta: tuple[float, float] | None = None

    def draw(self, size: int, generator: np.random.Generator) -> Floats:
        """Draws of the rate, shape (size,); NaN where it is only bounded."""
        if self.beta is not None:
            return generator.beta(*self.beta, size)
        spread = (self.high - self.low) / (2 * _Z)
        return np.asarray(generator.normal(self.value, spread, size))

    def text(self) -> str:
        """What it rests on, for people."""
        at = "" if math.isnan(self.value) else f"{self.value:.3g}, "
        return f"{self.basis}: {at}{self.low:.3g} to {self.high:.3g} ({self.source})"


@dataclass(frozen=True, repr=False)
class ErrorRates:
    """What is known about the errors of a linkage. Combine with ``|``: what is on the right wins.

    ``false_link``: the probability that a left record without an accepted true partner is linked to
    a stranger. ``sensitivity``: that a true partner is found and accepted. ``precision``: that a
    link is right. ``delta``: log odds of being found for records that count, over those of all; 0,
    unless said, which is an assumption. None: nothing is known.
    """

    false_link: Rate | None = None
    sensitivity: Rate | None = None
    precision: Rate | None = None
    delta: Rate | None = None
    column: str | None = None
    levels: Mapping[str, "ErrorRates"] = field(default_factory=dict)

    @classmethod
    def from_controls(cls, linked: int, number: int) -> Self:
        """False links measured: so many of ``number`` records that have no partner were linked."""
        source = f"{linked:,} of {number:,} control records linked"
        return cls(false_link=_measured(linked, number, source))

    @classmethod
    def from_known_pairs(cls, found: int, number: int) -> Self:
        """Sensitivity measured: so many of ``number`` pairs that are known to be true were found.

        It holds for people like those with a known partner: see to it that they are.
        """
        source = f"{found:,} of {number:,} pairs known to be true were found"
        return cls(sensitivity=_measured(found, number, source))

    @classmethod
    def from_clerical(cls, right: int, checked: int) -> Self:
        """Precision measured: so many of ``checked`` links, drawn at random, were right."""
        source = f"{right:,} of {checked:,} links checked by people were right"
        return cls(precision=_measured(right, checked, source))

    @classmethod
    def from_prior(cls, *, source: str, **rates: Range) -> Self:
        """Rates assumed: each as (value, low, high) of a 95 % range, and where they come from."""
        _check_source(source)
        made: dict[str, Any] = {
            _known(name): _assumed(name, rate, source) for name, rate in rates.items()
        }
        return cls(**made)

    @classmethod
    def from_bounds(cls, *, source: str, **rates: tuple[float, float]) -> Self:
        """Rates bounded: each as (low, high). Figures then have bounds and no corrected value."""
        _check_source(source)
        made: dict[str, Any] = {}
        for name, (low, high) in rates.items():
            if not low <= high or (name != "delta" and not 0 <= low <= high <= 1):
                raise InputError(f"{name}: {low:g} to {high:g} is no range of a rate")
            made[_known(name)] = Rate(math.nan, low, high, "bounded", source)
        return cls(**made)

    @classmethod
    def from_report(cls, report: Any) -> Self:
        """What a linkage report expects of false links, sensitivity and precision, by its model.

        ``report``: ``links.report``, or the path of a report in JSON. These figures follow from a
        score model and its priors without truth, so they count as assumed. Raises InputError.
        """
        if isinstance(report, str | Path):
            try:
                report = parse_report(Path(report).read_bytes())
            except (OSError, FormatError):
                raise InputError(f"{report}: no linkage report in JSON") from None
        names = {"false_link": "false_link_rate", "sensitivity": "sensitivity"}
        made: dict[str, Any] = {}
        for name, theirs in (names | {"precision": "precision"}).items():
            found = getattr(report, theirs, None)
            if found is not None:
                rate = (found.value, found.low, found.high)
                made[name] = _assumed(name, rate, "score model of the linkage report")
        return cls(**made)

    def by(self, column: str, levels: Mapping[str, "ErrorRates"]) -> Self:
        """The same rates, but others for some levels of a column of the left table."""
        return replace(self, column=column, levels={str(k): self | v for k, v in levels.items()})

    def __or__(self, other: "ErrorRates") -> Self:
        changed: dict[str, Any] = {
            name: rate for name in RATES if (rate := getattr(other, name)) is not None
        }
        if other.column is not None:
            changed |= {"column": other.column, "levels": other.levels}
        return replace(self, **changed)

    def of(self, level: str) -> "ErrorRates":
        """The rates of one level of ``column``."""
        return self.levels.get(level, self)

    def rests_on(self, *names: str) -> tuple[str, ...]:
        """One line for each of the named rates: what it rests on."""
        lines = [f"{name.replace('_', ' ')}: {_text(name, getattr(self, name))}" for name in names]
        for level, rates in self.levels.items():
            lines += [
                f"{name.replace('_', ' ')}, {self.column} {level}: {_text(name, own)}"
                for name in names
                if (own := getattr(rates, name)) != getattr(self, name)
            ]
        return tuple(lines)

    def __repr__(self) -> str:
        return f"<ErrorRates {'; '.join(self.rests_on(*RATES))}>"


def _text(name: str, rate: Rate | None) -> str:
    if rate is not None:
        return rate.text()
    return "assumed: 0, missed links do not depend on the outcome" if name == "delta" else "unknown"


def _check_source(source: str) -> None:
    if not source.strip():
        raise InputError(
            "a rate that is not measured has no source", hint="say in words where it is from"
        )


def _known(name: str) -> str:
    if name not in RATES:
        raise InputError(f"no rate is called {name}", hint=f"there are {', '.join(RATES)}")
    return name


def jeffreys(part: int, whole: int) -> Range:
    """A share with Jeffreys' 95 % interval, so that none of few does not mean no doubt.

    The mean and the quantiles of Beta(part + 1/2, whole - part + 1/2).
    """
    try:
        from scipy import stats
    except ModuleNotFoundError:
        raise MissingExtraError("scipy", "analyst") from None
    alpha, beta = part + 0.5, whole - part + 0.5
    low, high = stats.beta.ppf([0.025, 0.975], alpha, beta)
    return alpha / (alpha + beta), float(low), float(high)


def _measured(part: int, whole: int, source: str) -> Rate:
    if not 0 <= part <= whole or not whole:
        raise InputError(f"{part} of {whole} is no share")
    parameters = (part + 0.5, whole - part + 0.5)
    return Rate(*jeffreys(part, whole), "measured", source, parameters)


def _assumed(name: str, rate: Range, source: str) -> Rate:
    value, low, high = (float(each) for each in rate)
    if not low <= value <= high or (name != "delta" and not 0 <= low <= high <= 1):
        raise InputError(
            f"{name}: {value:g} ({low:g} to {high:g}) is no rate with its range",
            hint="give value, low and high, in this order",
        )
    beta = None
    if name != "delta" and low < high and 0 < value < 1:
        beta = _try(lambda: beta_parameters(value, low, high))
        if beta is None:
            raise InputError(
                f"{name}: the range {low:g} to {high:g} is too wide for {value:g}",
                hint="where so little is known use ErrorRates.from_bounds",
            )
    return Rate(value, low, high, "assumed", source, beta)


def _try(make: Callable[[], tuple[float, float]]) -> tuple[float, float] | None:
    try:
        return make()
    except ValueError:
        return None
