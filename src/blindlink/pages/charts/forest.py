"""Forest plots: odds ratios with their intervals on a logarithmic scale, by variable."""

from collections.abc import Sequence
from dataclasses import dataclass

from blindlink.pages.charts import kit
from blindlink.pages.charts.dots import Dot, Mark, dots
from blindlink.pages.charts.kit import Chart

_TICKS = (0.125, 0.25, 0.5, 1, 2, 4, 8)
_ABOVE, _BELOW = "clearly above 1", "clearly below 1"
_UNCLEAR, _REFERENCE = "not clear", "reference"
_COLOURS = {_ABOVE: kit.ORANGE, _BELOW: kit.BLUE, _UNCLEAR: kit.FAINT, _REFERENCE: kit.GREY}


@dataclass(frozen=True)
class Ratio:
    """One odds ratio; without ``value`` a reference category, or ``withheld`` says why not."""

    variable: str
    level: str
    value: float | None
    low: float | None = None
    high: float | None = None
    withheld: str = ""


def forest(ratios: Sequence[Ratio], *, name: str, title: str, what: str) -> Chart | None:
    """Variables as headings, each row with its figures. None without any odds ratio."""
    known = [ratio for ratio in ratios if ratio.value is not None and ratio.low is not None]
    if not known:
        return None
    ends = [end for r in known for end in (r.low, r.high) if end is not None and end > 0]
    farthest = max(max(end, 1 / end) for end in ends)
    widest = next((limit for limit in (2.0, 4.0) if farthest <= limit), 8.0)
    values = []
    for ratio in ratios:
        row = f"{ratio.level or ratio.variable}: {kit.whole(_said(ratio))}"
        value = 1.0 if ratio.value is None else ratio.value
        shown = None if ratio.withheld else value
        values.append(
            Dot(ratio.variable if ratio.level else "", row, _series(ratio), shown, ratio.low,
                ratio.high, _said(ratio))
        )  # fmt: skip
    return dots(
        values, name=name, title=title, alt=_alt(known, what), unit="",
        x_label=f"Odds ratio for {what} (logarithmic scale)", marks=[Mark(1.0)], logarithmic=True,
        ticks=[t for t in _TICKS if 1 / widest <= t <= widest], colours=_COLOURS,
    )  # fmt: skip


def _series(ratio: Ratio) -> str:
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return _REFERENCE
    return _ABOVE if ratio.low > 1 else _BELOW if ratio.high < 1 else _UNCLEAR


def _said(ratio: Ratio) -> str:
    if ratio.value is None or ratio.low is None or ratio.high is None:
        return ratio.withheld or "reference"
    return f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def _alt(known: Sequence[Ratio], what: str) -> str:
    clear: dict[str, list[str]] = {_ABOVE: [], _BELOW: [], _UNCLEAR: []}
    for ratio in known:
        words = f"{ratio.variable} {ratio.level}".strip()
        clear[_series(ratio)].append(f"{words} ({ratio.value:.2f})")
    return (
        f"Forest plot of odds ratios for {what}. Clearly above 1: "
        f"{', '.join(clear[_ABOVE]) or 'none'}. Clearly below 1: "
        f"{', '.join(clear[_BELOW]) or 'none'}."
    )
