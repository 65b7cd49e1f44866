"""Checks that concern rows: no person, duplicates, dates in the wrong order."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from blindlink.arrays import Bools, Objects
from blindlink.owner.tables.findings import KEPT, LEFT_OUT, Findings

NO_PERSON, UNKNOWN_PERSON = "no person", "person without identity row"
SAME_ROW, SAME_ID = "row stands twice", "id stands twice with other content"
NO_EVENT = "no such event"
ANALYST_COUNTS_ONCE = "kept; the analyst counts it once"


def with_person(frame: pd.DataFrame, file: str, key: str, findings: Findings) -> pd.DataFrame:
    """The rows that name a person."""
    nobody = (frame[key] == "").to_numpy()
    findings.add(file, key, NO_PERSON, nobody, LEFT_OUT)
    return frame[~nobody].reset_index(drop=True)


def of_known_people(
    frame: pd.DataFrame, file: str, key: str, people: pd.Series, findings: Findings
) -> pd.DataFrame:
    """The rows whose person has an identity row: a name or address of nobody says nothing."""
    stranger = ~frame[key].isin(people).to_numpy()
    findings.add(file, key, UNKNOWN_PERSON, stranger, LEFT_OUT)
    return frame[~stranger].reset_index(drop=True)


def once(frame: pd.DataFrame, file: str, key: str, findings: Findings) -> pd.DataFrame:
    """Each row once; rows of one key that differ all stay."""
    again = frame.duplicated().to_numpy()
    findings.add(file, key, SAME_ROW, again, "counted once: the rows are equal")
    kept = frame[~again].reset_index(drop=True)
    findings.add(file, key, SAME_ID, kept.duplicated(key).to_numpy(), KEPT)
    return kept


def duplicates(
    frame: pd.DataFrame, file: str, name: str, key: Sequence[str], findings: Findings
) -> None:
    """Count rows of events whose id stood before; they stay, for the analyst to count once."""
    again = frame.duplicated(list(key)).to_numpy() & (frame[key[-1]] != "").to_numpy()
    findings.add(file, name, "duplicate id", again, ANALYST_COUNTS_ONCE)


def before(
    frame: pd.DataFrame, file: str, early: str, late: str, findings: Findings, done: str = KEPT
) -> Bools:
    """Count rows whose column ``late`` lies before ``early``; YYYY-MM-DD sorts as text."""
    wrong = (frame[late] != "") & (frame[early] != "") & (frame[late] < frame[early])
    return findings.add(file, late, f"before {early}", wrong.to_numpy(), done)


def age_on(born: pd.Series, day: pd.Series) -> Objects:
    """Age in completed years, empty where unknown or not within 10 to 110. Shape: (rows,)."""
    birth = pd.to_datetime(born.where(born != ""), format="%Y-%m-%d")
    on = pd.to_datetime(day.where(day != ""), format="%Y-%m-%d")
    later = (on.dt.month * 100 + on.dt.day) < (birth.dt.month * 100 + birth.dt.day)
    years = on.dt.year - birth.dt.year - later
    known = years.between(10, 110).to_numpy()
    texts = years.fillna(0).astype(int).astype(str).to_numpy(dtype=object)
    return np.asarray(np.where(known, texts, ""), dtype=object)
