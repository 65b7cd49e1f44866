"""How many bits are set in a row: it tells how much of a person is known, and long names."""

from collections.abc import Iterator

import numpy as np

from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric, light

_PIECE = 1 << 13


def weights(case: Case) -> Iterator[Metric]:
    """Mean and spread of the weights; share of rows more than four standard deviations away.

    Never red: such rows, at most a sixteenth (Chebyshev), show that a field is missing, not which
    value it has.
    """
    total = np.zeros(len(case.table), np.int64)
    for packed in case.encodings.filters:
        for start in range(0, len(packed), _PIECE):
            part = slice(start, start + _PIECE)
            total[part] += np.bitwise_count(packed[part]).sum(axis=1, dtype=np.int64)
    mean, spread = float(total.mean()), float(total.std())
    fill = mean / sum(case.encodings.bits)
    text = f"mean {mean:.1f} ({fill:.1%} of the bits), standard deviation {spread:.1f}"
    yield Metric("filter weight", "", mean, "none", text)
    apart = float((np.abs(total - mean) > 4 * max(spread, 1e-9)).mean())
    yield Metric("outlying weights", "", apart, light(apart, 0.01, 1.0), f"{apart:.2%} of rows")
