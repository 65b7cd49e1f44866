"""The disclosure-risk report as the gate of a submission: kept beside it, and red stops it.

    OUT.risk.html    for people
    OUT.risk.json    canonical JSON: its SHA-256 is the ``risk_report`` of the submission's manifest

Both are written whatever the lights are: whoever is stopped must see by what.
"""

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from blindlink.errors import RiskError
from blindlink.files import check_output, read_bytes, write_bytes, write_text
from blindlink.messages import canonical
from blindlink.messages.encodings import Encodings
from blindlink.owner.prepare import Assess
from blindlink.owner.risk.page import page as as_html
from blindlink.owner.risk.run import QUICK_GRAPH_ROWS, assess
from blindlink.owner.risk.waiver import Waiver, accepted
from blindlink.progress import Progress, silent
from blindlink.schema.document import LinkageSchema


def page_of(out: Path) -> Path:
    """Where the report of the submission ``out`` goes, for people."""
    return out.with_name(f"{out.name}.risk.html")


def document_of(out: Path) -> Path:
    """Where it goes as JSON."""
    return out.with_name(f"{out.name}.risk.json")


def light_of(out: Path) -> tuple[str, str]:
    """The light of the report that stands beside the submission ``out``, and what is amber or red
    in it, in a few words. Raises InputError."""
    found = json.loads(read_bytes(document_of(out), limit=1 << 24))
    light = str(found["light"])
    worst = [each["name"] for each in found["metrics"] if each["light"] == light]
    if light not in ("amber", "red") or not worst:
        return light, ""
    more = f" and {len(worst) - 1} more" if len(worst) > 1 else ""
    return light, worst[0] + more


def gate(
    out: Path,
    *,
    waiver: Waiver | None = None,
    now: datetime,
    force: bool = False,
    progress: Progress = silent,
) -> Assess:
    """The check of a submission to ``out``; raises OutputError where its report exists already.

    It raises RiskError where the report is red and ``waiver`` does not cover every red metric.
    """
    for path in (page_of(out), document_of(out)):
        check_output(path, force=force)

    def check(rows: pa.Table, encodings: Encodings, schema: LinkageSchema) -> str:
        report = assess(rows, encodings, schema, graph_rows=QUICK_GRAPH_ROWS, progress=progress)
        if report.light == "red":
            report = replace(report, waiver=waiver)
        write_bytes(document_of(out), canonical.dumps(report.document()), force=True)
        write_text(page_of(out), as_html(report), force=True)
        try:
            accepted(report, waiver, now.date())
        except RiskError as error:
            hint = f"read {page_of(out)}; use a stronger profile, or --risk-waiver"
            raise RiskError(error.message, hint=hint) from None
        return report.digest()

    return check
