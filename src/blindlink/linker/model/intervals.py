"""How far expected precision and recall can be trusted: draws from what the model does not know.

Three sources: the number of non-matches to expect in each segment (a count with its own error, and
the scale between the files), the matches below the segments (their posterior), and the chance by
which links of probability p are right or not. The intervals are quantiles of the draws, without a
formula that would take these as independent of each other.
"""

from dataclasses import dataclass

import numpy as np

from blindlink.arrays import Floats, Int64s
from blindlink.linker.model.non_match_scores import DRIFT
from blindlink.linker.model.scoring import ScoreModel, missed_draws
from blindlink.messages.linkage_report import Estimate

DRAWS = 400
_LIMITS = (0.025, 0.975)


@dataclass(frozen=True)
class Quality:
    """Expected figures at one threshold, each with its 95 % interval."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    false_link_rate: Estimate
    matches: Estimate


@dataclass(frozen=True)
class Links:
    """Per link: probability, segment in the model, and the probability that its left entity has no
    true partner. Shapes: (links,)."""

    probability: Floats
    segment: Int64s
    partnerless: Floats


def quality(model: ScoreModel, links: Links, left: int, seed: int) -> Quality:
    """Figures for these links; ``left``: the number of comparable left entities."""
    probability, segment = links.probability, links.segment
    rng = np.random.default_rng(seed)
    rest = model.matches.sum() - probability.sum()
    missed = missed_draws(model, DRAWS, rng)
    drawn = np.empty((DRAWS, 3))
    for number in range(DRAWS):
        ratio, matches = _non_matches(model, rng)
        odds = probability * ratio[segment]
        right = odds / (odds + 1 - probability)
        change = matches.sum() / max(model.matches.sum(), 1e-9)
        # Mostly sure links with a rare wrong one: the number of wrong ones is nearly Poisson.
        correct = len(right) - rng.poisson((1 - right).sum())
        wrong = links.partnerless * (1 - right) / np.maximum(1 - probability, 1e-12)
        # Matches are whole: where few are expected to be left, there may well be none.
        unlinked = rng.poisson(max(rest, 0.0) * change + missed[number])
        drawn[number] = min(max(correct, 0.0), len(probability)), unlinked, wrong.sum()
    correct, unlinked, wrong = drawn.T
    total = correct + unlinked
    count, expected = max(len(probability), 1), float(probability.sum())
    free = np.maximum(left - total, 1.0)
    return Quality(
        precision=_estimate(expected / count, correct / count),
        recall=_estimate(expected / max(model.total, 1e-9), correct / np.maximum(total, 1e-9)),
        f1=_estimate(2 * expected / (count + model.total), 2 * correct / (count + total)),
        false_link_rate=_estimate(
            float(links.partnerless.sum()) / max(left - model.total, 1.0),
            np.clip(wrong / free, 0, 1),
        ),
        matches=_estimate(model.total, total, most=float("inf")),
    )


def _non_matches(model: ScoreModel, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Per segment, factor on the odds and matches, had the non-matches been counted anew."""
    factor = rng.gamma(model.support) / model.support
    factor *= np.exp(DRIFT * rng.normal())
    matches = np.maximum(model.matches + model.non_matches * (1 - factor), 0.05 * model.matches)
    ratio = matches / np.maximum(model.matches, 1e-12) / factor
    return np.where(model.matches > 0, ratio, 1.0), matches


def _estimate(value: float, draws: Floats, *, most: float = 1.0) -> Estimate:
    low, high = np.quantile(draws, _LIMITS)
    value = min(value, most)
    return Estimate(value=value, low=min(float(low), value), high=max(float(high), value))
