"""Shares across links: the closed form, what rests on what, tipping points, and coverage."""

import numpy as np
import pandas as pd
import pytest

import blindlink as bl
from worlds.linked_pairs import Made, presence

KNOWN = bl.ErrorRates.from_prior(source="given", false_link=(0.05,) * 3, sensitivity=(0.8,) * 3)
MEASURED = bl.ErrorRates.from_controls(60, 1000) | bl.ErrorRates.from_known_pairs(850, 1000)


def linked(made: Made) -> bl.LinkedData:
    return bl.LinkedData(made.left, made.right, made.links)


def plain(counted: int, linked_rows: int, rows: int) -> bl.LinkedData:
    """So many of the rows linked, so many of these counted, one-to-one; as many free records."""
    left = pd.DataFrame({"row": range(rows)})
    yes = [n < counted for n in range(linked_rows)] + [n % 2 == 0 for n in range(rows)]
    links = pd.DataFrame({"left": range(linked_rows), "right": range(linked_rows)})
    return bl.LinkedData(left, pd.DataFrame({"yes": yes}), links)


def test_corrected_is_the_closed_form() -> None:
    row = bl.share(plain(300, 400, 1000), "yes", rates=KNOWN).to_pandas().iloc[0]
    # (a - q f (1 - L) / (1 - f)) / s with a = .3, q = .5, L = .4
    assert row["corrected"] == pytest.approx((0.3 - 0.5 * 0.05 * 0.6 / 0.95) / 0.8)
    assert row["corrected_low"] < row["corrected"] < row["corrected_high"]


def test_delta_moves_the_log_odds_of_being_found() -> None:
    delta = bl.ErrorRates.from_prior(source="given", delta=(np.log(2),) * 3)
    row = bl.share(plain(300, 400, 1000), "yes", rates=KNOWN | delta).to_pandas().iloc[0]
    seen = 2 * 0.8 / (0.2 + 2 * 0.8)
    assert row["corrected"] == pytest.approx((0.3 - 0.5 * 0.05 * 0.6 / 0.95) / seen)


def test_with_rates_by_level_each_is_corrected_by_its_own() -> None:
    made = presence(1, found=(0.6, 0.9))
    own = {
        sex: bl.ErrorRates.from_prior(source="given", sensitivity=(s,) * 3)
        for sex, s in (("F", 0.6), ("M", 0.9))
    }
    by_sex = bl.share(linked(made), "engaged", by="sex", rates=KNOWN.by("sex", own)).to_pandas()
    each = {
        sex: bl.share(linked(made), "engaged", by="sex", rates=KNOWN | own[sex]).to_pandas()
        for sex in ("F", "M")
    }
    for sex, table in each.items():
        mine = table[table["level"] == sex]["corrected"].item()
        assert by_sex[by_sex["level"] == sex]["corrected"].item() == pytest.approx(mine)
    rows = by_sex.set_index("level")
    mean = (rows["corrected"] * rows["rows"])[["F", "M"]].sum() / rows["rows"]["all"]
    assert rows["corrected"]["all"] == pytest.approx(mean)


def test_what_is_unknown_has_bounds_only_and_says_so() -> None:
    found = bl.share(plain(300, 400, 1000), "yes")
    row = found.to_pandas().iloc[0]
    assert np.isnan(row["corrected"])
    assert (row["bound_low"], row["bound_high"]) == (0, 1)
    assert found.rests_on[:2] == ("false link: unknown", "sensitivity: unknown")
    assert "only bounds" in found.text()


def test_bounds_let_rates_go_to_their_ends() -> None:
    bounded = bl.ErrorRates.from_bounds(source="x", false_link=(0, 0.1), sensitivity=(0.6, 1))
    row = bl.share(plain(300, 400, 1000), "yes", rates=bounded).to_pandas().iloc[0]
    assert np.isnan(row["corrected"])
    assert row["bound_high"] == pytest.approx(0.3 / 0.6, abs=0.05)
    assert row["bound_high"] > 0.3 / 0.6
    assert row["bound_low"] < 0.3 - 0.5 * 0.1 * 0.6 / 0.9


@pytest.mark.parametrize("counted", [0, 200])
def test_where_nobody_or_everybody_counts_the_interval_is_not_a_point(counted: int) -> None:
    row = bl.share(plain(counted, 200, 200), "yes", rates=MEASURED).to_pandas().iloc[0]
    assert row["corrected_high"] - row["corrected_low"] > 0.005


def test_many_links_of_one_row_use_the_other_estimator() -> None:
    left, yes = pd.DataFrame({"row": range(500)}), [n < 200 for n in range(400)]
    pairs = [(n, n) for n in range(400)] + [(0, 1)]
    links = pd.DataFrame(pairs, columns=["left", "right"])
    right = pd.DataFrame({"yes": [*yes, *[True, False] * 200]})
    row = bl.share(bl.LinkedData(left, right, links), "yes", rates=KNOWN).to_pandas().iloc[0]
    assert row["corrected"] == pytest.approx((0.4 - 0.5 * 0.05) / (0.8 * (1 - 0.5 * 0.05)))


def test_a_tipping_point_ends_the_difference() -> None:
    """Rates that are different by the tipping point: the interval of the ratio touches 1."""
    made = presence(3, rows=4000)
    table = bl.share(linked(made), "engaged", by="sex", rates=MEASURED).to_pandas()
    tip = table.set_index("level")["tipping"]["F"]
    assert -0.5 < tip < 0
    worse = {"F": bl.ErrorRates.from_prior(source="x", sensitivity=(0.85 * (1 + tip),) * 3)}
    fixed = MEASURED | bl.ErrorRates.from_prior(source="x", sensitivity=(0.85,) * 3)
    again = bl.share(linked(made), "engaged", by="sex", rates=fixed.by("sex", worse)).to_pandas()
    row = again.set_index("level").loc["F"]
    assert min(abs(row["difference_low"]), abs(row["difference_high"])) < 0.01


def test_the_whole_can_be_compared_with_a_share_from_elsewhere() -> None:
    table = bl.share(plain(300, 400, 1000), "yes", rates=KNOWN, against=0.5).to_pandas()
    row = table.iloc[0]
    assert row["difference"] == pytest.approx(row["corrected"] - 0.5)
    assert row["tipping"] == pytest.approx(row["corrected_high"] / 0.5 - 1, abs=1e-9)


def covered(seeds: int, found: tuple[float, float], rates: bl.ErrorRates, sex: str) -> float:
    """How often the interval of a sex holds its true share."""
    inside = 0
    for seed in range(seeds):
        made = presence(seed, rows=800, found=found)
        table = bl.share(linked(made), "engaged", by="sex", rates=rates, replicates=200)
        row = table.to_pandas().set_index("level").loc[sex]
        ages = np.random.default_rng(0).normal(size=10_000)
        eta = made.truth[0] + made.truth[1] * (sex == "M") + made.truth[2] * ages
        truth = (1 / (1 + np.exp(-eta))).mean()
        inside += row["corrected_low"] <= truth <= row["corrected_high"]
    return inside / seeds


def test_coverage_where_the_assumption_holds_and_where_not() -> None:
    """The long version is benchmarks/linked_coverage.py. Women found .60 where .85 is believed."""
    assert covered(12, (0.85, 0.85), MEASURED, "F") >= 0.75
    assert covered(12, (0.6, 0.85), MEASURED, "F") <= 0.3
    own = MEASURED.by("sex", {"F": bl.ErrorRates.from_known_pairs(60, 100)})
    assert covered(12, (0.6, 0.85), own, "F") >= 0.75
