"""Tokens to bit positions, as clkhash does it: BLAKE2b, or HMAC-SHA1 and HMAC-MD5 double hashing.

A token's first k positions do not depend on k, so positions are computed once for the largest k and
cut. Sources: Schnell, Bachteler and Reiher, A novel error-tolerant anonymous linking code (2011);
clkhash 0.18.3, section 5 of docs/reference/encoding.md.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from blindlink.arrays import UInt16s
from blindlink.schema.models import BlakeHash, DoubleHash, Kdf

Digest = Callable[[bytes], bytes]
_HASHES = {"SHA256": hashes.SHA256, "SHA512": hashes.SHA512}


class Hasher(Protocol):
    """A keyed function from tokens to positions in a filter of ``length`` bits."""

    def positions(self, tokens: Sequence[bytes], bits: int) -> UInt16s:
        """Shape (len(tokens), bits)."""


def derive_keys(secret: bytes, kdf: Kdf, features: int, more: bytes = b"") -> list[list[bytes]]:
    """Two keys for each feature, in order; ``more`` is added to ``info`` for further filters."""
    salt = None if kdf.salt is None else base64.b64decode(kdf.salt)
    info = (b"" if kdf.info is None else base64.b64decode(kdf.info)) + more
    size = kdf.key_size
    stream = HKDF(_HASHES[kdf.hash](), 2 * features * size, salt, info).derive(secret)
    blocks = [stream[start : start + size] for start in range(0, len(stream), size)]
    return [blocks[2 * i : 2 * i + 2] for i in range(features)]


def hasher(kind: BlakeHash | DoubleHash, keys: Sequence[bytes], length: int) -> Hasher:
    """The hash of a feature with its two keys."""
    if isinstance(kind, BlakeHash):
        return Blake(keys[0], length)
    return Double(keys[0], keys[1], length, kind.prevent_singularity)


class Blake:
    """blakeHash: each BLAKE2b-512 of the token gives 32 positions; the salt counts the hashes."""

    def __init__(self, key: bytes, length: int) -> None:
        self._key, self._length = key, length

    def positions(self, tokens: Sequence[bytes], bits: int) -> UInt16s:
        rounds = [self._digests(tokens, number) for number in range(max(1, -(-bits // 32)))]
        numbers = rounds[0] if len(rounds) == 1 else np.concatenate(rounds, axis=1)
        # The length is a power of two up to 2^16, so the remainder is a mask.
        cut: UInt16s = (numbers[:, :bits] & np.uint16(self._length - 1)).astype(np.uint16)
        return cut

    def _digests(self, tokens: Sequence[bytes], number: int) -> UInt16s:
        # A copy of a hash that has its key takes half the time of a new one.
        copy = hashlib.blake2b(key=self._key, salt=str(number).encode()).copy
        digests = []
        for token in tokens:
            context = copy()
            context.update(token)
            digests.append(context.digest())
        return np.frombuffer(b"".join(digests), "<u2").reshape(len(tokens), 32)


class Double:
    """doubleHash: position i is (SHA-1 part + i x MD5 part) modulo the length.

    Both hashes are broken for signatures but not as keyed functions; the format prescribes them.
    """

    def __init__(self, first: bytes, second: bytes, length: int, prevent: bool) -> None:
        self._start, self._stride = keyed(first, "sha1"), keyed(second, "md5")
        self._length, self._prevent = length, prevent

    def positions(self, tokens: Sequence[bytes], bits: int) -> UInt16s:
        starts = np.array([self._number(self._start, token) for token in tokens], np.int64)
        strides = np.array([self._nonzero(token) for token in tokens], np.int64)
        steps = np.arange(bits, dtype=np.int64)
        # Both are below 2^16 and bits below 2^17: no overflow in 64 bits.
        found = (starts[:, None] + steps * strides[:, None]) % self._length
        return found.astype(np.uint16)

    def _number(self, digest: Digest, token: bytes) -> int:
        return int.from_bytes(digest(token), "big") % self._length

    def _nonzero(self, token: bytes) -> int:
        stride, i = self._number(self._stride, token), 0
        while self._prevent and stride == 0 and self._length > 1:
            stride, i = self._number(self._stride, token + chr(i).encode()), i + 1
        return stride


def keyed(key: bytes, algorithm: str) -> Digest:
    """HMAC (RFC 2104) under one key: twice as fast as the module hmac for many short messages.

    Both blocks of the key are hashed once here.
    """
    inner, outer = hashlib.new(algorithm), hashlib.new(algorithm)
    if len(key) > inner.block_size:
        key = hashlib.new(algorithm, key).digest()
    padded = key.ljust(inner.block_size, b"\0")
    inner.update(bytes(byte ^ 0x36 for byte in padded))
    outer.update(bytes(byte ^ 0x5C for byte in padded))

    def digest(message: bytes) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(message)
        second.update(first.digest())
        return second.digest()

    return digest
