"""Lines on one scale, in one panel or several: curves, shares on days, counts by score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from blindlink.pages.charts import kit
from blindlink.pages.charts.kit import Chart, Json, Size
from blindlink.pages.charts.rows import lookup

_Y_AXIS = 88  # pixels that the y axis with its title takes of a panel


@dataclass(frozen=True)
class Line:
    """One line, with its interval as a band where known; ``steps``: a value holds to the next."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    steps: bool = False


@dataclass(frozen=True)
class Panel:
    """One set of axes. ``ticks`` are names for x positions, ``marks`` vertical lines with words."""

    title: str
    lines: Sequence[Line]
    ticks: Mapping[float, str] = field(default_factory=dict)
    marks: Sequence[tuple[float, str]] = ()


def lines(
    panels: Sequence[Panel],
    *,
    name: str,
    title: str,
    alt: str,
    x_label: str,
    y_label: str,
    unit: str = "%",
    dots: bool = False,
    logarithmic: bool = False,
    top: float = 0,
) -> Chart | None:
    """Panels beside each other, on a telephone below each other. None when no panel has a line.

    ``dots`` marks the points of a line. ``logarithmic`` is for counts: 1 and less stand at the
    foot. ``top`` ends the scale, which else ends above the highest value.
    """
    panels = [panel for panel in panels if panel.lines]
    if not panels:
        return None
    series = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    rows = [row for panel in panels for line in panel.lines for row in _rows(panel, line, unit)]
    highest = top or 1.06 * max(max(row["value"], row["_high"] or 0) for row in rows)
    y_scale: Json = {"domain": [0, highest or 1], "nice": False}
    if logarithmic:
        y_scale = {"type": "log", "domain": [1, max(10.0, highest)], "nice": True}
        for row in rows:
            row["_y"] = max(row["value"], 1.0)
    banded = any(row["_low"] is not None for row in rows)

    def draw(size: Size) -> Json:
        beside = 1 if size.narrow else len(panels)
        width = (size.width - _Y_AXIS - 12 - 66 * (beside - 1)) // beside
        views = [_view(panel, number, width, size) for number, panel in enumerate(panels)]
        if len(views) == 1:
            return {"data": {"name": "points"}, **views[0]}
        return {"data": {"name": "points"}, "vconcat" if size.narrow else "hconcat": views}

    def _view(panel: Panel, number: int, width: int, size: Size) -> Json:
        beside = 1 if size.narrow else len(panels)
        x: Json = {
            "type": "quantitative",
            "axis": {
                "title": kit.heading(x_label, size, 0.6 / beside),
                "grid": False,
                "tickCount": 5,
                "labelFlush": True,
            },
            "scale": {"zero": False, "nice": False},
        }
        if panel.ticks:
            x["axis"] |= {
                "values": list(panel.ticks), "labelFlush": False, "labelOverlap": "greedy",
                "labelExpr": f"{lookup(panel.ticks)}[datum.value]",
            }  # fmt: skip
        axis: Json = {
            "title": kit.heading(y_label, size, 0.3) if size.narrow or not number else None,
            "tickCount": 5, "domain": False, "ticks": False,
            "labelExpr": f"format(datum.value, ',~r') + '{unit}'",
        }  # fmt: skip
        if logarithmic:
            axis |= {
                "labelExpr": "datum.value == 1 ? '1 or none' : format(datum.value, ',')",
                "values": [10**power for power in range(10) if 10**power <= 2 * highest],
            }
        y: Json = {"type": "quantitative", "scale": y_scale, "axis": axis}
        stroke = {} if dots else {"symbolType": "stroke", "symbolSize": 500}
        above = 28 if panel.marks and not panel.title else 14
        named = kit.legend(size, series, 8, offset=above, **stroke)
        kind = {"field": "series", "type": "nominal"}
        look = {
            "color": kind | {"scale": kit.scale(series, kit.PALETTE), "legend": named},
            "strokeDash": kind | {"scale": kit.scale(series, kit.DASHES), "legend": named},
            "opacity": kit.chosen(),
        }
        step = "step-after" if any(line.steps for line in panel.lines) else "linear"
        at = {"x": x | {"field": "x"}, "y": y | {"field": "_y"}}
        layers: list[Json] = [_marks(panel, x)] if panel.marks else []
        if banded:
            layers.append(
                {
                    "mark": {"type": "area", "interpolate": step},
                    "encoding": {
                        "x": x | {"field": "x"}, "y": y | {"field": "_low"},
                        "y2": {"field": "_high"},
                        "color": look["color"],
                        "opacity": {
                            "condition": kit.chosen()["condition"] | {"value": 0.16}, "value": 0.03,
                        },
                    },
                }
            )  # fmt: skip
        layers.append(
            {
                "mark": {"type": "line", "strokeWidth": 2.5, "interpolate": step},
                "encoding": at | look,
            }
        )
        shape = kind | {"scale": kit.scale(series, kit.SHAPES), "legend": named}
        # Points can be pointed at even where they are not to be seen.
        layers.append(
            {
                "mark": {"type": "point", "filled": True, "size": 70 if dots else 160},
                "encoding": at
                | {"color": look["color"], "tooltip": kit.TIP}
                | (
                    {"shape": shape, "opacity": kit.chosen()} if dots else {"opacity": {"value": 0}}
                ),
            }
        )
        return {
            "width": width, "height": 210 if size.narrow else 280,
            "transform": [{"filter": f"datum._panel == {number}"}], "layer": layers,
            **({"title": {"text": panel.title, "offset": 28 if panel.marks else 10}}
               if panel.title else {}),
        }  # fmt: skip

    for row in rows:
        row["_panel"] = next(n for n, panel in enumerate(panels) if panel.title == row["panel"])
    return kit.chart(name, title, alt, {"points": rows}, draw, series)


def _rows(panel: Panel, line: Line, unit: str) -> list[Json]:
    known = len(line.low) == len(line.high) == len(line.x)
    rows = []
    for place, (x, y) in enumerate(zip(line.x, line.y, strict=True)):
        low, high = (line.low[place], line.high[place]) if known else (None, None)
        at = panel.ticks.get(x, f"{x:,.4g}")
        interval = f" ({low:,.4g} to {high:,.4g})" if low is not None else ""
        rows.append(
            {
                "panel": panel.title, "series": line.name, "x": x, "value": y, "low": low,
                "high": high, "_low": low, "_high": high, "_y": y,
                "_tip": f"{line.name}, {at}: {y:,.4g}{unit}{interval}",
            }
        )  # fmt: skip
    return rows


def _marks(panel: Panel, x: Json) -> Json:
    """Vertical lines; their words stand above the panel, where no curve crosses them."""
    values = [line.x for line in panel.lines]
    low, high = min(min(v) for v in values), max(max(v) for v in values)
    rows = [
        {"_at": at, "_words": words, "_side": (at - low) / ((high - low) or 1) > 0.55}
        for at, words in panel.marks
        if low <= at <= high
    ]
    right: Json = {"type": "text", "align": "left", "dx": -2, "dy": -5, "baseline": "bottom"}
    words = {"x": x | {"field": "_at"}, "y": {"value": 0}, "text": {"field": "_words"}}
    return {
        "data": {"values": rows},
        "layer": [
            {
                "mark": kit.DASHED,
                "encoding": {"x": x | {"field": "_at"}},
            },
            {"transform": [{"filter": "!datum._side"}], "mark": right, "encoding": words},
            {
                "transform": [{"filter": "datum._side"}],
                "mark": right | {"align": "right", "dx": 2}, "encoding": words,
            },
        ],
    }  # fmt: skip
