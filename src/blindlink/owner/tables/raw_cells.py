"""One raw column at a time: cells in the words of the contract, and what was wrong with the rest.

Work is done on the distinct values only.
"""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from blindlink.arrays import Objects
from blindlink.owner.tables.findings import KEPT, NOT_KNOWN, TO_MISSING, Findings
from blindlink.owner.tables.layouts import Code, CodeList, Column, Date, Initial, Number

Read = tuple[str, str]  # the contract's word, and the problem if there is one

UNREADABLE, IMPOSSIBLE, RANGE = "unreadable", "impossible date", "out of range"
UNKNOWN, UNLISTED = "unknown code", "code in no list"
_FIRST, _LAST = dt.date(1900, 1, 1), dt.date(2099, 12, 31)
_TIME = re.compile(r"[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$")
_DATES: Final = (
    re.compile(r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})"),
    re.compile(r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4})"),
)


@dataclass(frozen=True)
class Context:
    """Where a column stands, and where to say what is wrong with it."""

    file: str
    name: str
    codes: dict[str, CodeList]
    findings: Findings


def clean(values: pa.ChunkedArray, column: Column, where: Context) -> Objects:
    """The column in the words of the contract; its problems are counted in ``where.findings``."""
    codes, raw = pd.factorize(values.cast(pa.string()).to_pandas().astype(object))
    cells = ["" if value is None else str(value).strip() for value in raw.tolist()]
    read = _reader(column, where.codes)
    words = [read(cell) if cell else ("", "") for cell in cells] + [("", "")]
    problem = np.array([word[1] for word in words], dtype=object)[codes]
    empty = np.array([not cell for cell in cells] + [True])[codes]
    where.findings.missing(where.file, where.name, empty)
    for name in _problems(column):
        done = KEPT if name in (UNLISTED, NOT_KNOWN) else TO_MISSING
        where.findings.add(where.file, where.name, name, problem == name, done)
    return np.array([word[0] for word in words], dtype=object)[codes]


def _problems(column: Column) -> tuple[str, ...]:
    if isinstance(column, Date):
        return UNREADABLE, IMPOSSIBLE, RANGE
    if isinstance(column, Number):
        return UNREADABLE, RANGE
    if isinstance(column, Code):
        return (UNKNOWN, NOT_KNOWN, *((UNLISTED,) if column.keep else ()))
    return (UNREADABLE,) if isinstance(column, Initial) else ()


def _reader(column: Column, codes: dict[str, CodeList]) -> Callable[[str], Read]:
    if isinstance(column, Date):
        return _date
    if isinstance(column, Number):
        return lambda cell: _number(cell, column)
    if isinstance(column, Code):
        known = {key.casefold(): word for key, word in codes[column.codes].values.items()}
        return lambda cell: _code(cell, known, column)
    if isinstance(column, Initial):
        return lambda cell: (cell, "") if re.fullmatch(r"[A-Za-z]", cell) else ("", UNREADABLE)
    return lambda cell: (cell, "")


def _date(cell: str) -> Read:
    found = next((m for m in (p.fullmatch(_TIME.sub("", cell)) for p in _DATES) if m), None)
    if found is None:
        return "", UNREADABLE
    try:
        day = dt.date(int(found["y"]), int(found["m"]), int(found["d"]))
    except ValueError:
        return "", IMPOSSIBLE
    return (day.isoformat(), "") if _FIRST <= day <= _LAST else ("", RANGE)


def _number(cell: str, column: Number) -> Read:
    pattern = r"-?\d+([.]\d+)?" if column.decimals else r"-?\d+([.]0+)?"
    if not re.fullmatch(pattern, cell, re.ASCII):
        return "", UNREADABLE
    if not column.low <= float(cell) <= column.high:
        return "", RANGE
    return (cell if column.decimals else str(int(float(cell)))), ""


def _code(cell: str, known: dict[str, str], column: Code) -> Read:
    word = known.get(cell.casefold())
    if word is not None:
        return word, "" if word else NOT_KNOWN
    if column.keep and re.fullmatch(column.keep, cell, re.ASCII):
        return cell, UNLISTED
    return "", UNKNOWN
