"""Match probabilities that count the rivals of each record.

A pair's odds compare it with being non-matches; but under one-to-one linkage at most one pair of a
record can be a match, so two rivals with equal scores share the probability between them. Over all
ways to pair the records (the monomer-dimer model: the weight of a matching is the product of the
odds of its pairs), the marginal probability of a pair is found by sum-product message passing,
exact where the graph of candidates has no cycle and very close where it is sparse, as it is here
(Bayati, Gamarnik, Katz, Nair and Tetali 2007, "Simple deterministic approximation algorithms for
counting matchings").
"""

import numpy as np

from blindlink.arrays import Floats, Int64s

_ROUNDS = 100
_CLOSE = 1e-6


def probabilities(left: Int64s, right: Int64s, odds: Floats, cardinality: str) -> Floats:
    """The match probability of each pair, given its odds against a non-match. Shape: (pairs,).

    ``one-to-one``: rivals on both sides count; ``one-to-many``: one left entity may have many right
    ones, so only rivals for the same right entity count; ``many-to-many``: none do.
    """
    if len(odds) == 0 or cardinality == "many-to-many":
        return odds / (1 + odds)
    if cardinality == "one-to-many":
        return odds / (1 + np.bincount(right, odds)[right])
    return _both_sides(left, right, odds)


def _both_sides(left: Int64s, right: Int64s, odds: Floats) -> Floats:
    from_left = _message(left, odds)
    from_right = _message(right, odds)
    for _ in range(_ROUNDS):
        new_left = _message(left, odds * from_right)
        new_right = _message(right, odds * new_left)
        moved = max(np.abs(new_left - from_left).max(), np.abs(new_right - from_right).max())
        # Averaging in the log stops pairs of equal rivals from swinging to and fro.
        from_left, from_right = np.sqrt(new_left * from_left), np.sqrt(new_right * from_right)
        if moved < _CLOSE:
            break
    weight = odds * from_left * from_right
    result: Floats = weight / (1 + weight)
    return result


def _message(side: Int64s, activity: Floats) -> Floats:
    """The chance that a record is free for a pair, given all its other pairs."""
    others = np.bincount(side, activity)[side] - activity
    result: Floats = 1 / (1 + np.maximum(others, 0))
    return result
