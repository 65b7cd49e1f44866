"""Inputs as recipes: a sound document, or its bytes, and a few edits that are kept as JSON."""

import copy
import random
from collections.abc import Iterator
from typing import Any

from blindlink.errors import BlindlinkError

Edit = dict[str, Any]
Recipe = list[Edit]

NUMBERS = (
    0,
    1,
    -1,
    2,
    255,
    2**16,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**53 - 1,
    -(2**53) + 1,
    2**63,
)
TEXTS = (
    *("", "0", "-0", "0.5", "1.0", "00.5", "1.0000000000000001", "1e5", "NaN", "Infinity", "-1"),
    *("a", "A", "\u202e", "\x00", "\x1b[31m", "e\u0301", "\ud800", "a" * 3000, "=1+1", "../x"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "00" * 32, "ff" * 16),
    *("auto", "moj", "ohid", "clk", "AA==", "(a+)+$", "null", "precision:0.5", "false_link_rate:0"),
)
FRACTIONS = (0.0, -1.0, 0.5, 1.0, 1.5, 1e308, -1e308, 1e-320)
OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": 0}, {"a": {"a": {}}})
WORDS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1")


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every part of a document, itself left out."""
    found: Any = enumerate(value) if isinstance(value, list) else ()
    for name, inner in value.items() if isinstance(value, dict) else found:
        yield (*at, name)
        yield from places(inner, (*at, name))


def part(document: Any, at: Any) -> Any:
    for name in at:
        document = document[name]
    return document


def edit_document(rng: random.Random, document: Any, *, fractions: bool) -> Edit | None:
    """One edit of a document: another value, nothing, one part more, or a part of its own."""
    spots = list(places(document))
    if not spots:
        return None
    at = list(rng.choice(spots))
    held = part(document, at)
    pool: list[Any] = [*NUMBERS, *TEXTS, *OTHERS, *(FRACTIONS if fractions else ())]
    choice = rng.randrange(6)
    if choice == 0:
        return {"at": at, "drop": True}
    if choice == 1:
        return {"at": at, "put": copy.deepcopy(part(document, rng.choice(spots)))}
    if choice == 2 and isinstance(held, list) and held:
        again = [*held, copy.deepcopy(rng.choice(held))]
        return {"at": at, "put": rng.choice([again, held[::-1], held[:1] * 40, held[1:]])}
    if choice == 3 and isinstance(held, dict):
        name = rng.choice(["x", "", "moj", "a\u202e", *map(str, held)])
        return {"at": [*at, name], "put": rng.choice(pool)}
    if choice == 4 and isinstance(held, int) and not isinstance(held, bool):
        return {"at": at, "put": held + rng.choice([-1, 1, -held, held, 10**6])}
    if choice == 4 and isinstance(held, str) and held:
        cut = rng.randrange(len(held))
        return {"at": at, "put": held[:cut] + rng.choice(["", "0", "é", " "]) + held[cut + 1 :]}
    return {"at": at, "put": rng.choice(pool)}


def edit_bytes(rng: random.Random, data: bytes) -> Edit:
    """One edit of bytes: some cut out, some put in."""
    at, cut = rng.randrange(len(data) + 1), rng.choice([0, 1, 2, 4, 8, 16, 32])
    put = rng.choice(
        [
            rng.randbytes(cut),
            rng.choice(WORDS),
            data[at : at + 4][::-1],
            data[at : at + 37] * 2,
            b"",
            bytes([data[at % max(len(data), 1)] ^ 1 << rng.randrange(8)]) if data else b"\0",
        ]
    )
    return {"at": at, "cut": rng.choice([cut, len(put)]), "put": put.hex()}


def changed_document(document: Any, recipe: Recipe) -> Any:
    """The document with the edits whose places it still has."""
    found = copy.deepcopy(document)
    for edit in recipe:
        try:
            *way, last = edit["at"]
            inner = part(found, way)
            if edit.get("drop"):
                del inner[last]
            else:
                inner[last] = copy.deepcopy(edit["put"])
        except (KeyError, IndexError, TypeError):
            continue  # an earlier edit took the place away
    return found


def changed_bytes(data: bytes, recipe: Recipe) -> bytes:
    """The bytes with the edits, one after another."""
    for edit in recipe:
        at = edit["at"]
        data = data[:at] + bytes.fromhex(edit["put"]) + data[at + edit["cut"] :]
    return data


def outcome(run: Any, *arguments: Any) -> str:
    """``accepted``, or the error of ours with what it says, without digits and paths.

    Anything else is raised: no file may end in it.
    """
    try:
        run(*arguments)
    except BlindlinkError as error:
        words = [w for w in error.message.split() if "/" not in w and not any(map(str.isdigit, w))]
        return f"{type(error).__name__}: {' '.join(words)[:80]}"
    return "accepted"
