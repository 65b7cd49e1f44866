"""Intervals for shares and rates when people are counted more than once.

A person with three sentences is one person three times. Shares therefore take Wilson's interval
(Wilson 1927) at the effective sample size n / deff, where deff is the ratio of the linearised
variance with persons as clusters to the binomial variance (Kish 1965; Franco et al. 2019 compare
such intervals and find this one sound). deff is never taken below 1, and where a share is 0 or 1
the effective sample size is the number of persons.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy import sparse, stats

from blindlink.arrays import Bools, Bytes, Floats, Int64s

_STEP = 100  # replicates at a time: bounds the memory of the bootstrap


def wilson(part: Floats, whole: Floats, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """Wilson's interval of part / whole as fractions; NaN where ``whole`` is 0."""
    z2 = stats.norm.ppf((1 + confidence) / 2) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        share = part / whole
        middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
        half = np.sqrt(z2 * (share * (1 - share) / whole + z2 / (4 * whole**2))) / (1 + z2 / whole)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def shares(
    key: Int64s, person: Int64s, flag: Bools, keys: int, *, confidence: float = 0.95
) -> pd.DataFrame:
    """The share of rows with ``flag`` per key, with its interval clustered by person.

    ``key``: codes 0..keys-1, -1 for rows that do not count. One row per key; columns part, whole,
    persons, share, size (effective), low, high; shares as fractions, NaN without rows.
    """
    inside = key >= 0
    key, person, value = key[inside], person[inside], flag[inside].astype(float)
    part = np.bincount(key, weights=value, minlength=keys)
    whole = np.bincount(key, minlength=keys).astype(float)
    persons, size = effective_size(key, person, value, keys)
    with np.errstate(invalid="ignore"):
        share = part / whole
    low, high = wilson(share * size, size, confidence)
    columns = {"part": part, "whole": whole, "persons": persons, "share": share}
    return pd.DataFrame(columns | {"size": size, "low": low, "high": high})


def effective_size(key: Int64s, person: Int64s, value: Floats, keys: int) -> tuple[Floats, Floats]:
    """Persons and n / deff of the mean of a yes/no ``value`` per key. Shapes (keys,)."""
    people = int(person.max(initial=0)) + 1
    pair, number = np.unique(key * people + person, return_inverse=True)
    first = pair // people
    whole_i = np.bincount(number, minlength=len(pair)).astype(float)
    part_i = np.bincount(number, weights=value, minlength=len(pair))
    whole, part = (np.bincount(first, weights=v, minlength=keys) for v in (whole_i, part_i))
    persons = np.bincount(first, minlength=keys).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = part / whole
        squares = np.bincount(first, weights=(part_i - share[first] * whole_i) ** 2, minlength=keys)
        correction = np.where(persons > 1, persons / np.maximum(persons - 1, 1), 1.0)
        binomial = share * (1 - share) / whole
        deff = np.where(binomial > 0, correction * squares / whole**2 / binomial, whole / persons)
        return persons, whole / np.maximum(deff, 1.0)


def rate(events: float, exposure: float, confidence: float = 0.95) -> tuple[float, float]:
    """The exact Poisson interval of a rate (Garwood 1936); NaN without exposure."""
    if not exposure > 0:
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    low = stats.chi2.ppf(tail, 2 * events) / 2 if events else 0.0
    return float(low / exposure), float(stats.chi2.ppf(1 - tail, 2 * events + 2) / 2 / exposure)


def cluster_mean(
    values: Floats, person: Int64s, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Mean and interval with persons as clusters (t with persons - 1 degrees of freedom)."""
    if not len(values):
        return np.nan, np.nan, np.nan
    mean = float(values.mean())
    _, codes = np.unique(person, return_inverse=True)
    persons = int(codes.max()) + 1
    if persons < 2:
        return mean, np.nan, np.nan
    sums = np.bincount(codes, weights=values - mean)
    error = np.sqrt(persons / (persons - 1) * (sums**2).sum()) / len(values)
    half = float(stats.t.ppf((1 + confidence) / 2, persons - 1) * error)
    return mean, mean - half, mean + half


@dataclass(frozen=True)
class Bootstrap:
    """Resampled people. ``counts``: how often each person is drawn, shape (people, replicates)."""

    counts: Bytes

    @classmethod
    def draw(cls, people: int, replicates: int, seed: int) -> Self:
        """Draw ``people`` persons with replacement, ``replicates`` times."""
        generator = np.random.Generator(np.random.PCG64(seed))
        counts = np.zeros((people, replicates), dtype=np.uint8)
        for number in range(replicates):
            drawn = np.bincount(generator.integers(0, people, people), minlength=people)
            counts[:, number] = np.minimum(drawn, 255)
        return cls(counts)

    def totals(self, person: Int64s, key: Int64s, value: Floats, keys: int) -> Floats:
        """The sum of ``value`` per ``key`` in each replicate. Shape (replicates, keys)."""
        people, replicates = len(self.counts), len(self.counts.T)
        sums = sparse.coo_array((value, (key, person)), shape=(keys, people)).tocsr()
        result = np.empty((replicates, keys))
        for first in range(0, replicates, _STEP):
            part = self.counts[:, first : first + _STEP].astype(np.float64)
            result[first : first + _STEP] = (sums @ part).T
        return result
