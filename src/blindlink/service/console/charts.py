"""Two kinds of SVG chart for the quality page, without a drawing library and without a style.

Lines can be told apart without colour (Okabe and Ito 2008, and a dash pattern each). A table with
the same figures stands below every chart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 84, 16, 36, 48
LINES = (("#12436d", ""), ("#c74a00", "8 4"), ("#0b0c0c", "2 4"))


@dataclass(frozen=True)
class Series:
    """A named line, or the bars of one colour: (x, y) from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


def lines(title: str, axis: str, series: Sequence[Series], *, mark: float) -> Markup:
    """Shares between 0 and 1 against a score, and where the threshold stands."""
    low, high = _extent(series)
    parts = [_grid(_y(value), f"{value:.0%}") for value in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for place, one in enumerate(series):
        path = " ".join(f"{_x(x, low, high):.1f},{_y(y):.1f}" for x, y in one.points)
        parts.append(_polyline(path, place))
    return _frame(title, axis, parts, series, low, high, mark)


def bars(title: str, axis: str, width: float, series: Sequence[Series], *, mark: float) -> Markup:
    """Counts on a logarithmic scale: the first series as bars ``width`` wide, others as steps."""
    low, high = _extent(series)
    high += width
    top = max(1, *(int(log10(1 + y)) + 1 for one in series for _, y in one.points))
    parts = [_grid(_y(power / top), f"{10**power:,}" if power else "1") for power in range(top + 1)]
    for x, y in series[0].points:
        left, up = _x(x, low, high), _y(log10(max(y, 1.0)) / top)
        wide = _x(x + width, low, high) - left - 1
        tall = HEIGHT - BOTTOM - up
        parts.append(
            f'<rect x="{left:.1f}" y="{up:.1f}" width="{wide:.1f}" height="{tall:.1f}" '
            f'fill="#b5cde2"/>'
        )
    for place, one in enumerate(series[1:], 1):
        path = []
        for x, y in one.points:
            up = _y(log10(max(y, 1.0)) / top)
            path += [f"{_x(x, low, high):.1f},{up:.1f}", f"{_x(x + width, low, high):.1f},{up:.1f}"]
        parts.append(_polyline(" ".join(path), place))
    return _frame(title, axis, parts, series, low, high, mark, first_is_bars=True)


def _extent(series: Sequence[Series]) -> tuple[float, float]:
    values = [x for one in series for x, _ in one.points]
    low, high = min(values), max(values)
    return low, high if high > low else low + 0.01


def _x(value: float, low: float, high: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _polyline(path: str, place: int) -> str:
    colour, dash = LINES[place % len(LINES)]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"{dashes}/>'


def _grid(y: float, text: str) -> str:
    return (
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#cecece"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _frame(
    title: str,
    axis: str,
    parts: Sequence[str],
    series: Sequence[Series],
    low: float,
    high: float,
    mark: float,
    *,
    first_is_bars: bool = False,
) -> Markup:
    base = HEIGHT - BOTTOM
    ticks = "".join(
        f'<text x="{_x(value, low, high):.1f}" y="{base + 18}" text-anchor="middle">'
        f"{value:.2f}</text>"
        for value in (low + (high - low) * step / 5 for step in range(6))
    )
    inner = "".join(parts) + ticks + _mark(mark, low, high) + _legend(series, first_is_bars)
    return Markup(  # noqa: S704 - numbers, and words that were escaped
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" '
        f'class="chart" font-size="13">{inner}<text x="{(WIDTH + LEFT) / 2}" y="{HEIGHT - 8}" '
        f'text-anchor="middle">{escape(axis)}</text></svg>'
    )


def _mark(mark: float, low: float, high: float) -> str:
    if not low <= mark <= high:
        return ""
    x = _x(mark, low, high)
    anchor, shift = ("end", -6) if x > WIDTH / 2 else ("start", 6)
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#505a5f" '
        f'stroke-width="2"/><text x="{x + shift:.1f}" y="{(HEIGHT - BOTTOM + TOP) / 2:.1f}" '
        f'text-anchor="{anchor}" stroke="#fff" stroke-width="4" paint-order="stroke">'
        f"threshold {mark:.2f}</text>"
    )


def _legend(series: Sequence[Series], first_is_bars: bool) -> str:
    parts, x = [], float(LEFT)
    for place, one in enumerate(series):
        if first_is_bars and place == 0:
            parts.append(f'<rect x="{x}" y="8" width="26" height="14" fill="#b5cde2"/>')
        else:
            parts.append(_polyline(f"{x},15 {x + 26},15", place))
        parts.append(f'<text x="{x + 32}" y="20">{escape(one.name)}</text>')
        x += 60 + 7.5 * len(one.name)
    return "".join(parts)
