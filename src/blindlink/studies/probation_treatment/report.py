"""From a cohort to a publication: analyse, pass the disclosure gate, write page, workbook and CSVs.

    report.html  report.xlsx  tables/*.csv  tables/data-dictionary.csv  run.json  audit.json

Everything is written into a folder of its own that takes its name when it is complete, so a failed
run leaves nothing. Only ``SafeTable``s, which the gate alone makes, reach a file.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from blindlink.analyst.cohort.folder import Cohort, load_cohort
from blindlink.analyst.disclosure.differencing import Earlier
from blindlink.analyst.disclosure.gate import Audit, release
from blindlink.analyst.disclosure.policy import Policy, agreed_policy
from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.analyst.publish import files
from blindlink.analyst.publish.page import render
from blindlink.analyst.publish.runrecord import audit_record, digests, run_record
from blindlink.analyst.publish.tables import Table
from blindlink.analyst.publish.workbook import write_workbook
from blindlink.errors import OutputError
from blindlink.files import replacing_folder
from blindlink.progress import Progress, silent
from blindlink.studies.probation_treatment.analysis import analyse
from blindlink.studies.probation_treatment.contents import contents, in_order
from blindlink.studies.probation_treatment.definitions import Settings

OURS = {"report.html", "report.xlsx", "tables", "run.json", "audit.json"}


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


def report(
    cohort_dir: Path,
    out_dir: Path,
    *,
    settings: Settings,
    policy: Policy | None = None,
    seed: int,
    now: dt.datetime,
    earlier: Sequence[Earlier] = (),
    force: bool = False,
    progress: Progress = silent,
) -> ReportResult:
    """Analyse the cohort in ``cohort_dir`` and write its report into the folder ``out_dir``.

    The policy is the one that the cohort's agreement fixes; ``policy`` may be stricter, not weaker
    (RefusedError). Raises OutputError when ``out_dir`` exists without ``force`` or holds anything
    but an earlier report, DisclosureError when the gate blocks.
    """
    check_folder(out_dir, force=force)
    cohort = load_cohort(cohort_dir)
    agreed = cohort.info.get("disclosure_policy")
    rules = agreed_policy(agreed, policy)
    tables = analyse(cohort, settings, seed=seed, progress=progress)
    inputs = digests((path for path in cohort_dir.iterdir() if path.is_file()), cohort_dir)
    return publish(
        tables, out_dir, settings=settings, policy=rules, seed=seed, now=now, earlier=earlier,
        info=cohort.info, inputs=inputs, force=force, secret=noise_secret(cohort),
    )  # fmt: skip


def noise_secret(cohort: Cohort) -> bytes:
    """What draws the noise of a policy that has any: the pseudonyms, which are random and known to
    linker and analyst alone, so that the same cohort always gets the same noise."""
    if "person" not in cohort.people:
        return b""
    return sha256("\n".join(sorted(cohort.people["person"])).encode()).digest()


def publish(
    tables: Sequence[Table],
    out_dir: Path,
    *,
    settings: Settings,
    policy: Policy,
    seed: int,
    now: dt.datetime,
    earlier: Sequence[Earlier] = (),
    info: Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    force: bool = False,
    secret: bytes = b"",
) -> ReportResult:
    """Pass ``tables`` through the gate and write everything that may be published of them."""
    safe, audit = release(tables, policy, earlier=earlier, secret=secret)
    front, parts = contents(safe, audit, settings, now=now, info=info or {})
    with replacing_folder(out_dir, partial(check_folder, out_dir, force=force)) as draft:
        (draft / "tables").mkdir()
        for name, data in files.files_of(safe).items():
            (draft / name).write_bytes(data)
        contact = [settings.contact] if settings.contact else []
        write_workbook(
            in_order(parts),
            draft / "report.xlsx",
            title=front.title,
            intro=[front.description],
            contact=contact,
        )
        (draft / "report.html").write_bytes(render(front, parts).encode())
        outputs = digests((path for path in draft.rglob("*") if path.is_file()), draft)
        record = run_record(
            settings=settings, seed=seed, now=now, inputs=inputs or {}, outputs=outputs,
            info=info or {}, policy_digest=audit.policy_digest,
        )  # fmt: skip
        (draft / "run.json").write_bytes(record.encode())
        (draft / "audit.json").write_bytes(audit_record(audit, outputs=outputs, now=now).encode())
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
