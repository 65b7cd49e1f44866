"""All pairs of entities that any method proposes, and who accepts which of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blindlink.linker.join.pairs import Pairs, ordered
from blindlink.linker.model.assignment import assign, tie_keys
from blindlink.linker.model.entities import EntityPairs, Side, collapse
from blindlink.linker.model.match_keys import equal_rows
from blindlink.linker.model.non_matches import scores
from blindlink.messages.encodings import Encodings
from blindlink.messages.plan import Plan

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Pool:
    """Pairs sorted by score; their probability (NaN without a model) and segment in the model.

    ``key``: the number of the strictest match key on which a pair agrees, from 1; 0 for none.
    """

    pairs: EntityPairs
    probability: Floats
    segment: npt.NDArray[np.int64]
    key: npt.NDArray[np.int64]
    tie: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.pairs)

    def assign(
        self, accepted: Mask, cardinality: str, preference: Floats, *, optimal: bool = False
    ) -> Mask:
        """Which of the accepted pairs become links, as ``assignment.assign`` chooses."""
        index = np.flatnonzero(accepted)
        chosen = assign(
            self.pairs.left[index],
            self.pairs.right[index],
            preference[index],
            cardinality,  # type: ignore[arg-type]
            tie=self.tie[index],
            optimal=optimal,
        )
        result = np.zeros(len(self), bool)
        result[index[chosen]] = True
        return result


def build(
    encodings: tuple[Encodings, Encodings],
    sides: tuple[Side, Side],
    pairs: EntityPairs,
    probability: Floats | None,
    segment: npt.NDArray[np.int64] | None,
) -> Pool:
    """The scored pairs and those that agree on a match key, whatever their score."""
    known = _code(pairs, sides)
    keyed, level = keyed_pairs(encodings, sides)
    code = _code(keyed, sides)
    new = ~np.isin(code, known)
    merged = _append(pairs, keyed.take(new))
    # What the score model did not see as a candidate scores like a stranger: it gets probability 0.
    absent = np.full(int(new.sum()), np.nan if probability is None else 0.0)
    chance = np.r_[np.full(len(pairs), np.nan) if probability is None else probability, absent]
    place = np.r_[
        np.zeros(len(pairs), np.int64) if segment is None else segment,
        np.zeros(len(absent), np.int64),
    ]
    order = np.lexsort((merged.right_row, merged.left_row, -merged.score))
    merged = merged.take(order)
    tie = tie_keys(sides[0].filters[0], sides[1].filters[0], merged.left_row, merged.right_row)
    return Pool(
        merged, chance[order], place[order], _levels(_code(merged, sides), code, level), tie
    )


def keyed_pairs(
    encodings: tuple[Encodings, Encodings], sides: tuple[Side, Side]
) -> tuple[EntityPairs, npt.NDArray[np.int64]]:
    """Pairs of entities that agree on a match key, and the strictest such key, from 1."""
    left, right = encodings
    rows = [equal_rows(left, right, key) for key in range(len(left.match_keys))]
    a = np.concatenate([np.empty(0, np.int64), *(pair[0] for pair in rows)])
    b = np.concatenate([np.empty(0, np.int64), *(pair[1] for pair in rows)])
    level = np.repeat(np.arange(1, len(rows) + 1), [len(pair[0]) for pair in rows])
    score = scores(sides[0], a, sides[1], b, 0)
    found = collapse(ordered(Pairs(a, b, score)), *sides)
    row_codes = sides[0].entity[a] * max(len(sides[1]), 1) + sides[1].entity[b]
    return found, _levels(_code(found, sides), row_codes, level)


def accepts(pool: Pool, threshold: float, cut: float | None) -> dict[str, Mask]:
    """For each method that the data allow, which pairs it accepts, before the cardinality rule."""
    methods: dict[str, Mask] = {}
    if pool.key.any():
        methods["deterministic"] = pool.key > 0
    methods["clk"] = pool.pairs.score >= threshold
    if cut is not None:
        methods["probabilistic"] = pool.probability >= cut
    return methods


def preferences(pool: Pool, methods: Mapping[str, Mask], plan: Plan) -> Floats:
    """Pairs of an earlier method of the plan come first, then those of higher score."""
    rank = np.zeros(len(pool))
    for number, name in enumerate(reversed(plan.methods)):
        if name in methods:
            rank[methods[name]] = number
    by_probability = plan.methods[0] == "probabilistic" and "probabilistic" in methods
    within = pool.probability if by_probability else pool.pairs.score
    return 2 * rank + within


def flags(methods: Mapping[str, Mask], index: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    """The names of the methods that accept each of these pairs, joined by +."""
    names = np.full(len(index), "", object)
    for name, mask in methods.items():
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


def _code(pairs: EntityPairs, sides: tuple[Side, Side]) -> npt.NDArray[np.int64]:
    return pairs.left * max(len(sides[1]), 1) + pairs.right


def _levels(
    wanted: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], level: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The smallest level of each wanted code, 0 where it has none."""
    result = np.zeros(len(wanted), np.int64)
    order = np.lexsort((level, codes))
    codes, level = codes[order], level[order]
    place = np.searchsorted(codes, wanted)
    inside = np.flatnonzero(place < len(codes))
    hit = inside[codes[place[inside]] == wanted[inside]]
    result[hit] = level[place[hit]]
    return result
