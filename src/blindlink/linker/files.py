"""Linking from files to a file, as the bare tools do: left, right, score, probability."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from blindlink.errors import FormatError, InputError
from blindlink.files import check_output, write_bytes, write_text
from blindlink.formats.encodings import Encodings, read_encodings
from blindlink.formats.linkage_report import LinkageReport
from blindlink.formats.plan import parse_plan
from blindlink.frames import write_table
from blindlink.linker.link import Candidates, link
from blindlink.linker.quality_page import page
from blindlink.progress import Progress, silent


def link_files(
    left: Path,
    right: Path,
    out: Path,
    *,
    options: Mapping[str, str | None],
    report: Path | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> LinkageReport:
    """Link two files of encodings; write the links, and the report if asked for.

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
    found = link(first, second, plan, progress=progress)
    _write(links_table(found.links, first, second), out, inputs=(left, right), force=force)
    if report is not None:
        html = report.name.lower().endswith((".html", ".htm"))
        data = page(found.report).encode() if html else found.report.to_json()
        write_bytes(report, data, inputs=(left, right, out), force=force)
    return found.report


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
