"""Normalisation steps: from a cell as it stands to the text that is compared; "" means missing.

To add a step, add one model here and to the union. ``apply(value)`` gets text that is not empty,
returns text, and raises ValueError, without the value, where the value breaks the step's rule. The
steps stand in the schema, so that all owners normalise alike and the fingerprint covers them.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from blindlink.schema.comparators import problems
from blindlink.schema.models import Model, date_format
from blindlink.schema.phonetics import Phonetic, Soundex
from blindlink.schema.placeholders import values
from blindlink.spellings import day, exists, integer, nothing

# Letters that Unicode does not decompose into a base letter and an accent.
_LETTERS = str.maketrans({"Ø": "O", "Ł": "L", "Đ": "D", "Æ": "AE", "Œ": "OE", "Þ": "TH", "ı": "I"})
_EITHER_CASE = _LETTERS | {ord(chr(k).lower()): v.lower() for k, v in _LETTERS.items()}
_SEXES = {"M": "M", "MALE": "M", "1": "M", "F": "F", "FEMALE": "F", "2": "F"}
_NO_SEX = {"0", "9", "3", "U", "UNKNOWN", "NOT KNOWN", "X", "I", "INDETERMINATE", "NOT SPECIFIED"}
_FULL = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})")
_OUTWARD = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?")
_AREA = re.compile(r"[A-Z]{1,2}")
# A sector: the digit behind the blank, as in SR1 2: some source systems send postcodes without the
# last two letters. Without the blank only three digits show it: NE335 is NE33 5, SR12 is no sector.
_SECTOR = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)\s+[0-9]")
_CLOSE_SECTOR = re.compile(r"([A-Z]{1,2}[0-9]{2})[0-9]")
_CUT = re.compile(
    "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in values("name", "cut"))
)
_CUT_ANY = re.compile(_CUT.pattern, re.IGNORECASE)
BIRTHS = 2015
"""Two digits of a year of birth mean 1916 to 2015."""


class Text(Model):
    """Unicode NFKC, upper case, trimmed, runs of spaces as one."""

    step: Literal["text"]
    missing: list[str] = Field(default=[])

    def apply(self, value: str) -> str:
        text = " ".join(unicodedata.normalize("NFKC", value).upper().split())
        return "" if text in self.missing else text

    def says_nothing(self, value: str) -> bool:
        """Whether a cell counts as missing though something stands there."""
        return not self.apply(value)


class Name(Model):
    """Like ``text``, then without accents, punctuation, spaces and digits: letters only.

    What source systems write into a name is taken out first: MIG_ERROR_, DUPLICATE_, NO_SHOW_ and
    NOT ENTERED (``placeholders``).
    """

    step: Literal["name"]
    missing: list[str] = Field(default=list(values("name", "is")))

    def says_nothing(self, value: str) -> bool:
        """Whether a cell counts as missing though something stands there."""
        return not self.apply(value)

    def apply(self, value: str) -> str:
        upper = unicodedata.normalize("NFKC", value).upper().translate(_LETTERS)
        if "_" in upper or "ENTERED" in upper:
            upper = _CUT.sub(" ", upper)
        plain = unicodedata.normalize("NFKD", upper)
        letters = "".join(filter(str.isalpha, plain))
        return "" if letters in self.missing else letters


def without_markers(name: str) -> str:
    """A name without what source systems write into it; as it is where there is nothing of it."""
    cut = _CUT_ANY.sub(" ", name)
    return name if cut == name else " ".join(cut.split())


class Initial(Model):
    """The first character."""

    step: Literal["initial"]

    def apply(self, value: str) -> str:
        return value[:1]


class Prefix(Model):
    """The first ``length`` characters."""

    step: Literal["prefix"]
    length: int = Field(ge=1, le=100)

    def apply(self, value: str) -> str:
        return value[: self.length]


class Alphanumeric(Model):
    """Letters and digits only, as in a house number or an address line."""

    step: Literal["alphanumeric"]

    def apply(self, value: str) -> str:
        return "".join(filter(str.isalnum, value))


class Address(Model):
    """Of an address its digits (house, flat; six at most), or the words without digits, joined."""

    step: Literal["address"]
    part: Literal["number", "street"]

    def apply(self, value: str) -> str:
        if self.part == "number":
            return "".join(filter(str.isdecimal, value))[:6]
        words = "".join(c if c.isalnum() else " " for c in value.upper()).split()
        return "".join(word for word in words if not any(map(str.isdecimal, word)))


class Sex(Model):
    """M or F from M, F, male, female, and the codes 1 and 2; other known codes are missing."""

    step: Literal["sex"]

    def apply(self, value: str) -> str:
        code = value.strip().upper()
        if code[:1].isdigit():
            code = _whole(code)
        if code in _SEXES:
            return _SEXES[code]
        if nothing(value) or code in _NO_SEX:
            return ""
        raise ValueError("is not a sex code (M, F, male, female, 1, 2)")

    def says_nothing(self, value: str) -> bool:
        """Whether a cell counts as missing though something stands there."""
        return nothing(value)


def _whole(code: str) -> str:
    """1 of 1.0 and 01; what is no whole number as it stands."""
    try:
        return integer(code)
    except ValueError:
        return code


class Date(Model):
    """A date as YYYY-MM-DD: from one of the formats, or from a form that says itself what it is
    (1980-02-03T00:00Z, 03-FEB-1980, 19800203; 03/02/1980 does not say it).

    Defaults of source systems (``missing``) and days to come are missing. A date that does not
    exist keeps the parts that do, for ``date_part``; as a whole it is missing.
    """

    step: Literal["date"]
    formats: list[Annotated[str, AfterValidator(date_format)]] = Field(
        default=["%Y-%m-%d"], min_length=1, max_length=5
    )
    missing: list[str] = Field(default=list(values("date", "is")))

    def apply(self, value: str) -> str:
        text = self._text(value.strip())
        return "" if text in self._none or text > date.today().isoformat() else text

    @cached_property
    def _none(self) -> frozenset[str]:
        return frozenset(self.missing)

    def _text(self, cell: str) -> str:
        if is_iso(cell) and "%Y-%m-%d" in self.formats and exists(cell):  # the fast way
            return cell
        if nothing(cell):
            return ""
        for form in self.formats:
            try:
                return day(cell, _ORDERS.get(form, form), latest=BIRTHS).text
            except ValueError:
                continue
        raise ValueError(f"is not a date of the form {' or '.join(self.formats)}")

    def says_nothing(self, value: str) -> bool:
        """Whether a cell counts as missing though something stands there."""
        try:
            return not self.apply(value)
        except ValueError:
            return False

    def partial(self, value: str, known: str | None = None) -> bool:
        """Whether a cell is a date that does not exist. ``known``: what ``apply`` gave."""
        try:
            text = self.apply(value) if known is None else known
        except ValueError:
            return False
        return bool(text) and not exists(text)


# What a format of strptime declares for a date that is written in another way.
_ORDERS: dict[str, str | None] = {
    "%Y-%m-%d": None,
    "%Y/%m/%d": None,
    "%d/%m/%Y": "day first",
    "%d-%m-%Y": "day first",
    "%d.%m.%Y": "day first",
    "%m/%d/%Y": "month first",
    "%m-%d-%Y": "month first",
}


def is_iso(value: str) -> bool:
    """Whether a text that ``date.fromisoformat`` takes is YYYY-MM-DD: it takes others too."""
    return len(value) == 10 and value[4] == "-" == value[7]


class DatePart(Model):
    """A part of a date YYYY-MM-DD."""

    step: Literal["date_part"]
    part: Literal["day", "month", "year", "decade", "month_day"]

    def apply(self, value: str) -> str:
        year, month, date = value.split("-")
        if self.part == "month_day":
            return f"{month}-{date}" if exists(f"2000-{month}-{date}") else ""
        part = {"day": date, "month": month, "year": year, "decade": year[:3]}[self.part]
        return "" if part == "00" else part


class Postcode(Model):
    """A UK postcode, or a part of it; a text of another form (a foreign code) stands for all parts.

    The outward part alone (SW1A) is taken as it is. Of a sector (SR1 2, as some systems have it)
    the digit is dropped. Codes for no fixed abode and defaults of source systems are missing.
    """

    step: Literal["postcode"]
    part: Literal["full", "outward", "area"] = "full"

    def apply(self, value: str) -> str:
        upper = unicodedata.normalize("NFKC", value).upper().strip()
        text = "".join(filter(str.isalnum, upper))
        if _nowhere(text):
            return ""
        if sector := _SECTOR.fullmatch(upper) or _CLOSE_SECTOR.fullmatch(text):
            text = sector[1]
        full = _FULL.fullmatch(text)
        if self.part == "full":
            return "" if _OUTWARD.fullmatch(text) else text
        outward = full.group(1) if full else text
        if self.part == "area" and (full or _OUTWARD.fullmatch(text)):
            area = _AREA.match(outward)
            return area.group() if area else outward
        return outward

    def says_nothing(self, value: str) -> bool:
        """Whether a cell counts as missing though something stands there."""
        return _nowhere("".join(filter(str.isalnum, unicodedata.normalize("NFKC", value).upper())))


def _nowhere(text: str) -> bool:
    """Whether letters and digits of a postcode are a placeholder."""
    return text in values("postcode", "is") or text.startswith(values("postcode", "begins"))


class Plain(Model):
    """One plain change, for schemas that want no more than it.

    ``nfkc``: Unicode's compatibility form; ``accents``: letters without them; ``upper`` and
    ``lower`` case; ``trim``: no white space at the ends, runs of it as one space; ``punctuation``:
    without anything but letters, digits and spaces.
    """

    step: Literal["nfkc", "accents", "upper", "lower", "trim", "punctuation"]

    def apply(self, value: str) -> str:
        return _PLAIN[self.step](value)


def _without_accents(value: str) -> str:
    parts = unicodedata.normalize("NFKD", value.translate(_EITHER_CASE))
    return unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.combining(c)))


def _without_punctuation(value: str) -> str:
    return "".join(c for c in value if c.isalnum() or c == " " or unicodedata.combining(c))


_PLAIN: dict[str, Callable[[str], str]] = {
    "nfkc": lambda value: unicodedata.normalize("NFKC", value),
    "accents": _without_accents,
    "upper": str.upper,
    "lower": str.lower,
    "trim": lambda value: " ".join(value.split()),
    "punctuation": _without_punctuation,
}

Step = Annotated[
    Text
    | Name
    | Plain
    | Initial
    | Prefix
    | Alphanumeric
    | Address
    | Sex
    | Date
    | DatePart
    | Postcode
    | Soundex
    | Phonetic,
    Field(discriminator="step"),
]
_STEPS: TypeAdapter[Step] = TypeAdapter(Step)


def step(document: str | dict[str, Any]) -> Step:
    """The step that a schema names or describes. Raises ValueError with its problems."""
    try:
        return _STEPS.validate_python({"step": document} if isinstance(document, str) else document)
    except ValidationError as error:
        raise ValueError(problems(error)) from None
