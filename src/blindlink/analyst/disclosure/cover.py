"""Which published counts to withhold so that a secret is protected, at the least loss to readers.

A secret is protected when another set of counts fits everything that stays published and differs
in the secret by the protection level. The cheapest such set is a linear program over all relations:
withheld counts may move for nothing, published ones at a price; those that have to move are
withheld. Source: Kelly, Golden and Assad (1992), Cell suppression: disclosure protection for
sensitive tabular data, Networks 22; Fischetti and Salazar (2000), Management Science 46.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array, hstack, vstack

from blindlink.analyst.disclosure.attacker import ROOM
from blindlink.analyst.disclosure.cells import Cells, Terms
from blindlink.arrays import Floats

ZERO = 20.0  # zeros are worth keeping: nobody is in them
STEP = 6.0  # a total over one more label is this much dearer than its parts
MOVED = 1e-6


class Cover:
    """The programs of one release: relations and prices are written down once."""

    def __init__(self, cells: Cells, floor: Mapping[int, int]) -> None:
        self.value = np.array(cells.value, dtype=float)
        self.floor = np.array([floor[cell] for cell in range(len(self.value))], dtype=float)
        self.matrix = _matrix(cells)
        self.low = np.array([r.low for r in cells.relations], dtype=float)
        self.high = np.array([np.inf if r.high is None else r.high for r in cells.relations])
        detail = np.array(cells.detail, dtype=float)
        size = np.log1p(self.value) / np.log1p(self.value.max(initial=1))
        self.price = STEP ** (detail.max(initial=0) - detail) * (1 + 3 * size)
        self.price[self.value == 0] *= ZERO

    def withhold(
        self,
        secret: Terms,
        width: int,
        hidden: Collection[int],
        slack: Mapping[int, tuple[int, int]],
    ) -> list[int]:
        """The cells to withhold besides ``hidden``; none when nothing protects the secret.

        ``slack``: the least and largest true count behind a published cell that is rounded.
        """
        for sign in (1, -1):
            paid = self._solve(secret, sign * width, hidden, slack)
            if paid is not None:
                return [int(cell) for cell in np.flatnonzero(paid > MOVED)]
        return []

    def _solve(
        self,
        secret: Terms,
        change: int,
        hidden: Collection[int],
        slack: Mapping[int, tuple[int, int]],
    ) -> Floats | None:
        """The movement of every cell that costs; None when impossible."""
        n = len(self.value)
        free_low, free_high = np.zeros(n), np.zeros(n)
        for cell, (low, high) in slack.items():
            free_low[cell], free_high[cell] = low - self.value[cell], high - self.value[cell]
        at = np.fromiter(hidden, dtype=np.int64)
        free_low[at], free_high[at] = (np.minimum(self.floor, self.value) - self.value)[at], ROOM
        # Most published zeros stay: a reader who knows the rule would not believe another.
        open_up = np.where((self.value > 0) | (self.floor == 0), float(ROOM), 0.0)
        open_up[at] = 0
        down = np.where(open_up > 0, np.maximum(self.value - self.floor, 0), 0)
        target = np.zeros(n)
        for cell, factor in secret:
            target[cell] += factor
        rows = vstack([self.matrix, csr_array(np.sign(change) * target[None, :])])
        here = self.matrix @ self.value
        constraint = LinearConstraint(
            hstack([rows, rows, -rows], format="csr"),
            np.append(self.low - here, abs(change)),
            np.append(self.high - here, np.inf),
        )
        result = milp(
            np.concatenate([np.zeros(n), self.price, self.price]),
            bounds=Bounds(
                np.concatenate([free_low, np.zeros(2 * n)]),
                np.concatenate([free_high, open_up, down]),
            ),
            constraints=constraint,
        )
        if result.x is None:
            return None
        up, back = result.x[n : 2 * n], result.x[2 * n :]
        return np.asarray(up + back)


def _matrix(cells: Cells) -> csr_array:
    entries = [(row, c, k) for row, r in enumerate(cells.relations) for c, k in r.terms]
    shape = (len(cells.relations), len(cells.value))
    if not entries:
        return csr_array(shape)
    rows, columns, factors = np.array(entries).T
    return coo_array((factors.astype(float), (rows, columns)), shape=shape).tocsr()


def prices(cover: Cover, cells: Sequence[int]) -> list[int]:
    """The cells in falling order of their price."""
    return sorted(cells, key=lambda cell: (-cover.price[cell], cell))
