"""The disclosure-risk report of a file of encodings, as JSON, text and one HTML page."""

import html
from pathlib import Path

from blindlink.errors import InputError
from blindlink.files import check_output, write_text
from blindlink.formats.encodings import read_encodings
from blindlink.frames import read_table
from blindlink.owner.risk import RiskReport, assess
from blindlink.progress import Progress, silent

_COLOURS = {"green": "#00703c", "amber": "#b58105", "red": "#d4351c", "none": "#505a5f"}
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Disclosure-risk report</title>
<style>body{{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}}
table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;padding:.3em;
border-bottom:1px solid #b1b4b6}}b{{color:#fff;padding:.1em .5em}}</style>
<h1>Disclosure-risk report: {light}</h1>
<p>{rows} encodings, {sample} of them attacked. Schema {schema}. Digest {digest}.</p>
<p>Red: do not send this, unless somebody with the authority accepts the risk by name.</p>
<table><thead><tr><th>Light</th><th>Metric</th><th>Finding</th></tr></thead>
<tbody>{lines}</tbody></table></html>
"""


def assess_file(
    encodings: Path,
    data: Path,
    *,
    page: Path | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> RiskReport:
    """Report on a file of encodings and the table behind it; ``page`` is an HTML file to write."""
    inputs = [encodings, data]
    if page is not None:
        check_output(page, inputs=inputs, force=force)
    found, table = read_encodings(encodings), read_table(data)
    if len(found) and int(found.row.max()) >= len(table):
        raise InputError(f"{data}: has fewer rows than were encoded")
    report = assess(table.take(found.row), found, progress=progress)
    if page is not None:
        write_text(page, as_html(report), inputs=inputs, force=force)
    return report


def as_html(report: RiskReport) -> str:
    """One page that needs nothing else; the lights are words as well as colours."""
    lines = "\n".join(
        f'<tr><td><b style="background:{_COLOURS[m.light]}">{m.light}</b></td>'
        f"<td>{html.escape(m.name)}</td><td>{html.escape(m.text)}</td></tr>"
        for m in report.metrics
    )
    return _PAGE.format(
        light=report.light,
        rows=report.rows,
        sample=report.sample,
        schema=html.escape(report.schema_fingerprint),
        digest=report.digest(),
        lines=lines,
    )
