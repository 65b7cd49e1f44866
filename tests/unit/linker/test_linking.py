"""Linking two files whose truth is known: what `auto` finds, says and refuses."""

import re
from typing import Any

import numpy as np
import pytest

from blindlink.errors import InputError, KeyFileError, SchemaError, SeparationError
from blindlink.linker.model.link import Linkage, link
from blindlink.messages.linkage_report import parse_report
from blindlink.messages.plan import Plan
from worlds.linked_files import encodings, filters, linked_files, people

FILES = linked_files(1200, 2000, 500)


@pytest.fixture(scope="module")
def found() -> Linkage:
    return link(FILES.left, FILES.right, Plan())


def f1(result: Linkage, files: object = FILES) -> float:
    precision, recall = FILES.quality(result.links.left_row, result.links.right_row)
    return 2 * precision * recall / (precision + recall)


def test_auto_is_as_good_as_the_best_threshold(found: Linkage) -> None:
    best = max(
        f1(link(FILES.left, FILES.right, Plan(threshold=f"{threshold:.3f}")))
        for threshold in np.arange(0.6, 0.9, 0.01)
    )
    assert f1(found) > best - 0.01


def test_expected_quality_is_the_real_one(found: Linkage) -> None:
    precision, recall = FILES.quality(found.links.left_row, found.links.right_row)
    report = found.report
    assert report.precision is not None
    assert report.recall is not None
    assert report.precision.low <= precision <= report.precision.high
    assert report.recall.low <= recall <= report.recall.high
    assert report.expected_matches is not None
    assert report.expected_matches.low <= 500 <= report.expected_matches.high


def test_the_intervals_cover_the_truth() -> None:
    covered = np.zeros(2, int)
    for seed in range(10):
        files = linked_files(400, 600, 200, seed=100 + seed)
        result = link(files.left, files.right, Plan())
        real = files.quality(result.links.left_row, result.links.right_row)
        for place, estimate in enumerate((result.report.precision, result.report.recall)):
            assert estimate is not None
            covered[place] += estimate.low - 1e-9 <= real[place] <= estimate.high + 1e-9
    assert covered.min() >= 9


def test_probabilities_are_calibrated(found: Linkage) -> None:
    chance = found.candidates.probability
    pairs = zip(found.candidates.left_row, found.candidates.right_row, strict=True)
    right = np.array([(int(a), int(b)) in FILES.truth for a, b in pairs])
    assert chance.sum() == pytest.approx(right.sum(), abs=15)
    assert np.mean((chance - right) ** 2) < 0.03


def test_links_are_sorted_and_one_to_one(found: Linkage) -> None:
    links = found.links
    order = np.lexsort((links.right_row, links.left_row, -links.score))
    assert np.array_equal(order, np.arange(len(links)))
    assert len(set(links.left_row)) == len(set(links.right_row)) == len(links)
    assert len(found.candidates) >= len(links)
    assert set(links.method) == {"clk+probabilistic"}


def test_counts_are_candidates_before_cardinality(found: Linkage) -> None:
    counts = found.report.counts
    assert found.left_counts.count.sum() == found.right_counts.count.sum() == counts.candidates
    assert len(found.left_counts.entity) == 1200
    assert counts.conflicts == counts.accepted - len(found.links)
    assert (found.candidates.method != "").sum() >= counts.accepted


def test_the_report_is_complete_and_survives_json(found: Linkage) -> None:
    report = found.report
    assert parse_report(report.to_json()) == report
    assert report.counts.pairs_compared == 1200 * 2000
    assert sum(bin_.observed for bin_ in report.histogram) == report.model["pairs_above_floor"]
    assert [row.method for row in report.methods] == ["clk", "probabilistic"]
    strangers = sum(bin_.non_matches or 0 for bin_ in report.histogram)
    matches = sum(bin_.matches or 0 for bin_ in report.histogram)
    assert strangers + matches == pytest.approx(report.model["pairs_above_floor"], rel=0.05)
    thresholds = [point.threshold for point in report.curve]
    assert thresholds == sorted(thresholds, reverse=True)


def test_the_same_input_gives_the_same_report(found: Linkage) -> None:
    again = link(FILES.left, FILES.right, Plan())
    assert again.report.to_json() == found.report.to_json()


def test_no_overlap_is_said_and_nothing_invented() -> None:
    for seed in range(4):
        files = linked_files(500, 700, 0, seed=seed)
        with pytest.raises(SeparationError):
            link(files.left, files.right, Plan())


def test_a_refusal_says_how_many_matches_there_may_be() -> None:
    files = linked_files(500, 700, 6, seed=3)
    with pytest.raises(SeparationError) as caught:
        link(files.left, files.right, Plan())
    found = re.search(r"of the (\d+) pairs .* at most (\d+) can", caught.value.message)
    assert found is not None
    assert 6 <= int(found[2]) <= int(found[1])


def test_a_fallback_is_used_and_said() -> None:
    files = linked_files(400, 500, 0)
    result = link(files.left, files.right, Plan(fallback_threshold="0.95"))
    assert result.report.threshold_method == "fallback"
    assert result.report.precision is None
    assert "auto was not possible" in result.report.warnings[0]
    assert np.isnan(result.links.probability).all()


@pytest.mark.parametrize("sides", [(0, 50), (50, 0), (0, 0)])
def test_an_empty_side_has_no_links(sides: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    left, right = (encodings(filters(people(size, rng))) for size in sides)
    with pytest.raises(SeparationError):
        link(left, right, Plan())
    result = link(left, right, Plan(threshold="0.8"))
    assert len(result.links) == 0


def test_a_target_precision_is_met_or_refused() -> None:
    files = linked_files(1500, 2500, 600, seed=3)
    strict = link(files.left, files.right, Plan(target="precision:0.97"))
    assert strict.report.precision is not None
    assert strict.report.precision.value >= 0.97
    precision, _ = files.quality(strict.links.left_row, strict.links.right_row)
    assert precision > 0.95
    with pytest.raises(SeparationError) as caught:
        link(files.left, files.right, Plan(target="precision:1"))
    assert "precision:1" in caught.value.message


def test_a_link_by_any_row_is_a_link_of_the_entity() -> None:
    rng = np.random.default_rng(7)
    records = people(300, rng)
    names = [f"e{number}" for number in range(300)]
    other = people(300, rng)
    left = encodings(filters(np.concatenate([other, records])), names + names)
    right = encodings(filters(records[::-1]))
    result = link(left, right, Plan(threshold="0.99"))
    assert len(result.links) == 300
    assert sorted(result.links.left_row) == list(range(300, 600))
    for entity, row in zip(result.links.left_entity, result.links.right_row, strict=True):
        assert entity == f"e{299 - row}"


def test_cardinality_bounds_the_links_of_an_entity() -> None:
    records = people(100, np.random.default_rng(8))
    left = encodings(filters(records))
    right = encodings(filters(np.concatenate([records, records[:20]])))
    sizes = {}
    for cardinality in ("one-to-one", "one-to-many", "many-to-many"):
        plan = Plan(threshold="0.99", cardinality=cardinality)
        sizes[cardinality] = len(link(left, right, plan).links)
    assert sizes == {"one-to-one": 100, "one-to-many": 120, "many-to-many": 120}


def test_match_keys_make_links_of_their_own() -> None:
    rng = np.random.default_rng(9)
    keys = rng.integers(1, 255, (40, 16)).astype(np.uint8)
    left = encodings(filters(people(40, rng)), match_keys=(keys,))
    absent = np.where(np.arange(40)[:, None] < 30, keys, 0).astype(np.uint8)
    right = encodings(filters(people(40, rng)), match_keys=(absent,))
    plan = Plan(threshold="0.99", methods=("deterministic", "clk"))
    result = link(left, right, plan)
    assert sorted(result.links.left_row) == list(range(30))
    assert set(result.links.method) == {"deterministic"}
    table = {row.method: (row.accepted, row.links, row.alone) for row in result.report.methods}
    assert table == {"deterministic": (30, 30, 30), "clk": (0, 0, 0)}
    without = link(left, right, Plan(threshold="0.99"))
    assert len(without.links) == 0
    assert [row.used for row in without.report.methods] == [False, True]


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"schema_fingerprint": "other"}, SchemaError, "different linkage schemas"),
        ({"key_check": "fedcba9876543210"}, KeyFileError, "check values differ"),
        ({"match_keys": (np.ones((9, 16), np.uint8),)}, SchemaError, "match keys"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    change: dict[str, Any], error: type[Exception], text: str
) -> None:
    bits = filters(people(9, np.random.default_rng(1)))
    with pytest.raises(error, match=text):
        link(encodings(bits), encodings(bits, **change), Plan())


def test_filters_of_unlike_length_are_refused() -> None:
    bits = filters(people(9, np.random.default_rng(1)))
    with pytest.raises(SchemaError, match="1024 bits on the left, 512"):
        link(encodings(bits), encodings(bits[:, :64]), Plan())


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InputError, match="no engine"):
        link(FILES.left, FILES.right, Plan(engine="magic"))


def test_the_engines_agree_on_the_links(found: Linkage) -> None:
    other = link(FILES.left, FILES.right, Plan(), engine="sliced")
    assert np.array_equal(other.links.left_row, found.links.left_row)
    assert np.array_equal(other.links.probability, found.links.probability)
