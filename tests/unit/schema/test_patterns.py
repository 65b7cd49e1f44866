"""Patterns of schemas: the same answer as Python's, in bounded time, or refused."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blindlink.errors import SchemaError
from blindlink.schema.document import parse_schema
from blindlink.schema.patterns import check, matcher

ENTANGLED = [
    r"(([a-z ])+)+[0-9]", r"(a|aa)+b", r"([A-Z]+ ?)+[0-9]", r"([a-z]+)*x", r"(a?)*b",
    r"(([a-z])*)*[0-9]", r"[A-Z][a-z]*([ '-][A-Z][a-z]*)*",
]  # fmt: skip
PLAIN = [
    r"[A-Z]{2}[0-9]{4}", r"[a-z]+", r"[a-z ]*[0-9]?", r"(?i)[a-z]+", r"\d{3}-\d{2}", r"(ab)+",
    r"a|b", r"(?:\d{3} ?){2}\d{4}", r"(?=a)[a-z]+",
]  # fmt: skip


@pytest.mark.parametrize("pattern", ENTANGLED)
def test_no_pattern_runs_for_ever(pattern: str) -> None:
    check(pattern)
    began = time.process_time()
    for text in ("a" * 36, "A" * 5000, "a " * 500):
        matcher(pattern)(text)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("pattern", [r"(\w+\s?)+\d", r"(?i)(a+)+b", r"(a+)+\b", r"((a+)+)\1"])
def test_what_cannot_be_bounded_is_refused_when_the_schema_is_read(pattern: str) -> None:
    with pytest.raises(ValueError, match="may run for ever"):
        check(pattern)
    form = {"type": "string", "pattern": pattern}
    hashing = {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerToken": 3}}
    document = {
        "version": 3,
        "clkConfig": {"l": 64, "kdf": {"type": "HKDF"}},
        "features": [{"identifier": "a", "format": form, "hashing": hashing}],
    }
    with pytest.raises(SchemaError, match="may run for ever"):
        parse_schema(document)


@given(st.sampled_from(ENTANGLED + PLAIN), st.text("aAbx 01-é", max_size=9))
def test_the_answer_is_pythons(pattern: str, text: str) -> None:
    assert matcher(pattern)(text) == (re.fullmatch(pattern, text) is not None)


def test_a_text_too_long_for_several_repeats_is_refused() -> None:
    match = matcher("a*a*a*b")
    assert match("a" * 100 + "b")
    with pytest.raises(ValueError, match="is longer than the 215 characters"):
        match("a" * 300)
    assert matcher("[a-z]+")("a" * 200_000)


def test_a_schema_may_have_a_description() -> None:
    feature = {
        "identifier": "a",
        "format": {"type": "string"},
        "hashing": {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerToken": 3}},
    }
    document = {
        "version": 3,
        "description": "as the reference takes it",
        "clkConfig": {"l": 64, "kdf": {"type": "HKDF"}},
        "features": [feature],
    }
    from clkhash.schema import from_json_dict

    assert from_json_dict(document) is not None
    assert parse_schema(document).model.description == "as the reference takes it"
