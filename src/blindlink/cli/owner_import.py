"""``blindlink owner import``: a raw extract into the tables that ``owner submit`` takes."""

import json
from pathlib import Path

import click

from blindlink.cli.common import FOLDER, IN_FILE, example, json_option, note, show


@click.command(
    "import",
    epilog=example(
        "blindlink owner import raw/ --system ndtms --out extract",
        "blindlink owner import raw/ --system ndelius --codes our-codes.json --out extract",
    ),
)
@click.argument("raw", type=FOLDER)
@click.option(
    "--system",
    type=click.Choice(["ndelius", "ndtms"]),
    required=True,
    help="Whose columns and codes the files have.",
)
@click.option("--codes", "own_codes", type=IN_FILE, help="Your code lists (JSON).")
@click.option(
    "--out", type=FOLDER, required=True, help="The folder to make; it must not exist yet."
)
@json_option
def import_extract(
    system: str, raw: Path, own_codes: Path | None, out: Path, as_json: bool
) -> None:
    """Turn the raw files in the folder RAW into an extract, with a report on its data quality.

    ndelius: offender, alias, offender_address, requirement. ndtms: client, episode, top. CSV,
    Parquet or Arrow. A cell that breaks the contract becomes missing, no row is dropped unless it
    names no person or the client does not consent, and everything is counted by field.
    """
    from blindlink.owner.tables.importing import REPORT_HTML, import_folder
    from blindlink.studies.probation_treatment.contract import EXTRACTS

    _, findings = import_folder(system, raw, out, EXTRACTS, own_codes=own_codes)
    show(json.loads(findings.to_json()), as_json, findings.to_text())
    note(f"look at {out / REPORT_HTML}; it stays with you")
