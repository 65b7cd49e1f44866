"""Rates say what they rest on, and none that is assumed or bounded passes for a measurement."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import blindlink as bl
from blindlink.errors import InputError
from blindlink.messages.linkage_report import Counts, Estimate, LinkageReport


def test_counts_are_measured_with_jeffreys_interval() -> None:
    rate = bl.ErrorRates.from_controls(54, 2707).false_link
    assert rate is not None
    assert rate.basis == "measured"
    assert "54 of 2,707" in rate.source
    assert (rate.low, rate.high) == pytest.approx(stats.beta.interval(0.95, 54.5, 2653.5))


def test_none_of_few_still_has_doubt() -> None:
    rate = bl.ErrorRates.from_known_pairs(12, 12).sensitivity
    assert rate is not None
    assert rate.low < 0.85
    assert rate.high <= 1


def test_a_prior_is_assumed_and_draws_have_its_range() -> None:
    rates = bl.ErrorRates.from_prior(source="audit of 2024", sensitivity=(0.93, 0.88, 0.97))
    assert rates.sensitivity is not None
    assert rates.rests_on("sensitivity") == (
        "sensitivity: assumed: 0.93, 0.88 to 0.97 (audit of 2024)",
    )
    draws = rates.sensitivity.draw(100_000, np.random.default_rng(1))
    assert draws.mean() == pytest.approx(0.93, abs=0.001)
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx([0.88, 0.97], abs=0.012)


def test_delta_is_drawn_as_normal_log_odds() -> None:
    delta = bl.ErrorRates.from_prior(source="guess", delta=(0.0, -0.5, 0.5)).delta
    assert delta is not None
    draws = delta.draw(100_000, np.random.default_rng(1))
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx([-0.5, 0.5], abs=0.01)


def test_what_is_bounded_has_no_value() -> None:
    rate = bl.ErrorRates.from_bounds(source="nobody knows", sensitivity=(0.6, 1.0)).sensitivity
    assert rate is not None
    assert np.isnan(rate.value)
    assert np.isnan(rate.draw(3, np.random.default_rng(1))).all()
    assert rate.text() == "bounded: 0.6 to 1 (nobody knows)"


def test_what_is_on_the_right_wins_and_levels_inherit() -> None:
    base = bl.ErrorRates.from_controls(5, 100)
    both = base | bl.ErrorRates.from_known_pairs(90, 100)
    assert both.false_link == base.false_link
    regions = both.by("region", {"North": bl.ErrorRates.from_known_pairs(50, 100)})
    assert regions.of("North").false_link == base.false_link
    assert regions.of("South").sensitivity == both.sensitivity
    assert len(regions.rests_on("false_link", "sensitivity")) == 3
    assert "region North" in regions.rests_on("sensitivity")[1]


def test_unknown_and_independence_are_said() -> None:
    lines = bl.ErrorRates().rests_on("false_link", "delta")
    assert lines[0] == "false link: unknown"
    assert lines[1].startswith("delta: assumed: 0")
    assert "unknown" in repr(bl.ErrorRates())


def test_a_linkage_report_is_assumed_never_measured(tmp_path: Path) -> None:
    counts = dict.fromkeys(Counts.model_fields, 10)
    report = LinkageReport(
        threshold=0.8, threshold_method="auto", target="f1", cardinality="one-to-one",
        methods_used=("clk",), separated=True, counts=Counts(**counts),
        precision=Estimate(value=0.95, low=0.9, high=0.98),
        sensitivity=Estimate(value=0.97, low=0.89, high=1.0),
    )  # fmt: skip
    path = tmp_path / "report.json"
    path.write_bytes(report.to_json())
    for source in (report, path, str(path)):
        rates = bl.ErrorRates.from_report(source)
        assert rates.false_link is None
        for rate in (rates.precision, rates.sensitivity):
            assert rate is not None
            assert rate.basis == "assumed"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: bl.ErrorRates.from_prior(source=" ", sensitivity=(0.9, 0.8, 1)), "no source"),
        (lambda: bl.ErrorRates.from_bounds(source="", sensitivity=(0.9, 1)), "no source"),
        (lambda: bl.ErrorRates.from_prior(source="x", recall=(0.9, 0.8, 1)), "no rate is called"),
        (lambda: bl.ErrorRates.from_prior(source="x", sensitivity=(0.9, 0.95, 1)), "no rate with"),
        (lambda: bl.ErrorRates.from_prior(source="x", sensitivity=(0.97, 0, 1)), "too wide"),
        (lambda: bl.ErrorRates.from_bounds(source="x", sensitivity=(0.9, 1.1)), "no range"),
        (lambda: bl.ErrorRates.from_controls(5, 4), "no share"),
        (lambda: bl.ErrorRates.from_clerical(0, 0), "no share"),
        (lambda: bl.ErrorRates.from_report("nowhere.json"), "no linkage report"),
    ],
)
def test_what_is_no_rate_is_refused(make: object, says: str) -> None:
    assert callable(make)
    with pytest.raises(InputError, match=says):
        make()
