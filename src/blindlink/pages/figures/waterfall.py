"""A waterfall: how steps lead from one share to another."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from blindlink.pages.figures.drawing import (
    BLUE,
    GREY,
    ORANGE,
    RULE,
    TURQUOISE,
    Drawing,
    canvas,
    finish,
    percent_axis,
    style,
    wrap,
)


def waterfall(
    values: Sequence[tuple[str, float]],
    *,
    first: str,
    last: str,
    name: str,
    title: str,
    x_label: str,
) -> Drawing | None:
    """Bars from ``first`` over the steps between to ``last``, from top to bottom.

    ``values``: name and size in percentage points; what follows ``last`` is left out. None unless
    both ends are there.
    """
    names = [label for label, _ in values]
    if first not in names or last not in names:
        return None
    shown = list(values[names.index(first) : names.index(last) + 1])
    with style(name):
        figure = canvas(0.9 + 0.62 * len(shown))
        axes = figure.add_subplot()
        level = 0.0
        for place, (label, size) in enumerate(shown):
            y = len(shown) - 1 - place
            whole = label in (first, last)
            start = 0.0 if whole else level
            level = size if whole else level + size
            _bar(axes, y, start, size, BLUE if label == first else GREY if whole else None)
            if place + 1 < len(shown):
                axes.plot([level, level], [y - 0.7, y - 0.3], color=RULE, linewidth=1.2)
        top = max(sum(size for _, size in shown[:-1] if size > 0), shown[-1][1])
        axes.set_yticks(range(len(shown)), [wrap(label, 34) for label, _ in reversed(shown)])
        percent_axis(axes, top * 1.22 or 100)
        axes.set_ylim(-0.6, len(shown) - 0.4)
        axes.set_xlabel(x_label)
        told = "; ".join(f"{label} {_signed(label, size, first, last)}" for label, size in shown)
        return finish(figure, name, title, f"Bars from the first share to the last: {told}.")


def _bar(axes: Axes, y: int, start: float, size: float, colour: str | None) -> None:
    whole = colour is not None
    axes.barh(y, size, left=start, height=0.6, color=colour or (TURQUOISE if size > 0 else ORANGE))
    text = f"{size:.1f}%" if whole else f"{size:+.1f} points".replace("-", "\u2212")
    axes.annotate(
        text,
        (max(start, start + size), y),
        (6, 0),
        textcoords="offset points",
        va="center",
        weight="bold",
    )


def _signed(label: str, size: float, first: str, last: str) -> str:
    return f"{size:.1f}%" if label in (first, last) else f"{size:+.1f} percentage points"
