"""The linkage quality report as one HTML page: readable by a statistician who never saw the data.

Everything stands in the linkage report; the page only shows it. The analyst adds what the control
records measured. No script, no outside address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from blindlink.messages.linkage_report import Estimate, LinkageReport
from blindlink.pages.linkage.charts import Series, count_chart, line_chart
from blindlink.pages.linkage.levels import levels, table

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;"
    "color:#111}table{border-collapse:collapse;margin:1rem 0}th,td{border-bottom:1px solid #ccc;"
    "padding:.25rem .75rem;text-align:right}th:first-child,td:first-child{text-align:left}"
    "td:last-child{white-space:normal}td{white-space:nowrap}"
    "caption{text-align:left;font-weight:600}svg{width:100%;height:auto;font:12px system-ui}"
    ".warning{border-left:4px solid #D55E00;padding-left:.75rem}"
)
_OTHER_THRESHOLDS = 12


@dataclass(frozen=True)
class Measured:
    """What the control records of one owner show: how many were linked, and at what rate.

    ``pairs`` of the released candidates are with a control record; the score model holds
    ``believed`` of them to be right, where none is.
    """

    owner: str
    number: int
    linked: int
    rate: Estimate
    pairs: int
    believed: float


def page(
    report: LinkageReport, measured: Sequence[Measured] = (), owners: tuple[str, str] | None = None
) -> str:
    """The whole page. ``measured``: of the left owner first; ``owners``: left and right."""
    between = f": {escape(owners[0])} and {escape(owners[1])}" if owners else ""
    body = [
        f"<h1>Linkage quality report{between}</h1>",
        _main_points(report),
        *(f'<p class="warning">{escape(text)}</p>' for text in report.warnings),
        _figures(report),
        _controls(report, measured),
        _scores(report),
        _thresholds(report),
        _methods(report),
        levels(report),
        _counts(report),
        _model(report),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Linkage quality report</title><style>{_STYLE}</style></head><body>"
        f"{''.join(body)}</body></html>\n"
    )


def _main_points(report: LinkageReport) -> str:
    counts = report.counts
    text = (
        f"{counts.links:,} links between {counts.left_entities:,} and {counts.right_entities:,} "
        f"people, {report.cardinality}. "
    )
    if "probability_cut" in report.model and "probabilistic" in report.methods_used:
        text += (
            "The probabilistic method accepts pairs of match probability "
            f"{report.model['probability_cut']:.3f} or more. "
        )
    if "clk" not in report.methods_used and report.threshold_method == "auto":
        return f"<p>{text}Everything was chosen from the scores alone, {_aim(report.target)}.</p>"
    why = {
        "auto": f"The threshold {report.threshold:.4f} was chosen from the scores alone, "
        f"{_aim(report.target)}.",
        "fixed": f"The threshold {report.threshold:.4f} was fixed by the plan.",
        "fallback": f"The plan's fallback threshold {report.threshold:.4f} was used: the scores do "
        "not separate matches from non-matches.",
    }[report.threshold_method]
    return f"<p>{text}{why}</p>"


def _aim(target: str) -> str:
    name, _, value = target.partition(":")
    if name == "f1":
        return "for the best expected F1"
    word = "at least" if name == "precision" else "at most"
    return f"for an expected {name.replace('_', '-')} of {word} {value}"


def _figures(report: LinkageReport) -> str:
    named: list[tuple[str, Estimate | None, str]] = [
        ("Precision", report.precision, "share of the links that are right"),
        ("Recall", report.recall, "share of the true pairs of comparable records that are linked"),
        ("F1", report.f1, "harmonic mean of the two"),
        ("False-link rate", report.false_link_rate, "of people without a partner, share linked"),
    ]
    rows = [
        (name, f"{one.value:.4f}", f"{one.low:.4f} to {one.high:.4f}", meaning)
        for name, one, meaning in named
        if one is not None
    ]
    if not rows:
        return "<p>No score model was fitted: precision and recall are not known.</p>"
    if report.expected_matches is not None:
        one = report.expected_matches
        rows.append(
            ("True pairs", f"{one.value:,.0f}", f"{one.low:,.0f} to {one.high:,.0f}", "in all")
        )
    return table(
        "Expected quality, without truth", ("", "expected", "95 % interval", "meaning"), rows
    )


def _controls(report: LinkageReport, measured: Sequence[Measured]) -> str:
    rows = [
        (
            one.owner,
            f"{one.linked:,} of {one.number:,}",
            f"{one.rate.value:.4f}",
            f"{one.rate.low:.4f} to {one.rate.high:.4f}",
            f"{one.pairs:,}",
            f"{one.believed:,.1f}",
        )
        for one in measured
        if one.number
    ]
    if not rows:
        return ""
    head = ("owner", "linked", "rate", "95 % interval", "pairs among the candidates", "held right")
    return (
        "<h2>Control records</h2><p>Nobody made up by an owner has a partner: whoever of them is "
        f"linked is a false link. {_verdict(report, measured)}</p>"
        + table("False links, measured", head, rows)
    )


def _verdict(report: LinkageReport, measured: Sequence[Measured]) -> str:
    """Whether the score model's false-link rate of the left owner agrees with its controls."""
    model, left = report.false_link_rate, measured[0]
    if model is None or not left.number:
        return ""
    said = f"The score model expects a rate of {model.low:.4f} to {model.high:.4f} on the left"
    if model.high < left.rate.low:
        return (
            f"{said}: <strong>less than the control records of {escape(left.owner)} show.</strong>"
        )
    if model.low > left.rate.high:
        return (
            f"{said}: <strong>more than the control records of {escape(left.owner)} show.</strong>"
        )
    return f"{said}, which agrees with the control records of {escape(left.owner)}."


def _scores(report: LinkageReport) -> str:
    bins = [bin_ for bin_ in report.histogram if bin_.matches is not None]
    if not bins:
        return ""
    edges = [*(bin_.low for bin_ in bins), bins[-1].high]
    counts = {
        "all pairs": [float(bin_.observed) for bin_ in bins],
        "strangers expected": [bin_.non_matches or 0.0 for bin_ in bins],
        "matches expected": [bin_.matches or 0.0 for bin_ in bins],
    }
    series = [
        Series(name, list(zip(edges, [*heights, heights[-1]], strict=True)))
        for name, heights in counts.items()
    ]
    text = "Numbers of pairs by score on a logarithmic scale, with the two fitted components."
    if report.levels:
        axis, mark = "match weight, log2(m/u) summed over the filters", float("nan")
        note = "Strangers are measured by joining each file with itself."
    else:
        axis, mark = "Dice score", report.threshold
        above = [bin_ for bin_ in bins if bin_.low >= report.threshold]
        note = (
            f"In the bins above the threshold: {sum(b.observed for b in above):,} pairs; "
            f"{sum(b.non_matches or 0 for b in above):,.0f} of them are expected to be strangers, "
            "measured by joining each file with itself."
        )
    chart = count_chart("Scores of pairs", text, axis, series, mark=mark)
    return f"<h2>Scores</h2>{chart}<p>{note}</p>"


def _thresholds(report: LinkageReport) -> str:
    points = [point for point in report.curve if point.precision is not None]
    if not points:
        return ""
    rising = points[::-1]
    series = [
        Series("precision", [(point.threshold, point.precision or 0.0) for point in rising]),
        Series("recall", [(point.threshold, point.recall or 0.0) for point in rising]),
        Series("F1", [(point.threshold, point.f1 or 0.0) for point in rising]),
    ]
    text = "Expected precision, recall and F1 for every threshold."
    by_chance = report.methods_used[0] == "probabilistic"
    axis = "least match probability" if by_chance else "least Dice score"
    mark = report.model.get("probability_cut", 0.0) if by_chance else report.threshold
    chart = line_chart("Quality by threshold", text, axis, series, mark=mark)
    step = max(1, len(points) // _OTHER_THRESHOLDS)
    rows = [
        (
            f"{point.threshold:.4f}",
            f"{point.links:,}",
            f"{point.links - report.counts.links:+,}",
            f"{point.precision:.4f}",
            f"{point.recall:.4f}",
            f"{point.f1:.4f}",
        )
        for point in points[::step]
    ]
    head = ("threshold", "links", "change", "precision", "recall", "F1")
    return f"<h2>Other thresholds</h2>{chart}" + table("What they would give", head, rows)


def _methods(report: LinkageReport) -> str:
    rows = [
        (
            row.method,
            "yes" if row.used else "no",
            f"{row.links:,}",
            f"{row.accepted:,}",
            _known(row.expected_correct),
            f"{row.alone:,}",
            _known(row.alone_correct),
        )
        for row in report.methods
    ]
    head = ("method", "makes links", "links", "pairs accepted", "right", "added", "right of these")
    return (
        "<h2>Methods</h2><p>Each method beside the stricter ones above it, whether or not the plan "
        "lets it make links. Shares that are right are expectations of the score model.</p>"
        + table("What each method adds", head, rows)
    )


def _known(share: float | None) -> str:
    return "not known" if share is None else f"{share:.4f}"


def _counts(report: LinkageReport) -> str:
    named = report.counts.model_dump().items()
    rows = [(name.replace("_", " "), f"{value:,}") for name, value in named]
    text = "Conflicts are accepted pairs that lost to a rival under the cardinality rule."
    return "<h2>Counts</h2>" + table("Records and pairs", ("", "number"), rows) + f"<p>{text}</p>"


def _model(report: LinkageReport) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    rows = [
        (name.replace("_", " "), f"{value:,.0f}" if value >= 1000 else f"{value:.4g}")
        for name, value in report.model.items()
    ]
    parameters = table("Parameters of the score model", ("", "value"), rows) if rows else ""
    return f"<h2>Model and limits</h2><ul>{notes}</ul>{parameters}"
