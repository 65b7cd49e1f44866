"""The linkage report: expected quality of the links, and what a reader needs to judge it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blindlink.linker.model import intervals
from blindlink.linker.model.candidates import Pool
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
    ThresholdMethod,
)
from blindlink.messages.plan import METHODS, Plan

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Methods = dict[str, Mask]

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
class Fitted:
    """A fitted model and what was chosen by it; ``cut`` is the probabilistic method's threshold."""

    evidence: Evidence
    model: ScoreModel
    curve: Curve
    threshold: float
    cut: float | None
    seed: int
    weighed: Weighed | None = None


def partnerless(pool: Pool, candidate_left: Index, model: ScoreModel) -> Floats:
    """For each pair of the pool, the probability that its left entity has no true partner."""
    entities = int(max(pool.pairs.left.max(initial=-1), candidate_left.max(initial=-1))) + 1
    partner = np.bincount(candidate_left, model.probability, minlength=entities)
    result: Floats = np.clip(1.0 - partner.astype(np.float64), 0, 1)[pool.pairs.left]
    return result


def without_model(
    sides: tuple[Side, Side],
    plan: Plan,
    pool: Pool,
    methods: Methods,
    linked: Index,
    threshold: float,
    how: ThresholdMethod,
    warnings: tuple[str, ...],
) -> LinkageReport:
    """The report of a fixed threshold: counts only, since nothing was estimated."""
    return LinkageReport(
        threshold=threshold,
        threshold_method=how,
        target=plan.target,
        cardinality=plan.cardinality,
        methods_used=plan.methods,
        separated=False,
        counts=_counts(sides, plan, pool, methods, linked),
        methods=_method_rows(plan, pool, methods, linked),
        warnings=warnings,
        notes=("no score model: expected precision and recall are not known",),
    )


def with_model(
    sides: tuple[Side, Side],
    plan: Plan,
    pool: Pool,
    methods: Methods,
    linked: Index,
    fitted: Fitted,
) -> LinkageReport:
    """The report of an automatic threshold."""
    model, evidence = fitted.model, fitted.evidence
    alone = partnerless(pool, evidence.pairs.left, model)[linked]
    figures = intervals.quality(
        model,
        pool.probability[linked],
        pool.segment[linked],
        alone,
        evidence.left_entities,
        fitted.seed,
    )
    return LinkageReport(
        threshold=fitted.threshold,
        threshold_method="auto",
        target=plan.target,
        cardinality=plan.cardinality,
        methods_used=plan.methods,
        separated=True,
        counts=_counts(sides, plan, pool, methods, linked),
        precision=figures.precision,
        recall=figures.recall,
        f1=figures.f1,
        false_link_rate=figures.false_link_rate,
        sensitivity=figures.recall,
        expected_matches=figures.matches,
        curve=_curve_points(fitted.curve),
        histogram=_histogram(fitted),
        methods=_method_rows(plan, pool, methods, linked),
        levels=fitted.weighed.levels if fitted.weighed else (),
        patterns=_patterns(fitted.weighed, model.probability) if fitted.weighed else (),
        model=_parameters(fitted),
        warnings=_warnings(model),
        notes=_NOTES,
    )


def _counts(
    sides: tuple[Side, Side], plan: Plan, pool: Pool, methods: Methods, linked: Index
) -> Counts:
    left, right = sides
    accepted = np.zeros(len(pool), bool)
    for name in plan.methods:
        accepted |= methods.get(name, False)
    likely = pool.probability >= float(plan.candidate_floor)
    return Counts(
        left_rows=left.rows,
        right_rows=right.rows,
        left_entities=len(left),
        right_entities=len(right),
        left_comparable=int(left.comparable.sum()),
        right_comparable=int(right.comparable.sum()),
        pairs_compared=int(left.comparable.sum()) * int(right.comparable.sum()),
        candidates=int((accepted | likely).sum()),
        accepted=int(accepted.sum()),
        conflicts=int(accepted.sum()) - len(linked),
        links=len(linked),
    )


def _method_rows(plan: Plan, pool: Pool, methods: Methods, linked: Index) -> tuple[MethodRow, ...]:
    """What each method accepts and adds to the stricter ones, whether the plan uses it or not."""
    rows, before = [], np.zeros(len(pool), bool)
    for name in (name for name in METHODS if name in methods):
        accepted = methods[name]
        alone = accepted & ~before
        rows.append(
            MethodRow(
                method=name,
                used=name in plan.methods,
                accepted=int(accepted.sum()),
                links=int(accepted[linked].sum()),
                alone=int(alone.sum()),
                expected_correct=_mean(pool.probability[accepted]),
                alone_correct=_mean(pool.probability[alone]),
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
    """Scores of all pairs above the floor, with the matches and strangers expected among them."""
    evidence, model = fitted.evidence, fitted.model
    edges = np.linspace(evidence.floor, 1.0, _BINS + 1)
    observed, _ = np.histogram(evidence.pairs.score, edges)
    matches, _ = np.histogram(evidence.pairs.score, edges, weights=model.probability)
    strangers = _strangers(fitted, edges)
    if fitted.weighed is not None:
        low, high = fitted.weighed.scale
        edges = low + (high - low) * edges
    return tuple(
        Bin(
            low=float(edges[place]),
            high=float(edges[place + 1]),
            observed=int(observed[place]),
            matches=float(matches[place]),
            non_matches=float(strangers[place]),
        )
        for place in range(_BINS)
    )


def _strangers(fitted: Fitted, edges: Floats) -> Floats:
    """The strangers of each segment, spread as pairs within the files are; else as candidates."""
    evidence, model = fitted.evidence, fitted.model
    within = np.r_[evidence.within_left.score, evidence.within_right.score]
    known = model.null.segment[locate(within, model.null.edges)]
    size = np.bincount(known, minlength=len(model.strangers))
    alone = np.where(size == 0, model.strangers / np.maximum(model.null.seen, 1), 0.0)
    each = model.strangers / np.maximum(size, 1)
    spread, _ = np.histogram(within, edges, weights=each[known])
    others, _ = np.histogram(evidence.pairs.score, edges, weights=alone[model.pair_segment])
    result: Floats = spread + others
    return result


def _patterns(weighed: Weighed, probability: Floats) -> tuple[Pattern, ...]:
    """The most frequent patterns of agreement among pairs that may be matches."""
    likely = probability >= float(Plan().candidate_floor)
    found, place, pairs = np.unique(
        weighed.agreement[likely], axis=0, return_inverse=True, return_counts=True
    )
    chance = np.bincount(place.ravel(), probability[likely], minlength=len(pairs)) / pairs
    weight = {(level.filter, rank): level.weight for level, rank in _ranked(weighed)}
    often = [n for n in np.argsort(-pairs, kind="stable")[:_PATTERNS] if pairs[n] >= _FEWEST]
    return tuple(
        Pattern(
            levels=tuple(int(level) + 1 for level in found[n]),
            pairs=int(pairs[n]),
            weight=sum(weight[f + 1, int(level)] for f, level in enumerate(found[n])),
            probability=float(chance[n]),
        )
        for n in often
    )


def _ranked(weighed: Weighed) -> list[tuple[Level, int]]:
    """The levels with their place within their filter, from 0."""
    first = {level.filter: n for n, level in reversed(list(enumerate(weighed.levels)))}
    return [(level, n - first[level.filter]) for n, level in enumerate(weighed.levels)]


def _parameters(fitted: Fitted) -> dict[str, float]:
    model, evidence = fitted.model, fitted.evidence
    known = {
        "score_floor": evidence.floor,
        "pairs_above_floor": float(len(evidence.pairs)),
        "pairs_within_left": float(len(evidence.within_left)),
        "pairs_within_right": float(len(evidence.within_right)),
        "segments": float(len(model.matches)),
        "segments_with_matches": float((model.matches > 0).sum()),
        "matches_found": model.found,
        "matches_below_the_scores": model.missed,
        "similar_pairs_left": model.null.similar[0],
        "similar_pairs_right": model.null.similar[1],
    }
    if fitted.cut is not None:
        known["probability_cut"] = fitted.cut
    if fitted.weighed is not None:
        among_strangers, among_matches = fitted.weighed.dependence
        known["dependence_of_filters_among_strangers"] = among_strangers
        known["dependence_of_filters_among_matches"] = among_matches
    return known


def _warnings(model: ScoreModel) -> tuple[str, ...]:
    found = []
    for name, excess in zip(("left", "right"), model.null.similar, strict=True):
        if excess >= 1:
            found.append(
                f"within the {name} file, about {excess:.0f} more pairs of entities look alike "
                "than the other file lets expect: duplicates, or records that lack fields"
            )
    return tuple(found)
