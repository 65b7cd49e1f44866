"""The share of left records that have a counting partner: observed, corrected, bounded, compared.

For somebody with a true record that counts, s is the probability that it is found and accepted; for
somebody without an accepted true record, f is the probability of being linked to a stranger, and q
the probability that a stranger's record would count. Of n cases a share L is linked and a share a
is counted. Where a link excludes further links (one-to-one),

    a = p s + q f (1 - s t),    L = s t + f (1 - s t)

with t the share who have a record, so s t = (L - f) / (1 - f) and

    p = (a - q f (1 - L) / (1 - f)) / s.

Where somebody may have several links, strangers come on top of true records:

    a = p s (1 - f q) + f q,    p = (a - f q) / (s (1 - f q)).

Both are the estimator of Rogan and Gladen (1978) with error rates that the linkage implies. Its
interval comes from one bootstrap over clusters in which f, s and delta are drawn as well. The
estimand is the rate of the process that made the left records, so that people are sampled in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.intervals import Bootstrap, effective_size, wilson
from blindlink.analyst.estimate.rates import ErrorRates, Rate
from blindlink.arrays import Bools, Floats, Int64s

ALL = "all"
_ENDS = (0.005, 0.995)  # of what bounds let a measured or assumed rate be


@dataclass(frozen=True)
class Presence:
    """What is seen of each left row, shapes (n,), and q; ``stratum``: codes of ``strata``."""

    counted: Bools
    linked: Bools
    cluster: Int64s
    stratum: Int64s
    strata: tuple[ErrorRates, ...]
    counts_as: float
    exclusive: bool


@dataclass(frozen=True)
class Chance:
    """Errors by stratum: points, shape (strata,), and draws, shape (replicates, strata)."""

    false_link: Floats
    sensitivity: Floats
    false_link_draws: Floats
    sensitivity_draws: Floats


def true_share(
    share: Floats,
    linked: Floats,
    counts_as: Floats | float,
    false_link: Floats | float,
    sensitivity: Floats | float,
    *,
    exclusive: bool,
) -> Floats:
    """p from a, L, q, f and s (module header), not yet clipped. Shapes broadcast."""
    with np.errstate(invalid="ignore", divide="ignore"):
        if exclusive:
            strangers = counts_as * false_link * (1 - linked) / (1 - false_link)
            return np.asarray((share - strangers) / sensitivity)
        chance = counts_as * false_link
        return np.asarray((share - chance) / (sensitivity * (1 - chance)))


def error_pair(
    share: Floats | float,
    linked: Floats | float,
    counts_as: Floats | float,
    false_link: Floats | float,
    sensitivity: Floats | float,
    *,
    exclusive: bool,
) -> tuple[Floats, Floats]:
    """P(counted | truly so) and P(counted | truly not), from a, L, q, f and s. Shapes broadcast."""
    chance = np.asarray(counts_as * np.asarray(false_link))
    seen = sensitivity + (1 - np.asarray(sensitivity)) * chance
    if not exclusive:
        return np.asarray(seen), chance
    p = true_share(
        np.asarray(share), np.asarray(linked), counts_as, false_link, sensitivity, exclusive=True
    )
    p = np.clip(p, 0.001, 0.999)
    found = (linked - false_link) / (1 - np.asarray(false_link))
    # Those who do not count and whose own record was found cannot be linked to a stranger.
    own = np.clip((found - sensitivity * p) / (1 - p), 0, 1)
    return np.asarray(seen), np.asarray(chance * (1 - own))


def counting(sensitivity: Floats, delta: Floats | float) -> Floats:
    """Sensitivity for records that count: log odds moved by ``delta``. Shapes broadcast."""
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = sensitivity * np.exp(delta)
        return np.asarray(moved / (1 - sensitivity + moved))


def chances(strata: tuple[ErrorRates, ...], replicates: int, seed: int) -> Chance:
    """Points and draws of f and s. A rate that strata share is drawn once for all of them."""
    generator = np.random.Generator(np.random.PCG64([seed, 1]))
    drawn: dict[int, Floats] = {}

    def draws(rate: Rate | None, missing: float) -> Floats:
        if rate is None:
            return np.full(replicates, missing)
        if id(rate) not in drawn:
            drawn[id(rate)] = rate.draw(replicates, generator)
        return drawn[id(rate)]

    def points(name: str, missing: float) -> Floats:
        found = [getattr(each, name) for each in strata]
        return np.array([missing if rate is None else rate.value for rate in found])

    f, s, delta = (
        np.stack([draws(getattr(each, name), missing) for each in strata], axis=1)
        for name, missing in (("false_link", np.nan), ("sensitivity", np.nan), ("delta", 0.0))
    )
    seen = counting(points("sensitivity", np.nan), points("delta", 0.0))
    return Chance(points("false_link", np.nan), seen, f, counting(s, delta))


def extremes(strata: tuple[ErrorRates, ...]) -> tuple[Floats, Floats]:
    """The largest f and the least s that bounds allow, by stratum; 1 and 0 where unknown."""
    generator = np.random.Generator(np.random.PCG64(0))

    def end(rate: Rate | None, place: int, missing: float) -> float:
        if rate is None:
            return missing
        if rate.basis == "bounded" or rate.low == rate.high:
            return (rate.low, rate.high)[place]
        return float(np.quantile(rate.draw(20_000, generator), _ENDS[place]))

    f = np.array([end(each.false_link, 1, 1.0) for each in strata])
    s = np.array([end(each.sensitivity, 0, 0.0) for each in strata])
    delta = np.array([end(each.delta, 0, 0.0) for each in strata])
    return f, counting(s, delta)


def shares(
    seen: Presence,
    groups: Mapping[str, pd.Series],
    *,
    against: float | None = None,
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 1,
) -> pd.DataFrame:
    """One row for all and one per level of each of ``groups`` (one value per left row).

    Columns: by, level, rows, counted, observed, corrected, bound (each with its ends), clipped; and
    ``difference`` from all other rows (of All: from ``against``) with its ends and ``tipping``: the
    relative difference in the sensitivity of the level's records at which the interval of the ratio
    reaches 1. -0.09: it would, were they found 9 % less often than the rates say. NaN: it does.
    """
    people = int(seen.cluster.max(initial=-1)) + 1
    bootstrap = Bootstrap.draw(people, replicates, seed)
    error = chances(seen.strata, replicates, seed)
    tables = [_block(seen, np.zeros(len(seen.counted), np.int64), [ALL], bootstrap, error, against)]
    for name, column in groups.items():
        code, levels = pd.factorize(column.astype(str).where(column.notna(), None), sort=True)
        found = _block(seen, code.astype(np.int64), list(levels), bootstrap, error, None)
        tables.append(found.assign(by=name))
    return _intervals(pd.concat(tables, ignore_index=True), confidence)


def _block(
    seen: Presence,
    group: Int64s,
    levels: list[str],
    bootstrap: Bootstrap,
    error: Chance,
    against: float | None,
) -> pd.DataFrame:
    """Points and draws of one grouping; draws stand in cells of the frame."""
    shape = (len(levels), len(seen.strata))
    inside = group >= 0
    key = (group * shape[1] + seen.stratum)[inside]
    person = seen.cluster[inside]
    values = [
        np.ones(len(key)),
        seen.linked[inside].astype(float),
        seen.counted[inside].astype(float),
    ]
    sums: list[Floats] = [
        np.bincount(key, v, shape[0] * shape[1]).reshape(shape).astype(np.float64) for v in values
    ]
    drawn = (len(bootstrap.counts.T), *shape)
    draws = [bootstrap.totals(person, key, v, shape[0] * shape[1]).reshape(drawn) for v in values]

    def number(parts: list[Floats], f: Floats, s: Floats) -> Floats:
        """The true number by group: corrected in each stratum, then added up."""
        whole, linked, part = parts
        share, at = (_divide(each, whole) for each in (part, linked))
        p = true_share(share, at, seen.counts_as, f, s, exclusive=seen.exclusive)
        return np.asarray(np.where(whole > 0, p * whole, 0.0).sum(axis=-1))

    f_most, s_least = extremes(seen.strata)
    whole, part = sums[0].sum(axis=1), sums[2].sum(axis=1)
    wholes = draws[0].sum(axis=2)
    true = number(sums, error.false_link, error.sensitivity)
    trues = number(draws, error.false_link_draws[:, None, :], error.sensitivity_draws[:, None, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        least = np.nan_to_num(number(draws, np.minimum(f_most, 1 - 1e-9), np.ones(1)), nan=0.0)
        most = number(draws, np.zeros(1), s_least)
    _, size = effective_size(group[inside], person, values[2], shape[0])
    other = [_others(true, trues, whole, wholes)] if against is None else None
    rest, rests = other[0] if other else (np.full(1, against), np.full((len(wholes), 1), against))
    return pd.DataFrame(
        {
            "by": ALL,
            "level": levels,
            "rows": whole.astype(np.int64),
            "counted": part.astype(np.int64),
            "size": size,
            "observed": _divide(part, whole),
            "corrected": _divide(true, whole),
            "draws": list(_divide(trues, wholes).T),
            "least": list(_divide(least, wholes).T),
            "most": list(_divide(most, wholes).T),
            "rest": rest,
            "rests": list(rests.T),
        }
    )


def _others(true: Floats, trues: Floats, whole: Floats, wholes: Floats) -> tuple[Floats, Floats]:
    """The corrected share of all other rows, point and draws; NaN where there are none."""
    return (
        _divide(true.sum() - true, whole.sum() - whole),
        _divide(
            trues.sum(axis=1, keepdims=True) - trues, wholes.sum(axis=1, keepdims=True) - wholes
        ),
    )


def _intervals(table: pd.DataFrame, confidence: float) -> pd.DataFrame:
    tail = (1 - confidence) / 2
    draws, least, most, rests = (
        np.stack(list(table[name])) for name in ("draws", "least", "most", "rests")
    )
    part, whole = (table[name].to_numpy(float) for name in ("counted", "rows"))
    observed, size = table["observed"].to_numpy(), table["size"].to_numpy()
    observed_low, observed_high = wilson(observed * size, size, confidence)
    low, high = _ends(draws, tail)
    # Where a share is 0 or 1 no bootstrap varies: there Wilson's ends are corrected.
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(observed > 0, table["corrected"].to_numpy() / observed, 1.0)
    edge = (part == 0) | (part == whole)
    low = np.where(edge, np.fmin(low, observed_low * np.fmin(factor, 1.0)), low)
    high = np.where(edge, np.fmax(high, observed_high * np.fmax(factor, 1.0)), high)
    corrected = table["corrected"].to_numpy()
    known: Bools = ~np.isnan(corrected)
    gap_low, gap_high = _ends(draws - rests, tail)
    made = {
        "observed": observed,
        "observed_low": observed_low,
        "observed_high": observed_high,
        "corrected": np.clip(corrected, 0, 1),
        "corrected_low": np.where(known, np.clip(low, 0, 1), np.nan),
        "corrected_high": np.where(known, np.clip(high, 0, 1), np.nan),
        "bound_low": np.clip(_ends(least, tail)[0], 0, 1),
        "bound_high": np.clip(np.nan_to_num(_ends(most, tail)[1], nan=1.0), 0, 1),
        "clipped": (corrected < 0) | (corrected > 1),
        "difference": corrected - table["rest"].to_numpy(),
        "difference_low": gap_low,
        "difference_high": gap_high,
        "tipping": tipping(draws, rests, tail),
    }
    return table[["by", "level", "rows", "counted"]].assign(**made)


def tipping(draws: Floats, rests: Floats, tail: float) -> Floats:
    """How much less (< 0) or more often records must be found for a ratio to be no longer clear.

    A sensitivity k times as large makes a share 1/k as large, so it is the end of the ratio's
    interval nearest to 1, less 1. NaN where the interval holds 1. Shapes (rows, replicates).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = _ends(draws / rests, tail)
    return np.where(low > 1, low - 1, np.where(high < 1, high - 1, np.nan))


def _ends(draws: Floats, tail: float) -> tuple[Floats, Floats]:
    empty = np.asarray(np.isnan(draws).any(axis=1))
    finite = np.where(empty[:, None], 0.0, np.minimum(draws, 1e9))  # 1e9: everybody and more
    low, high = np.quantile(finite, [tail, 1 - tail], axis=1)
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def _divide(part: Floats, whole: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole != 0, part / whole, np.nan)


def notes(seen: Presence, table: pd.DataFrame, confidence: float) -> tuple[str, ...]:
    """What a reader of the shares has to know."""
    lines = [
        f"A stranger's record counts with the chance {seen.counts_as:.3f}.",
        f"Corrected: {100 * confidence:g} % given the rates above; bounds let false links be as "
        "many and found records as few as these allow.",
    ]
    if table["corrected"].isna().any():
        lines.append("A rate is unknown or only bounded: no corrected share, only bounds.")
    if table["clipped"].any():
        lines.append("A corrected share outside 0 to 1 was clipped: rates and links do not agree.")
    if len(table) > 1:
        lines.append(
            "tipping: by how much less or more often a level's records would have to be found, "
            "beyond the rates, for its difference from the others to be no longer clear."
        )
    return tuple(lines)
