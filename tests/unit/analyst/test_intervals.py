"""Shares, rates and bootstrap with people as clusters."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from blindlink.analyst.estimate.intervals import Bootstrap, cluster_mean, rate, shares, wilson


def test_wilson_is_the_textbook_interval() -> None:
    for part, whole in ((0, 10), (3, 10), (10, 10), (389, 1000)):
        low, high = wilson(np.array([float(part)]), np.array([float(whole)]))
        expected = proportion_confint(part, whole, method="wilson")
        assert (low[0], high[0]) == pytest.approx(expected, abs=1e-6)


def test_people_with_one_sentence_each_give_almost_plain_wilson() -> None:
    flag = np.arange(200) < 60
    one = shares(np.zeros(200, dtype=int), np.arange(200), flag, 1).iloc[0]
    plain = proportion_confint(60, 200, method="wilson")
    # The variance estimator's m / (m - 1) is all that differs.
    assert one["size"] == pytest.approx(199)
    assert (one["low"], one["high"]) == pytest.approx(plain, abs=1e-3)


def test_sentences_of_one_person_that_always_agree_count_as_one() -> None:
    person = np.repeat(np.arange(100), 3)
    flag = person < 30
    one = shares(np.zeros(300, dtype=int), person, flag, 1).iloc[0]
    assert one["share"] == pytest.approx(0.3)
    assert one["persons"] == 100
    assert one["size"] == pytest.approx(99)


def test_a_design_effect_below_one_is_not_believed() -> None:
    person = np.repeat(np.arange(50), 2)
    flag = np.tile([True, False], 50)
    assert shares(np.zeros(100, dtype=int), person, flag, 1)["size"][0] == 100


def test_shares_of_nought_and_one_rest_on_the_number_of_persons() -> None:
    person = np.repeat(np.arange(10), 4)
    for flag in (np.zeros(40, dtype=bool), np.ones(40, dtype=bool)):
        assert shares(np.zeros(40, dtype=int), person, flag, 1)["size"][0] == pytest.approx(10)


def test_groups_without_rows_have_no_share_and_rows_without_group_do_not_count() -> None:
    found = shares(np.array([0, 0, 2, -1]), np.arange(4), np.array([True, False, True, True]), 3)
    assert found["whole"].tolist() == [2, 0, 1]
    assert found["part"].tolist() == [1, 0, 1]
    assert np.isnan(found.loc[1, ["share", "low", "high"]].to_numpy(dtype=float)).all()


def test_no_rows_at_all() -> None:
    nothing = np.empty(0, dtype=int)
    assert np.isnan(shares(nothing, nothing, nothing.astype(bool), 1)["share"][0])


def test_rate_is_the_exact_poisson_interval() -> None:
    low, high = rate(10, 1000.0)
    assert low == pytest.approx(4.795389 / 1000, rel=1e-5)
    assert high == pytest.approx(18.390356 / 1000, rel=1e-5)
    assert rate(0, 100.0)[0] == 0
    assert rate(0, 100.0)[1] == pytest.approx(-np.log(0.025) / 100)
    assert np.isnan(rate(1, 0.0)).all()


def test_cluster_mean_of_singletons_is_students_interval() -> None:
    values = np.array([1.0, 4.0, 2.0, 8.0])
    mean, low, high = cluster_mean(values, np.arange(4))
    expected = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert (low, high) == pytest.approx(expected)
    assert mean == 3.75
    assert np.isnan(cluster_mean(values[:1], np.arange(1))[1:]).all()


def test_bootstrap_totals_are_the_sums_over_the_people_drawn() -> None:
    bootstrap = Bootstrap.draw(5, 7, seed=1)
    person = np.array([0, 1, 1, 4])
    key = np.array([0, 0, 1, 1])
    value = np.array([1.0, 2.0, 4.0, 8.0])
    found = bootstrap.totals(person, key, value, 3)
    drawn = bootstrap.counts.astype(float)
    assert (bootstrap.counts.sum(axis=0) == 5).all()
    expected = np.column_stack([drawn[0] + 2 * drawn[1], 4 * drawn[1] + 8 * drawn[4], 0 * drawn[0]])
    assert np.array_equal(found, expected)


def test_the_bootstrap_has_the_clustered_standard_error() -> None:
    generator = np.random.Generator(np.random.PCG64(3))
    person = np.repeat(np.arange(400), 3)
    flag = (generator.random(400) < 0.4)[person] ^ (generator.random(1200) < 0.1)
    one = shares(np.zeros(1200, dtype=int), person, flag, 1).iloc[0]
    bootstrap = Bootstrap.draw(400, 2000, seed=1)
    draws = bootstrap.totals(person, np.zeros(1200, dtype=int), flag.astype(float), 1)[:, 0] / 1200
    error = np.sqrt(one["share"] * (1 - one["share"]) / one["size"])
    assert draws.std() == pytest.approx(error, rel=0.06)
