"""Blobs: one entity's rows, padded to one size, each under a key of its own."""

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from blindlink.errors import FormatError, InputError, VerificationError
from blindlink.messages import merkle
from blindlink.messages.submission import payload
from blindlink.messages.submission.records import layout_of

KEY = bytes(range(32))
EVENTS = pa.table({"code": ["a", "bb", "ccc", "dd"], "days": ["1", "2", "", "4"]})
DETAILS = pa.table({"note": ["x" * 40] * 5})
LAYOUTS = [layout_of("events", EVENTS, ("text", "integer")), layout_of("d", DETAILS, ("text",))]
EVENTS_OF = np.array([2, 0, 2, 3])
DETAILS_OF = np.array([3, 3, 3, 0, 3])
KINDS = np.array([0, 1, 0, 0], np.uint8)


def packer() -> payload.Packer:
    tables = [(LAYOUTS[0], EVENTS, EVENTS_OF), (LAYOUTS[1], DETAILS, DETAILS_OF)]
    return payload.Packer(tables, KINDS)


def ids(number: int) -> list[bytes]:
    return [bytes([at]) * 16 for at in range(1, number + 1)]


def blobs_for(sizes: np.ndarray, size: int) -> np.ndarray:
    """As many blobs as each entity's bytes need: the blobs themselves allow more than one."""
    return np.maximum(-(-sizes // size), 1)


def sealed(size: int = 64, blobs: Any = None) -> tuple[bytes, np.ndarray, bytes]:
    packed = packer()
    blobs = blobs_for(packed.sizes, size) if blobs is None else blobs
    out = io.BytesIO()
    root = payload.seal(packed, blobs, size, ids(int(blobs.sum())), KEY, out)
    return out.getvalue(), blobs, root


def test_sizes_count_header_and_rows() -> None:
    width = LAYOUTS[0].width
    assert width == 4
    assert packer().sizes.tolist() == [9 + 4 + 40, 9, 9 + 2 * 4, 9 + 4 + 4 * 40]


def test_round_trip() -> None:
    data, blobs, root = sealed()
    leaves = [payload.leaf_of(data[at : at + 96]) for at in range(0, len(data), 96)]
    assert root == merkle.root(leaves)
    assert blobs.tolist() == [1, 1, 1, 3]
    assert len(data) == 6 * (64 + payload.OVERHEAD)
    opened, found, again = payload.unseal(io.BytesIO(data), blobs, 64, KEY, LAYOUTS)
    assert (found, again) == (ids(6), leaves)
    assert opened.kinds.tolist() == KINDS.tolist()
    (events, of_events), (details, of_details) = opened.tables
    assert of_events.tolist() == [0, 2, 2, 3]
    assert events.column("code").to_pylist() == ["bb", "a", "ccc", "dd"]
    assert events.column("days").to_pylist() == [2, 1, None, 4]
    assert of_details.tolist() == [0, 3, 3, 3, 3]
    assert details.num_rows == 5


def test_batches_do_not_change_a_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sealed()[0]
    monkeypatch.setattr(payload, "BATCH", 100)
    data, blobs, _ = sealed()
    assert data == whole
    opened, _, _ = payload.unseal(io.BytesIO(data), blobs, 64, KEY, LAYOUTS)
    assert opened.tables[0][1].tolist() == [0, 2, 2, 3]


def test_an_entity_without_tables_still_has_a_blob() -> None:
    packed = payload.Packer([], np.zeros(3, np.uint8))
    blobs = blobs_for(packed.sizes, 64)
    out = io.BytesIO()
    payload.seal(packed, blobs, 64, ids(3), KEY, out)
    opened, _, _ = payload.unseal(io.BytesIO(out.getvalue()), blobs, 64, KEY, [])
    assert opened.kinds.tolist() == [0, 0, 0]


def swapped(data: bytes, one: int, other: int) -> bytes:
    records = [data[at : at + 96] for at in range(0, len(data), 96)]
    records[one], records[other] = records[other], records[one]
    return b"".join(records)


@pytest.mark.parametrize(
    ("change", "blobs"),
    [
        (lambda data: swapped(data, 4, 5), [1, 1, 1, 3]),  # pieces of one entity exchanged
        (lambda data: swapped(data, 0, 4), [1, 1, 1, 3]),  # pieces of two entities exchanged
        (lambda data: data, [1, 1, 2, 2]),  # regrouped
        (lambda data: data[:-96], [1, 1, 1, 2]),  # the last piece left out
        (lambda data: data[:96] + data[:-96], [1, 1, 1, 3]),  # shifted, the first twice
        (lambda data: data[:16] + b"!" + data[17:], [1, 1, 1, 3]),  # altered
        (lambda data: b"!" + data[1:], [1, 1, 1, 3]),  # another id
    ],
)
def test_blobs_open_only_as_they_were_sealed(change: Any, blobs: list[int]) -> None:
    data = change(sealed()[0])
    with pytest.raises(VerificationError, match="does not open at its place"):
        payload.unseal(io.BytesIO(data), np.array(blobs), 64, KEY, LAYOUTS)


def test_another_key_opens_nothing() -> None:
    data, blobs, _ = sealed()
    with pytest.raises(VerificationError):
        payload.unseal(io.BytesIO(data), blobs, 64, bytes(32), LAYOUTS)


def test_a_short_section_is_refused() -> None:
    data, blobs, _ = sealed()
    with pytest.raises(FormatError, match="ends before its last blob"):
        payload.unseal(io.BytesIO(data[:-1]), blobs, 64, KEY, LAYOUTS)


class Forged:
    """A packer that seals whatever bytes a dishonest owner likes."""

    def __init__(self, plain: bytes) -> None:
        self.bytes = np.frombuffer(plain, np.uint8).reshape(1, -1)

    def plain(self, *_: Any) -> np.ndarray:
        return self.bytes


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        (bytes([0]) + b"\xff" * 8 + bytes(55), "declares what its blobs do not hold"),
        (bytes([2]) + bytes(63), "declares what its blobs do not hold"),
        (bytes([1, 0, 0, 0, 1]) + bytes(59), "a control record has rows"),
        (bytes(63) + b"x", "not filled up with zeros"),
        (bytes([0, 0, 0, 0, 1, 0, 0, 0, 0]) + b"a\0b1" + bytes(51), "zero byte"),
    ],
)
def test_what_an_owner_may_not_seal_is_refused(plain: bytes, message: str) -> None:
    out = io.BytesIO()
    one = np.array([1])
    payload.seal(Forged(plain), one, 64, ids(1), KEY, out)  # type: ignore[arg-type]
    with pytest.raises(FormatError, match=message):
        payload.unseal(io.BytesIO(out.getvalue()), one, 64, KEY, LAYOUTS)


def test_a_blob_smaller_than_the_header_is_refused() -> None:
    out = io.BytesIO()
    payload.seal(Forged(bytes(4)), np.array([1]), 4, ids(1), KEY, out)  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="too small for its header"):
        payload.unseal(io.BytesIO(out.getvalue()), np.array([1]), 4, KEY, LAYOUTS)


def test_an_entity_with_too_much_payload_is_refused() -> None:
    with pytest.raises(InputError, match="an entity has 101 bytes; the agreement allows 100"):
        payload.blob_size(np.array([3, 101]), 100)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([1], 64),
        ([64, 64], 64),
        ([65], 128),
        ([100] * 1000 + [1000], 1024),  # one long entity makes all blobs long: nobody stands out
        ([513], 640),
        ([1025], 1280),  # three significant bits: 1,024, 1,280, 1,536, 1,792
        ([], 64),
    ],
)
def test_blob_size(sizes: list[int], expected: int) -> None:
    assert payload.blob_size(np.array(sizes, np.int64), 1 << 20) == expected


@given(key=st.binary(min_size=32, max_size=32), info=st.binary(max_size=100))
def test_the_key_of_a_blob_is_hkdf_expand(key: bytes, info: bytes) -> None:
    """Of the library's own; the HMAC is only keyed once for all blobs."""
    expected = AESGCM(HKDFExpand(algorithm=SHA256(), length=32, info=info).derive(key))
    ciphers = payload.Ciphers(key)
    for _ in range(2):
        mine = ciphers.of(info)
        assert mine.decrypt(bytes(12), expected.encrypt(bytes(12), b"x", None), None) == b"x"
