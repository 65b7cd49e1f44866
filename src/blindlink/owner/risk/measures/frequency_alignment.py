"""No key, nobody known: bits much more frequent than the others, aligned with frequent values."""

from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Bools
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.measures.patterns import aligned
from blindlink.owner.risk.report import Metric
from blindlink.owner.risk.views import View

_ABOVE = 5.0  # standard errors
_MOST = 2048


def frequency_alignment(case: Case, view: View) -> Iterator[Metric]:
    """Every attribute from single bits."""
    frequent, background = frequent_bits(view)
    yield from aligned("frequent bits", case, view, frequent, background)


def frequent_bits(view: View) -> tuple[Bools, float]:
    """The bits that stand out, (rows, bits), the most frequent first, and the median frequency."""
    share = np.concatenate([block.mean(axis=0) for block in view.blocks()])
    background = float(np.median(share))
    noise = np.sqrt(max(background * (1 - background), 1e-9) / len(view))
    cut = max(background + _ABOVE * noise, np.sort(share)[-min(_MOST, len(share))])
    # The bits once more: all of them at a time would take too much room.
    chosen = [block[:, block.mean(axis=0) > cut] > 0 for block in view.blocks()]
    return np.concatenate(chosen, axis=1), background
