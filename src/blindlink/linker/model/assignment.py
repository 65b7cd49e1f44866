"""From candidate pairs to links: who may be linked how often, and who is preferred.

Greedy: candidates are taken in order of score, highest first; a candidate is accepted while its
entities are free as the cardinality demands. Optimal: of all one-to-one assignments the one with
the highest sum of scores, found for each connected component by itself.

Ties are broken by a key that the caller passes, smallest first, and only then by position. With
``tie_keys`` it is a hash of both filters: neither owner can steer it, since neither knows the
other's filter, and no order of rows changes it.
"""

from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from blindlink.arrays import Bools, Bytes, Floats, Int64s, Words
from blindlink.errors import InputError
from blindlink.linker.join.compiled import kernel
from blindlink.linker.join.pairs import by_score

Cardinality = Literal["one-to-one", "one-to-many", "many-to-many"]

_BONUS = 1e-10  # scores of filters differ by 1e-9 or more

CARDINALITIES: tuple[Cardinality, ...] = ("one-to-one", "one-to-many", "many-to-many")


def assign(
    left: Int64s,
    right: Int64s,
    score: Floats,
    cardinality: Cardinality = "one-to-one",
    *,
    tie: Words | None = None,
    optimal: bool = False,
) -> Bools:
    """Which of the candidates become links. Shapes: all (candidates,).

    ``left`` and ``right`` number the entities of each side from 0. one-to-many: a left entity may
    have many right ones, a right entity at most one left one. ``tie`` orders candidates of one
    score (smallest first; without it, by left and right). ``optimal`` matters for one-to-one only,
    where greedy is not best already. Raises InputError for an unknown cardinality.
    """
    if cardinality not in CARDINALITIES:
        raise InputError(
            f"no cardinality {cardinality!r}", hint=f"choose one of {', '.join(CARDINALITIES)}"
        )
    if cardinality == "many-to-many" or not len(score):
        return np.ones(len(score), np.bool_)
    order = preference(left, right, score, tie)
    if optimal and cardinality == "one-to-one":
        return _optimal(left, right, score, order)
    accepted = np.zeros(len(score), np.bool_)
    left_taken = np.zeros(int(left.max()) + 1, np.bool_)
    right_taken = np.zeros(int(right.max()) + 1, np.bool_)
    _greedy(left, right, order, cardinality == "one-to-one", left_taken, right_taken, accepted)
    return accepted


def preference(left: Int64s, right: Int64s, score: Floats, tie: Words | None = None) -> Int64s:
    """The candidates' positions, preferred first: by score, tie key, left, right."""
    return by_score(score, *(() if tie is None else (tie,)), left, right)


def tie_keys(left: Bytes, right: Bytes, left_row: Int64s, right_row: Int64s) -> Words:
    """A key for each candidate from its two filters, whatever rows they stand in. (candidates,)"""
    first = _digests(left, left_row)
    second = _digests(right, right_row)
    return _mix(first + _mix(second))


def _digests(filters: Bytes, rows: Int64s) -> Words:
    """A 64-bit digest of the filter in each of these rows. Shape: (rows,)."""
    used, number = np.unique(rows, return_inverse=True)
    digests = b"".join(blake2b(filters[row].tobytes(), digest_size=8).digest() for row in used)
    return np.frombuffer(digests, "<u8").astype(np.uint64)[number]


def _mix(value: Words) -> Words:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014), which spreads every bit."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def _greedy(
    left: Any,
    right: Any,
    order: Any,
    left_once: bool,
    left_taken: Any,
    right_taken: Any,
    accepted: Any,
) -> None:
    for candidate in order:
        a, b = left[candidate], right[candidate]
        if right_taken[b] or (left_once and left_taken[a]):
            continue
        left_taken[a] = right_taken[b] = accepted[candidate] = True


def _optimal(left: Int64s, right: Int64s, score: Floats, order: Int64s) -> Bools:
    """The one-to-one candidates with the highest sum of scores.

    Entities are numbered by their first place in ``order``, so that the solver, where it has a
    choice between equal sums, meets the same problem whatever the rows were.
    """
    accepted = np.zeros(len(score), np.bool_)
    a, b, score = _numbered(left[order]), _numbered(right[order]), score[order]
    count = int(a.max()) + 1
    size = count + int(b.max()) + 1
    graph = coo_array((np.ones(len(a), np.int8), (a, count + b)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][a]
    by_component = np.argsort(component, kind="stable")
    borders = np.flatnonzero(np.diff(component[by_component])) + 1
    for members in np.split(by_component, borders):
        chosen = members
        if len(members) > 1:
            chosen = members[_best_matching(a[members], b[members], score[members])]
        accepted[order[chosen]] = True
    return accepted


def _best_matching(left: Int64s, right: Int64s, score: Floats) -> Int64s:
    """The positions of the best matching of one connected component, preferred candidates first.

    scipy wants every left entity matched, so each gets a partner of its own for staying single, and
    1 is added to all scores: the sum is then that of the matched scores plus a constant. Where sums
    are equal, a bonus far below any difference of scores favours the candidates that come first.
    """
    a, b = _numbered(left), _numbered(right)
    count, others = int(a.max()) + 1, int(b.max()) + 1
    single = np.arange(count)
    bonus = _BONUS * np.arange(len(score), 0, -1) / len(score)
    weight = np.r_[1 + score + bonus, np.ones(count)]
    edges = (np.r_[a, single], np.r_[b, others + single])
    graph = csr_array((weight, edges), shape=(count, others + count))
    partner = np.empty(count, np.int64)
    rows, columns = min_weight_full_bipartite_matching(graph, maximize=True)
    partner[rows] = columns
    return np.flatnonzero(partner[a] == b)


def _numbered(values: Int64s) -> Int64s:
    """The values replaced by 0, 1, 2 ... in order of their first appearance."""
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[inverse]
