"""One synthetic study scored against its truth: for the tests and benchmarks."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.intervals import Bootstrap
from blindlink.analyst.estimate.rates import beta_parameters
from blindlink.studies.probation_treatment.correction import ENGAGED, Correction
from blindlink.studies.probation_treatment.definitions import Prior, Settings
from blindlink.studies.probation_treatment.linkage_error import error_rates
from blindlink.studies.probation_treatment.pathways import build
from blindlink.studies.probation_treatment.statistics.imputed import engagement_imputed, studies
from worlds import simulated

KINDS = ("ATR", "DRR", "All")
REACH = (0.85, 0.81, 0.89)
MISPLACED = 0.08


@dataclass(frozen=True)
class Interval:
    """Low, value and high of each kind, as fractions."""

    low: np.ndarray
    value: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Score:
    """The truth of a study by kind, and the intervals that the analysis gave."""

    truth: tuple[float, float, float]
    intervals: dict[str, Interval]


def centred_reach(seed: int) -> float:
    """What the linkage of a study can see, drawn from the prior."""
    return float(np.random.Generator(np.random.PCG64([seed, 99])).beta(*beta_parameters(*REACH)))


def score(requirements: int, seed: int, reach: float, imputations: int = 0) -> Score:
    """Simulate, analyse with the centred and the misplaced prior, and keep the intervals."""
    known = simulated.known_study(requirements, seed=seed, reach=reach)
    settings = _settings(0.0, imputations)
    pathways = build(known.cohort, settings)
    bootstrap = Bootstrap.draw(pathways.left_people, settings.replicates, seed + 1)
    centred, misplaced = (
        Correction(
            replace(pathways, settings=each),
            error_rates(pathways.info, each, seed),
            bootstrap,
            seed,
        )
        for each in (settings, _settings(MISPLACED))
    )
    right, wrong = (each.shares(each.count(ENGAGED)) for each in (centred, misplaced))
    found = {
        "observed": _interval(right, "observed"),
        "corrected, centred prior": _interval(right, "corrected"),
        "corrected, misplaced prior": _interval(wrong, "corrected"),
        "bounds, misplaced prior": _interval(wrong, "bound"),
    }
    if imputations:
        table = engagement_imputed(centred, studies(pathways, seed)).frame
        ends = (table[f"corrected{end}"].to_numpy() / 100 for end in ("_low", "", "_high"))
        found["imputed, centred prior"] = Interval(*ends)
    return Score(known.engaged, found)


def _settings(shift: float, imputations: int = 0) -> Settings:
    value, low, high = (round(x + shift, 4) for x in REACH)
    prior = Prior(name="reach", value=value, low=low, high=high, source="simulation")
    return Settings(priors=(prior,), replicates=500, imputations=imputations)


def _interval(frame: pd.DataFrame, name: str) -> Interval:
    value = frame[name] if name in frame else np.full(len(frame), np.nan)
    return Interval(
        frame[f"{name}_low"].to_numpy(), np.asarray(value), frame[f"{name}_high"].to_numpy()
    )
