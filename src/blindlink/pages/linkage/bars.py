"""Two bar charts of agreement levels: m beside u, and the weights of one pattern of agreement.

Bars carry their figures as text, so nothing hangs on colour alone.
"""

from collections.abc import Sequence
from html import escape

from blindlink.messages.linkage_report import Level

_WIDTH, _ROW, _LABEL, _TOP = 760, 22, 190, 34
_BLUE, _ORANGE = "#0072B2", "#D55E00"
_MIDDLE = _LABEL + (_WIDTH - _LABEL) / 2
_HALF = (_WIDTH - _LABEL) / 2 - 70  # the longest bar; its figure stands beyond it


def level_name(level: Level) -> str:
    """A level as a reader meets it: its filter and its scores."""
    return f"filter {level.filter}: {level.low:.3f} to {level.high:.3f}"


def m_u_chart(levels: Sequence[Level]) -> str:
    """Shares of strangers (u, to the left) and of matches (m, to the right) at each level."""
    rows = []
    for place, level in enumerate(levels):
        y = _TOP + place * _ROW
        rows.append(_text(_LABEL - 8, y, level_name(level), "end"))
        rows.append(_bar(_MIDDLE - _HALF * level.u, y, _HALF * level.u, _ORANGE))
        rows.append(_bar(_MIDDLE, y, _HALF * level.m, _BLUE))
        rows.append(_text(_MIDDLE - _HALF * level.u - 6, y, _share(level.u), "end"))
        rows.append(_text(_MIDDLE + _HALF * level.m + 6, y, _share(level.m), "start"))
    head = _text(_MIDDLE - 8, 8, "u: strangers", "end") + _text(_MIDDLE + 8, 8, "m: matches")
    return _frame("m and u of each level", len(levels), head + "".join(rows), _MIDDLE)


def waterfall(title: str, parts: Sequence[tuple[str, float]]) -> str:
    """Weights that add up from 0 to their sum: one row each, and the sum last."""
    sums = [0.0]
    for _, weight in parts:
        sums.append(sums[-1] + weight)
    low, high = min(sums), max(sums)
    scale = (_WIDTH - _LABEL - 140) / max(high - low, 1e-9)
    zero = _LABEL + 70 - low * scale
    rows = []
    bars = [*zip(parts, sums, sums[1:], strict=False), (("sum", sums[-1]), 0.0, sums[-1])]
    for place, ((name, weight), start, end) in enumerate(bars):
        y, colour = _TOP - 14 + place * _ROW, _BLUE if weight >= 0 else _ORANGE
        left, right = zero + min(start, end) * scale, zero + max(start, end) * scale
        rows.append(_text(_LABEL - 8, y, name, "end"))
        rows.append(_bar(left, y, right - left, colour))
        rows.append(_text(right + 6, y, f"{weight:+.1f}"))
    return _frame(title, len(bars), "".join(rows), zero)


def _share(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"


def _bar(x: float, y: float, width: float, colour: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{_ROW - 6}" '
        f'fill="{colour}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y + 12:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _frame(title: str, rows: int, body: str, zero: float) -> str:
    height = _TOP + rows * _ROW
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{body}"
        f'<line x1="{zero:.1f}" x2="{zero:.1f}" y1="20" y2="{height - 4}" stroke="#666"/></svg>'
    )
