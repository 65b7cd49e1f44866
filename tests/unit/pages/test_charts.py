"""Every chart of the kit: listed, documented, valid Vega-Lite, the same picture every time."""

import csv
import io
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from blindlink.pages.charts import CHARTS
from blindlink.pages.charts.dots import Dot, dots
from blindlink.pages.charts.kit import DARK, INK, PAGE, PALETTE, PHONE, Chart, Size, wrap
from blindlink.pages.charts.lines import Line, Panel, lines
from blindlink.pages.charts.waterfall import waterfall
from chart_examples import examples

ROOT = Path(__file__).parents[3]
EXAMPLES = examples()
SIZES = {"page": PAGE, "phone": PHONE}


@cache
def vega_lite() -> Any:
    """The JSON Schema of the language, which Altair carries."""
    import altair

    path = Path(altair.__file__).parent / "vegalite/v6/schema/vega-lite-schema.json"
    schema = json.loads(path.read_text("utf-8"))
    return jsonschema.Draft7Validator(schema)


class TestEveryChart:
    def test_is_listed_has_an_example_and_stands_in_the_documentation(self) -> None:
        page = (ROOT / "docs/reference/charts.md").read_text("utf-8")
        assert set(CHARTS) == set(EXAMPLES)
        assert set(re.findall(r"^## `(\w+)`$", page, re.MULTILINE)) == set(CHARTS)
        pictures = set(re.findall(r"\.\./images/charts/(\w+)\.svg", page))
        assert pictures == set(CHARTS)

    @pytest.mark.parametrize("name", CHARTS)
    @pytest.mark.parametrize("size", SIZES)
    def test_is_valid_vega_lite(self, name: str, size: str) -> None:
        vega_lite().validate(EXAMPLES[name].spec(SIZES[size]))

    def test_a_wrong_specification_would_be_seen(self) -> None:
        wrong = EXAMPLES["bars"].spec() | {"layer": [{"mark": "barr"}]}
        assert not vega_lite().is_valid(wrong)

    @pytest.mark.parametrize("name", CHARTS)
    def test_is_drawn_as_in_the_documentation(self, name: str) -> None:
        """The same bytes in another process, on another day and on another machine."""
        picture = (ROOT / f"docs/images/charts/{name}.svg").read_text("utf-8")
        assert EXAMPLES[name].svg() == picture.rstrip("\n"), "python tests/docs/chart_pictures.py"
        assert EXAMPLES[name].svg() == EXAMPLES[name].svg()

    @pytest.mark.parametrize("name", CHARTS)
    @pytest.mark.parametrize("size", SIZES)
    def test_is_no_wider_than_its_layout_and_keeps_its_ids_to_itself(
        self, name: str, size: str
    ) -> None:
        text = EXAMPLES[name].svg(SIZES[size])
        width = re.search(r'width="(\d+)"', text)
        assert width is not None
        assert int(width[1]) <= SIZES[size].width + 12
        assert all(one.startswith(f"{name}-") for one in re.findall(r'\sid="([^"]+)"', text))
        assert " style=" not in text

    @pytest.mark.parametrize("name", CHARTS)
    def test_may_stand_inside_a_page(self, name: str) -> None:
        text = EXAMPLES[name].interactive()
        assert not set("<>&") & set(text)
        assert json.loads(text)["datasets"].keys() == EXAMPLES[name].data.keys()


ALTERNATIVES = {
    "bars": "Bars that add up to 100%. Alcohol treatment requirement: alcohol only 52.1%, "
    "non-opiate and alcohol 30.2%, opiate 17.7%; Drug rehabilitation requirement: alcohol only "
    "8.4%, non-opiate and alcohol 24.0%, opiate not shown.",
    "dots": "Dots with intervals by group, from 30% to 46%.",
    "forest": "Forest plot of odds ratios for engagement. Clearly above 1: Age (per 10 years) "
    "(1.12). Clearly below 1: Sex female (0.80).",
    "lines": "Curves that rise from the day of the sentence. At the end: ATR 44.2%, DRR 35.4%.",
    "sankey": "Sankey diagram: 3,889 requirements, 1,499 engaged, 560 completed.",
    "waterfall": "Bars from top to bottom: observed: 38.5%; false links: \u22122.4 points; links "
    "that were missed: +7.8 points; corrected: 43.9%.",
}


@pytest.mark.parametrize("name", CHARTS)
def test_the_alternative_text_says_what_is_shown(name: str) -> None:
    assert EXAMPLES[name].alt == ALTERNATIVES[name]


def test_data_to_download_are_what_was_given_and_nothing_of_the_drawing() -> None:
    rows = list(csv.DictReader(io.StringIO(EXAMPLES["waterfall"].csv())))
    assert [(row["step"], row["size"]) for row in rows] == [
        ("observed", "38.5"),
        ("false links", "-2.4"),
        ("links that were missed", "7.8"),
        ("corrected", "43.9"),
    ]
    for chart in EXAMPLES.values():
        assert not [name for name in chart.csv().splitlines()[0].split(",") if name[0] == "_"]


def test_words_from_elsewhere_stay_words() -> None:
    """A label may hold what ends a script, a string of an expression, or a tag."""
    nasty = '</script><b>\'\\n & "x"'
    made = dots([Dot("", nasty, "one", 5.0)], name="n", title="t", alt="a", x_label="x")
    assert made is not None
    assert "</script" not in made.interactive()
    assert "<b>" not in made.svg()
    assert "&lt;b&gt;" in made.svg()


def test_no_colour_of_words_is_hard_to_read() -> None:
    for colour in PALETTE:
        assert contrast("#FFFFFF" if colour in DARK else INK, colour) >= 4.5
        assert contrast(colour, "#FFFFFF") >= 3  # of marks; each has a shape or dashes as well


def contrast(one: str, other: str) -> float:
    """The contrast of two colours (WCAG 2.2)."""
    lights = sorted((luminance(one), luminance(other)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class TestWhatEachChartLeavesOut:
    def test_without_data_there_is_no_chart(self) -> None:
        assert dots([], name="n", title="t", alt="a", x_label="x") is None
        assert CHARTS["bars"]([("a", [None])], ["p"], name="n", title="t", x_label="x") is None
        assert CHARTS["forest"]([], name="n", title="t", what="w") is None
        assert CHARTS["sankey"]([], [], ("a",), name="n", title="t", alt="a") is None
        panels = [Panel("", [])]
        assert lines(panels, name="n", title="t", alt="a", x_label="x", y_label="y") is None

    def test_a_waterfall_needs_both_ends(self) -> None:
        values = [("observed", 30.0), ("false links", -2.0), ("more", 7.0), ("corrected", 35.0)]
        words = {"name": "w", "title": "t", "x_label": "x"}
        made = waterfall([*values, ("true", 36.0)], first="observed", last="corrected", **words)
        assert made is not None
        steps = made.data["steps"]
        assert [(row["_start"], row["_end"]) for row in steps] == [
            (0, 30), (30, 28), (28, 35), (0, 35),
        ]  # fmt: skip
        assert waterfall(values[:2], first="observed", last="corrected", **words) is None

    def test_a_scale_holds_every_interval(self) -> None:
        made = dots(
            [Dot("", "a", "s", 31.0, 20.0, 44.0)], name="n", title="t", alt="a", x_label="x"
        )
        assert made is not None
        layers = made.spec()["layer"]
        assert all(layer["encoding"]["x"]["scale"]["domain"] == [0, 50] for layer in layers)

    def test_counts_of_none_stand_at_the_foot_of_a_logarithmic_scale(self) -> None:
        made = lines(
            [Panel("", [Line("pairs", [0, 1, 2], [1000, 10, 0])])], name="n", title="t", alt="a",
            x_label="x", y_label="y", logarithmic=True,
        )  # fmt: skip
        assert made is not None
        assert [(row["value"], row["_y"]) for row in made.data["points"]] == [
            (1000, 1000), (10, 10), (0, 1),
        ]  # fmt: skip


def test_bands_of_a_sankey_keep_their_widths() -> None:
    bands = EXAMPLES["sankey"].data["bands"]
    numbers = [row["number"] for row in EXAMPLES["sankey"].data["flows"]]
    for flow, number in enumerate(numbers):
        widths = {round(b["_foot"] - b["_top"], 1) for b in bands if b["_flow"] == flow}
        assert max(widths) - min(widths) <= 0.11
        assert max(widths) / number == pytest.approx(
            (bands[0]["_foot"] - bands[0]["_top"]) / numbers[0], abs=0.006
        )


def test_lines_are_broken_at_words_only() -> None:
    assert wrap("no fixed abode or living rough", 12) == "no fixed\nabode or\nliving rough"
    assert wrap("incomprehensibilities", 8) == "incomprehensibilities"
    assert wrap("a 0.80\u00a0(0.70\u00a0to\u00a00.92)", 6).count("\n") == 1


def test_whoever_draws_nothing_loads_no_vega() -> None:
    code = "import sys, blindlink.pages.linkage.page; print('vl_convert' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_example_in_the_documentation_runs() -> None:
    page = (ROOT / "docs/reference/charts.md").read_text("utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    assert names["chart"].alt == "ATR 45.9%, DRR 32.5%."


def layout_of(chart: Chart, size: Size) -> Any:
    return chart.spec(size)


def test_a_telephone_gets_panels_below_each_other() -> None:
    assert "hconcat" in layout_of(EXAMPLES["lines"], PAGE)
    assert "vconcat" in layout_of(EXAMPLES["lines"], PHONE)
