"""Match keys and whole encodings against plain-text frequencies.

An attacker who knows how frequent every combination of values is sorts these and the match keys by
frequency. Values of one frequency cannot be told apart: of each frequency c that occurs, one value
is right on average, and so are its c people.
"""

from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Int64s
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric, light
from blindlink.owner.risk.views import numbered_rows

LIMITS = (0.02, 0.05)


def key_alignment(case: Case) -> Iterator[Metric]:
    """Share of people whose values are found, for each match key and for the encodings."""
    keys = [numbered_rows([key]) for key in case.encodings.match_keys]
    named = [(f"match key {number}", key) for number, key in enumerate(keys, start=1)]
    for name, codes in [*named, ("whole encodings", case.same)]:
        share = found_by_frequency(codes)
        text = f"{share:.2%} of people get the right values"
        yield Metric("frequency alignment", name, share, light(share, *LIMITS), text)


def found_by_frequency(codes: Int64s) -> float:
    """The expected share of rows aligned right; codes below 0 are missing."""
    counts = np.bincount(codes[codes >= 0])
    return float(np.unique(counts[counts > 0]).sum() / len(codes)) if len(codes) else 0.0
