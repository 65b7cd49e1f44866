"""Drawn linkages: sets of links that keep a cardinality rule and have given pair probabilities.

One-to-one linkages are matchings of a bipartite graph; they are drawn by Gibbs sampling from

    P(matching) proportional to the product of its pairs' odds,
    odds_ij = p_ij (1 - p_ij) / (u_i v_j),

with u_i and v_j the probabilities that i and j have no partner. This inverts the Bethe
approximation of the monomer-dimer model, so the drawn pairs have the marginals p_ij exactly where
the candidates form trees, and nearly elsewhere. Under one-to-many each right person draws its left
person or nobody; under many-to-many every pair is drawn by itself.
"""

from dataclasses import dataclass, replace

import numpy as np

from blindlink.arrays import Bools, Floats, Int64s

ONE_TO_ONE = "one-to-one"
LIKELY = 0.5
_SWEEPS = 60
_HALVINGS = 40
_FARTHEST = 4.0  # the largest move of a log odds: e^4 is 55 times
_LEAST = 1e-3  # nobody is held to have a partner for certain: the sampler could not move


@dataclass(frozen=True)
class Candidates:
    """Pairs with match probabilities, as arrays of one length; ``cardinality`` of the plan."""

    left: Int64s
    right: Int64s
    probability: Floats
    cardinality: str


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
