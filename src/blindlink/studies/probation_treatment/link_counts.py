"""False links from the number of pairs that each person had before the cardinality rule.

An independent check of the control records. With t the probability that a true pair lies above the
threshold, r the part of these people who have two (they moved and became another person), and w the
mean number of strangers above it,

    P(k) = (1 - t) S(k; w) + t ((1 - r) S(k - 1; w) + r S(k - 2; w)),   f = 1 - S(0; w),

S being Poisson, or negative binomial where Poisson does not fit (w differs between people). Counts
alone cannot tell r from w: a second true record and a stranger look alike. So r is not estimated
but comes from the settings, and its range widens that of f. Where no model fits, the method
refuses. It knows no competition: under one-to-one some strangers are taken by their own partner
first, so it tends to lie above the control records.
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from blindlink.arrays import Floats, Int64s
from blindlink.studies.probation_treatment.definitions import SecondRecord

POISSON, NEGATIVE_BINOMIAL = "equal chance of strangers", "unequal chance of strangers"
LEAST_PEOPLE = 200
_LEAST_FIT = 0.01
_LEAST_EXPECTED = 5.0
_CELLS = 64


@dataclass(frozen=True)
class LinkCounts:
    """The fitted counts: f with its 95 % range, the share with a true pair, and the fit.

    ``observed`` and ``expected``: people with 0, 1, 2, ... pairs. ``p_value`` of the G-test.
    """

    false_link: float
    low: float
    high: float
    with_true_pair: float
    model: str
    p_value: float
    observed: Floats
    expected: Floats


def fit_link_counts(counts: Int64s, second: SecondRecord) -> tuple[LinkCounts | None, str]:
    """The first model that fits, or None and why. ``counts``: pairs of each person, shape (n,)."""
    observed = np.bincount(counts).astype(float)
    if observed.sum() < LEAST_PEOPLE or len(observed) < 3:
        few = f"Link counts need {LEAST_PEOPLE} people and somebody with two pairs."
        return None, few
    for model in (POISSON, NEGATIVE_BINOMIAL):
        parameters = _fit(observed, model, second.value)
        chances = _chances(parameters, len(observed), model, second.value)
        expected = observed.sum() * chances
        p_value = _goodness(observed, expected, len(parameters))
        if p_value >= _LEAST_FIT:
            break
    else:
        return None, "No model fits the link counts: the method refuses to name a rate."
    # The range of r and the sampling range at each of its ends.
    low = _range(observed, _fit(observed, model, second.high), model, second.high)[0]
    high = _range(observed, _fit(observed, model, second.low), model, second.low)[1]
    found = _false_link(parameters, model), float(_expit(parameters[1]))
    return LinkCounts(found[0], low, high, found[1], model, p_value, observed, expected), ""


def _strangers(parameters: Floats, size: int, model: str) -> Floats:
    """P(0), P(1), ... strangers; the tail beyond ``size`` joins the last."""
    w, k = np.exp(parameters[0]), np.arange(size)
    if model == POISSON:
        chances = stats.poisson.pmf(k, w)
    else:
        shape = np.exp(-parameters[2])
        chances = stats.nbinom.pmf(k, shape, shape / (shape + w))
    chances[-1] += max(1 - chances.sum(), 0.0)
    return np.asarray(chances)


def _chances(parameters: Floats, size: int, model: str, second: float) -> Floats:
    strangers, t = _strangers(parameters, size, model), _expit(parameters[1])
    total = (1 - t) * strangers
    for pairs, chance in ((1, t * (1 - second)), (2, t * second)):
        moved = np.concatenate([np.zeros(pairs), strangers[:-pairs]])
        moved[-1] += strangers[-pairs:].sum()
        total = total + chance * moved
    return np.asarray(np.maximum(total, 1e-300))


def _false_link(parameters: Floats, model: str) -> float:
    return float(1 - _strangers(parameters, _CELLS, model)[0])


def _loss(parameters: Floats, observed: Floats, model: str, second: float) -> float:
    bounded = np.clip(parameters, -12, [2, 12, 6][: len(parameters)])
    return -float(observed @ np.log(_chances(bounded, len(observed), model, second)))


def _fit(observed: Floats, model: str, second: float) -> Floats:
    """Maximum likelihood over log w, the log odds of t (and log v)."""
    share = np.clip(1 - observed[0] / observed.sum(), 0.01, 0.95)
    start = [np.log(0.03), np.log(share / (1 - share)), 0.0][: 2 if model == POISSON else 3]
    found = optimize.minimize(
        _loss, start, (observed, model, second), method="Nelder-Mead",
        options={"xatol": 1e-4, "fatol": 1e-6},
    )  # fmt: skip
    return np.asarray(np.clip(found.x, -12, [2, 12, 6][: len(start)]))


def _goodness(observed: Floats, expected: Floats, parameters: int) -> float:
    """The G-test over cells of at least five expected people; without freedom, 1 if all agree."""
    cut = len(expected)
    while cut > 1 and expected[cut - 1 :].sum() < _LEAST_EXPECTED:
        cut -= 1
    seen, wanted = (np.append(x[: cut - 1], x[cut - 1 :].sum()) for x in (observed, expected))
    ratio = np.where(seen > 0, seen / wanted, 1.0)
    g = 2 * float((seen * np.log(ratio)).sum())
    freedom = cut - 1 - parameters
    return float(stats.chi2.sf(g, max(freedom, 1)))


def _range(observed: Floats, best: Floats, model: str, second: float) -> tuple[float, float]:
    """95 % range of f from the curvature of the likelihood in log w."""
    step = 1e-2 * np.eye(len(best))
    arguments = (observed, model, second)
    curvature = [
        [
            sum(a * b * _loss(best + a * u + b * v, *arguments) for a in (-1, 1) for b in (-1, 1))
            / 4e-4
            for v in step
        ]
        for u in step
    ]
    with np.errstate(invalid="ignore"):
        error = float(np.sqrt(np.linalg.pinv(np.array(curvature))[0, 0]))
    if not np.isfinite(error):
        return 0.0, 1.0
    ends = [np.concatenate([[best[0] + side * 1.96 * error], best[1:]]) for side in (-1, 1)]
    low, high = (_false_link(np.clip(end, -12, 4), model) for end in ends)
    return low, high


def _expit(value: float) -> float:
    return float(1 / (1 + np.exp(-value)))
