"""Normalisation steps: from a cell as it stands to the text that is compared; "" means missing.

To add a step, add one model here and to the union. ``apply(value)`` gets text that is not empty,
returns text, and raises ValueError, without the value, where the value breaks the step's rule. The
steps stand in the schema, so that all owners normalise alike and the fingerprint covers them.
"""

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from blindlink.formats.schema_models import Model
from blindlink.owner.comparators import problems

# Letters that Unicode does not decompose into a base letter and an accent.
_LETTERS = str.maketrans({"Ø": "O", "Ł": "L", "Đ": "D", "Æ": "AE", "Œ": "OE", "Þ": "TH", "ı": "I"})
_SEXES = {"M": "M", "MALE": "M", "1": "M", "F": "F", "FEMALE": "F", "2": "F"}
_NO_SEX = {"0", "9", "3", "U", "UNKNOWN", "NOT KNOWN", "X", "I", "INDETERMINATE", "NOT SPECIFIED"}
_FULL = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})")
_OUTWARD = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
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
    formats: list[str] = Field(default=["%Y-%m-%d"], min_length=1, max_length=5)
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
    if form == "%Y-%m-%d" and _ISO.fullmatch(value):
        return date.fromisoformat(value)
    return datetime.strptime(value, form).date()


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


class Soundex(Model):
    """American Soundex: a letter and three digits for how a name sounds (Russell 1918)."""

    step: Literal["soundex"]

    def apply(self, value: str) -> str:
        letters = [letter for letter in value.upper() if "A" <= letter <= "Z"]
        if not letters:
            return ""
        digits, last = "", _SOUNDS.get(letters[0], "")
        for letter in letters[1:]:
            sound = _SOUNDS.get(letter, "")
            if sound and sound != last:
                digits += sound
            # H and W are silent between two letters of one sound; a vowel parts them.
            last = last if letter in "HW" else sound
        return (letters[0] + digits + "000")[:4]


_GROUPS = {"BFPV": "1", "CGJKQSXZ": "2", "DT": "3", "L": "4", "MN": "5", "R": "6"}
_SOUNDS = {letter: digit for group, digit in _GROUPS.items() for letter in group}

Step = Annotated[
    Text | Name | Initial | Prefix | Alphanumeric | Sex | Date | DatePart | Postcode | Soundex,
    Field(discriminator="step"),
]
_STEPS: TypeAdapter[Step] = TypeAdapter(Step)


def step(document: str | dict[str, Any]) -> Step:
    """The step that a schema names or describes. Raises ValueError with its problems."""
    try:
        return _STEPS.validate_python({"step": document} if isinstance(document, str) else document)
    except ValidationError as error:
        raise ValueError(problems(error)) from None


def normalise(value: str, steps: list[Step]) -> str:
    """Apply the steps in order; what is missing stays missing."""
    for each in steps:
        if not value:
            break
        value = each.apply(value)
    return value
