"""anonlink's own solver of clusters, where it is installed: an oracle for ``clusters``."""

import warnings
from array import array
from collections.abc import Sequence

import numpy as np

from blindlink.errors import MissingExtraError
from blindlink.linker.model.clusters import FilePairs, Record, in_order

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pkg_resources, which it imports, announces its own end
        from anonlink.solving import probabilistic_greedy_solve
except ModuleNotFoundError:
    raise MissingExtraError("anonlink (Python 3.11 and older)", "linker") from None


def solve(
    candidates: Sequence[FilePairs], *, agreement: float = 1.0, one_per_file: bool = True
) -> list[tuple[Record, ...]]:
    """The groups that anonlink's solver makes; see ``blindlink.linker.model.clusters.group``."""
    records = np.array(in_order(candidates), np.uint32).reshape(-1, 2, 2)
    files = tuple(array("I", records[:, side, 0].tolist()) for side in (0, 1))
    rows = tuple(array("I", records[:, side, 1].tolist()) for side in (0, 1))
    falling = array("d", range(len(records), 0, -1))
    groups = probabilistic_greedy_solve(
        (falling, files, rows), merge_threshold=agreement, deduplicated=one_per_file
    )
    return sorted(tuple(sorted(members)) for members in groups)
