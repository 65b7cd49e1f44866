"""Every headline share three times: observed, corrected for linkage error, and bounded.

One bootstrap over people carries all of it: in each replicate the shares, the linked share and q
are taken from the resampled people, f and s are drawn from what is known about them, and the share
is corrected with these. The interval so holds sampling, the clustering of sentences in people, and
the doubt about the linkage.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.intervals import Bootstrap, effective_size, wilson
from blindlink.analyst.estimate.presence import counting, tipping, true_share
from blindlink.arrays import Bools, Floats, Int64s
from blindlink.studies.probation_treatment.definitions import FOLDED, SUBSTANCES
from blindlink.studies.probation_treatment.journeys import Journeys
from blindlink.studies.probation_treatment.linkage_error import ErrorRates, true_share_of_firsts
from blindlink.studies.probation_treatment.pathways import Pathways
from blindlink.studies.probation_treatment.rivals import (
    POOL_PAIRS,
    mean_of_halves,
    of_strangers,
    rivals,
)
from blindlink.studies.probation_treatment.strata import Relative, pair_sums, relative

ENGAGED, AT_THREE_WEEKS = "engaged", "in treatment at three weeks"
BY_ANY_RECORD = {ENGAGED, AT_THREE_WEEKS}  # the other flags belong to the first journey
MOST_FALSE = 0.999


@dataclass(frozen=True)
class Counted:
    """A share of cases: how many cases, linked and counted ones, and the true share p.

    ``level``: the share without false links alone, which is p times the sensitivity.

    Point figures have the shape (groups, kinds), draws (replicates, groups, kinds); the last kind
    is all kinds together. ``lowest`` and ``highest`` are draws at the ends of the bounds. ``size``
    is the effective number of cases.
    """

    whole: Floats
    part: Floats
    p: Floats
    size: Floats
    observed_draws: Floats
    p_draws: Floats
    level: Floats
    level_draws: Floats
    lowest: Floats
    highest: Floats


def within(days: int) -> str:
    """The flag of engagement within so many days of the sentence."""
    return f"{ENGAGED} within {days} days"


def flags(
    journeys: Journeys, person: Int64s, sentence: Floats, pathways: Pathways
) -> dict[str, Bools]:
    """Per case: engaged, within each window, in treatment at three weeks, folded outcomes and
    substance groups."""
    rules = pathways.settings.definitions
    found = journeys.next(person, sentence)
    exits = pd.Series(journeys.pick(journeys.exit, found, "")).map(rules.fold).to_numpy()
    substance = journeys.pick(journeys.substance, found, "")
    result = {
        ENGAGED: found >= 0,
        AT_THREE_WEEKS: journeys.open_on(person, sentence + rules.three_weeks),
    }
    start = journeys.pick(journeys.start, found, np.inf)
    for days in {*rules.windows, rules.follow_up_days}:
        result[within(days)] = np.asarray(start <= sentence + days)
    result |= {name: np.asarray(exits == name, dtype=bool) for name in FOLDED}
    result |= {name: np.asarray(substance == name, dtype=bool) for name in SUBSTANCES}
    return result


class Correction:
    """Observed, corrected and bounded shares of one study.

    ``kinds`` are the requirements; every result has a further kind for all of them together, which
    adds up the corrected numbers of the kinds.
    """

    def __init__(
        self, pathways: Pathways, rates: ErrorRates, bootstrap: Bootstrap, seed: int
    ) -> None:
        self.pathways, self.rates, self.bootstrap = pathways, rates, bootstrap
        self._q: dict[str, tuple[Floats, Floats]] = {}
        self.kinds = list(pathways.settings.definitions.requirements)
        cases = pathways.cases
        self.person = cases["person"].to_numpy(dtype=np.int64)
        self.kind = pd.Categorical(cases["requirement"], categories=self.kinds).codes.astype(
            np.int64
        )
        sentence = cases["sentence_date"].to_numpy()
        self.observed = flags(pathways.journeys, self.person, sentence, pathways)
        self.pairs, self.pairs_source = rivals(pathways, seed)
        case = self.pairs["case"].to_numpy(dtype=np.int64)
        right = self.pairs["right"].to_numpy(dtype=np.int64)
        self.stranger = flags(pathways.right_journeys, right, sentence[case], pathways)
        self._pair_sums = pair_sums(pathways)

    @cached_property
    def changes(self) -> tuple[pd.DataFrame, dict[str, Floats]]:
        """Some of ``pairs``, and per flag what the record changes for the case: +1, 0 or -1.

        That is the case's linked records with this one, against the same without it. Column
        ``further`` of the pairs: whether the case has any other linked record.
        """
        some = self.pairs.iloc[:: -(-len(self.pairs) // POOL_PAIRS) or 1]
        case, linked = some["case"].to_numpy(dtype=np.int64), some["linked"].to_numpy(dtype=bool)
        pairs = pd.DataFrame({"pair": np.arange(len(case)), "left": self.person[case]})
        own = pairs.merge(self.pathways.links[["left", "right"]], on="left")
        own["here"] = own["right"].to_numpy() == some["right"].to_numpy()[own["pair"]]
        # A link is taken away, another record is added; the observed flags are the other side.
        more = pairs[["pair"]].assign(right=some["right"].to_numpy(dtype=np.int64))[~linked]
        others = pd.concat([own.loc[~own["here"], ["pair", "right"]], more])
        episodes = self.pathways.episodes.merge(others, left_on="person", right_on="right")
        gap = self.pathways.settings.definitions.gap_days
        joined = Journeys.merge(episodes.assign(person=episodes["pair"]), gap)
        sentence = self.pathways.cases["sentence_date"].to_numpy()[case]
        found = flags(joined, pairs["pair"].to_numpy(dtype=np.int64), sentence, self.pathways)
        sign = np.where(linked, -1.0, 1.0)
        changed = {
            name: sign * (found[name].astype(np.float64) - self.observed[name][case])
            for name in found
        }
        further = np.isin(np.arange(len(case)), own.loc[~own["here"], "pair"])
        return some.assign(further=further), changed

    def error_rates_of(self, group: Int64s, groups: int) -> Relative | None:
        """How the error rates of each group (codes of the cases) differ from those of everybody.

        None where no match probabilities tell.
        """
        if self._pair_sums is None:
            return None
        inside = group >= 0
        person = self.person[inside]
        values = [np.ones(len(person)), *(each[person] for each in self._pair_sums)]
        return relative(*self._sums(group[inside], person, values, (groups, 1)))

    def rates_of(self, group: Int64s, groups: int) -> tuple[Floats, Floats, Floats, Floats]:
        """f and s of each group, (groups, 1), and their draws, (replicates, groups, 1)."""
        rates, factors = self.rates, self.error_rates_of(group, groups)
        points = [np.full((groups, 1), x) for x in (rates.false_link, rates.sensitivity)]
        shape = (len(rates.false_link_draws), groups, 1)
        draws = [
            np.broadcast_to(x[:, None, None], shape)
            for x in (rates.false_link_draws, rates.sensitivity_draws)
        ]
        if factors is not None:
            points = [points[0] * factors.false_link, points[1] * factors.sensitivity]
            draws = [
                draws[0] * factors.false_link_draws,
                draws[1] * factors.sensitivity_draws,
            ]
        f, f_draws = (np.minimum(x, MOST_FALSE) for x in (points[0], draws[0]))
        s, s_draws = (np.minimum(x, 1.0) for x in (points[1], draws[1]))
        return f, s, f_draws, s_draws

    def count(
        self, name: str, *, mask: Bools | None = None, group: Int64s | None = None, groups: int = 1
    ) -> Counted:
        """Count a flag among the cases of ``mask`` by ``group`` (codes 0..groups-1, -1 = none)."""
        inside = np.ones(len(self.person), dtype=bool) if mask is None else mask.copy()
        group = np.zeros(len(self.person), dtype=np.int64) if group is None else group
        inside &= group >= 0
        shape = (groups, len(self.kinds))
        key = (group * len(self.kinds) + self.kind)[inside]
        person = self.person[inside]
        linked = self.pathways.cases["linked"].to_numpy(dtype=float)[inside]
        part = self.observed[name].astype(float)[inside]
        sums, draws = self._sums(key, person, [np.ones(len(key)), linked, part], shape)
        rates = self.rates_of(group, groups)
        return self._counted(sums, draws, name, (key, person, part), rates)

    def counts_as(self, name: str) -> Floats:
        """q of each kind: the share of wrongly linkable records that would count."""
        return self._counts_as(name)[0]

    def shares(self, counted: Counted) -> pd.DataFrame:
        """One row per group and kind (codes ``group`` and ``kind``): see ``_frame``."""
        observed = _divide(counted.part, counted.whole)
        low, high = wilson(observed * counted.size, counted.size, self.confidence)
        edge = self._edge(counted, observed, low, high)
        return self._frame(
            counted, counted.whole, counted.part, (observed, low, high), counted.p,
            counted.p_draws, (counted.lowest, counted.highest), edge,
        )  # fmt: skip

    def candidates_over_links(self) -> float:
        """Expected true pairs among the candidates over expected right links; 1 where unknown."""
        if self._pair_sums is None:
            return 1.0
        right, every, _ = (float(each.sum()) for each in self._pair_sums)
        return every / right if right > 0 else 1.0

    def apart(self, counted: Counted) -> pd.DataFrame:
        """The corrected share of each group less that of all others, and its tipping point.

        Rows as in ``shares``. Others are weighted by their cases as counted. The tipping point is
        that of ``blindlink.analyst.estimate.presence``.
        """
        whole = counted.whole
        other = whole.sum(axis=0) - whole
        rest, rests = (
            _divide(np.nansum(p * whole, axis=-2, keepdims=True) - p * whole, other)
            for p in (counted.p, counted.p_draws)
        )
        tail = (1 - self.confidence) / 2
        low, high = _quantiles(counted.p_draws - rests, [tail, 1 - tail])
        shape = (len(rests), -1)
        tips = tipping(counted.p_draws.reshape(shape).T, rests.reshape(shape).T, tail)
        columns = {"difference": counted.p - rest, "difference_low": low, "difference_high": high}
        return pd.DataFrame(
            {name: values.ravel() for name, values in columns.items()} | {"tipping": tips}
        )

    def dependent(self, delta: Floats, sensitivity: float) -> Floats:
        """The corrected share engaged of everybody if missed links depend on the outcome.

        ``delta``: log odds of being found for records that count over those of all.
        ``sensitivity``: that of everybody. Shape of ``delta``.
        """
        level = float(self.count(ENGAGED).level[0, -1])
        return np.minimum(level / counting(np.full(len(delta), sensitivity), delta), 1.0)

    def ratio(self, part: Counted, whole: Counted) -> pd.DataFrame:
        """The same for the share of ``whole`` that is ``part``: s cancels, f and q do not.

        Its bounds let f go from 0 to its maximum and hold s equal for all.
        """
        observed = _divide(part.part, whole.part)
        size = np.minimum(whole.part, whole.part * _divide(whole.size, whole.whole))
        low, high = wilson(observed * size, size, self.confidence)
        ends = _divide(part.part, whole.part) + 0 * part.p_draws
        other = _divide(part.lowest, whole.lowest)
        bounds = (np.fmin(ends, other), np.fmax(ends, other))
        return self._frame(
            whole, whole.part, part.part, (observed, low, high), _divide(part.p, whole.p),
            _divide(part.p_draws, whole.p_draws), bounds, None,
        )  # fmt: skip

    @property
    def confidence(self) -> float:
        """The level of all intervals."""
        return self.pathways.settings.confidence

    def _sums(
        self, key: Int64s, person: Int64s, values: list[Floats], shape: tuple[int, int]
    ) -> tuple[list[Floats], list[Floats]]:
        size = shape[0] * shape[1]
        sums: list[Floats] = [
            np.bincount(key, weights=v, minlength=size).reshape(shape).astype(np.float64)
            for v in values
        ]
        drawn = (self.pathways.settings.replicates, *shape)
        draws = [self.bootstrap.totals(person, key, v, size).reshape(drawn) for v in values]
        return sums, draws

    def _counts_as(self, name: str) -> tuple[Floats, Floats]:
        if name not in self._q:
            self._q[name] = self._count_strangers(name)
        return self._q[name]

    def _first(self, name: str) -> bool:
        """Whether a flag of the first journey can change by a stranger on top of a true record."""
        by_any = name in BY_ANY_RECORD or name.startswith(f"{ENGAGED} within")
        return not self.rates.exclusive and not by_any

    def _count_strangers(self, name: str) -> tuple[Floats, Floats]:
        if self._first(name):
            pairs, changed = self.changes
            return self._strangers(pairs, changed[name], pairs["further"].to_numpy(), -1.0)
        alike = np.zeros(len(self.pairs), dtype=bool)
        return self._strangers(self.pairs, self.stranger[name].astype(np.float64), alike, 0.0)

    def _strangers(
        self, pairs: pd.DataFrame, counts: Floats, apart: Bools, least: float
    ) -> tuple[Floats, Floats]:
        """What a stranger's record counts for, by kind: point and draws.

        Pairs that are ``apart`` are looked at by themselves, because true records count otherwise
        there; the two are put together as wrong links fall on them.
        """
        case, p = pairs["case"].to_numpy(dtype=np.int64), pairs["chance"].to_numpy()
        wrong = (1 - p) * pairs["linked"].to_numpy(dtype=float)
        wrong = wrong if wrong.any() else 1 - p
        values = [p * p, p * (1 - p), (1 - p) ** 2, p * counts, (1 - p) * counts, wrong]
        key, shape = 2 * self.kind[case] + apart, (1, 2 * len(self.kinds))
        sums, draws = self._sums(key, self.person[case], values, shape)
        overall = of_strangers([x.sum() for x in sums[:5]])
        point, drawn = (mean_of_halves(of_strangers(each[:5]), each[5]) for each in (sums, draws))
        # A kind without any pair takes the q of all; without pairs at all q is 1, the worst case.
        found, found_draws = (
            np.clip(np.where(np.isnan(q), overall, q), least, 1.0) for q in (point, drawn)
        )
        return np.nan_to_num(found, nan=1.0), np.nan_to_num(found_draws, nan=1.0)

    def _counted(
        self,
        sums: list[Floats],
        draws: list[Floats],
        name: str,
        rows: tuple[Int64s, Int64s, Floats],
        error: tuple[Floats, Floats, Floats, Floats],
    ) -> Counted:
        whole, linked, part = sums
        wholes, links, parts = draws
        rates = self.rates
        share, shares = _divide(part, whole), _divide(parts, wholes)
        linked_share, linked_shares = _divide(linked, whole), _divide(links, wholes)

        def p(f: Floats | float, s: Floats | float, point: bool = False) -> Floats:
            a, at = (share, linked_share) if point else (shares, linked_shares)
            chance = self._counts_as(name)[0 if point else 1]
            if self._first(name):
                return true_share_of_firsts(
                    a, chance, self._counts_as(ENGAGED)[0 if point else 1], f, s
                )
            return true_share(a, at, chance, f, s, exclusive=rates.exclusive)

        f, s, f_draws, s_draws = error
        true, draws_true = p(f, s, point=True), p(f_draws, s_draws)
        return Counted(
            whole=_with_all(whole),
            part=_with_all(part),
            p=_mean_with_all(true, whole),
            size=self._sizes(rows, whole.shape),
            observed_draws=_divide(_with_all(parts), _with_all(wholes)),
            p_draws=_mean_with_all(draws_true, wholes),
            level=_mean_with_all(true * s, whole),
            level_draws=_mean_with_all(draws_true * s_draws, wholes),
            lowest=_mean_with_all(p(rates.false_link_maximum, 1.0), wholes),
            highest=_mean_with_all(p(0.0, rates.sensitivity_minimum), wholes),
        )

    def _sizes(self, rows: tuple[Int64s, Int64s, Floats], shape: tuple[int, ...]) -> Floats:
        """The effective sample size of each group and kind, and of all kinds together."""
        key, person, part = rows
        group = key // shape[1]
        _, single = effective_size(key, person, part, shape[0] * shape[1])
        _, together = effective_size(group, person, part, shape[0])
        return np.concatenate([single.reshape(shape), together.reshape(-1, 1)], axis=1)

    def _edge(self, counted: Counted, share: Floats, low: Floats, high: Floats) -> Floats:
        """Corrected ends of Wilson's interval where a share is 0 or 1 and no bootstrap varies.

        Shape (2, groups, kinds); NaN elsewhere.
        """
        empty = (counted.part == 0) | (counted.part == counted.whole)
        factor = 1 / self.rates.sensitivity
        return np.where(
            empty, np.stack([low, high]) * np.array([1.0, factor])[:, None, None], np.nan
        )

    def _frame(
        self,
        counted: Counted,
        whole: Floats,
        part: Floats,
        observed: tuple[Floats, Floats, Floats],
        p: Floats,
        draws: Floats,
        bounds: tuple[Floats, Floats],
        edge: Floats | None,
    ) -> pd.DataFrame:
        tail = (1 - self.confidence) / 2
        low, high = _quantiles(draws, [tail, 1 - tail])
        if edge is not None:
            low, high = np.fmin(low, edge[0]), np.fmax(high, edge[1])
        (bound_low,) = _quantiles(bounds[0], [tail])
        (bound_high,) = _quantiles(bounds[1], [1 - tail])
        unclear = np.isnan(p)
        columns: Mapping[str, np.ndarray] = {
            "whole": whole,
            "part": part,
            **dict(zip(("observed", "observed_low", "observed_high"), observed, strict=True)),
            "corrected": np.clip(p, 0, 1),
            "corrected_low": np.where(unclear, np.nan, np.clip(low, 0, 1)),
            "corrected_high": np.where(unclear, np.nan, np.clip(high, 0, 1)),
            "bound_low": np.clip(bound_low, 0, 1),
            "bound_high": np.clip(bound_high, 0, 1),
            "clipped": (p < 0) | (p > 1),
        }
        group, kind = np.indices(whole.shape)
        return pd.DataFrame(
            {"group": group.ravel(), "kind": kind.ravel()}
            | {name: values.ravel() for name, values in columns.items()}
        )


def _divide(part: Floats, whole: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole != 0, part / whole, np.nan)


def _with_all(values: Floats) -> Floats:
    return np.concatenate([values, values.sum(axis=-1, keepdims=True)], axis=-1)


def _mean_with_all(p: Floats, whole: Floats) -> Floats:
    """p of each kind, and the mean of all kinds weighted by their cases."""
    numbers = np.where(whole > 0, p * whole, 0.0).sum(axis=-1, keepdims=True)
    return np.concatenate([p, _divide(numbers, whole.sum(axis=-1, keepdims=True))], axis=-1)


def _quantiles(draws: Floats, at: list[float]) -> Floats:
    with np.errstate(invalid="ignore"):
        empty = np.isnan(draws).all(axis=0)
        filled = np.where(empty, 0.0, draws)
        return np.where(empty, np.nan, np.nanquantile(filled, at, axis=0))
