"""The disclosure-risk report of a file of encodings and the table behind it."""

from pathlib import Path

from blindlink.errors import InputError
from blindlink.files import check_output, write_text
from blindlink.mapping import PLAIN, Source
from blindlink.messages.encodings import read_encodings
from blindlink.owner.encoding.columns import names_read
from blindlink.owner.risk.page import page as as_html
from blindlink.owner.risk.report import RiskReport
from blindlink.owner.risk.run import GRAPH_ROWS, assess
from blindlink.progress import Progress, silent
from blindlink.schema.document import load_schema, parse_schema


def assess_file(
    encodings: Path,
    data: Path,
    *,
    schema: Path | None = None,
    page: Path | None = None,
    people: int | None = None,
    source: Source = PLAIN,
    graph_rows: int = GRAPH_ROWS,
    force: bool = False,
    progress: Progress = silent,
) -> RiskReport:
    """The report; ``page`` is an HTML file to write, ``schema`` needed only where the encodings do
    not carry theirs; ``source`` is how ``data`` is read. Other options as in ``assess``.
    """
    inputs = [encodings, data, *([schema] if schema else [])]
    if page is not None:
        check_output(page, inputs=inputs, force=force)
    known = load_schema(schema) if schema else None
    found = read_encodings(encodings)
    document = found.schema_document
    used = known or (parse_schema(document) if document else None)
    table = source.read(data, wanted=names_read(used) if used else ())
    if len(found) and int(found.row.max()) >= len(table):
        raise InputError(f"{data}: has fewer rows than were encoded")
    report = assess(
        table.take(found.row),
        found,
        known,
        graph_rows=graph_rows,
        people=people,
        progress=progress,
    )
    if page is not None:
        write_text(page, as_html(report), inputs=inputs, force=force)
    return report
