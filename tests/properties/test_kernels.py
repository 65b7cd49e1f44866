"""The compiled hashes give the bytes of hashlib and hmac, whatever the lengths; so do filters."""

import hashlib
import hmac
import random
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blindlink.keys import LinkageKey
from blindlink.owner.encoding import kernels, tokens
from blindlink.owner.encoding.encode import encode
from blindlink.schema.document import parse_schema

BOUNDARY = [*range(1, 300), *(128 * n + d for n in (3, 8) for d in (-1, 0, 1))]
LINE = 32  # what a kernel may read behind a blob


def blob_of(messages: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    blob = np.frombuffer(b"".join(messages) + bytes(LINE), np.uint8)
    return blob, np.cumsum([0, *map(len, messages)])


def blake(messages: Sequence[bytes], key: bytes, salt: int) -> list[bytes]:
    drawn = tokens.Blake(key, 65536)
    states = kernels.blake_states(drawn.parameters(salt + 1)[salt:], drawn.block()[None].copy())
    return [row.tobytes() for row in kernels.digests(*blob_of(messages), states)]


def match_keys(messages: Sequence[bytes], key: bytes) -> list[bytes]:
    block = np.frombuffer(key.ljust(64, b"\0"), np.uint8)
    inner, outer = kernels.sha_states(np.stack([block ^ 0x36, block ^ 0x5C]))
    stride = -(-(max(map(len, messages)) + 9) // 64) * 64
    out, codes = np.zeros((len(messages), 16), np.uint8), np.arange(len(messages), dtype=np.int32)
    table = (codes[None], *blob_of(messages), np.array([0]))
    kernels.match_key(out, *table, inner, outer, stride, kernels.queue(stride))
    return [row.tobytes() for row in out]


@pytest.mark.parametrize("salt", [0, 1, 127])
def test_blake2b_of_every_length_across_blocks_is_hashlib_s(salt: int) -> None:
    rng = random.Random(salt)
    key = rng.randbytes(64)
    messages = [rng.randbytes(size) for size in rng.sample(BOUNDARY, len(BOUNDARY))]
    wanted = [hashlib.blake2b(each, key=key, salt=str(salt).encode()).digest() for each in messages]
    assert blake(messages, key, salt) == wanted


@given(
    messages=st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=40),
    key=st.binary(min_size=1, max_size=64),
)
@settings(max_examples=60, deadline=None)
def test_blake2b_of_any_messages_and_key_is_hashlib_s(messages: list[bytes], key: bytes) -> None:
    wanted = [hashlib.blake2b(each, key=key, salt=b"0").digest() for each in messages]
    assert blake(messages, key, 0) == wanted


def test_hmac_of_every_length_across_blocks_is_the_standard_library_s() -> None:
    rng = random.Random(1)
    key = rng.randbytes(32)
    messages = [rng.randbytes(size) for size in rng.sample(BOUNDARY, len(BOUNDARY))]
    messages[5] = b""  # a missing value: no key
    wanted = [hmac.digest(key, each, "sha256")[:16] if each else bytes(16) for each in messages]
    assert match_keys(messages, key) == wanted


SCHEMA = parse_schema(
    {
        "version": 3,
        "clkConfig": {"l": 512, "kdf": {"type": "HKDF"}},
        "features": [],
        "blindlink": {
            "version": 1,
            "profile": "test",
            "columns": [{"name": name, "from": [name], "steps": []} for name in ("a", "b", "c")],
            "composites": [
                {"fields": ["a", "b", "c"], "bitsPerToken": 3},
                {"fields": ["b"], "bitsPerToken": 40},
                {"fields": ["a"], "bitsPerToken": 2, "comparison": {"type": "words"}},
                {
                    "fields": ["b", "c"],
                    "bitsPerFeature": 7,
                    "comparison": {"type": "ngram", "n": 2},
                },
            ],
            "hardening": [{"type": "diffusion", "t": 4, "bits": 448}],
            "matchKeys": [["a", "c"], ["b"]],
        },
    }
)
cell = st.one_of(
    st.sampled_from(["", "x", "ab cd", "é ü", "z" * 150]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=90),
)


@given(
    rows=st.lists(st.tuples(cell, cell, cell), min_size=1, max_size=30), copies=st.integers(1, 30)
)
@settings(max_examples=25, deadline=None)
def test_filters_and_match_keys_do_not_depend_on_the_way(
    rows: list[tuple[str, str, str]], copies: int
) -> None:
    cells = list(zip(*(rows * copies), strict=True))
    table = pa.table(dict(zip("abc", cells, strict=True)))
    key = LinkageKey(bytes(range(32)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "FEW", 0)
        compiled = encode(table, SCHEMA, key, workers=1)
        patch.setattr(tokens, "FEW", 1 << 40)
        plain = encode(table, SCHEMA, key, workers=1)
    for ours, theirs in zip(
        compiled.filters + compiled.match_keys, plain.filters + plain.match_keys, strict=True
    ):
        assert np.array_equal(ours, theirs)


def test_diffusion_does_not_depend_on_the_way() -> None:
    rng = np.random.default_rng(1)
    cells = rng.integers(0, 999, (3, 700)).astype(str)
    table = pa.table(dict(zip("abc", map(list, cells), strict=True)))
    with pytest.MonkeyPatch.context() as patch:
        key = LinkageKey(bytes(32))
        compiled = encode(table, SCHEMA, key, workers=1)
        patch.setattr(tokens, "FEW", 1 << 40)
        plain = encode(table, SCHEMA, key, workers=1)
        assert np.array_equal(compiled.filters[0], plain.filters[0])


def test_without_numba_the_bits_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    table = pa.table({name: [f"{name}{i}" for i in range(2000)] for name in "abc"})
    monkeypatch.setattr(tokens, "FEW", 0)
    compiled = encode(table, SCHEMA, LinkageKey(bytes(32)))
    monkeypatch.setattr(tokens, "compiled", lambda: None)
    plain = encode(table, SCHEMA, LinkageKey(bytes(32)))
    assert np.array_equal(compiled.filters[0], plain.filters[0])
    assert all(map(np.array_equal, compiled.match_keys, plain.match_keys))
