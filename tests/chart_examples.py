"""One example of every chart: what the tests look at, and the pictures of the reference page.

Words are longer than a label may be, so that a label that is cut would be seen.
"""

from math import exp

from blindlink.pages.charts.bars import bars
from blindlink.pages.charts.dots import Dot, Mark, dots
from blindlink.pages.charts.forest import Ratio, forest
from blindlink.pages.charts.kit import BLUE, GREY, ORANGE, TURQUOISE, Chart
from blindlink.pages.charts.lines import Line, Panel, lines
from blindlink.pages.charts.sankey import Flow, Node, sankey
from blindlink.pages.charts.waterfall import waterfall


def _bars() -> Chart | None:
    return bars(
        [
            ("Alcohol treatment requirement", [52.1, 30.2, 17.7]),
            ("Drug rehabilitation requirement", [8.4, 24.0, None]),
        ],
        ["alcohol only", "non-opiate and alcohol", "opiate"],
        name="bars", title="Substances by requirement", x_label="Share of requirements",
    )  # fmt: skip


def _dots() -> Chart | None:
    groups = {"Sex": ("female", "male"), "Accommodation": ("settled", "bail or probation hostel")}
    values = [
        Dot(heading, group, kind, 30 + 7 * place + 9 * number, 26 + 7 * place + 9 * number,
            36 + 7 * place + 9 * number)
        for heading, names in groups.items()
        for place, group in enumerate(names)
        for number, kind in enumerate(("DRR", "ATR"))
    ]  # fmt: skip
    return dots(
        values, name="dots", title="Engagement by group",
        marks=[Mark(60, "an outside figure, 60%")],
        alt="Dots with intervals by group, from 30% to 46%.", x_label="Share of requirements",
    )  # fmt: skip


def _forest() -> Chart | None:
    ratios = [
        Ratio("Age (per 10 years)", "", 1.12, 1.05, 1.2),
        Ratio("Sex", "male", None),
        Ratio("Sex", "female", 0.8, 0.7, 0.92),
        Ratio("Accommodation", "settled", None),
        Ratio("Accommodation", "no fixed abode or living rough", 0.95, 0.8, 1.13),
        Ratio("Accommodation", "approved premises", None, withheld="[c]"),
    ]
    return forest(ratios, name="forest", title="Who engages with treatment", what="engagement")


def _lines() -> Chart | None:
    days = [float(day) for day in range(0, 366, 73)]
    panels = [
        Panel(
            kind,
            [
                Line("entered treatment", days, y := [top * (1 - exp(-d / 90)) for d in days],
                     [v * 0.9 for v in y], [v * 1.1 for v in y], steps=True),
                Line("order ended before entry", days, [d / 30 for d in days], steps=True),
            ],
            ticks={0.0: "0", 182.5: "half a year", 365.0: "1 year"},
            marks=[(21.0, "3 weeks")],
        )
        for kind, top in (("ATR", 45.0), ("DRR", 36.0))
    ]  # fmt: skip
    return lines(
        panels, name="lines", title="Entry into treatment", x_label="Time since the sentence",
        alt="Curves that rise from the day of the sentence. At the end: ATR 44.2%, DRR 35.4%.",
        y_label="Cumulative share",
    )  # fmt: skip


def _sankey() -> Chart | None:
    nodes = [
        Node("Alcohol (ATR)", 0, 1755, BLUE),
        Node("Drug (DRR)", 0, 2134, ORANGE),
        Node("Engaged with treatment", 1, 1499, TURQUOISE),
        Node("No engagement observed", 1, 2390, GREY),
        Node("Successfully completed", 2, 560, TURQUOISE),
        Node("Dropped out or left otherwise", 2, 919, ORANGE),
        Node("Died", 2, 20, GREY),
    ]
    flows = [
        Flow("Alcohol (ATR)", "Engaged with treatment", 806),
        Flow("Alcohol (ATR)", "No engagement observed", 949),
        Flow("Drug (DRR)", "Engaged with treatment", 693),
        Flow("Drug (DRR)", "No engagement observed", 1441),
        Flow("Engaged with treatment", "Successfully completed", 560),
        Flow("Engaged with treatment", "Dropped out or left otherwise", 919),
        Flow("Engaged with treatment", "Died", 20),
    ]
    return sankey(
        nodes, flows, ("Requirement", "Treatment", "First journey"), name="sankey",
        title="From sentence to outcome",
        alt="Sankey diagram: 3,889 requirements, 1,499 engaged, 560 completed.",
    )  # fmt: skip


def _waterfall() -> Chart | None:
    values = [("observed", 38.5), ("false links", -2.4), ("links that were missed", 7.8),
              ("corrected", 43.9)]  # fmt: skip
    return waterfall(
        values, first="observed", last="corrected", name="waterfall", x_label="Share engaged (%)",
        title="From the observed to the corrected share",
    )  # fmt: skip


_MADE = {
    "bars": _bars, "dots": _dots, "forest": _forest, "lines": _lines, "sankey": _sankey,
    "waterfall": _waterfall,
}  # fmt: skip


def examples() -> dict[str, Chart]:
    """The example of each chart by the chart's name."""
    made = {name: make() for name, make in _MADE.items()}
    return {name: chart for name, chart in made.items() if chart is not None}
