"""anonlink's own similarity (Data61, Apache-2.0), where it is installed: an oracle and a baseline.

It loses pairs: its compiled filter drops pairs whose Dice equals the threshold for about half of
the thresholds .50 to .99 (.75 and .95 among them; .70, .80 and .90 are clean). It knows Dice only,
and runs on one core.
"""

import warnings

import numpy as np

from blindlink.errors import InputError, MissingExtraError
from blindlink.linker.join.pairs import Filters, Pairs, best, check, ordered
from blindlink.progress import Progress, silent

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pkg_resources, which it imports, announces its own end
        from anonlink.similarities import dice_coefficient
    from bitarray import bitarray
except ModuleNotFoundError:
    raise MissingExtraError("anonlink (Python 3.11 and older)", "linker") from None

_TILE = 1000


def pairs(
    left: Filters,
    right: Filters,
    threshold: float,
    *,
    top: int | None = None,
    measure: str = "dice",
    bits: int | None = None,
    progress: Progress = silent,
) -> Pairs:
    """The pairs that anonlink finds, with the losses above; see ``engines.Engine``."""
    check(left, right, threshold, top)
    if measure != "dice":
        raise InputError("the engine 'anonlink' knows the measure dice only")
    columns = bitarrays(right)
    parts = []
    for start in range(0, len(left), _TILE):
        rows = bitarrays(left[start : start + _TILE])
        score, (row, column) = dice_coefficient((rows, columns), threshold, k=None)
        parts.append((np.asarray(row, np.int64) + start, np.asarray(column, np.int64), score))
        progress(min(start + _TILE, len(left)), len(left))
    if not parts:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    row, column, score = (np.concatenate(values) for values in zip(*parts, strict=True))
    return best(ordered(Pairs(row, column, score)), top)


def bitarrays(filters: Filters) -> list[bitarray]:
    """The filters as anonlink takes them."""
    result = []
    for row in filters:
        one = bitarray()
        one.frombytes(row.tobytes())
        result.append(one)
    return result
