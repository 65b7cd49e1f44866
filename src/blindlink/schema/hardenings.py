"""What makes a filter harder to attack, at a cost in quality. To add one, add a model to the union.

What a hardening does to length and tokens is a property of its model (``Hardener``). Measured
quality and attacks stand on the page docs/explanation/encodings-and-privacy.md.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from pydantic import Field, TypeAdapter, ValidationError

from blindlink.arrays import Bytes, Int64s
from blindlink.schema.bit_matrix import by_position, by_record, words
from blindlink.schema.comparators import problems
from blindlink.schema.models import Model

Noise = Callable[[int], bytes]


class Hardener(Model):
    """What every hardening has.

    ``noisy``: it reads fresh random bytes, so that two encodings of one record differ.
    """

    noisy: ClassVar[bool] = False

    @property
    def spread(self) -> int:
        """How many input bits are XORed into each output bit, where that hides the tokens' bits;
        1 where what a token sets can still be seen."""
        return 1

    @property
    def facts(self) -> dict[str, float]:
        """What follows from the settings, for whoever reads a schema."""
        return {}

    def output(self, length: int) -> int:
        """The bits that come out of ``length``; ValueError where it cannot take that length."""
        return length

    def apply(self, bits: Bytes, key: bytes, noise: Noise) -> Bytes:
        """``bits`` (n, length) of 0 and 1; ``key``: 32 secret bytes for this hardening alone."""
        raise NotImplementedError

    def sources(self, key: bytes, length: int) -> Int64s | None:
        """The positions that each output bit is the XOR of, (output bits, t), where that is all
        that is done; None otherwise."""
        return None


class Permutation(Hardener):
    """Puts the bits in a secret order.

    Protects against whoever knows the hash keys of another project with the same schema; against
    frequency attacks it does nothing. Costs nothing. Source: Christen, Ranbaduge and Schnell,
    Linking Sensitive Data (2020), chapter 12.
    """

    type: Literal["permutation"]

    def apply(self, bits: Bytes, key: bytes, noise: Noise) -> Bytes:
        return np.take(bits, permutation(key, width(bits), 0), axis=1)


class Diffusion(Hardener):
    """Each output bit is the XOR of ``t`` secret input bits, drawn evenly.

    Source: Armknecht, Heng and Schnell, Strengthening privacy-preserving record linkage using
    diffusion (PETS 2023). Protects against frequency, pattern-mining and graph attacks, from about
    t = 8 on. Costs similarity: two filters that differ in d bits differ in nearly half of all bits
    from d x t of the order of the length on. The output is never longer than the input: a longer
    one is a linear code whose low-weight words undo it.
    """

    type: Literal["diffusion"]
    t: int = Field(ge=2, le=64)
    bits: int | None = Field(default=None, ge=8)

    @property
    def spread(self) -> int:
        return self.t

    def output(self, length: int) -> int:
        wanted = self.bits or length
        if wanted > length:
            raise ValueError("diffusion: the output must not be longer than the input")
        if self.t > length // 2:
            raise ValueError("diffusion: t is too large for the length")
        return wanted

    def apply(self, bits: Bytes, key: bytes, noise: Noise) -> Bytes:
        sources = _sources(self, key, width(bits))
        columns = words(by_position(bits))
        mixed = columns.take(sources[:, 0], axis=0)
        for drawn in sources.T[1:]:
            mixed ^= columns.take(drawn, axis=0)
        return by_record(mixed.view(np.uint8), len(bits))

    def sources(self, key: bytes, length: int) -> Int64s:
        """The secret positions, (output bits, t), distinct in a row, each used at most t times."""
        rows = self.output(length)
        drawn = permutation(key, length, 0)[:, None]
        for number in range(1, self.t):
            drawn = np.column_stack([drawn, _apart(permutation(key, length, number), drawn)])
        return drawn[:rows]


class Fold(Hardener):
    """XORs the two halves, ``folds`` times.

    Source: Schnell and Borgs, XOR-folding for Bloom filter-based encryptions (2016). Makes single
    bits ambiguous; on weak identifiers it stops no attack of the risk report. Costs quality as the
    filter gets fuller.
    """

    type: Literal["fold"]
    folds: int = Field(ge=1, le=8)

    def output(self, length: int) -> int:
        if length % (1 << self.folds):
            raise ValueError("fold: the length is not divisible by 2 to the number of folds")
        return length >> self.folds

    def apply(self, bits: Bytes, key: bytes, noise: Noise) -> Bytes:
        for _ in range(self.folds):
            half = width(bits) // 2
            bits = bits[:, :half] ^ bits[:, half:]
        return bits


class Balance(Hardener):
    """Appends the complement and permutes: every filter has the same weight.

    Source: Schnell and Borgs, Randomized response and balanced Bloom filters (2016). Hides how many
    tokens a record has; doubles the length and halves the contrast of the similarity.
    """

    type: Literal["balance"]

    def output(self, length: int) -> int:
        return 2 * length

    def apply(self, bits: Bytes, key: bytes, noise: Noise) -> Bytes:
        both = np.concatenate([bits, 1 - bits], axis=1)
        return np.take(both, permutation(key, width(both), 0), axis=1)


class Blip(Hardener):
    """Randomised response: each bit is drawn anew with probability f, afresh for each record.

    Source: Alaggan, Gambs and Kermarrec, BLIP: non-interactive differentially-private similarity
    computation on Bloom filters (2012). ``per_mille`` is 1000 f; a bit is flipped with probability
    f / 2. Protects single bits with epsilon = ln((2 - f) / f) each; the epsilon of a record is that
    times the bits that one person's data can change, so it is no guarantee for people. Costs
    quality, and two encodings of the same record differ.
    """

    noisy: ClassVar[bool] = True
    type: Literal["blip"]
    per_mille: int = Field(ge=1, le=999, alias="perMille")

    @property
    def epsilon(self) -> float:
        """Of a single bit."""
        share = self.per_mille / 1000
        return math.log((2 - share) / share)

    @property
    def facts(self) -> dict[str, float]:
        return {"epsilon": round(self.epsilon, 3)}

    def apply(self, bits: Bytes, key: bytes, noise: Noise) -> Bytes:
        drawn = np.frombuffer(noise(4 * bits.size), np.uint32).reshape(bits.shape)
        # Flip with probability f / 2: the lowest part of the range of a 32-bit number.
        return bits ^ (drawn < (self.per_mille << 32) // 2000).astype(np.uint8)


Hardening = Annotated[Permutation | Diffusion | Fold | Balance | Blip, Field(discriminator="type")]
_HARDENINGS: TypeAdapter[Hardening] = TypeAdapter(Hardening)


def hardening(document: dict[str, Any]) -> Hardening:
    """The hardening that a schema describes. Raises ValueError with its problems."""
    try:
        return _HARDENINGS.validate_python(document)
    except ValidationError as error:
        raise ValueError(problems(error)) from None


@lru_cache(maxsize=8)
def _sources(each: Diffusion, key: bytes, length: int) -> Int64s:
    """Kept between pieces of a file: drawing them takes as long as a thousand records."""
    return each.sources(key, length)


def permutation(key: bytes, length: int, number: int) -> Int64s:
    """A secret order of ``length`` positions: the ranks of an AES-256-CTR key stream.

    ``number`` tells the permutations of one key apart: it is the upper half of the counter.
    """
    start = number.to_bytes(8, "big") + bytes(8)
    stream = Cipher(AES(key), CTR(start)).encryptor().update(bytes(8 * length))
    return np.argsort(np.frombuffer(stream, "<u8"), kind="stable")


def width(bits: Bytes) -> int:
    """The number of columns."""
    return int(np.shape(bits)[1])


def _apart(drawn: Int64s, before: Int64s) -> Int64s:
    """The permutation, changed as little as it takes to share no position with those before it."""
    drawn, step = drawn.copy(), 1
    while len(clash := np.flatnonzero((before == drawn[:, None]).any(axis=1))):
        for row in clash:
            other = (row + step) % len(drawn)
            drawn[row], drawn[other] = drawn[other], drawn[row]
        step += 1
    return drawn
