"""One column at a time: text, dates and numbers out of whatever a payload column holds.

Payload columns arrive as text or typed, whole or generalised by the agreement (a month, a band).
Every reader says which cells it could not read, so that they can be counted. Work is done on the
distinct values only: a column of a million dates has about two thousand of them.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from blindlink import spellings
from blindlink.arrays import Bools, Floats, Int64s, Objects, Words

_BAND = re.compile(r"^(-?\d+)\s*-\s*(\d+)$")
_EPOCH = np.datetime64("1970-01-01", "D")
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def texts(column: pd.Series) -> Objects:
    """Trimmed text, empty where missing; whole numbers without a decimal point."""
    values: Objects = _by_value(column, _text, object)
    return values


def days(column: pd.Series) -> tuple[Floats, Bools]:
    """Days since 1970-01-01, NaN where missing or unreadable; and which cells are unreadable.

    A month counts as its 15th and a year as its 1 July, the middle of what it may mean.
    """
    values = _by_value(column, _day, np.float64)
    return values, np.isnan(values) & (texts(column) != "")


def numbers(column: pd.Series) -> tuple[Floats, Bools]:
    """Numbers, NaN where missing or unreadable; and which cells are unreadable.

    A band such as 30-34 counts as its middle.
    """
    values = _by_value(column, _number, np.float64)
    return values, np.isnan(values) & (texts(column) != "")


def day_number(date: object) -> float:
    """Days since 1970-01-01 of a date."""
    return float((np.datetime64(str(date), "D") - _EPOCH).astype(np.int64))


def content_hash(columns: list[npt.NDArray[np.generic]], rows: int) -> Words:
    """A 64-bit hash of each row's values; equal rows have equal hashes. Shape: (rows,)."""
    total = np.full(rows, 1, dtype=np.uint64)
    for column in columns:
        total = mix(total ^ _hash(column))
    return total


def mix(values: Words) -> Words:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014), element by element."""
    with np.errstate(over="ignore"):
        values = values + _MIX[0]
        values = (values ^ (values >> np.uint64(30))) * _MIX[1]
        values = (values ^ (values >> np.uint64(27))) * _MIX[2]
    return values ^ (values >> np.uint64(31))


def sum_hashes(codes: Int64s, hashes: Words, size: int) -> Words:
    """The sum of the hashes of each code, which does not depend on their order. Shape: (size,)."""
    totals = np.zeros(size, dtype=np.uint64)
    with np.errstate(over="ignore"):
        np.add.at(totals, codes, hashes)
    return totals


def _hash(column: npt.NDArray[np.generic]) -> Words:
    if column.dtype == object:
        return pd.util.hash_array(column, categorize=True)
    values = np.ascontiguousarray(column, dtype=np.float64) + 0.0
    values[np.isnan(values)] = np.nan
    return mix(values.view(np.uint64))


def _by_value(column: pd.Series, read: Callable[[object], object], kind: type) -> Any:
    codes, values = pd.factorize(column)
    known: npt.NDArray[Any] = np.array([read(value) for value in values] + [read(None)], dtype=kind)
    return known[codes]


def _text(value: object) -> str:
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, float):
        return "" if np.isnan(value) else str(int(value)) if value.is_integer() else str(value)
    text = str(value).strip()
    return "" if spellings.nothing(text) else text


def _day(value: object) -> float:
    text = _text(value)[:10]
    text += {4: "-07-01", 7: "-15"}.get(len(text), "")
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return np.nan
    try:
        return day_number(text)
    except ValueError:
        return np.nan


def _number(value: object) -> float:
    text = _text(value)
    band = _BAND.match(text)
    try:
        number = (float(band[1]) + float(band[2])) / 2 if band else float(spellings.number(text))
    except ValueError:
        return np.nan
    return number if np.isfinite(number) else np.nan
