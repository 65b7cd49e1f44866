"""How many people are alone with their identifiers: whoever knows these knows the person."""

from collections.abc import Iterator

import numpy as np

from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric
from blindlink.owner.risk.tokens import numbered


def uniqueness(case: Case) -> Iterator[Metric]:
    """Share of people whose attributes together nobody else in the file has."""
    codes = np.zeros(len(case.table), np.int64)
    for column in case.truth.values():
        codes = numbered(codes * (int(column.max()) + 2) + column + 1)[0]
    share = float((np.bincount(codes) == 1).sum() / len(case.table))
    named = ", ".join(case.truth) or "nothing"
    yield Metric("uniqueness", "", share, "none", f"{share:.1%} are alone with their {named}")
