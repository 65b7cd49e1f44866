"""Two files of encodings in, links with probabilities and their expected quality out.

The stages, each in a module of its own: entities, strangers (joins with the other file and with
itself), several (where there are several filters), null, scoring, competition, thresholds,
assignment, quality.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blindlink.errors import KeyFileError, SchemaError, SeparationError
from blindlink.linker.join import engines
from blindlink.linker.join.pairs import Filters, Pairs
from blindlink.linker.model import candidates as pool
from blindlink.linker.model import fellegi_sunter as several
from blindlink.linker.model import non_matches as strangers
from blindlink.linker.model import report as quality
from blindlink.linker.model import scoring, thresholds
from blindlink.linker.model.entities import EntityPairs, Side, collapse, side
from blindlink.messages.encodings import Encodings
from blindlink.messages.linkage_report import LinkageReport, ThresholdMethod
from blindlink.messages.plan import AUTO, Plan
from blindlink.progress import Progress, silent

Index = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]

_STEPS = 1000  # progress of one join


@dataclass(frozen=True)
class Candidates:
    """Pairs of entities, sorted by score (highest first), then left row, then right row.

    ``left_row``, ``right_row``: positions of the best pair of rows; ``left_entity``,
    ``right_entity``: the owner's entity values, or input rows where it gave none; ``probability``:
    of being a match, NaN without a model; ``method``: the methods that accept the pair, joined by
    ``+``, empty for a candidate that none accepts.
    """

    left_row: Index
    right_row: Index
    left_entity: Objects
    right_entity: Objects
    score: Floats
    probability: Floats
    method: Objects

    def __len__(self) -> int:
        return len(self.score)


@dataclass(frozen=True)
class Counts:
    """For every entity of one side, in how many candidates it stands, before cardinality.

    The candidates' ``method`` tells those that were accepted.
    """

    entity: Objects
    count: Index


@dataclass(frozen=True)
class Linkage:
    """What the linker found. ``candidates`` hold the links too."""

    links: Candidates
    candidates: Candidates
    left_counts: Counts
    right_counts: Counts
    report: LinkageReport


def link(
    left: Encodings,
    right: Encodings,
    plan: Plan,
    *,
    engine: str = AUTO,
    seed: int = 0,
    progress: Progress = silent,
) -> Linkage:
    """Link two files by the plan.

    ``engine`` overrides the plan's. ``seed`` draws the samples that bound the cost of the joins of
    a file with itself, and the intervals. Raises SchemaError or KeyFileError when the files do not
    belong together, and SeparationError when the threshold is ``auto``, cannot be found and has no
    fallback.
    """
    check(left, right)
    if plan.levels and len(plan.levels) != len(left.filters):
        raise SchemaError(
            f"the plan states levels for {len(plan.levels)} filters, a record has "
            f"{len(left.filters)}",
            hint="state the levels of every filter, or of none",
        )
    sides = (side(left), side(right))
    name = plan.engine if engine == AUTO else engine
    if plan.fixed is not None:
        join = _join(name, 1, progress)
        return _fixed((left, right), sides, plan, plan.fixed, "fixed", (), join)
    try:
        joins = 3 * _filters(left, plan)
        return _auto((left, right), sides, plan, seed, _join(name, joins, progress))
    except SeparationError as error:
        if plan.fallback is None:
            raise
        notes = (f"threshold auto was not possible: {error.message}",)
        join = _join(name, 1, progress)
        return _fixed((left, right), sides, plan, plan.fallback, "fallback", notes, join)


def check(left: Encodings, right: Encodings) -> None:
    """Raises SchemaError or KeyFileError unless both files were encoded alike."""
    if left.schema_fingerprint != right.schema_fingerprint:
        raise SchemaError(
            "the two files were encoded with different linkage schemas",
            hint="encode both files with the same linkage schema",
        )
    if left.bits != right.bits:
        raise SchemaError(
            f"the filters have {_lengths(left)} bits on the left, {_lengths(right)} on the right",
            hint="encode both files with the same linkage schema",
        )
    if len(left.match_keys) != len(right.match_keys):
        raise SchemaError("the two files do not have the same match keys")
    if left.key_check and right.key_check and left.key_check != right.key_check:
        raise KeyFileError(
            "the two files were encoded with different linkage keys: their check values differ",
            hint="encode both files with the same linkage key",
        )


def _lengths(encodings: Encodings) -> str:
    return " + ".join(str(bits) for bits in encodings.bits)


def _join(name: str, joins: int, progress: Progress) -> strangers.Join:
    """The engine as a function of two sets of filters and a threshold; ``joins`` are to come."""
    finished = 0

    def join(left: Filters, right: Filters, threshold: float) -> Pairs:
        nonlocal finished
        chosen = name
        if name == AUTO:
            chosen, _ = engines.choose(len(left), len(right), 8 * int(np.shape(left)[1]))
        start = finished
        finished += _STEPS

        def report(done: int, total: int) -> None:
            progress(start + _STEPS * done // max(total, 1), joins * _STEPS)

        return engines.bounded(chosen, left, right, threshold, progress=report)

    return join


def _fixed(
    encodings: tuple[Encodings, Encodings],
    sides: tuple[Side, Side],
    plan: Plan,
    threshold: float,
    how: ThresholdMethod,
    notes: tuple[str, ...],
    join: strangers.Join,
) -> Linkage:
    pairs = collapse(join(sides[0].filters[0], sides[1].filters[0], threshold), *sides)
    proposed = pool.build(encodings, sides, pairs, None, None)
    methods = pool.accepts(proposed, threshold, None)
    linked = _links(proposed, methods, plan)
    report = quality.without_model(sides, plan, proposed, methods, linked, threshold, how, notes)
    return _result(sides, proposed, methods, linked, plan, report)


def _auto(
    encodings: tuple[Encodings, Encodings],
    sides: tuple[Side, Side],
    plan: Plan,
    seed: int,
    join: strangers.Join,
) -> Linkage:
    used = _filters(encodings[0], plan)
    evidence = strangers.gather(*sides, join, filters=used, seed=seed)
    dice, weighed = evidence.pairs, None
    if (used > 1 or plan.levels) and len(evidence.pairs):
        weighed = several.weigh(evidence, *sides, plan.edges)
        evidence, dice = weighed.evidence, weighed.dice
    model = scoring.fit(evidence, plan.cardinality)
    proposed = pool.build(encodings, sides, dice, model.probability, model.pair_segment)
    by_score = _curve(proposed, proposed.pairs.score, plan, evidence, model)
    by_chance = _curve(proposed, proposed.probability, plan, evidence, model)
    chosen = thresholds.choose(by_score, plan)
    threshold = float(by_score.threshold[chosen])
    cut = _cut(by_chance, plan)
    methods = pool.accepts(proposed, threshold, cut)
    linked = _links(proposed, methods, plan)
    shown = by_chance if plan.methods[0] == "probabilistic" else by_score
    fitted = quality.Fitted(evidence, model, shown, threshold, cut, seed, weighed)
    report = quality.with_model(sides, plan, proposed, methods, linked, fitted)
    return _result(sides, proposed, methods, linked, plan, report)


def _filters(encodings: Encodings, plan: Plan) -> int:
    """How many filters the plan uses: all of them for the probabilistic method, else the first."""
    return len(encodings.filters) if "probabilistic" in plan.methods else 1


def _cut(points: thresholds.Curve, plan: Plan) -> float | None:
    """The least probability that the probabilistic method accepts; may be missing if not used."""
    try:
        return float(points.threshold[thresholds.choose(points, plan)])
    except SeparationError:
        if "probabilistic" in plan.methods:
            raise
        return None


def _curve(
    proposed: pool.Pool,
    preference: Floats,
    plan: Plan,
    evidence: strangers.Evidence,
    model: scoring.ScoreModel,
) -> thresholds.Curve:
    """The curve of the pairs that the cardinality rule keeps, were every pair accepted."""
    kept = proposed.assign(np.ones(len(proposed), bool), plan.cardinality, preference)
    index = np.flatnonzero(kept)
    index = index[np.argsort(-preference[index], kind="stable")]
    alone = quality.partnerless(proposed, evidence.pairs.left, model)[index]
    return thresholds.curve(
        preference[index],
        proposed.probability[index],
        alone,
        model.total,
        evidence.left_entities - model.total,
    )


def _links(proposed: pool.Pool, methods: dict[str, pool.Mask], plan: Plan) -> Index:
    accepted = np.zeros(len(proposed), bool)
    for name in plan.methods:
        accepted |= methods.get(name, False)
    preference = pool.preferences(proposed, methods, plan)
    optimal = plan.assignment == "optimal"
    chosen = proposed.assign(accepted, plan.cardinality, preference, optimal=optimal)
    return np.flatnonzero(chosen)


def _result(
    sides: tuple[Side, Side],
    proposed: pool.Pool,
    methods: dict[str, pool.Mask],
    linked: Index,
    plan: Plan,
    report: LinkageReport,
) -> Linkage:
    accepted = np.zeros(len(proposed), bool)
    for name in plan.methods:
        accepted |= methods.get(name, False)
    likely = proposed.probability >= float(plan.candidate_floor)
    wanted = np.flatnonzero(accepted | likely)
    kept = proposed.pairs.take(wanted)
    return Linkage(
        links=_candidates(sides, proposed, linked, methods),
        candidates=_candidates(sides, proposed, wanted, methods),
        left_counts=Counts(sides[0].names, np.bincount(kept.left, minlength=len(sides[0]))),
        right_counts=Counts(sides[1].names, np.bincount(kept.right, minlength=len(sides[1]))),
        report=report,
    )


def _candidates(
    sides: tuple[Side, Side], proposed: pool.Pool, index: Index, methods: dict[str, pool.Mask]
) -> Candidates:
    pairs: EntityPairs = proposed.pairs.take(index)
    return Candidates(
        left_row=pairs.left_row,
        right_row=pairs.right_row,
        left_entity=sides[0].names[pairs.left],
        right_entity=sides[1].names[pairs.right],
        score=pairs.score,
        probability=proposed.probability[index],
        method=pool.flags(methods, index),
    )
