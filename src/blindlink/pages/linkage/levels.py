"""The part of the linkage quality report about several filters: levels, weights, patterns."""

from collections.abc import Iterator

from blindlink.messages.linkage_report import Level, LinkageReport, Pattern
from blindlink.pages.charts.kit import Chart, signed
from blindlink.pages.charts.waterfall import waterfall
from blindlink.pages.html import Section, Table, with_bar


def levels(report: LinkageReport) -> Iterator[Section]:
    """The sections about agreement levels; none where there is one filter."""
    if not report.levels:
        return
    heads = ("Filter and score", "m: matches", "u: non-matches", "Weight, log2(m/u)")
    rows = [
        (
            level_name(level),
            with_bar(_share(level.m), level.m),
            with_bar(_share(level.u), level.u, "second"),
            signed(level.weight),
        )
        for level in report.levels
    ]
    text = (
        "Shares of the pairs that any filter lets through its floor: u of known non-matches, "
        "counted within each file; m of matches, estimated by EM."
    )
    words = [text, *_dependence(report)]
    yield Section("levels", "Agreement levels", words, tables=[Table("Levels", heads, rows)])
    if report.patterns:
        text = (
            "The most frequent patterns among pairs that may be matches: each filter adds the "
            "weight of its level. No single pair is shown."
        )
        drawn = [_pattern(report, n, one) for n, one in enumerate(report.patterns, start=1)]
        charts = [chart for chart in drawn if chart is not None]
        yield Section("weights", "How weights add up", [text], charts)


def level_name(level: Level) -> str:
    """A level as a reader meets it: its filter and its scores."""
    return f"filter {level.filter}: {level.low:.3f} to {level.high:.3f}"


def _dependence(report: LinkageReport) -> list[str]:
    keys = {"matches": "matches", "strangers": "non-matches"}
    told = [
        f"{value:.2f} among {name}"
        for key, name in keys.items()
        if (value := report.model.get(f"dependence_of_filters_among_{key}")) is not None
    ]
    if not told:
        return []
    return [
        f"Largest correlation between the weights of two filters: {', '.join(told)}. "
        "Weights add up as if filters were independent; match probabilities do not rest on that, "
        "because the sums that non-matches reach are measured within each file."
    ]


def _pattern(report: LinkageReport, number: int, one: Pattern) -> Chart | None:
    """How the weights of a pattern of agreement add up."""
    steps = []
    for filter_, rank in enumerate(one.levels, start=1):
        level = [each for each in report.levels if each.filter == filter_][rank - 1]
        steps.append((level_name(level), level.weight))
    title = (
        f"{one.pairs:,} pairs: weight {one.weight:+.1f}, mean match probability "
        f"{one.probability:.3f}"
    )
    return waterfall(
        [*steps, ("sum", sum(weight for _, weight in steps))], first=None, last="sum",
        name=f"pattern-{number}", title=title, x_label="Match weight", total=signed, step=signed,
    )  # fmt: skip


def _share(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else f"{value:.1e}"
