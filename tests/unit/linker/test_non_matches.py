"""The evidence about non-matches: floor, self-joins, entities."""

import numpy as np
import pytest

from blindlink.arrays import Bytes
from blindlink.linker.join.engines import load
from blindlink.linker.join.pairs import Pairs
from blindlink.linker.model import non_matches
from blindlink.linker.model.entities import side
from blindlink.linker.model.non_match_scores import measure
from worlds.linked_files import encodings, filters, linked_files, people


def compare(left: Bytes, right: Bytes, threshold: float) -> Pairs:
    return load("reference").pairs(left, right, threshold)


def test_dice_matrix_is_dice() -> None:
    a = filters(people(4, np.random.default_rng(1)))
    b = filters(people(5, np.random.default_rng(2)))
    x, y = np.unpackbits(a, axis=1).astype(int), np.unpackbits(b, axis=1).astype(int)
    expected = 2 * (x @ y.T) / (x.sum(1)[:, None] + y.sum(1)[None])
    assert non_matches.dice_matrix(a, b) == pytest.approx(expected)


def test_the_floor_lets_a_bounded_number_of_pairs_through() -> None:
    files = linked_files(600, 900, 0)
    evidence = non_matches.gather(side(files.left), side(files.right), compare)
    assert 600 * 4 < len(evidence.pairs) < 600 * 16
    assert evidence.compared == 600 * 900


def test_a_file_is_joined_with_itself_once_per_pair() -> None:
    files = linked_files(300, 200, 0)
    evidence = non_matches.gather(side(files.left), side(files.right), compare)
    assert evidence.left_compared == 300 * 299 / 2
    scores = non_matches.dice_matrix(files.left.filters[0], files.left.filters[0])
    above = np.sort(scores[np.triu_indices(300, 1)])[::-1]
    above = above[above >= evidence.floor]
    assert np.sort(evidence.within_left.score)[::-1] == pytest.approx(above)


def test_rows_of_one_entity_are_no_non_matches() -> None:
    rng = np.random.default_rng(3)
    records = people(200, rng)
    names = [f"e{number}" for number in range(200)]
    twice = encodings(filters(np.concatenate([records, records])), names + names)
    other = encodings(filters(people(300, rng)))
    evidence = non_matches.gather(side(twice), side(other), compare)
    assert evidence.left_compared == 200 * 199 / 2
    assert evidence.within_left.score.max() < 1
    assert evidence.left_entities == 200


def test_empty_filters_are_not_comparable() -> None:
    records = filters(people(50, np.random.default_rng(4)))
    records[:10] = 0
    assert int(side(encodings(records)).comparable.sum()) == 40
    empty = np.zeros((3, 128), np.uint8)
    assert non_matches.choose_floor(empty, records) == 1.0


def test_non_matches_between_the_files_are_predicted_from_within_them() -> None:
    files = linked_files(1200, 1800, 0, seed=8)
    evidence = non_matches.gather(side(files.left), side(files.right), compare)
    measured = measure(evidence, "one-to-one")
    error = np.sqrt(measured.seen + measured.expected**2 / measured.support)
    assert np.all(np.abs(measured.seen - measured.expected) < 4 * error)
    assert measured.expected.sum() == pytest.approx(len(evidence.pairs), rel=0.05)


def test_duplicates_in_one_file_are_not_taken_for_non_matches() -> None:
    rng = np.random.default_rng(5)
    records = people(1500, rng)
    doubled = encodings(filters(np.concatenate([records, records[:300]])))
    other = encodings(filters(people(1500, rng)))
    measured = measure(non_matches.gather(side(other), side(doubled), compare), "one-to-one")
    assert measured.similar[0] < 5
    assert measured.similar[1] == pytest.approx(300, abs=5)
    # Where the files disagree, the candidates themselves must decide.
    assert measured.support[-1] < 5


def test_the_plan_says_which_file_holds_people_several_times() -> None:
    rng = np.random.default_rng(6)
    records = people(2000, rng)
    moved = records[:1500].copy()
    moved[:, 4] = (moved[:, 4] + 1 + rng.integers(0, 199, 1500)) % 200
    repeated = encodings(filters(np.concatenate([records, moved])))
    other = encodings(filters(people(2000, rng)))
    evidence = non_matches.gather(side(other), side(repeated), compare)
    one, many = (measure(evidence, cardinality) for cardinality in ("one-to-one", "one-to-many"))
    # Nobody is in both files: whatever is expected beyond what was seen comes from the duplicates.
    close = many.edges[np.searchsorted(many.segment, np.arange(len(many.seen)))] > 0.75
    assert one.expected[close].sum() > 2 * one.seen[close].sum()
    error = np.sqrt(many.seen + many.expected**2 / many.support)[close]
    assert np.all(many.expected[close] < one.expected[close])
    assert np.all(many.expected[close] - many.seen[close] < 3 * error)
