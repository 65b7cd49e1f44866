"""Pairs of bits that move together beyond chance: what pattern mining starts from.

Source: Christen, Ranbaduge, Vatsalan and Schnell, Precise and fast cryptanalysis for Bloom filter
based privacy-preserving record linkage (2019). At the 1 % level 1 % of pairs pass by chance.
"""

import math
from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Float32s
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric, light
from blindlink.owner.risk.views import View

_COLUMNS = 1024
LEVEL, HIGHEST = 2.58, 6.0


def correlation(case: Case, view: View) -> Iterator[Metric]:
    """Share of pairs above 2.58 / sqrt(N), and the highest against 6 / sqrt(N)."""
    bits = view.columns(_COLUMNS, case.rng("correlation"))
    pairs = np.abs(correlations(bits))[np.triu_indices(np.shape(bits)[1], 1)]
    if not len(pairs):
        return
    noise = 1 / math.sqrt(len(bits))
    share, highest = float((pairs > LEVEL * noise).mean()), float(pairs.max())
    text = (
        f"{share:.1%} of pairs above {LEVEL * noise:.3f} (chance: 1.0%); "
        f"highest {highest:.2f}, where chance stays below {HIGHEST * noise:.2f}"
    )
    yield Metric("correlated bits", view.name, share, light(share, 0.1, 0.5), text)


def correlations(bits: Float32s) -> Float32s:
    """Pearson's, (columns, columns); every column varies."""
    centred = bits - bits.mean(axis=0)
    centred /= centred.std(axis=0)
    found: Float32s = (centred.T @ centred) / len(bits)
    return found
