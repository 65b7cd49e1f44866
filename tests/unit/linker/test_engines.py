"""All engines give the reference's pairs, scores and order; and what the engines' rules say."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from blindlink.arrays import Bytes
from blindlink.errors import InputError, MissingExtraError
from blindlink.linker.join import engines, lane_sharing, schedule, slabs
from blindlink.linker.join.engines import Engine
from blindlink.linker.join.engines.reference import engine as reference
from blindlink.linker.join.measures import MEASURES
from blindlink.linker.join.pairs import Join, Pairs, best, concatenated, ordered
from blindlink.schema.limits import MAX_FILTER_BITS
from needs import asking

# Those that start another program have a folder of tests of their own (tests/spark).
NAMES = [name for name in engines.available() if engines.load(name).in_process]
EXACT = [name for name in NAMES if engines.load(name).exact]
ENGINES = asking(NAMES)


def random_filters(seed: int, rows: int, bits: int, fill: float) -> Bytes:
    """Bytes whose positions differ in how often they are set, padded with zero bits."""
    rng = np.random.default_rng(seed)
    chance = np.clip(rng.normal(fill, fill / 4, bits), 0, 1)
    return np.packbits(rng.random((rows, bits)) < chance, axis=1)


def two_sides(
    bits: int, fill: float = 0.3, rows: tuple[int, int] = (60, 600)
) -> tuple[Bytes, Bytes]:
    """Two files that share records, some altered, some repeated, some empty."""
    left, right = random_filters(1, rows[0], bits, fill), random_filters(2, rows[1], bits, fill)
    shared = min(20, rows[0], rows[1] // 2)
    right[:shared] = left[:shared]
    right[shared : 2 * shared] = left[:shared]
    right[shared : 2 * shared, 0] ^= 1
    left[-1:], right[-2:] = 0, 0
    return left, right


def assert_same(found: Pairs, expected: Pairs) -> None:
    np.testing.assert_array_equal(found.left, expected.left)
    np.testing.assert_array_equal(found.right, expected.right)
    np.testing.assert_array_equal(found.score, expected.score)


def test_engines_are_listed_by_file_name() -> None:
    assert {"anonlink", "reference", "sliced"} <= set(engines.names())
    assert {"reference", "sliced"} <= set(engines.available())


def test_unknown_engine_is_refused() -> None:
    with pytest.raises(InputError, match="no engine 'quantum'"):
        engines.load("quantum")


def test_choice_depends_on_size_and_says_why() -> None:
    assert engines.choose(100, 100, 1024) == ("reference", "100 x 100 filters are few")
    assert engines.choose(40_000, 1_000_000, 1024)[0] == "sliced"


def test_choice_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    name, why = engines.choose(40_000, 1_000_000, 1024)
    assert name == "reference"
    assert "blindlink[linker]" in why


def test_an_engine_without_its_library_is_not_available(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> None:
        if name == "sliced":
            raise MissingExtraError("numba", "linker")

    monkeypatch.setattr(engines, "load", load)
    assert "sliced" not in engines.available()


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.75, 0.95, 1.0])
@pytest.mark.parametrize("bits", [8, 40, 64, 72, 1000, 1024])
def test_equals_the_reference(engine: str, bits: int, threshold: float) -> None:
    left, right = two_sides(bits)
    expected = reference.pairs(left, right, threshold)
    assert_same(engines.load(engine).pairs(left, right, threshold), expected)


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize(
    ("bits", "fill", "threshold"),
    [(4096, 0.05, 0.15), (4096, 0.5, 0.52), (16_384, 0.5, 0.5), (16_384, 0.02, 0.05)],
)
def test_long_filters_equal_the_reference(
    engine: str, bits: int, fill: float, threshold: float
) -> None:
    left, right = two_sides(bits, fill, rows=(20, 300))
    expected = reference.pairs(left, right, threshold)
    assert len(expected) > 20
    assert_same(engines.load(engine).pairs(left, right, threshold), expected)


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("bits", [MAX_FILTER_BITS - 64, MAX_FILTER_BITS])
def test_the_longest_filters_equal_the_reference(engine: str, bits: int) -> None:
    """Up to a filter with every bit set, which misses and shares as many bits as can be."""
    rng = np.random.default_rng(9)
    shares = np.r_[0.3, 0.9, np.linspace(0, 1, 28)]
    left, right = (np.packbits(rng.random((30, bits)) < shares[:, None], axis=1) for _ in range(2))
    right[:5] = left[3:8]
    for threshold in (0.05, 0.6, 1.0):
        expected = reference.pairs(left, right, threshold)
        assert len(expected) > 4
        assert_same(engines.load(engine).pairs(left, right, threshold), expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_filter_longer_than_a_schema_allows_is_refused(engine: str) -> None:
    filters = np.zeros((2, MAX_FILTER_BITS // 8 + 8), np.uint8)
    with pytest.raises(InputError, match=f"8 to {MAX_FILTER_BITS} bits"):
        engines.load(engine).pairs(filters, filters, 0.5)


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("measure", sorted(MEASURES))
@pytest.mark.parametrize("top", [None, 1, 3])
def test_measures_and_top_equal_the_reference(engine: str, measure: str, top: int | None) -> None:
    left, right = two_sides(100)
    for threshold in (0.0, 0.4, 0.8, 1.0):
        options: dict[str, Any] = {"top": top, "measure": measure, "bits": 100}
        expected = reference.pairs(left, right, threshold, **options)
        assert_same(engines.load(engine).pairs(left, right, threshold, **options), expected)


@pytest.mark.parametrize("engine", EXACT)
@pytest.mark.parametrize("rows", [(0, 5), (5, 0), (0, 0), (1, 1), (1, 2000), (2000, 1), (3, 257)])
def test_unequal_sizes(engine: str, rows: tuple[int, int]) -> None:
    left, right = two_sides(64, rows=rows)
    for top in (None, 2):
        expected = reference.pairs(left, right, 0.4, top=top)
        assert_same(engines.load(engine).pairs(left, right, 0.4, top=top), expected)


@pytest.mark.parametrize("engine", EXACT)
def test_duplicates_everywhere(engine: str) -> None:
    rows = random_filters(3, 4, 64, 0.4)
    left, right = rows[np.arange(300) % 4], rows[np.arange(700) % 4]
    assert_same(engines.load(engine).pairs(left, right, 0.9), reference.pairs(left, right, 0.9))
    first = engines.load(engine).pairs(left, right, 0.9, top=5)
    assert_same(first, reference.pairs(left, right, 0.9, top=5))


@pytest.mark.parametrize("engine", EXACT)
def test_read_only_and_unaligned_filters(engine: str) -> None:
    left, right = two_sides(64)
    raw = np.zeros(left.size + 1, np.uint8)
    shifted = raw[1:].reshape(left.shape)
    shifted[:] = left
    shifted.flags.writeable = False
    expected = reference.pairs(left, right, 0.5)
    assert_same(engines.load(engine).pairs(shifted, right, 0.5), expected)
    wide = np.ascontiguousarray(np.c_[left, left])
    assert_same(engines.load(engine).pairs(wide[:, : left.shape[1]], right, 0.5), expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_progress_ends_at_the_total(engine: str) -> None:
    seen: list[tuple[int, int]] = []
    left, right = two_sides(64)
    engines.load(engine).pairs(
        left, right, 0.5, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == sorted(seen)
    assert seen[-1] == (len(left), len(left))


def test_slabs_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    sliced = engines.load("sliced")
    left, right = two_sides(64, rows=(50, 1500))
    monkeypatch.setattr(slabs, "SLAB_BYTES", 1)
    monkeypatch.setattr(schedule, "WORK", 10_000)
    monkeypatch.setattr(schedule, "ROOM", 3)
    monkeypatch.setattr(schedule, "TILE", 7)
    for top in (None, 2):
        expected = reference.pairs(left, right, 0.3, top=top)
        assert_same(sliced.pairs(left, right, 0.3, top=top), expected)


@pytest.mark.parametrize("group", [2, 4, 8])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6, 0.9])
def test_groups_do_not_change_the_result(
    monkeypatch: pytest.MonkeyPatch, group: int, threshold: float
) -> None:
    sliced = engines.load("sliced")
    left, right = two_sides(128, rows=(30, 2100))
    monkeypatch.setattr(lane_sharing, "choose", lambda *inputs: group)
    for top in (None, 2):
        expected = reference.pairs(left, right, threshold, top=top)
        assert_same(sliced.pairs(left, right, threshold, top=top), expected)
    expected = reference.within(right, 0.8)
    assert_same(sliced.within(right, 0.8), expected)


def test_records_share_a_lane_where_the_threshold_allows_it() -> None:
    sparse, dense = random_filters(1, 4096, 1024, 0.3), random_filters(2, 4096, 1024, 0.5)
    assert group_size(sparse, 0.5) == 1
    assert group_size(sparse, 0.8) == 2
    assert group_size(sparse, 0.98) >= 2
    assert group_size(sparse[:100], 0.95) == 1
    assert group_size(dense, 0.55) == 1


def group_size(filters: Bytes, threshold: float) -> int:
    fixed = slabs.fixed(filters)
    share, bits = slabs.frequency(fixed), 8 * filters.shape[1]
    return lane_sharing.choose(fixed, fixed, share, MEASURES["dice"], threshold, bits)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("top", [None, 2])
def test_pairs_within_one_file(engine: str, top: int | None) -> None:
    _, filters = two_sides(64)
    both = reference.pairs(filters, filters, 0.6)
    expected = best(both.take(both.left < both.right), top)
    assert_same(engines.load(engine).within(filters, 0.6, top=top), expected)


@pytest.mark.parametrize("top", [None, 2])
def test_pairs_within_one_file_of_many_slabs(
    monkeypatch: pytest.MonkeyPatch, top: int | None
) -> None:
    _, filters = two_sides(40, rows=(1, 1300))
    sliced = engines.load("sliced")
    monkeypatch.setattr(slabs, "SLAB_BYTES", 1)
    expected = reference.within(filters, 0.7, top=top)
    assert_same(sliced.within(filters, 0.7, top=top), expected)


def test_more_than_two_to_the_32_pairs() -> None:
    """Every left row has one partner, in an order of its own: 4,900,000,000 comparisons."""
    count = 70_000
    numbers = np.random.default_rng(5).permutation(2**40 // 2**20)[:count].astype(np.uint64)
    left = (numbers * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1)).view(np.uint8).reshape(-1, 8)
    moved = np.random.default_rng(6).permutation(count)
    found = engines.load("sliced").pairs(left, left[moved], 1.0)
    assert found.left.tolist() == list(range(count))
    assert np.array_equal(moved[found.right], np.arange(count))


def test_threads_are_limited_by_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLINDLINK_THREADS", "3")
    assert schedule.cores() == 3
    monkeypatch.setenv("BLINDLINK_THREADS", "many")
    with pytest.raises(InputError, match="BLINDLINK_THREADS"):
        schedule.cores()


def test_pieces_are_for_all_workers() -> None:
    """Also for one left record against many, and for many against one block."""
    for rows in ((1, 40_000), (40_000, 1), (3000, 3000)):
        left, right = (slabs.fixed(random_filters(n, n, 64, 0.3)) for n in rows)
        with ThreadPoolExecutor(1) as pool:
            slab = slabs.slab(pool, right, np.arange(64), 1, 0)
        size, blocks = schedule.sizes(left, slab, 4)
        assert -(-len(left) // size) * -(-len(slab.low) // blocks) >= 16


class Endless(Engine):
    """An engine that brings the one required method, and would never end."""

    given = 0

    def batches(self, join: Join) -> Iterator[Pairs]:
        while True:
            self.given += 1
            yield Pairs(np.array([0]), np.array([self.given]), np.array([1.0]))


def test_whatever_an_engine_gives_is_bounded() -> None:
    engine = Endless()
    with pytest.raises(InputError, match="more than 7 pairs"):
        engine.bounded(Join(*two_sides(64), 0.4), limit=7)
    assert engine.given == 8


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_is_bounded(engine: str) -> None:
    same = np.repeat(random_filters(3, 1, 64, 0.4), 300, axis=0)
    join = Join(same, same, 0.9)
    assert len(engines.load(engine).bounded(join, limit=90_000)) == 90_000
    for most in (89_999, 1000):
        with pytest.raises(InputError, match=f"more than {most:,} pairs"):
            engines.load(engine).bounded(join, limit=most)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("top", [None, 2])
def test_parts_are_the_pairs(engine: str, top: int | None) -> None:
    left, right = two_sides(64)
    for other in (right, None):
        join = Join(left, other, 0.4, top=top)
        parts = concatenated(list(engines.load(engine).parts(join)))
        assert_same(ordered(parts), reference.join(join))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_measure_that_an_engine_does_not_know_is_refused(engine: str) -> None:
    known = engines.load(engine).measures
    assert "dice" in known
    for measure in set(MEASURES) - known:
        with pytest.raises(InputError, match=f"the engine '{engine}' knows"):
            engines.load(engine).pairs(*two_sides(64), 0.5, measure=measure)


def test_leaving_early_stops_the_threads() -> None:
    sliced = engines.load("sliced")
    left, right = two_sides(1024, rows=(3000, 20_000))
    before = threading.active_count()
    start = time.monotonic()
    parts = sliced.batches(Join(left, right, 0.2))
    next(parts)
    parts.close()
    assert time.monotonic() - start < 5
    assert threading.active_count() == before


def test_control_c_stops_within_a_second_of_work() -> None:
    """Counted in processor time, so that other work on the machine does not matter."""
    rng = np.random.default_rng(0)
    left, right = (rng.integers(0, 256, (rows, 2048)).astype(np.uint8) for rows in (2000, 8000))
    pressed: list[float] = []

    def press(done: int, total: int) -> None:
        if not pressed:
            pressed.append(time.process_time())
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        engines.load("sliced").pairs(left, right, 0.51, progress=press)
    assert time.process_time() - pressed[0] < 0.5 + (os.cpu_count() or 1)


def test_control_c_does_not_wait_for_the_final_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    sliced, begun = engines.load("sliced"), threading.Event()

    def long_sort(pairs: Pairs) -> Pairs:
        begun.set()
        time.sleep(60)
        return pairs

    def press() -> None:
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(engines, "ordered", long_sort)
    threading.Thread(target=press).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        sliced.pairs(*two_sides(64), 0.5)
    assert time.monotonic() - start < 10


def test_an_interrupt_ends_the_join_and_its_threads() -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    left, right = two_sides(1024, rows=(500, 5000))
    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        engines.load("sliced").pairs(left, right, 0.8, progress=interrupt)
    assert threading.active_count() == before


def test_the_kernel_keeps_to_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLINDLINK_THREADS", "1")
    assert schedule.cores() == 1
