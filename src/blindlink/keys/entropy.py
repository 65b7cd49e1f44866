"""Where random bytes come from: an argument of product code, so that a simulation can replay."""

import secrets
from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

Entropy = Callable[[int], bytes]
"""Called with a number of bytes, returns that many random ones."""

system_entropy: Entropy = secrets.token_bytes


def stream(seed: bytes) -> Entropy:
    """The same bytes for the same 32-byte seed, one after the other: an AES-256-CTR key stream.

    For what has to be drawn alike twice. Nobody without the seed tells it from random bytes.
    """
    encryptor = Cipher(AES(seed), CTR(bytes(16))).encryptor()
    return lambda size: encryptor.update(bytes(size))
