"""SVG charts for the linkage quality report, without a drawing library.

The colours can be told apart by colour-blind readers (Okabe and Ito 2008), and every line has a
dash pattern of its own as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import log10

WIDTH, HEIGHT = 760, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 34, 46
_CENTRED = 'text-anchor="middle"'
_STYLES = (("#0072B2", ""), ("#D55E00", "7 3"), ("#000000", "2 3"))


@dataclass(frozen=True)
class Series:
    """A named line. ``points``: (x, y) from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


def line_chart(
    title: str, description: str, axis: str, series: Sequence[Series], *, mark: float
) -> str:
    """Shares between 0 and 1 against a score; a vertical line stands at ``mark``."""
    low, high = _extent(series)
    parts = [_horizontal(_share(value), f"{value:.0%}") for value in (0, 0.25, 0.5, 0.75, 1)]
    for place, one in enumerate(series):
        path = " ".join(f"{_x(x, low, high):.1f},{_share(y):.1f}" for x, y in one.points)
        parts.append(_polyline(path, place))
    return _frame(title, description, axis, parts, series, low, high, mark)


def count_chart(
    title: str, description: str, axis: str, series: Sequence[Series], *, mark: float
) -> str:
    """Counts on a logarithmic scale against a score, as steps; each point begins a step."""
    low, high = _extent(series)
    top = max(1, *(int(log10(1 + y)) + 1 for one in series for _, y in one.points))
    parts = [
        _horizontal(_power(power, top), f"{10**power:,}" if power else "1 or none")
        for power in range(top + 1)
    ]
    for place, one in enumerate(series):
        steps, before = [], None
        for x, y in one.points:
            across, up = _x(x, low, high), _power(log10(max(y, 1)), top)
            if before is not None:
                steps.append(f"{across:.1f},{before:.1f}")
            steps.append(f"{across:.1f},{up:.1f}")
            before = up
        parts.append(_polyline(" ".join(steps), place))
    return _frame(title, description, axis, parts, series, low, high, mark)


def _extent(series: Sequence[Series]) -> tuple[float, float]:
    values = [x for one in series for x, _ in one.points]
    low, high = min(values), max(values)
    return low, high if high > low else low + 1e-6


def _x(value: float, low: float, high: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (value - low) / (high - low)


def _share(value: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value


def _power(value: float, top: int) -> float:
    return _share(value / top)


def _polyline(path: str, place: int) -> str:
    colour, dash = _STYLES[place % len(_STYLES)]
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
        f'stroke-dasharray="{dash}"/>'
    )


def _horizontal(y: float, text: str) -> str:
    return (
        f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )


def _frame(
    title: str,
    description: str,
    axis: str,
    parts: Sequence[str],
    series: Sequence[Series],
    low: float,
    high: float,
    mark: float,
) -> str:
    base = HEIGHT - _BOTTOM
    ticks = "".join(
        f'<text x="{_x(value, low, high):.1f}" y="{base + 16}" {_CENTRED}>{value:.2f}</text>'
        for value in (low + (high - low) * step / 5 for step in range(6))
    )
    threshold = ""
    if low <= mark <= high:
        x = _x(mark, low, high)
        anchor, side = ("end", -4) if x > WIDTH - 120 else ("start", 4)
        threshold = (
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{base}" stroke="#666"/>'
            f'<text x="{x + side:.1f}" y="{(_TOP + base) // 2}" text-anchor="{anchor}">'
            f"threshold {mark:.3f}</text>"
        )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
        f"{''.join(parts)}{ticks}{threshold}{_legend(series)}"
        f'<text x="{(WIDTH + _LEFT) / 2}" y="{HEIGHT - 8}" {_CENTRED}>{escape(axis)}</text>'
        "</svg>"
    )


def _legend(series: Sequence[Series]) -> str:
    parts, x = [], _LEFT
    for place, one in enumerate(series):
        colour, dash = _STYLES[place % len(_STYLES)]
        parts.append(
            f'<line x1="{x}" x2="{x + 26}" y1="16" y2="16" stroke="{colour}" stroke-width="3" '
            f'stroke-dasharray="{dash}"/><text x="{x + 32}" y="20">{escape(one.name)}</text>'
        )
        x += 60 + 7 * len(one.name)
    return "".join(parts)
