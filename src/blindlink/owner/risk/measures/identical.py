"""Equal encodings of different people: the size of a group is a frequency to align by."""

from collections.abc import Iterator

import numpy as np

from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric, light


def identical(case: Case) -> Iterator[Metric]:
    """The largest group of equal encodings, and the share of people in groups of five or more."""
    codes = case.same
    filled = codes[codes >= 0]
    counts = np.bincount(filled) if len(filled) else np.zeros(1, np.int64)
    share = float(counts[counts >= 5].sum() / max(len(filled), 1))
    text = f"largest group {int(counts.max())}; {share:.2%} of people in groups of 5 or more"
    yield Metric("identical encodings", "", share, light(share, 0.01, 0.05), text)
