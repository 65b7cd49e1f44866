"""``blindlink analyst``: open a release as a cohort, and publish what the policy allows of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blindlink.cli.acting import Caller, caller_options
from blindlink.cli.common import (
    FOLDER,
    IN_FILE,
    Group,
    agreement_option,
    example,
    force_option,
    json_option,
    note,
    progress_bar,
    show,
)
from blindlink.cli.text.report import report_text

if TYPE_CHECKING:
    from blindlink.analyst.publish.writing import ReportResult

OUT = click.option(
    "--out", type=FOLDER, required=True, help="The folder to make; it must not exist yet."
)
SEED = 20230330


@click.group(cls=Group, epilog="Start with: blindlink analyst cohort --help")
def analyst() -> None:
    """What the analyst does: it sees pseudonyms and attributes, never an identity."""


@analyst.command(
    epilog=example(
        "blindlink analyst cohort study.release --agreement study.agreement --keys analyst.key "
        "--out cohort"
    )
)
@click.argument("release", type=IN_FILE)
@caller_options
@OUT
@force_option
@json_option
def cohort(
    release: Path,
    caller: Caller,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Verify and open a release, and write the cohort that analyses work on.

    Which release was opened is kept beside your key file: of one agreement there is one.
    """
    from blindlink.analyst.cohort.folder import build_cohort
    from blindlink.messages.used import releases_of

    acting, register = caller.acting(demo=True), releases_of(caller.keys)
    with progress_bar("Opening", "blobs") as progress:
        made = build_cohort(release, acting.telling(progress), out, register=register, force=force)
    result = {
        "cohort": str(out),
        "people": len(made.people),
        "links": len(made.links),
        "candidates": len(made.candidates),
        "tables": sorted(f"{owner}.{table}" for owner, table in made.tables),
    }
    text = f"{out}: {len(made.people)} people, {len(made.links)} links"
    show(result, as_json, text)


@analyst.command(
    epilog=example(
        "blindlink analyst report cohort --out report",
        "blindlink analyst report cohort --study my-study --out report",
        "blindlink analyst report cohort --settings own.toml --earlier report-2022 --out report",
    )
)
@click.argument("cohort", type=FOLDER)
@OUT
@click.option(
    "--study",
    "study_path",
    type=click.Path(path_type=Path),
    help="A declared study: a folder with study.toml, or that file. Without it the report is that "
    "of probation and treatment.",
)
@click.option(
    "--settings",
    "settings_file",
    type=IN_FILE,
    help="Definitions and priors (TOML) of the study of probation and treatment.",
)
@click.option(
    "--policy",
    "policy_file",
    type=IN_FILE,
    help="A disclosure policy (JSON), at least as strict as the one in the agreement.",
)
@click.option(
    "--earlier",
    multiple=True,
    type=FOLDER,
    help="The folder of a report already published, for the guard against differencing.",
)
@click.option("--register", type=FOLDER, help="What is out already: 'disclosure register'.")
@click.option(
    "--seed",
    default=SEED,
    show_default=True,
    type=click.IntRange(min=0),
    help="Of the bootstrap of the study of probation and treatment.",
)
@force_option
@json_option
def report(
    cohort: Path,
    out: Path,
    study_path: Path | None,
    settings_file: Path | None,
    policy_file: Path | None,
    earlier: tuple[Path, ...],
    register: Path | None,
    seed: int,
    force: bool,
    as_json: bool,
) -> None:
    """Analyse a cohort and publish what the disclosure policy allows: page, spreadsheet, CSVs."""
    from blindlink.analyst.disclosure.differencing import load_earlier
    from blindlink.analyst.disclosure.policy import load_policy
    from blindlink.analyst.disclosure.register import load

    if study_path is not None and settings_file is not None:
        raise click.UsageError("--settings belongs to the study of probation and treatment")
    policy = load_policy(policy_file) if policy_file else None
    told = [*map(load_earlier, earlier), *(load(register) if register else [])]
    now = datetime.now(UTC)
    with progress_bar("Analysing") as progress:
        if study_path is not None:
            from blindlink.analyst.study.report import report as declared_report
            from blindlink.schema.study.study_file import load_study

            made = declared_report(
                load_study(study_path), cohort, out, policy=policy, now=now, earlier=told,
                force=force, progress=progress,
            )  # fmt: skip
        else:
            from blindlink.studies.probation_treatment import report as reporting
            from blindlink.studies.probation_treatment.definitions import Settings, load_settings

            settings = load_settings(settings_file) if settings_file else Settings()
            made = reporting.report(
                cohort, out, settings=settings, policy=policy, seed=seed, now=now, earlier=told,
                force=force, progress=progress,
            )  # fmt: skip
    note("audit.json is for whoever checks the output; it is not to be published")
    show(_result(made), as_json, report_text(made))


@analyst.command(
    epilog=example(
        "blindlink analyst publish report --agreement study.agreement --check report.check "
        "--out published"
    )
)
@click.argument("report", type=FOLDER)
@agreement_option
@click.option("--check", type=IN_FILE, help="What an output checker of the agreement signed.")
@OUT
@json_option
def publish(
    report: Path, agreement_file: Path, check: Path | None, out: Path, as_json: bool
) -> None:
    """Copy the files of a report that an output checker signed to a new folder, to be sent out.

    Refused without a check, and when a file changed since. OUT.audit.json, beside the folder, is
    the audit record with the name of who let it go; it stays with the controller.
    """
    from blindlink.analyst.publish.checked import publish as publish_checked
    from blindlink.messages.agreement.document import load_agreement

    now = datetime.now(UTC)
    signed = load_agreement(agreement_file, now=now)
    done = publish_checked(report, signed, check, out, now=now)
    result = {
        "published": str(done.folder),
        "record": str(done.record),
        "files": len(done.files),
        "checker": done.checker.name,
    }
    show(result, as_json, f"{out}: {len(done.files)} files, checked by {done.checker.name}")


def _result(made: "ReportResult") -> dict[str, object]:
    audit = made.audit
    return {
        "report": str(made.page),
        "tables": [table.id for table in made.tables],
        "withheld": sum(sum(table.withheld.values()) for table in audit.tables),
        "protected": audit.protected,
        "narrowest": audit.narrowest,
        "policy": audit.policy_digest,
    }
