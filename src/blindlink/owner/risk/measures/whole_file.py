"""What the file as a whole shows: what is missing, how full filters are, who is equal or alone."""

from collections.abc import Iterator

import numpy as np

from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric, light
from blindlink.owner.risk.tokens import numbered

_PIECE = 1 << 13


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


def identical(case: Case) -> Iterator[Metric]:
    """The largest group of equal encodings, and the share of people in groups of five or more."""
    codes = case.same
    filled = codes[codes >= 0]
    counts = np.bincount(filled) if len(filled) else np.zeros(1, np.int64)
    share = float(counts[counts >= 5].sum() / max(len(filled), 1))
    text = f"largest group {int(counts.max())}; {share:.2%} of people in groups of 5 or more"
    yield Metric("identical encodings", "", share, light(share, 0.01, 0.05), text)


def uniqueness(case: Case) -> Iterator[Metric]:
    """Share of people whose attributes together nobody else in the file has."""
    codes = np.zeros(len(case.table), np.int64)
    for column in case.truth.values():
        codes = numbered(codes * (int(column.max()) + 2) + column + 1)[0]
    share = float((np.bincount(codes) == 1).sum() / len(case.table))
    named = ", ".join(case.truth) or "nothing"
    yield Metric("uniqueness", "", share, "none", f"{share:.1%} are alone with their {named}")
