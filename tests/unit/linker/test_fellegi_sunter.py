"""Several filters per record: weights, levels, and what they are worth on data with truth."""

from dataclasses import replace

import numpy as np
import pytest

from blindlink.linker.model.link import Linkage, link
from blindlink.messages.encodings import Encodings
from blindlink.messages.plan import Plan
from worlds.linked_files import FIELDS, LinkedFiles, encodings, filters, people, with_errors

GROUPS = ((0, 1, 2), (2, 3), (0, 3, 4))


def grouped(records: np.ndarray) -> Encodings:
    """The whole filter and three filters of composite groups of fields."""
    rng, parts = np.random.default_rng(5), [filters(records)]
    for group in GROUPS:
        bits = np.zeros((len(records), 1024), bool)
        for field in group:
            values, count, _ = FIELDS[field]
            table = rng.integers(0, 1024, (values, count))
            np.put_along_axis(bits, table[records[:, field]], True, axis=1)
        parts.append(np.packbits(bits, axis=1))
    return replace(encodings(parts[0]), filters=tuple(parts), bits=(1024,) * len(parts))


def grouped_files(left: int, right: int, common: int, seed: int) -> LinkedFiles:
    rng = np.random.default_rng(seed)
    everyone = people(left + right - common, rng)
    a, b = rng.permutation(left), rng.permutation(right)
    second = np.concatenate([with_errors(everyone[:common], rng), everyone[left:]])
    truth = zip(np.argsort(a)[:common], np.argsort(b)[:common], strict=True)
    return LinkedFiles(
        grouped(everyone[:left][a]),
        grouped(second[b]),
        frozenset((int(x), int(y)) for x, y in truth),
    )


FILES = grouped_files(800, 1200, 300, seed=1)


@pytest.fixture(scope="module")
def found() -> Linkage:
    return link(FILES.left, FILES.right, Plan(methods=("probabilistic",)))


def test_several_filters_link_as_well_as_they_say(found: Linkage) -> None:
    precision, recall = FILES.quality(found.links.left_row, found.links.right_row)
    assert precision > 0.97
    assert recall > 0.95
    assert found.report.precision is not None
    assert found.report.precision.low <= precision <= found.report.precision.high


def test_m_and_u_are_distributions_and_give_the_weights(found: Linkage) -> None:
    levels = found.report.levels
    assert {level.filter for level in levels} == {1, 2, 3, 4}
    for number in range(1, 5):
        mine = [level for level in levels if level.filter == number]
        assert sum(level.m for level in mine) == pytest.approx(1)
        assert sum(level.u for level in mine) == pytest.approx(1)
        assert mine[0].low == 0
        assert mine[-1].high == 1
        assert mine[-1].weight > 0 > mine[0].weight
        for level in mine:
            assert level.weight == pytest.approx(np.log2(level.m / level.u))


def test_m_of_a_filter_is_how_often_its_fields_agree(found: Linkage) -> None:
    # Filter 3 holds two fields, wrong for .004 of the people each.
    top = [level for level in found.report.levels if level.filter == 3][-1]
    assert top.m == pytest.approx(0.992, abs=0.015)


def test_dependent_filters_are_reported(found: Linkage) -> None:
    model = found.report.model
    assert 0 <= model["dependence_of_filters_among_strangers"] <= 1
    assert model["dependence_of_filters_among_matches"] > 0.3


def test_patterns_are_of_the_pairs_that_the_agreed_floor_releases() -> None:
    shown = {}
    for floor in ("0.01", "0.9999"):
        plan = Plan(methods=("probabilistic",), candidate_floor=floor)
        result = link(FILES.left, FILES.right, plan)
        shown[floor] = sum(pattern.pairs for pattern in result.report.patterns)
        assert shown[floor] <= (result.candidates.probability >= float(floor)).sum()
    assert shown["0.9999"] < shown["0.01"]


def test_links_carry_the_score_of_the_first_filter(found: Linkage) -> None:
    single = link(FILES.left, FILES.right, Plan())
    score = dict(
        zip(
            zip(single.links.left_row, single.links.right_row, strict=True),
            single.links.score,
            strict=True,
        )
    )
    rows = zip(found.links.left_row, found.links.right_row, strict=True)
    both = [(score[row], s) for row, s in zip(rows, found.links.score, strict=True) if row in score]
    assert len(both) > 280
    assert all(a == b for a, b in both)


def test_the_first_filter_alone_has_no_levels() -> None:
    assert link(FILES.left, FILES.right, Plan()).report.levels == ()
