"""``blindlink owner``: submit an extract, and take people out of it again."""

from pathlib import Path

import click

from blindlink.cli.acting import Caller, caller_options
from blindlink.cli.common import (
    FOLDER,
    IN_FILE,
    OUT_FILE,
    Group,
    bad_cells_option,
    example,
    force_option,
    json_option,
    map_option,
    note,
    out_option,
    progress_bar,
    show,
    source,
    tolerance,
)
from blindlink.cli.owner_import import import_extract


@click.group(cls=Group, epilog="Start with: blindlink owner submit --help")
def owner() -> None:
    """What a data owner does: it sees identities."""


@owner.command(
    epilog=example(
        "blindlink owner submit extract/ --agreement study.agreement --keys moj.key "
        "--secret-file linkage.key --out moj.submission"
    )
)
@click.argument("data", type=FOLDER)
@caller_options
@click.option("--secret-file", type=IN_FILE, required=True, help="The owners' linkage secret.")
@out_option("the submission")
@click.option("--row-map", type=OUT_FILE, help="Write the row map here  [default: OUT.rows]")
@click.option(
    "--sequence",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Which submission this is: higher for every re-submission.",
)
@click.option(
    "--previous",
    type=IN_FILE,
    help="The row map of the submission before, where it is not at its usual place.",
)
@bad_cells_option
@map_option
@click.option(
    "--risk-waiver", type=IN_FILE, help="Who accepts a red disclosure-risk report, and why (TOML)."
)
@force_option
@json_option
def submit(
    data: Path,
    caller: Caller,
    secret_file: Path,
    out: Path,
    row_map: Path | None,
    sequence: int,
    previous: Path | None,
    bad_cells: str,
    map_file: Path | None,
    risk_waiver: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Encode and seal the extract in the folder DATA: identities.csv, and a table for each one that
    the agreement lists (events.csv, ...). Parquet and Arrow files work too.

    The linker gets encodings only, the analyst attributes only. The row map stays with you: it is
    needed to withdraw a person, and for the next submission, which has the same control records. So
    do OUT.risk.html and OUT.risk.json, the disclosure-risk report: red ends the run with 19 unless
    a waiver covers it.
    """
    from blindlink.owner.folder import FolderOptions, submit_folder
    from blindlink.owner.risk.gate import light_of, page_of

    acting = caller.acting()
    options = FolderOptions(
        row_map=row_map,
        previous=previous,
        sequence=sequence,
        tolerate=tolerance(bad_cells),
        waiver=risk_waiver,
        source=source(None, map_file),
        force=force,
    )
    with progress_bar("Sealing") as progress:
        done = submit_folder(data, acting.telling(progress), secret_file, out, options)
    light, worst = light_of(done.path)
    result = {
        "submission": str(done.path),
        "row_map": str(done.row_map),
        "bundle": done.bundle_id,
        "sequence": done.sequence,
        "digest": done.digest,
        "risk": light,
        "risk_report": done.risk,
        "rows": done.rows,
        "entities": done.entities,
        "controls": done.controls,
    }
    text = (
        f"{done.rows:,} rows of {done.entities:,} entities, {done.controls:,} of them control "
        f"records\ndisclosure risk: {light}{f' ({worst})' if worst else ''}; see "
        f"{page_of(done.path)}\ndigest {done.digest}"
    )
    show(result, as_json, text)
    note(f"send {done.path} to the linker only; keep {done.row_map} to yourself")


@owner.command(epilog=example("blindlink owner check extract/ --agreement draft.toml --owner moj"))
@click.argument("data", type=FOLDER)
@click.option(
    "--agreement",
    "agreement_file",
    type=IN_FILE,
    required=True,
    help="The agreement, signed or not, or its draft (TOML).",
)
@click.option("--owner", required=True, help="Which owner of the agreement you are.")
@map_option
@click.option("--quick", is_flag=True, help="Only what would be refused; no trial encoding.")
@json_option
def check(
    data: Path,
    agreement_file: Path,
    owner: str,
    map_file: Path | None,
    quick: bool,
    as_json: bool,
) -> None:
    """Try the extract in the folder DATA against an agreement before anybody signs it.

    Reads every file as 'owner submit' does and says everything that would be refused at once: rows,
    rules of generalisation, identifiers that do not join, too much lost of a field. An extract that
    fits is encoded on trial, under a key that is thrown away: its disclosure risk, how near
    strangers come to a partner who lacks a field, and which labels have people enough to be
    published. Nothing is written; no key is needed.
    """
    from blindlink.errors import InputError, RiskError
    from blindlink.owner.check import check_extract
    from blindlink.owner.folder import IDENTITIES, read_extract, terms_for

    terms = terms_for(agreement_file, owner)
    tables = read_extract(data, terms, owner, source(None, map_file))
    found = check_extract(tables, terms, owner)
    result, lines, red = found.document(), [found.text()], False
    if not found.wrong and not quick:
        from blindlink.api.rehearse import rehearse

        with progress_bar("Trying") as progress:
            tried = rehearse(tables[IDENTITIES], tables, terms, owner, progress)
        result["trial"] = tried.document()
        lines.append(tried.text())
        red = tried.light == "red"
    show(result, as_json, "\n".join(lines))
    if red:
        raise RiskError(
            "the disclosure risk is red: 'owner submit' would stop here",
            hint="make the schema for more people (--people), or of the profile weak or diffused; "
            "or record who accepts it in a waiver",
        )
    if found.wrong:
        raise InputError(
            f"the extract does not fit the agreement: {len(found.wrong)} reasons above",
            hint="mend the extract, map its columns with --map, or change the draft",
        )


@owner.command(
    epilog=example(
        "blindlink owner withdraw people.csv --row-map moj.submission.rows "
        "--agreement study.agreement --keys moj.key --out moj.withdrawal"
    )
)
@click.argument("people", type=IN_FILE)
@click.option("--row-map", type=IN_FILE, required=True, help="What 'owner submit' left with you.")
@caller_options
@out_option("the withdrawal")
@force_option
@json_option
def withdraw(
    people: Path,
    row_map: Path,
    caller: Caller,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Take the people whose entity_id stands in the table PEOPLE out of a submission.

    Only before the linker's first link: then the inputs are frozen.
    """
    from blindlink.owner.folder import withdraw_file

    done = withdraw_file(people, row_map, caller.acting(), out, force=force)
    result = {
        "withdrawal": str(done.path),
        "bundle": done.bundle_id,
        "entities": done.entities,
        "rows": done.rows,
    }
    show(result, as_json, f"{done.entities:,} entities, {done.rows:,} rows")
    note(f"send {done.path} to the linker")


owner.add_command(import_extract)
