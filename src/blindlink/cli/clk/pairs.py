"""``blindlink clk pairs``: all similar pairs of two files of encodings, or of one."""

from pathlib import Path

import click

from blindlink.cli.common import (
    IN_FILE,
    example,
    force_option,
    json_option,
    note,
    out_option,
    progress_bar,
    show,
)

MEASURES = ("dice", "jaccard", "cosine", "overlap", "hamming")


@click.command(
    epilog=example(
        "blindlink clk pairs A.parquet B.parquet --threshold 0.8 --out pairs.parquet",
        "blindlink clk pairs A.parquet --threshold 0.9 --out duplicates.parquet",
    )
)
@click.argument("left", type=IN_FILE)
@click.argument("right", type=IN_FILE, required=False)
@out_option("the pairs (Parquet: left,right,score)")
@click.option(
    "--threshold", type=click.FloatRange(0, 1), required=True, help="Least score of a pair."
)
@click.option(
    "--top",
    type=click.IntRange(1),
    help="Only the best so many pairs of each left record, and of these of each right record.",
)
@click.option(
    "--measure",
    type=click.Choice(MEASURES),
    default=MEASURES[0],
    show_default=True,
    help="How the score is computed.",
)
@click.option(
    "--filter",
    "number",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Which filter, where a record has several.",
)
@click.option("--engine", default="auto", show_default=True, help="The similarity engine.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=2**25,
    show_default=True,
    help="Pairs in memory; more are sorted on disk, beside the output.",
)
@force_option
@json_option
def pairs(
    left: Path,
    right: Path | None,
    out: Path,
    threshold: float,
    top: int | None,
    measure: str,
    number: int,
    engine: str,
    limit: int,
    force: bool,
    as_json: bool,
) -> None:
    """Write all pairs of LEFT and RIGHT, or within LEFT, that reach a threshold.

    Rows are 0-based; the best pairs come first. Without RIGHT, each pair of LEFT comes once.
    """
    from blindlink.linker.files import PairOptions, pairs_files

    options = PairOptions(threshold, top, measure, number, engine, limit, force)
    with progress_bar("comparing", "records") as progress:
        found = pairs_files(left, right, out, options, progress=progress, told=note)
    result = {"pairs": found.pairs, "engine": found.engine, "reason": found.reason}
    show(result, as_json, f"{found.pairs:,} pairs written to {out}")
