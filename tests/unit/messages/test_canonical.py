"""Canonical JSON: one spelling, strictly read, at a bounded cost."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blindlink.errors import FormatError
from blindlink.messages import canonical


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ({}, b"{}"),
        ({"b": 1, "a": [True, None, "é"]}, '{"a":[true,null,"é"],"b":1}'.encode()),
        ((1, -5), b"[1,-5]"),
        (2**53 - 1, b"9007199254740991"),
        # RFC 8785, section 3.2.3: keys sort by UTF-16 code units, not by code points.
        ({"\u20ac": 1, "\r": 2, "\U0001f600": 3, "\ufb33": 4}, None),
        ('\x00\x1f"\\\b\f\n\r\t/\x7f', b'"\\u0000\\u001f\\"\\\\\\b\\f\\n\\r\\t/\x7f"'),
    ],
)
def test_one_spelling(value: Any, data: bytes | None) -> None:
    written = canonical.dumps(value)
    if data is None:
        assert list(canonical.loads(written)) == ["\r", "\u20ac", "\U0001f600", "\ufb33"]
    else:
        assert written == data
        assert canonical.loads(data) == (list(value) if isinstance(value, tuple) else value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"{} ", "not in canonical form"),
        (b"{}{}", "not JSON"),
        (b'{"a":1,"a":1}', "a key stands twice"),
        (b'{"x":{"a":1,"a":2}}', "a key stands twice"),
        (b'{"b":1,"a":1}', "not in canonical form"),
        (b"1.0", "not an integer"),
        (b"1e2", "not an integer"),
        (b"NaN", "not an integer"),
        (b"-Infinity", "not an integer"),
        (b"-0", "not in canonical form"),
        (b"01", "not JSON"),
        (b"9007199254740992", "no canonical form"),
        (b"10000000000000000", "too long"),
        (b"-" + b"9" * 1_000_000, "too long"),
        (b"[" * 34 + b"]" * 34, "nested deeper"),
        (b"[" * 100_000 + b"]" * 100_000, "not JSON|nested deeper"),
        (b'{"a":' * 100_000, "not JSON|nested deeper"),
        (b'"\\u0041"', "not in canonical form"),
        (b'"\\ud800"', "no canonical form"),
        (b'"\\/"', "not in canonical form"),
    ],
)
def test_any_other_spelling_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=f"^here: .*({message})"):
        canonical.loads(data, "here")


@pytest.mark.parametrize(
    "value", [1.0, [0.5], {"a": {"b": float("nan")}}, {1: 2}, b"x", {"a": {1}}]
)
def test_what_has_no_spelling_is_refused(value: Any) -> None:
    with pytest.raises(FormatError) as caught:
        canonical.dumps(value)
    assert "0.5" not in caught.value.message


def test_a_key_that_is_no_text_is_refused() -> None:
    with pytest.raises(FormatError, match="no canonical form"):
        canonical.dumps({"\ud800": 1})


def test_the_size_is_looked_at_first() -> None:
    with pytest.raises(FormatError, match="larger than 10 bytes"):
        canonical.loads(b"[" + b"1," * 100 + b"1]", limit=10)


def test_memory_is_bounded() -> None:
    """The costliest document of the largest size: a list of empty lists."""
    program = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from process_memory import peak\n"
        "from blindlink.messages import canonical as c\n"
        "assert len(c.loads(b'[' + b'[],' * (c.LIMIT // 3 - 1) + b'[]]')) > 10**5\n"
        "print(peak())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert int(done.stdout) < 300 * 1024


def test_digest_is_that_of_the_spelling() -> None:
    assert canonical.digest({"b": 1, "a": 2}) == canonical.digest(b'{"a":2,"b":1}')
    assert canonical.digest(b"") == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
