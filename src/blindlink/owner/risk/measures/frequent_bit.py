"""How far the bits are from equally frequent: a frequent value lights its own bits."""

import math
from collections.abc import Iterator

import numpy as np

from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric, light

_ROWS = 50_000


def frequent_bit(case: Case) -> Iterator[Metric]:
    """The most frequent bit's share of rows above the mean, less five standard errors."""
    for number, (packed, bits) in enumerate(
        zip(case.encodings.filters, case.encodings.bits, strict=True), start=1
    ):
        rows = packed[:_ROWS]
        held = np.zeros(bits)
        for start in range(0, len(rows), 5000):
            part = np.unpackbits(rows[start : start + 5000], axis=1, count=bits)
            held += part.sum(axis=0, dtype=np.int64)
        share = held / len(rows)
        mean = float(share.mean())
        noise = math.sqrt(max(mean * (1 - mean), 1e-9) / len(rows))
        above = max(float(share.max()) - mean - 5 * noise, 0.0)
        text = f"{above:.2%} above the mean and what chance explains"
        part_name = f"filter {number}"
        yield Metric("most frequent bit", part_name, above, light(above, 0.1, 0.3), text)
