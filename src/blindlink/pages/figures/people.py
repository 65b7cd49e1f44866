"""Of every hundred people: one figure per person, coloured by how the treatment ended."""

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch

from blindlink.pages.figures.drawing import (
    FAINT,
    PALETTE,
    Drawing,
    bare,
    canvas,
    finish,
    style,
    wrap,
)

COLUMNS, STEP = 10, 0.47
LEAST_REST = 0.5  # per cent; less is rounding


def of_hundred(
    parts: list[tuple[str, float]], *, name: str, title: str, subject: str
) -> Drawing | None:
    """``parts``: name and percentage, which make up about 100. None without parts."""
    if not parts:
        return None
    rest = 100 - sum(share for _, share in parts)
    parts = [*parts, ("not shown", rest)] if rest > LEAST_REST else parts
    numbers = whole_people([share for _, share in parts])
    with style(name):
        figure = canvas(5.4)
        axes = bare(figure)
        owners = [part for part, number in enumerate(numbers) for _ in range(number)]
        for place, part in enumerate(owners):
            x = 0.35 + STEP * (place % COLUMNS)
            y = 4.82 - STEP * (place // COLUMNS)
            _person(axes, x, y, PALETTE[part % len(PALETTE)])
        _key(axes, parts)
        axes.text(0.12, 5.15, f"Of every 100 {subject}", fontsize=12.5, color=FAINT)
        told = "; ".join(f"{share:.1f}% {label}" for label, share in parts)
        alt = f"A hundred pictograms of people, one for each per cent of {subject}: {told}."
        return finish(figure, name, title, alt)


def whole_people(shares: list[float], total: int = 100) -> list[int]:
    """Shares as whole numbers that add up to ``total`` (Webster 1832: least relative bias).

    Largest remainders would round 1.4 up to 2 as readily as 36.4 to 37.
    """
    numbers = [0] * len(shares)
    for _ in range(total if sum(shares) else 0):
        winner = max(range(len(shares)), key=lambda i: (shares[i] / (2 * numbers[i] + 1), -i))
        numbers[winner] += 1
    return numbers


def _person(axes: Axes, x: float, y: float, colour: str) -> None:
    axes.add_patch(Circle((x, y + 0.115), 0.068, color=colour, linewidth=0))
    axes.add_patch(
        FancyBboxPatch(
            (x - 0.085, y - 0.17),
            0.17,
            0.18,
            boxstyle="round,pad=0.02,rounding_size=0.07",
            color=colour,
            linewidth=0,
        )
    )


def _key(axes: Axes, parts: list[tuple[str, float]]) -> None:
    space = min(1.22, 4.6 / len(parts))
    for place, (label, share) in enumerate(parts):
        y = 4.62 - space * place
        colour = PALETTE[place % len(PALETTE)]
        axes.add_patch(
            FancyBboxPatch(
                (5.35, y - 0.3 * space), 0.09, 0.62 * space, boxstyle="square,pad=0", color=colour
            )
        )
        text = (
            "fewer than 0.1%"
            if share < 0.05
            else f"{share:.1f}%"
            if share < 10
            else f"{share:.0f}%"
        )
        axes.text(5.65, y, text, fontsize=27, weight="bold", color=colour, va="center")
        axes.text(7.05, y, wrap(label, 20), fontsize=13, va="center", linespacing=1.15)
