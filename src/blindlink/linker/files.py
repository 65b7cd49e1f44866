"""Linking from files to a file, as the bare tools do: left, right, score, probability."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from blindlink.errors import FormatError, InputError
from blindlink.files import check_ending, check_output, write_bytes, write_text
from blindlink.frames import read_table, text_column, write_table
from blindlink.linker.join import engines
from blindlink.linker.join.interrupts import stoppable
from blindlink.linker.join.pairs import Join
from blindlink.linker.join.spill import LIMIT, pairs_to_parquet
from blindlink.linker.model.link import Candidates, check, link
from blindlink.linker.protocol.project import REPORTS, make_folder
from blindlink.messages.encodings import Encodings, read_encodings
from blindlink.messages.linkage_report import LinkageReport
from blindlink.messages.plan import AUTO, parse_plan
from blindlink.pages.linkage.page import page
from blindlink.progress import Progress, silent

if TYPE_CHECKING:
    from blindlink.linker.protocol.writing import Report


Ids = tuple[Path, str]


def link_files(
    left: Path,
    right: Path,
    out: Path | None,
    *,
    options: Mapping[str, Any],
    ids: tuple[Ids | None, Ids | None] = (None, None),
    report: Path | None = None,
    force: bool = False,
    progress: Progress = silent,
    told: Callable[[str], object] = str,
) -> LinkageReport:
    """Link two files of encodings; write the links and the report, each where it is asked for.

    ``ids``: for either side the table that was encoded and its column of record ids, which then
    stand beside the rows.

    ``told`` is called with the name of the engine and the reason for it, before the work.
    ``options`` are fields of the plan. Raises what ``link`` raises, InputError for an option that
    makes no sense, and OutputError before any long work when a file cannot be written.
    """
    try:
        plan = parse_plan(dict(options))
    except FormatError as error:
        raise InputError(error.message, hint="see 'blindlink clk link --help'") from None
    for path in (out, report):
        if path is not None:
            check_output(path, inputs=(left, right), force=force)
    first, second = read_encodings(left), read_encodings(right)
    check(first, second)
    names = [
        _ids(side, len(encodings)) for side, encodings in zip(ids, (first, second), strict=True)
    ]
    if plan.engine == AUTO:
        name, why = engines.choose(len(first), len(second), first.bits[0])
        told(f"engine {name}: {why}")
    linkage = stoppable(lambda watched: link(first, second, plan, progress=watched), progress)
    if out is not None:
        table = _with_ids(links_table(linkage.links, first, second), *names)
        _write(table, out, inputs=(left, right), force=force)
    if report is not None:
        write_report(linkage.report, report, inputs=(left, right), force=force)
    return linkage.report


def _ids(side: Ids | None, rows: int) -> pa.ChunkedArray | None:
    """The record ids of one side, in the order of its rows. Raises InputError."""
    if side is None:
        return None
    path, column = side
    table = read_table(path)
    if column not in table.column_names:
        raise InputError(f"{path}: has no column {column}", hint="check the name of the column")
    if len(table) != rows:
        raise InputError(
            f"{path}: has {len(table):,} rows, its encodings {rows:,}",
            hint="give the very table that was encoded",
        )
    return text_column(table, column)


def _with_ids(
    links: pa.Table, left: pa.ChunkedArray | None, right: pa.ChunkedArray | None
) -> pa.Table:
    """The links with columns ``left_id`` and ``right_id``, of the sides whose ids are known."""
    for name, ids in (("left", left), ("right", right)):
        if ids is not None:
            named = ids.take(links.column(name))
            links = links.add_column(links.column_names.index("score"), f"{name}_id", named)
    return links


def write_report(
    report: LinkageReport, path: Path, *, inputs: Sequence[Path], force: bool = False
) -> None:
    """The linkage report as a page where the name ends in .html, else as JSON."""
    html = path.name.lower().endswith((".html", ".htm"))
    data = page(report).encode() if html else report.to_json()
    write_bytes(path, data, inputs=inputs, force=force)


def write_reports(reports: Sequence["Report"], project: Path) -> list[Path]:
    """The report of every two owners as page and JSON, in the project's folder ``reports``."""
    folder = project / REPORTS
    make_folder(folder)
    written = []
    for report in reports:
        for ending in ("html", "json"):
            written.append(folder / f"linkage-{report.left}-{report.right}.{ending}")
            write_report(report.report, written[-1], inputs=(), force=True)
    return written


@dataclass(frozen=True)
class Written:
    """How many pairs were written, and the engine that found them, with the reason for it."""

    pairs: int
    engine: str
    reason: str


@dataclass(frozen=True)
class PairOptions:
    """Which pairs are written and how: ``number`` is that of the filter, from 1; above ``limit``
    pairs they are sorted on disk; the others are fields of ``Join``."""

    threshold: float
    top: int | None = None
    measure: str = "dice"
    number: int = 1
    engine: str = AUTO
    limit: int = LIMIT
    force: bool = False


def pairs_files(
    left: Path,
    right: Path | None,
    out: Path,
    options: PairOptions,
    *,
    progress: Progress = silent,
    told: Callable[[str], object] = str,
) -> Written:
    """Write all similar pairs of two files of encodings, or of one, to a Parquet file.

    ``told`` as in ``link_files``. Raises InputError, what ``link.check`` raises, and OutputError
    before any long work.
    """
    check_output(out, inputs=(left,) if right is None else (left, right), force=options.force)
    check_ending(out, [".parquet"], "Parquet")
    first = read_encodings(left)
    second = first if right is None else read_encodings(right)
    check(first, second)
    if not 1 <= options.number <= len(first.filters):
        raise InputError(f"no filter {options.number}: there are {len(first.filters)}")
    a, b = first.filters[options.number - 1], second.filters[options.number - 1]
    bits = first.bits[options.number - 1]
    engine, why = options.engine, "as asked"
    if engine == AUTO:
        engine, why = engines.choose(len(a), len(b), bits)
    told(f"engine {engine}: {why}")
    others = None if right is None else b
    join = Join(a, others, options.threshold, options.top, options.measure, bits, progress)
    numbers = (first.row, second.row)
    count = pairs_to_parquet(
        engine, join, out, numbers=numbers, limit=options.limit, force=options.force
    )
    return Written(count, engine, why)


def _write(table: pa.Table, out: Path, *, inputs: Sequence[Path], force: bool) -> None:
    """CSV without quotes and with the shortest exact decimals; other formats as they come."""
    if not out.name.lower().endswith(".csv"):
        write_table(table, out, inputs=inputs, force=force)
        return
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(table.column_names)
    rows.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))
    write_text(out, text.getvalue(), inputs=inputs, force=force)


def links_table(links: Candidates, left: Encodings, right: Encodings) -> pa.Table:
    """One row per link: 0-based input rows, score, and probability (null without a model).

    Sorted by score, highest first, then left, then right.
    """
    a, b = left.row[links.left_row], right.row[links.right_row]
    order = np.lexsort((b, a, -links.score))
    chance = links.probability[order]
    return pa.table(
        {
            "left": pa.array(a[order], pa.int64()),
            "right": pa.array(b[order], pa.int64()),
            "score": pa.array(links.score[order], pa.float64()),
            "probability": pa.array(chance, pa.float64(), mask=np.isnan(chance)),
        }
    )
