"""Linkage error in a share: what the linkage misses, what it invents, and what is left of both.

The share behind links is that of ``blindlink.analyst.estimate.presence``, with the f and s of the
study, and q the probability that a stranger's record would count.

It holds for what any treatment record makes true. How the *first* journey after a sentence
ended, and its substances, a stranger on top of a true record changes only where the stranger's
journey comes first or overlaps. There d, the mean change of the count by one more record, stands
for the strangers:

    p = (a - f d / (1 - f q)) / s.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from blindlink.analyst.estimate.matchings import ONE_TO_ONE
from blindlink.analyst.estimate.rates import Basis, beta_parameters, jeffreys
from blindlink.arrays import Floats
from blindlink.studies.probation_treatment.definitions import Prior, Settings

KNOWN = "true pairs found among those known"
MODEL = "score model of the linkage report, which holds a prior of its own"


@dataclass(frozen=True)
class Rate:
    """One error rate with its 95 % range, its basis and where it comes from.

    ``basis``: measured, if this linkage was counted for it, else assumed. ``loss``: what is missed
    where the rate is a share that was found, in words for a figure.
    """

    name: str
    value: float
    low: float
    high: float
    source: str
    basis: Basis
    loss: str = ""


@dataclass(frozen=True)
class ErrorRates:
    """f and s with their draws (shape (replicates,)), their bounds, and what is to be said.

    ``false_links``: what is known about f, the one used first. ``losses``: the factors of s, with
    ``loss_draws``. A rate that nothing identifies is NaN: then only the bounds stand.
    """

    false_link: float
    sensitivity: float
    false_link_draws: Floats
    sensitivity_draws: Floats
    false_link_maximum: float
    sensitivity_minimum: float
    exclusive: bool
    false_links: tuple[Rate, ...]
    losses: tuple[Rate, ...]
    loss_draws: tuple[Floats, ...]
    notes: tuple[str, ...]

    @property
    def measured(self) -> bool:
        """Whether known pairs measured how many true records are missed."""
        return bool(self.losses) and self.losses[0].basis == "measured"

    @property
    def given(self) -> str:
        """What corrected figures are given, in words for a note."""
        told = [self.false_links[0]] if self.false_links else []
        parts = [f"{rate.name}, {rate.basis} ({rate.source})" for rate in (*told, *self.losses)]
        independent = "and, assumed, that missed links do not depend on the outcome"
        return f"{'; '.join(parts)}; {independent}"


def true_share_of_firsts(
    share: Floats,
    changed: Floats,
    counts_as: Floats,
    false_link: Floats | float,
    sensitivity: Floats | float,
) -> Floats:
    """p from a, d, q, f and s where strangers come on top of true records. Shapes broadcast.

    ``counts_as`` is the q of engagement: the observed records hold strangers themselves.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        strangers = changed * false_link / (1 - false_link * counts_as)
        return np.asarray((share - strangers) / sensitivity)


def error_rates(info: Mapping[str, Any], settings: Settings, seed: int) -> ErrorRates:
    """f from the control records, s from the linkage report and the priors; with their draws."""
    generator = np.random.Generator(np.random.PCG64(seed))
    report = info.get("linkage_report") or {}
    notes: list[str] = []
    false_links, draws = _false_links(info, report, settings, generator, notes)
    losses = _losses(report, settings, notes)
    loss_draws = tuple(
        _draws((loss.value, loss.low, loss.high), settings.replicates, generator) for loss in losses
    )
    unknown = np.full(settings.replicates, np.nan)
    maximum = settings.false_link_maximum
    if maximum is None:
        maximum = 1.0 if np.isnan(draws).any() else float(np.quantile(draws, 0.995))
    return ErrorRates(
        false_link=false_links[0].value if false_links else np.nan,
        sensitivity=float(np.prod([part.value for part in losses])) if losses else np.nan,
        false_link_draws=draws,
        sensitivity_draws=np.prod(loss_draws, axis=0) if losses else unknown,
        false_link_maximum=min(maximum, 0.999),
        sensitivity_minimum=settings.sensitivity_minimum,
        exclusive=str(report.get("cardinality", ONE_TO_ONE)) == ONE_TO_ONE,
        false_links=tuple(false_links),
        losses=tuple(losses),
        loss_draws=loss_draws,
        notes=tuple(notes),
    )


def controls(info: Mapping[str, Any], owner: str) -> tuple[int, int]:
    """Control records of an owner: how many were linked, of how many."""
    measured = (info.get("controls") or {}).get(owner) or {}
    return int(measured.get("linked") or 0), int(measured.get("number") or 0)


def _false_links(
    info: Mapping[str, Any],
    report: Mapping[str, Any],
    settings: Settings,
    generator: np.random.Generator,
    notes: list[str],
) -> tuple[list[Rate], Floats]:
    found = []
    linked, total = controls(info, settings.left)
    model = _estimate(report.get("false_link_rate"))
    draws = np.full(settings.replicates, np.nan)
    if total:
        draws = generator.beta(linked + 0.5, total - linked + 0.5, settings.replicates)
        value, low, high = jeffreys(linked, total)
        source = f"{linked:,} of {total:,} control records of {settings.left} linked"
        found.append(Rate("false links", value, low, high, source, "measured"))
    if model:
        rate = Rate("false links by the score model", *model, MODEL, "assumed")
        if not total:
            draws = _draws(model, settings.replicates, generator)
            notes.append("There are no control records: false links are the score model's claim.")
        elif model[1] > found[0].high or model[2] < found[0].low:
            notes.append(
                "Control records and score model disagree about false links; the control records "
                "are used."
            )
        found.append(rate)
    if not found:
        notes.append(
            "Nothing measures false links (no control records, no score model): no corrected "
            "figure, only bounds."
        )
    return found, draws


def _losses(report: Mapping[str, Any], settings: Settings, notes: list[str]) -> list[Rate]:
    known = settings.known_pairs
    if known is not None:
        seen = jeffreys(known.found, known.number)
        text = f"{known.found:,} of {known.number:,} pairs known to be true: {known.source}"
        rate = Rate(KNOWN, *seen, text, "measured", "known pairs, not linked")
        return [rate, *(_prior(p) for p in settings.priors if p.name not in known.replaces)]
    found = _estimate(report.get("sensitivity"))
    if found is None:
        notes.append(
            "The linkage report gives no sensitivity: no corrected figure, only bounds with "
            f"sensitivity from {settings.sensitivity_minimum:.2f} to 1."
        )
        return []
    return [
        Rate(
            "true records found among comparable ones",
            *found,
            MODEL,
            "assumed",
            "comparable, but not linked",
        ),
        *_with_identifiers(report),
        *(_prior(prior) for prior in settings.priors),
    ]


def _prior(prior: Prior) -> Rate:
    return Rate(prior.name, prior.value, prior.low, prior.high, prior.source, "assumed", prior.loss)


def _with_identifiers(report: Mapping[str, Any]) -> list[Rate]:
    """Shares of persons whose identifiers could be compared, where the linker counted them."""
    counts = report.get("counts") or {}
    rates = []
    for side in ("left", "right"):
        able, everybody = counts.get(f"{side}_comparable"), counts.get(f"{side}_entities")
        if able is not None and everybody and able < everybody:
            share = able / everybody
            name = f"persons with identifiers ({side})"
            rates.append(
                Rate(
                    name,
                    share,
                    share,
                    share,
                    "linkage report, counted",
                    "measured",
                    f"no identifiers ({side})",
                )
            )
    return rates


def _estimate(value: Any) -> tuple[float, float, float] | None:
    if not isinstance(value, Mapping) or any(
        value.get(k) is None for k in ("value", "low", "high")
    ):
        return None
    return float(value["value"]), float(value["low"]), float(value["high"])


def _draws(
    estimate: tuple[float, float, float], size: int, generator: np.random.Generator
) -> Floats:
    """Beta draws with the mean and range; the mean itself where no Beta has them."""
    try:
        alpha, beta = beta_parameters(*estimate)
    except (ValueError, ZeroDivisionError):
        return np.full(size, estimate[0])
    if alpha <= 0 or beta <= 0:
        return np.full(size, estimate[0])
    return generator.beta(alpha, beta, size)
