"""``blindlink owner import``: a raw extract into the tables that ``owner submit`` takes."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from blindlink.cli.common import (
    FOLDER,
    IN_FILE,
    example,
    json_option,
    map_option,
    note,
    show,
    source,
)

if TYPE_CHECKING:
    from blindlink.schema.quality import Limits


@click.command(
    "import",
    epilog=example(
        "blindlink owner import raw/ --system ndtms --out extract",
        "blindlink owner import raw/ --system ndelius --codes our-codes.json --out extract",
        "blindlink owner import raw/ --system our-register.json --map columns.toml --out extract",
    ),
)
@click.argument("raw", type=click.Path(path_type=Path))
@click.option(
    "--system",
    required=True,
    metavar="SYSTEM",
    help="Whose columns and codes the files have: ndelius, ndtms, nomis, or your layout (JSON).",
)
@click.option("--codes", "own_codes", type=IN_FILE, help="Your code lists (JSON).")
@map_option
@click.option(
    "--consent",
    "unclear",
    type=click.Choice(["stop", "leave-out", "not-asked"]),
    default="stop",
    show_default=True,
    help="People whose consent is empty, in no list or not stated: end the run, or leave them out. "
    "not-asked: the files have no such column, and need none.",
)
@click.option(
    "--ids",
    type=click.Choice(["exact", "folded"]),
    default="exact",
    show_default=True,
    help="folded: zeros in front, case and blanks of an identifier mean nothing.",
)
@click.option(
    "--bad-cells",
    type=click.Choice(["refuse", "missing"]),
    default="refuse",
    show_default=True,
    help="A code of no list: end the run, or count it as missing.",
)
@click.option(
    "--agreement",
    "agreement_file",
    type=IN_FILE,
    help="Take the limits of what may be lost from this agreement or draft (TOML); needs --owner.",
)
@click.option("--owner", help="Which owner of the agreement you are.")
@click.option(
    "--out", type=FOLDER, required=True, help="The folder to make; it must not exist yet."
)
@json_option
def import_extract(
    raw: Path,
    system: str,
    own_codes: Path | None,
    map_file: Path | None,
    unclear: str,
    ids: str,
    bad_cells: str,
    agreement_file: Path | None,
    owner: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Turn the raw files in RAW into an extract, with a report on its data quality.

    RAW is a folder, or one file that holds all. ndelius: offender, alias, offender_address,
    requirement, or a dump of the database (.sql). ndtms: one file as providers send it, or client,
    episode, top. nomis: offenders, offender_bookings. CSV, Parquet or Arrow.

    Nobody is handed on whose consent is not known. A cell that breaks the contract becomes missing,
    everything is counted by field, and too much of it ends the run: see "What happens to a cell
    that cannot be read" in docs/how-to/import-an-extract.md.
    """
    from blindlink.owner.tables.importing import REPORT_HTML, Ids, Rules, import_folder
    from blindlink.owner.tables.permission import Unclear
    from blindlink.studies.probation_treatment.contract import EXTRACTS

    rules = Rules(
        unclear=cast(Unclear, unclear),
        ids=cast(Ids, ids),
        tolerant=bad_cells == "missing",
        limits=_limits(agreement_file, owner),
        source=source(None, map_file),
    )
    _, findings = import_folder(system, raw, out, EXTRACTS, own_codes=own_codes, rules=rules)
    show(json.loads(findings.to_json()), as_json, findings.to_text())
    note(f"look at {out / REPORT_HTML}; it stays with you")


def _limits(agreement: Path | None, owner: str | None) -> "dict[str, Limits]":
    """What an owner may lose by an agreement or a draft of one."""
    if agreement is None:
        return {}
    if owner is None:
        raise click.UsageError("--agreement needs --owner")
    from blindlink.messages.agreement.draft import terms_of

    return terms_of(agreement, now=datetime.now(UTC)).quality_limits(owner)
