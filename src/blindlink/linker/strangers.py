"""What scores strangers get: measured, not assumed.

The linker sees no truth, but it has pairs that it knows to be strangers: records within one file
(entities of one owner are different people). A file joined with itself shows how often two people
who are *not* the same reach a score, near-duplicates included: relatives, shared dates of birth,
popular names. Twice the work of the linkage itself buys an empirical null distribution at the very
resolution of the linkage, lumps and all, where any parametric tail would have to be believed.

Two files differ in their people and in their errors. If the files draw from frequencies p and q of
the same token sets, then strangers agree with rate sum p^2 within the first, sum q^2 within the
second and sum p q between them, which is at most the geometric mean of the two (Cauchy-Schwarz) and
equals it when the populations are alike. So the null between files is that geometric mean, scaled
to the bulk of the scores between files, which is strangers throughout.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blindlink.linker.entities import EntityPairs, Scores, Side, collapse
from blindlink.linker.pairs import Filters, Pairs

Join = Callable[[Filters, Filters, float], Pairs]

STRANGERS = 8  # pairs with strangers per left record that the floor lets through
_SAMPLE_LEFT = 400
_SAMPLE_CELLS = 40_000_000  # floats of the right sample: 160 MB
_SELF_PAIRS = 500_000_000  # pairs of entities of a self-join that are always affordable


@dataclass(frozen=True)
class Evidence:
    """Scores at or above ``floor``: between the files, and within each of them.

    ``pairs`` are candidates between the files, of ``compared`` pairs of entities; ``within_left``
    and ``within_right`` are scores of strangers, of ``left_compared`` and ``right_compared`` pairs.
    """

    floor: float
    pairs: EntityPairs
    compared: float
    within_left: Scores
    left_compared: float
    within_right: Scores
    right_compared: float
    left_entities: int
    right_entities: int


def gather(left: Side, right: Side, join: Join, *, seed: int = 0) -> Evidence:
    """Join the files with each other and with themselves, above a floor that bounds the output."""
    floor = choose_floor(left.filters[0], right.filters[0], seed=seed)
    m, n = int(left.comparable.sum()), int(right.comparable.sum())
    pairs = collapse(join(left.filters[0], right.filters[0], floor), left, right)
    most = max(_SELF_PAIRS, m * n // 2)
    within_left, left_compared = _within(left, most, floor, join, seed)
    within_right, right_compared = _within(right, most, floor, join, seed)
    return Evidence(
        floor, pairs, m * n, within_left, left_compared, within_right, right_compared, m, n
    )


def choose_floor(left: Filters, right: Filters, *, seed: int = 0) -> float:
    """The score that about STRANGERS random records of the other file exceed, per record."""
    left, right = left[left.any(axis=1)], right[right.any(axis=1)]
    if not len(left) or not len(right):
        return 1.0
    rng = np.random.default_rng(seed)
    most = max(1_000, _SAMPLE_CELLS // (8 * int(np.shape(right)[1])))
    a = rng.choice(left, min(len(left), _SAMPLE_LEFT), replace=False, shuffle=False)
    b = rng.choice(right, min(len(right), most), replace=False, shuffle=False)
    scores = dice_matrix(a, b).ravel()
    keep = min(len(scores), max(1, round(len(scores) * STRANGERS / len(right))))
    floor = np.partition(scores, len(scores) - keep)[len(scores) - keep]
    # An engine needs a threshold above zero: at zero every pair of the two files would come back.
    return max(round(float(floor), 6), 1e-3)


def dice_matrix(a: Filters, b: Filters) -> npt.NDArray[np.float64]:
    """Dice scores of all pairs of two small sets of filters that are not empty. (len a, len b)"""
    x = np.unpackbits(a, axis=1).astype(np.float32)
    y = np.unpackbits(b, axis=1).astype(np.float32)
    common = (x @ y.T).astype(np.float64)
    scores: npt.NDArray[np.float64] = 2 * common / (x.sum(axis=1)[:, None] + y.sum(axis=1)[None])
    return scores


def _within(side: Side, most: int, floor: float, join: Join, seed: int) -> tuple[Scores, float]:
    """Scores of strangers within one file, and how many pairs were compared.

    A file that is much larger than the other is joined with a sample of itself, so that the joins
    of both files with themselves cost about as much as the linkage.
    """
    entities = np.flatnonzero(side.comparable)
    size = min(len(entities), most // max(len(entities), 1))
    rank = np.full(len(side), np.iinfo(np.int64).max)
    rank[np.random.default_rng(seed + 1).permutation(entities)] = np.arange(len(entities))
    rows = np.flatnonzero(rank[side.entity] < size)
    found = join(side.filters[0][rows], side.filters[0], floor)
    found = Pairs(rows[found.left], found.right, found.score)
    # Each pair of entities once: the lower rank is in the sample and stands on the left.
    once = rank[side.entity[found.left]] < rank[side.entity[found.right]]
    scores = collapse(found.take(once), side, side).score
    return scores, size * len(entities) - size * (size + 1) / 2
