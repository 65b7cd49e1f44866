"""Figures: whole people, steps of curves, and that a figure is text, named, and reproducible."""

import numpy as np
import pytest

from blindlink.analyst.disclosure.curves import coarsen, steps
from blindlink.analyst.disclosure.gate import release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.pages.figures.people import whole_people
from blindlink.pages.figures.waterfall import waterfall
from blindlink.studies.probation_treatment.figures import charts
from blindlink.studies.probation_treatment.figures.flow import flow_diagram
from blindlink.studies.probation_treatment.figures.headline import headline
from sample_tables import corrected, curves, study


@pytest.fixture(scope="module")
def tables():
    safe, _ = release(study(), Policy())
    return {table.id: table for table in safe}


def test_whole_people_add_up_and_small_shares_are_not_doubled():
    assert whole_people([37.4, 35.3, 25.9, 1.4]) == [38, 35, 26, 1]
    assert whole_people([33.3, 33.3, 33.3]) == [34, 33, 33]
    assert whole_people([]) == []


def test_steps_of_a_curve_are_at_least_the_threshold():
    units = np.array([0, 1, 3, 5, 6, 9, 12, 12], dtype=float)
    assert units[steps(units, 5)].tolist() == [3, 3, 3, 5, 5, 5, 12, 12]


def test_a_zero_that_stays_zero_is_shown():
    assert np.zeros(5)[steps(np.zeros(5), 5)].tolist() == [0] * 5


def test_a_small_start_is_left_as_soon_as_the_count_is_large_enough():
    units = np.array([3, 4, 5, 20], dtype=float)
    assert units[steps(units, 5)].tolist() == [3, 3, 5, 20]


def test_figures_based_on_a_count_keep_its_steps():
    coarse = coarsen(curves(), 5).frame
    deaths = coarse[(coarse["requirement"] == "ATR") & (coarse["event"] == "died before entry")]
    assert deaths["events"].tolist() == [4] * 5 + [5] * 5 + [10] * 2
    assert (deaths["incidence"] == deaths["events"] / 10).all()


def test_short_tables_of_days_are_no_curves():
    one = corrected()
    assert coarsen(one, 5) is one


@pytest.mark.parametrize(
    "draw",
    [charts.discharge, charts.pathway, charts.substances, charts.entry, charts.status],
)
def test_a_chart_is_text_with_a_name_and_the_same_again(tables, draw):
    one, two = draw(tables), draw(tables)
    assert one is not None
    assert one == two
    assert one.svg.startswith("<svg")
    assert "<text" in one.svg
    assert f'aria-labelledby="{one.id}-title"' in one.svg
    assert one.alt.endswith(".")
    assert "[c]" not in one.alt


@pytest.mark.parametrize(
    "draw",
    [
        charts.discharge,
        charts.pathway,
        charts.substances,
        charts.entry,
        charts.status,
        charts.groups,
        charts.use,
        charts.thresholds,
        charts.steps,
    ],
)
def test_without_its_table_there_is_no_chart(draw):
    assert draw({}) is None


def test_the_headline_says_what_it_shows(tables):
    drawing = headline(tables["engagement_corrected"], [("benchmark 75%", 75.0)])
    assert "All: observed 38.9%, corrected 44.9%, bounds 30.0% to 66.0%" in drawing.alt
    assert "benchmark 75%" in drawing.svg
    assert headline(None, []) is None


def test_the_flow_diagram_counts_what_was_lost(tables):
    drawing = flow_diagram(tables["flow"])
    assert "200 requirements fewer" in drawing.svg
    assert flow_diagram(None) is None


def test_a_forest_plot_names_clear_differences_only(tables):
    drawing = charts.model(tables, "access_atr", "engagement", "Who engages")
    assert "Clearly below 1: Age (per 10 years) (0.90), Sex female (0.80)." in drawing.alt
    assert charts.model(tables, "outcome_model", "completion", "Who completes") is None


def test_a_waterfall_needs_both_ends():
    values = [("observed", 30.0), ("false links", -2.0), ("missed", 7.0), ("corrected", 35.0)]
    made = waterfall(values, first="observed", last="corrected", name="w", title="t", x_label="x")
    assert "false links -2.0 percentage points" in made.alt
    assert (
        waterfall(values[:2], first="observed", last="corrected", name="w", title="t", x_label="x")
        is None
    )
