"""A pathway as a Sankey diagram: widths are numbers of cases, flows run from left to right.

x   0                    1                     2           columns
    #                                          #
    # label, size  ----- # label, size  ------ # label, size
    #                    #                     #
y   pixels from the top: a node is as high as its size, and as its words need room below it
"""

from collections.abc import Sequence
from dataclasses import dataclass

from blindlink.pages.charts import kit
from blindlink.pages.charts.kit import Chart, Json, Size

_HEIGHT, _GAP, _BEND = 460.0, 14.0, 16
_COLUMN = 16  # pixels: the width of a node


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
) -> Chart | None:
    """A diagram with ``headings`` over its columns. None without anything that flows."""
    nodes = [node for node in nodes if node.size > 0]
    flows = [flow for flow in flows if flow.size > 0]
    if not flows:
        return None
    tops, scale = _places(nodes, len(headings))
    colours = {node.label: node.colour for node in nodes}
    last = len(headings) - 1
    data = {
        "flows": [
            {"from": f.source, "to": f.target, "number": round(f.size)} for f in flows
        ],
        "bands": _bands(nodes, flows, tops, scale),
        "nodes": [
            {
                "_x": node.column, "_top": tops[node.label], "_colour": node.colour,
                "_foot": tops[node.label] + max(node.size * scale, 1.5),
                "_middle": tops[node.label] + node.size * scale / 2,
                "_tip": f"{node.label}: {node.size:,.0f}",
                **{f"_{n}": f"{kit.wrap(node.label, n)}\n{node.size:,.0f}" for n in (13, 24)},
            }
            for node in nodes
        ],
        "heads": [{"_x": place, "_words": words} for place, words in enumerate(headings)],
    }  # fmt: skip

    def draw(size: Size) -> Json:
        x: Json = {
            "type": "quantitative", "axis": None,
            "scale": {"domain": [-0.03, last + (0.72 if size.narrow else 0.55)], "nice": False},
        }  # fmt: skip
        y: Json = {
            "type": "quantitative", "axis": None,
            "scale": {"domain": [_HEIGHT, -30], "nice": False, "zero": False},
        }  # fmt: skip
        words = size.words - (2 if size.narrow else 0)
        return {
            "width": size.width - 12, "height": _HEIGHT + 30,
            "layer": [
                {
                    "data": {"name": "bands"},
                    "mark": {"type": "area", "opacity": 0.3},
                    "encoding": {
                        "x": x | {"field": "_x"}, "y": y | {"field": "_top"},
                        "y2": {"field": "_foot"}, "detail": {"field": "_flow"},
                        "color": {
                            "field": "_to", "type": "nominal", "legend": None,
                            "scale": {"domain": list(colours), "range": list(colours.values())},
                        },
                        "tooltip": kit.TIP,
                    },
                },
                {
                    "data": {"name": "nodes"},
                    "mark": {"type": "bar", "width": _COLUMN, "opacity": 1},
                    "encoding": {
                        "x": x | {"field": "_x"}, "y": y | {"field": "_top"},
                        "y2": {"field": "_foot"}, "tooltip": kit.TIP,
                        "color": {"field": "_colour", "type": "nominal", "scale": None},
                    },
                },
                {
                    "data": {"name": "nodes"},
                    "mark": {
                        "type": "text", "align": "left", "dx": _COLUMN / 2 + 5, "lineBreak": "\n",
                        "fontSize": words, "lineHeight": words + 2, "baseline": "middle",
                    },
                    "encoding": {
                        "x": x | {"field": "_x"}, "y": y | {"field": "_middle"},
                        "text": {"field": "_13" if size.narrow else "_24"},
                    },
                },
                {
                    "data": {"name": "heads"},
                    "mark": {
                        "type": "text", "align": "left", "dx": -_COLUMN / 2, "baseline": "top",
                        "color": kit.FAINT, "fontSize": words,
                    },
                    "encoding": {
                        "x": x | {"field": "_x"}, "y": {"value": 2}, "text": {"field": "_words"},
                    },
                },
            ],
        }  # fmt: skip

    return kit.chart(name, title, alt, data, draw)


def _places(nodes: Sequence[Node], columns: int) -> tuple[dict[str, float], float]:
    """The top of each node in pixels, and pixels per case; one scale for all columns."""
    least = 58.0  # four lines of words, as a telephone breaks them
    of = [[node for node in nodes if node.column == column] for column in range(columns)]
    most = max(sum(node.size for node in column) for column in of)
    scale = (_HEIGHT - _GAP * (max(len(column) for column in of) - 1)) / most
    for _ in range(12):  # smaller until the words of small nodes have their room as well
        heights = [sum(max(n.size * scale, least) + _GAP for n in c) - _GAP for c in of]
        scale *= min(1.0, _HEIGHT / max(heights))
    tops = {}
    for column in of:
        top = 0.0
        for node in column:
            room = max(node.size * scale, least)
            tops[node.label] = top + (room - node.size * scale) / 2
            top += room + _GAP
    return tops, scale


def _bands(
    nodes: Sequence[Node], flows: Sequence[Flow], tops: dict[str, float], scale: float
) -> list[Json]:
    """The upper and the lower edge of every flow: a smooth step from node to node."""
    columns = {node.label: node.column for node in nodes}
    out, into = dict(tops), dict(tops)
    rows = []
    for number, flow in enumerate(flows):
        wide, a, b = flow.size * scale, out[flow.source], into[flow.target]
        for step in range(_BEND + 1):
            t = step / _BEND
            top = a + (b - a) * t * t * (3 - 2 * t)
            x = columns[flow.source] + t * (columns[flow.target] - columns[flow.source])
            rows.append(
                {
                    "_flow": number, "_x": round(x, 4), "_top": round(top, 2),
                    "_foot": round(top + wide, 2), "_to": flow.target,
                    "_tip": f"{flow.source} to {flow.target}: {flow.size:,.0f}",
                }
            )  # fmt: skip
        out[flow.source] += wide
        into[flow.target] += wide
    return rows
