"""Two files of encodings in, links with probabilities and their expected quality out.

``Linker`` is one linkage in stages, each in a module of its own and computed once, when it is asked
for:

    sides       records numbered by entity                                   entities
    copies      entities of one file that are one person                     copies
    evidence    pairs between the files and within each, above a floor       non_matches
                (several filters: as one match weight)                       fellegi_sunter
    model       how many are matches at each score                           scoring
    candidates  the pairs with their probabilities, and those of match keys  competition, candidates
    by_score    what every threshold is expected to give                     thresholds
    rule        the threshold chosen, fixed or fallen back to                thresholds
    decision    who is accepted, who is linked                               assignment
    report      expected quality                                             intervals, report
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from blindlink.arrays import Bytes, Floats, Int64s, Objects
from blindlink.errors import KeyFileError, SchemaError, SeparationError
from blindlink.linker.join import engines
from blindlink.linker.join.pairs import Join, Pairs
from blindlink.linker.model import candidates as proposing
from blindlink.linker.model import copies, non_matches, report, scoring, thresholds
from blindlink.linker.model.candidates import CandidatePairs, Rule
from blindlink.linker.model.copies import Copies
from blindlink.linker.model.entities import Side, collapse, side
from blindlink.linker.model.fellegi_sunter import Weighed, weigh
from blindlink.linker.model.non_matches import Evidence
from blindlink.linker.model.room import check_room
from blindlink.linker.model.scoring import ScoreModel
from blindlink.linker.model.thresholds import Curve
from blindlink.messages.encodings import Encodings
from blindlink.messages.linkage_report import LinkageReport
from blindlink.messages.plan import AUTO, Plan
from blindlink.progress import Progress, silent

_STEPS = 1000  # progress of one join


@dataclass(frozen=True)
class Candidates:
    """Pairs of entities, sorted by score (highest first), then left row, then right row.

    ``left_row``, ``right_row``: positions of the best pair of rows; ``left_entity``,
    ``right_entity``: the owner's entity values, or input rows where it gave none; ``probability``:
    of being a match, NaN without a model; ``method``: the methods that accept the pair, joined by
    ``+``, empty for a candidate that none accepts.
    """

    left_row: Int64s
    right_row: Int64s
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
    count: Int64s


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
    linker = Linker(left, right, plan, engine=engine, seed=seed, progress=progress)
    if plan.fixed is not None:
        check_room(left, right, plan.fixed, seed=seed)
        return linker.result(Rule(plan.fixed, "fixed"))
    try:
        return linker.result(linker.rule)
    except SeparationError as error:
        if plan.fallback is None:
            raise
        warning = f"threshold auto was not possible: {error.message}"
        return linker.result(Rule(plan.fallback, "fallback", warnings=(warning,)))


class Linker:
    """One linkage of two files by a plan; see the module for its stages.

    ``result(linker.rule)`` is the automatic linkage; ``result(Rule(.8, "fixed"))`` needs no model
    and computes none. Raises as ``link`` does.
    """

    def __init__(
        self,
        left: Encodings,
        right: Encodings,
        plan: Plan,
        *,
        engine: str = AUTO,
        seed: int = 0,
        progress: Progress = silent,
    ) -> None:
        check(left, right)
        if plan.levels and len(plan.levels) != len(left.filters):
            raise SchemaError(
                f"the plan states levels for {len(plan.levels)} filters, a record has "
                f"{len(left.filters)}",
                hint="state the levels of every filter, or of none",
            )
        self.encodings, self.plan, self.seed = (left, right), plan, seed
        self._engine = plan.engine if engine == AUTO else engine
        self._progress, self._joined, self._joins = progress, 0, 3 * self._filters

    @cached_property
    def sides(self) -> tuple[Side, Side]:
        """Both files, their entities numbered; copies are one entity where the plan says so."""
        left, right = (side(encodings) for encodings in self.encodings)
        if self.plan.collapse_duplicates:
            left, right = (one.joined(copies.equal(one).group) for one in (left, right))
        return left, right

    @cached_property
    def copies(self) -> tuple[Copies, Copies]:
        """In each file, which entities are the same person; nobody where that is not certain."""
        raw, (left, right) = self._compared, self.sides
        m, n = (count * (count - 1) / 2 for count in (raw.left_entities, raw.right_entities))
        return (
            copies.among(left, raw.within_left.score, raw.left_compared / max(m, 1), raw.floor),
            copies.among(right, raw.within_right.score, raw.right_compared / max(n, 1), raw.floor),
        )

    @cached_property
    def people(self) -> tuple[Side, Side]:
        """Both files with copies as one entity: what the model counts."""
        left, right = (
            one.joined(found.group) if found.extra else one
            for one, found in zip(self.sides, self.copies, strict=True)
        )
        return left, right

    @cached_property
    def evidence(self) -> Evidence:
        """Pairs between the files and within each of them, with the score that the model reads."""
        return self._measured if self.weighed is None else self.weighed.evidence

    @cached_property
    def weighed(self) -> Weighed | None:
        """The match weights of several filters or of stated levels, where the plan uses them."""
        wanted = self._filters > 1 or self.plan.levels
        if not wanted or not len(self._measured.pairs):
            return None
        return weigh(self._measured, *self.people, self.plan.edges)

    @cached_property
    def model(self) -> ScoreModel:
        """The score model. Raises SeparationError where the scores show no matches."""
        return scoring.fit(self.evidence, self.plan.cardinality)

    @cached_property
    def pairs_of_people(self) -> CandidatePairs:
        """All pairs of people that a method proposes, with their probabilities."""
        pairs = self.evidence.pairs if self.weighed is None else self.weighed.dice
        return proposing.build(
            self.encodings, self.people, pairs, self.model.probability, self.model.pair_segment
        )

    @cached_property
    def candidates(self) -> CandidatePairs:
        """All pairs of entities that a method proposes; copies have their person's probability."""
        left, right = self.copies
        if not left.extra and not right.extra:
            return self.pairs_of_people
        return proposing.spread(
            self.encodings, self.sides, self._compared.pairs, self.pairs_of_people, self.copies
        )

    @cached_property
    def by_score(self) -> Curve:
        """What thresholds of the score are expected to give."""
        return self._curve(self.pairs_of_people.pairs.score)

    @cached_property
    def by_probability(self) -> Curve:
        """What thresholds of the match probability are expected to give."""
        return self._curve(self.pairs_of_people.probability)

    @cached_property
    def rule(self) -> Rule:
        """The thresholds that serve the plan's target. Raises SeparationError where none does."""
        chosen = thresholds.choose(self.by_score, self.plan)
        return Rule(float(self.by_score.threshold[chosen]), "auto", self._cut())

    def result(self, rule: Rule) -> Linkage:
        """The links by this rule; a rule that is not automatic takes its candidates by itself."""
        if rule.method == "auto":
            candidates = self.candidates
        else:
            self._joined, self._joins = 0, 1
            left, right = (one.filters[0] for one in self.sides)
            pairs = collapse(self._compare(left, right, rule.threshold), *self.sides)
            candidates = proposing.build(self.encodings, self.sides, pairs)
        decision = proposing.decide(candidates, self.plan, rule)
        linkage = report.Linked(self.plan, self.sides, candidates, decision)
        if rule.method == "auto":
            shown = self.by_score
            if self.plan.methods[0] == "probabilistic":
                shown = self.by_probability
            people = self.pairs_of_people
            fitted = report.Fitted(
                self.evidence,
                self.model,
                shown,
                self.seed,
                report.Linked(
                    self.plan, self.people, people, proposing.decide(people, self.plan, rule)
                ),
                self.copies,
                self.weighed,
            )
            return _linkage(linkage, report.with_model(linkage, fitted))
        return _linkage(linkage, report.without_model(linkage))

    @cached_property
    def _compared(self) -> Evidence:
        return non_matches.gather(*self.sides, self._compare, filters=self._filters, seed=self.seed)

    @cached_property
    def _measured(self) -> Evidence:
        return non_matches.joined(self._compared, *self.copies)

    @property
    def _filters(self) -> int:
        """How many filters the plan uses: all for the probabilistic method, else the first."""
        return len(self.encodings[0].filters) if "probabilistic" in self.plan.methods else 1

    def _compare(self, left: Bytes, right: Bytes, threshold: float) -> Pairs:
        """One join by the engine, with the progress of all joins that are to come."""
        name = self._engine
        if name == AUTO:
            name, _ = engines.choose(len(left), len(right), 8 * int(np.shape(left)[1]))
        before, total_steps = self._joined, self._joins * _STEPS
        self._joined += _STEPS

        def report(done: int, total: int) -> None:
            self._progress(before + _STEPS * done // max(total, 1), total_steps)

        return engines.load(name).bounded(Join(left, right, threshold, progress=report))

    def _cut(self) -> float | None:
        """The least probability that the probabilistic method accepts; may be missing if unused."""
        curve = self.by_probability
        try:
            return float(curve.threshold[thresholds.choose(curve, self.plan)])
        except SeparationError:
            if "probabilistic" in self.plan.methods:
                raise
            return None

    def _curve(self, preference: Floats) -> Curve:
        """The curve of the pairs that the cardinality rule keeps, were every pair accepted."""
        candidates = self.pairs_of_people
        every = np.ones(len(candidates), bool)
        kept = candidates.assign(every, self.plan.cardinality, preference)
        kept = kept[np.argsort(-preference[kept], kind="stable")]
        alone = report.partnerless(candidates, self.evidence, self.model)[kept]
        return thresholds.curve(
            preference[kept],
            candidates.probability[kept],
            alone,
            self.model.total,
            self.evidence.left_entities - self.model.total,
        )


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


def _linkage(linked: report.Linked, told: LinkageReport) -> Linkage:
    """What is handed over: links, candidates, and in how many candidates each entity stands."""
    released = np.flatnonzero(linked.decision.released)
    pairs = linked.candidates.pairs.take(released)
    left, right = linked.sides
    return Linkage(
        links=_candidates(linked, linked.decision.linked),
        candidates=_candidates(linked, released),
        left_counts=Counts(left.names, np.bincount(pairs.left, minlength=len(left))),
        right_counts=Counts(right.names, np.bincount(pairs.right, minlength=len(right))),
        report=told,
    )


def _candidates(linked: report.Linked, index: Int64s) -> Candidates:
    left, right = linked.sides
    pairs = linked.candidates.pairs.take(index)
    return Candidates(
        left_row=pairs.left_row,
        right_row=pairs.right_row,
        left_entity=left.names[pairs.left],
        right_entity=right.names[pairs.right],
        score=pairs.score,
        probability=linked.candidates.probability[index],
        method=proposing.flags(linked.decision.by_method, index),
    )
