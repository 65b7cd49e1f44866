"""The groups by which results are shown: bands and labels of each case."""

from itertools import pairwise

import numpy as np
import pandas as pd

from blindlink.arrays import Floats
from blindlink.studies.probation_treatment.definitions import Definitions

UNKNOWN = "not recorded"

GROUPS = {
    "sex": "Sex",
    "age_band": "Age at sentence",
    "ethnicity": "Ethnicity",
    "region": "Region",
    "year": "Year of sentence",
    "order_type": "Type of order",
    "offence_category": "Main offence",
    "accommodation_status": "Accommodation",
    "ogrs_band": "OGRS3 score",
    "rsr_band": "RSR score",
    "termination_reason": "End of the order",
}


def grouped(cases: pd.DataFrame, rules: Definitions) -> pd.DataFrame:
    """The cases with every column of ``GROUPS`` as text; missing values are ``not recorded``."""
    end = np.where(cases["termination_date"].isna(), "not terminated", UNKNOWN)
    reason = cases["termination_reason"].to_numpy(dtype=object)
    labels = {
        "age_band": banded(cases["age_at_sentence"].to_numpy(), age_names(rules)),
        "year": _year(cases["sentence_date"].to_numpy()),
        "ogrs_band": banded(cases["ogrs3_score"].to_numpy(), dict(rules.ogrs_bands)),
        "rsr_band": banded(cases["rsr_score"].to_numpy(), dict(rules.rsr_bands)),
        "termination_reason": np.where(reason == "", end, reason),
    }
    cases = cases.assign(**labels)
    for column in GROUPS:
        cases[column] = cases[column].astype(object).replace("", UNKNOWN)
    return cases


def age_names(rules: Definitions) -> dict[str, float]:
    """The names of the age bands and where each begins."""
    starts = rules.age_bands
    names = {f"{low} to {high - 1}": float(low) for low, high in pairwise(starts)}
    return {f"under {starts[0]}": -np.inf, **names, f"{starts[-1]} and over": float(starts[-1])}


def banded(values: Floats, starts: dict[str, float]) -> np.ndarray:
    """The name of the band of each value; bands begin at ``starts``, in rising order."""
    place = np.searchsorted(np.array(list(starts.values())), values, side="right") - 1
    names = np.array([*starts, UNKNOWN], dtype=object)
    return names[np.where(np.isnan(values) | (place < 0), len(starts), place)]


def levels(column: str, values: pd.Series, rules: Definitions) -> list[str]:
    """The levels of a group that occur, in the order in which they are shown."""
    seen = set(values.unique())
    fixed = {
        "age_band": list(age_names(rules)),
        "ogrs_band": list(rules.ogrs_bands),
        "rsr_band": list(rules.rsr_bands),
    }.get(column, sorted(seen - {UNKNOWN}))
    return [level for level in (*fixed, UNKNOWN) if level in seen]


def _year(day: Floats) -> np.ndarray:
    dates = pd.to_datetime(pd.Series(day), unit="D")
    return dates.dt.year.astype("Int64").astype(str).to_numpy(dtype=object)
