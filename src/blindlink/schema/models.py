"""The linkage schema as models: clkhash's version 3, and our extension under the key ``blindlink``.

The models check shape only. What a comparison, a normalisation step or a hardening means stands in
schema/comparators.py, schema/steps.py and schema/hardenings.py, and schema/meaning.py asks them.
"""

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from blindlink.schema import patterns
from blindlink.schema.limits import MAX_FILTERS, MAX_HASH_BITS, MAX_MATCH_KEYS

Name = Annotated[str, Field(min_length=1, max_length=200)]
Described = Annotated[dict[str, Any], Field(max_length=32)]


def _base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("must be base64") from None
    return text


def _pattern(text: str) -> str:
    patterns.check(text)
    return text


def date_format(text: str) -> str:
    """Refuses a format that no text can be read by."""
    day = datetime(2001, 2, 3)
    try:
        datetime.strptime(day.strftime(text), text)
    except ValueError:
        raise ValueError("must be a format of strptime") from None
    return text


Base64 = Annotated[str, AfterValidator(_base64)]


class Model(BaseModel):
    """Frozen, strict, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


class Kdf(Model):
    """How the secret becomes two keys for each feature (RFC 5869)."""

    type: Literal["HKDF"]
    hash: Literal["SHA256", "SHA512"] = "SHA256"
    salt: Base64 | None = None
    info: Base64 | None = None
    key_size: int = Field(default=64, ge=1, alias="keySize")


class ClkConfig(Model):
    """Length of the filter after folding, key derivation, folds."""

    l: int = Field(ge=1, le=MAX_HASH_BITS)  # noqa: E741 (the name in the schema)
    kdf: Kdf
    xor_folds: int = Field(default=0, ge=0, le=8, alias="xorFolds")


class StringFormat(Model):
    """Text, checked by case and length or by a pattern."""

    type: Literal["string"]
    encoding: Literal["ascii", "utf-8", "utf-16", "utf-32"] = "utf-8"
    case: Literal["upper", "lower", "mixed"] = "mixed"
    min_length: int = Field(default=0, ge=0, alias="minLength")
    max_length: int | None = Field(default=None, ge=1, alias="maxLength")
    pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    description: str = ""

    @model_validator(mode="after")
    def _pattern_alone(self) -> "StringFormat":
        others = {"case", "min_length", "max_length"}
        if self.pattern is not None and self.model_fields_set & others:
            raise ValueError("a pattern goes without case and lengths")
        return self


class IntegerFormat(Model):
    """Base-10 integers within bounds."""

    type: Literal["integer"]
    encoding: ClassVar[str] = "utf-8"
    minimum: int | None = None
    maximum: int | None = None
    description: str = ""


class DateFormat(Model):
    """Dates in a strptime format."""

    type: Literal["date"]
    encoding: ClassVar[str] = "utf-8"
    format: Annotated[str, AfterValidator(date_format)] = Field(min_length=1, max_length=100)
    description: str = ""


class EnumFormat(Model):
    """One of the listed values."""

    type: Literal["enum"]
    encoding: ClassVar[str] = "utf-8"
    values: list[str] = Field(min_length=1)
    description: str = ""


Format = Annotated[
    StringFormat | IntegerFormat | DateFormat | EnumFormat, Field(discriminator="type")
]


class BlakeHash(Model):
    """BLAKE2b, keyed, one 16-bit number for each bit."""

    type: Literal["blakeHash"] = "blakeHash"


class DoubleHash(Model):
    """HMAC-SHA1 and HMAC-MD5 as start and stride (Schnell 2011)."""

    type: Literal["doubleHash"]
    prevent_singularity: bool = False


class Strategy(Model):
    """How many bits a token sets: a number for each token, or a number for the whole value."""

    bits_per_token: int | None = Field(default=None, ge=1, le=4096, alias="bitsPerToken")
    bits_per_feature: int | None = Field(default=None, ge=1, le=65536, alias="bitsPerFeature")

    @model_validator(mode="after")
    def _one(self) -> "Strategy":
        if (self.bits_per_token is None) == (self.bits_per_feature is None):
            raise ValueError("needs either bitsPerToken or bitsPerFeature")
        return self

    def bits(self, tokens: int) -> list[int]:
        """The bits that each of ``tokens`` tokens sets, in order."""
        if self.bits_per_token is not None:
            return [self.bits_per_token] * tokens
        if tokens == 0 or self.bits_per_feature is None:
            return []
        each, more = divmod(self.bits_per_feature, tokens)
        return [each + 1] * more + [each] * (tokens - more)


class MissingValue(Model):
    """A cell that means "missing", and what is encoded in its place (itself by default)."""

    sentinel: str
    replace_with: str | None = Field(default=None, alias="replaceWith")

    @property
    def encoded(self) -> str:
        """The text that stands for the missing value."""
        return self.sentinel if self.replace_with is None else self.replace_with


class Hashing(Model):
    """Comparison, number of bits, hash and missing values of a feature."""

    comparison: Described
    strategy: Strategy
    hash: Annotated[BlakeHash | DoubleHash, Field(discriminator="type")] = BlakeHash()
    missing_value: MissingValue | None = Field(default=None, alias="missingValue")


class Feature(Model):
    """A column and how it is encoded."""

    identifier: Name
    description: str = ""
    ignored: Literal[False] = False
    format: Format
    hashing: Hashing


class IgnoredFeature(Model):
    """A column that is not encoded. It counts in the key derivation."""

    identifier: Name
    ignored: Literal[True]
    description: str = ""


def _kind(feature: Any) -> str:
    ignored = feature.get("ignored") if isinstance(feature, dict) else None
    return "ignored" if ignored is True else "encoded"


AnyFeature = Annotated[
    Annotated[Feature, Tag("encoded")] | Annotated[IgnoredFeature, Tag("ignored")],
    Discriminator(_kind),
]


class Column(Model):
    """A column made of those of ``from`` after the normalisation steps.

    ``combine``: ``first`` that is filled; ``any`` that are filled, sorted and joined with a space,
    so that forename and surname in each other's place give the same; ``all`` the same, but missing
    where one is missing.
    """

    name: Name
    sources: list[Name] = Field(min_length=1, max_length=8, alias="from")
    combine: Literal["first", "any", "all"] = "first"
    steps: list[str | Described] = Field(default=[], max_length=16)


class Composite(Strategy):
    """Tokens that join several columns; a record that lacks one of them has no such token.

    The comparison cuts the first column into tokens (the whole value by default); the values of
    the other columns are joined to each of them, so that no token is of one column alone.
    """

    fields: list[Name] = Field(min_length=1, max_length=16)
    comparison: Described = {"type": "exact"}


class Filter(Model):
    """A further filter of each record, with keys of its own."""

    l: int = Field(ge=1, le=MAX_HASH_BITS)  # noqa: E741
    composites: list[Composite] = Field(min_length=1, max_length=1000)
    hardening: list[Described] = Field(default=[], max_length=8)


class Extension(Model):
    """What goes beyond clkhash, marked with its own version."""

    version: Literal[1]
    profile: Name
    description: str = ""
    columns: list[Column] = Field(default=[], max_length=100)
    composites: list[Composite] = Field(default=[], max_length=1000)
    hardening: list[Described] = Field(default=[], max_length=8)
    filters: list[Filter] = Field(default=[], max_length=MAX_FILTERS - 1)
    match_keys: list[list[Name]] = Field(default=[], max_length=MAX_MATCH_KEYS, alias="matchKeys")

    @model_validator(mode="after")
    def _declared(self) -> "Extension":
        names = [column.name for column in self.columns]
        if len(set(names)) != len(names):
            raise ValueError("a column is declared twice")
        lists = [self.composites, *(each.composites for each in self.filters)]
        used = {field for each in lists for composite in each for field in composite.fields}
        used |= {field for key in self.match_keys for field in key}
        if unknown := sorted(used - set(names)):
            raise ValueError(f"uses undeclared columns: {', '.join(unknown)}")
        if any(not key or len(set(key)) != len(key) for key in self.match_keys):
            raise ValueError("a match key is empty or names a column twice")
        return self


class Document(Model):
    """A whole linkage schema of version 3."""

    version: Literal[3]
    clk_config: ClkConfig = Field(alias="clkConfig")
    features: list[AnyFeature] = Field(max_length=1000)
    description: str = ""
    blindlink: Extension | None = None

    @model_validator(mode="after")
    def _possible(self) -> "Document":
        names = [feature.identifier for feature in self.features]
        if len(set(names)) != len(names):
            raise ValueError("a feature stands twice")
        extension = self.blindlink
        encoded = [feature for feature in self.features if isinstance(feature, Feature)]
        composites = extension.composites if extension else []
        if not encoded and not composites:
            raise ValueError("nothing is encoded")
        self._check_keys(len(names) + len(composites))
        for each in extension.filters if extension else []:
            self._check_keys(len(each.composites))
            _check_power(each.l)
        blake = any(isinstance(feature.hashing.hash, BlakeHash) for feature in encoded)
        if blake or composites:
            _check_power(self.clk_config.l << self.clk_config.xor_folds)
            if self.clk_config.kdf.key_size > 64:
                raise ValueError("blakeHash takes keys of at most 64 bytes: keySize is larger")
        return self

    def _check_keys(self, features: int) -> None:
        kdf = self.clk_config.kdf
        most = 255 * (32 if kdf.hash == "SHA256" else 64)
        if 2 * features * kdf.key_size > most:
            raise ValueError(
                f"HKDF with {kdf.hash} gives {most} bytes: too few for {features} features"
            )


def _check_power(bits: int) -> None:
    if bits & (bits - 1) or bits > MAX_HASH_BITS:
        raise ValueError(
            f"blakeHash needs a power of two up to {MAX_HASH_BITS} as length before folding"
        )
