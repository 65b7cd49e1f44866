"""The linkage report: expected quality of the links, and what a reader needs to judge it."""

from dataclasses import dataclass

import numpy as np

from blindlink.arrays import Floats
from blindlink.linker.model import intervals
from blindlink.linker.model.candidates import CandidatePairs, Decision
from blindlink.linker.model.copies import Copies
from blindlink.linker.model.entities import Side
from blindlink.linker.model.fellegi_sunter import Weighed
from blindlink.linker.model.non_matches import Evidence
from blindlink.linker.model.scoring import ScoreModel
from blindlink.linker.model.segments import locate
from blindlink.linker.model.thresholds import Curve
from blindlink.messages.linkage_report import (
    Bin,
    Counts,
    CurvePoint,
    Level,
    LinkageReport,
    MethodRow,
    Pattern,
)
from blindlink.messages.plan import METHODS, Plan

_CURVE_POINTS = 120
_BINS = 60
_PATTERNS = 6
_FEWEST = 10  # pairs that share a pattern that is shown: it says nothing about a single pair
_NOTES = (
    "precision and recall are expectations under the score model; no true pair was known",
    "recall is among comparable records: people whose identifiers changed altogether, or who are "
    "in one file only, are not in it",
)


@dataclass(frozen=True)
class Linked:
    """A linkage as it was decided, with or without a model."""

    plan: Plan
    sides: tuple[Side, Side]
    candidates: CandidatePairs
    decision: Decision


@dataclass(frozen=True)
class Fitted:
    """A fitted model, what it rests on, and the curve that is shown; ``seed`` of the intervals.

    ``people``: the linkage between people, copies within a file being one; ``copies`` of each file.
    """

    evidence: Evidence
    model: ScoreModel
    curve: Curve
    seed: int
    people: Linked
    copies: tuple[Copies, Copies]
    weighed: Weighed | None = None


def partnerless(candidates: CandidatePairs, evidence: Evidence, model: ScoreModel) -> Floats:
    """For each candidate, the probability that its left entity has no true partner."""
    left = evidence.pairs.left
    entities = int(max(candidates.pairs.left.max(initial=-1), left.max(initial=-1))) + 1
    partner = np.bincount(left, model.probability, minlength=entities)
    result: Floats = np.clip(1.0 - partner.astype(np.float64), 0, 1)[candidates.pairs.left]
    return result


def without_model(linked: Linked) -> LinkageReport:
    """The report of a fixed threshold: counts only, since nothing was estimated."""
    plan, rule = linked.plan, linked.decision.rule
    return LinkageReport(
        threshold=rule.threshold,
        threshold_method=rule.method,
        target=plan.target,
        cardinality=plan.cardinality,
        methods_used=plan.methods,
        separated=False,
        counts=_counts(linked),
        methods=_method_rows(linked),
        warnings=rule.warnings,
        notes=("no score model: expected precision and recall are not known",),
    )


def with_model(linked: Linked, fitted: Fitted) -> LinkageReport:
    """The report of an automatic threshold."""
    plan, rule = linked.plan, linked.decision.rule
    figures = _figures(fitted)
    return LinkageReport(
        threshold=rule.threshold,
        threshold_method=rule.method,
        target=plan.target,
        cardinality=plan.cardinality,
        methods_used=plan.methods,
        separated=True,
        counts=_counts(linked),
        precision=figures.precision,
        recall=figures.recall,
        f1=figures.f1,
        false_link_rate=figures.false_link_rate,
        sensitivity=figures.recall,
        expected_matches=figures.matches,
        curve=_curve_points(fitted.curve),
        histogram=_histogram(fitted),
        methods=_method_rows(linked),
        levels=fitted.weighed.levels if fitted.weighed else (),
        patterns=_patterns(fitted, plan),
        model=_parameters(fitted, rule.cut),
        warnings=_warnings(fitted),
        notes=_NOTES,
    )


def _figures(fitted: Fitted) -> intervals.Quality:
    """Expected figures of the links between people: two links of one person's copies are one."""
    candidates, index = fitted.people.candidates, fitted.people.decision.linked
    links = intervals.Links(
        candidates.probability[index],
        candidates.segment[index],
        partnerless(candidates, fitted.evidence, fitted.model)[index],
    )
    return intervals.quality(fitted.model, links, fitted.evidence.left_entities, fitted.seed)


def _counts(linked: Linked) -> Counts:
    left, right = linked.sides
    decision, accepted = linked.decision, int(linked.decision.accepted.sum())
    return Counts(
        left_rows=left.rows,
        right_rows=right.rows,
        left_entities=len(left),
        right_entities=len(right),
        left_comparable=int(left.comparable.sum()),
        right_comparable=int(right.comparable.sum()),
        pairs_compared=int(left.comparable.sum()) * int(right.comparable.sum()),
        candidates=int(decision.released.sum()),
        accepted=accepted,
        conflicts=accepted - len(decision.linked),
        links=len(decision.linked),
    )


def _method_rows(linked: Linked) -> tuple[MethodRow, ...]:
    """What each method accepts and adds to the stricter ones, whether the plan uses it or not."""
    decision, probability = linked.decision, linked.candidates.probability
    rows, before = [], np.zeros(len(probability), bool)
    for name in (name for name in METHODS if name in decision.by_method):
        accepted = decision.by_method[name]
        alone = accepted & ~before
        rows.append(
            MethodRow(
                method=name,
                used=name in linked.plan.methods,
                accepted=int(accepted.sum()),
                links=int(accepted[decision.linked].sum()),
                alone=int(alone.sum()),
                expected_correct=_mean(probability[accepted]),
                alone_correct=_mean(probability[alone]),
            )
        )
        before |= accepted
    return tuple(rows)


def _mean(probability: Floats) -> float | None:
    known = len(probability) and not np.isnan(probability).any()
    return float(probability.mean()) if known else None


def _curve_points(curve: Curve) -> tuple[CurvePoint, ...]:
    """The curve at evenly spread numbers of links: a figure's worth of points."""
    count = len(curve.threshold)
    chosen = np.unique(np.linspace(0, count - 1, min(count, _CURVE_POINTS)).round().astype(int))
    return tuple(
        CurvePoint(
            threshold=float(curve.threshold[point]),
            links=int(curve.position[point]),
            precision=float(curve.precision[point]),
            recall=float(curve.recall[point]),
            f1=float(curve.f1[point]),
            false_link_rate=float(curve.false_link_rate[point]),
        )
        for point in chosen
    )


def _histogram(fitted: Fitted) -> tuple[Bin, ...]:
    """Scores of all pairs above the floor, with the matches and non-matches expected among them."""
    evidence, model = fitted.evidence, fitted.model
    edges = np.linspace(evidence.floor, 1.0, _BINS + 1)
    observed, _ = np.histogram(evidence.pairs.score, edges)
    matches, _ = np.histogram(evidence.pairs.score, edges, weights=model.probability)
    non_matches = _non_matches(fitted, edges)
    if fitted.weighed is not None:
        low, high = fitted.weighed.scale
        edges = low + (high - low) * edges
    return tuple(
        Bin(
            low=float(edges[number]),
            high=float(edges[number + 1]),
            observed=int(observed[number]),
            matches=float(matches[number]),
            non_matches=float(non_matches[number]),
        )
        for number in range(_BINS)
    )


def _non_matches(fitted: Fitted, edges: Floats) -> Floats:
    """The non-matches of each segment, spread as pairs within the files are; else as candidates."""
    evidence, model = fitted.evidence, fitted.model
    within = np.r_[evidence.within_left.score, evidence.within_right.score]
    known = model.measured.segment[locate(within, model.measured.edges)]
    size = np.bincount(known, minlength=len(model.non_matches))
    alone = np.where(size == 0, model.non_matches / np.maximum(model.measured.seen, 1), 0.0)
    share = model.non_matches / np.maximum(size, 1)
    spread, _ = np.histogram(within, edges, weights=share[known])
    others, _ = np.histogram(evidence.pairs.score, edges, weights=alone[model.pair_segment])
    result: Floats = spread + others
    return result


def _patterns(fitted: Fitted, plan: Plan) -> tuple[Pattern, ...]:
    """The most frequent patterns of agreement among the pairs that the plan releases."""
    if fitted.weighed is None:
        return ()
    weighed, probability = fitted.weighed, fitted.model.probability
    likely = probability >= float(plan.candidate_floor)
    patterns, number, pairs = np.unique(
        weighed.agreement[likely], axis=0, return_inverse=True, return_counts=True
    )
    chance = np.bincount(number.ravel(), probability[likely], minlength=len(pairs)) / pairs
    weight = {(level.filter, rank): level.weight for level, rank in _ranked(weighed)}
    often = [n for n in np.argsort(-pairs, kind="stable")[:_PATTERNS] if pairs[n] >= _FEWEST]
    return tuple(
        Pattern(
            levels=tuple(int(level) + 1 for level in patterns[n]),
            pairs=int(pairs[n]),
            weight=sum(weight[f + 1, int(level)] for f, level in enumerate(patterns[n])),
            probability=float(chance[n]),
        )
        for n in often
    )


def _ranked(weighed: Weighed) -> list[tuple[Level, int]]:
    """The levels with their rank within their filter, from 0."""
    first = {level.filter: n for n, level in reversed(list(enumerate(weighed.levels)))}
    return [(level, n - first[level.filter]) for n, level in enumerate(weighed.levels)]


def _parameters(fitted: Fitted, cut: float | None) -> dict[str, float]:
    model, evidence = fitted.model, fitted.evidence
    known = {
        "score_floor": evidence.floor,
        "pairs_above_floor": float(len(evidence.pairs)),
        "pairs_within_left": float(len(evidence.within_left)),
        "pairs_within_right": float(len(evidence.within_right)),
        "segments": float(len(model.matches)),
        "segments_with_matches": float((model.matches > 0).sum()),
        "matches_found": model.matched,
        "matches_below_the_scores": model.missed,
        "copies_left": float(fitted.copies[0].extra),
        "copies_right": float(fitted.copies[1].extra),
        "similar_pairs_left": model.measured.similar[0],
        "similar_pairs_right": model.measured.similar[1],
    }
    if cut is not None:
        known["probability_cut"] = cut
    if fitted.weighed is not None:
        among_non_matches, among_matches = fitted.weighed.dependence
        known["dependence_of_filters_among_strangers"] = among_non_matches
        known["dependence_of_filters_among_matches"] = among_matches
    return known


def _warnings(fitted: Fitted) -> tuple[str, ...]:
    warnings = []
    for name, copies in zip(("left", "right"), fitted.copies, strict=True):
        if copies.extra:
            warnings.append(
                f"within the {name} file, {copies.extra:,} of {len(copies.group):,} entities are "
                "copies of another with the same encoding; they are no non-matches, and links of "
                "copies count once in the expected figures ('collapse_duplicates' joins them)"
            )
    for name, excess in zip(("left", "right"), fitted.model.measured.similar, strict=True):
        if excess >= 1:
            warnings.append(
                f"within the {name} file, about {excess:.0f} more pairs of entities look alike "
                "than the other file lets expect: duplicates, or records that lack fields"
            )
    return tuple(warnings)
