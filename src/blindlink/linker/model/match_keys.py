"""Deterministic linkage: pairs whose keyed hashes of exact field combinations are equal."""

from typing import Any

import numpy as np
import numpy.typing as npt

from blindlink.arrays import Int64s
from blindlink.errors import RefusedError
from blindlink.messages.encodings import Encodings

_MOST_PER_RECORD = 100  # pairs per record that a key may make before it identifies nobody


def equal_rows(left: Encodings, right: Encodings, key: int) -> tuple[Int64s, Int64s]:
    """Pairs of rows with equal, present values of one match key. Shapes: (pairs,), (pairs,).

    Raises RefusedError when the key is so common that it would pair everybody with everybody.
    """
    a, b = _values(left, key), _values(right, key)
    rows_a, rows_b = np.flatnonzero(a != b""), np.flatnonzero(b != b"")
    sorted_b = rows_b[np.argsort(b[rows_b], kind="stable")]
    first = np.searchsorted(b[sorted_b], a[rows_a], side="left")
    sizes = np.searchsorted(b[sorted_b], a[rows_a], side="right") - first
    if sizes.sum() > _MOST_PER_RECORD * (len(left) + len(right)):
        raise RefusedError(
            f"match key {key + 1}: too many records share their values",
            hint="agree match keys that identify people",
        )
    before = np.cumsum(sizes) - sizes
    at = np.repeat(first - before, sizes) + np.arange(sizes.sum())
    return np.repeat(rows_a, sizes), sorted_b[at]


def _values(encodings: Encodings, key: int) -> npt.NDArray[Any]:
    """The key of each row as bytes, empty where it is missing. Shape: (rows,).

    numpy strips zero bytes at the end: two keys of one length can only be taken for equal where
    they are equal.
    """
    array = np.ascontiguousarray(encodings.match_keys[key])
    return array.view(f"S{np.shape(array)[1]}").ravel()
