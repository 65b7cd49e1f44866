"""What has which form: docs/spec/conventions.md, and the documents of the other pages.

A form is a function that raises ``Bad`` for a value that has another one. ``step`` turns that, and
whatever a primitive raises, into the refusal of one step of a page.
"""

import base64
import binascii
import json
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag

Form = Callable[[Any], None]
SKEW = timedelta(minutes=5)


class Bad(Exception):  # noqa: N818
    """Not of its form."""


class Refused(Exception):  # noqa: N818 (the word of the specification)
    """A reader's answer: the class of the error, and the step of the page."""

    def __init__(self, error: str, at: str) -> None:
        super().__init__(f"{error} {at}")
        self.error, self.at = error, at


FAILURES = (Bad, ValueError, KeyError, IndexError, TypeError, RecursionError, struct.error)


@contextmanager
def step(error: str, at: str) -> Iterator[None]:
    """What fails inside is refused at this step."""
    try:
        yield
    except (*FAILURES, InvalidSignature, InvalidTag, binascii.Error):
        raise Refused(error, at) from None


def need(holds: object) -> None:
    if not holds:
        raise Bad


# --------------------------------------------------------------------------------- canonical JSON


def canonical(value: Any) -> bytes:
    """RFC 8785 for what the formats hold: no fractions."""
    text = json.dumps(_sorted(value, 0), separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8")


def _sorted(value: Any, depth: int) -> Any:
    need(depth <= 32 and not isinstance(value, float))
    if isinstance(value, int) and not isinstance(value, bool):
        need(abs(value) < 2**53)
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return {name: _sorted(value[name], depth + 1) for name in names}
    if isinstance(value, list):
        return [_sorted(inner, depth + 1) for inner in value]
    return value


def read_json(data: bytes, limit: int = 2 << 20) -> Any:
    """A canonical document, or Bad."""
    need(len(data) <= limit)

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        need(len(dict(found)) == len(found))
        return dict(found)

    def integer(text: str) -> int:
        need(len(text) < 18)
        return int(text)

    def nothing(_: str) -> None:
        raise Bad

    text = data.decode("utf-8")
    value = json.loads(
        text,
        object_pairs_hook=pairs,
        parse_int=integer,
        parse_float=nothing,
        parse_constant=nothing,
    )
    need(canonical(value) == data)
    return value


def line(data: bytes, limit: int = 2 << 20) -> Any:
    """One line of canonical JSON and its line feed."""
    need(data.endswith(b"\n"))
    return read_json(data[:-1], limit)


# -------------------------------------------------------------------------------------- the forms


def pattern(expression: str) -> Form:
    known = re.compile(expression)

    def form(value: Any) -> None:
        need(isinstance(value, str) and known.fullmatch(value))

    return form


def whole(low: int, high: int) -> Form:
    def form(value: Any) -> None:
        need(type(value) is int and low <= value <= high)

    return form


def one_of(*values: Any) -> Form:
    def form(value: Any) -> None:
        need(any(value == each and type(value) is type(each) for each in values))

    return form


def either(*forms: Form) -> Form:
    def form(value: Any) -> None:
        for each in forms:
            try:
                return each(value)
            except FAILURES:
                continue
        raise Bad

    return form


def list_of(inner: Form, low: int = 0, high: int = 10**6) -> Form:
    def form(value: Any) -> None:
        need(isinstance(value, list) and low <= len(value) <= high)
        for each in value:
            inner(each)

    return form


def map_of(name: Form, inner: Form, low: int = 0, high: int = 10**6) -> Form:
    def form(value: Any) -> None:
        need(isinstance(value, dict) and low <= len(value) <= high)
        for key, each in value.items():
            name(key)
            inner(each)

    return form


def fields(known: dict[str, Form], may: dict[str, Form] | None = None) -> Form:
    """An object with exactly these fields; those in ``may`` can be left out."""

    def form(value: Any) -> None:
        need(isinstance(value, dict) and set(known) <= set(value) <= set(known) | set(may or {}))
        for name, each in value.items():
            (known | (may or {}))[name](each)

    return form


def anything(_: Any) -> None:
    return None


def base64_of(size: int) -> Form:
    def form(value: Any) -> None:
        need(isinstance(value, str))
        raw = base64.b64decode(value, validate=True)
        need(len(raw) == size and base64.b64encode(raw).decode() == value)

    return form


def text(value: Any) -> None:
    need(isinstance(value, str) and 1 <= len(value) <= 2000)
    need(value.isprintable() and value == value.strip())


def moment(value: str) -> datetime:
    need(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value, re.ASCII))
    return datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def a_moment(value: Any) -> None:
    need(isinstance(value, str))
    moment(value)


def later(value: str) -> datetime:
    """A moment and the five minutes by which clocks may differ."""
    at = moment(value)
    return at - SKEW if at.year > 1 else at


name = pattern(r"[a-z][a-z0-9-]{0,31}")
column = pattern(r"[a-z][a-z0-9_]{0,63}")
digest = pattern(r"[0-9a-f]{64}")
bundle = pattern(r"[0-9a-f]{32}")
check_value = pattern(r"[0-9a-f]{16}")
fingerprint = pattern(r"[a-z2-7]{5}(-[a-z2-7]{5}){4}")
_fraction = pattern(r"(0|1|0\.[0-9]{1,10}|1\.0{1,10})")
count = whole(0, 2**31 - 1)
signatures = fields({"ed25519": base64_of(64), "mldsa65": base64_of(3309)})


def fraction(value: Any) -> None:
    _fraction(value)
    need(len(value) <= 12 and 0 <= float(value) <= 1)


def small(document: dict[str, Form], may: dict[str, Form] | None = None) -> Form:
    """A small signed document (conventions.md)."""
    return fields({"document": fields(document, may), "signatures": signatures})


ENTRY = {
    "details": map_of(anything, anything),
    "event": name,
    "index": whole(0, 2**53),
    "time": a_moment,
}
entry = fields(ENTRY)
HEAD = {
    "format": one_of("blindlink-audit-head-v1"),
    "log": bundle,
    "size": whole(0, 2**53 - 1),
    "root": digest,
    "time": a_moment,
    "signer": fingerprint,
}
head = small(HEAD)
path = list_of(digest, 0, 64)
