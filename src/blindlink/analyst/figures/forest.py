"""Forest plots: odds ratios with their intervals on a logarithmic scale, by variable."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from blindlink.analyst.figures.drawing import (
    BLUE,
    FAINT,
    GREY,
    ORANGE,
    RULE,
    Drawing,
    canvas,
    finish,
    style,
)

LOWEST, HIGHEST = 0.125, 8.0
TICKS = (0.125, 0.25, 0.5, 1, 2, 4, 8)


@dataclass(frozen=True)
class Ratio:
    """One odds ratio; without ``value`` a reference category, drawn at 1."""

    variable: str
    level: str
    value: float | None
    low: float | None = None
    high: float | None = None
    withheld: str = ""


def forest(ratios: Sequence[Ratio], *, name: str, title: str, what: str) -> Drawing | None:
    """The plot with variables as headings. None without any odds ratio."""
    if not any(ratio.value is not None and ratio.low is not None for ratio in ratios):
        return None
    lines = _lines(ratios)
    with style(name):
        figure = canvas(0.9 + 0.285 * len(lines))
        axes = figure.add_subplot()
        axes.axvline(1, color=GREY, linewidth=1.2)
        for place, (heading, ratio) in enumerate(lines):
            y = len(lines) - 1 - place
            if ratio is None:
                axes.text(
                    -0.02,
                    y,
                    heading,
                    transform=axes.get_yaxis_transform(),
                    ha="right",
                    va="center",
                    weight="bold",
                )
            else:
                _row(axes, ratio, y)
        _scale(axes, len(lines))
        axes.set_xlabel(f"Odds ratio for {what} (logarithmic scale)")
        return finish(figure, name, title, _alt(ratios, what))


def _lines(ratios: Sequence[Ratio]) -> list[tuple[str, Ratio | None]]:
    lines: list[tuple[str, Ratio | None]] = []
    before = None
    for ratio in ratios:
        if ratio.variable != before and ratio.level:
            lines.append((ratio.variable, None))
        before = ratio.variable
        lines.append((ratio.variable, ratio))
    return lines


def _row(axes: Axes, ratio: Ratio, y: int) -> None:
    label = ratio.level or ratio.variable
    weight = "normal" if ratio.level else "bold"
    axes.text(
        -0.02,
        y,
        label,
        transform=axes.get_yaxis_transform(),
        ha="right",
        va="center",
        weight=weight,
    )
    if ratio.value is None or ratio.low is None or ratio.high is None:
        text = ratio.withheld or "reference"
        if not ratio.withheld:
            axes.plot([1], [y], marker="s", markersize=5, color=FAINT, markerfacecolor="white")
        axes.text(1.02, y, text, transform=axes.get_yaxis_transform(), va="center", color=FAINT)
        return
    clear = ratio.low > 1 or ratio.high < 1
    colour = (ORANGE if ratio.value > 1 else BLUE) if clear else FAINT
    ends = [min(max(end, LOWEST), HIGHEST) for end in (ratio.low, ratio.high)]
    axes.plot(ends, [y, y], color=colour, linewidth=2.2, solid_capstyle="butt")
    for end, shown, marker in ((ratio.low, ends[0], "<"), (ratio.high, ends[1], ">")):
        if end != shown:
            axes.plot([shown], [y], marker=marker, color=colour, markersize=6, clip_on=False)
    axes.plot(
        [min(max(ratio.value, LOWEST), HIGHEST)], [y], marker="o", markersize=6.5, color=colour
    )
    text = f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
    axes.text(1.02, y, text, transform=axes.get_yaxis_transform(), va="center", color=colour)


def _scale(axes: Axes, rows: int) -> None:
    axes.set_xscale("log")
    axes.set_xlim(LOWEST, HIGHEST)
    axes.set_ylim(-0.7, rows - 0.3)
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.grid(visible=True, color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)


def _alt(ratios: Sequence[Ratio], what: str) -> str:
    up, down = [], []
    for ratio in ratios:
        if ratio.value is not None and ratio.low is not None and ratio.high is not None:
            text = f"{ratio.variable} {ratio.level}".strip() + f" ({ratio.value:.2f})"
            if ratio.low > 1:
                up.append(text)
            elif ratio.high < 1:
                down.append(text)
    return (
        f"Forest plot of odds ratios for {what}. Clearly above 1: {', '.join(up) or 'none'}. "
        f"Clearly below 1: {', '.join(down) or 'none'}."
    )
