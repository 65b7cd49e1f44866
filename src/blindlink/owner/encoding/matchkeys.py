"""Match keys: keyed hashes of exact combinations of fields, for deterministic linkage."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bytes
from blindlink.keys import LinkageKey
from blindlink.messages.encodings import KEY_BYTES
from blindlink.owner.encoding.columns import Coded
from blindlink.owner.encoding.composites import SEPARATOR, join
from blindlink.owner.encoding.tokens import keyed


def match_keys(
    combinations: Sequence[Sequence[str]], columns: Mapping[str, Coded], key: LinkageKey
) -> tuple[Bytes, ...]:
    """One array (n, 16) for each combination: HMAC-SHA256 of the joined values, cut to 128 bits.

    All zero where a field of the combination is missing. Each combination has a key of its own, so
    that equal values under two combinations do not show.
    """
    return tuple(_match_key(fields, columns, key) for fields in combinations)


def _match_key(fields: Sequence[str], columns: Mapping[str, Coded], key: LinkageKey) -> Bytes:
    secret = key.derive(SEPARATOR.join(["match-key", *fields]).encode(), 32)
    parts = [columns[name].arrow() for name in fields]
    digest, missing = keyed(secret, "sha256"), bytes(KEY_BYTES)
    cut = [
        missing if text is None else digest(text)[:KEY_BYTES]
        for text in join(parts).cast(pa.binary()).to_pylist()
    ]
    return np.frombuffer(b"".join(cut), np.uint8).reshape(len(cut), KEY_BYTES)
