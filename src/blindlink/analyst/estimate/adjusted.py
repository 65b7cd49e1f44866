"""Regression with wrong links: estimating equations that expect what was linked.

The outcome of one table stands beside the covariates of the other. A linked outcome y* is a mixture
of outcomes, E y* = E_A mu(X beta), so the quasi-score

    (E_A mu' X)^T V^-1 (y* - E_A mu) = 0

is unbiased where that of y on X is not. With *exchangeable errors* (Chambers 2009; Chambers,
Fabrizi, Ranalli, Salvati and Wang 2023) a link is right with probability lambda, and else the
outcome is that of anybody in the block; with *pair probabilities* (Lahiri and Larsen 2005) each
candidate has its own. In a linear model both are least squares of y* on E_A X.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

from blindlink.analyst.estimate.regression import Fit, checked, clustered_meat
from blindlink.arrays import Floats, Int64s

_STEPS = 100
Mixing = Callable[[Floats], Floats]  # what is expected of each link, from values of each source row


def exchangeable(right: Floats, block: Int64s) -> Mixing:
    """Links right with probability ``right`` (n,), else of another row of the same ``block``."""
    size = np.bincount(block).astype(float)[block]
    other = (1 - right) / np.maximum(size - 1, 1)

    def mix(values: Floats) -> Floats:
        sums = np.zeros((int(block.max()) + 1, *values.shape[1:]))
        np.add.at(sums, block, values)
        extra = (slice(None),) + (None,) * (values.ndim - 1)
        return np.asarray((right - other)[extra] * values + other[extra] * sums[block])

    return mix


def by_pair(weights: sparse.csr_array) -> Mixing:
    """Links whose outcome is that of source row j with probability ``weights[i, j]``.

    What a row of the weights (links, sources) leaves to 1 is spread over all sources.
    """
    rest = np.maximum(1 - np.asarray(weights.sum(axis=1)).ravel(), 0.0)

    def mix(values: Floats) -> Floats:
        extra = (slice(None),) + (None,) * (values.ndim - 1)
        return np.asarray(weights @ values + rest[extra] * values.mean(axis=0))

    return mix


def adjusted(X: Floats, y: Floats, mix: Mixing, family: Any, person: Int64s) -> Fit | None:
    """The root of the quasi-score, with the sandwich variance over ``person``; None if none.

    ``X``: covariates of the source rows (m, p); ``y`` and ``person`` of the links (n,).
    """
    people, columns = len(np.unique(person)), X.shape[1]
    beta = np.zeros(columns)
    # The first column with a constant, if any, starts at the mean.
    constant = np.flatnonzero(np.ptp(X, axis=0) == 0)
    if len(constant):
        at = constant[0]
        beta[at] = float(family.link(np.clip(y.mean(), 1e-3, None))) / X[0, at]
    try:
        for _ in range(_STEPS):
            score, slope, residual = _parts(X, y, mix, family, beta)
            step = np.linalg.solve(score.T @ slope, score.T @ residual)
            step /= max(1.0, float(np.abs(X @ step).max()) / 4)  # no step beyond e^4
            beta = beta + step
            if np.abs(step).max() < 1e-9:
                break
        else:
            return None
        score, slope, residual = _parts(X, y, mix, family, beta)
        bread = np.linalg.inv(score.T @ slope)
    except np.linalg.LinAlgError:
        return None
    meat = clustered_meat(score, residual, person)
    return checked(beta, np.asarray(bread @ meat @ bread.T), people - columns)


def _parts(
    X: Floats, y: Floats, mix: Mixing, family: Any, beta: Floats
) -> tuple[Floats, Floats, Floats]:
    eta = X @ beta
    mean = mix(np.asarray(family.link.inverse(eta)))
    slope = mix(np.asarray(family.link.inverse_deriv(eta))[:, None] * X)
    return slope / np.asarray(family.variance(mean))[:, None], slope, y - mean
