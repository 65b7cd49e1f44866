"""Sums that nobody declared: columns and rows that add up wherever one looks.

"everybody" is engaged plus not engaged, "accessed" is in treatment plus ended: an attacker sees it
from the figures. A sum is taken for real when it holds in every one of several places.
"""

from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Int64s

MOST_ITEMS = 10  # every subset is tried
LEAST_PLACES = 3


def sums(items: Int64s) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Pairs (whole, parts) of row numbers with items[whole] = sum of items[parts] in all columns.

    ``items`` has the shape (items, places). Nothing is found with few places or many items.
    """
    used = [i for i in range(len(items)) if items[i].any()]
    if not 3 <= len(used) <= MOST_ITEMS or np.size(items, 1) < LEAST_PLACES:
        return
    totals = _subset_totals(items[used])
    for whole, item in enumerate(used):
        equal = (totals == items[item]).all(axis=1).nonzero()[0]
        for mask in equal.tolist():
            parts = tuple(used[i] for i in range(len(used)) if mask >> i & 1)
            if len(parts) > 1 and not mask >> whole & 1:
                yield item, parts


def _subset_totals(items: Int64s) -> Int64s:
    """The sum of every subset of the rows; subset k has row i where bit i of k is set."""
    totals = np.zeros((1, np.size(items, 1)), dtype=np.int64)
    for row in items:
        totals = np.concatenate([totals, totals + row])
    return totals
