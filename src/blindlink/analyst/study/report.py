"""From a cohort and a declared study to its report."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from blindlink.analyst.cohort.folder import Cohort, load_cohort
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
from blindlink.analyst.study.composing import compose
from blindlink.analyst.study.fit import check_cohort
from blindlink.analyst.study.measures import statistics
from blindlink.analyst.study.measures.times import SEED
from blindlink.analyst.study.world import build
from blindlink.progress import Progress, silent
from blindlink.schema.study.declaration import Declaration
from blindlink.schema.study.study_file import digest


def analyse(study: Declaration, cohort: Cohort, *, progress: Progress = silent) -> list[Table]:
    """Every table of a study. The same cohort gives the same tables, whatever its pseudonyms and
    the order of its rows. Raises MisfitError where the cohort is of another study."""
    check_cohort(study, cohort)
    world = build(study, cohort)
    makers = list(statistics(study))
    tables = []
    for number, maker in enumerate(makers, start=1):
        tables += maker.tables(world)
        progress(number, len(makers))
    return tables


def report(
    study: Declaration,
    cohort_dir: Path,
    out_dir: Path,
    *,
    policy: Policy | None = None,
    now: dt.datetime,
    earlier: Sequence[Earlier] = (),
    force: bool = False,
    progress: Progress = silent,
) -> ReportResult:
    """Analyse the cohort in ``cohort_dir`` as ``study`` says and write its report.

    Raises MisfitError where the cohort is of another study; else see
    ``analyst.publish.writing.write_report``.
    """
    check_folder(out_dir, force=force)
    cohort = load_cohort(cohort_dir)
    rules = agreed_policy(cohort.info.get("disclosure_policy"), policy)
    tables = analyse(study, cohort, progress=progress)
    named = {"name": study.name, "version": study.version, "digest": digest(study)}
    info = {**cohort.info, "study": named}
    inputs = digests((path for path in cohort_dir.iterdir() if path.is_file()), cohort_dir)
    run = Run(study, rules, SEED, now, earlier, study.contact, info, inputs, noise_secret(cohort))
    return write_report(
        tables, out_dir, lambda safe, audit: compose(study, safe, audit, run), run, force=force
    )
