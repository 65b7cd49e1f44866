"""No key, nobody known: bits that are set together are one token's; its frequency tells the value.

For every bit, those that go with it nearly as well as its best companion make a pattern; the rows
that have all of them hold the token. See ``patterns`` for the source and the alignment.
"""

from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Bools, Float32s
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.measures.correlation import HIGHEST, correlations
from blindlink.owner.risk.measures.patterns import aligned
from blindlink.owner.risk.report import Metric
from blindlink.owner.risk.views import View

_COLUMNS = 2048
_COMPANION = 0.6
_LARGEST = 64


def co_occurrence(case: Case, view: View) -> Iterator[Metric]:
    """Every attribute."""
    bits = view.columns(_COLUMNS, case.rng("co-occurrence"))
    yield from aligned("co-occurring bits", case, view, clusters(bits), 0.0)


def clusters(bits: Float32s) -> Bools:
    """Which rows hold which pattern of bits, (rows, patterns); no pattern stands twice."""
    related = correlations(bits)
    np.fill_diagonal(related, 0)
    best = np.maximum(_COMPANION * related.max(axis=1), HIGHEST / np.sqrt(len(bits)))
    members = related >= best[:, None]
    np.fill_diagonal(members, True)
    sizes = members.sum(axis=1)
    members = np.unique(members[(sizes > 1) & (sizes <= _LARGEST)], axis=0)
    held = bits > 0
    found = [held[:, each].all(axis=1) for each in members]
    return np.stack(found, axis=1) if found else np.zeros((len(bits), 0), bool)
