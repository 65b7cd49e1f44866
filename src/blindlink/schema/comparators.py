"""How a value is cut into tokens. To add a comparison, add one model here and to the union.

``ngram``, ``exact`` and ``numeric`` are clkhash's, byte for byte; the others are ours and stand
only in the extension of a schema. What a comparison can do is a property of its model: whoever uses
one asks ``Comparator``, and never which of them it is.
"""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from blindlink.schema.grams import Cut, listed, ngrams
from blindlink.schema.models import Model
from blindlink.validation import words


class Comparator(Model):
    """What every comparison has, and what it may have.

    ``clkhash``: clkhash has it too, so a feature may use it; ``total``: it takes every text that is
    not empty; ``whole``: the value itself is its only token.
    """

    clkhash: ClassVar[bool] = False
    total: ClassVar[bool] = False
    whole: ClassVar[bool] = False

    def tokens(self, value: str) -> list[str]:
        """The tokens of a value that is not empty, in order, repetitions kept: they count for
        bitsPerFeature. Raises ValueError, without the value, where it cannot be compared so."""
        raise NotImplementedError

    def cut(self, values: Sequence[str]) -> Cut:
        """The tokens of many values at once; a comparison may have a faster way."""
        return listed([self.tokens(value) for value in values])


class Exact(Comparator):
    """The whole value is one token."""

    clkhash: ClassVar[bool] = True
    total: ClassVar[bool] = True
    whole: ClassVar[bool] = True
    type: Literal["exact"]

    def tokens(self, value: str) -> list[str]:
        return [value]

    def cut(self, values: Sequence[str]) -> Cut:
        return Cut(list(values), np.arange(len(values)), np.ones(len(values), np.int64))


class Ngram(Comparator):
    """Overlapping substrings of n characters, padded with n - 1 spaces on both ends."""

    clkhash: ClassVar[bool] = True
    total: ClassVar[bool] = True
    type: Literal["ngram"]
    n: int = Field(ge=1, le=20)
    positional: bool = False

    def tokens(self, value: str) -> list[str]:
        pad = " " * (self.n - 1)
        padded = pad + value + pad
        grams = [padded[i : i + self.n] for i in range(len(padded) - self.n + 1)]
        if self.positional:
            return [f"{position} {gram}" for position, gram in enumerate(grams, start=1)]
        return grams

    def cut(self, values: Sequence[str]) -> Cut:
        return ngrams(self.n, self.positional, values)


class Words(Comparator):
    """Each word of the value once: names in any order share what they have in common."""

    total: ClassVar[bool] = True
    type: Literal["words"]

    def tokens(self, value: str) -> list[str]:
        return list(dict.fromkeys(value.split()))


class Numeric(Comparator):
    """Neighbouring points on a common grid, so that close numbers share tokens.

    Source: Vatsalan and Christen, Privacy-preserving matching of similar patients, Journal of
    Biomedical Informatics 59 (2016). ``threshold_distance`` is in the unit of the value.
    """

    clkhash: ClassVar[bool] = True
    type: Literal["numeric"]
    threshold_distance: float | int = Field(gt=0, alias="thresholdDistance")
    resolution: int = Field(ge=1, le=1000)
    fractional_precision: int = Field(default=0, ge=0, le=30)

    @model_validator(mode="after")
    def _fine_enough(self) -> "Numeric":
        if self._step() == 0:
            raise ValueError("fractional_precision is too small for thresholdDistance")
        return self

    def tokens(self, value: str) -> list[str]:
        step = self._step()
        point = self._scaled(value) * 2 * self.resolution
        residue = point % step
        if residue:
            point += -residue if residue < step / 2 else step - residue
        return [str(point + i * step) for i in range(-self.resolution, self.resolution + 1)]

    def _step(self) -> int:
        return round(self.threshold_distance * int(10**self.fractional_precision))

    def _scaled(self, value: str) -> int:
        try:
            return int(value, base=10) * int(10**self.fractional_precision)
        except ValueError:
            pass
        try:
            number = float(value)
            if self.fractional_precision:
                return round(number * int(10**self.fractional_precision))
            return int(number)
        except (ValueError, OverflowError):
            raise ValueError("is not a number") from None


class DateParts(Comparator):
    """A date as its three pairs of parts, so that one wrong part leaves one pair.

    The value is YYYY-MM-DD. With ``swaps`` a day up to 12 also gives a token that is the same for
    the date with day and month exchanged; with ``near`` the days within that distance are tokens
    too. No token is of a lone day, month or year: those are frequent.
    """

    type: Literal["date"]
    swaps: bool = True
    near: int = Field(default=0, ge=0, le=31)

    def tokens(self, value: str) -> list[str]:
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise ValueError("is not a date") from None
        year, month, number = day.year, day.month, day.day
        found = [f"ym{year}-{month}", f"yd{year}-{number}", f"md{month}-{number}"]
        if self.swaps and number <= 12:
            first, second = sorted((month, number))
            found += [f"ys{year}-{first}-{second}"]
        start = day.toordinal()
        found += [f"n{start + i}" for i in range(-self.near, self.near + 1) if self.near]
        return found


Comparison = Annotated[Exact | Ngram | Words | Numeric | DateParts, Field(discriminator="type")]
_COMPARISONS: TypeAdapter[Comparison] = TypeAdapter(Comparison)


def comparison(document: dict[str, Any]) -> Comparison:
    """The comparison that a schema describes. Raises ValueError with its problems."""
    try:
        return _COMPARISONS.validate_python(document)
    except ValidationError as error:
        raise ValueError(problems(error)) from None


def problems(error: ValidationError) -> str:
    """The problems of a model by place, without the values."""
    found = []
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"][1:]) or "type"
        found.append(f"{place}: {words(item)}")
    return "; ".join(found)
