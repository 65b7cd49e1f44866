"""Lines: cumulative curves with their competing events, status at days, bands over thresholds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes

from blindlink.pages.figures.drawing import FAINT, RULE, Drawing, canvas, finish, style


@dataclass(frozen=True)
class Line:
    """One line with its name at the end and, where known, its interval as a band."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    dashes: str = "-"
    steps: bool = False
    marker: str = ""


@dataclass(frozen=True)
class Panel:
    """One set of axes. ``ticks`` are x positions with their names."""

    title: str
    lines: Sequence[Line]
    ticks: Sequence[tuple[float, str]] = ()
    marks: Sequence[tuple[float, str]] = ()


def panels(
    parts: Sequence[Panel],
    *,
    name: str,
    title: str,
    alt: str,
    x_label: str,
    y_label: str,
    height: float = 4.2,
    room: float = 0.34,
) -> Drawing | None:
    """Panels side by side on one percentage scale. ``room`` is what names take at the right.

    None when no panel has a line.
    """
    parts = [part for part in parts if part.lines]
    if not parts:
        return None
    with style(name):
        figure = canvas(height)
        plots = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
        top = max(max([*line.y, *line.high], default=0) for part in parts for line in part.lines)
        for axes, part in zip(plots, parts, strict=True):
            _draw(axes, part, top * 1.08 or 1, room)
            axes.set_xlabel(x_label)
        plots[0].set_ylabel(y_label)
        return finish(figure, name, title, alt)


def _draw(axes: Axes, part: Panel, top: float, room: float) -> None:
    axes.set_title(part.title)
    right = max(line.x[-1] for line in part.lines)
    left = min(line.x[0] for line in part.lines)
    for line in part.lines:
        _line(axes, line)
    axes.set_ylim(0, top)
    axes.set_xlim(left, right + (right - left) * room)
    axes.spines["bottom"].set_bounds(left, right)
    for at, text in part.marks:
        axes.axvline(at, color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(
            text, (at, top), (4, 0), textcoords="offset points", color=FAINT, fontsize=10, va="top"
        )
    if part.ticks:
        axes.set_xticks([at for at, _ in part.ticks], [text for _, text in part.ticks])
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}%")
    axes.yaxis.grid(visible=True, color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    _names(axes, part, right + (right - left) * 0.03, top)


def _line(axes: Axes, line: Line) -> None:
    style = "steps-post" if line.steps else "default"
    axes.plot(
        line.x, line.y, color=line.colour, linewidth=2.2, linestyle=line.dashes, drawstyle=style,
        marker=line.marker, markersize=6, clip_on=False,
    )  # fmt: skip
    if len(line.low) == len(line.x) and line.low:
        step: Literal["post"] | None = "post" if line.steps else None
        axes.fill_between(
            line.x, line.low, line.high, color=line.colour, alpha=0.16, linewidth=0, step=step
        )


def _names(axes: Axes, part: Panel, x: float, top: float) -> None:
    """The names at the ends of the lines, pushed apart where they would touch."""
    gap = top * 0.062
    ends = sorted(((line.y[-1], line) for line in part.lines), key=lambda pair: pair[0])
    tall = [1 + line.name.count("\n") for _, line in ends]
    heights: list[float] = []
    for (y, _), rows, below in zip(ends, tall, [0, *tall], strict=False):
        least = heights[-1] + gap * (rows + below) / 2 if heights else gap * rows / 2
        heights.append(max(y, least))
    for height, (_, line) in zip(heights, ends, strict=True):
        axes.text(
            x,
            height,
            line.name,
            color=line.colour,
            va="center",
            fontsize=10.5,
            weight="bold",
            linespacing=1.05,
        )
