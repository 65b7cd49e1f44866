"""Multi-party groups: by hand, and equal to anonlink's solvers."""

from array import array
from typing import Any

import numpy as np
import pytest

from blindlink.errors import InputError
from blindlink.linker.join.pairs import Pairs, ordered
from blindlink.linker.model.clusters import FilePairs, group


def pairs(*rows: tuple[int, int, float]) -> Pairs:
    left, right, score = zip(*rows, strict=True)
    return Pairs(np.array(left), np.array(right), np.array(score))


def test_two_files_greedy() -> None:
    found = FilePairs(0, 1, pairs((0, 0, 0.9), (0, 1, 0.8), (1, 0, 0.85), (1, 1, 0.7)))
    assert group([found]) == [((0, 0), (1, 0)), ((0, 1), (1, 1))]


def test_three_files_need_every_pair_or_a_share() -> None:
    chain = [FilePairs(0, 1, pairs((0, 0, 0.9))), FilePairs(1, 2, pairs((0, 0, 0.8)))]
    assert group(chain) == [((0, 0), (1, 0))]
    assert group(chain, agreement=0.5) == [((0, 0), (1, 0), (2, 0))]
    closed = [*chain, FilePairs(0, 2, pairs((0, 0, 0.7)))]
    assert group(closed) == [((0, 0), (1, 0), (2, 0))]


def test_one_record_per_file_unless_allowed() -> None:
    twins = [FilePairs(0, 0, pairs((0, 1, 0.95))), FilePairs(0, 1, pairs((0, 0, 0.9), (1, 0, 0.9)))]
    assert group(twins) == [((0, 0), (1, 0))]
    assert group(twins, one_per_file=False) == [((0, 0), (0, 1), (1, 0))]


def test_ties_follow_the_key() -> None:
    found = pairs((0, 0, 0.9), (1, 0, 0.9))
    assert group([FilePairs(0, 1, found)]) == [((0, 0), (1, 0))]
    tie = np.array([5, 2], np.uint64)
    assert group([FilePairs(0, 1, found, tie)]) == [((0, 1), (1, 0))]


def test_nothing_in_nothing_out() -> None:
    assert group([]) == []


def test_agreement_without_sense_is_refused() -> None:
    with pytest.raises(InputError, match="agreement must lie"):
        group([], agreement=1.5)


@pytest.mark.needs("anonlink")
@pytest.mark.parametrize("files", [2, 3, 4])
@pytest.mark.parametrize("agreement", [0.0, 0.3, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("one_per_file", [True, False])
def test_equals_anonlinks_solver(files: int, agreement: float, one_per_file: bool) -> None:
    from anonlink import solving

    for seed in range(5):
        candidates = random_candidates(seed, files, within=not one_per_file)
        expected = solving.probabilistic_greedy_solve(
            as_anonlink(candidates), merge_threshold=agreement, deduplicated=one_per_file
        )
        found = group(candidates, agreement=agreement, one_per_file=one_per_file)
        assert found == sorted(tuple(sorted(members)) for members in expected)


@pytest.mark.needs("anonlink")
def test_equals_anonlinks_greedy_solver() -> None:
    from anonlink import solving

    candidates = random_candidates(9, 3, within=False)
    expected = solving.greedy_solve(as_anonlink(candidates))
    found = group(candidates, one_per_file=False)
    assert found == sorted(tuple(sorted(members)) for members in expected)


def random_candidates(seed: int, files: int, *, within: bool) -> list[FilePairs]:
    """Candidates between twelve records of each of the files, each score once."""
    rng = np.random.default_rng(seed)
    result = []
    for a in range(files):
        for b in range(a if within else a + 1, files):
            cells = rng.choice(144, 40, replace=False)
            cells = cells[cells // 12 < cells % 12] if a == b else cells
            score = rng.choice(10_000, len(cells), replace=False) * 10 + a * 3 + b % 3
            found = Pairs(cells // 12, cells % 12, score.astype(float))
            result.append(FilePairs(a, b, ordered(found)))
    return result


def as_anonlink(candidates: list[FilePairs]) -> tuple[Any, ...]:
    """All candidates in one order, as anonlink's solvers take them."""
    rows = sorted(
        (-score, one.left_file, one.right_file, left, right)
        for one in candidates
        for left, right, score in zip(
            one.pairs.left.tolist(),
            one.pairs.right.tolist(),
            one.pairs.score.tolist(),
            strict=True,
        )
    )
    score, left_file, right_file, left, right = zip(*rows, strict=True)
    scores = array("d", [-value for value in score])
    files = array("I", left_file), array("I", right_file)
    return scores, files, (array("I", left), array("I", right))
