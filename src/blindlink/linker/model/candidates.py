"""All pairs of entities that any method proposes, and which of them are accepted and linked."""

from dataclasses import dataclass, replace

import numpy as np

from blindlink.arrays import Bools, Floats, Int64s, Objects, Words
from blindlink.linker.join.pairs import Pairs, ordered
from blindlink.linker.model.assignment import assign, tie_keys
from blindlink.linker.model.copies import Copies
from blindlink.linker.model.entities import EntityPairs, Side, collapse
from blindlink.linker.model.match_keys import equal_rows
from blindlink.linker.model.non_matches import scores
from blindlink.messages.encodings import Encodings
from blindlink.messages.linkage_report import ThresholdMethod
from blindlink.messages.plan import Plan


@dataclass(frozen=True)
class CandidatePairs:
    """Pairs sorted by score; their probability (NaN without a model) and segment in the model.

    ``key``: the number of the strictest match key on which a pair agrees, from 1; 0 for none.
    """

    pairs: EntityPairs
    probability: Floats
    segment: Int64s
    key: Int64s
    tie: Words

    def __len__(self) -> int:
        return len(self.pairs)

    def assign(
        self, accepted: Bools, cardinality: str, preference: Floats, *, optimal: bool = False
    ) -> Int64s:
        """The accepted pairs that become links, as ``assignment.assign`` chooses, in order."""
        index = np.flatnonzero(accepted)
        chosen = assign(
            self.pairs.left[index],
            self.pairs.right[index],
            preference[index],
            cardinality,  # type: ignore[arg-type]
            tie=self.tie[index],
            optimal=optimal,
        )
        return index[chosen]


@dataclass(frozen=True)
class Rule:
    """What decides: the threshold, how it was come by, and the least probability, if there is one.

    ``cut`` is the threshold of the probabilistic method; ``warnings`` go into the report.
    """

    threshold: float
    method: ThresholdMethod
    cut: float | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """Who accepts which candidates, and what becomes of them. Masks have the shape (candidates,).

    ``by_method``: the pairs that each method which the data allow accepts; ``accepted``: those of a
    method that the plan uses, before the cardinality rule; ``released``: accepted, or likely enough
    to be released as a candidate; ``linked``: positions of the links.
    """

    rule: Rule
    by_method: dict[str, Bools]
    accepted: Bools
    released: Bools
    linked: Int64s


def decide(candidates: CandidatePairs, plan: Plan, rule: Rule) -> Decision:
    """Apply the rule and the plan to the candidates."""
    by_method = _accepting(candidates, rule)
    accepted = np.zeros(len(candidates), bool)
    for name in plan.methods:
        accepted |= by_method.get(name, False)
    linked = candidates.assign(
        accepted,
        plan.cardinality,
        _preferences(candidates, by_method, plan),
        optimal=plan.assignment == "optimal",
    )
    likely = candidates.probability >= float(plan.candidate_floor)
    return Decision(rule, by_method, accepted, accepted | likely, linked)


def _accepting(candidates: CandidatePairs, rule: Rule) -> dict[str, Bools]:
    """For each method that the data allow, which pairs it accepts."""
    methods: dict[str, Bools] = {}
    if candidates.key.any():
        methods["deterministic"] = candidates.key > 0
    methods["clk"] = candidates.pairs.score >= rule.threshold
    if rule.cut is not None:
        methods["probabilistic"] = candidates.probability >= rule.cut
    return methods


def _preferences(candidates: CandidatePairs, by_method: dict[str, Bools], plan: Plan) -> Floats:
    """Pairs of an earlier method of the plan come first, then those of higher score."""
    rank = np.zeros(len(candidates))
    for number, name in enumerate(reversed(plan.methods)):
        if name in by_method:
            rank[by_method[name]] = number
    by_probability = plan.methods[0] == "probabilistic" and "probabilistic" in by_method
    within = candidates.probability if by_probability else candidates.pairs.score
    return 2 * rank + within


def build(
    encodings: tuple[Encodings, Encodings],
    sides: tuple[Side, Side],
    pairs: EntityPairs,
    probability: Floats | None = None,
    segment: Int64s | None = None,
) -> CandidatePairs:
    """The scored pairs and those that agree on a match key, whatever their score."""
    known = _code(pairs, sides)
    keyed, level = keyed_pairs(encodings, sides)
    code = _code(keyed, sides)
    new = ~np.isin(code, known)
    merged = _append(pairs, keyed.take(new))
    # What the score model did not see as a candidate scores like a non-match: probability 0.
    absent = np.full(int(new.sum()), np.nan if probability is None else 0.0)
    chance = np.r_[np.full(len(pairs), np.nan) if probability is None else probability, absent]
    segments = np.r_[
        np.zeros(len(pairs), np.int64) if segment is None else segment,
        np.zeros(len(absent), np.int64),
    ]
    order = np.lexsort((merged.right_row, merged.left_row, -merged.score))
    merged = merged.take(order)
    tie = tie_keys(sides[0].filters[0], sides[1].filters[0], merged.left_row, merged.right_row)
    return CandidatePairs(
        merged, chance[order], segments[order], _levels(_code(merged, sides), code, level), tie
    )


def spread(
    encodings: tuple[Encodings, Encodings],
    sides: tuple[Side, Side],
    pairs: EntityPairs,
    people: CandidatePairs,
    copies: tuple[Copies, Copies],
) -> CandidatePairs:
    """Candidate pairs of entities from those of people: copies have their person's probability."""
    dice = scores(sides[0], pairs.left_row, sides[1], pairs.right_row, 0)
    pairs = replace(pairs, score=dice)
    columns = int(copies[1].group.max(initial=0)) + 1
    known = people.pairs.left * columns + people.pairs.right
    wanted = copies[0].group[pairs.left] * columns + copies[1].group[pairs.right]
    order = np.argsort(known)
    at = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    found = known[at] == wanted
    return build(
        encodings,
        sides,
        pairs,
        np.where(found, people.probability[at], 0.0),
        np.where(found, people.segment[at], 0),
    )


def keyed_pairs(
    encodings: tuple[Encodings, Encodings], sides: tuple[Side, Side]
) -> tuple[EntityPairs, Int64s]:
    """Pairs of entities that agree on a match key, and the strictest such key, from 1."""
    left, right = encodings
    rows = [equal_rows(left, right, key) for key in range(len(left.match_keys))]
    a = np.concatenate([np.empty(0, np.int64), *(pair[0] for pair in rows)])
    b = np.concatenate([np.empty(0, np.int64), *(pair[1] for pair in rows)])
    level = np.repeat(np.arange(1, len(rows) + 1), [len(pair[0]) for pair in rows])
    score = scores(sides[0], a, sides[1], b, 0)
    pairs = collapse(ordered(Pairs(a, b, score)), *sides)
    row_codes = sides[0].entity[a] * max(len(sides[1]), 1) + sides[1].entity[b]
    return pairs, _levels(_code(pairs, sides), row_codes, level)


def flags(by_method: dict[str, Bools], index: Int64s) -> Objects:
    """The names of the methods that accept each of these pairs, joined by +."""
    names = np.full(len(index), "", object)
    for name, mask in by_method.items():
        hit = mask[index]
        names[hit] = names[hit] + np.where(names[hit] == "", "", "+") + name
    return names


def _append(first: EntityPairs, second: EntityPairs) -> EntityPairs:
    return EntityPairs(
        np.r_[first.left, second.left],
        np.r_[first.right, second.right],
        np.r_[first.score, second.score],
        np.r_[first.left_row, second.left_row],
        np.r_[first.right_row, second.right_row],
    )


def _code(pairs: EntityPairs, sides: tuple[Side, Side]) -> Int64s:
    return pairs.left * max(len(sides[1]), 1) + pairs.right


def _levels(wanted: Int64s, codes: Int64s, level: Int64s) -> Int64s:
    """The smallest level of each wanted code, 0 where it has none."""
    result = np.zeros(len(wanted), np.int64)
    order = np.lexsort((level, codes))
    codes, level = codes[order], level[order]
    at = np.searchsorted(codes, wanted)
    inside = np.flatnonzero(at < len(codes))
    hit = inside[codes[at[inside]] == wanted[inside]]
    result[hit] = level[at[hit]]
    return result
