"""``blindlink clk evaluate``: links against a truth that research data have."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blindlink.cli.common import IN_FILE, example, json_option, reading_options, show, source

if TYPE_CHECKING:
    from blindlink.linker.model.evaluate import Evaluation, Figure


@click.command(
    epilog=example("blindlink clk evaluate links.csv --left A.csv --right B.csv --key rec_id")
)
@click.argument("links", type=IN_FILE)
@click.option("--left", type=IN_FILE, required=True, help="The left table, in the encoded order.")
@click.option("--right", type=IN_FILE, required=True, help="The right table, likewise.")
@click.option("--key", required=True, help="The column that says who is who, in both tables.")
@reading_options
@json_option
def evaluate(
    links: Path,
    left: Path,
    right: Path,
    key: str,
    columns: str | None,
    map_file: Path | None,
    as_json: bool,
) -> None:
    """Precision, recall and F1 of LINKS, with 95 % Wilson intervals.

    True pairs are all left and right rows with the same value in the key column, if not empty.
    """
    from blindlink.linker.model.evaluate import evaluate_files

    result = evaluate_files(links, left, right, key, source=source(columns, map_file))
    show(asdict(result), as_json, _text(result))


def _text(result: "Evaluation") -> str:
    lines = [
        f"links       {result.links:>9,}",
        f"true pairs  {result.true_pairs:>9,}",
        f"right links {result.true_links:>9,}",
        _line("precision", result.precision),
        _line("recall", result.recall),
        _line("F1", result.f1),
    ]
    return "\n".join(lines)


def _line(name: str, figure: "Figure") -> str:
    if figure.value is None:
        return f"{name:<12}not defined: there is nothing to divide by"
    return f"{name:<12}{figure.value:9.4f}  ({figure.low:.4f} to {figure.high:.4f})"
