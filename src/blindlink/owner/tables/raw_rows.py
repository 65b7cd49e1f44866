"""Checks that concern rows: no person, duplicates, dates in the wrong order, ids that do not join.

A frame of raw rows has the column ``ROW``: the number of each in its file, from 1.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from blindlink import spellings
from blindlink.arrays import Bools, Int64s, Objects
from blindlink.errors import InputError
from blindlink.owner.tables.findings import KEPT, LEFT_OUT, Findings

ROW: Final = "#"
PERSON: Final = "@"
NO_PERSON, UNKNOWN_PERSON = "no person", "person without identity row"
SAME_ROW, SAME_ID = "row stands twice", "id stands twice with other content"
NO_EVENT = "no such event"
ANALYST_COUNTS_ONCE = "kept; the analyst counts it once"


def numbers(frame: pd.DataFrame) -> Int64s:
    """The number of each row in its file, from 1."""
    return np.asarray(frame[ROW], dtype=np.int64)


def texts(frame: pd.DataFrame, name: str) -> Objects:
    """A column as an array of texts."""
    return np.asarray(frame[name], dtype=object)


def with_person(frame: pd.DataFrame, file: str, findings: Findings) -> pd.DataFrame:
    """The rows that name a person."""
    nobody = (frame[PERSON] == "").to_numpy()
    findings.add(file, "person", NO_PERSON, nobody, LEFT_OUT, numbers(frame))
    return frame[~nobody].reset_index(drop=True)


def of_known_people(
    frame: pd.DataFrame, file: str, people: pd.Series, findings: Findings
) -> pd.DataFrame:
    """The rows whose person has an identity row: a name or address of nobody says nothing."""
    stranger = unknown(frame, file, people, findings, LEFT_OUT)
    return frame[~stranger].reset_index(drop=True)


def unknown(
    frame: pd.DataFrame, file: str, people: pd.Series, findings: Findings, done: str
) -> Bools:
    """Count the rows whose person has no identity row, and give their mask.

    Raises InputError where they would have one if zeros in front, case and blanks did not matter:
    whether they do is said with ``--ids``, never guessed.
    """
    stranger = ~frame[PERSON].isin(people).to_numpy()
    known = set(map(spellings.folded, people))
    near = [spellings.folded(text) in known for text in frame.loc[stranger, PERSON]]
    if any(near):
        rows = numbers(frame)[np.flatnonzero(stranger)[np.flatnonzero(near)[:5]]]
        raise InputError(
            f"{file}: {sum(near):,} rows have an identifier that differs from one of the file of "
            f"people only in zeros in front, case or blanks: rows {', '.join(map(str, rows))}",
            hint="mend the files, or say --ids folded where such differences mean nothing",
        )
    findings.add(file, "person", UNKNOWN_PERSON, stranger, done, numbers(frame))
    findings.unjoined(file, "person", stranger)
    return stranger


def once(frame: pd.DataFrame, file: str, findings: Findings) -> pd.DataFrame:
    """Each row once; rows of one person that differ all stay."""
    content = frame.drop(columns=ROW)
    again = content.duplicated().to_numpy()
    findings.add(
        file, "person", SAME_ROW, again, "counted once: the rows are equal", numbers(frame)
    )
    kept = frame[~again].reset_index(drop=True)
    other = kept.duplicated(PERSON).to_numpy()
    findings.add(file, "person", SAME_ID, other, KEPT, numbers(kept))
    return kept


def duplicates(
    frame: pd.DataFrame, file: str, name: str, key: Sequence[str], findings: Findings
) -> None:
    """Count rows of events whose id stood before; they stay, for the analyst to count once."""
    again = frame.duplicated(list(key)).to_numpy() & (frame[key[-1]] != "").to_numpy()
    findings.add(file, name, "duplicate id", again, ANALYST_COUNTS_ONCE, numbers(frame))


def before(
    frame: pd.DataFrame, file: str, early: str, late: str, findings: Findings, done: str = KEPT
) -> Bools:
    """Count rows whose column ``late`` lies before ``early``; YYYY-MM-DD sorts as text."""
    wrong = (frame[late] != "") & (frame[early] != "") & (frame[late] < frame[early])
    return findings.add(file, late, f"before {early}", wrong.to_numpy(), done, numbers(frame))


def age_on(born: pd.Series, day: pd.Series) -> Objects:
    """Age in completed years, empty where unknown or not within 10 to 110. Shape: (rows,)."""
    birth = pd.to_datetime(born.where(born.map(spellings.exists)), format="%Y-%m-%d")
    on = pd.to_datetime(day.where(day != ""), format="%Y-%m-%d")
    later = (on.dt.month * 100 + on.dt.day) < (birth.dt.month * 100 + birth.dt.day)
    years = on.dt.year - birth.dt.year - later
    known = years.between(10, 110).to_numpy()
    ages = years.fillna(0).astype(int).astype(str).to_numpy(dtype=object)
    return np.asarray(np.where(known, ages, ""), dtype=object)
