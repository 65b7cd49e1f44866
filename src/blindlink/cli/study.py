"""``blindlink study``: a study that declares itself, checked and explained before anybody signs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blindlink.cli.common import FOLDER, IN_FILE, Group, example, force_option, json_option, show
from blindlink.cli.study_init import init

if TYPE_CHECKING:
    from blindlink.schema.study.declaration import Declaration

STUDY = click.argument("study_path", metavar="STUDY", type=click.Path(path_type=Path))


@click.group(cls=Group, epilog="Start with: blindlink study new --help")
def study() -> None:
    """A study that declares itself: what is sent, counted and published."""


study.add_command(init)


@study.command(epilog=example("blindlink study new --out my-study"))
@click.option("--out", type=FOLDER, required=True, help="The folder to make.")
@force_option
def new(out: Path, force: bool) -> None:
    """Write a whole study to start from: people on a housing register, and work."""
    from importlib import resources

    from blindlink.errors import OutputError
    from blindlink.files import reason, write_text
    from blindlink.schema.study.study_file import FILE

    try:
        out.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: {reason(error)}") from None
    text = resources.files("blindlink.studies.housing_work").joinpath(FILE).read_text("utf-8")
    write_text(out / FILE, text, force=force)
    click.echo(out / FILE)


@study.command(
    epilog=example(
        "blindlink study check my-study",
        "blindlink study check my-study --agreement study.agreement",
        "blindlink study check my-study --cohort cohort",
    )
)
@STUDY
@click.option(
    "--agreement",
    "agreement_file",
    type=IN_FILE,
    help="Also: do its payload rules leave what the measures need? It need not be signed.",
)
@click.option(
    "--cohort",
    "cohort_folder",
    type=FOLDER,
    help="Also: does it hold what is declared, and how much of it does the study use?",
)
@json_option
def check(
    study_path: Path, agreement_file: Path | None, cohort_folder: Path | None, as_json: bool
) -> None:
    """Check a study: a folder with study.toml, or that file. With an agreement, before it is
    signed; with a cohort, before anything is computed."""
    from blindlink.schema.study.study_file import digest, load_study

    declared = load_study(study_path)
    result: dict[str, Any] = {
        "study": declared.name,
        "version": declared.version,
        "digest": digest(declared),
        "measures": [*declared.measures, *(model.id for model in declared.models)],
    }
    lines = [f"{declared.name}, version {declared.version}, {result['digest']}"]
    if agreement_file is not None:
        _agreement(declared, agreement_file)
        lines.append(f"{agreement_file}: leaves what the study needs")
    if cohort_folder is not None:
        result["cohort"] = _cohort(declared, cohort_folder)
        lines += [f"{stage}: {number:,}" for stage, number in result["cohort"].items()]
    show(result, as_json, "\n".join(lines))


@study.command(epilog=example("blindlink study explain my-study"))
@STUDY
def explain(study_path: Path) -> None:
    """Say in words what a study sends, counts and publishes, for whoever decides about it."""
    from blindlink.schema.study.explain import explained
    from blindlink.schema.study.study_file import load_study

    click.echo(explained(load_study(study_path)))


def _agreement(declared: "Declaration", path: Path) -> None:
    from blindlink.errors import MisfitError
    from blindlink.messages.agreement.document import read_agreement
    from blindlink.schema.study.fit import misfits

    found = misfits(declared, read_agreement(path).agreement.payload)
    if found:
        raise MisfitError(f"{path}: {'; '.join(found)}")


def _cohort(declared: "Declaration", folder: Path) -> dict[str, int]:
    from blindlink.analyst.cohort.folder import load_cohort
    from blindlink.analyst.study.fit import check_cohort
    from blindlink.analyst.study.reading import read_units

    cohort = load_cohort(folder)
    check_cohort(declared, cohort)
    return read_units(declared, cohort).stages()
