"""Both ways to add columns give the sum: every processor has the counters of the others."""

from typing import Any

import numpy as np
import pytest
from numba import njit

from blindlink.linker.join import kernels
from blindlink.linker.join.kernels import BYTES, LANES, WORDS, every, store


def planes(add: Any, block: np.ndarray, walks: np.ndarray) -> np.ndarray:
    """The four planes and the carry after adding sixteen columns. Shape: (5, WORDS)."""

    @njit
    def run(block: Any, walks: Any, result: Any) -> None:
        place, zero = np.intp(result.ctypes.data), every(0)
        found = add(
            np.intp(block.ctypes.data), np.intp(walks.ctypes.data), 0, zero, zero, zero, zero
        )
        store(place, 0, found[0])
        store(place, 1, found[1])
        store(place, 2, found[2])
        store(place, 3, found[3])
        store(place, 4, found[4])

    result = np.empty((5, WORDS), np.uint64)
    run(block, walks, result)
    return result


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("sixteen", marks=pytest.mark.needs("three-bit logic")),
        "sixteen_paired",
    ],
)
def test_sixteen_columns_are_added(name: str) -> None:
    rng = np.random.default_rng(1)
    raw = np.empty(40 * BYTES + BYTES, np.uint8)
    start = -raw.ctypes.data % BYTES
    block = raw[start : start + 40 * BYTES].view(np.uint64).reshape(40, WORDS)
    block[:] = rng.integers(0, 2**64, block.shape, np.uint64)
    block[:8] = ~np.uint64(0)
    walks = np.r_[np.arange(8), rng.permutation(np.arange(8, 40))[:8]].astype(np.uint16)
    found = planes(getattr(kernels, name), block, walks)
    bits = np.unpackbits(found.view(np.uint8), axis=1, bitorder="little")
    columns = np.unpackbits(block[walks].view(np.uint8), axis=1, bitorder="little")
    assert bits.shape == (5, LANES)
    assert (2 ** np.arange(5) @ bits == columns.sum(axis=0, dtype=np.int64)).all()
