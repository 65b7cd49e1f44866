"""How counts are printed under each method, and which true counts a reader must then consider.

    suppress   as they are, or rounded each by itself; what discloses is withheld
    round      controlled rounding: to a multiple of the base above or below, so that the tables
               still add up (Cox and Ernst 1982)
    cell-key   with noise whose table is public and whose draw is not: equal groups get equal noise
               in every table (Fraser and Wooton 2005), drawn with the greatest entropy for its
               variance (Marley and Leaver 2011)

A method protects nothing by being used: the audit bounds every secret from ``behind`` alike.
"""

import hmac
import math
from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp, minimize
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.variables import Variables
from blindlink.arrays import Floats
from blindlink.errors import InputError

SECONDS = 20.0  # of the program of one component; then each of its counts is rounded by itself
EXACT = {"gtol": 1e-10, "maxiter": 10_000}
REACH = 2  # multiples of the base that a count may be away where the nearest two do not add up


@dataclass(frozen=True)
class Shown:
    """``value``: what is printed for a variable; ``behind``: the least and the largest true count
    that a reader must consider. ``additive``: how many counts could not be made to add up."""

    value: Mapping[int, int]
    behind: Mapping[int, tuple[int, int]]
    loose: int = field(default=0)


def shown(made: Variables, policy: Policy, secret: bytes) -> Shown:
    """Every printed variable as the policy's method prints it. ``secret`` draws the noise."""
    counts = {v: value for v, value in enumerate(made.value) if value is not None}
    if policy.method == "cell-key":
        return _perturbed(made, counts, policy, secret)
    if policy.method == "round":
        return _controlled(made, counts, policy)
    return Shown(
        {v: _nearest(value, policy.rounding) for v, value in counts.items()},
        {v: _nearest_behind(value, policy) for v, value in counts.items()},
    )


# ----------------------------------------------------------------------------- each by itself


def _nearest(value: int, base: int | None) -> int:
    """Rounded half up to the base, if there is one."""
    return value if base is None else base * ((2 * value + base) // (2 * base))


def _nearest_behind(value: int, policy: Policy) -> tuple[int, int]:
    base = policy.rounding
    if base is None or value == 0:
        return value, value
    middle = _nearest(value, base)
    return max(middle - base // 2, policy.threshold, 1), middle + (base - 1) // 2


# ------------------------------------------------------------------------- controlled rounding


def _controlled(made: Variables, counts: Mapping[int, int], policy: Policy) -> Shown:
    base = policy.base
    value: dict[int, int] = {}
    behind: dict[int, tuple[int, int]] = {}
    loose = 0
    for component in _components(made):
        printed = [v for v in component if v in counts]
        found, reach = _solve(made, component, counts, base), 1
        if found is None:
            found, reach = _solve(made, component, counts, base, REACH), REACH
        if found is None:
            found, reach = {v: _nearest(counts[v], base) for v in printed}, 1
            loose += len(printed)
        for v in printed:
            value[v] = found[v]
            far = reach * base - 1
            behind[v] = (max(0, found[v] - far), found[v] + far)
    return Shown(value, behind, loose)


def _components(made: Variables) -> list[list[int]]:
    """Variables that hang together by relations."""
    number = len(made.key)
    rows = [r for r, relation in enumerate(made.relations) for _ in relation.terms]
    columns = [v for relation in made.relations for v, _ in relation.terms]
    shape = (number + len(made.relations),) * 2
    graph = coo_array((np.ones(len(rows)), (np.array(rows, int) + number, columns)), shape=shape)
    _, label = connected_components(graph, directed=False)
    order = np.argsort(label[:number], kind="stable")
    cuts = np.flatnonzero(np.diff(label[:number][order])) + 1
    return [part.tolist() for part in np.split(order, cuts)]


def _solve(
    made: Variables, component: Sequence[int], counts: Mapping[int, int], base: int, reach: int = 1
) -> dict[int, int] | None:
    """Multiples of the base that add up, nearest to the counts together; None where none were
    found. Each lies at most ``reach`` multiples from its count."""
    place = {v: i for i, v in enumerate(component)}
    n = len(component)
    low, high, cost = np.zeros(n), np.full(n, np.inf), np.zeros(2 * n)
    for v, i in place.items():
        if v in counts:
            below, rest = divmod(counts[v], base)
            low[i] = max(0, below - reach + 1)
            high[i] = below + (reach if rest else reach - 1)
            cost[n + i] = 1.0
    rows: list[int] = []
    columns: list[int] = []
    factors: list[float] = []
    least: list[float] = []
    most: list[float] = []
    wanted = {id(r): r for v in component for r in made.touching(v)}
    for relation in wanted.values():
        for v, factor in relation.terms:
            rows.append(len(least))
            columns.append(place[v])
            factors.append(float(factor))
        least.append(-np.inf if relation.low is None else math.ceil(relation.low / base))
        most.append(np.inf if relation.high is None else math.floor(relation.high / base))
    for v, i in place.items():
        if v in counts:  # distance >= +-(x - count / base)
            for sign in (1.0, -1.0):
                rows += [len(least), len(least)]
                columns += [n + i, i]
                factors += [1.0, -sign]
                least.append(-sign * counts[v] / base)
                most.append(np.inf)
    matrix = coo_array((factors, (rows, columns)), shape=(len(least), 2 * n)).tocsr()
    result = milp(
        cost,
        integrality=np.r_[np.ones(n), np.zeros(n)],
        bounds=Bounds(np.r_[low, np.zeros(n)], np.r_[high, np.full(n, np.inf)]),
        constraints=LinearConstraint(matrix, least, most) if least else (),
        options={"time_limit": SECONDS, "mip_rel_gap": 0.02},
    )
    if result.x is None:
        return None
    return {v: base * round(result.x[i]) for v, i in place.items() if v in counts}


# ------------------------------------------------------------------------------------ cell keys


def _perturbed(made: Variables, counts: Mapping[int, int], policy: Policy, secret: bytes) -> Shown:
    if len(secret) < 16:
        raise InputError(
            "no secret for the noise of the policy's method",
            hint="give the same secret file for everything that is published of one cohort",
        )
    most = policy.noise_most
    value, behind = {}, {}
    for v, count in counts.items():
        rows = noise_table(policy.threshold, most, policy.noise_variance)
        row = rows[min(count, len(rows) - 1)]
        at = bisect_right(np.cumsum(row).tolist(), _key(made.key[v], secret))
        value[v] = count + min(at, 2 * most) - most
        behind[v] = (max(1 if value[v] else 0, value[v] - most), value[v] + most)
    return Shown(value, behind)


def _key(population: Hashable, secret: bytes) -> float:
    """The cell key, between 0 and 1: of the group that is counted, not of the cell."""
    digest = hmac.digest(secret, repr(str(population)).encode(), "sha256")
    return int.from_bytes(digest[:8], "big") / 2.0**64


@cache
def noise_table(threshold: int, most: int, variance: int) -> Floats:
    """Row i: how likely noise -most..most is for a count of i; the last row holds for all above.

    Zero stays zero, no count from 1 to threshold - 1 and none below zero is printed, the noise is
    0 on average, and has the variance wherever that is possible, else the least possible.
    """
    noise = np.arange(-most, most + 1)
    table = np.zeros((most + threshold + 1, 2 * most + 1))
    table[0, most] = 1.0
    for count in range(1, len(table)):
        printed = count + noise
        table[count, (printed == 0) | (printed >= threshold)] = _entropic(
            noise[(printed == 0) | (printed >= threshold)].astype(float), float(variance)
        )
    return table


def _entropic(noise: Floats, variance: float) -> Floats:
    """The likelihoods of greatest entropy with mean 0 and this variance, or the least there is."""
    least, most = -noise[noise <= 0].max() * noise[noise >= 0].min(), -noise.min() * noise.max()
    margin, scale = 0.05 * (most - least), np.abs(noise).max()
    x, wanted = noise / scale, np.clip(variance, least + margin, most - margin) / scale**2
    moments = np.stack([x, x**2 - wanted])

    def dual(weights: Floats) -> tuple[float, Floats]:
        share, top = _softmax(weights @ moments)
        return top, moments @ share

    def curvature(weights: Floats) -> Floats:
        share, _ = _softmax(weights @ moments)
        away = moments - (moments @ share)[:, None]
        return np.asarray((away * share) @ away.T)

    found = minimize(
        dual, np.zeros(2), jac=True, hess=curvature, method="trust-exact", options=EXACT
    )
    return _softmax(found.x @ moments)[0]


def _softmax(scores: Floats) -> tuple[Floats, float]:
    """The weights exp(score) as shares of their sum, and the logarithm of the sum."""
    top = scores.max()
    weights = np.exp(scores - top)
    return weights / weights.sum(), float(top + np.log(weights.sum()))
