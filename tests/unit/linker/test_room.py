"""The memory of a linkage is estimated before the work, and refused with the number."""

import numpy as np
import pytest

from blindlink.errors import InputError
from blindlink.linker.model import room
from blindlink.messages.encodings import Encodings


def encodings(rows: int, seed: int) -> Encodings:
    bits = np.random.default_rng(seed).random((rows, 256)) < 0.1
    return Encodings((np.packbits(bits, axis=1),), (256,), np.arange(rows), None, (), "", None, "")


def exact(left: Encodings, right: Encodings, threshold: float) -> float:
    a, b = (np.unpackbits(e.filters[0], axis=1).astype(int) for e in (left, right))
    scores = 2 * (a @ b.T) / (a.sum(1)[:, None] + b.sum(1))
    return float((scores >= threshold).mean())


@pytest.mark.parametrize("threshold", [0.02, 0.1, 0.2])
def test_the_sample_estimates_the_share_of_pairs(threshold: float) -> None:
    left, right = encodings(900, 1), encodings(800, 2)
    share = room.sampled(left.filters[0], right.filters[0], threshold, 0)
    assert share == pytest.approx(exact(left, right, threshold), abs=1e-12)
    few = room.sampled(encodings(4000, 1).filters[0], right.filters[0], threshold, 0)
    assert few == pytest.approx(exact(left, right, threshold), abs=0.02)


def test_a_linkage_that_would_not_fit_is_refused_with_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left, right = encodings(2000, 1), encodings(2000, 2)
    monkeypatch.setattr(room, "SURE", 1)
    monkeypatch.setattr(room, "memory", lambda: 10**8)
    room.check_room(left, right, 0.5, seed=0)
    with pytest.raises(InputError, match=r"about 4,\d{3},\d{3} of 4,000,000|of 4,000,000 pairs"):
        room.check_room(left, right, 0.02, seed=0)
    monkeypatch.setattr(room, "memory", lambda: None)
    room.check_room(left, right, 0.02, seed=0)


def test_the_memory_of_this_machine_is_known() -> None:
    assert (room.memory() or 1) > 0
