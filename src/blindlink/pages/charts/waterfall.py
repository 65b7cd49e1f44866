"""A waterfall: how steps lead from one figure to another, or from nothing to a sum."""

from collections.abc import Callable, Sequence

from blindlink.pages.charts import kit
from blindlink.pages.charts.kit import Chart, Json, Size
from blindlink.pages.charts.rows import row_axis, row_key

_KINDS = {"first": kit.BLUE, "adds": kit.TURQUOISE, "takes away": kit.ORANGE, "last": kit.GREY}


def waterfall(
    values: Sequence[tuple[str, float]],
    *,
    first: str | None,
    last: str,
    name: str,
    title: str,
    x_label: str,
    total: Callable[[float], str] = "{:.1f}%".format,
    step: Callable[[float], str] = lambda size: f"{kit.signed(size)} points",
) -> Chart | None:
    """Bars from ``first``, or from 0 where it is None, over the steps to ``last``, top to bottom.

    ``values`` are names and sizes; what stands before ``first`` and after ``last`` is left out.
    ``total`` and ``step`` put sizes into words. None unless both ends are there.
    """
    names = [label for label, _ in values]
    if last not in names or (first is not None and first not in names):
        return None
    begin = names.index(first) if first is not None else 0
    rows: list[Json] = []
    level = 0.0
    for number, (label, size) in enumerate(values[begin : names.index(last) + 1]):
        end = label in (first, last)
        start, level = (0.0, size) if end else (level, level + size)
        words = total(size) if end else step(size)
        kind = "first" if label == first else "last" if end else _direction(size)
        rows.append(
            {
                "step": label, "size": round(size, 3), "kind": kind,
                "_row": row_key(number, f"{label}: {kit.whole(words)}"), "_start": start,
                "_end": level,
                "_tip": f"{label}: {words}",
            }
        )  # fmt: skip
    kinds = [kind for kind in _KINDS if any(row["kind"] == kind for row in rows)]
    steps = [kind for kind in kinds if kind in ("adds", "takes away")]

    def draw(size: Size) -> Json:
        y, height = row_axis(size, [row["_row"] for row in rows])
        axis = {"title": kit.heading(x_label, size), "tickCount": 5}
        colours = kit.scale(kinds, [_KINDS[kind] for kind in kinds])
        named = kit.legend(size, steps, size.label) | {"values": steps} if len(steps) > 1 else None
        return {
            "data": {"name": "steps"}, "width": size.width, "height": height,
            "autosize": {"type": "fit-x", "contains": "padding"},
            "encoding": {"y": y},
            "layer": [
                {
                    "mark": {"type": "bar", "stroke": kit.RULE, "strokeWidth": 0.6},
                    "encoding": {
                        "x": {"field": "_start", "type": "quantitative", "axis": axis},
                        "x2": {"field": "_end"}, "tooltip": kit.TIP,
                        "color": {
                            "field": "kind", "type": "nominal", "scale": colours, "legend": named,
                        },
                    },
                },
            ],
        }  # fmt: skip

    told = "; ".join(row["_tip"] for row in rows)
    return kit.chart(name, title, f"Bars from top to bottom: {told}.", {"steps": rows}, draw)


def _direction(size: float) -> str:
    return "adds" if size >= 0 else "takes away"
