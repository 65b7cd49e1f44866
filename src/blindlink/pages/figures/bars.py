"""Bars made up of parts that add to a hundred, with the figures on them."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from blindlink.pages.figures.drawing import (
    INK,
    PALETTE,
    RULE,
    Drawing,
    canvas,
    finish,
    percent_axis,
    style,
)

LEAST_REST = 0.5  # per cent: less is rounding
LEAST_FOR_WORDS = 14
LEAST_FOR_A_FIGURE = 4.5  # per cent: narrower parts have no room for their figure
DARK = {"#12436D", "#801650", "#3D3D3D"}


def stacked(
    bars: Sequence[tuple[str, Sequence[float | None]]],
    parts: Sequence[str],
    *,
    name: str,
    title: str,
    x_label: str,
) -> Drawing | None:
    """``bars``: a name and the percentage of each part, None where there is none to show."""
    bars = [bar for bar in bars if any(value is not None for value in bar[1])]
    used = [i for i in range(len(parts)) if any(values[i] for _, values in bars)]
    if not bars:
        return None
    with style(name):
        figure = canvas(1.25 + 0.85 * len(bars))
        axes = figure.add_subplot()
        for place, (_, values) in enumerate(reversed(bars)):
            _bar(axes, place, values)
        axes.set_yticks(range(len(bars)), [bar for bar, _ in reversed(bars)])
        axes.tick_params(axis="y", labelsize=12.5)
        percent_axis(axes)
        axes.xaxis.grid(visible=False)
        axes.set_xlabel(x_label)
        handles = [Patch(color=PALETTE[i]) for i in used]
        figure.legend(
            handles, [parts[i] for i in used], loc="outside upper left", ncols=5, frameon=False,
            handlelength=1, handleheight=1, columnspacing=1.4,
        )  # fmt: skip
        return finish(figure, name, title, _alt(bars, parts))


def _bar(axes: Axes, place: int, values: Sequence[float | None]) -> None:
    left = 0.0
    for colour, value in zip(PALETTE, values, strict=False):
        if value is None:
            continue
        axes.barh(
            place, value, left=left, color=colour, height=0.66, edgecolor="white", linewidth=1.2
        )
        if value >= LEAST_FOR_A_FIGURE:
            ink = "white" if colour in DARK else INK
            axes.text(
                left + value / 2,
                place,
                f"{value:.0f}%",
                ha="center",
                va="center",
                color=ink,
                weight="bold",
            )
        left += value
    if left < 100 - LEAST_REST:
        axes.barh(
            place,
            100 - left,
            left=left,
            height=0.66,
            facecolor="white",
            edgecolor=RULE,
            hatch="////",
            linewidth=0.8,
        )
        if 100 - left >= LEAST_FOR_WORDS:
            axes.text(
                (100 + left) / 2,
                place,
                "not shown",
                ha="center",
                va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
            )


def _alt(bars: Sequence[tuple[str, Sequence[float | None]]], parts: Sequence[str]) -> str:
    told = []
    for bar, values in bars:
        shares = [
            f"{part} {value:.1f}%" if value is not None else f"{part} not shown"
            for part, value in zip(parts, values, strict=False)
        ]
        told.append(f"{bar}: {', '.join(shares)}")
    return "Bars that add up to 100%. " + "; ".join(told) + "."
