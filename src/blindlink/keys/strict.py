"""Strict fields that all formats share, and what an error may say: a place, never a value."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidationError,
)
from pydantic_core import core_schema

from blindlink import validation
from blindlink.keys import files


@dataclass(frozen=True)
class Base64:
    """An annotation: canonical base64 of exactly ``size`` bytes."""

    size: int

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        length = 4 * -(-self.size // 3)
        bounds = {"minLength": length, "maxLength": length, "contentEncoding": "base64"}
        return {**handler(schema), **bounds}

    def _check(self, text: str) -> str:
        files.decode(text, self.size)
        return text


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("not plain printable text")
    return text


Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$", strict=True)]
"""A short name that is safe in a file name: lower-case letters, digits and hyphens."""

Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, strict=True),
    AfterValidator(_printable),
]
"""One line of printable text, without a control character that could deceive a terminal."""


def problem(error: ValidationError) -> str:
    """The first thing that is wrong, as 'field: reason'. Values are never repeated."""
    item = error.errors(include_url=False, include_input=False)[0]
    return f"{validation.place(item['loc'])}: {validation.words(item).lower()}"
