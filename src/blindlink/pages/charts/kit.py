"""What all charts share: one look, two widths, a still picture and an interactive one.

A chart is a Vega-Lite specification (https://vega.github.io/vega-lite) and its data. vl-convert
runs Vega in this process and gives an SVG: no browser, no network, the same bytes every time. The
same specification is drawn again by Vega in a reader's browser, with tips and a choice of series,
where JavaScript runs. Each chart is laid out twice, for a page and for a telephone: scaling one
picture down would make its words too small to read.

Colours are the categorical palette of the Government Analysis Function, tested for contrast and
colour blindness. No chart relies on colour alone: series differ in shape or dashes too, and words
are always dark.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BLUE, TURQUOISE, PINK, ORANGE, GREY, PURPLE = (
    "#12436D", "#28A197", "#801650", "#F46A25", "#3D3D3D", "#A285D1",
)  # fmt: skip
PALETTE = (BLUE, ORANGE, TURQUOISE, PINK, GREY, PURPLE)
DARK = {BLUE, PINK, GREY}  # white words can be read on these, dark ones on the others
INK, FAINT, RULE, WASH = "#0B0C0C", "#505A5F", "#B1B4B6", "#DDE6EE"
SHAPES = ("circle", "diamond", "square", "triangle-up")
DASHES: tuple[list[int], ...] = ([1, 0], [7, 4], [2, 3], [9, 3, 2, 3])
FONT = "Arial, Helvetica, Liberation Sans, sans-serif"

VEGA_LITE = "6.4"  # the version that specifications are written for
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"

Json = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Size:
    """A layout: its width and that of its words in pixels, and where labels are broken."""

    width: int
    words: int
    label: int
    narrow: bool


PAGE = Size(width=760, words=14, label=40, narrow=False)
PHONE = Size(width=340, words=13, label=22, narrow=True)


@dataclass(frozen=True)
class Chart:
    """A chart that can be shown. ``id`` is unique on its page; ``alt`` says what it shows.

    ``data`` names the data sets; the first is what a reader may download. ``series`` are the names
    among which a reader may choose one.
    """

    id: str
    title: str
    alt: str
    data: Mapping[str, Rows]
    layouts: Mapping[str, Json] = field(repr=False)
    series: tuple[str, ...] = ()

    def spec(self, size: Size = PAGE) -> Json:
        """The whole Vega-Lite specification, its data inside."""
        return {
            "$schema": SCHEMA,
            "datasets": {name: list(rows) for name, rows in self.data.items()},
            **_frame(size),
            **self.layouts[_name(size)],
        }

    def svg(self, size: Size = PAGE) -> str:
        """The still picture, to stand inline in HTML beside elements that name and describe it."""
        import vl_convert  # 88 MB: only for whoever draws

        drawn = vl_convert.vegalite_to_svg(self.spec(size), vl_version=VEGA_LITE)
        return _inline(drawn, self.id, _name(size))

    def csv(self) -> str:
        """The data as CSV text."""
        rows = [
            {name: value for name, value in row.items() if not name.startswith("_")}
            for row in next(iter(self.data.values()))
        ]
        out = io.StringIO()
        writer = csv.DictWriter(out, list(dict.fromkeys(n for row in rows for n in row)))
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()

    def interactive(self) -> str:
        """Everything that the page's script needs, as JSON that may stand inside HTML."""
        document = {
            "datasets": {name: list(rows) for name, rows in self.data.items()},
            **{_name(size): _frame(size) | self.layouts[_name(size)] for size in (PAGE, PHONE)},
        }
        text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def chart(
    name: str,
    title: str,
    alt: str,
    data: Mapping[str, Rows],
    draw: Callable[[Size], Json],
    series: Sequence[str] = (),
) -> Chart:
    """A chart from its data and a function that lays it out.

    What begins with ``_`` in a row is for the drawing and not for whoever downloads the data.
    """
    layouts = {_name(size): draw(size) for size in (PAGE, PHONE)}
    return Chart(name, title, alt, data, layouts, tuple(series) if len(series) > 1 else ())


DASHED: Json = {"type": "rule", "color": GREY, "strokeWidth": 1.4, "strokeDash": [5, 3]}
TIP: Json = {"field": "_tip", "type": "nominal"}  # what a mark says under the pointer


def chosen(light: float = 0.12) -> Json:
    """The opacity of marks with a field ``series``: of others than the chosen one ``light``."""
    return {
        "condition": {"test": "show == '' || show == datum.series", "value": 1},
        "value": light,
    }


def legend(size: Size, names: Sequence[str], before: int = 0, **look: Any) -> Json:
    """A legend above the chart; its rows hold as many names as there is room for.

    ``before``: characters of the labels left of the chart, which is where a legend begins.
    """
    room = size.width / (size.words * 0.56) - before
    widest = max((len(name) for name in names), default=0) + 5
    columns = max(1, min(len(names), int(room / widest)))
    return {
        "orient": "top", "title": None, "columns": columns, "labelLimit": 0, "symbolOpacity": 1,
        "symbolSize": 110, "symbolStrokeWidth": 2.5, **look,
    }  # fmt: skip


def scale(names: Sequence[str], values: Sequence[Any]) -> Json:
    """Values for names in their order, from the beginning again where there are more names."""
    return {"domain": list(names), "range": [values[i % len(values)] for i in range(len(names))]}


def wrap(text: str, width: int) -> str:
    """The text broken at spaces into lines of at most ``width`` characters, as words allow."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return "\n".join(lines)


def heading(text: str, size: Size, room: float = 0.6) -> list[str]:
    """The title of an axis in as many lines as it needs in ``room``, a share of the width."""
    return wrap(text, int(room * size.width / (size.words * 0.5))).split("\n")


def whole(text: str) -> str:
    """A text that no line breaks."""
    return text.replace(" ", "\u00a0")


def plain(text: str) -> str:
    """A text without what keeps lines whole."""
    return text.replace("\u00a0", " ")


def signed(value: float, places: int = 1) -> str:
    """A number with its sign, a minus that is as wide as a plus."""
    return f"{value:+.{places}f}".replace("-", "\u2212")


def _name(size: Size) -> str:
    return "narrow" if size.narrow else "wide"


def _frame(size: Size) -> Json:
    """The look, and the variable that a reader's choice of series sets."""
    axis = {
        "labelFontSize": size.words, "titleFontSize": size.words, "titleFontWeight": "normal",
        "labelColor": INK, "titleColor": INK, "titlePadding": 12, "labelPadding": 6,
        "labelLimit": 0, "titleLimit": 0, "domainColor": RULE, "tickColor": RULE,
        "gridColor": RULE, "gridOpacity": 0.6, "labelFlush": False,
    }  # fmt: skip
    words = {"labelFontSize": size.words, "labelColor": INK}
    return {
        "params": [{"name": "show", "value": ""}],
        "background": "white",
        "padding": {"left": 2, "right": 10, "top": 4, "bottom": 4},
        "config": {
            "font": FONT, "aria": False, "view": {"stroke": None}, "axis": axis,
            "legend": words | {"rowPadding": 4, "columnPadding": 18, "offset": 14},
            "text": {"color": INK, "fontSize": size.words},
            "title": {"color": INK, "fontSize": size.words + 1, "anchor": "start", "offset": 10},
            "concat": {"spacing": 28},
        },
    }  # fmt: skip


def _inline(svg: str, name: str, layout: str) -> str:
    """The picture as part of a page: named and described, with ids that no other picture has."""
    head, rest = svg.split(">", 1)
    size = " ".join(re.findall(r'(?:width|height|viewBox)="[^"]*"', head))
    size = re.sub(r"\.\d+", "", size)
    # What Vega says of every group of marks is noise beside the alternative text.
    rest = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", rest)
    # Marks that are only there to be pointed at cannot be in a still picture.
    rest = re.sub(r'<path [^>]*\sopacity="0"[^>]*/>', "", rest)
    rest = re.sub(r'\bid="', f'id="{name}-{layout}-', rest)
    rest = re.sub(r"url\(#", f"url(#{name}-{layout}-", rest)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{layout}-picture" {size} role="img" '
        f'aria-labelledby="{name}-title" aria-describedby="{name}-alt" focusable="false">{rest}'
    )
