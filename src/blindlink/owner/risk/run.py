"""Run every metric of the catalogue over a file of encodings."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa

from blindlink.arrays import Objects
from blindlink.messages.encodings import Encodings
from blindlink.owner.risk.case import Case, case_of
from blindlink.owner.risk.catalogue import OF_FILES, OF_VIEWS
from blindlink.owner.risk.report import Metric, RiskReport
from blindlink.owner.risk.views import views_of
from blindlink.owner.risk.waiver import Waiver, accepted
from blindlink.progress import Progress, silent
from blindlink.schema.document import LinkageSchema, parse_schema

GRAPH_ROWS, QUICK_GRAPH_ROWS = 3000, 1200
# People whose tokens are counted; of a larger file a random choice. A quick report takes fewer.
_FEWEST = 2
_MOST, _QUICK_MOST = 500_000, 200_000


def assess(
    table: pa.Table,
    encodings: Encodings,
    schema: LinkageSchema | None = None,
    *,
    graph_rows: int = GRAPH_ROWS,
    people: int | None = None,
    seed: int = 1,
    progress: Progress = silent,
) -> RiskReport:
    """Attack one's own encodings: each filter of a record alone, then all and the match keys.

    ``table`` holds the identities behind the encodings, row by row; ``schema`` is the one they were
    made with, by default the one that they carry. Without any the metrics of tokens are left out
    and say so. ``people``: judge tokens and graph at the density of a file of so many people, by
    default of this one. The same input and seed give the same report. Raises InputError where the
    table, the encodings and the schema do not belong together.
    """
    if len(table) == len(encodings) < _FEWEST:
        lone = _nothing("", f"fewer than {_FEWEST} rows: nothing to attack")
        return RiskReport(len(table), 0, encodings.schema_fingerprint, (lone,))
    case = case_of(
        table,
        encodings,
        schema or _carried(encodings),
        graph_rows=graph_rows,
        most=_MOST if graph_rows > QUICK_GRAPH_ROWS else _QUICK_MOST,
        people=people,
        seed=seed,
    )
    metrics = tuple(_measured(case, progress))
    return RiskReport(len(table), len(case.sample), encodings.schema_fingerprint, metrics)


def checked(
    table: pa.Table,
    encodings: Encodings,
    schema: LinkageSchema | None = None,
    *,
    waiver: Waiver | None = None,
    entity: Objects | None = None,
    today: date | None = None,
    progress: Progress = silent,
) -> RiskReport:
    """The report before a submission, quicker than ``assess`` by a smaller graph.

    ``entity`` names the entity of each row where the encodings do not: rows of one person are no
    strangers to each other. Raises RiskError where the report is red and ``waiver`` does not cover
    every red metric.
    """
    if entity is not None:
        encodings = replace(encodings, entity=entity)
    report = assess(table, encodings, schema, graph_rows=QUICK_GRAPH_ROWS, progress=progress)
    accepted(report, waiver, today or datetime.now(UTC).date())
    return replace(report, waiver=waiver) if report.light == "red" else report


def _measured(case: Case, progress: Progress) -> Iterator[Metric]:
    views = list(views_of(case.encodings, case.sample))
    total, done = len(OF_FILES) + len(OF_VIEWS) * len(views), 0
    for measure in OF_FILES:
        progress(done, total)
        yield from _explained(measure, measure(case))
        done += 1
    for view in views:
        if not view.differs:
            done += len(OF_VIEWS)
            yield _nothing(view.name, "no bit differs between the rows: nothing to attack")
            continue
        for attack in OF_VIEWS:
            progress(done, total)
            yield from _explained(attack, attack(case, view))
            done += 1
    progress(total, total)


def _nothing(part: str, text: str) -> Metric:
    about = "Attacks need rows that differ: where there are none, none is played."
    return Metric("attacks", part, 0.0, "none", text, about)


def _explained(measure: Callable[..., object], metrics: Iterable[Metric]) -> Iterator[Metric]:
    """The metrics with the first line of their file's docstring, for people who read the report."""
    text = sys.modules[measure.__module__].__doc__ or ""
    for metric in metrics:
        yield replace(metric, about=text.partition("\n")[0])


def _carried(encodings: Encodings) -> LinkageSchema | None:
    document = encodings.schema_document
    return None if document is None else parse_schema(document)
