"""Figures of the study: steps of curves, what each chart shows and says, and what it may not."""

from dataclasses import replace

import numpy as np
import pytest

from blindlink.analyst.disclosure.curves import coarsen, steps
from blindlink.analyst.disclosure.gate import release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.pages.charts.kit import PAGE, PHONE
from blindlink.pages.html import Stages
from blindlink.studies.probation_treatment.figures import charts
from blindlink.studies.probation_treatment.figures.flow import flow_diagram
from worlds.sample_tables import corrected, curves, study


@pytest.fixture(scope="module")
def tables():
    safe, _ = release(study(), Policy())
    return {table.id: table for table in safe}


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
    for size in (PAGE, PHONE):
        assert one.svg(size) == two.svg(size)
        assert "<text" in one.svg(size)
        assert f'aria-labelledby="{one.id}-title"' in one.svg(size)
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
    drawing = charts.headline(tables, [("benchmark 75%", 75.0)])
    words = (
        "All: observed 38.9% (36.9 to 40.9), corrected 44.9% (40.9 to 48.9), bounds 30.0 to 66.0%"
    )
    assert words in drawing.alt
    assert "Dashed line: benchmark 75%" in drawing.svg()
    assert charts.headline({}, []) is None


def test_no_small_share_is_drawn_as_a_whole_person(tables):
    """1.6 % is 1.6 % of the scale and not one or two of a hundred figures."""
    drawing, table = charts.discharge(tables), tables["outcomes"]
    published = table.value(table.row(requirement="All", outcome="died", **charts.FOLD), "share")
    died = next(row for row in drawing.data["figures"] if row["group"].startswith("died"))
    assert died["value"] == died["_value"] == published
    assert f"died: {published:.1f}%" in drawing.alt


def test_what_may_be_downloaded_is_what_was_published(tables):
    """No chart's data hold a figure that no table prints."""
    printed = {cell for table in tables.values() for cell in table.frame.to_numpy().ravel()}
    makers = (charts.discharge, charts.substances, charts.entry, charts.status, charts.groups)
    drawn = [chart for make in makers if (chart := make(tables)) is not None]
    assert len(drawn) >= 4
    for chart in drawn:
        for row in next(iter(chart.data.values())):
            figures = {row.get(name) for name in ("value", "low", "high", "share")}
            assert figures - {None} <= printed


def test_the_flow_counts_what_was_lost_and_explains_what_is_withheld(tables):
    flow = flow_diagram(tables["flow"])
    assert isinstance(flow, Stages)
    assert [stage.lost for stage in flow.stages][:2] == ["", "200 requirements fewer"]
    assert flow.note == ""
    assert flow_diagram(None) is None
    table = next(one for one in study() if one.id == "flow")
    frame = table.frame.copy()
    frame.loc[frame.index[-1], ["persons", "requirements"]] = 3
    hidden, _ = release([replace(table, frame=frame)], Policy())
    withheld = flow_diagram(hidden[0])
    assert "[c]" in withheld.stages[-1].counts
    assert withheld.note.startswith("[c]: withheld")


def test_a_forest_plot_names_clear_differences_only(tables):
    drawing = charts.model(tables, "access_atr", "engagement", "Who engages")
    assert "Clearly below 1: Age (per 10 years) (0.90), Sex female (0.80)." in drawing.alt
    assert charts.model(tables, "outcome_model", "completion", "Who completes") is None
