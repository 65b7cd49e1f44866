"""The part of the linkage quality report about several filters: levels, weights, patterns."""

from collections.abc import Iterable, Sequence
from html import escape

from blindlink.messages.linkage_report import LinkageReport, Pattern
from blindlink.pages.linkage.bars import level_name, m_u_chart, waterfall


def levels(report: LinkageReport) -> str:
    """The section about agreement levels; empty where there is one filter."""
    if not report.levels:
        return ""
    rows = [
        (
            str(level.filter),
            f"{level.low:.3f} to {level.high:.3f}",
            f"{level.m:.4f}",
            f"{level.u:.2e}",
            f"{level.weight:+.1f}",
        )
        for level in report.levels
    ]
    head = ("filter", "score", "m", "u", "weight log2(m/u)")
    return (
        "<h2>Agreement levels</h2><p>Shares of the pairs that any filter lets through its floor: u "
        "of known strangers, counted within each file; m of matches, estimated by EM.</p>"
        + m_u_chart(report.levels)
        + table("m, u and weight of each level", head, rows)
        + _dependence(report)
        + _patterns(report)
    )


def _dependence(report: LinkageReport) -> str:
    names = ("matches", "strangers")
    found = [report.model.get(f"dependence_of_filters_among_{name}") for name in names]
    told = [
        f"{value:.2f} among {name}"
        for name, value in zip(names, found, strict=True)
        if value is not None
    ]
    if not told:
        return ""
    return (
        f"<p>Largest correlation between the weights of two filters: {', '.join(told)}. "
        "Weights add up as if filters were independent; match probabilities do not rest on that, "
        "because the sums that strangers reach are measured within each file.</p>"
    )


def _patterns(report: LinkageReport) -> str:
    """A waterfall for each frequent pattern of agreement: how its weights add up."""
    if not report.patterns:
        return ""
    return (
        "<h2>How weights add up</h2><p>The most frequent patterns among pairs that may be matches: "
        "each filter adds the weight of its level. No single pair is shown.</p>"
        + "".join(_pattern(report, one) for one in report.patterns)
    )


def _pattern(report: LinkageReport, one: Pattern) -> str:
    parts = []
    for number, rank in enumerate(one.levels, start=1):
        level = [each for each in report.levels if each.filter == number][rank - 1]
        parts.append((level_name(level), level.weight))
    title = (
        f"{one.pairs:,} pairs: weight {one.weight:+.1f}, mean match probability "
        f"{one.probability:.3f}"
    )
    return f"<h3>{title}</h3>{waterfall(title, parts)}"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with a caption and a header row."""
    header = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{header}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
