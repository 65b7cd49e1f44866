"""Normalisation steps: from a cell as it stands to the text that is compared; "" means missing.

To add a step, add one model here and to the union. ``apply(value)`` gets text that is not empty,
returns text, and raises ValueError, without the value, where the value breaks the step's rule. The
steps stand in the schema, so that all owners normalise alike and the fingerprint covers them.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from blindlink.schema.comparators import problems
from blindlink.schema.models import Model, date_format
from blindlink.schema.phonetics import Phonetic, Soundex

# Letters that Unicode does not decompose into a base letter and an accent.
_LETTERS = str.maketrans({"Ø": "O", "Ł": "L", "Đ": "D", "Æ": "AE", "Œ": "OE", "Þ": "TH", "ı": "I"})
_EITHER_CASE = _LETTERS | {ord(chr(k).lower()): v.lower() for k, v in _LETTERS.items()}
_SEXES = {"M": "M", "MALE": "M", "1": "M", "F": "F", "FEMALE": "F", "2": "F"}
_NO_SEX = {"0", "9", "3", "U", "UNKNOWN", "NOT KNOWN", "X", "I", "INDETERMINATE", "NOT SPECIFIED"}
_FULL = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})")
_OUTWARD = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?")
_AREA = re.compile(r"[A-Z]{1,2}")
# ZZ99 is the NHS's area for people without one: no fixed abode is ZZ99 3VZ, not known ZZ99 3WZ.
_NO_PLACE = ("ZZ99", "NFA", "NOFIXED", "UNKNOWN")


class Text(Model):
    """Unicode NFKC, upper case, trimmed, runs of spaces as one."""

    step: Literal["text"]
    missing: list[str] = Field(default=[])

    def apply(self, value: str) -> str:
        text = " ".join(unicodedata.normalize("NFKC", value).upper().split())
        return "" if text in self.missing else text


class Name(Model):
    """Like ``text``, then without accents, punctuation, spaces and digits: letters only."""

    step: Literal["name"]
    missing: list[str] = Field(default=["UNKNOWN", "NOTKNOWN", "NA", "NONE", "NULL"])

    def apply(self, value: str) -> str:
        upper = unicodedata.normalize("NFKC", value).upper().translate(_LETTERS)
        plain = unicodedata.normalize("NFKD", upper)
        letters = "".join(filter(str.isalpha, plain))
        return "" if letters in self.missing else letters


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
        code = value.strip().upper().removesuffix(".0")
        if code in _SEXES:
            return _SEXES[code]
        if not code or code in _NO_SEX:
            return ""
        raise ValueError("is not a sex code (M, F, male, female, 1, 2)")


class Date(Model):
    """A date as YYYY-MM-DD from one of the formats; listed dates, such as defaults, are missing."""

    step: Literal["date"]
    formats: list[Annotated[str, AfterValidator(date_format)]] = Field(
        default=["%Y-%m-%d"], min_length=1, max_length=5
    )
    missing: list[str] = Field(default=["1900-01-01", "1901-01-01"])

    def apply(self, value: str) -> str:
        for form in self.formats:
            try:
                text = _day(value.strip(), form).isoformat()
            except ValueError:
                continue
            return "" if text in self.missing else text
        raise ValueError(f"is not a date of the form {' or '.join(self.formats)}")


def _day(value: str, form: str) -> date:
    """The date in a text of this form; the common form by a way ten times as fast."""
    if form == "%Y-%m-%d" and is_iso(value):
        return date.fromisoformat(value)
    return datetime.strptime(value, form).date()


def is_iso(value: str) -> bool:
    """Whether a text that ``date.fromisoformat`` takes is YYYY-MM-DD: it takes others too."""
    return len(value) == 10 and value[4] == "-" == value[7]


class DatePart(Model):
    """A part of a date YYYY-MM-DD."""

    step: Literal["date_part"]
    part: Literal["day", "month", "year", "decade", "month_day"]

    def apply(self, value: str) -> str:
        year, month, day = value.split("-")
        parts = {"day": day, "month": month, "year": year, "decade": year[:3]}
        return parts.get(self.part) or f"{month}-{day}"


class Postcode(Model):
    """A UK postcode, or a part of it; a text of another form (a foreign code) stands for all parts.

    The outward part alone (SW1A) is taken as it is. Codes for no fixed abode are missing.
    """

    step: Literal["postcode"]
    part: Literal["full", "outward", "area"] = "full"

    def apply(self, value: str) -> str:
        text = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", value).upper()))
        if text.startswith(_NO_PLACE):
            return ""
        full = _FULL.fullmatch(text)
        if self.part == "full":
            return "" if _OUTWARD.fullmatch(text) else text
        outward = full.group(1) if full else text
        if self.part == "area" and (full or _OUTWARD.fullmatch(text)):
            area = _AREA.match(outward)
            return area.group() if area else outward
        return outward


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
