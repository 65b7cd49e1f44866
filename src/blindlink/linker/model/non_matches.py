"""What scores non-matches get: measured, not assumed.

The linker sees no truth, but it has pairs that it knows to be non-matches: records within one file
(entities of one owner are different people). A file joined with itself shows how often two people
who are *not* the same reach a score, near-duplicates included: relatives, shared dates of birth,
popular names. That buys an empirical distribution of the scores of non-matches at the very
resolution of the linkage, lumps and all, where any parametric tail would have to be believed.

Two files differ in their people and in their errors. If the files draw from frequencies p and q of
the same token sets, then non-matches agree with rate sum p^2 within the first, sum q^2 within the
second and sum p q between them, which is at most the geometric mean of the two (Cauchy-Schwarz) and
equals it when the populations are alike. So non-matches between the files are expected at that
geometric mean, scaled to the bulk of the scores between files, which is non-matches throughout.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from blindlink.arrays import Bytes, Floats, Int64s, Words
from blindlink.linker.join.measures import dice
from blindlink.linker.join.pairs import Pairs, hashes, weights, words
from blindlink.linker.model.copies import Copies
from blindlink.linker.model.entities import EntityPairs, Side, collapse

Compare = Callable[[Bytes, Bytes, float], Pairs]

PER_RECORD = 8  # pairs per record of the smaller file that the floor lets through
_CHUNK = 100_000  # pairs whose filters are compared at once
_SAMPLE_SMALLER = 400
_SAMPLE_CELLS = 40_000_000  # floats of the right sample: 160 MB
# Pairs of entities in the join of a file with itself, at most. With a quarter of it the study of
# 150,000 lost a segment that is half right: recall .843 and not .872, .97 stated and not .90.
_SELF_PAIRS = 4_000_000_000
_OTHER_SEED = 2  # of the larger file's sample; 1 is that of the joins within the files


@dataclass(frozen=True)
class Evidence:
    """Pairs with scores at or above ``floor``: between the files, and within each of them.

    ``pairs`` are candidates between the files, of ``compared`` pairs of entities; ``within_left``
    and ``within_right`` non-matches, of ``left_compared`` and ``right_compared`` pairs. The score
    of several filters is their mean.
    """

    floor: float
    pairs: EntityPairs
    compared: float
    within_left: EntityPairs
    left_compared: float
    within_right: EntityPairs
    right_compared: float
    left_entities: int
    right_entities: int


def gather(
    left: Side, right: Side, compare: Compare, *, filters: int = 1, seed: int = 0
) -> Evidence:
    """Join the files with each other and with themselves, above floors that bound the output.

    A pair is found by any of the first ``filters`` filters.
    """
    floors = [
        choose_floor(a, b, seed=seed)
        for a, b in zip(left.filters[:filters], right.filters[:filters], strict=True)
    ]
    m, n = int(left.comparable.sum()), int(right.comparable.sum())
    every = np.arange(left.rows, dtype=np.int64)
    pairs = collapse(_propose(left, every, right, floors, compare), left, right)
    within_left, left_compared = _within(left, floors, compare, seed)
    within_right, right_compared = _within(right, floors, compare, seed)
    return Evidence(
        float(np.mean(floors)) if filters == 1 else 0.0,
        pairs,
        m * n,
        within_left,
        left_compared,
        within_right,
        right_compared,
        m,
        n,
    )


def joined(evidence: Evidence, left: Copies, right: Copies) -> Evidence:
    """The evidence of files in which copies of a record are one entity with it."""
    if not left.extra and not right.extra:
        return evidence
    within = [
        _joined(pairs, group, group, within=True)
        for pairs, group in (
            (evidence.within_left, left.group),
            (evidence.within_right, right.group),
        )
    ]
    shares = [1 - one.extra / max(len(one.group), 1) for one in (left, right)]
    return replace(
        evidence,
        pairs=_joined(evidence.pairs, left.group, right.group, within=False),
        compared=evidence.compared * shares[0] * shares[1],
        within_left=within[0],
        left_compared=evidence.left_compared * shares[0] ** 2,
        within_right=within[1],
        right_compared=evidence.right_compared * shares[1] ** 2,
        left_entities=evidence.left_entities - left.extra,
        right_entities=evidence.right_entities - right.extra,
    )


def _joined(pairs: EntityPairs, left: Int64s, right: Int64s, *, within: bool) -> EntityPairs:
    """Pairs of groups, each with its best pair of entities; within a file, of different groups."""
    a, b = left[pairs.left], right[pairs.right]
    if within:
        a, b = np.minimum(a, b), np.maximum(a, b)
    _, first = np.unique(a * (int(right.max(initial=0)) + 1) + b, return_index=True)
    first.sort()
    if within:
        first = first[a[first] != b[first]]
    return replace(pairs.take(first), left=a[first], right=b[first])


def scores(left: Side, left_row: Int64s, right: Side, right_row: Int64s, number: int) -> Floats:
    """Dice scores of pairs of rows in filter ``number``. Shape: (pairs,)."""
    a, b = words(left.filters[number]), words(right.filters[number])
    heavy, other = weights(a), weights(b)
    common = np.empty(len(left_row), np.int64)
    for start in range(0, len(common), _CHUNK):
        part = slice(start, start + _CHUNK)
        both = a[left_row[part]] & b[right_row[part]]
        common[part] = np.bitwise_count(both).sum(axis=1, dtype=np.int64)
    return dice(common, heavy[left_row], other[right_row], 0)


def choose_floor(left: Bytes, right: Bytes, *, seed: int = 0) -> float:
    """The score that about PER_RECORD random pairs per record of the smaller file exceed.

    From all pairs of a sample of the smaller file with one of the larger. The two are drawn by
    different hashes, so independently of each other: drawn by one hash, equal filters would come
    together, and the files' exact matches stand for non-matches. The same whichever is called left.
    """
    left, right = _filled(left), _filled(right)
    if not len(left) or not len(right):
        return 1.0
    keys = [hashes(filters, seed) for filters in (left, right)]
    if (len(left), keys[0].min()) > (len(right), keys[1].min()):
        left, right, keys = right, left, keys[::-1]
    most = max(1_000, _SAMPLE_CELLS // (8 * int(np.shape(right)[1])))
    a = left[_lowest(keys[0], _SAMPLE_SMALLER)]
    b = right[_lowest(hashes(right, seed + _OTHER_SEED), most)]
    scores = dice_matrix(a, b).ravel()
    keep = min(len(scores), max(1, round(len(scores) * PER_RECORD / len(right))))
    floor = np.partition(scores, len(scores) - keep)[len(scores) - keep]
    # An engine needs a threshold above zero: at zero every pair of the two files would come back.
    return max(round(float(floor), 6), 1e-3)


def _filled(filters: Bytes) -> Bytes:
    """The filters that are not empty; no copy where none is."""
    filled = filters.any(axis=1)
    return filters if filled.all() else filters[filled]


def _lowest(keys: Words, count: int) -> Int64s:
    """The positions of the ``count`` lowest keys, lowest first: a sample that hangs on no order."""
    count = min(count, len(keys))
    lowest = np.argpartition(keys, count - 1)[:count]
    return lowest[np.argsort(keys[lowest], kind="stable")].astype(np.int64)


def dice_matrix(a: Bytes, b: Bytes) -> Floats:
    """Dice scores of all pairs of two small sets of filters that are not empty. (len a, len b)"""
    x = np.unpackbits(a, axis=1).astype(np.float32)
    y = np.unpackbits(b, axis=1).astype(np.float32)
    common = (x @ y.T).astype(np.float64)
    scores: Floats = 2 * common / (x.sum(axis=1)[:, None] + y.sum(axis=1)[None])
    return scores


def _propose(a: Side, rows: Int64s, b: Side, floors: list[float], compare: Compare) -> Pairs:
    """Pairs of these rows of ``a`` with rows of ``b`` for which a filter is above its floor."""
    parts = [
        compare(a.filters[number][rows], b.filters[number], floor)
        for number, floor in enumerate(floors)
    ]
    if len(parts) == 1:
        return Pairs(rows[parts[0].left], parts[0].right, parts[0].score)
    code = np.unique(np.concatenate([part.left * max(b.rows, 1) + part.right for part in parts]))
    left, right = rows[code // max(b.rows, 1)], code % max(b.rows, 1)
    mean = np.mean([scores(a, left, b, right, n) for n in range(len(floors))], axis=0)
    return Pairs(left, right, mean)


def _within(
    side: Side, floors: list[float], compare: Compare, seed: int
) -> tuple[EntityPairs, float]:
    """Pairs of non-matches within one file, and how many pairs were compared.

    A large file is joined with a sample of itself, of ``_SELF_PAIRS`` pairs.
    """
    entities = np.flatnonzero(side.comparable)
    size = min(len(entities), _SELF_PAIRS // max(len(entities), 1))
    rank = np.full(len(side), np.iinfo(np.int64).max)
    lowest = np.full(len(side), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(lowest, side.entity, hashes(side.filters[0], seed + 1))
    rank[entities[np.argsort(lowest[entities], kind="stable")]] = np.arange(len(entities))
    rows = np.flatnonzero(rank[side.entity] < size)
    pairs = _propose(side, rows, side, floors, compare)
    # Each pair of entities once: the lower rank is in the sample and stands on the left.
    once = rank[side.entity[pairs.left]] < rank[side.entity[pairs.right]]
    return collapse(pairs.take(once), side, side), size * len(entities) - size * (size + 1) / 2
