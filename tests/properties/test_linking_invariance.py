"""What must not change a linkage: the order of rows, and which file is called left."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blindlink.linker.model.link import Linkage, link
from blindlink.messages.plan import Plan
from worlds.linked_files import encodings, linked_files

FILES = linked_files(400, 600, 200)
BASE = link(FILES.left, FILES.right, Plan())


def pairs(found: Linkage, left: np.ndarray, right: np.ndarray) -> dict[tuple[int, int], float]:
    """Probabilities of the links by original rows."""
    rows = zip(left[found.links.left_row], right[found.links.right_row], strict=True)
    chances = found.links.probability.tolist()
    return {(int(a), int(b)): chance for (a, b), chance in zip(rows, chances, strict=True)}


@settings(max_examples=3)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.permutation(400), rng.permutation(600)
    shuffled = link(
        encodings(FILES.left.filters[0][a]), encodings(FILES.right.filters[0][b]), Plan()
    )
    assert shuffled.report.threshold == BASE.report.threshold
    expected = pairs(BASE, np.arange(400), np.arange(600))
    assert pairs(shuffled, a, b) == pytest.approx(expected)


def test_the_sides_may_be_exchanged() -> None:
    turned = link(FILES.right, FILES.left, Plan())
    found = pairs(turned, np.arange(600), np.arange(400))
    expected = pairs(BASE, np.arange(400), np.arange(600))
    swapped = {(b, a) for a, b in found}
    assert len(swapped ^ set(expected)) <= 6
    assert BASE.report.precision is not None
    assert turned.report.precision is not None
    assert turned.report.precision.value == pytest.approx(BASE.report.precision.value, abs=0.01)


@given(st.floats(0.0, 1.0))
@settings(max_examples=8)
def test_links_of_a_higher_threshold_are_among_those_of_a_lower(threshold: float) -> None:
    low = link(FILES.left, FILES.right, Plan(threshold="0.6"))
    high = link(FILES.left, FILES.right, Plan(threshold=f"{0.6 + 0.4 * threshold:.6f}"))
    every, rows = np.arange(400), np.arange(600)
    assert set(pairs(high, every, rows)) <= set(pairs(low, every, rows))
