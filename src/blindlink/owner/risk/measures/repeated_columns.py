"""Bits that always say the same: two output bits of a diffusion made of the same input bits."""

from collections.abc import Iterator

import numpy as np

from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric, light
from blindlink.owner.risk.views import View, numbered_rows

_HELD = 8  # rows: rarer bits coincide by chance


def repeated_columns(case: Case, view: View) -> Iterator[Metric]:
    """The share of bits that equal another bit in every row of the sample."""
    found, total = 0, 0
    for packed, bits in view.filters:
        columns = np.packbits(np.unpackbits(packed, axis=1, count=bits).T, axis=1)
        held = np.bitwise_count(columns).sum(axis=1, dtype=np.int64)
        judged = columns[np.minimum(held, len(view) - held) >= _HELD]
        counts = np.bincount(numbered_rows([judged])) if len(judged) else np.zeros(0, np.int64)
        found += int(counts[counts > 1].sum())
        total += len(judged)
    share = found / max(total, 1)
    text = f"{share:.2%} of the bits that vary repeat another one"
    yield Metric("repeated columns", view.name, share, light(share, 0.02, 0.2), text)
