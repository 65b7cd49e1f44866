"""Known pairs and a learner: ridge regression on the bits, one value against the rest.

Each value's target is standardised, so that rare values weigh as much as frequent ones. Regression
on thousands of bits is solved in the similarity matrix of the known people (the kernel form).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from blindlink.arrays import Float32s, Int64s
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.measures.known_pairs import LEAST, classes_of, one_hot, tasks, too_few
from blindlink.owner.risk.outcome import KNOWN, Outcome, balanced, judged
from blindlink.owner.risk.report import Metric
from blindlink.owner.risk.views import View


def learned(case: Case, view: View) -> Iterator[Metric]:
    """Every attribute with 500 and with 4,000 known people."""
    if len(view) < LEAST:
        yield too_few("learned", view)
    factors: dict[bytes, Any] = {}
    for name, codes, known in tasks(case, len(view)):
        outcome = ridge(view.common, codes, known, factors)
        yield judged("learned", f"{view.name}, {name}, {known:,} known", outcome, KNOWN)


def ridge(
    common: Float32s, codes: Int64s, known: int, factors: dict[bytes, Any] | None = None
) -> Outcome:
    """Train on the first ``known`` rows that have the attribute, judge the others.

    ``factors`` keeps the factorised kernels: attributes that the same people have share one.
    """
    seen = np.flatnonzero(codes[:known] >= 0)
    rest = np.flatnonzero(codes[known:] >= 0) + known
    values, classes = classes_of(codes[seen])
    target = one_hot(classes, len(values))
    target = (target - target.mean(axis=0)) / np.maximum(target.std(axis=0), 1e-9)
    kept = {} if factors is None else factors
    name = seen.tobytes()
    if name not in kept:
        kernel = _centred(common, seen, seen)
        kernel[np.diag_indices(len(seen))] += max(float(np.trace(kernel)) / len(seen), 1e-6)
        kept[name] = cho_factor(kernel, overwrite_a=True, check_finite=False)
    score = _centred(common, rest, seen) @ cho_solve(kept[name], target, check_finite=False)
    return balanced(codes[rest], values[score.argmax(axis=1)])


def _centred(common: Float32s, rows: Int64s, seen: Int64s) -> Float32s:
    """The kernel of the bits less their means over the known rows."""
    kernel = common[np.ix_(rows, seen)]
    mean = common[np.ix_(seen, seen)].mean(axis=0)
    kernel -= kernel.mean(axis=1, keepdims=True)
    kernel -= mean - mean.mean()
    return kernel
