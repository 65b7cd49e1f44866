"""Forest plots: odds ratios with their intervals on a logarithmic scale, by variable."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from blindlink.pages.figures.drawing import (
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

WIDEST = 8.0
TICKS = (0.125, 0.25, 0.5, 0.75, 1, 1.5, 2, 4, 8)


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
    lines, highest = _lines(ratios), _highest(ratios)
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
                _row(axes, ratio, y, highest)
        _scale(axes, len(lines), highest)
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


def _highest(ratios: Sequence[Ratio]) -> float:
    """The end of the scale: 2 or 4 where all intervals lie within, else 8."""
    ends = [end for r in ratios for end in (r.low, r.high) if end is not None and end > 0]
    farthest = max(max(end, 1 / end) for end in ends)
    return next((limit for limit in (2.0, 4.0) if farthest <= limit), WIDEST)


def _row(axes: Axes, ratio: Ratio, y: int, highest: float) -> None:
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
    ends = [min(max(end, 1 / highest), highest) for end in (ratio.low, ratio.high)]
    axes.plot(ends, [y, y], color=colour, linewidth=2.2, solid_capstyle="butt")
    for end, shown, marker in ((ratio.low, ends[0], "<"), (ratio.high, ends[1], ">")):
        if end != shown:
            axes.plot([shown], [y], marker=marker, color=colour, markersize=6, clip_on=False)
    axes.plot(
        [min(max(ratio.value, 1 / highest), highest)], [y], marker="o", markersize=6.5, color=colour
    )
    text = f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
    axes.text(1.02, y, text, transform=axes.get_yaxis_transform(), va="center", color=colour)


def _scale(axes: Axes, rows: int, highest: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(1 / highest, highest)
    ticks = [tick for tick in TICKS if 1 / highest <= tick <= highest]
    if highest > 2:
        ticks = [tick for tick in ticks if tick not in (0.75, 1.5)]
    axes.set_ylim(-0.7, rows - 0.3)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
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
