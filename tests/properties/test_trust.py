"""Properties of the trust formats over random values."""

import io
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blindlink.errors import BlindlinkError, FormatError
from blindlink.keys import LinkageKey
from blindlink.messages import canonical
from blindlink.messages.agreement.document import parse_agreement
from blindlink.messages.container.stream import StreamReader, StreamWriter, plain_size, sealed_size
from blindlink.messages.fields import moment, stamp
from blindlink.messages.merkle import (
    check_consistency,
    consistency_proof,
    leaf,
    prove,
    root,
    root_from,
)
from worlds.parties import NOW, entropy, keys, signed

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_canonical_json_comes_back(value: Any) -> None:
    data = canonical.dumps(value)
    assert canonical.loads(data) == value
    assert canonical.dumps(canonical.loads(data)) == data


@given(VALUES, st.data())
def test_no_byte_can_be_added_to_canonical_json(value: Any, data: st.DataObject) -> None:
    """A byte more is another value or a refusal, never the same value in another spelling."""
    written = canonical.dumps(value)
    at = data.draw(st.integers(0, len(written)))
    byte = data.draw(st.sampled_from([b" ", b"\n", b"\t", b"0", b"\\", b'"', b"\xef\xbb\xbf"]))
    try:
        found = canonical.loads(written[:at] + byte + written[at:])
    except FormatError:
        return
    assert found != value


@given(st.datetimes(timezones=st.timezones()))
def test_moments_come_back_to_the_second(when: Any) -> None:
    try:
        text = stamp(when)
        found = moment(text)
    except (OverflowError, ValueError):
        return  # beyond the calendar, or a year below 1000
    assert abs((found - when).total_seconds()) < 1
    assert stamp(found) == text


@settings(max_examples=25)
@given(st.lists(st.integers(0, 90_000), max_size=6), st.binary(min_size=1, max_size=32))
def test_a_stream_does_not_depend_on_how_it_was_written(sizes: list[int], aad: bytes) -> None:
    draw = entropy(f"stream {sizes}")
    parts = [draw(size) for size in sizes]
    sealed = []
    for pieces in (parts, [b"".join(parts)]):
        sink = io.BytesIO()
        writer = StreamWriter(sink, bytes(32), aad)
        for piece in pieces:
            writer.write(piece)
        writer.finish()
        sealed.append(sink.getvalue())
    assert sealed[0] == sealed[1]
    assert len(sealed[0]) == sealed_size(sum(sizes))
    reader = StreamReader(io.BytesIO(sealed[0]), len(sealed[0]), bytes(32), aad, "here")
    assert io.BufferedReader(reader).read() == b"".join(parts)


@given(st.integers(0, 2**50))
def test_sizes_of_streams_are_told_apart(size: int) -> None:
    assert plain_size(sealed_size(size)) == size
    assert sealed_size(size + 1) > sealed_size(size)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=20), st.binary(max_size=20))
def test_derived_keys_differ_as_their_uses_do(secret: bytes, one: bytes, other: bytes) -> None:
    key = LinkageKey(secret)
    assert (key.derive(one, 32) == key.derive(other, 32)) == (one == other)
    assert secret.hex() not in repr(key)


HASHES = [leaf(bytes([number])) for number in range(40)]


@given(st.integers(1, 40), st.data())
def test_some_leaves_prove_the_whole_tree(size: int, data: st.DataObject) -> None:
    places = sorted(data.draw(st.sets(st.integers(0, size - 1), min_size=1)))
    proof = prove(HASHES[:size], places)
    mine = [HASHES[at] for at in places]
    assert root_from(size, places, mine, proof) == root(HASHES[:size])


@given(st.integers(1, 39), st.integers(1, 39), st.integers(0, 38))
def test_a_log_with_another_past_is_not_consistent(one: int, other: int, changed: int) -> None:
    first, second = sorted((one, other + 1)) if one != other + 1 else (one, one + 1)
    past = [*HASHES[:changed], leaf(b"another"), *HASHES[changed + 1 :]]
    proof = consistency_proof(past[:second], first)
    try:
        check_consistency(first, second, proof, root(HASHES[:first]), root(past[:second]))
        accepted = True
    except BlindlinkError:
        accepted = False
    assert accepted == (changed >= first)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path to a value in nested JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for name, item in inner:
        found.append((*path, name))
        if isinstance(item, dict | list):
            found += places(item, (*path, name))
    return found


DOCUMENT = canonical.loads(signed().to_bytes())
PLACES = places(DOCUMENT)


@settings(max_examples=150)
@given(st.sampled_from(PLACES), LEAVES | st.just({}) | st.just([]), st.booleans())
def test_no_term_of_a_signed_agreement_can_be_changed(
    place: tuple[Any, ...], value: Any, remove: bool
) -> None:
    document = deepcopy(DOCUMENT)
    *path, last = place
    holder = document
    for name in path:
        holder = holder[name]
    if remove:
        del holder[last]
    elif holder[last] == value and type(holder[last]) is type(value):
        return
    else:
        holder[last] = value
    with pytest.raises(BlindlinkError):
        parse_agreement(canonical.dumps(document), "here").verify(NOW, "here")


@settings(max_examples=20)
@given(st.binary(max_size=64), st.binary(max_size=64), st.sampled_from(["moj", "ttp"]))
def test_a_sealed_key_opens_in_its_place_only(here: bytes, there: bytes, reader: str) -> None:
    sealed = keys("ttp").public.seal(bytes(range(32)), here)
    if here == there and reader == "ttp":
        assert keys(reader).open(sealed, there) == bytes(range(32))
    else:
        with pytest.raises(BlindlinkError):
            keys(reader).open(sealed, there)
