"""Dots with intervals by group: shares of several groups under headings, one colour per series."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from blindlink.pages.figures.drawing import (
    PALETTE,
    RULE,
    Drawing,
    canvas,
    finish,
    percent_axis,
    style,
)

MARKERS = ("o", "D", "s", "^")


@dataclass(frozen=True)
class Dot:
    """A share in per cent, with its interval where known."""

    heading: str
    group: str
    series: str
    value: float
    low: float | None = None
    high: float | None = None


def dots(
    values: Sequence[Dot],
    *,
    name: str,
    title: str,
    x_label: str,
    alt: str,
    unit: str = "%",
    joined: bool = False,
    ticks: Sequence[float] = (),
) -> Drawing | None:
    """Groups from top to bottom in the order given; ``joined`` draws a line from dot to dot.

    ``ticks`` set the scale, which else ends above the largest value. None without values.
    """
    if not values:
        return None
    series = list(dict.fromkeys(dot.series for dot in values))
    lines = _lines(values)
    with style(name):
        figure = canvas(1.1 + 0.3 * len(lines))
        axes = figure.add_subplot()
        for place, (heading, group) in enumerate(lines):
            y = len(lines) - 1 - place
            weight = "normal" if group else "bold"
            axes.text(
                -0.015,
                y,
                group or heading,
                transform=axes.get_yaxis_transform(),
                ha="right",
                va="center",
                weight=weight,
            )
            here = [dot for dot in values if group and (dot.heading, dot.group) == (heading, group)]
            if joined and len(here) == 2:
                ends = [dot.value for dot in here]
                axes.plot(ends, [y, y], color=RULE, linewidth=3, zorder=1)
            for dot in here:
                _dot(axes, dot, y, series.index(dot.series), 1 if joined else len(series))
        top = max(max(dot.value, dot.high or 0) for dot in values)
        percent_axis(axes, max(ticks, default=min(100, 10 * (int(top // 10) + 1))), unit)
        if ticks:
            axes.set_xticks(ticks)
        axes.set_yticks([])
        axes.set_ylim(-0.7, len(lines) - 0.3)
        axes.set_xlabel(x_label)
        handles = [
            axes.plot([], [], linestyle="", marker=MARKERS[i % 4], color=PALETTE[_colour(i)])[0]
            for i in range(len(series))
        ]
        if len(series) > 1:
            figure.legend(
                handles, series, loc="outside upper left", ncols=len(series), frameon=False
            )
        return finish(figure, name, title, alt)


def _lines(values: Sequence[Dot]) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for heading in dict.fromkeys(dot.heading for dot in values):
        if heading:
            lines.append((heading, ""))
        groups = dict.fromkeys(dot.group for dot in values if dot.heading == heading)
        lines += [(heading, group) for group in groups]
    return lines


def _colour(index: int) -> int:
    return (0, 3, 1, 2)[index % 4]


def _dot(axes: Axes, dot: Dot, y: int, index: int, of: int) -> None:
    lift = 0.0 if of == 1 else 0.17 - 0.34 * index / (of - 1)
    colour = PALETTE[_colour(index)]
    if dot.low is not None and dot.high is not None:
        axes.plot([dot.low, dot.high], [y + lift] * 2, color=colour, linewidth=2, alpha=0.75)
    axes.plot([dot.value], [y + lift], marker=MARKERS[index % 4], markersize=5.5, color=colour)
