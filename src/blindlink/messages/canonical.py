"""Canonical JSON (RFC 8785) without floats: the one spelling of everything that is signed.

    dumps(value) -> bytes          the spelling; FormatError for what has none
    loads(data, where, limit=...)  strict: only what dumps would have written; FormatError otherwise
    digest(value_or_bytes) -> str  SHA-256 of the spelling, 64 hex digits

Fractions are decimal strings ("0.95"). A reader refuses duplicate keys, floats, integers beyond
2^53 - 1, nesting beyond 32 and any other spelling, and it looks at the size before it parses.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NoReturn

import rfc8785

from blindlink.errors import FormatError

LIMIT = 2 * 1024 * 1024  # bytes; parsed JSON takes up to fifty times its size in memory
DEPTH = 32
DIGITS = 16  # of 2^53 - 1: a longer number is refused before it costs anything to convert


def dumps(value: Any) -> bytes:
    """The canonical bytes of ``value``: dict, list, tuple, str, int, bool, None; no float."""
    _check(value, 0)
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        # Not the library's message: it would repeat the value.
        raise FormatError("a number or text has no canonical form") from None


def loads(data: bytes, where: str = "document", *, limit: int = LIMIT) -> Any:
    """Read canonical bytes; raises FormatError that names ``where``."""
    if len(data) > limit:
        raise FormatError(f"{where}: larger than {limit} bytes")
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_refuse_float,
            parse_int=_integer,
            parse_constant=_refuse_float,
        )
        same = dumps(value) == data
    except FormatError as error:
        raise FormatError(f"{where}: {error.message}") from None
    except (ValueError, RecursionError):
        raise FormatError(f"{where}: not JSON") from None
    if not same:
        raise FormatError(f"{where}: not in canonical form")
    return value


def digest(value: Any) -> str:
    """SHA-256 as 64 hex digits, of bytes as they are and of anything else as canonical JSON."""
    data = value if isinstance(value, bytes | bytearray | memoryview) else dumps(value)
    return sha256(data).hexdigest()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise FormatError("a key stands twice in one object")
    return result


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > DIGITS:
        raise FormatError("a number is too long")
    return int(text)


def _refuse_float(_: str) -> NoReturn:
    raise FormatError("a number is not an integer")


def _check(value: Any, depth: int) -> None:
    if depth > DEPTH:
        raise FormatError(f"nested deeper than {DEPTH}")
    if isinstance(value, float):
        raise FormatError("a number is not an integer")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise FormatError("a key is not text")
        for item in value.values():
            _check(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check(item, depth + 1)
