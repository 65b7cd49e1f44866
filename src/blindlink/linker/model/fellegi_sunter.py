"""Several filters per record: Fellegi-Sunter weights on encodings, estimated by EM.

Each filter's score is cut into agreement levels: those of the plan, or where the mix of matches and
non-matches changes. u,
the share of non-matches at each level, is counted in the joins of the files with themselves; m, the
share of matches, comes from EM over the candidates (Fellegi and Sunter 1969; Winkler 1988). The sum
of the weights log2(m/u) is one score, and that score goes the way of any other: the non-matches'
distribution of the *sum* is measured again within the files, so filters that depend on each other,
as filters of one person do, cost no calibration. Their dependence is reported all the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from blindlink.arrays import Floats, Int64s
from blindlink.linker.model.entities import EntityPairs, Side
from blindlink.linker.model.non_matches import Evidence, scores
from blindlink.linker.model.segments import bin_edges, count, locate, partition
from blindlink.messages.linkage_report import Level

_MOST_LEVELS = 8
_PENALTY = 6.0
_ROUNDS = 200


@dataclass(frozen=True)
class Weighed:
    """Evidence whose score is the match weight, scaled to 0..1 between its least and most value.

    ``dice``: the same candidates with the score of the first filter; ``levels`` of all filters;
    ``scale``: the match weight (log2) at score 0 and at score 1;
    ``agreement``: the number of each candidate's level in each filter, shape (pairs, filters);
    ``dependence``: the largest correlation between the weights of two filters among non-matches and
    among matches.
    """

    evidence: Evidence
    dice: EntityPairs
    levels: tuple[Level, ...]
    agreement: Int64s
    scale: tuple[float, float]
    dependence: tuple[float, float]


def weigh(
    evidence: Evidence, left: Side, right: Side, stated: Sequence[Sequence[float]] = ()
) -> Weighed:
    """Turn the scores of all filters into one match weight per pair.

    ``stated``: the scores at which levels begin above the first, for each filter.
    """
    cross = _matrix(evidence.pairs, left, right)
    non_matches = np.concatenate(
        [_matrix(evidence.within_left, left, left), _matrix(evidence.within_right, right, right)]
    )
    edges = [np.r_[0.0, begins] for begins in stated]
    if not edges:
        edges = [_level_edges(a, b) for a, b in zip(cross.T, non_matches.T, strict=True)]
    seen, non_match_levels = _levels(cross, edges), _levels(non_matches, edges)
    u = [_shares(non_match_levels[:, f], len(edge), None) for f, edge in enumerate(edges)]
    rate = evidence.compared / max(evidence.left_compared + evidence.right_compared, 1.0)
    m, chance = _expectation_maximisation(seen, non_match_levels, u, rate)
    weight = [np.log2(a / b) for a, b in zip(m, u, strict=True)]
    parts, non_match_parts = _looked_up(seen, weight), _looked_up(non_match_levels, weight)
    low = float(sum(one.min() for one in weight))
    span = max(float(sum(one.max() for one in weight)) - low, 1e-9)
    order = _order(evidence.pairs, (parts.sum(axis=1) - low) / span)
    size = len(evidence.within_left)
    within = [
        replace(pairs, score=((part.sum(axis=1) - low) / span).round(9))
        for pairs, part in (
            (evidence.within_left, non_match_parts[:size]),
            (evidence.within_right, non_match_parts[size:]),
        )
    ]
    weighed = replace(evidence.pairs, score=((parts.sum(axis=1) - low) / span).round(9))
    return Weighed(
        replace(
            evidence,
            floor=0.0,
            pairs=weighed.take(order),
            within_left=within[0],
            within_right=within[1],
        ),
        replace(evidence.pairs, score=cross[:, 0]).take(order),
        _report(edges, m, u, weight),
        seen[order],
        (low, low + span),
        (_correlation(non_match_parts, np.ones(len(non_match_parts))), _correlation(parts, chance)),
    )


def _order(pairs: EntityPairs, score: Floats) -> Int64s:
    return np.lexsort((pairs.right_row, pairs.left_row, -score.round(9)))


def _matrix(pairs: EntityPairs, a: Side, b: Side) -> Floats:
    """Floats of every filter. Shape: (pairs, filters)."""
    columns = [
        scores(a, pairs.left_row, b, pairs.right_row, number) for number in range(len(a.filters))
    ]
    return np.column_stack(columns)


def _level_edges(cross: Floats, non_matches: Floats) -> Floats:
    """Lower edges of at most _MOST_LEVELS levels of one filter; the first is 0."""
    edges = bin_edges(np.r_[cross, non_matches])
    counts, penalty = (count(cross, edges), count(non_matches, edges)), _PENALTY
    segment = partition(*counts, penalty=penalty)
    while segment.max() >= _MOST_LEVELS:
        penalty *= 1.5
        segment = partition(*counts, penalty=penalty)
    first: Floats = edges[np.flatnonzero(np.r_[True, np.diff(segment) > 0])]
    return first


def _levels(matrix: Floats, edges: list[Floats]) -> Int64s:
    return np.column_stack([locate(matrix[:, f], edge) for f, edge in enumerate(edges)])


def _shares(level: Int64s, size: int, weight: Floats | None) -> Floats:
    """The share of pairs at each level; half a pair is added to each, so that none is zero."""
    counts = np.bincount(level, weight, minlength=size) + 0.5
    shares: Floats = counts / counts.sum()
    return shares


def _looked_up(levels: Int64s, values: list[Floats]) -> Floats:
    return np.column_stack([value[levels[:, f]] for f, value in enumerate(values)])


def _expectation_maximisation(
    seen: Int64s, non_match_levels: Int64s, u: list[Floats], rate: float
) -> tuple[list[Floats], Floats]:
    """m per filter and level, and the match probability of each candidate; u stays fixed.

    Starts from what the candidates of each level show beyond non-matches.
    """
    sizes = [len(one) for one in u]
    m = []
    for f, size in enumerate(sizes):
        non_matches = np.bincount(non_match_levels[:, f], minlength=size) * rate
        excess = np.maximum(np.bincount(seen[:, f], minlength=size) - non_matches, 0.5)
        m.append(excess / excess.sum())
    matches = max(len(seen) - len(non_match_levels) * rate, 1.0)
    share, chance = min(max(matches / max(len(seen), 1), 1e-4), 0.9), np.zeros(len(seen))
    for _ in range(_ROUNDS):
        ratio = _looked_up(seen, [np.log(a / b) for a, b in zip(m, u, strict=True)]).sum(axis=1)
        chance = 1 / (1 + np.exp(-np.clip(ratio + np.log(share / (1 - share)), -700, 700)))
        before, share = share, float(np.clip(chance.mean(), 1e-6, 1 - 1e-6))
        m = [_shares(seen[:, f], size, chance) for f, size in enumerate(sizes)]
        if abs(share - before) < 1e-7:
            break
    return m, chance


def _correlation(parts: Floats, weight: Floats) -> float:
    """The largest absolute weighted correlation between two columns; 0 where one is constant."""
    total = max(float(weight.sum()), 1e-9)
    centred = parts - (parts * weight[:, None]).sum(axis=0) / total
    covariance = (centred * weight[:, None]).T @ centred / total
    spread = np.sqrt(np.maximum(np.diag(covariance), 1e-12))
    correlation = np.abs(covariance / np.outer(spread, spread))
    np.fill_diagonal(correlation, 0)
    return float(min(correlation.max(initial=0.0), 1.0))


def _report(
    edges: list[Floats], m: list[Floats], u: list[Floats], weight: list[Floats]
) -> tuple[Level, ...]:
    return tuple(
        Level(
            filter=f + 1,
            low=float(edge[level]),
            high=float(edge[level + 1]) if level + 1 < len(edge) else 1.0,
            m=float(m[f][level]),
            u=float(u[f][level]),
            weight=float(weight[f][level]),
        )
        for f, edge in enumerate(edges)
        for level in range(len(edge))
    )
