"""The kit of every page: one environment, one base, one stylesheet, and how charts stand in it.

A page is one file: style, script and pictures stand inside, and a content security policy names the
digests of its own style and script and forbids everything else, any request included. Without
JavaScript a page shows the same charts as still pictures.
"""

from base64 import b64encode
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from blindlink.pages.charts.kit import PAGE, PHONE, VEGA_LITE, Chart

KIT = "blindlink.pages"
_NOTICE = """/*! As bundled by vl-convert: Vega, Vega-Lite and Vega-Embed, copyright University of
Washington Interactive Data Lab, BSD 3-Clause licence; D3, copyright Mike Bostock, ISC licence. */
"""


@dataclass(frozen=True)
class Table:
    """A table with a caption and a header row; the first cell of a row names it.

    ``words`` are the columns that hold words and stand to the left, counted from 0; the first
    always does. Cells that are no text stand as they are: ``Markup``, or a number.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str | Markup]]
    words: Collection[int] = ()


@dataclass(frozen=True)
class Stage:
    """A stage of a flow: what it is, how many there are, who left before it, and by which rule."""

    title: str
    counts: str
    lost: str = ""
    rule: str = ""


@dataclass(frozen=True)
class Stages:
    """A flow from top to bottom as text; ``note`` explains what its figures cannot say."""

    id: str
    title: str
    stages: Sequence[Stage]
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a page: words, charts, tables, in this order; then ``folded`` tables behind
    ``summary``, and ``notes`` as a list.
    """

    id: str
    title: str
    text: Sequence[str | Markup] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    folded: Sequence[Table] = ()
    summary: str = ""
    notes: Sequence[str] = ()


def document(
    sections: Sequence[Section],
    *,
    package: str = KIT,
    template: str = "document.html.j2",
    warnings: Sequence[str] = (),
    **facts: Any,
) -> str:
    """A page of sections; ``facts``: ``title``, ``kind``, ``lead``, ``facts``, ``footer``."""
    return render(
        package,
        template,
        [chart for section in sections for chart in section.charts],
        contents=[(section.id, section.title, ()) for section in sections],
        sections=sections,
        warnings=warnings,
        **facts,
    )


def with_bar(text: str, share: float, kind: str = "") -> Markup:
    """A cell: a figure, and beside it a share from 0 to 1 as a bar."""
    bar: Markup = _parts().bar(min(max(share, 0.0), 1.0), kind)
    return Markup("{}{}").format(text, bar)


def light(colour: str) -> Markup:
    """A light of the risk report: its colour in words too."""
    made: Markup = _parts().light(colour)
    return made


@cache
def _parts() -> Any:
    return _environment(KIT).get_template("kit.html.j2").module


def environment(package: str, **settings: Any) -> Environment:
    """Templates of a package, and behind them those of the kit."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(KIT)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **settings,
    )
    made.globals |= {"chart_svg": _svg, "chart_csv": _csv, "chart_json": _json}
    made.tests |= {"chart": lambda one: isinstance(one, Chart)}
    return made


def render(package: str, template: str, charts: Iterable[object] = (), **facts: Any) -> str:
    """A page that stands alone. The script is part of it where ``charts`` holds a chart."""
    style = asset("page.css").decode()
    scripts = _scripts() if any(isinstance(one, Chart) for one in charts) else ()
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src {_digest(style)}",
            *([f"script-src {' '.join(map(_digest, scripts))}"] if scripts else []),
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return _environment(package).get_template(template).render(
        style=Markup(style),  # noqa: S704 - our own file
        scripts=[Markup(script) for script in scripts],  # noqa: S704 - our own, and Vega's
        policy=Markup(policy),  # noqa: S704 - no text from elsewhere
        **facts,
    )  # fmt: skip


@cache
def asset(name: str) -> bytes:
    """A file of the kit: its stylesheet or its script."""
    return files(KIT).joinpath("static", name).read_bytes()


@cache
def _environment(package: str) -> Environment:
    return environment(package)


@cache
def _scripts() -> tuple[str, str]:
    """Vega with what it needs, once for all charts of a page, and our own script."""
    import vl_convert

    vega = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    return _NOTICE + vega.replace("</script", "<\\/script"), asset("charts.js").decode()


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _svg(chart: Chart) -> Markup:
    return Markup(chart.svg(PAGE) + chart.svg(PHONE))  # noqa: S704 - vl-convert escapes texts


def _csv(chart: Chart) -> str:
    """The data as a link's target; it works without a script."""
    return f"data:text/csv;charset=utf-8,{quote(chart.csv())}"


def _json(chart: Chart) -> Markup:
    return Markup(chart.interactive())  # noqa: S704 - escaped for HTML already
