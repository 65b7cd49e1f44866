"""Cumulative incidence with competing events: what else may come first is no censoring.

The estimator of Aalen and Johansen (1978). 1 - Kaplan-Meier would count people who died as if they
could still have the event.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from blindlink.arrays import Floats, Int64s


def incidence(events: Floats, at_risk: Floats) -> Floats:
    """Aalen-Johansen. Shapes: events (..., causes, days), at_risk (..., days) -> like events."""
    safe = np.maximum(at_risk, 1e-300)
    staying = np.cumprod(1 - events.sum(axis=-2) / safe, axis=-1)
    before = np.concatenate([np.ones_like(staying[..., :1]), staying[..., :-1]], axis=-1)
    return np.asarray(np.cumsum(before[..., None, :] * events / safe[..., None, :], axis=-1))


def incidence_rows(
    exact: Floats, drawn: Floats, shown: Int64s, names: Sequence[str], confidence: float
) -> pd.DataFrame:
    """The curve of each cause on the days ``shown``, with intervals from drawn studies.

    ``exact``: units by event and day, shape (1, causes + 1, days), event 0 is censored; ``drawn``:
    the same, shape (replicates, ...). Columns event, day, at_risk (before the day), events (up to
    it), incidence in per cent and its bounds.
    """
    curve, at_risk = _estimate(exact)
    draws, _ = _estimate(drawn)
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws[:, :, shown], [tail, 1 - tail], axis=0)
    parts = [
        pd.DataFrame(
            {
                "event": names[cause],
                "day": shown,
                "at_risk": at_risk[0, shown].astype(int),
                "events": np.cumsum(exact[0, cause + 1])[shown].astype(int),
                "incidence": 100 * curve[0, cause, shown],
                "incidence_low": 100 * low[cause],
                "incidence_high": 100 * high[cause],
            }
        )
        for cause in range(curve.shape[1])
    ]
    return pd.concat(parts, ignore_index=True)


def _estimate(counts: Floats) -> tuple[Floats, Floats]:
    leaving = counts.sum(axis=1)
    at_risk = np.cumsum(leaving[:, ::-1], axis=1)[:, ::-1]
    return incidence(counts[:, 1:], at_risk), at_risk
