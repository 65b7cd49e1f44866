"""The page of any declared study: main points, its sections, limits, definitions, contact.

Every sentence is made of declared words and released figures. What was not made is not spoken of.
"""

from collections.abc import Mapping, Sequence, Set

from blindlink.analyst.disclosure.gate import Audit
from blindlink.analyst.disclosure.safe import SHORTHAND, SafeTable
from blindlink.analyst.publish.page import SYNTHETIC, Frontmatter, Part, in_order
from blindlink.analyst.publish.runrecord import versions
from blindlink.analyst.publish.writing import Run
from blindlink.analyst.study.measures import statistics
from blindlink.analyst.study.measures.base import Statistic
from blindlink.pages.charts.kit import Chart
from blindlink.schema.study.declaration import Declaration, Section
from blindlink.schema.study.study_file import digest

_LINKED = (
    "Each owner encoded the identifying details of its records with a secret that the linking "
    "party does not have; the linking party compared encodings and passed on pseudonyms with the "
    "attributes that the agreement allows. The analysts have seen no name.",
    "Unless they say corrected, figures are as seen through the links: a missed link counts as if "
    "nothing had happened, a false link counts what happened to a stranger, and their intervals "
    "hold chance alone. Corrected shares rest on what their table says of false and missed links.",
)


def compose(
    study: Declaration, safe: Sequence[SafeTable], audit: Audit, run: Run
) -> tuple[Frontmatter, list[Part]]:
    """The front matter and the parts of the page, in the declared order."""
    tables = {table.id: table for table in safe}
    made = {each.id: each for each in statistics(study)}
    first = _main_points(study, made, tables)
    drawn = {figure.id for figure in first.drawings if isinstance(figure, Chart)}
    parts = [first]
    for number, section in enumerate(study.report.sections, start=1):
        shown_here = [made[name] for name in section.show]
        parts.append(_section(f"section-{number}", section, shown_here, tables, drawn))
    parts = [_benchmarked(part, study) for part in parts]
    shown = {table.id for table in in_order(parts)}
    rest = [table for name, table in tables.items() if name not in shown]
    further = [Part("further", "Further tables", tables=rest)] if rest else []
    closing = [_limits(study, audit), _definitions(study), _contact(study, audit, run)]
    return _front(study, run), [*parts, *further, *closing]


def _front(study: Declaration, run: Run) -> Frontmatter:
    seen = study.observation
    facts = [
        ("Made on" if study.report.synthetic else "Published", f"{run.now:%d %B %Y}".lstrip("0")),
        ("Period", f"{seen.start:%B %Y} to {seen.end:%B %Y}"),
        *([("Area", study.report.area)] if study.report.area else []),
        ("Publisher", study.publisher or "not stated"),
        ("Contact", study.contact or "not stated"),
        ("Study", f"{study.name}, version {study.version}"),
    ]
    return Frontmatter(
        title=study.title,
        kind="Invented figures" if study.report.synthetic else study.report.kind,
        description=study.description,
        facts=facts,
        footer="Made with blindlink. All figures passed the disclosure gate of the data "
        "controller's policy.",
        warning=SYNTHETIC if study.report.synthetic else None,
    )


def _main_points(
    study: Declaration, made: Mapping[str, Statistic], tables: Mapping[str, SafeTable]
) -> Part:
    leading = [made[name] for name in study.report.headlines]
    others = [each for name, each in made.items() if name not in study.report.headlines]
    points = [point for each in (*leading, *others) for point in each.points(tables)]
    figures = leading[0].figures(tables)[:1]
    return Part(
        "main-points",
        "Main points",
        bullets=points,
        text=[] if points else ["No headline figure can be published."],
        drawings=list(figures),
        tables=[tables[each.id] for each in leading if each.id in tables],
        after=list(_LINKED),
    )


def _section(
    name: str,
    section: Section,
    shown: Sequence[Statistic],
    tables: Mapping[str, SafeTable],
    drawn: Set[str],
) -> Part:
    """Figures that are not ``drawn`` yet, and tables: one is open where nothing is drawn."""
    own = [
        table
        for each in shown
        for table in tables.values()
        if table.id == each.id or table.id.startswith(f"{each.id}_")
    ]
    figures = [
        figure for each in shown for figure in each.figures(tables) if figure.id not in drawn
    ]
    lacking = [each.declared.title for each in shown if each.id not in tables]
    notes = [f"{title}: there is nothing to show." for title in lacking]
    opened = 0 if figures else 1
    return Part(
        name,
        section.title,
        text=[*section.text, *notes],
        drawings=list(figures),
        open=own[:opened],
        tables=own[opened:],
    )


def _benchmarked(part: Part, study: Declaration) -> Part:
    """Outside figures beside those that they are declared for, with their sources."""
    shown = {table.id for table in (*part.open, *part.tables)}
    part.after += [
        f"Beside it, and about other people: {each.name} {each.percent:g} % ({each.source})."
        for each in study.benchmarks
        if each.measure in shown
    ]
    return part


def _limits(study: Declaration, audit: Audit) -> Part:
    policy = audit.policy
    rounding = policy["rounding"]
    disclosure = (
        f"Counts below {policy['threshold']} are withheld, and further counts so that no total "
        "reveals them; shares, intervals and estimates that rest on a withheld count are withheld "
        f"with it. Counts are {f'rounded to {rounding}' if rounding else 'not rounded'}."
    )
    return Part(
        "limits",
        "Limits",
        bullets=[*study.report.limits, disclosure],
        facts=list(SHORTHAND.items()),
    )


def _definitions(study: Declaration) -> Part:
    unit, seen = study.unit, study.observation
    windows = ", ".join(map(str, seen.windows))
    facts = [
        (unit.plural.capitalize(), f"Each {unit.name} counts from {unit.started} on."),
        ("Observation", f"{seen.start} to {seen.end}; equal follow-up of {windows} days."),
    ]
    if study.kinds:
        named = "; ".join(f"{kind.name}: {kind.words}" for kind in study.kinds.kind)
        overlap = study.kinds.overlap or "Each is of one kind."
        facts.append((study.kinds.title, f"{named}. {overlap}"))
    for spells in study.spells.values():
        gap = spells.gap_days
        merged = f" At most {gap} days apart they count as one." if gap else ""
        facts.append(
            (spells.plural.capitalize(), f"From {study.owners[spells.owner].title}.{merged}")
        )
        for what, sorting in (("Category", spells.category), ("Exit", spells.exit)):
            if sorting is not None:
                values = "; ".join(f"{n}: {', '.join(v)}" for n, v in sorting.names.items())
                facts.append((f"{what} of {spells.plural}", f"{values}; else {sorting.other}"))
    for group in study.groups.values():
        facts.append((group.title, "; ".join(study.levels(group))))
    return Part("definitions", "Definitions", facts=facts)


def _contact(study: Declaration, audit: Audit, run: Run) -> Part:
    named = f"Questions about these statistics: {study.contact}."
    facts = [
        ("Published by", study.publisher or "not stated"),
        ("Study", f"{study.name}, version {study.version}, {digest(study)}"),
        ("Project", str(run.info.get("project", "not stated"))),
        ("Software", ", ".join(f"{name} {number}" for name, number in versions().items())),
        ("Disclosure policy", audit.policy_digest),
    ]
    return Part(
        "contact",
        "Contact, versions and files",
        text=[
            named
            if study.contact
            else "The publisher has not named a contact for these statistics."
        ],
        facts=facts,
        after=[
            "Beside this page: report.xlsx holds all tables as an accessible spreadsheet, the "
            "folder tables holds each as CSV with a data dictionary, and run.json says with which "
            "inputs, versions and declaration they were made."
        ],
    )
