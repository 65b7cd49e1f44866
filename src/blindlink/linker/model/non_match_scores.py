"""How many non-matches to expect among the candidates, segment by segment.

From the joins of both files with themselves (non_matches.py): the geometric mean of
their rates, scaled to the bulk between the files. A smooth tilt between the files is expected (one
has more errors, or other people); what departs from it in a segment, beyond chance, is believed,
and makes the mean less certain there: duplicates of one person within a file, or records that lack
a field, are no non-matches as the other file would have them. The further the files are apart, the
less their mean counts against what the candidates themselves show (scoring.py).
"""

from dataclasses import dataclass

import numpy as np

from blindlink.arrays import Bools, Floats, Int64s
from blindlink.linker.model.non_matches import Evidence
from blindlink.linker.model.segments import bin_edges, count, partition

DRIFT = 0.02  # relative error of the scale between the files and within them
_SLOPE_PRIOR = 2.0
_TILT_LIMIT = np.log(4)
_BULK = np.log(2)  # the lower half of the non-matches above the floor
_NEAR = np.log(30)  # the tilt is fitted without the far tail, where duplicates would bend it
_NEARER = np.log(8)  # the same where the plan itself lets a file hold a person several times
_DUPLICATES = np.log(8)  # no difference between the non-matches of two files is as large as this


@dataclass(frozen=True)
class NonMatchScores:
    """Bins of the score axis, joined to segments, and the non-matches in them.

    ``edges``: lower edges of the bins; ``segment`` of each bin. Per bin: ``cross``, candidates
    between the files; ``rate``: non-matches expected among them per pair within the files. Per
    segment: ``seen`` candidates, ``expected`` non-matches among them, and ``support``: the number
    of pairs that would make the expectation as uncertain as it is, were it a mere count; ``tilt``:
    the smooth log ratio of the rates of non-matches within left and within right.
    ``similar``: pairs within left and right beyond what the other file lets expect.
    """

    edges: Floats
    segment: Int64s
    cross: Floats
    rate: Floats
    seen: Floats
    expected: Floats
    support: Floats
    tilt: Floats
    similar: tuple[float, float]


@dataclass(frozen=True)
class _Departures:
    """Per segment: the log ratio of the files' rates, by how much their geometric mean is held to
    be too high (a logarithm), the error of the rate (a logarithm), and which files speak (0, 1)."""

    tilt: Floats
    excess: Floats
    error: Floats
    left_speaks: Floats
    right_speaks: Floats


def measure(evidence: Evidence, cardinality: str) -> NonMatchScores:
    """The distribution of non-match scores of the scores between the files.

    The cardinality says which file may hold one person several times: the right one where a left
    entity may have many right ones, both in many-to-many.
    """
    within = np.r_[evidence.within_left.score, evidence.within_right.score]
    edges = bin_edges(np.r_[evidence.pairs.score, within])
    cross = count(evidence.pairs.score, edges)
    left, right = (
        count(within.score, edges) for within in (evidence.within_left, evidence.within_right)
    )
    segment = partition(cross, left + right)
    depth = _depth(left + right)
    near = depth < (_NEAR if cardinality == "one-to-one" else _NEARER)
    smooth = _tilt(left, right, depth, near, evidence)
    departures = _departures(left, right, smooth, segment, evidence, cardinality)
    similar = _similar(left, right, smooth, segment, departures, evidence)
    left_speaks, right_speaks = departures.left_speaks, departures.right_speaks
    left, right = left * left_speaks[segment], right * right_speaks[segment]
    exposure = evidence.left_compared * (left_speaks * np.exp(departures.tilt / 2))[segment]
    exposure += evidence.right_compared * (right_speaks * np.exp(-departures.tilt / 2))[segment]
    rate = evidence.compared / np.maximum(exposure, 1.0) * np.exp(-departures.excess)[segment]
    bulk = depth < _BULK
    seen, expected = cross[bulk].sum(), ((left + right) * rate)[bulk].sum()
    if seen > 0 and expected > 0:
        rate *= seen / expected
    pairs = np.bincount(segment, left + right)
    per_pair = np.bincount(segment, (left + right) * rate) / np.maximum(pairs, 1)
    per_pair = np.where(pairs > 0, per_pair, np.bincount(segment, rate) / np.bincount(segment))
    pairs = np.where(pairs > 0, pairs, 0.5 / _run_lengths(pairs == 0))
    return NonMatchScores(
        edges,
        segment,
        cross,
        rate,
        np.bincount(segment, cross).astype(np.float64),
        pairs * per_pair,
        1 / (1 / pairs + DRIFT**2 + departures.error**2),
        np.bincount(segment, smooth) / np.bincount(segment),
        similar,
    )


def _run_lengths(empty: Bools) -> Floats:
    """For each segment, how many segments without non-matches stand in a row there.

    They share half a pair: the rate where none was seen is small, not zero.
    """
    run = np.cumsum(np.r_[True, empty[1:] != empty[:-1]]) - 1
    result: Floats = np.bincount(run)[run].astype(np.float64)
    return result


def _depth(non_matches: Floats) -> Floats:
    """How far out in the tail each bin lies: -log of the share of non-matches at or above it."""
    above = np.cumsum(non_matches[::-1])[::-1]
    middle = np.maximum(above - non_matches / 2, 0.5)
    result: Floats = -np.log(middle / max(above[0], 1.0))
    return result


def _tilt(left: Floats, right: Floats, depth: Floats, near: Bools, evidence: Evidence) -> Floats:
    """The log ratio of the rates within left and within right, linear in depth. Shape: (bins,).

    A logistic regression of the file on the depth, with a weak prior on the slope, over the bins
    that are ``near``; beyond them the tilt stays as it is at their end.
    """
    offset = np.log(max(evidence.left_compared, 1.0) / max(evidence.right_compared, 1.0))
    depth = np.minimum(depth, depth[near].max())
    design = np.column_stack([np.ones(near.sum()), depth[near]])
    total, prior = left[near] + right[near], np.array([0.1, _SLOPE_PRIOR])
    coefficients = np.zeros(2)
    for _ in range(50):
        share = 1 / (1 + np.exp(-(design @ coefficients + offset)))
        gradient = design.T @ (left[near] - total * share) - prior * coefficients
        hessian = (design * (total * share * (1 - share))[:, None]).T @ design + np.diag(prior)
        step = np.clip(np.linalg.solve(hessian, gradient), -1, 1)
        coefficients += step
        if np.abs(step).max() < 1e-9:
            break
    result: Floats = np.clip(coefficients[0] + coefficients[1] * depth, -_TILT_LIMIT, _TILT_LIMIT)
    return result


def _departures(
    left: Floats,
    right: Floats,
    smooth: Floats,
    segment: Int64s,
    evidence: Evidence,
    cardinality: str,
) -> _Departures:
    """Where the two files contradict each other beyond the smooth tilt and chance.

    Duplicates of people within a file add to its rate, so the lower of the two rates is nearer the
    truth; but a kind of pair that only one file has (a record that lacks a field with one that has
    it) is met half as often between the files. So the middle is put between the lower rate and the
    geometric mean, with an error that reaches both; at the lower rate where the plan's cardinality
    says that the file with the higher one holds people several times. Where a departure can only
    come from duplicates, the other file speaks alone, with the smooth tilt.
    """
    a, b = np.bincount(segment, left) + 0.5, np.bincount(segment, right) + 0.5
    expected = np.bincount(segment, smooth) / np.bincount(segment)
    scale = max(evidence.left_compared, 1.0) / max(evidence.right_compared, 1.0)
    departure = np.log(a / b / scale) - expected
    noise = 1 / a + 1 / b
    weight = np.maximum(departure**2 - noise, 0)
    departure *= weight / (weight + noise)
    left_speaks = (departure < _DUPLICATES).astype(float)
    right_speaks = (departure > -_DUPLICATES).astype(float)
    quarter = np.minimum(np.abs(departure), _DUPLICATES) / 4
    both = left_speaks * right_speaks
    repeated = _repeated(departure, cardinality)
    error = np.hypot(quarter, expected / 8)
    return _Departures(
        expected + departure * both,
        np.where(repeated, 2, 1) * quarter * both,
        error,
        left_speaks,
        right_speaks,
    )


def _repeated(departure: Floats, cardinality: str) -> Bools:
    """Where the file with the higher rate is one that holds people several times, by the plan."""
    right = cardinality != "one-to-one"
    left = cardinality == "many-to-many"
    return np.where(departure < 0, right, left).astype(bool)


def _similar(
    left: Floats,
    right: Floats,
    smooth: Floats,
    segment: Int64s,
    departures: _Departures,
    evidence: Evidence,
) -> tuple[float, float]:
    """Pairs within each file beyond the other's rate, in segments where only the other speaks."""
    a, b = np.bincount(segment, left), np.bincount(segment, right)
    expected = np.bincount(segment, smooth) / np.bincount(segment)
    ratio = evidence.left_compared / max(evidence.right_compared, 1.0) * np.exp(expected)
    more_left = np.maximum(a - b * ratio, 0)[departures.left_speaks == 0].sum()
    more_right = np.maximum(b - a / np.maximum(ratio, 1e-12), 0)[departures.right_speaks == 0].sum()
    return float(more_left), float(more_right)
