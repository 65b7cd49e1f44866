"""The pathway as a Sankey diagram: widths are numbers of requirements, flows run left to right."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path

from blindlink.pages.figures.drawing import FAINT, INK, Drawing, bare, canvas, finish, style, wrap

HEIGHT, TOP, BOTTOM, GAP, NODE = 5.6, 5.0, 0.25, 0.16, 0.16


@dataclass(frozen=True)
class Node:
    """A box: its column from the left, its size, its colour; ``label`` is also its identity."""

    label: str
    column: int
    size: float
    colour: str


@dataclass(frozen=True)
class Flow:
    """A band between the nodes of two labels."""

    source: str
    target: str
    size: float


def sankey(
    nodes: Sequence[Node],
    flows: Sequence[Flow],
    headings: Sequence[str],
    *,
    name: str,
    title: str,
    alt: str,
) -> Drawing | None:
    """A diagram with ``headings`` over its columns. None without anything that flows."""
    nodes = [node for node in nodes if node.size > 0]
    flows = [flow for flow in flows if flow.size > 0]
    if not flows:
        return None
    with style(name):
        figure = canvas(HEIGHT)
        axes = bare(figure)
        width = float(figure.get_size_inches()[0])
        lefts = [0.1 + i * (width - 2.6) / (len(headings) - 1) for i in range(len(headings))]
        places = _places(nodes, lefts)
        for heading, left in zip(headings, lefts, strict=True):
            axes.text(left, HEIGHT - 0.28, heading, fontsize=11, color=FAINT, va="center")
        _draw_flows(axes, nodes, flows, places)
        for node in nodes:
            left, top, height = places[node.label]
            axes.add_patch(
                Rectangle((left, top - height), NODE, height, color=node.colour, linewidth=0)
            )
            text = f"{wrap(node.label, 21)}\n{node.size:,.0f}"
            axes.text(
                left + NODE + 0.09,
                top - height / 2,
                text,
                va="center",
                fontsize=10.5,
                color=INK,
                linespacing=1.15,
            )
        return finish(figure, name, title, alt)


def _places(nodes: Sequence[Node], lefts: Sequence[float]) -> dict[str, tuple[float, float, float]]:
    """Left, top and height of each node; one scale for all columns."""
    columns = [[n for n in nodes if n.column == column] for column in range(len(lefts))]
    most = max(sum(node.size for node in column) for column in columns)
    gaps = max(len(column) for column in columns) - 1
    scale = (TOP - BOTTOM - GAP * gaps) / most
    places = {}
    for column, left in zip(columns, lefts, strict=True):
        top = TOP
        for node in column:
            height = max(node.size * scale, 0.015)
            places[node.label] = (left, top, height)
            top -= max(height, 0.36) + GAP
    return places


def _draw_flows(
    axes: Axes,
    nodes: Sequence[Node],
    flows: Sequence[Flow],
    places: dict[str, tuple[float, float, float]],
) -> None:
    sizes = {node.label: node.size for node in nodes}
    colours = {node.label: node.colour for node in nodes}
    out = {label: top for label, (_, top, _) in places.items()}
    into = dict(out)
    for flow in flows:
        left, _, height = places[flow.source]
        right, _, target_height = places[flow.target]
        a = height * flow.size / sizes[flow.source]
        b = target_height * flow.size / sizes[flow.target]
        band = _band(left + NODE, out[flow.source], a, right, into[flow.target], b)
        axes.add_patch(PathPatch(band, facecolor=colours[flow.target], alpha=0.28, linewidth=0))
        out[flow.source] -= a
        into[flow.target] -= b


def _band(x0: float, y0: float, a: float, x1: float, y1: float, b: float) -> Path:
    middle = (x0 + x1) / 2
    points = [
        (x0, y0), (middle, y0), (middle, y1), (x1, y1),
        (x1, y1 - b), (middle, y1 - b), (middle, y0 - a), (x0, y0 - a), (x0, y0),
    ]  # fmt: skip
    curve = [Path.CURVE4] * 3
    return Path(points, [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY])
