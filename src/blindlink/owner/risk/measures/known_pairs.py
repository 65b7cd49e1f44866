"""What the attacks with known pairs share: some people of the file are known to the attacker."""

from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Float32s, Int64s
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.report import Metric
from blindlink.owner.risk.views import View

FEW, MANY = 500, 4000
_TESTED = 300
LEAST = FEW + _TESTED


def tasks(case: Case, rows: int) -> Iterator[tuple[str, Int64s, int]]:
    """Attribute, codes of the sampled rows (-1: missing) and number of known rows.

    The first rows of the sample are the known ones, so that the others are to be guessed.
    """
    for name, truth in case.truth.items():
        codes = truth[case.sample]
        if len(np.unique(codes[codes >= 0])) < 2:
            continue
        for known in (FEW, MANY):
            if rows >= known + _TESTED:
                yield name, codes, known


def too_few(family: str, view: View) -> Metric:
    """The line of an attack that cannot be played."""
    return Metric(family, view.name, 0.0, "none", f"not played: fewer than {LEAST} people")


def classes_of(train: Int64s) -> tuple[Int64s, Int64s]:
    """The values among the known rows, and the class of each of them, -1 where it is missing."""
    values = np.unique(train[train >= 0])
    classes = np.searchsorted(values, train)
    return values, np.where(train >= 0, classes, -1)


def one_hot(classes: Int64s, count: int) -> Float32s:
    """(rows, classes) of 0 and 1; rows without a class are all 0."""
    found: Float32s = (classes[:, None] == np.arange(count)).astype(np.float32)
    return found
