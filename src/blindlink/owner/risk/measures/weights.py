"""How many bits are set in a row: it tells how much of a person is known, and long names."""

from collections.abc import Iterator

import numpy as np

from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric

_PIECE = 1 << 13


def weights(case: Case) -> Iterator[Metric]:
    """Mean and spread of the weights. What they tell is measured by ``missing``."""
    total = np.zeros(len(case.table), np.int64)
    for packed in case.encodings.filters:
        for start in range(0, len(packed), _PIECE):
            part = slice(start, start + _PIECE)
            total[part] += np.bitwise_count(packed[part]).sum(axis=1, dtype=np.int64)
    mean, spread = float(total.mean()), float(total.std())
    fill = mean / sum(case.encodings.bits)
    text = f"mean {mean:.1f} ({fill:.1%} of the bits), standard deviation {spread:.1f}"
    yield Metric("filter weight", "", mean, "none", text)
