"""Treatment Outcomes Profile forms: days of use in the past 28 at start, reviews and exit."""

import numpy as np
import pandas as pd

from blindlink.arrays import Bools, Floats, Int64s
from blindlink.synthetic.generator.treatment import OPEN

REVIEW_DAYS = 91
MOST_REVIEWS = 6
START_FORM, REVIEW_FORM, EXIT_PLANNED, EXIT_OTHER = 0.94, 0.62, 0.80, 0.30
MISSING = 0.02
COMPLETED = (80, 81, 82)
# Column -> codes of the drug, and the Beta shapes of the share of 28 days used at the start.
USES = {
    "alcohol_days": ((7000,), (1.2, 0.75)),
    "opiate_days": ((1000, 1011, 1105), (1.2, 0.7)),
    "crack_days": ((3201,), (0.9, 1.1)),
    "cocaine_days": ((3200,), (0.9, 1.6)),
    "amphetamine_days": ((3100,), (0.9, 1.3)),
    "cannabis_days": ((5000,), (1.1, 0.8)),
    "other_days": ((2200, 3406, 4000, 6000), (0.9, 1.4)),
}
INJECTS = 0.22
ABSTINENT_START = 0.06


def top_forms(rng: np.random.Generator, episodes: pd.DataFrame, last_day: int) -> pd.DataFrame:
    """Forms of the episodes: episode (row), date, stage and the columns of days (-1 = missing)."""
    forms = _occasions(rng, episodes, last_day)
    row = forms["episode"].to_numpy()
    remaining = _remaining(rng, episodes, forms)
    used: Floats = np.zeros(len(forms))
    for column, (codes, shape) in USES.items():
        uses = _uses(episodes, codes)
        start = np.where(uses, np.ceil(28 * rng.beta(*shape, len(episodes))), 0)
        start = np.where(rng.random(len(episodes)) < ABSTINENT_START, 0, start)
        forms[column] = _days(rng, start[row] * remaining)
        if column == "opiate_days":
            used = start
    injects = np.where(rng.random(len(episodes)) < INJECTS, used, 0.0)
    forms["injecting_days"] = _days(rng, injects[row] * remaining)
    return forms


def _occasions(rng: np.random.Generator, episodes: pd.DataFrame, last_day: int) -> pd.DataFrame:
    start = episodes["start"].to_numpy()
    is_open = (episodes["end"] == OPEN).to_numpy()
    until = np.where(is_open, last_day, episodes["end"].to_numpy())
    rows = np.arange(len(episodes))
    first = rows[rng.random(len(rows)) < START_FORM]
    dates = [np.minimum(start[first] + rng.integers(0, 11, len(first)), until[first])]
    found, stages = [first], ["start"]
    for k in range(1, MOST_REVIEWS + 1):
        date = start + REVIEW_DAYS * k + rng.integers(-14, 15, len(rows))
        held = rows[(date < until - 7) & (rng.random(len(rows)) < REVIEW_FORM)]
        found.append(held)
        dates.append(date[held])
        stages.append("review")
    planned = episodes["code"].isin(COMPLETED).to_numpy()
    share = np.where(planned, EXIT_PLANNED, EXIT_OTHER)
    left = rows[~is_open & (rng.random(len(rows)) < share)]
    found.append(left)
    dates.append(until[left])
    stages.append("exit")
    stage = np.repeat(np.array(stages, dtype=object), [len(part) for part in found])
    return pd.DataFrame(
        {"episode": np.concatenate(found), "date": np.concatenate(dates), "stage": stage}
    )


def _remaining(rng: np.random.Generator, episodes: pd.DataFrame, forms: pd.DataFrame) -> Floats:
    """Share of the starting days that is left at each form: 1 at the start, less later, often 0."""
    row, later = forms["episode"].to_numpy(), (forms["stage"] != "start").to_numpy()
    done = episodes["code"].isin(COMPLETED).to_numpy()[row]
    waited = (forms["date"].to_numpy() - episodes["start"].to_numpy()[row]) / 365.25
    stops = np.where(done, 0.45, 0.22) + 0.15 * np.minimum(waited, 2.0)
    abstinent = rng.random(len(forms)) < stops
    left = np.where(abstinent, 0.0, rng.beta(2.2, 2.0, len(forms)))
    result: Floats = np.where(later, left, 1.0)
    return result


def _uses(episodes: pd.DataFrame, codes: tuple[int, ...]) -> Bools:
    found: Bools = episodes[["drug_1", "drug_2", "drug_3"]].isin(codes).any(axis=1).to_numpy()
    return found


def _days(rng: np.random.Generator, days: Floats) -> Int64s:
    noisy = np.where(days > 0, days + rng.normal(0, 0.8, len(days)), 0.0)
    found = np.clip(np.round(noisy), 0, 28).astype(np.int64)
    found = np.where((days > 0) & (found == 0), 1, found)
    return np.where(rng.random(len(days)) < MISSING, -1, found)
