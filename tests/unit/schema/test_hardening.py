"""Hardenings: what each does to the bits."""

from typing import Any

import numpy as np
import pytest

from blindlink.schema.bit_matrix import by_position, by_record
from blindlink.schema.hardenings import Diffusion, hardening, permutation

KEY = bytes(range(32))


def bits(rows: int = 50, length: int = 64, share: float = 0.3) -> np.ndarray:
    return (np.random.default_rng(1).random((rows, length)) < share).astype(np.uint8)


def zeros(size: int) -> bytes:
    return bytes(size)


def apply(document: dict[str, Any], data: np.ndarray, key: bytes = KEY) -> np.ndarray:
    made = hardening(document)
    result = made.apply(data, key, zeros)
    assert result.shape == (len(data), made.output(data.shape[1]))
    assert set(np.unique(result)) <= {0, 1}
    return result


def test_a_permutation_is_one_and_depends_on_key_and_number() -> None:
    orders = [permutation(KEY, 100, 0), permutation(KEY, 100, 1), permutation(bytes(32), 100, 0)]
    assert all(sorted(order.tolist()) == list(range(100)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == 3


def test_permuting_keeps_every_similarity() -> None:
    data = bits()
    result = apply({"type": "permutation"}, data)
    assert np.array_equal(data.astype(int) @ data.T, result.astype(int) @ result.T)


def test_diffusion_is_the_xor_of_t_distinct_positions_each_used_t_times() -> None:
    data = bits()
    sources = Diffusion(type="diffusion", t=5).sources(KEY, 64)
    assert sources.shape == (64, 5)
    assert all(len(set(row)) == 5 for row in sources.tolist())
    assert np.array_equal(np.bincount(sources.ravel()), np.full(64, 5))
    expected = np.bitwise_xor.reduce(data[:, sources], axis=2)
    assert np.array_equal(apply({"type": "diffusion", "t": 5}, data), expected)


def test_diffusion_never_expands() -> None:
    with pytest.raises(ValueError, match="longer than the input"):
        hardening({"type": "diffusion", "t": 5, "bits": 128}).output(64)
    assert hardening({"type": "diffusion", "t": 5, "bits": 32}).output(64) == 32


def test_a_fold_is_the_xor_of_the_halves() -> None:
    data = bits()
    assert np.array_equal(apply({"type": "fold", "folds": 1}, data), data[:, :32] ^ data[:, 32:])
    with pytest.raises(ValueError, match="divisible"):
        hardening({"type": "fold", "folds": 7}).output(64)


def test_balancing_gives_every_filter_one_weight() -> None:
    assert set(apply({"type": "balance"}, bits()).sum(axis=1).tolist()) == {64}


def test_blip_flips_half_of_what_it_draws_anew() -> None:
    made = hardening({"type": "blip", "perMille": 200})
    data = bits(400, 512)
    result = made.apply(data, KEY, np.random.default_rng(2).bytes)
    assert abs((data != result).mean() - 0.1) < 0.005
    assert made.type == "blip"
    assert made.epsilon == pytest.approx(np.log(9))
    # Fresh for each record: the same record twice does not come out the same.
    same = np.repeat(data[:1], 2, axis=0)
    first, second = made.apply(same, KEY, np.random.default_rng(2).bytes)
    assert (first != second).any()


@pytest.mark.parametrize(
    "document",
    [{}, {"type": "magic"}, {"type": "diffusion"}, {"type": "diffusion", "t": 1}, {"type": "blip"}],
)
def test_a_wrong_hardening_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        hardening(document)


@pytest.mark.parametrize(("records", "length"), [(1, 1), (7, 9), (8, 16), (130, 65), (0, 8)])
def test_a_bit_matrix_is_turned_and_turned_back(records: int, length: int) -> None:
    data = bits(records, length)
    columns = by_position(data)
    assert columns.shape == (length, -(-records // 8))
    plain = np.unpackbits(columns, axis=1, count=records, bitorder="little")
    assert np.array_equal(plain, data.T)
    assert np.array_equal(by_record(columns, records), data)
