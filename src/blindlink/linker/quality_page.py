"""The linkage quality report as one HTML page: readable by a statistician who never saw the data.

Everything stands in the linkage report; the page only shows it. No script, no outside address.
"""

from collections.abc import Iterable, Sequence
from html import escape

from blindlink.formats.linkage_report import Estimate, LinkageReport
from blindlink.linker.charts import Series, count_chart, line_chart

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;"
    "color:#111}table{border-collapse:collapse;margin:1rem 0}th,td{border-bottom:1px solid #ccc;"
    "padding:.25rem .75rem;text-align:right}th:first-child,td:first-child{text-align:left}"
    "caption{text-align:left;font-weight:600}svg{width:100%;height:auto;font:12px system-ui}"
    ".warning{border-left:4px solid #D55E00;padding-left:.75rem}"
)
_OTHER_THRESHOLDS = 12


def page(report: LinkageReport) -> str:
    """The whole page."""
    body = [
        "<h1>Linkage quality report</h1>",
        _main_points(report),
        *(f'<p class="warning">{escape(text)}</p>' for text in report.warnings),
        _figures(report),
        _scores(report),
        _thresholds(report),
        _methods(report),
        _levels(report),
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
    return _table(
        "Expected quality, without truth", ("", "expected", "95 % interval", "meaning"), rows
    )


def _scores(report: LinkageReport) -> str:
    bins = [bin_ for bin_ in report.histogram if bin_.matches is not None]
    if not bins:
        return ""
    series = [
        Series("all pairs", [(bin_.low, bin_.observed) for bin_ in bins]),
        Series("strangers expected", [(bin_.low, bin_.non_matches or 0.0) for bin_ in bins]),
        Series("matches expected", [(bin_.low, bin_.matches or 0.0) for bin_ in bins]),
    ]
    text = "Numbers of pairs by score on a logarithmic scale, with the two fitted components."
    chart = count_chart("Scores of pairs", text, "Dice score", series, mark=report.threshold)
    above = [bin_ for bin_ in bins if bin_.low >= report.threshold]
    note = (
        f"At or above the threshold: {sum(b.observed for b in above):,} pairs; "
        f"{sum(b.non_matches or 0 for b in above):,.0f} of them are expected to be strangers, "
        "measured by joining each file with itself."
    )
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
    chart = line_chart("Quality by threshold", text, "threshold", series, mark=report.threshold)
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
    return f"<h2>Other thresholds</h2>{chart}" + _table("What they would give", head, rows)


def _methods(report: LinkageReport) -> str:
    rows = [
        (
            row.method,
            "yes" if row.used else "no",
            f"{row.accepted:,}",
            f"{row.links:,}",
            f"{row.alone:,}",
            "not known" if row.expected_correct is None else f"{row.expected_correct:.4f}",
        )
        for row in report.methods
    ]
    head = ("method", "makes links", "pairs accepted", "links", "not by those above", "right")
    return "<h2>Methods</h2>" + _table("What each method adds", head, rows)


def _levels(report: LinkageReport) -> str:
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
    return "<h2>Agreement levels</h2>" + _table("m, u and weight of each level", head, rows)


def _counts(report: LinkageReport) -> str:
    named = report.counts.model_dump().items()
    rows = [(name.replace("_", " "), f"{value:,}") for name, value in named]
    text = "Conflicts are accepted pairs that lost to a rival under the cardinality rule."
    return "<h2>Counts</h2>" + _table("Records and pairs", ("", "number"), rows) + f"<p>{text}</p>"


def _model(report: LinkageReport) -> str:
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    rows = [(name.replace("_", " "), f"{value:,.4g}") for name, value in report.model.items()]
    table = _table("Parameters of the score model", ("", "value"), rows) if rows else ""
    return f"<h2>Model and limits</h2><ul>{notes}</ul>{table}"


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    header = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{header}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )
