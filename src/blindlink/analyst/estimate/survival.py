"""Cox regression where event times of one table stand beside covariates of the other.

With exchangeable errors a linked covariate is the right one with probability lambda, and else that
of anybody. Then for any function h, (h(Z*) - (1 - lambda) mean h) / lambda has the mean h(Z), and
the sums over Z, Z exp(Z beta) and exp(Z beta) of the partial-likelihood score are replaced by sums
of these: an adjusted estimating equation, as that of Vo and others (2024) is. Ties are treated as
Breslow does. The variance is that of a bootstrap over
people, in which lambda is drawn anew.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import statsmodels.api as sm
from scipy import optimize

from blindlink.analyst.estimate.regression import Fit, checked, clustered_meat
from blindlink.arrays import Bools, Floats, Int64s

AT_RISK = 0.2  # follow-up ends where fewer are at risk: there the corrected sums are noise
_LEAST = 0.01  # the least mean risk of a risk set


@dataclass(frozen=True)
class Lives:
    """Time, event and covariates of each link, shapes (n,), (n,), (n, p), and people (n,)."""

    time: Floats
    event: Bools
    Z: Floats
    person: Int64s

    def where(self, rows: Int64s) -> Self:
        """Some of the links, perhaps several times."""
        return type(self)(self.time[rows], self.event[rows], self.Z[rows], self.person[rows])


def believed(lives: Lives) -> Fit | None:
    """The partial likelihood as if every link were right, through statsmodels."""
    model = sm.PHReg(lives.time, lives.Z, status=lives.event.astype(int), ties="breslow")
    try:
        fit = model.fit()
    except (np.linalg.LinAlgError, ValueError):
        return None
    beta, covariance = np.asarray(fit.params), np.asarray(fit.cov_params())
    if len(np.unique(lives.person)) < len(lives.person):
        # Whoever is censored before the first event is NaN there, and has no part in the score.
        score = np.nan_to_num(model.score_residuals(beta))
        meat = clustered_meat(score, np.ones(len(score)), lives.person)
        covariance = covariance @ meat @ covariance
    return checked(beta, covariance, np.inf)


def adjusted(
    lives: Lives, right: float, draws: Floats, start: Floats, seed: int
) -> tuple[Fit | None, int]:
    """The root of the adjusted score with its bootstrap variance, and how many draws had none.

    ``right``: lambda; ``draws``: one for each replicate. None where there is no root, or where a
    tenth of the replicates have none.
    """
    middle = lives.Z.mean(axis=0)
    centred = Lives(lives.time, lives.event, lives.Z - middle, lives.person)
    beta = _root(centred, right, start)
    if beta is None:
        return None, len(draws)
    generator = np.random.Generator(np.random.PCG64([seed, 3]))
    code = np.unique(lives.person, return_inverse=True)[1]
    order = np.argsort(code, kind="stable")
    edges = np.append(0, np.cumsum(np.bincount(code)))
    people, found = len(edges) - 1, []
    for drawn in draws:
        chosen = generator.integers(0, people, people)
        rows = np.concatenate([order[edges[one] : edges[one + 1]] for one in chosen])
        again = _root(centred.where(rows), float(drawn), beta)
        if again is not None:
            found.append(again)
    lost = len(draws) - len(found)
    if lost > len(draws) / 5:
        return None, lost
    covariance = np.atleast_2d(np.cov(np.array(found).T, ddof=1))
    return checked(beta, covariance, people - len(beta)), lost


def _root(lives: Lives, right: float, start: Floats) -> Floats | None:
    order = np.argsort(-lives.time, kind="stable")
    time, event, Z = lives.time[order], lives.event[order], lives.Z[order]
    # The risk set of a time ends with the last row of that time.
    last = np.searchsorted(-time, -time, side="right") - 1
    wrong = 1 - right
    told = event & (last + 1 >= AT_RISK * len(time))
    shown = (Z - wrong * Z.mean(axis=0)) / right

    def score(beta: Floats) -> Floats:
        risk = np.exp(np.clip(Z @ beta, -50, 50))
        both = risk[:, None] * Z
        zero = np.cumsum((risk - wrong * risk.mean()) / right)[last]
        one = np.cumsum((both - wrong * both.mean(axis=0)) / right, axis=0)[last]
        floor = np.maximum(zero, _LEAST * (last + 1))[told, None]
        return np.asarray((shown[told] - one[told] / floor).sum(axis=0)) / len(time)

    found = optimize.root(score, start, tol=1e-8)
    return np.asarray(found.x) if found.success else None
