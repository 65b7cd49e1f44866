"""Match keys: keyed hashes of exact combinations of fields, for deterministic linkage."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from blindlink.formats.encodings import KEY_BYTES
from blindlink.keys import LinkageKey
from blindlink.owner.columns import Coded
from blindlink.owner.filters import SEPARATOR


def match_keys(
    combinations: Sequence[Sequence[str]], columns: Mapping[str, Coded], key: LinkageKey
) -> tuple[npt.NDArray[np.uint8], ...]:
    """One array (n, 16) for each combination: HMAC-SHA256 of the joined values, cut to 128 bits.

    All zero where a field of the combination is missing. Each combination has a key of its own, so
    that equal values under two combinations do not show.
    """
    return tuple(_match_key(fields, columns, key) for fields in combinations)


def _match_key(
    fields: Sequence[str], columns: Mapping[str, Coded], key: LinkageKey
) -> npt.NDArray[np.uint8]:
    secret = key.derive(SEPARATOR.join(["match-key", *fields]).encode(), 32)
    parts = [columns[name].arrow() for name in fields]
    joined = pc.binary_join_element_wise(*parts, SEPARATOR, null_handling="emit_null").to_pylist()
    start = hmac.new(secret, b"", hashlib.sha256)
    result = bytearray()
    for text in joined:
        result += bytes(KEY_BYTES) if text is None else _digest(start, text)
    return np.frombuffer(bytes(result), np.uint8).reshape(len(joined), KEY_BYTES)


def _digest(start: hmac.HMAC, text: str) -> bytes:
    context = start.copy()
    context.update(text.encode())
    return context.digest()[:KEY_BYTES]
