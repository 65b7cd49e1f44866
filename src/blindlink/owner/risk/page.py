"""The disclosure-risk report as one HTML page. No script, no outside address, no value of a person.

The lights are words as well as colours.
"""

from collections.abc import Iterable
from html import escape

from blindlink.owner.risk.report import Light, Metric, RiskReport

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#111;background:#fff}table{border-collapse:collapse;margin:1rem 0;width:100%}"
    "th,td{border-bottom:1px solid #ccc;padding:.25rem .75rem;text-align:left;vertical-align:top;"
    "font-weight:400;overflow-wrap:anywhere}thead th,caption{font-weight:600}"
    "caption{text-align:left}h2 .light,h1 .light{font-size:1rem;vertical-align:middle}"
    ".light{display:inline-block;min-width:4em;text-align:center;padding:0 .5em;border-radius:3px;"
    "color:#fff;font-weight:600}.green{background:#00703c}.amber{background:#ffdd00;color:#111}"
    ".red{background:#b3261e}.none{background:#505a5f}td:first-child{width:5.5rem}"
    "th[scope=row]{width:45%}small{color:#444}dt{font-weight:600}dd{margin:0 0 .5rem}"
    "code{overflow-wrap:anywhere}@media(max-width:40rem){th,td{padding:.25rem}"
    ".light{min-width:0}td:first-child{width:4rem}th[scope=row]{width:38%}"
    "h1 .light,h2 .light{min-width:4em}}"
)
_FEW = 2
_ORDER: tuple[Light, ...] = ("red", "amber", "green", "none")
_VERDICT = {
    "red": "Do not send these encodings, unless somebody with the authority accepts the risk by "
    "name in a waiver.",
    "amber": "Nothing is wide open, but the amber lines give something away. Read them before "
    "these encodings are sent.",
    "green": "None of the attacks below learned more than a guess. That is no proof that no other "
    "attack does.",
    "none": "Nothing could be judged.",
}


def page(report: RiskReport) -> str:
    """The whole page."""
    families = _families(report.metrics)
    body = [
        f"<header><h1>Disclosure-risk report {_light(report.light)}</h1>"
        f"<p>{_VERDICT[report.light]}</p>{_waiver(report)}{_facts(report)}</header><main>",
        _attention(report),
        _short([lines for lines in families if len(lines) <= _FEW]),
        *(_family(lines) for lines in families if len(lines) > _FEW),
        f"</main><footer>{_method()}</footer>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Disclosure-risk report: {report.light}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(body)}</body></html>\n"
    )


def _waiver(report: RiskReport) -> str:
    if report.waiver is None:
        return ""
    return f"<p><strong>Accepted:</strong> {escape(report.waiver.text())}</p>"


def _facts(report: RiskReport) -> str:
    return (
        f"<p>{report.rows:,} encodings, {report.sample:,} of them attacked. "
        f"Schema <code>{escape(report.schema_fingerprint[:16]) or 'not known'}</code>. "
        f"Digest of this report <code>{report.digest()}</code>.</p>"
    )


def _attention(report: RiskReport) -> str:
    lines = [m for light in _ORDER[:2] for m in report.metrics if m.light == light]
    if not lines:
        return ""
    return "<h2>What needs attention</h2>" + _table("Red and amber lines", lines)


def _families(metrics: Iterable[Metric]) -> list[list[Metric]]:
    """The lines of each family, families in the order of their first lines."""
    found: dict[str, list[Metric]] = {}
    for metric in metrics:
        found.setdefault(metric.family, []).append(metric)
    return list(found.values())


def _short(families: Iterable[list[Metric]]) -> str:
    """Families of a line or two, together in one table."""
    lines = [metric for family in families for metric in family]
    if not lines:
        return ""
    return f"<section><h2>In short</h2>{_table('One line each', lines, about=True)}</section>"


def _family(lines: list[Metric]) -> str:
    worst = min((metric.light for metric in lines), key=_ORDER.index)
    title = lines[0].family[:1].upper() + lines[0].family[1:]
    return (
        f"<section><h2>{escape(title)} {_light(worst)}</h2><p>{escape(lines[0].about)}</p>"
        f"{_table(title, lines, whole=False)}</section>"
    )


def _table(
    caption: str, lines: Iterable[Metric], *, whole: bool = True, about: bool = False
) -> str:
    """``whole``: lines go by their full names; ``about``: with what their families are."""
    rows = "".join(
        f"<tr><td>{_light(m.light)}</td>"
        f'<th scope="row">{escape(m.name if whole else m.part)}'
        f"{f'<br><small>{escape(m.about)}</small>' if about else ''}</th>"
        f"<td>{escape(m.text)}</td></tr>"
        for m in lines
    )
    head = "".join(f'<th scope="col">{cell}</th>' for cell in ("Light", "What", "Finding"))
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _light(light: Light) -> str:
    return f'<span class="light {light}">{"no light" if light == "none" else light}</span>'


def _method() -> str:
    return (
        "<h2>How to read this</h2><dl>"
        "<dt>Accuracy against guessing</dt><dd>The mean, over the values of an attribute, of the "
        "share of people guessed right. Whoever knows nothing reaches one over the number of "
        "values. Attacks without a known person are green up to 2 points above that, attacks with "
        "known people up to 5.</dd>"
        "<dt>Known people</dt><dd>Somebody who holds the encodings knows which of them belong to "
        "500 or to 4,000 people.</dd>"
        "<dt>Graph matching</dt><dd>Somebody who holds the encodings has the plain text of the "
        "same people and no key. Green up to 2 % of the people found out.</dd></dl>"
        "<p>The report holds no value of any person. It says nothing about a linker who gets the "
        "linkage secret: then every encoding of weak identifiers is plain text.</p>"
    )
