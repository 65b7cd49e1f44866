"""``blindlink clk encode``."""

from pathlib import Path

import click

from blindlink.cli.common import (
    IN_FILE,
    bad_cells_option,
    example,
    force_option,
    note,
    note_delimiter,
    out_option,
    progress_bar,
    reading_options,
    source,
    tolerance,
)


@click.command(
    epilog=example(
        "blindlink keygen --purpose linkage --out K",
        "blindlink clk encode identities.csv --schema S.json --secret-file K --out A.parquet",
    )
)
@click.argument("data", type=IN_FILE)
@click.option("--schema", type=IN_FILE, required=True, help="The linkage schema of all owners.")
@click.option(
    "--secret-file",
    "secret",
    type=IN_FILE,
    required=True,
    help="The linkage key, which only the owners hold.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "json"]),
    default="parquet",
    show_default=True,
    help="json: clkhash's list of encodings.",
)
@click.option(
    "--backend",
    type=click.Choice(["blindlink", "clkhash"]),
    default="blindlink",
    show_default=True,
    help="clkhash: encode by the reference, where it is installed.",
)
@click.option(
    "--compat",
    type=click.Choice(["clkhash"]),
    help="Take a plain clkhash schema and a text secret as they are; give the reference's bytes.",
)
@bad_cells_option
@reading_options
@click.option("--workers", type=click.IntRange(1, 256), help="Threads; all cores by default.")
@out_option("the encodings")
@force_option
def encode(
    data: Path,
    schema: Path,
    secret: Path,
    form: str,
    backend: str,
    compat: str | None,
    bad_cells: str,
    columns: str | None,
    map_file: Path | None,
    workers: int | None,
    out: Path,
    force: bool,
) -> None:
    """Encode the rows of a table, CSV, CSV.gz, Parquet or Arrow, for linkage."""
    from blindlink.api.feasible import refuse_demo_key
    from blindlink.keys import LinkageKey
    from blindlink.owner.encoding.files import encode_file

    if compat is None:
        refuse_demo_key(LinkageKey.load(secret).check_value())
    note_delimiter(data)
    read = source(columns, map_file)
    with progress_bar("encoding", "records") as progress:
        noted = encode_file(
            data,
            schema,
            secret,
            out,
            form=form,
            backend=backend,
            compat=compat is not None,
            workers=workers,
            tolerate=tolerance(bad_cells),
            source=read,
            force=force,
            progress=progress,
        )
    for (column, what), count in noted.items():
        note(f"column {column}: {count:,} cells: {what}")
