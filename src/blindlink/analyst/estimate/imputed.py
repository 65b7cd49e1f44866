"""Regression over drawn linkages: which pairs are right is imputed together with the model.

A pair's match probability knows nothing of the analysis, and linkages drawn from it alone pull a
model towards nothing. So each imputation goes to and fro (Gutman, Sammartino, Green and Montague
2016; Goldstein, Harron and Wade 2012): draw beta near its fit, weigh the candidates of each outcome
by their probability times f(y | x; beta), and having no partner by what is left to 1 times g(y),
draw a partner or none for each outcome, fit again. The fits are pooled by Rubin's rules.
"""

from typing import Any

import numpy as np
import statsmodels.api as sm

from blindlink.analyst.estimate.matchings import Candidates, draw
from blindlink.analyst.estimate.mixture import density, marginal, scaled
from blindlink.analyst.estimate.regression import Fit, checked, pool
from blindlink.arrays import Bools, Floats, Int64s

_ROUNDS = 3  # to and fro between two linkages that count
_FIRST = 20  # rounds before the first: the start believes the likeliest links


def imputed(
    X: Floats,
    y: Floats,
    pairs: Candidates,
    everybody: Floats,
    family: Any,
    *,
    person: Int64s,
    number: int,
    seed: int,
) -> Fit | None:
    """The model over ``number`` linkages of the candidates whose rows are X (n, p) and y (n,).

    ``pairs.right``: rows of the outcome's table. ``everybody``: the outcomes of all of it, for g.
    None where a linkage cannot be fitted.
    """
    generator = np.random.Generator(np.random.PCG64([seed, 2]))
    g = marginal(y, everybody, family)
    fits: list[Fit] = []
    none = np.maximum(1 - np.bincount(pairs.right, weights=pairs.probability), 0.0)[pairs.right]
    found = _fit(X, y, pairs.probability >= 0.5, family, person)
    if found is None:
        return None
    fit, scale = found
    for place in range(number):
        for _ in range(_ROUNDS if place else _FIRST):
            beta = generator.multivariate_normal(fit.beta, fit.covariance, method="cholesky")
            f = density(X, y, beta, scale, family)
            p = pairs.probability * f
            rivals = np.bincount(pairs.right, weights=p)[pairs.right]
            p = p / np.maximum(rivals + none * g, 1e-300)
            chosen = draw(Candidates(pairs.left, pairs.right, p, pairs.cardinality), generator)
            found = _fit(X, y, chosen, family, person)
            if found is None:
                return None
            fit, scale = found
        fits.append(fit)
    return pool(fits)


def _fit(
    X: Floats, y: Floats, chosen: Bools, family: Any, person: Int64s
) -> tuple[Fit, float] | None:
    people = len(np.unique(person[chosen]))
    try:
        fit = sm.GLM(y[chosen], X[chosen], family=family).fit(
            cov_type="cluster", cov_kwds={"groups": person[chosen]}
        )
    except (np.linalg.LinAlgError, ValueError):
        return None
    scale = float(fit.scale) if scaled(family) else 1.0
    made = checked(np.asarray(fit.params), np.asarray(fit.cov_params()), people - X.shape[1])
    return (made, scale) if made.usable.all() else None
