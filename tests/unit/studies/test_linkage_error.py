"""The correction for linkage error: its formula, its inputs, and what it says without them."""

from typing import Any

import numpy as np
import pytest

from blindlink.analyst.estimate.presence import true_share
from blindlink.studies.probation_treatment.definitions import KnownPairs, Prior, Settings
from blindlink.studies.probation_treatment.linkage_error import (
    error_rates,
    true_share_of_firsts,
)
from worlds import simulated

NO_PRIORS = Settings(priors=())


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize(("p", "record"), [(0.4, 0.1), (0.0, 0.3), (0.9, 0.05), (0.2, 0.0)])
def test_the_formula_inverts_what_the_error_model_shows(
    p: float, record: float, exclusive: bool
) -> None:
    """``record``: those with a record that does not count, such as treatment long before."""
    s, f, q = 0.85, 0.06, 0.5
    missed, none = (1 - s) * (p + record), 1 - p - record
    if exclusive:
        linked = s * (p + record) + f * (missed + none)
        counted = s * p + f * q * (missed + none)
    else:
        linked = 1 - (1 - f) * (1 - s * (p + record))
        counted = s * p + (1 - s * p) * f * q
    found = true_share(np.array(counted), np.array(linked), np.array(q), f, s, exclusive=exclusive)
    assert found == pytest.approx(p)


def test_without_errors_nothing_is_corrected() -> None:
    found = true_share(np.array(0.389), np.array(0.5), np.array(0.6), 0.0, 1.0, exclusive=True)
    assert found == pytest.approx(0.389)


def test_control_records_give_f_and_the_report_times_the_priors_gives_s() -> None:
    info = {
        "controls": {"moj": {"linked": 20, "number": 1000}},
        "linkage_report": simulated.report(),
    }
    prior = Prior(name="consent", value=0.98, low=0.97, high=0.99, source="test")
    rates = error_rates(info, Settings(priors=(prior,), replicates=5000), seed=1)
    assert rates.false_link == pytest.approx(20.5 / 1001)
    assert rates.sensitivity == pytest.approx(0.95 * 0.98)
    assert rates.sensitivity_draws.mean() == pytest.approx(0.95 * 0.98, abs=1e-3)
    low, high = np.quantile(rates.false_link_draws, [0.025, 0.975])
    assert (low, high) == pytest.approx((0.0127, 0.0303), abs=1e-3)
    assert [loss.name for loss in rates.losses][1:] == ["consent"]
    assert rates.notes == ()
    assert rates.false_link < rates.false_link_maximum < 0.04


def test_records_without_identifiers_lower_s_by_their_counted_share() -> None:
    counts = {
        "left_comparable": 90,
        "left_entities": 100,
        "right_comparable": 50,
        "right_entities": 50,
    }
    info = {"linkage_report": simulated.report(counts=counts)}
    rates = error_rates(info, NO_PRIORS, seed=1)
    assert rates.sensitivity == pytest.approx(0.95 * 0.9)


def test_disagreement_of_controls_and_score_model_is_said_and_not_averaged() -> None:
    info = {
        "controls": {"moj": {"linked": 100, "number": 1000}},
        "linkage_report": simulated.report(),
    }
    rates = error_rates(info, NO_PRIORS, seed=1)
    assert rates.false_link == pytest.approx(0.1, abs=1e-3)
    assert any("disagree" in note for note in rates.notes)


def test_without_controls_the_score_model_is_used_and_said_to_be() -> None:
    rates = error_rates({"linkage_report": simulated.report()}, NO_PRIORS, seed=1)
    assert rates.false_link == pytest.approx(0.02)
    assert any("no control records" in note for note in rates.notes)


@pytest.mark.parametrize("report", [{}, None, {"sensitivity": {"value": 0.9, "low": None}}])
def test_nothing_known_gives_only_bounds(report: dict | None) -> None:
    rates = error_rates({"linkage_report": report}, Settings(), seed=1)
    assert np.isnan(rates.false_link)
    assert np.isnan(rates.sensitivity)
    assert rates.false_link_maximum == pytest.approx(0.999)
    assert len(rates.notes) == 2


def test_a_rate_without_any_doubt_is_drawn_as_it_is() -> None:
    sure = {"value": 1.0, "low": 1.0, "high": 1.0}
    info = {"linkage_report": simulated.report(sensitivity=sure)}
    assert (error_rates(info, NO_PRIORS, seed=1).sensitivity_draws == 1.0).all()


def test_the_same_seed_gives_the_same_draws() -> None:
    info = {"linkage_report": simulated.report()}
    one, other = (error_rates(info, Settings(), seed=5) for _ in range(2))
    assert np.array_equal(one.sensitivity_draws, other.sensitivity_draws)
    assert np.array_equal(one.false_link_draws, other.false_link_draws)


def test_the_formula_of_first_journeys_inverts_its_own_model() -> None:
    # Without a true record of their own, strangers change a count as they change engagement.
    p, s, f, q = 0.3, 0.9, 0.08, 0.6
    x = s * p
    seen = x + f * q * (1 - x)
    changed = q * (1 - seen)
    found = true_share_of_firsts(np.array(seen), np.array(changed), np.array(q), f, s)
    assert found == pytest.approx(p)


def test_known_pairs_measure_what_else_is_assumed() -> None:
    known = KnownPairs(
        found=150, number=200, source="NHS number", replaces=("comparable identifiers",)
    )
    info = {"linkage_report": simulated.report(), "controls": {}}
    rates = error_rates(info, Settings(known_pairs=known), 1)
    assert [(rate.name, rate.basis) for rate in rates.losses] == [
        ("true pairs found among those known", "measured"),
        ("consent", "assumed"),
    ]
    assert rates.measured
    assert rates.sensitivity == pytest.approx(150.5 / 201 * 0.98)
    assert rates.sensitivity_draws.std() == pytest.approx(np.sqrt(0.75 * 0.25 / 202), rel=0.15)
    assert "150 of 200 pairs known to be true: NHS number" in rates.given
    # The measurement does not need a linkage report.
    assert error_rates({}, Settings(known_pairs=known), 1).losses == rates.losses


@pytest.mark.parametrize(
    "options", [{"found": 3, "number": 2}, {"found": 1, "number": 2, "replaces": ("luck",)}]
)
def test_known_pairs_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="known_pairs"):
        Settings(known_pairs=KnownPairs(source="x", **options))
