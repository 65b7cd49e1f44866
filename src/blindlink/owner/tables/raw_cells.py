"""One raw column at a time: cells in the words of the contract, and what was wrong with the rest.

Work is done on the distinct values only. How a number, a code, an identifier or a date is spelled
is the business of ``spellings``; what a source system writes where it knows nothing, of
``placeholders``.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from blindlink import spellings
from blindlink.arrays import Int64s, Objects
from blindlink.mapping import codes as listed
from blindlink.owner.tables.authorities import authority
from blindlink.owner.tables.findings import KEPT, NOT_KNOWN, TO_MISSING, Findings
from blindlink.owner.tables.layouts import (
    Authority,
    Code,
    CodeList,
    Column,
    Date,
    Initial,
    Name,
    Number,
    Postcode,
    Text,
)
from blindlink.schema import placeholders, steps
from blindlink.schema.quality import Kind

Read = tuple[str, str]  # the contract's word, and the problem if there is one

UNREADABLE, IMPOSSIBLE, RANGE = "unreadable", "impossible date", "out of range"
UNKNOWN, UNLISTED = "unknown code", "code in no list"
PLACEHOLDER, PARTIAL = "default of the system", "date that does not exist"
NO_DISTRICT, NO_AUTHORITY = "no postcode district", "authority in no list"
SERIAL, SHORT = "Excel serial", "two-digit year"
_DONE: Final = {
    **dict.fromkeys((UNLISTED, NOT_KNOWN, NO_DISTRICT, NO_AUTHORITY), KEPT),
    PARTIAL: "the parts that exist are kept",
    SERIAL: "read as days since 30 December 1899",
    SHORT: "read as the last such year",
}
LOST: Final[dict[str, Kind]] = {
    **dict.fromkeys((UNREADABLE, IMPOSSIBLE, RANGE), "unreadable"),
    UNKNOWN: "unknown",
    PLACEHOLDER: "placeholder",
}
_FIRST, _LAST = "1900-01-01", "2099-12-31"
_OUTWARD = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?")


@dataclass(frozen=True)
class Context:
    """Where a column stands, how its dates are written, and where to say what is wrong."""

    file: str
    name: str
    codes: dict[str, CodeList]
    dates: str
    findings: Findings


def clean(cells: Objects, column: Column, where: Context, numbers: Int64s) -> Objects:
    """The column in the words of the contract; its problems are counted in ``where.findings``.

    ``cells`` (rows,) are texts, "" where nothing stands; ``numbers`` (rows,) of the raw rows.
    """
    codes, raw = pd.factorize(pd.Series(cells, dtype=object))
    read = reader(column, where.codes, where.dates)
    words = [("", "") if spellings.nothing(cell) else read(cell.strip()) for cell in raw.tolist()]
    problem = np.array([word[1] for word in words] + [""], dtype=object)[codes]
    made = np.array([word[0] for word in words] + [""], dtype=object)[codes]
    empty = np.array([spellings.nothing(cell) for cell in raw.tolist()] + [True])[codes]
    where.findings.missing(where.file, where.name, empty)
    counts: Counter[Kind] = Counter()
    for name in _problems(column):
        rows = problem == name
        done = _DONE.get(name, TO_MISSING)
        where.findings.add(where.file, where.name, name, rows, done, numbers)
        if name in LOST:
            counts[LOST[name]] += int(rows.sum())
    counts["missing"] += int(empty.sum())
    where.findings.lost(where.file, where.name, empty, made != "", counts)
    if isinstance(column, Date) and counts["unreadable"]:
        bad = [
            cell for cell, word in zip(raw.tolist(), words, strict=True) if word[1] == UNREADABLE
        ]
        where.findings.offer(where.file, where.name, spellings.form_of(bad[:1000]))
    return made


def _problems(column: Column) -> tuple[str, ...]:
    if isinstance(column, Date):
        more = (PARTIAL,) if column.birth else (IMPOSSIBLE,)
        return UNREADABLE, RANGE, PLACEHOLDER, SERIAL, SHORT, *more
    if isinstance(column, Number):
        return UNREADABLE, RANGE
    if isinstance(column, Code):
        return (UNKNOWN, NOT_KNOWN, *((UNLISTED,) if column.keep else ()))
    if isinstance(column, Name):
        return (PLACEHOLDER,)
    if isinstance(column, Postcode):
        return PLACEHOLDER, NO_DISTRICT
    if isinstance(column, Authority):
        return (NO_AUTHORITY,)
    return (UNREADABLE,) if isinstance(column, Initial) or column.kind == "id" else ()


def reader(column: Column, codes: dict[str, CodeList], dates: str) -> Callable[[str], Read]:
    """What becomes of a cell that is not empty."""
    if isinstance(column, Date):
        return lambda cell: _date(cell, column, dates)
    if isinstance(column, Number):
        return lambda cell: _number(cell, column)
    if isinstance(column, Code):
        known = listed(codes[column.codes].values)
        return lambda cell: _code(cell, known, column)
    if isinstance(column, Postcode):
        return lambda cell: _postcode(cell, column)
    if isinstance(column, Text):
        return _identifier if column.kind == "id" else lambda cell: (cell, "")
    plain: dict[str, Callable[[str], Read]] = {
        "initial": lambda cell: (cell, "") if re.fullmatch("[A-Za-z]", cell) else ("", UNREADABLE),
        "name": _name,
        "authority": _authority,
    }
    return plain[column.kind]


def _identifier(cell: str) -> Read:
    try:
        return spellings.identifier(cell), ""
    except ValueError:
        return "", UNREADABLE


def _date(cell: str, column: Date, dates: str) -> Read:
    latest = steps.BIRTHS if column.birth else spellings.LATEST
    try:
        day = spellings.day(cell, dates, latest=latest)
    except (ValueError, OverflowError):
        return "", UNREADABLE
    if column.birth and (
        day.text in placeholders.values("date", "is") or day.text > date.today().isoformat()
    ):
        return "", PLACEHOLDER
    if not _FIRST <= day.text <= _LAST:
        return "", RANGE
    if not spellings.exists(day.text):
        return (day.text, PARTIAL) if column.birth else ("", IMPOSSIBLE)
    return day.text, day.how


def _number(cell: str, column: Number) -> Read:
    try:
        text = (spellings.number if column.decimals else spellings.integer)(cell, unit=column.unit)
    except ValueError:
        return "", UNREADABLE
    if not column.low <= float(text) <= column.high:
        return "", RANGE
    return text, ""


def _code(cell: str, known: Callable[[str], str | None], column: Code) -> Read:
    word = known(cell)
    if word is None and column.number and (inner := re.search(column.number, cell)):
        word = known(inner[1]) or column.rest
    if word is not None:
        return word, "" if word else NOT_KNOWN
    if column.keep:
        try:
            code = spellings.integer(cell)
        except ValueError:
            return "", UNKNOWN
        if re.fullmatch(column.keep, code, re.ASCII):
            return code, UNLISTED
    return "", UNKNOWN


def _name(cell: str) -> Read:
    letters = steps.Name(step="name").apply(cell)
    if not letters and any(map(str.isalpha, cell)):
        return "", PLACEHOLDER
    cut = steps.without_markers(cell)
    return (cut, PLACEHOLDER) if cut != cell else (cell, "")


def _postcode(cell: str, column: Postcode) -> Read:
    step = steps.Postcode(step="postcode", part=column.part)
    if step.says_nothing(cell):
        return "", PLACEHOLDER
    outward = steps.Postcode(step="postcode", part="outward").apply(cell)
    if column.part == "full":
        full = step.apply(cell)
        return (cell if full else outward), ("" if _OUTWARD.fullmatch(outward) else NO_DISTRICT)
    return outward, "" if _OUTWARD.fullmatch(outward) else NO_DISTRICT


def _authority(cell: str) -> Read:
    found = authority(cell)
    return (cell, NO_AUTHORITY) if found is None else (found.name, "")
