"""The payload tables of a cohort, typed and checked.

Nothing is dropped in silence: every problem is counted with what was done about it, and every
requirement keeps the stage that it reached.
"""

from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.columns import content_hash, day_number, days, numbers, texts
from blindlink.arrays import Bools
from blindlink.studies.probation_treatment.contract import REQUIREMENTS
from blindlink.studies.probation_treatment.definitions import INCONSISTENT, OPEN, Definitions

RECEIVED, VALID, ELIGIBLE = 0, 1, 2

TOP_SUBSTANCES = ("alcohol", "opiate", "crack", "cocaine", "amphetamine", "cannabis", "other")
TOP_MEASURES = (*TOP_SUBSTANCES, "injecting")
TOP_STAGES = ("start", "review", "exit")

REQUIREMENT_TEXTS = (
    "sentence_id",
    "requirement_id",
    "requirement",
    "order_type",
    "offence_category",
    "accommodation_status",
    "termination_reason",
    "region",
    "ethnicity",
    "sex",
)
REQUIREMENT_NUMBERS = (
    "ogrs3_score",
    "rsr_score",
    "sentence_length_days",
    "age_at_sentence",
    "in_breach",
)
REQUIREMENT_DATES = ("sentence_date", "termination_date", "deceased_date")
_RANGES = {
    "ogrs3_score": (0, 100),
    "rsr_score": (0, 100),
    "sentence_length_days": (0, 9999),
    "age_at_sentence": (10, 110),
    "in_breach": (0, 1),
}


@dataclass
class Problems:
    """What was found wrong in the extracts: rows by table and problem, and what was done."""

    rows: list[tuple[str, str, int, str]] = field(default_factory=list)

    def add(self, table: str, problem: str, found: Bools, consequence: str) -> Bools:
        """Count the rows of a mask, and give the mask back."""
        self.rows.append((table, problem, int(found.sum()), consequence))
        return found

    def frame(self) -> pd.DataFrame:
        """Columns table, problem, rows, consequence."""
        return pd.DataFrame(self.rows, columns=["table", "problem", "rows", "consequence"])


def read_requirements(
    table: pd.DataFrame, people: pd.Index, rules: Definitions, problems: Problems
) -> pd.DataFrame:
    """One row per received requirement, with ``stage`` and the ``reason`` where it stopped.

    ``people`` are the pseudonyms of the left owner. Dates are days since 1970-01-01 as floats. The
    column ``hash`` is the row's content without any identifier.
    """
    frame = _typed(table, "events", problems)
    reason = np.full(len(frame), "", dtype=object)
    words = set(get_args(REQUIREMENTS)) - set(rules.requirements)
    others = frame["requirement"].isin(words).to_numpy()
    tests = [
        ("no person", ~frame["person"].isin(people).to_numpy()),
        ("another requirement", others),
        ("unknown requirement", ~frame["requirement"].isin(rules.requirements).to_numpy()),
        ("no sentence date", frame["sentence_date"].isna().to_numpy()),
        ("duplicate requirement", _duplicates(frame, "requirement_id")),
    ]
    start, end = day_number(rules.observation_start), day_number(rules.observation_end)
    later = [
        ("sentenced before the observation", (frame["sentence_date"] < start).to_numpy()),
        ("sentenced after the observation", (frame["sentence_date"] > end).to_numpy()),
        ("other type of order", ~frame["order_type"].isin((*rules.order_types, "")).to_numpy()),
    ]
    stage = np.full(len(frame), ELIGIBLE)
    for reached, checks in ((RECEIVED, tests), (VALID, later)):
        for name, failed in checks:
            fresh = failed & (reason == "")
            problems.add("events", name, fresh, "requirement left out of the analysis")
            reason[fresh], stage[fresh] = name, reached
    frame["stage"], frame["reason"] = stage, reason
    _check_order(frame, problems)
    return frame


def read_episodes(table: pd.DataFrame, rules: Definitions, problems: Problems) -> pd.DataFrame:
    """Usable treatment episodes: person, start, end (inf = open), outcome, three drug flags, hash.

    An episode that ends after the observation is still open at its end.
    """
    name, observed = "episodes", day_number(rules.observation_end)
    frame = pd.DataFrame({"person": texts(_column(table, "person"))})
    start, bad_start = days(_column(table, "triage_date"))
    end, bad_end = days(_column(table, "discharge_date"))
    reason = texts(_column(table, "discharge_reason"))
    frame["episode_id"] = texts(_column(table, "episode_id"))
    problems.add(name, "unreadable discharge date", bad_end, "counted as an open episode")
    frame["start"] = start
    frame["end"] = np.where(np.isnan(end) | (end > observed), np.inf, end)
    frame["outcome"] = _outcomes(reason, frame["end"].to_numpy(), rules, problems)
    for column, flags in _drugs(table, rules, problems).items():
        frame[column] = flags
    frame["hash"] = _hashes(frame, ["start", "end", "outcome", "opiate", "non_opiate", "alcohol"])
    left_out = problems.add(
        name, "no triage date", np.isnan(start) & ~bad_start, "episode left out"
    )
    left_out |= problems.add(name, "unreadable triage date", bad_start, "episode left out")
    left_out |= problems.add(name, "discharged before triage", end < start, "episode left out")
    left_out |= problems.add(
        name, "triage after the observation", start > observed, "episode left out"
    )
    left_out |= problems.add(
        name, "duplicate episode", _duplicates(frame, "episode_id") & ~left_out, "episode left out"
    )
    usable = frame.loc[~left_out].drop(columns="episode_id").reset_index(drop=True)
    problems.add(
        name, "overlaps another episode", _overlaps(usable), "both counted, as one journey"
    )
    return usable


def read_forms(table: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Usable TOP forms: person, date, stage and days of use out of 28 per measure, hash."""
    name = "details"
    frame = pd.DataFrame({"person": texts(_column(table, "person"))})
    frame["date"], bad = days(_column(table, "top_date"))
    frame["stage"] = texts(_column(table, "stage"))
    for measure in TOP_MEASURES:
        values, unreadable = numbers(_column(table, f"{measure}_days"))
        outside = unreadable | (values < 0) | (values > 28)
        problems.add(name, f"{measure} days not within 0 to 28", outside, "value set to missing")
        frame[measure] = np.where(outside, np.nan, values)
    unknown = ~frame["stage"].isin(TOP_STAGES).to_numpy()
    left_out = problems.add(
        name, "no or unreadable date", bad | frame["date"].isna().to_numpy(), "form left out"
    )
    left_out |= problems.add(name, "unknown stage", unknown, "form left out")
    frame["hash"] = _hashes(frame, ["date", "stage", *TOP_MEASURES])
    return frame.loc[~left_out].reset_index(drop=True)


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    # A column that the agreement did not let through is missing throughout, and that is no error.
    if name in table.columns:
        return table[name]
    return pd.Series(np.full(len(table), None, dtype=object), index=table.index)


def _typed(table: pd.DataFrame, name: str, problems: Problems) -> pd.DataFrame:
    frame = pd.DataFrame({"person": texts(_column(table, "person"))})
    for column in REQUIREMENT_TEXTS:
        frame[column] = texts(_column(table, column))
    for column in REQUIREMENT_NUMBERS:
        values, bad = numbers(_column(table, column))
        low, high = _RANGES[column]
        bad |= (values < low) | (values > high)
        problems.add(name, f"{column} unreadable or out of range", bad, "value set to missing")
        frame[column] = np.where(bad, np.nan, values)
    for column in REQUIREMENT_DATES:
        frame[column], bad = days(_column(table, column))
        if column != "sentence_date":
            problems.add(name, f"{column} unreadable", bad, "value set to missing")
    without_ids = [c for c in frame.columns if c not in ("person", "sentence_id", "requirement_id")]
    frame["hash"] = _hashes(frame, without_ids)
    return frame


def _check_order(frame: pd.DataFrame, problems: Problems) -> None:
    for column in ("termination_date", "deceased_date"):
        early = (frame[column] < frame["sentence_date"]).to_numpy()
        problems.add("events", f"{column} before the sentence", early, "value set to missing")
        frame[column] = frame[column].mask(early)
    ids = frame.loc[frame["requirement_id"] != "", ["requirement_id", "person"]].drop_duplicates()
    shared = frame["requirement_id"].isin(
        ids.loc[ids["requirement_id"].duplicated()].requirement_id
    )
    problems.add("events", "requirement number of two persons", shared.to_numpy(), "both counted")


def _duplicates(frame: pd.DataFrame, identifier: str) -> Bools:
    """Rows whose identifier stood before, in order of content so that row order says nothing."""
    order = frame.sort_values("hash", kind="stable").index
    again = frame.loc[order].duplicated(["person", identifier]) & (
        frame.loc[order, identifier] != ""
    )
    return np.asarray(again.reindex(frame.index), dtype=bool)


def _overlaps(episodes: pd.DataFrame) -> Bools:
    """Episodes that begin before an earlier one of the person has ended."""
    order = episodes.sort_values(["person", "start", "end"], kind="stable")
    so_far = order["end"].groupby(order["person"]).cummax()
    before = so_far.groupby(order["person"]).shift()
    return np.asarray((order["start"] < before).reindex(episodes.index), dtype=bool)


def _outcomes(
    reason: np.ndarray, end: np.ndarray, rules: Definitions, problems: Problems
) -> np.ndarray:
    codes = {str(code): group for group, members in rules.discharge.items() for code in members}
    group = pd.Series(reason).map(codes)
    closed = np.isfinite(end)
    unknown = (reason != "") & group.isna().to_numpy()
    problems.add("episodes", "unknown discharge reason", unknown, "counted as inconsistent")
    bare = closed & (reason == "")
    problems.add("episodes", "discharged without a reason", bare, "counted as inconsistent")
    early = ~closed & (reason != "")
    problems.add(
        "episodes", "reason without a discharge in the observation", early, "counted as open"
    )
    return np.where(closed, group.fillna(INCONSISTENT).to_numpy(dtype=object), OPEN)


def _drugs(table: pd.DataFrame, rules: Definitions, problems: Problems) -> dict[str, np.ndarray]:
    groups = {
        "opiate": rules.opiates,
        "non_opiate": rules.non_opiates,
        "alcohol": rules.alcohol,
    }
    flags = {name: np.zeros(len(table), dtype=bool) for name in groups}
    unknown = np.zeros(len(table), dtype=bool)
    for column in ("drug_1", "drug_2", "drug_3"):
        code, unreadable = numbers(_column(table, column))
        known = np.isnan(code) & ~unreadable
        for name, ranges in {**groups, "": rules.no_drug}.items():
            inside = np.zeros(len(table), dtype=bool)
            for low, high in ranges:
                inside |= (code >= low) & (code <= high)
            known |= inside
            if name:
                flags[name] |= inside
        unknown |= ~known
    problems.add("episodes", "unknown drug code", unknown, "code ignored")
    return flags


def _hashes(frame: pd.DataFrame, columns: list[str]) -> np.ndarray:
    return content_hash([frame[column].to_numpy() for column in columns], len(frame))
