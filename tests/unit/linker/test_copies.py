"""Copies of people within a file: found, counted, told, no non-matches; one entity on demand."""

import numpy as np
import pytest

from blindlink.errors import SeparationError
from blindlink.linker.model import copies
from blindlink.linker.model.entities import side
from blindlink.linker.model.link import Linkage, Linker, link
from blindlink.messages.encodings import Encodings
from blindlink.messages.plan import Plan
from worlds.linked_files import LinkedFiles, encodings, filters, linked_files, people

BASE = linked_files(1000, 1600, 450, seed=11)


def with_copies(one: Encodings, share: float, seed: int) -> tuple[Encodings, np.ndarray]:
    """The file with copies of a share of its records, shuffled, and whose record each one is."""
    rng = np.random.default_rng(seed)
    count = len(one)
    rows = rng.permutation(np.r_[:count, rng.permutation(count)[: round(share * count)]])
    return encodings(one.filters[0][rows]), rows


def quality(found: Linkage, files: LinkedFiles, rows: tuple[np.ndarray, np.ndarray]) -> list[float]:
    """Precision of the links, and recall of the people who are in both files."""
    a, b = rows[0][found.links.left_row], rows[1][found.links.right_row]
    pairs = list(zip(a.tolist(), b.tolist(), strict=True))
    right = [pair for pair in pairs if pair in files.truth]
    return [len(right) / len(pairs), len(set(right)) / len(files.truth)]


@pytest.mark.parametrize(
    ("shares", "cardinality"),
    [
        ((0.1, 0.1), "one-to-one"),
        ((0.3, 0.3), "one-to-one"),
        ((0.0, 0.3), "one-to-one"),
        ((0.3, 0.1), "many-to-many"),
    ],
)
def test_copies_cost_nothing_and_the_figures_hold(
    shares: tuple[float, float], cardinality: str
) -> None:
    (left, a), (right, b) = (
        with_copies(one, share, seed)
        for one, share, seed in ((BASE.left, shares[0], 1), (BASE.right, shares[1], 2))
    )
    plan = Plan(cardinality=cardinality)
    found, without = link(left, right, plan), link(BASE.left, BASE.right, plan)
    every = np.arange(len(BASE.left)), np.arange(len(BASE.right))
    precision, recall = quality(found, BASE, (a, b))
    expected = quality(without, BASE, every)
    assert precision > expected[0] - 0.01
    assert recall > expected[1] - 0.01
    report = found.report
    assert report.precision is not None
    assert report.recall is not None
    assert report.precision.low - 0.003 <= precision <= report.precision.high
    assert report.recall.low <= recall <= report.recall.high
    sizes = len(BASE.left), len(BASE.right)
    told = report.model["copies_left"], report.model["copies_right"]
    assert told == tuple(round(s * n) for s, n in zip(shares, sizes, strict=True))
    assert sum("are copies of another" in text for text in report.warnings) == sum(
        share > 0 for share in shares
    )


def test_copies_have_their_persons_probability() -> None:
    (left, a), (right, b) = with_copies(BASE.left, 0.3, 1), with_copies(BASE.right, 0.3, 2)
    found = link(left, right, Plan(cardinality="many-to-many")).candidates
    chance: dict[tuple[int, int], set[float]] = {}
    for x, y, p in zip(a[found.left_row], b[found.right_row], found.probability, strict=True):
        chance.setdefault((int(x), int(y)), set()).add(round(float(p), 12))
    assert len(chance) < len(found)
    assert all(len(values) == 1 for values in chance.values())


def test_collapsed_copies_are_one_entity() -> None:
    (left, a), (right, b) = with_copies(BASE.left, 0.3, 1), with_copies(BASE.right, 0.3, 2)
    found = link(left, right, Plan(collapse_duplicates=True))
    without = link(BASE.left, BASE.right, Plan())
    assert found.report.counts.left_entities == len(BASE.left)
    assert found.report.counts.right_entities == len(BASE.right)
    assert found.report.counts.left_rows == len(left)
    pairs = set(zip(a[found.links.left_row], b[found.links.right_row], strict=True))
    expected = set(zip(without.links.left_row, without.links.right_row, strict=True))
    assert len(pairs & expected) > 0.99 * len(expected)
    assert len(found.links) == pytest.approx(len(without.links), rel=0.01)
    assert found.report.model["copies_left"] == 0


def test_equal_rows_of_one_entity_are_no_copies() -> None:
    records = filters(people(200, np.random.default_rng(2)))
    names = [f"e{number}" for number in range(200)] * 2
    found = copies.equal(side(encodings(np.concatenate([records, records]), names)))
    assert (found.pairs, found.extra) == (0, 0)


def test_entities_that_share_one_of_their_rows_are_one() -> None:
    records = filters(people(3, np.random.default_rng(2)))
    three = side(encodings(records[[0, 1, 1, 2]], ["a", "a", "b", "c"]))
    assert copies.equal(three).group.tolist() == [0, 0, 1]


def test_what_says_little_joins_nobody() -> None:
    """Empty filters, and one that more people share than one person has records."""
    records = filters(people(20, np.random.default_rng(2)))
    records[:3] = 0
    records[5 : 5 + copies.MOST + 1] = records[5]
    found = copies.equal(side(encodings(records)))
    assert found.extra == 0


def test_people_who_are_merely_alike_are_no_copies() -> None:
    """With few values for each field, equal encodings are no rarer than nearly equal ones."""
    rng = np.random.default_rng(7)
    left, right = (encodings(filters(people(1500, rng) % 8)) for _ in range(2))
    assert copies.equal(side(left)).pairs >= 20
    assert [found.extra for found in Linker(left, right, Plan()).copies] == [0, 0]


def test_a_plan_without_the_option_keeps_its_bytes() -> None:
    assert "collapse_duplicates" not in Plan().model_dump()
    assert Plan(collapse_duplicates=True).model_dump()["collapse_duplicates"] is True


def test_files_of_copies_that_share_nobody_are_refused() -> None:
    files = linked_files(600, 800, 0, seed=5)
    left, _ = with_copies(files.left, 0.3, 1)
    right, _ = with_copies(files.right, 0.3, 2)
    with pytest.raises(SeparationError):
        link(left, right, Plan())
