"""Dots with intervals, one row for each group; shares, days, or odds ratios."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from blindlink.pages.charts import kit
from blindlink.pages.charts.kit import Chart, Json, Size
from blindlink.pages.charts.rows import row_axis, row_key


@dataclass(frozen=True)
class Dot:
    """A figure with its interval where known; ``value`` None draws the interval alone.

    ``heading`` gathers rows, ``group`` names the row, ``series`` gives colour and shape. ``said``
    is the figure in words where the row's name is not to say it.
    """

    heading: str
    group: str
    series: str
    value: float | None
    low: float | None = None
    high: float | None = None
    said: str = ""


@dataclass(frozen=True)
class Mark:
    """A line across all rows with its words: a benchmark, or where two groups do not differ."""

    at: float
    words: str = ""


def dots(
    values: Sequence[Dot],
    *,
    name: str,
    title: str,
    alt: str,
    x_label: str,
    unit: str = "%",
    ticks: Sequence[float] = (),
    joined: bool = False,
    marks: Sequence[Mark] = (),
    logarithmic: bool = False,
    colours: Sequence[str] | Mapping[str, str] = kit.PALETTE,
) -> Chart | None:
    """Rows from top to bottom in the order given. None without values.

    ``joined`` draws a line from dot to dot of a row. ``ticks`` set the scale, which else begins at
    0 and ends above the largest value. ``colours`` may name the series, which sets their order.
    """
    if not values:
        return None
    series = list(dict.fromkeys(dot.series for dot in values))
    if isinstance(colours, Mapping):
        series = [one for one in colours if one in series]
        colours = [colours[one] for one in series]
    rows, keys = _rows(values, unit)
    ends = [end for dot in values for end in (dot.value, dot.high) if end is not None]
    domain = [min(ticks), max(ticks)] if ticks else [0, min(100, 10 * (int(max(ends) // 10) + 1))]
    for row in rows:
        for field in ("value", "low", "high"):
            if row.get(field) is not None:
                row[f"_{field}"] = min(max(row[field], domain[0]), domain[1])
    several = len(series) > 1 and not joined and len(values) > len({row["_row"] for row in rows})

    def draw(size: Size) -> Json:
        y, height = row_axis(size, keys, step=30 if several else 0)
        x: Json = {"type": "quantitative", "scale": {"domain": domain, "nice": False}}
        if logarithmic:
            x["scale"] = {"type": "log", "domain": domain}
        axis: Json = {
            "title": kit.heading(x_label, size),
            "labelExpr": f"format(datum.value, '~') + '{unit}'",
        }
        axis |= {"values": list(ticks)} if ticks else {"tickCount": 5}
        if logarithmic and size.narrow:
            axis["values"] = [tick for tick in ticks if tick in (0.25, 0.5, 1, 2, 4, 8)]
        x["axis"] = axis
        shown = {"y": y} | (
            {"yOffset": {"field": "series", "type": "nominal", "scale": {"domain": series}}}
            if several
            else {}
        )
        named = kit.legend(size, series, size.label) if len(series) > 1 else None
        colour = {"field": "series", "type": "nominal", "scale": kit.scale(series, colours)}
        shape = {"field": "series", "type": "nominal", "scale": kit.scale(series, kit.SHAPES)}
        layers: list[Json] = [
            {
                "mark": kit.DASHED,
                "data": {"values": [{"_at": mark.at} for mark in marks]},
                "encoding": {"x": x | {"field": "_at"}},
            }
        ] if marks else []  # fmt: skip
        if joined:
            layers.append(
                {
                    "mark": {"type": "line", "color": kit.RULE, "strokeWidth": 4},
                    "encoding": {
                        "x": x | {"field": "_value"}, "y": y, "detail": {"field": "_row"},
                    },
                }
            )  # fmt: skip
        interval: Json = {"type": "rule", "strokeWidth": 3}
        layers += [
            {
                "transform": [{"filter": "isValid(datum._low)"}],
                "mark": interval,
                "encoding": {
                    **shown, "x": x | {"field": "_low"}, "x2": {"field": "_high"},
                    "color": colour | {"legend": named}, "opacity": kit.chosen(),
                    "tooltip": kit.TIP,
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 85, "opacity": 1},
                "encoding": {
                    **shown, "x": x | {"field": "_value"}, "color": colour | {"legend": named},
                    "shape": shape | {"legend": named}, "opacity": kit.chosen(), "tooltip": kit.TIP,
                },
            },
        ]  # fmt: skip
        return {
            "data": {"name": "figures"}, "width": size.width, "height": height,
            "autosize": {"type": "fit-x", "contains": "padding"}, "layer": layers,
            **_title(marks),
        }  # fmt: skip

    return kit.chart(name, title, alt, {"figures": rows}, draw, series)


def _title(marks: Sequence[Mark]) -> Json:
    """The words of marks stand above the rows, where no line and no dot can cross them."""
    words = [f"Dashed line: {mark.words}" for mark in marks if mark.words]
    if not words:
        return {}
    return {"title": {"text": words, "fontWeight": "normal", "color": kit.FAINT, "fontSize": 13}}


def _rows(values: Sequence[Dot], unit: str) -> tuple[list[Json], list[str]]:
    """The data, and the key of every row: a heading has a row of its own."""
    lines: dict[tuple[str, str], str] = {}
    for over in dict.fromkeys(dot.heading for dot in values):
        if over:
            lines[over, ""] = row_key(len(lines), over, heading=True)
        for dot in values:
            if dot.heading == over and (over, dot.group) not in lines:
                lines[over, dot.group] = row_key(len(lines), dot.group)
    rows = [
        {
            "heading": kit.plain(dot.heading), "group": kit.plain(dot.group), "series": dot.series,
            "value": dot.value, "low": dot.low, "high": dot.high,
            "_row": lines[dot.heading, dot.group],
            "_tip": f"{kit.plain(dot.group)}, {dot.series}: {dot.said or said(dot, unit)}",
        }
        for dot in values
    ]  # fmt: skip
    return rows, list(lines.values())


def said(dot: Dot, unit: str = "%") -> str:
    """A figure and its interval in words."""
    if dot.low is None or dot.high is None:
        return "" if dot.value is None else f"{dot.value:.1f}{unit}"
    if dot.value is None:
        return f"{dot.low:.1f} to {dot.high:.1f}{unit}"
    return f"{dot.value:.1f}{unit} ({dot.low:.1f} to {dot.high:.1f})"
