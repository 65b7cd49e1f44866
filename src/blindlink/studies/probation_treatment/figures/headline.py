"""The headline: each share as observed, corrected for linkage error, and within its bounds."""

from matplotlib.axes import Axes

from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.pages.figures.drawing import (
    BLUE,
    FAINT,
    ORANGE,
    RULE,
    WASH,
    Drawing,
    canvas,
    finish,
    percent_axis,
    style,
)

GROUND = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}  # no line crosses a word


def headline(
    table: SafeTable | None, benchmarks: list[tuple[str, float]], measure: str = "engaged"
) -> Drawing | None:
    """Observed and corrected share of each requirement with 95 % intervals, bounds as a band."""
    groups = _groups(table, measure)
    if table is None or not groups:
        return None
    with style("headline"):
        figure = canvas(1.0 + 1.15 * len(groups))
        axes = figure.add_subplot()
        for place, row in enumerate(groups):
            _draw_group(axes, table, row, len(groups) - 1 - place)
        for name, value in benchmarks:
            axes.axvline(value, color=FAINT, linewidth=1.2, linestyle=(0, (4, 3)))
            axes.text(
                value - 0.8, len(groups) - 0.42, name, ha="right", va="bottom", color=FAINT,
                bbox=GROUND,
            )  # fmt: skip
        axes.set_yticks(
            range(len(groups)), [table.label(row, "requirement") for row in reversed(groups)]
        )
        axes.tick_params(axis="y", labelsize=13)
        axes.set_ylim(-0.6, len(groups) - 0.15)
        percent_axis(axes)
        axes.set_xlabel("Share of requirements with engagement in treatment")
        title = "Engagement: observed, corrected for linkage error, and its bounds"
        return finish(figure, "headline", title, _alt(table, groups))


def _groups(table: SafeTable | None, measure: str) -> list[int]:
    if table is None or "observed" not in table.columns:
        return []
    rows = (
        list(table.rows(measure=measure)) if "measure" in table.columns else range(len(table.frame))
    )
    return [row for row in rows if table.value(row, "observed") is not None]


def _draw_group(axes: Axes, table: SafeTable, row: int, place: int) -> None:
    low, high = table.value(row, "bound_low"), table.value(row, "bound_high")
    if low is not None and high is not None:
        axes.barh(
            place, high - low, left=low, height=0.78, color=WASH, edgecolor=RULE, linewidth=0.6
        )
        axes.text(
            high + 0.8, place - 0.28, f"bounds {low:.0f}% to {high:.0f}%", va="center", color=FAINT,
            bbox=GROUND,
        )  # fmt: skip
    for name, colour, lift in (("observed", BLUE, 0.17), ("corrected", ORANGE, -0.12)):
        value = table.value(row, name)
        if value is None:
            continue
        least, most = table.value(row, f"{name}_low"), table.value(row, f"{name}_high")
        if least is not None and most is not None:
            axes.plot(
                [least, most], [place + lift] * 2, color=colour, linewidth=3, solid_capstyle="butt"
            )
        marker = "o" if name == "observed" else "D"
        axes.plot([value], [place + lift], marker=marker, markersize=8, color=colour)
        edge = max(value, most or value)
        axes.text(
            edge + 1.2,
            place + lift,
            f"{name} {value:.1f}%",
            va="center",
            color=colour,
            weight="bold",
            bbox=GROUND | {"alpha": 0.85},
        )


def _alt(table: SafeTable, rows: list[int]) -> str:
    parts = []
    for row in rows:
        text = f"{table.label(row, 'requirement')}: observed {table.text(row, 'observed')}%"
        if table.value(row, "corrected") is not None:
            text += f", corrected {table.text(row, 'corrected')}%"
        low, high = table.text(row, "bound_low"), table.text(row, "bound_high")
        parts.append(f"{text}, bounds {low}% to {high}%")
    return "Chart of engagement shares with their intervals. " + "; ".join(parts) + "."
