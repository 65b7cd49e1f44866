"""``blindlink clk assess``."""

from pathlib import Path

import click

from blindlink.cli.common import (
    IN_FILE,
    OUT_FILE,
    example,
    force_option,
    json_option,
    progress_bar,
    show,
)

RED = 1


@click.command(epilog=example("blindlink clk assess A.parquet --data identities.csv --html R.html"))
@click.argument("encodings", type=IN_FILE)
@click.option("--data", type=IN_FILE, required=True, help="The table that was encoded.")
@click.option("--html", "page", type=OUT_FILE, help="Write the report here as a page.")
@json_option
@force_option
def assess(encodings: Path, data: Path, page: Path | None, as_json: bool, force: bool) -> int:
    """Attack your own encodings and report what they disclose. Exit code 1: the report is red."""
    from blindlink.owner.risk_files import assess_file

    with progress_bar("attacking") as progress:
        report = assess_file(encodings, data, page=page, force=force, progress=progress)
    show(report.document() | {"digest": report.digest()}, as_json, report.text())
    return RED if report.light == "red" else 0
