"""The linkage quality report as one HTML page: readable by a statistician who never saw the data.

Everything stands in the linkage report; the page only shows it. The analyst adds what the control
records measured. Nothing on the page comes from elsewhere: see ``blindlink.pages.html``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from blindlink.messages.linkage_report import CurvePoint, Estimate, LinkageReport
from blindlink.pages.charts.kit import Chart
from blindlink.pages.charts.lines import Line, Panel, lines
from blindlink.pages.html import Section, Table, document
from blindlink.pages.linkage.levels import levels

_OTHER_THRESHOLDS = 12
_LEAST_RECALL = 0.01  # beyond the threshold where recall ends nothing happens


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
    made = [
        _quality(report),
        _controls(report, measured),
        _scores(report),
        _thresholds(report),
        _methods(report),
        *levels(report),
        _counts(report),
        _model(report),
    ]
    sections = [section for section in made if section is not None]
    return document(
        sections,
        title="Linkage quality report" + (f": {owners[0]} and {owners[1]}" if owners else ""),
        kind="Estimates from the scores: nobody holds the truth",
        lead=_main_points(report),
        facts=_facts(report),
        warnings=report.warnings,
        footer="Made with blindlink: no record, no identity and no single pair is shown.",
    )


def _facts(report: LinkageReport) -> list[tuple[str, str]]:
    named = {"Precision": report.precision, "Recall": report.recall, "F1": report.f1}
    return [
        (name, f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})")
        for name, one in named.items()
        if one is not None
    ]


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
        return f"{text}Everything was chosen from the scores alone, {_aim(report.target)}."
    why = {
        "auto": f"The threshold {report.threshold:.4f} was chosen from the scores alone, "
        f"{_aim(report.target)}.",
        "fixed": f"The threshold {report.threshold:.4f} was fixed by the plan.",
        "fallback": f"The plan's fallback threshold {report.threshold:.4f} was used: the scores do "
        "not separate matches from non-matches.",
    }[report.threshold_method]
    return text + why


def _aim(target: str) -> str:
    name, _, value = target.partition(":")
    if name == "f1":
        return "for the best expected F1"
    word = "at least" if name == "precision" else "at most"
    return f"for an expected {name.replace('_', '-')} of {word} {value}"


def _quality(report: LinkageReport) -> Section:
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
    title = "Expected quality, without truth"
    if not rows:
        unknown = "No score model was fitted: precision and recall are not known."
        return Section("quality", title, [unknown])
    if (one := report.expected_matches) is not None:
        interval = f"{one.low:,.0f} to {one.high:,.0f}"
        rows.append(("True pairs", f"{one.value:,.0f}", interval, "in all"))
    heads = ("Figure", "Expected", "95 % interval", "Meaning")
    return Section("quality", title, tables=[Table("Expected quality", heads, rows, {3})])


def _controls(report: LinkageReport, measured: Sequence[Measured]) -> Section | None:
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
        return None
    heads = ("Owner", "Linked", "Rate", "95 % interval", "Pairs among the candidates", "Held right")
    text = (
        "Nobody made up by an owner has a partner: whoever of them is linked is a false link. "
        f"{_verdict(report, measured)}"
    )
    return Section(
        "controls", "Control records", [text], tables=[Table("False links, measured", heads, rows)]
    )


def _verdict(report: LinkageReport, measured: Sequence[Measured]) -> str:
    """Whether the score model's false-link rate of the left owner agrees with its controls."""
    model, left = report.false_link_rate, measured[0]
    if model is None or not left.number:
        return ""
    said = f"The score model expects a rate of {model.low:.4f} to {model.high:.4f} on the left"
    if model.high < left.rate.low:
        return f"{said}: less than the control records of {left.owner} show."
    if model.low > left.rate.high:
        return f"{said}: more than the control records of {left.owner} show."
    return f"{said}, which agrees with the control records of {left.owner}."


def _scores(report: LinkageReport) -> Section | None:
    bins = [bin_ for bin_ in report.histogram if bin_.matches is not None]
    if not bins:
        return None
    edges = [*(bin_.low for bin_ in bins), bins[-1].high]
    counts = {
        "all pairs": [float(bin_.observed) for bin_ in bins],
        "non-matches expected": [bin_.non_matches or 0.0 for bin_ in bins],
        "matches expected": [bin_.matches or 0.0 for bin_ in bins],
    }
    drawn = [Line(n, edges, [*high, high[-1]], steps=True) for n, high in counts.items()]
    marks: list[tuple[float, str]] = []
    if report.levels:
        axis = "Match weight, log2(m/u) summed over the filters"
        note = "Non-matches are measured by joining each file with itself."
    else:
        axis, marks = "Dice score", [(report.threshold, f"threshold {report.threshold:.3f}")]
        above = [bin_ for bin_ in bins if bin_.low >= report.threshold]
        note = (
            f"In the bins above the threshold: {sum(b.observed for b in above):,} pairs; "
            f"{sum(b.non_matches or 0 for b in above):,.0f} of them are expected to be "
            "non-matches, measured by joining each file with itself."
        )
    chart = lines(
        [Panel("", drawn, marks=marks)], name="scores", title="Scores of pairs", unit="",
        x_label=axis, y_label="Pairs (logarithmic scale)", logarithmic=True,
        alt="Numbers of pairs by score on a logarithmic scale, with the two fitted components. "
        + note,
    )  # fmt: skip
    rows = [
        (f"{b.low:.3f} to {b.high:.3f}", f"{b.observed:,}", f"{b.non_matches or 0:,.1f}",
         f"{b.matches or 0:,.1f}")
        for b in bins
    ]  # fmt: skip
    heads = ("Score", "Pairs", "Non-matches expected", "Matches expected")
    return Section(
        "scores-section", "Scores", charts=[chart] if chart else [],
        folded=[Table("Pairs by score", heads, rows)], summary="The figures of this chart",
    )  # fmt: skip


def _thresholds(report: LinkageReport) -> Section | None:
    points = [point for point in report.curve if point.precision is not None]
    if not points:
        return None
    by_chance = report.methods_used[0] == "probabilistic"
    axis = "Least match probability" if by_chance else "Least Dice score"
    mark = report.model.get("probability_cut", 0.0) if by_chance else report.threshold
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
    heads = ("Threshold", "Links", "Change in links", "Precision", "Recall", "F1")
    chart = _curve(points, axis, mark)
    return Section(
        "thresholds-section", "Other thresholds", charts=[chart] if chart else [],
        tables=[Table("What they would give", heads, rows)],
    )  # fmt: skip


def _curve(points: Sequence[CurvePoint], axis: str, mark: float) -> Chart | None:
    """Precision, recall and F1 where recall is more than nothing."""
    rising = [point for point in reversed(points) if (point.recall or 0.0) > _LEAST_RECALL]
    if len(rising) < 2:
        return None
    x = [point.threshold for point in rising]
    drawn = [
        Line("precision", x, [100 * (point.precision or 0.0) for point in rising]),
        Line("recall", x, [100 * (point.recall or 0.0) for point in rising]),
        Line("F1", x, [100 * (point.f1 or 0.0) for point in rising]),
    ]
    best = max(rising, key=lambda point: point.f1 or 0.0)
    return lines(
        [Panel("", drawn, marks=[(mark, f"threshold {mark:.3f}")])], name="thresholds",
        title="Quality by threshold", x_label=axis, y_label="Expected share", top=100,
        alt="Expected precision, recall and F1 for every threshold at which more than 1 % of the "
        f"true pairs are linked. F1 is highest at {best.threshold:.3f}: {best.f1:.3f}.",
    )  # fmt: skip


def _methods(report: LinkageReport) -> Section:
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
    heads = (
        "Method", "Makes links", "Links", "Pairs accepted", "Share of them right", "Links added",
        "Share of these right",
    )  # fmt: skip
    text = (
        "Each method beside the stricter ones above it, whether or not the plan lets it make "
        "links. Shares that are right are expectations of the score model."
    )
    tables = [Table("What each method adds", heads, rows, {1})]
    return Section("methods", "Methods", [text], tables=tables)


def _known(share: float | None) -> str:
    return "not known" if share is None else f"{share:.4f}"


def _counts(report: LinkageReport) -> Section:
    tables = [
        _pairs("Records and pairs", "Number of", "Number", report.counts.model_dump(), "{:,}")
    ]
    text = "Conflicts are accepted pairs that lost to a rival under the cardinality rule."
    return Section("counts", "Counts", [text], tables=tables)


def _model(report: LinkageReport) -> Section:
    tables = [_pairs("Parameters of the score model", "Parameter", "Value", report.model, "")]
    return Section("model", "Model and limits", tables=tables, notes=report.notes)


def _pairs(caption: str, name: str, value: str, rows: Mapping[str, float], words: str) -> Table:
    """A table of names and values; without ``words`` large values are whole."""
    return Table(
        caption,
        (name, value),
        [
            (
                key.replace("_", " "),
                words.format(one) if words else f"{one:,.0f}" if one >= 1000 else f"{one:.4g}",
            )
            for key, one in rows.items()
        ],
    )
