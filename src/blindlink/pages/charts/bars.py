"""Bars made up of parts that add to a hundred per cent, with the shares on them."""

from collections.abc import Sequence

from blindlink.pages.charts import kit
from blindlink.pages.charts.kit import Chart, Json, Size
from blindlink.pages.charts.rows import row_axis, row_key

NOT_SHOWN = "not shown"
_LEAST_REST = 0.5  # per cent: less is rounding
_ROOM = 0.045  # of the width: narrower parts have no room for their figure


def bars(
    values: Sequence[tuple[str, Sequence[float | None]]],
    parts: Sequence[str],
    *,
    name: str,
    title: str,
    x_label: str,
) -> Chart | None:
    """``values``: the name of a bar and the percentage of each part, None where none may be shown.

    What is missing to a hundred is drawn as "not shown". None without any figure.
    """
    values = [bar for bar in values if any(share is not None for share in bar[1])]
    if not values:
        return None
    rows: list[Json] = []
    for number, (bar, shares) in enumerate(values):
        start = 0.0
        given = list(zip(parts, shares, strict=True))
        rest = 100 - sum(share or 0.0 for share in shares)
        for part, share in [*given, (NOT_SHOWN, rest if rest > _LEAST_REST else None)]:
            if share:
                rows.append(_part(row_key(number, bar), bar, part, share, start))
                start += share
    used = [part for part in (*parts, NOT_SHOWN) if any(row["series"] == part for row in rows)]
    colours = {part: kit.PALETTE[i % len(kit.PALETTE)] for i, part in enumerate(parts)}
    colours[NOT_SHOWN] = "#FFFFFF"
    dark = [part for part in used if colours[part] in kit.DARK]

    def draw(size: Size) -> Json:
        y, height = row_axis(size, list(dict.fromkeys(row["_row"] for row in rows)), step=54)
        x = {"type": "quantitative", "scale": {"domain": [0, 100]}}
        axis = {
            "title": kit.heading(x_label, size),
            "grid": False,
            "tickCount": 5,
            "labelExpr": "datum.label + '%'",
        }
        least = 100 * _ROOM * (2.4 if size.narrow else 1)
        return {
            "data": {"name": "shares"}, "width": size.width, "height": height,
            "autosize": {"type": "fit-x", "contains": "padding"},
            "encoding": {"y": y, "opacity": kit.chosen()},
            "layer": [
                {
                    "mark": {"type": "bar", "stroke": kit.FAINT, "strokeWidth": 0.6},
                    "encoding": {
                        "x": x | {"field": "_start", "axis": axis}, "x2": {"field": "_end"},
                        "color": {
                            "field": "series", "type": "nominal",
                            "legend": kit.legend(size, used, size.label),
                            "scale": kit.scale(used, [colours[part] for part in used]),
                        },
                        "tooltip": kit.TIP,
                    },
                },
                {
                    "transform": [{"filter": f"datum.share >= {least}"}],
                    "mark": {"type": "text", "fontWeight": "bold"},
                    "encoding": {
                        "x": x | {"field": "_middle"}, "text": {"field": "_label"},
                        "color": {
                            "condition": {
                                "test": {"field": "series", "oneOf": dark}, "value": "white",
                            },
                            "value": kit.INK,
                        },
                    },
                },
            ],
        }  # fmt: skip

    return kit.chart(name, title, _alt(values, parts), {"shares": rows}, draw, used)


def _part(key: str, bar: str, part: str, share: float, start: float) -> Json:
    return {
        "bar": bar, "series": part, "share": round(share, 1), "_row": key, "_start": start,
        "_end": start + share, "_middle": start + share / 2, "_label": f"{share:.0f}%",
        "_tip": f"{bar}: {part} {share:.1f}%",
    }  # fmt: skip


def _alt(values: Sequence[tuple[str, Sequence[float | None]]], parts: Sequence[str]) -> str:
    told = []
    for bar, shares in values:
        named = zip(parts, shares, strict=True)
        words = [f"{part} {NOT_SHOWN if s is None else f'{s:.1f}%'}" for part, s in named]
        told.append(f"{bar}: {', '.join(words)}")
    return "Bars that add up to 100%. " + "; ".join(told) + "."
