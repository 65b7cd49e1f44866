"""Bits in common, exactly, by the sparse product and by the dense one."""

import numpy as np
import pytest

from blindlink.owner.risk import views
from blindlink.owner.risk.snowball import SharedTokens, snowball


@pytest.mark.parametrize("bits", [8, 1000, 4096])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.09, 0.11, 0.5])
def test_common_bits_are_counted_exactly(bits: int, share: float) -> None:
    rng = np.random.default_rng(bits)
    cells = (rng.random((1100, bits)) < share).astype(np.uint8)
    counted = views.common_bits(np.packbits(cells, axis=1), bits)
    some = rng.integers(0, len(cells), (300, 2))
    wanted = [(cells[one] & cells[other]).sum() for one, other in some]
    assert counted[some[:, 0], some[:, 1]].tolist() == wanted
    assert counted.diagonal().tolist() == cells.sum(axis=1).tolist()
    assert counted.dtype == np.float32


def test_a_snowball_holds_each_row_once_and_no_more_than_asked() -> None:
    """Two hundred rows in pairs that share a token: strangers have to fill it up."""
    owner = np.arange(200)
    shared = SharedTokens(200, [(owner, owner // 2)])
    for size in (3, 77, 200, 300):
        ball = snowball(shared, size, 0.2, np.random.default_rng(size))
        assert len(np.unique(ball.rows)) == len(ball.rows) == min(size, 200)
