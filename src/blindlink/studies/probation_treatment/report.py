"""From a cohort to the study's publication: see ``analyst.publish.writing`` for what is written."""

import datetime as dt
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from blindlink.analyst.cohort.folder import load_cohort
from blindlink.analyst.disclosure.differencing import Earlier
from blindlink.analyst.disclosure.policy import Policy, agreed_policy
from blindlink.analyst.publish.runrecord import digests
from blindlink.analyst.publish.tables import Table
from blindlink.analyst.publish.writing import (
    ReportResult,
    Run,
    check_folder,
    noise_secret,
    write_report,
)
from blindlink.analyst.study.fit import check_cohort
from blindlink.errors import MisfitError
from blindlink.progress import Progress, silent
from blindlink.schema.study.declaration import Declaration
from blindlink.schema.study.study_file import FILE, load_study, renamed
from blindlink.studies.probation_treatment.analysis import analyse
from blindlink.studies.probation_treatment.contents import contents
from blindlink.studies.probation_treatment.definitions import Settings


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
    (RefusedError). Raises MisfitError when the cohort is of another study, OutputError when
    ``out_dir`` exists without ``force`` or holds anything but an earlier report, DisclosureError
    when the gate blocks.
    """
    check_folder(out_dir, force=force)
    cohort = load_cohort(cohort_dir)
    check_cohort(declared(settings), cohort)
    rules = agreed_policy(cohort.info.get("disclosure_policy"), policy)
    tables = analyse(cohort, settings, seed=seed, progress=progress)
    inputs = digests((path for path in cohort_dir.iterdir() if path.is_file()), cohort_dir)
    return publish(
        tables, out_dir, settings=settings, policy=rules, seed=seed, now=now, earlier=earlier,
        info=cohort.info, inputs=inputs, force=force, secret=noise_secret(cohort),
    )  # fmt: skip


def declared(settings: Settings) -> Declaration:
    """What a cohort of the study holds, under the names of the settings.

    Raises MisfitError for settings of other requirements than those that the report speaks of.
    """
    with resources.as_file(resources.files("blindlink.studies.probation_treatment") / FILE) as path:
        study = load_study(path)
    kinds = {kind.name for kind in study.kinds.kind} if study.kinds else set()
    if set(settings.definitions.requirements) != kinds:
        raise MisfitError(
            f"the report of this study speaks of {' and '.join(sorted(kinds))} and of no others",
            hint="declare a study of your own: blindlink study new, analyst report --study",
        )
    names = {"moj": settings.left, "ohid": settings.right}
    tables = {
        ("moj", "events"): settings.events,
        ("ohid", "events"): settings.events,
        ("ohid", "details"): settings.details,
    }
    return renamed(study, names, tables)


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
    run = Run(
        settings, policy, seed, now, earlier, settings.contact, info or {}, inputs or {}, secret
    )
    return write_report(
        tables,
        out_dir,
        lambda safe, audit: contents(safe, audit, settings, now=now, info=run.info),
        run,
        force=force,
    )
