"""What linked data show of each left row: linked, counted, and under which error rates."""

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.columns import texts
from blindlink.analyst.estimate.linked import Linked
from blindlink.analyst.estimate.presence import Presence
from blindlink.analyst.estimate.rates import ErrorRates
from blindlink.arrays import Bools, Int64s
from blindlink.errors import InputError

LINKED = "linked"
_YES, _NO = {"1", "true", "yes", "y"}, {"0", "false", "no", "n", ""}
_ENOUGH = 100  # right rows without link that tell what a stranger's record would count for


def seen(
    linked: Linked, outcome: str | None, rates: ErrorRates, counts_as: float | None = None
) -> Presence:
    """What is seen of the left rows. ``outcome``: a yes/no column of the right table, None for any
    link. Raises InputError."""
    counts = (
        np.ones(len(linked.right), dtype=bool)
        if outcome in (None, LINKED)
        else _yes(linked.right, str(outcome))
    )
    here = np.zeros(len(linked.left), dtype=bool)
    here[linked.links.left] = True
    counted = np.zeros(len(linked.left), dtype=bool)
    counted[linked.links.left[counts[linked.links.right]]] = True
    free = np.ones(len(counts), dtype=bool)
    free[linked.links.right] = False
    if counts_as is None:
        some = counts[free] if free.sum() >= _ENOUGH else counts
        counts_as = float(some.mean()) if len(some) else 1.0
    code, strata = stratum(linked, rates)
    return Presence(counted, here, linked.cluster, code, strata, counts_as, linked.exclusive)


def stratum(linked: Linked, rates: ErrorRates) -> tuple[Int64s, tuple[ErrorRates, ...]]:
    """The stratum of each left row, shape (left rows,), and the rates of each stratum."""
    if rates.column is None:
        return np.zeros(len(linked.left), dtype=np.int64), (rates,)
    names = list(rates.levels)
    values = texts(grouping(linked, rates.column))
    code = pd.Index(names).get_indexer(pd.Index(values)) + 1
    return code.astype(np.int64), (rates, *rates.levels.values())


def grouping(linked: Linked, name: str) -> pd.Series:
    """A column of the left table. Raises InputError."""
    if name not in linked.left:
        raise InputError(
            f"left has no column {name}", hint=f"it has {', '.join(map(str, linked.left))}"[:400]
        )
    return linked.left[name]


def _yes(table: pd.DataFrame, name: str) -> Bools:
    if name not in table:
        raise InputError(
            f"right has no column {name}", hint=f"it has {', '.join(map(str, table))}"[:400]
        )
    words = np.array([word.lower() for word in texts(table[name]).tolist()], dtype=object)
    yes = np.isin(words, list(_YES))
    unclear = ~yes & ~np.isin(words, list(_NO))
    if unclear.any():
        raise InputError(
            f"right, row {int(np.flatnonzero(unclear)[0]) + 1}: column {name} is no yes or no",
            hint="write 1 or 0, true or false, yes or no; empty counts as no",
        )
    return np.asarray(yes)
