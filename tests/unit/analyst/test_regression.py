"""The models against well-kept implementations and against truths that were simulated."""

import numpy as np
import pytest
import statsmodels.api as sm

from blindlink.analyst.estimate.regression import (
    conditional,
    independent_columns,
    misclassified,
    pool,
    population_averaged,
)


def _study(size: int, seed: int, spread: float = 0.0, regions: int = 9) -> tuple:
    generator = np.random.Generator(np.random.PCG64(seed))
    person = generator.integers(0, size // 2, size)
    X = np.column_stack([np.ones(size), generator.normal(size=size), generator.random(size) < 0.3])
    region = generator.integers(0, regions, size)
    beta = np.array([-0.4, 0.5, -0.6])
    eta = X @ beta + generator.normal(0, spread, regions)[region]
    y = (generator.random(size) < 1 / (1 + np.exp(-eta))).astype(float)
    return X, y, person, region, beta


def test_population_averaged_is_gee_with_independence() -> None:
    X, y, person, _, _ = _study(600, 1)
    ours = population_averaged(X, y, person)
    order = np.argsort(person, kind="stable")
    theirs = sm.GEE(
        y[order], X[order], groups=person[order], family=sm.families.Binomial(),
        cov_struct=sm.cov_struct.Independence(),
    ).fit(ctol=1e-10)  # fmt: skip
    assert ours is not None
    assert ours.beta == pytest.approx(theirs.params, abs=1e-6)
    errors = np.sqrt(np.diag(ours.covariance))
    # GLM applies the small-sample factor of clustered covariances, GEE does not.
    assert errors == pytest.approx(theirs.bse, rel=0.01)


def test_conditional_without_any_difference_of_regions_is_plain_logistic() -> None:
    X, y, _, region, _ = _study(3000, 2)
    fit = conditional(X, y, region)
    plain = sm.GLM(y, X, family=sm.families.Binomial()).fit()
    assert fit is not None
    assert fit.beta == pytest.approx(plain.params, abs=0.02)
    assert fit.freedom == 8


def test_conditional_finds_the_spread_of_regions_and_the_coefficients() -> None:
    X, y, _, region, beta = _study(40_000, 3, spread=0.5, regions=60)
    fit = conditional(X, y, region)
    assert fit is not None
    assert fit.deviation == pytest.approx(0.5, abs=0.12)
    low, high = fit.interval(0.999)
    assert ((low < beta) & (beta < high))[1:].all()


def test_too_few_regions_have_no_model() -> None:
    X, y, _, region, _ = _study(300, 4, regions=2)
    assert conditional(X, y, region) is None


def test_misclassified_recovers_what_the_naive_model_dilutes() -> None:
    X, y, person, _, beta = _study(60_000, 5)
    generator = np.random.Generator(np.random.PCG64(6))
    seen = np.where(y == 1, generator.random(len(y)) < 0.8, generator.random(len(y)) < 0.05)
    fit = misclassified(X, seen.astype(float), person, 0.8, 0.05)
    naive = population_averaged(X, seen.astype(float), person)
    assert fit is not None
    assert naive is not None
    low, high = fit.interval(0.999)
    assert ((low < beta) & (beta < high)).all()
    assert abs(naive.beta[1]) < abs(beta[1]) - 0.05


def test_misclassified_without_errors_is_the_naive_model() -> None:
    X, y, person, _, _ = _study(800, 7)
    fit, naive = misclassified(X, y, person, 1.0, 0.0), population_averaged(X, y, person)
    assert fit is not None
    assert naive is not None
    assert fit.beta == pytest.approx(naive.beta, abs=1e-5)
    assert np.diag(fit.covariance) == pytest.approx(np.diag(naive.covariance), rel=0.01)


def test_a_separated_level_is_not_an_estimate() -> None:
    X, y, person, _, _ = _study(400, 8)
    X = np.column_stack([X, y])
    fit = population_averaged(X, y, person)
    assert fit is None or not fit.usable.all()


def test_columns_that_follow_from_others_are_found() -> None:
    X = np.column_stack([np.ones(5), np.arange(5.0), 2 * np.arange(5.0) + 1, np.zeros(5)])
    assert independent_columns(X).tolist() == [True, True, False, False]
    assert independent_columns(X[:1]).tolist()[:1] == [True]


def test_pooling_adds_the_variance_between_fits() -> None:
    X, y, person, _, _ = _study(500, 9)
    one = population_averaged(X, y, person)
    assert one is not None
    same = pool([one, one, one])
    assert same.beta == pytest.approx(one.beta)
    assert same.covariance == pytest.approx(one.covariance)
    other = population_averaged(X, np.roll(y, 1), person)
    assert other is not None
    both = pool([one, other])
    between = np.var([one.beta, other.beta], axis=0, ddof=1)
    expected = np.diag(one.covariance + other.covariance) / 2 + 1.5 * between
    assert np.diag(both.covariance) == pytest.approx(expected)
