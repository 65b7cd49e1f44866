"""Empty fields and empty encodings: what is missing shows."""

from collections.abc import Iterator

import numpy as np

from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric, light


def completeness(case: Case) -> Iterator[Metric]:
    """Share of empty cells in the field most often missing; share of filters without a bit."""
    missing = {name: float(rows.mean()) for name, rows in case.missing.items()}
    worst = max(missing, key=lambda name: missing[name], default="")
    share = missing.get(worst, 0.0)
    where = f"{share:.1%} of {worst}, the field most often missing" if share else "none"
    yield Metric("empty fields", "", share, "none", where)
    blank = ~np.logical_or.reduce([each.any(axis=1) for each in case.encodings.filters])
    empty = float(blank.mean())
    yield Metric("empty encodings", "", empty, light(empty, 0.01, 0.1), f"{empty:.2%} of rows")
