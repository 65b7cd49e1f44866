"""A study in words, for whoever has to decide about it: what is sent, counted and published."""

from collections.abc import Iterator

from blindlink.schema.study.declaration import Cells, Declaration
from blindlink.schema.study.measures import (
    Change,
    First,
    OpenOn,
    Rate,
    Share,
    TimeToExit,
    TimeToFirst,
)
from blindlink.schema.study.study_file import digest

_TYPES = {
    "date": "a day",
    "number": "a number",
    "label": "one of its labels",
    "code": "a code",
    "id": "an identifier",
}
_RULES = {"keep": "as it is", "month": "at least its month", "year": "at least its year"}


def explained(study: Declaration) -> str:
    """The whole study as text, one paragraph or list for each part."""
    parts = (_head, _sent, _counted, _followed, _measured, _published)
    return "\n\n".join("\n".join(part(study)) for part in parts)


def _head(study: Declaration) -> Iterator[str]:
    yield study.title
    yield f"{study.name}, version {study.version}, {digest(study)}"
    yield study.description


def _sent(study: Declaration) -> Iterator[str]:
    yield "What is sent to the analyst, beside pseudonyms:"
    for name, sender in study.owners.items():
        yield f"  {name}: {sender.title}"
        if not sender.tables:
            yield "    nothing but the links"
        for table, rows in sender.tables.items():
            yield f"    table {table}, one row for each {rows.row}"
            for column, cells in rows.columns.items():
                yield f"      {column}: {_cells(cells)}"


def _cells(cells: Cells) -> str:
    what = cells.description or _TYPES[cells.type]
    unit = f" ({cells.unit})" if cells.unit else ""
    rule = _RULES.get(cells.coarsest, f"at least {cells.coarsest.replace(':', ' ')}")
    if cells.type == "id":
        rule = "as a fresh number"
    return f"{what}{unit}, {rule}{'' if cells.needed else '; may be left out'}"


def _counted(study: Declaration) -> Iterator[str]:
    unit, seen = study.unit, study.observation
    yield f"What is counted: each {unit.name} from {unit.started} on,"
    yield f"  {seen.start} to {seen.end}; intervals take account of people with several."
    for column, labels in unit.where.items():
        yield f"  Only where {column} is {' or '.join(labels)}."
    if study.kinds:
        names = ", ".join(f"{kind.name} ({kind.words})" for kind in study.kinds.kind)
        yield f"  {study.kinds.title}: {names}."
        yield f"  {study.kinds.overlap or 'Each is of one kind.'}"
    if study.groups:
        yield f"  By {', '.join(group.title.lower() for group in study.groups.values())}."


def _followed(study: Declaration) -> Iterator[str]:
    days = ", ".join(str(window) for window in study.observation.windows)
    yield f"Equal follow-up: the first {days} days, of those who were observed so long."
    for name, spells in study.spells.items():
        gap = f"; at most {spells.gap_days} days apart they are one" if spells.gap_days else ""
        yield f"  {name}: {spells.plural} of {spells.owner}, from {spells.start}{gap}"
        for what, sorting in (("category", spells.category), ("exit", spells.exit)):
            if sorting is not None:
                yield f"    {what}: {', '.join(sorting.levels)}"


def _measured(study: Declaration) -> Iterator[str]:
    yield "What is computed:"
    for name, measure in study.measures.items():
        match measure:
            case Share():
                how = "share who " + study.spells[measure.spells].started
                how += "".join(f", by {study.groups[each].title.lower()}" for each in measure.by)
            case OpenOn():
                days = ", ".join(map(str, measure.days))
                how = f"share {study.spells[measure.spells].during} on day {days}"
            case First():
                how = f"{measure.what} of the first {study.spells[measure.spells].name}"
            case TimeToFirst():
                how = f"time to the first {study.spells[measure.spells].name}"
            case TimeToExit():
                how = f"time to the end of the first {study.spells[measure.spells].name}"
            case Change():
                how = f"change of {', '.join(study.forms[measure.forms].values.values())}"
            case Rate():
                how = f"first {study.spells[measure.spells].plural} per person-time"
            case _:
                how = measure.type
        yield f"  {name}: {measure.title} ({how})"
    for model in study.models:
        names = [study.groups[each].title.lower() for each in (*model.always, *model.covariates)]
        yield f"  {model.id}: {model.title} (odds ratios by {', '.join(names)})"


def _published(study: Declaration) -> Iterator[str]:
    yield "What is published, as far as the disclosure policy of the agreement allows:"
    yield f"  first {', '.join(study.report.headlines)}"
    for section in study.report.sections:
        yield f"  {section.title}: {', '.join(section.show)}"
    for each in study.benchmarks:
        yield f"  beside {each.measure}: {each.name}, {each.percent:g} % ({each.source})"
