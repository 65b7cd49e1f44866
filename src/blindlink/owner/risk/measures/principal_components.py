"""No key and no known person: does one of the main axes of the encodings split an attribute?

The axes are those of the centred similarity matrix, by subspace iteration (Halko, Martinsson and
Tropp 2011). Half of the rows choose the axis and name its sides, since an attacker knows how
frequent the values are; the other half are judged, so that trying several axes earns nothing.
"""

from collections.abc import Iterator

import numpy as np

from blindlink.arrays import Float32s, Int64s
from blindlink.owner.risk.case import Case
from blindlink.owner.risk.outcome import KEYLESS, Outcome, balanced, judged
from blindlink.owner.risk.report import Metric
from blindlink.owner.risk.views import View

_AXES = 10
_ROUNDS = 4


def principal_components(case: Case, view: View) -> Iterator[Metric]:
    """Attributes of two values."""
    scores = None
    for name, truth in case.truth.items():
        codes = truth[case.sample]
        there = codes >= 0
        if len(np.unique(codes[there])) == 2 and there.sum() >= 40:
            scores = main_axes(view.common) if scores is None else scores
            outcome = split(scores[there], codes[there])
            yield judged("principal components", f"{view.name}, {name}", outcome, KEYLESS)


def main_axes(common: Float32s, axes: int = _AXES) -> Float32s:
    """The scores of the rows on the main axes, (rows, axes)."""
    mean = common.mean(axis=0)
    centred = common - mean
    centred -= (mean - mean.mean())[:, None]
    start = np.random.default_rng(0).standard_normal((len(common), axes + 10))
    basis = np.linalg.qr(centred @ start.astype(np.float32))[0]
    for _ in range(_ROUNDS):
        basis = np.linalg.qr(centred @ basis)[0]
    values, vectors = np.linalg.eigh(basis.T @ centred @ basis)
    scores: Float32s = basis @ vectors[:, np.argsort(-values)[:axes]]
    return scores


def split(scores: Float32s, truth: Int64s) -> Outcome:
    """The best axis on the even rows, judged on the odd ones."""
    train, test = slice(0, None, 2), slice(1, None, 2)
    guesses = [guess for axis in scores.T for guess in _sides(axis, truth)]
    learned = [balanced(truth[train], guess[train]).accuracy for guess in guesses]
    return balanced(truth[test], guesses[int(np.argmax(learned))][test])


def _sides(scores: Float32s, truth: Int64s) -> Iterator[Int64s]:
    """Split an axis into sides as large as the two values, which frequencies tell, either way."""
    (low, high), counts = np.unique(truth, return_counts=True)
    for first, second, count in ((low, high, counts[0]), (high, low, counts[1])):
        cut = np.quantile(scores, count / counts.sum())
        yield np.where(scores <= cut, first, second)
