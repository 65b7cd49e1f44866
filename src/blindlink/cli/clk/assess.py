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
    reading_options,
    show,
    source,
)

RED = 1


@click.command(epilog=example("blindlink clk assess A.parquet --data identities.csv --html R.html"))
@click.argument("encodings", type=IN_FILE)
@click.option("--data", type=IN_FILE, required=True, help="The table that was encoded.")
@click.option(
    "--schema", type=IN_FILE, help="The linkage schema, where the encodings do not carry it."
)
@click.option(
    "--people",
    type=click.IntRange(2, 10**9),
    help="Judge at the density of a file of so many people.  [default: those of this file]",
)
@click.option(
    "--graph-rows",
    type=click.IntRange(100, 6000),
    default=3000,
    show_default=True,
    help="People in the graph-matching attack; the time grows with the cube.",
)
@reading_options
@click.option("--html", "page", type=OUT_FILE, help="Write the report here as a page.")
@json_option
@force_option
def assess(
    encodings: Path,
    data: Path,
    schema: Path | None,
    people: int | None,
    graph_rows: int,
    columns: str | None,
    map_file: Path | None,
    page: Path | None,
    as_json: bool,
    force: bool,
) -> int:
    """Attack your own encodings and report what they disclose. Exit code 1: the report is red."""
    from blindlink.owner.risk.files import assess_file

    with progress_bar("attacking") as progress:
        report = assess_file(
            encodings,
            data,
            schema=schema,
            page=page,
            people=people,
            graph_rows=graph_rows,
            source=source(columns, map_file),
            force=force,
            progress=progress,
        )
    show(report.document() | {"digest": report.digest()}, as_json, report.text())
    return RED if report.light == "red" else 0
