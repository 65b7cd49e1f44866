"""Regression with wrong links as a mixture: right pairs follow the model, wrong ones the marginal.

The likelihood of a link is lambda f(y | x; beta) + (1 - lambda) g(y), with g the distribution of y
whoever it is linked to (Slawski, West, Bukke, Wang, Diao and Ben-David 2025; Hof and Zwinderman
2015). lambda is each link's match probability, or one number, given or estimated. The composite
likelihood is climbed by EM, whose steps are weighted GLMs of statsmodels; the variance is the
sandwich over people.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm
from scipy import optimize, stats
from statsmodels.tools.numdiff import approx_fprime

from blindlink.analyst.estimate.regression import Fit, checked, clustered_meat
from blindlink.arrays import Floats, Int64s

_ROUNDS = 200
_KERNELS = 2_000  # values that a density is made of


@dataclass(frozen=True)
class Mixture:
    """Links to fit: matrices (n, p) and (n,), g(y) (n,), and lambda (n,) or None to estimate it."""

    X: Floats
    y: Floats
    marginal: Floats
    right: Floats | None
    person: Int64s


def marginal(y: Floats, everybody: Floats, family: Any) -> Floats:
    """g(y) from the outcomes of a whole table: frequencies, or a density where values are many."""
    if isinstance(family, sm.families.Binomial | sm.families.Poisson):
        values, numbers = np.unique(np.concatenate([everybody, y]), return_counts=True)
        return np.asarray((numbers / numbers.sum())[np.searchsorted(values, y)])
    some = everybody[:: -(-len(everybody) // _KERNELS)]
    return np.asarray(stats.gaussian_kde(some)(y))


def density(X: Floats, y: Floats, beta: Floats, scale: float, family: Any) -> Floats:
    """f(y | x) under the model, shape (n,)."""
    mean = family.link.inverse(X @ beta)
    return np.asarray(np.exp(family.loglike_obs(y, mean, scale=scale)))


def scaled(family: Any) -> bool:
    """Whether the family has a scale to estimate."""
    return isinstance(family, sm.families.Gaussian | sm.families.Gamma)


def mixed(pairs: Mixture, family: Any) -> tuple[Fit | None, float]:
    """The fit and the mean of lambda; None where it does not converge."""
    columns = pairs.X.shape[1]
    try:
        start = _climb(pairs, family)
        found = optimize.minimize(
            lambda theta: -_values(theta, pairs, family).sum() / len(pairs.y), start, method="BFGS"
        )
        theta = found.x if np.isfinite(found.fun) else start
        scores = approx_fprime(theta, _values, args=(pairs, family), centered=True)
        curvature = approx_fprime(
            theta,
            lambda at: approx_fprime(at, _values, args=(pairs, family), centered=True).sum(axis=0),
            centered=True,
        )
        bread = np.linalg.inv(np.atleast_2d(curvature))
    except (np.linalg.LinAlgError, ValueError, FloatingPointError):
        return None, np.nan
    meat = clustered_meat(scores, np.ones(len(scores)), pairs.person)
    covariance = (bread @ meat @ bread.T)[:columns, :columns]
    people = len(np.unique(pairs.person))
    share = float(_right(theta, pairs, family).mean())
    return checked(theta[:columns], np.asarray(covariance), people - columns), share


def _values(theta: Floats, pairs: Mixture, family: Any) -> Floats:
    """The log likelihood of each link at (beta, log scale, logit lambda)."""
    columns = pairs.X.shape[1]
    scale = float(np.exp(theta[columns])) if scaled(family) else 1.0
    right = _right(theta, pairs, family)
    with np.errstate(all="ignore"):
        f = density(pairs.X, pairs.y, theta[:columns], scale, family)
        return np.asarray(np.log(np.maximum(right * f + (1 - right) * pairs.marginal, 1e-300)))


def _right(theta: Floats, pairs: Mixture, family: Any) -> Floats:
    if pairs.right is not None:
        return pairs.right
    return np.full(len(pairs.y), 1 / (1 + np.exp(-theta[-1])))


def _climb(pairs: Mixture, family: Any) -> Floats:
    """EM from the fit that believes every link."""
    right = np.full(len(pairs.y), 0.9) if pairs.right is None else pairs.right
    fit = sm.GLM(pairs.y, pairs.X, family=family).fit()
    for _ in range(_ROUNDS):
        before = np.asarray(fit.params)
        f = density(pairs.X, pairs.y, before, _scale(fit, family), family)
        weight = right * f / np.maximum(right * f + (1 - right) * pairs.marginal, 1e-300)
        weight = np.maximum(weight, 1e-12)
        fit = sm.GLM(pairs.y, pairs.X, family=family, freq_weights=weight).fit()
        if pairs.right is None:
            right = np.full(len(pairs.y), np.clip(weight.mean(), 0.01, 0.999))
        if np.abs(np.asarray(fit.params) - before).max() < 1e-6:
            break
    theta = list(np.asarray(fit.params))
    if scaled(family):
        theta.append(float(np.log(_scale(fit, family))))
    if pairs.right is None:
        theta.append(float(np.log(right[0] / (1 - right[0]))))
    return np.array(theta)


def _scale(fit: Any, family: Any) -> float:
    return float(fit.scale) if scaled(family) else 1.0
