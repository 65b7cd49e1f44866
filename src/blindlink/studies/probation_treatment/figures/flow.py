"""The cohort flow diagram: every stage in a box, what was lost on the way beside it."""

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.pages.figures.drawing import (
    BLUE,
    FAINT,
    RULE,
    WASH,
    Drawing,
    bare,
    canvas,
    finish,
    style,
    wrap,
)

BOX, STEP, WIDE = 0.72, 1.08, 4.85


def flow_diagram(table: SafeTable | None) -> Drawing | None:
    """Stages from top to bottom with requirements and persons. None without rows."""
    if table is None or table.empty or "stage" not in table.columns:
        return None
    rows = range(len(table.frame))
    height = 0.2 + STEP * len(table.frame)
    with style("flow"):
        figure = canvas(height)
        axes = bare(figure)
        for place, row in enumerate(rows):
            top = height - 0.12 - STEP * place
            _box(axes, top, table, row, last=place == len(rows) - 1)
            if place:
                _lost(axes, top + STEP - BOX, table, row)
        title = "From records received to people engaged with treatment"
        return finish(figure, "flow", title, _alt(table))


def _box(axes: Axes, top: float, table: SafeTable, row: int, *, last: bool) -> None:
    face, ink = (BLUE, "white") if last else (WASH, "black")
    axes.add_patch(
        FancyBboxPatch(
            (0.15, top - BOX), WIDE, BOX, boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=face, edgecolor=BLUE, linewidth=1,
        )
    )  # fmt: skip
    stage = table.label(row, "stage")
    axes.text(
        0.32,
        top - 0.26,
        stage[:1].upper() + stage[1:],
        weight="bold",
        fontsize=12.5,
        color=ink,
        va="center",
    )
    counts = [
        f"{table.text(row, unit)} {unit}"
        for unit in ("requirements", "sentences", "persons")
        if unit in table.columns
    ]
    axes.text(0.32, top - 0.52, ",  ".join(counts), fontsize=10.5, color=ink, va="center")
    if "rule" in table.columns:
        axes.text(
            WIDE + 0.4,
            top - BOX / 2,
            wrap(table.label(row, "rule"), 48),
            fontsize=10.5,
            color=FAINT,
            va="center",
            linespacing=1.25,
        )


def _lost(axes: Axes, top: float, table: SafeTable, row: int) -> None:
    """The arrow into a stage, with the number that did not come along."""
    arrow = FancyArrowPatch(
        (1.1, top), (1.1, top - (STEP - BOX)), arrowstyle="-|>", mutation_scale=12, color=BLUE
    )
    axes.add_patch(arrow)
    before, now = table.value(row - 1, "requirements"), table.value(row, "requirements")
    if before is not None and now is not None:
        text = f"{before - now:,.0f} requirements fewer" if before > now else "none fewer"
        axes.text(1.32, top - (STEP - BOX) / 2, text, fontsize=10, color=FAINT, va="center")
    axes.plot([WIDE + 0.27] * 2, [top - STEP, top - STEP + BOX], color=RULE, linewidth=1)


def _alt(table: SafeTable) -> str:
    told = ", ".join(
        f"{table.label(row, 'stage')} {table.text(row, 'requirements')} requirements of "
        f"{table.text(row, 'persons')} persons"
        for row in range(len(table.frame))
    )
    return f"Flow diagram from top to bottom: {told}."
