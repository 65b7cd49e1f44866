"""Copies of people within a file: entities whose encodings are equal.

A register may hold a person twice. Two equal encodings of one file are then two records of one
person, not two people who happen to be alike; taken for non-matches they would say that equal
encodings mean nothing. The linker cannot see who they are, but it sees how alike *different* people
are: the further up the scores, the rarer their pairs become. Where equal encodings are far more
frequent than pairs that are merely very alike, they are copies:

    pairs within a file          people          people and copies
    score   .1  .3  .5  .7  =1     9000  40  3  1  0      9000  40  3  1  750

Copies with different spellings are not found here: they are counted in the report (``similar``) as
far as the files' rates contradict each other, and de-duplication is another step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from blindlink.arrays import Bytes, Floats, Int64s
from blindlink.linker.join.pairs import hashes
from blindlink.linker.model.entities import Side

MOST = 8  # equal encodings beyond that are records that say little, not copies of one person
_FACTOR = 3.0  # copies, where equal pairs are so many times as many as pairs that are very alike
_FEWEST = 10  # pairs of equal encodings that are worth a model of their own
_SEEDS = (11, 12)  # of the two hashes by which equal encodings are told


@dataclass(frozen=True)
class Copies:
    """``group``: for each entity the number of the person, from 0 in order of first entities.

    ``pairs``: pairs of entities that are copies; ``extra``: entities beyond the first of a person.
    """

    group: Int64s
    pairs: int
    extra: int


def none(side: Side) -> Copies:
    """Nobody stands twice."""
    return Copies(np.arange(len(side)), 0, 0)


def equal(side: Side) -> Copies:
    """Entities of which some rows have equal encodings in all filters, as far as they tell enough.

    An encoding that more than MOST entities share joins nobody, and neither does an empty one.
    """
    number = _numbers(side.filters)
    number[~side.filters[0].any(axis=1)] = -1
    pair = np.unique(np.column_stack([number, side.entity])[number >= 0], axis=0)
    shared = np.bincount(pair[:, 0], minlength=int(number.max(initial=-1)) + 1)
    pair = pair[(shared[pair[:, 0]] > 1) & (shared[pair[:, 0]] <= MOST)]
    if not len(pair):
        return none(side)
    size = len(side) + len(shared)
    graph = coo_array(
        (np.ones(len(pair), np.int8), (pair[:, 1], len(side) + pair[:, 0])), (size, size)
    )
    component = connected_components(graph, directed=False)[1][: len(side)]
    _, first, inverse, count = np.unique(
        component, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(np.argsort(first))
    return Copies(
        order[inverse].astype(np.int64),
        int((count * (count - 1) // 2).sum()),
        len(side) - len(first),
    )


def among(side: Side, within: Floats, share: float, floor: float) -> Copies:
    """The copies of a file, or none where equal encodings may as well be different people.

    ``within``: scores of pairs of entities of the file, a ``share`` of all pairs, above ``floor``.
    """
    copies = equal(side)
    alike = float(((within >= (1 + floor) / 2) & (within < 1)).sum()) / max(share, 1e-9)
    return copies if copies.pairs >= max(_FEWEST, _FACTOR * alike) else none(side)


def _numbers(filters: Sequence[Bytes]) -> Int64s:
    """The same number for rows that are equal in all filters, from 0. Shape: (rows,)."""
    keys = np.column_stack([hashes(one, seed) for one in filters for seed in _SEEDS])
    flat = np.ascontiguousarray(keys).view(np.dtype((np.void, 8 * keys.shape[1]))).ravel()
    numbers: Int64s = np.unique(flat, return_inverse=True)[1].astype(np.int64)
    return numbers
