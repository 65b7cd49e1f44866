"""anonlink's own similarity (Data61, Apache-2.0), where it is installed: an oracle and a baseline.

It loses pairs: its compiled filter drops pairs whose Dice equals the threshold for about half of
the thresholds .50 to .99 (.75 and .95 among them; .70, .80 and .90 are clean). It knows Dice only,
and runs on one core.
"""

import warnings
from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Bytes
from blindlink.errors import MissingExtraError
from blindlink.linker.join.engines import Engine
from blindlink.linker.join.pairs import Join, Pairs

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pkg_resources, which it imports, announces its own end
        from anonlink.similarities import dice_coefficient
    from bitarray import bitarray
except ModuleNotFoundError:
    raise MissingExtraError("anonlink (Python 3.11 and older)", "linker") from None

_TILE = 1000


class Anonlink(Engine):
    """The pairs that anonlink finds, with the losses above."""

    exact = False
    measures = frozenset({"dice"})

    def batches(self, join: Join) -> Iterator[Pairs]:
        """See ``Engine``. A part is what anonlink gives for some left rows, all at once."""
        columns = bitarrays(join.others)
        for start in range(0, len(join.left), _TILE):
            rows = bitarrays(join.left[start : start + _TILE])
            score, (row, column) = dice_coefficient((rows, columns), join.threshold, k=None)
            pairs = Pairs(
                np.asarray(row, np.int64) + start,
                np.asarray(column, np.int64),
                np.asarray(score, np.float64),
            )
            yield join.counting(pairs)
            join.progress(min(start + _TILE, len(join.left)), len(join.left))


def bitarrays(filters: Bytes) -> list[bitarray]:
    """The filters as anonlink takes them."""
    result = []
    for row in filters:
        one = bitarray()
        one.frombytes(row.tobytes())
        result.append(one)
    return result


engine = Anonlink()
