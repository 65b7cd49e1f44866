"""The disclosure-risk report as one HTML page, led by its worst line. No value of a person.

The lights are words as well as colours. Nothing on the page comes from elsewhere: see
``blindlink.pages.html``.
"""

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from blindlink.owner.risk.outcome import BY_GUESSING
from blindlink.owner.risk.report import Light, Metric, RiskReport
from blindlink.pages.html import Section, Table, document, light

_FEW = 2
_ORDER: tuple[Light, ...] = ("red", "amber", "none", "green")
_VERDICT = {
    "red": "Do not send these encodings, unless somebody with the authority accepts the risk by "
    "name in a waiver.",
    "amber": "Nothing is wide open, but the amber lines give something away. Read them before "
    "these encodings are sent.",
    "green": "None of the attacks below learned more than a guess. That is no proof that no other "
    "attack does.",
    "none": "Nothing could be judged.",
}
_METHOD = (
    "Accuracy against guessing: the mean, over the values of an attribute, of the share of people "
    "guessed right. Whoever knows nothing reaches one over the number of values. Attacks without "
    "a known person are green up to 2 points above that, attacks with known people up to 5.",
    "Known people: somebody who holds the encodings knows which of them belong to 500 or to 4,000 "
    "people.",
    "Graph matching: somebody who holds the encodings has the plain text of the same people and no "
    "key. Green up to 2 % of the people found out.",
    "The report holds no value of any person. It says nothing about a linker who gets the linkage "
    "secret: then every encoding of weak identifiers is plain text.",
)
_HEADS = ("What was tried", "Light", "Finding")


def page(report: RiskReport) -> str:
    """The whole page."""
    sections = [
        _attention(report),
        *_families(report.metrics),
        Section("method", "How to read this", notes=_METHOD),
    ]
    return document(
        [section for section in sections if section is not None],
        package="blindlink.owner.risk",
        template="risk.html.j2",
        title="Disclosure-risk report",
        kind=f"Before encodings are sent: {report.light}",
        lead=_VERDICT[report.light],
        facts=[
            ("Encodings", f"{report.rows:,}"),
            ("Of them attacked", f"{report.sample:,}"),
            ("Schema", report.schema_fingerprint[:16] or "not known"),
            ("Digest of this report", report.digest()),
        ],
        worst=_worst(report.metrics),
        attack=_worst(m for m in report.metrics if m.text.endswith(BY_GUESSING)),
        numbers={one: sum(m.light == one for m in report.metrics) for one in _ORDER},
        waiver=report.waiver.text() if report.waiver else "",
        footer="Made with blindlink for the data owner.",
    )


def _worst(metrics: Iterable[Metric]) -> Metric | None:
    """The line that gives most away: of the worst light, the one of the highest value.

    Values of different families can be compared roughly: most are shares that an attacker gains.
    """
    judged = [metric for metric in metrics if metric.light != "none"]
    return min(judged, key=lambda m: (_ORDER.index(m.light), -m.value), default=None)


def _attention(report: RiskReport) -> Section | None:
    lines = [m for one in _ORDER[:2] for m in report.metrics if m.light == one]
    if not lines:
        return None
    return Section(
        "attention", "What needs attention", tables=[_table("Red and amber lines", lines)]
    )


def _families(metrics: Iterable[Metric]) -> list[Section]:
    """Families in the order of their first lines; those of a line or two together, at the end."""
    found: dict[str, list[Metric]] = {}
    for metric in metrics:
        found.setdefault(metric.family, []).append(metric)
    several = [lines for lines in found.values() if len(lines) > _FEW]
    single = [metric for lines in found.values() if len(lines) <= _FEW for metric in lines]
    sections = [_family(number, lines) for number, lines in enumerate(several)]
    if not single:
        return sections
    quiet = sum(metric.light in _ORDER[2:] for metric in single)
    return [
        *sections,
        Section(
            "single",
            "Other lines",
            [f"{quiet} of {len(single)} need no attention."],
            folded=[_table("One line each", single, about=True)],
            summary=f"All {len(single)} other lines",
        ),
    ]


def _family(number: int, lines: Sequence[Metric]) -> Section:
    """One attack on several filters or attributes; green lines are folded behind the highest."""
    title = lines[0].family[:1].upper() + lines[0].family[1:]
    green = [metric for metric in lines if metric.light == "green"]
    other = [metric for metric in lines if metric.light != "green"]
    text: list[str | Markup] = [lines[0].about] if lines[0].about else []
    if green:
        highest = max(green, key=lambda metric: metric.value)
        text.append(
            Markup("{} {} of {} lines; highest {}: {}.").format(
                light("green"), len(green), len(lines), highest.part, highest.text
            )
        )
    return Section(
        f"family-{number}",
        title,
        text,
        tables=[_table(f"{title}: lines to look at", other, whole=False)] if other else [],
        folded=[_table(f"{title}: green lines", green, whole=False)] if green else [],
        summary=f"All {len(green)} green lines",
    )


def _table(
    caption: str, lines: Iterable[Metric], *, whole: bool = True, about: bool = False
) -> Table:
    """``whole``: lines go by their full names; ``about``: with what their families are."""
    rows = []
    for metric in lines:
        name: str | Markup = metric.name if whole else metric.part
        if about and metric.about:
            name = Markup('{}<br><span class="hint">{}</span>').format(name, metric.about)
        rows.append((name, light(metric.light), metric.text))
    return Table(caption, _HEADS, rows, {1, 2})
