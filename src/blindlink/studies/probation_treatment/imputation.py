"""Multiple imputation of links: many plausible linkages instead of one, pooled by Rubin's rules.

A linkage is drawn from the posterior probabilities of the released candidates under the cardinality
rule. One-to-one linkages are matchings of a bipartite graph; they are drawn by Gibbs sampling from

    P(matching) proportional to the product of its pairs' odds,
    odds_ij = p_ij (1 - p_ij) / (u_i v_j),

with u_i and v_j the probabilities that i and j have no partner. This inverts the Bethe
approximation of the monomer-dimer model, so the drawn pairs have the marginals p_ij exactly where
the candidates form trees, and nearly elsewhere. Under one-to-many each right person draws its left
person or nobody; under many-to-many every pair is drawn by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from blindlink.arrays import Bools, Floats, Int64s
from blindlink.studies.probation_treatment.linkage_error import ONE_TO_ONE
from blindlink.studies.probation_treatment.pathways import Pathways

_SWEEPS = 60
_ROUNDS = 30
_HALVINGS = 40
_FARTHEST = 4.0  # the largest move of a log odds: e^4 is 55 times
LIKELY = 0.5
_LEAST = 1e-3  # nobody is held to have a partner for certain: the sampler could not move


@dataclass(frozen=True)
class Candidates:
    """Pairs with match probabilities, as arrays of one length; ``cardinality`` of the plan."""

    left: Int64s
    right: Int64s
    probability: Floats
    cardinality: str


@dataclass(frozen=True)
class Pooled:
    """An estimate pooled over imputations: total variance, the part of it between them, freedom."""

    value: float
    variance: float
    between: float
    freedom: float


def candidates(pathways: Pathways) -> Candidates | None:
    """The released candidates with their probabilities; None when there are none with any.

    A link that is not among the candidates joins them with its probability, or for certain.
    """
    pairs = pathways.candidates[["left", "right", "probability"]].dropna()
    links = pathways.links[["left", "right", "probability"]].fillna({"probability": 1.0})
    both = pd.concat([pairs, links]).drop_duplicates(["left", "right"])
    if not len(pairs) or not len(both):
        return None
    both = both.sort_values(["left", "right"], ignore_index=True)
    report = pathways.info.get("linkage_report") or {}
    left, right = (both[side].to_numpy(dtype=np.int64) for side in ("left", "right"))
    probability = np.clip(both["probability"].to_numpy(), 0.0, 1.0)
    return Candidates(
        left,
        right,
        informed(probability, _counts(pathways, left, right)),
        str(report.get("cardinality", ONE_TO_ONE)),
    )


def informed(probability: Floats, counts: Bools) -> Floats:
    """Match probabilities that also know whether the pair would count as engagement.

    The linker saw no payload. Drawn from its probabilities alone, linkages would pull engagement
    towards that of strangers: an imputation must know what is analysed (Meng 1994). EM over
    p' = p m / (p m + (1 - p) u) with m and u the chances to count of right and of wrong pairs.
    """
    p = probability
    for _ in range(_ROUNDS):
        m, u = (float((weight * counts).sum() / max(weight.sum(), 1e-12)) for weight in (p, 1 - p))
        m, u = (min(max(share, 0.001), 0.999) for share in (m, u))
        right = probability * np.where(counts, m, 1 - m)
        p = right / (right + (1 - probability) * np.where(counts, u, 1 - u))
    return np.asarray(p)


def _counts(pathways: Pathways, left: Int64s, right: Int64s) -> Bools:
    """Whether the right person's treatment is engagement for any sentence of the left person."""
    first = np.full(pathways.left_people, np.inf)
    person = pathways.cases["person"].to_numpy(dtype=np.int64)
    np.minimum.at(first, person, pathways.cases["sentence_date"].to_numpy())
    sentence = np.where(np.isfinite(first[left]), first[left], pathways.end)
    return pathways.right_journeys.next(right, sentence) >= 0


def imputed(
    pathways: Pathways, pairs: Candidates, number: int, seed: int, doubt: Floats | None = None
) -> Iterator[Pathways]:
    """The study under ``number`` drawn linkages.

    ``doubt``: for each linkage a draw of the false-link rate over its estimate, shape (number,).
    The match probabilities are moved so that the expected false links are so many times as many: an
    imputation that took them for known would be too sure (Rubin 1987).
    """
    for place in range(number):
        generator = np.random.Generator(np.random.PCG64([seed, place]))
        drawn = pairs if doubt is None else moved(pairs, float(doubt[place]))
        chosen = draw(drawn, generator)
        yield pathways.with_links(
            pd.DataFrame(
                {
                    "left": pairs.left[chosen],
                    "right": pairs.right[chosen],
                    "probability": pairs.probability[chosen],
                    "method": "imputed",
                }
            )
        )


def moved(pairs: Candidates, times: float) -> Candidates:
    """The candidates with log odds moved alike so that likely links are ``times`` as often wrong.

    Likely links are those of at least one half; certain pairs stay certain.
    """
    p = np.clip(pairs.probability, 0.0, 1.0)
    likely = (p >= LIKELY) & (p < 1)
    wanted = times * float((1 - p[likely]).sum())
    if not likely.any() or wanted <= 0:
        return pairs

    def shifted(by: float) -> Floats:
        with np.errstate(divide="ignore"):
            return np.asarray(np.where(p < 1, p / (p + (1 - p) * np.exp(-by)), 1.0))

    low, high = -_FARTHEST, _FARTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        wrong = float((1 - shifted(middle)[likely]).sum())
        low, high = (middle, high) if wrong > wanted else (low, middle)
    return replace(pairs, probability=shifted((low + high) / 2))


def draw(pairs: Candidates, generator: np.random.Generator) -> Bools:
    """One linkage: which pairs are links. Shape (pairs,)."""
    if pairs.cardinality == ONE_TO_ONE:
        return _matching(pairs, generator)
    if pairs.cardinality == "one-to-many":
        return _one_each(pairs.right, pairs.probability, generator)
    return np.asarray(generator.random(len(pairs.left)) < pairs.probability)


def pool(values: Floats, variances: Floats) -> Pooled:
    """Rubin's rules (1987): mean, within + (1 + 1/M) between, degrees of freedom."""
    number = len(values)
    within, between = float(np.mean(variances)), float(np.var(values, ddof=1))
    extra = (1 + 1 / number) * between
    total = within + extra
    freedom = (number - 1) * (total / extra) ** 2 if extra > 0 else np.inf
    return Pooled(float(np.mean(values)), total, extra, freedom)


def _one_each(owner: Int64s, probability: Floats, generator: np.random.Generator) -> Bools:
    """For each owner one of its pairs or none, with the given probabilities."""
    order = np.argsort(owner, kind="stable")
    sums = np.cumsum(probability[order])
    first = np.flatnonzero(np.diff(owner[order], prepend=-1))
    size = np.diff(np.append(first, len(owner)))
    before = np.repeat(np.concatenate([[0.0], sums])[first], size)
    whole = np.repeat(np.add.reduceat(probability[order], first), size)
    spot = np.repeat(generator.random(len(first)), size) * np.maximum(whole, 1.0)
    upper = sums - before
    chosen = np.zeros(len(owner), dtype=bool)
    chosen[order] = (spot < upper) & (spot >= upper - probability[order])
    return chosen


def _matching(pairs: Candidates, generator: np.random.Generator) -> Bools:
    left, right = _compact(pairs.left), _compact(pairs.right)
    chance = _on_chance(left, right, pairs.probability)
    state = _one_each(left, pairs.probability, generator)
    state &= _first_of_each(right, state, generator)
    degree = np.bincount(left)[left] + np.bincount(right)[right] - 1
    for _ in range(_SWEEPS + 2 * int(np.median(degree))):
        _sweep(state, left, right, chance, generator)
    return state


def _on_chance(left: Int64s, right: Int64s, probability: Floats) -> Floats:
    """The probability that a pair is on, given that neither side has another partner."""
    p = np.clip(probability, 0.0, 1 - _LEAST)
    u = np.maximum(1 - np.bincount(left, weights=p), _LEAST)[left]
    v = np.maximum(1 - np.bincount(right, weights=p), _LEAST)[right]
    odds = p * (1 - p) / (u * v)
    return np.asarray(odds / (1 + odds))


def _first_of_each(right: Int64s, state: Bools, generator: np.random.Generator) -> Bools:
    """Among the pairs that are on, one for each right person, at random."""
    rank = np.where(state, generator.random(len(right)), 2.0)
    least = np.full(int(right.max()) + 1, 3.0)
    np.minimum.at(least, right, rank)
    return np.asarray(rank == least[right])


def _sweep(
    state: Bools,
    left: Int64s,
    right: Int64s,
    chance: Floats,
    generator: np.random.Generator,
) -> None:
    """Renew, in place, a random set of pairs of which no two share a person."""
    rank = generator.random(len(left))
    least_left, least_right = np.ones(int(left.max()) + 1), np.ones(int(right.max()) + 1)
    np.minimum.at(least_left, left, rank)
    np.minimum.at(least_right, right, rank)
    renewed = np.flatnonzero((rank == least_left[left]) & (rank == least_right[right]))
    partners_left = np.bincount(left[state], minlength=len(least_left))
    partners_right = np.bincount(right[state], minlength=len(least_right))
    others = partners_left[left[renewed]] + partners_right[right[renewed]] - 2 * state[renewed]
    state[renewed] = (others == 0) & (generator.random(len(renewed)) < chance[renewed])


def _compact(codes: Int64s) -> Int64s:
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)
