"""How numbers, codes, identifiers and dates are spelled in files, read the same way everywhere.

Importer, mapping, encoder, submission, evaluation and analyst all ask here, so that ``80.0`` is the
code 80 for one if it is for all. A function takes a cell as text and gives the one spelling that
the rest of the package uses; it raises ValueError with a reason, never with the cell.

    nothing(text)     the cell says that there is nothing: "", NULL, NA, nan and their like
    number(text)      1,095  .35  1.001E+03  55%   ->  1095  0.35  1001  55
    integer(text)     80.0  055                    ->  80  55
    identifier(text)  1001.0  1,001  1.001E+03     ->  1001          (case and zeros stay)
    day(text, form)   19-JUL-65  01FEB1980  29252  ->  1965-07-19  1980-02-01  1980-02-01

A date that does not exist keeps the parts that do: 30 February 1980 is read as 1980-02-30, and
1980-13-25 as 1980-00-25, with 00 for a part that is not known. ``exists`` tells.
"""

import datetime as dt
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

NOTHING: Final = frozenset(
    (
        *("", "NULL", "null", "Null", "(null)", "\\N", "NA", "N/A", "n/a", "#N/A", "<NA>"),
        *("nan", "NaN", "NAN", "-nan", "NaT", "<null>", "#NULL!", "#VALUE!", "#REF!"),
    )
)
"""What databases, spreadsheets, R and pandas write where there is nothing. ``None``, ``-``, ``.``
and ``unknown`` are not in it: they are words of code lists, and some are names."""

Form = Literal["iso", "day first", "month first", "year first", "excel", "sas", "compact"]
FORMS: Final[tuple[str, ...]] = (
    "iso",
    "day first",
    "month first",
    "year first",
    "excel",
    "sas",
    "compact",
)

_PLAIN = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_TAIL = re.compile(r"\d+\.0+", re.ASCII)
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+", re.ASCII)
_EXPONENT = re.compile(r"(\d)(?:\.(\d+))?[eE]\+?(\d{1,2})", re.ASCII)
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_MONTH: Final = {name: n for n, name in enumerate(_MONTHS, 1)} | {
    name[:3]: n for n, name in enumerate(_MONTHS, 1)
} | {"sept": 9}  # fmt: skip
_CLOCK = re.compile(
    r"(?:[T ,]+|:)(?P<hour>\d{1,2})[:.]\d{2}(?:[:.]\d{2}(?:[.:,]\d{1,9})?)?"
    r"\s*(?:[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?$",
    re.ASCII,
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/. ])(\d{1,2})\2(\d{1,2})", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_WORD = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?[-/. ]?([A-Za-z]{3,9})\.?[-/., ]{0,2}(\d{4}|\d{2})", re.ASCII
)
_WORD_FIRST = re.compile(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_SERIAL = re.compile(r"(-?\d{1,6})(?:\.\d+)?", re.ASCII)
_EXCEL_ZERO, _SAS_ZERO = dt.date(1899, 12, 30), dt.date(1960, 1, 1)
_EXCEL_SURE = range(10_000, 100_000)  # from 1927-05-18; fewer digits may be a year or a SAS day
LATEST: Final = 2049
"""Two digits of a year mean 1950 to 2049, as Oracle's RR reads them."""


def nothing(text: str) -> bool:
    """Whether a cell says that there is nothing in it."""
    return text in NOTHING or not text.strip() or text.strip() in NOTHING


def number(text: str, *, unit: str = "") -> str:
    """A decimal number in plain digits; ``unit`` may follow it, and so may nothing.

    Digits after the point stay as they are, so that 2.50 does not become 2.5.
    """
    cell = text.strip()
    if unit and cell.casefold().endswith(unit):
        cell = cell[: -len(unit)].rstrip()
    if not _PLAIN.fullmatch(cell) or not any(map(str.isdigit, cell)):
        raise ValueError("is not a number")
    try:
        value = Decimal(cell.replace(",", ""))
    except InvalidOperation:
        raise ValueError("is not a number") from None
    plain = f"{value:f}" if "e" not in cell.lower() else f"{value.normalize():f}"
    return "0" + plain if plain.startswith(".") else plain


def integer(text: str, *, unit: str = "") -> str:
    """A whole number without needless zeros, whatever it is written as."""
    value = Decimal(number(text, unit=unit))
    if value != value.to_integral_value():
        raise ValueError("is not a whole number")
    return str(int(value))


def identifier(text: str) -> str:
    """An identifier that a program took for a number as it was before; others only trimmed.

    Case, zeros in front and blanks within stay: whether they matter is the owner's business
    (``folded``). 1E+03 is refused: digits are lost, and many numbers are written so.
    """
    cell = text.strip()
    if _TAIL.fullmatch(cell):
        return cell.partition(".")[0]
    if _THOUSANDS.fullmatch(cell):
        return cell.replace(",", "")
    power = _EXPONENT.fullmatch(cell)
    if power:
        head, rest, places = power[1], power[2] or "", int(power[3])
        if "E+" not in cell.upper():
            return cell  # 12E3 may be an identifier as it stands
        if places > len(rest):
            raise ValueError("is a number that has lost digits (such as 1E+03)")
        if rest[places:].strip("0"):
            raise ValueError("is no whole number")
        return head + rest[:places]
    return cell


def folded(text: str) -> str:
    """An identifier without what programs lose or add: zeros in front, case, blanks, hyphens."""
    plain = "".join(c for c in text.casefold() if c.isalnum())
    return plain.lstrip("0") or plain


@dataclass(frozen=True)
class Day:
    """A date as it was read. ``text`` is YYYY-MM-DD, with 00 for a part that no date has.

    ``how`` names a reading that is a convention: "Excel serial", "two-digit year".
    """

    text: str
    how: str = ""


def day(text: str, form: str | None = None, *, latest: int = LATEST) -> Day:
    """A calendar date in any common form.

    ``form`` declares what the cell itself does not say: ``day first`` (31/12/1980), ``month
    first``, ``excel`` and ``sas`` (days since 1899-12-30 and 1960-01-01), or a format of strptime.
    Without it a date of three numbers is read only where one of them cannot be a month. Two digits
    of a year give the last such year up to ``latest``. Raises ValueError.
    """
    cell = text.strip()
    if form is not None and "%" in form:
        return _by_format(cell, form)
    clock = _CLOCK.search(cell)
    if clock and len(cell) - len(clock[0]) >= 5:
        _check_clock(clock)
        cell = cell[: -len(clock[0])].rstrip()
    return _calendar(cell, form, latest)


def _check_clock(clock: re.Match[str]) -> None:
    # Midnight of British summer time is 23:00 of the day before in UTC: which day is meant?
    if clock["zone"] and int(clock["hour"]) >= 23:
        raise ValueError("is a time near midnight in another zone: its day is not certain")
    if int(clock["hour"]) > 24:
        raise ValueError("is not a date")


def _by_format(cell: str, form: str) -> Day:
    try:
        return Day(dt.datetime.strptime(cell, form).date().isoformat())
    except ValueError:
        raise ValueError(f"is not a date of the form {form}") from None


def _calendar(cell: str, form: str | None, latest: int) -> Day:
    if found := _YEAR_FIRST.fullmatch(cell):
        return _made(found[1], found[3], found[4], latest)
    if form in ("excel", "sas"):
        return _serial(cell, form)
    if found := _YEAR_LAST.fullmatch(cell):
        first, second = found[1], found[3]
        if form not in ("day first", "month first"):
            if len(found[4]) == 2:
                raise ValueError("may begin with day, month or year: declare which")
            form = _order(int(first), int(second))
        if form == "month first":
            first, second = second, first
        return _made(found[4], second, first, latest)
    if (found := _WORD.fullmatch(cell)) and found[2].lower() in _MONTH:
        return _made(found[3], str(_MONTH[found[2].lower()]), found[1], latest)
    if (found := _WORD_FIRST.fullmatch(cell)) and found[1].lower() in _MONTH:
        return _made(found[3], str(_MONTH[found[1].lower()]), found[2], latest)
    if found := _COMPACT.fullmatch(cell):
        return _made(found[1], found[2], found[3], latest)
    return _serial(cell, form)


def _order(first: int, second: int) -> str:
    if first > 12 >= second or first == second:
        return "day first"
    if second > 12 >= first:
        return "month first"
    raise ValueError("may begin with day or month: declare which")


def _serial(cell: str, form: str | None) -> Day:
    found = _SERIAL.fullmatch(cell)
    if not found:
        raise ValueError("is not a date")
    count = int(found[1])
    if form == "sas":
        return Day((_SAS_ZERO + dt.timedelta(count)).isoformat(), "SAS day")
    if form == "excel" or count in _EXCEL_SURE:
        return Day((_EXCEL_ZERO + dt.timedelta(count)).isoformat(), "Excel serial")
    raise ValueError("is not a date")


def _made(year: str, month: str, date: str, latest: int) -> Day:
    how, y, m, d = "", int(year), int(month), int(date)
    if len(year) == 2:
        how = "two-digit year"
        y = latest - (latest - y) % 100
    if not 1 <= m <= 12:
        m, d = 0, (d if d > 12 else 0)  # 1980-13-05 may be the fifth month: its day is not sure
    if not 1 <= d <= 31:
        d = 0
    return Day(f"{y:04}-{m:02}-{d:02}", how)


def exists(text: str) -> bool:
    """Whether YYYY-MM-DD, as ``day`` gives it, is a day of the calendar."""
    try:
        dt.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def form_of(texts: list[str]) -> str | None:
    """The declaration that reads all of these cells as dates, where just one does; or None.

    What is offered to a user when a whole column has another form, never taken by itself.
    """
    fits = []
    for form in ("day first", "month first"):
        try:
            days = [day(text, form).text for text in texts]
        except ValueError:
            continue
        if texts and all(map(exists, days)):
            fits.append(form)
    return fits[0] if len(fits) == 1 else None
