"""What all figures share: size, colours, text, and an SVG that is the same bytes every time.

Colours are the categorical palette of the Government Analysis Function, tested for contrast and for
colour blindness. No figure relies on colour alone: every mark has its words beside it. Text stays
text in the SVG, so it scales, prints and can be searched.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

BLUE, TURQUOISE, PINK, ORANGE, GREY, PURPLE = (
    "#12436D",
    "#28A197",
    "#801650",
    "#F46A25",
    "#3D3D3D",
    "#A285D1",
)
PALETTE = (BLUE, TURQUOISE, PINK, ORANGE, GREY, PURPLE)
INK, FAINT, RULE = "#0B0C0C", "#505A5F", "#B1B4B6"
WASH = "#E8EEF3"
WIDTH = 9.6  # inches: 960 CSS pixels, the width of the page's column at a hundred dots per inch

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titleweight": "bold",
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "text.parse_math": False,
}


@dataclass(frozen=True)
class Drawing:
    """A finished figure: ``svg`` to stand inline in HTML, ``alt`` what it shows in words."""

    id: str
    title: str
    alt: str
    svg: str


@contextmanager
def style(name: str) -> Iterator[None]:
    """The figures' style; ``name`` makes the ids inside the SVG unique on the page."""
    settings: Any = {**_STYLE, "svg.hashsalt": name}
    with mpl.rc_context(settings):
        yield


def canvas(height: float, *, width: float = WIDTH) -> Canvas:
    """An empty figure of ``width`` x ``height`` inches."""
    return Canvas(figsize=(width, height), layout="constrained")


def bare(canvas: Canvas) -> Axes:
    """Axes over the whole canvas, one unit per inch, nothing drawn: for diagrams."""
    width, height = canvas.get_size_inches()
    canvas.set_layout_engine("none")
    axes = canvas.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, float(width))
    axes.set_ylim(0, float(height))
    axes.axis("off")
    return axes


def finish(canvas: Canvas, name: str, title: str, alt: str) -> Drawing:
    """The figure as inline SVG with a name and a description for screen readers."""
    buffer = io.StringIO()
    canvas.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return Drawing(name, title, alt, _inline(buffer.getvalue(), name))


def _inline(svg: str, name: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r"font-family: [^;\"]+|'DejaVu Sans'[^;\"]*", _font, svg)
    svg = svg.replace(' xmlns:xlink="http://www.w3.org/1999/xlink"', "").replace(
        "xlink:href", "href"
    )
    head, rest = svg.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box[0] if box else ""} role="img"'
        f' aria-labelledby="{name}-title" aria-describedby="{name}-alt" focusable="false"'
    )
    return f"{opening}>{rest}".strip()


def _font(match: re.Match[str]) -> str:
    family = "Arial, Helvetica, 'Liberation Sans', sans-serif"
    return f"font-family: {family}" if match[0].startswith("font-family") else family


def percent_axis(axes: Axes, top: float = 100, unit: str = "%") -> None:
    """The x axis as a percentage from 0 to ``top`` with a faint grid."""
    axes.set_xlim(0, top)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}{unit}")
    axes.xaxis.grid(visible=True, color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)


def wrap(text: str, width: int) -> str:
    """The text broken into lines of at most ``width`` characters."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)
