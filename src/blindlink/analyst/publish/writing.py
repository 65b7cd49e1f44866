"""Writing a report: through the disclosure gate, then page, workbook and CSVs, whole or not at all.

    report.html  report.xlsx  tables/*.csv  tables/data-dictionary.csv  run.json  audit.json

Everything is written into a folder of its own that takes its name when it is complete, so a failed
run leaves nothing. Only ``SafeTable``s, which the gate alone makes, reach a file.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.disclosure.differencing import Earlier
from blindlink.analyst.disclosure.gate import Audit, release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.analyst.publish import files
from blindlink.analyst.publish.page import Frontmatter, Part, in_order, render
from blindlink.analyst.publish.runrecord import audit_record, digests, run_record
from blindlink.analyst.publish.tables import Table
from blindlink.analyst.publish.workbook import write_workbook
from blindlink.errors import OutputError
from blindlink.files import replacing_folder

OURS = {"report.html", "report.xlsx", "tables", "run.json", "audit.json"}
Compose = Callable[[Sequence[SafeTable], Audit], tuple[Frontmatter, list[Part]]]


@dataclass(frozen=True)
class ReportResult:
    """Where the report is, the tables as published, and what the gate did."""

    folder: Path
    page: Path
    tables: tuple[SafeTable, ...]
    audit: Audit

    def table(self, name: str) -> SafeTable | None:
        """A published table by its id."""
        return next((table for table in self.tables if table.id == name), None)


@dataclass(frozen=True)
class Run:
    """What a report is made with, beside its tables.

    ``inputs``: digests by file; ``secret`` draws the noise of a policy that has any.
    """

    settings: BaseModel
    policy: Policy
    seed: int
    now: dt.datetime
    earlier: Sequence[Earlier] = ()
    contact: str = ""
    info: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    secret: bytes = b""


def noise_secret(cohort: Cohort) -> bytes:
    """What draws the noise of a policy that has any: the pseudonyms, which are random and known to
    linker and analyst alone, so that the same cohort always gets the same noise."""
    if "person" not in cohort.people:
        return b""
    return sha256("\n".join(sorted(cohort.people["person"])).encode()).digest()


def write_report(
    tables: Sequence[Table], out_dir: Path, compose: Compose, run: Run, *, force: bool = False
) -> ReportResult:
    """Pass ``tables`` through the gate and write everything that may be published of them.

    ``compose`` makes the page of what was released. Raises OutputError when ``out_dir`` exists
    without ``force`` or holds anything but an earlier report, DisclosureError when the gate blocks.
    """
    safe, audit = release(tables, run.policy, earlier=run.earlier, secret=run.secret)
    front, parts = compose(safe, audit)
    with replacing_folder(out_dir, partial(check_folder, out_dir, force=force)) as draft:
        (draft / "tables").mkdir()
        for name, data in files.files_of(safe).items():
            (draft / name).write_bytes(data)
        write_workbook(
            in_order(parts),
            draft / "report.xlsx",
            title=front.title,
            intro=[front.description],
            contact=[run.contact] if run.contact else [],
        )
        (draft / "report.html").write_bytes(render(front, parts).encode())
        outputs = digests((path for path in draft.rglob("*") if path.is_file()), draft)
        record = run_record(
            settings=run.settings, seed=run.seed, now=run.now, inputs=run.inputs,
            outputs=outputs, info=run.info, policy_digest=audit.policy_digest,
        )  # fmt: skip
        (draft / "run.json").write_bytes(record.encode())
        audited = audit_record(audit, outputs=outputs, now=run.now)
        (draft / "audit.json").write_bytes(audited.encode())
    return ReportResult(out_dir, out_dir / "report.html", tuple(safe), audit)


def check_folder(folder: Path, *, force: bool) -> None:
    """Raises OutputError unless a report may be written to ``folder``."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file", hint="choose another folder")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise OutputError(f"{folder}: exists already")
        if {path.name for path in folder.iterdir()} - OURS:
            raise OutputError(
                f"{folder}: holds other files than a report", hint="choose a folder of its own"
            )
    if not folder.absolute().parent.is_dir():
        raise OutputError(f"{folder}: its folder does not exist", hint="make the folder first")
