"""``blindlink clk link``: link two files of encodings, without a protocol."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blindlink.cli.common import (
    IN_FILE,
    OUT_FILE,
    example,
    force_option,
    json_option,
    note,
    progress_bar,
    show,
)

if TYPE_CHECKING:
    from blindlink.messages.linkage_report import Estimate, LinkageReport

CARDINALITIES = ("one-to-one", "one-to-many", "many-to-many")
METHODS = ("deterministic", "clk", "probabilistic")


@click.command(
    epilog=example(
        "blindlink clk link A.parquet B.parquet --out links.csv",
        "blindlink clk link A.parquet B.parquet --out links.csv --threshold 0.8",
        "blindlink clk link A.parquet B.parquet --out links.parquet --left-id a.csv record_id "
        "--right-id b.csv record_id",
        "blindlink clk link A.parquet B.parquet --out links.csv --method deterministic "
        "--method probabilistic --report quality.html",
    )
)
@click.argument("left", type=IN_FILE)
@click.argument("right", type=IN_FILE)
@click.option("--out", type=OUT_FILE, help="Write the links (left,right,score,probability) here.")
@click.option(
    "--left-id",
    type=(IN_FILE, str),
    metavar="TABLE COLUMN",
    help="The table that LEFT encodes and its column of record ids, to stand beside the rows.",
)
@click.option("--right-id", type=(IN_FILE, str), metavar="TABLE COLUMN", help="The same for RIGHT.")
@click.option(
    "--threshold",
    default="auto",
    show_default=True,
    help="Least Dice score of a link, such as 0.8, or auto: chosen from the scores alone.",
)
@click.option(
    "--fallback-threshold",
    help="Use this threshold where auto cannot separate matches from non-matches.",
)
@click.option(
    "--target",
    default="f1",
    show_default=True,
    help="What auto aims at: f1, precision:x or false_link_rate:x.",
)
@click.option(
    "--cardinality",
    type=click.Choice(CARDINALITIES),
    default=CARDINALITIES[0],
    show_default=True,
    help="How many records of the right (first: left) side one record may be linked to.",
)
@click.option(
    "--optimal",
    is_flag=True,
    help="One-to-one: the highest sum of scores, instead of the best pair first.",
)
@click.option(
    "--method",
    "methods",
    type=click.Choice(METHODS),
    multiple=True,
    default=("clk",),
    show_default=True,
    help="What makes links; give it again for more. deterministic: equal match keys; clk: the "
    "score; probabilistic: the match probability, from all filters of a record.",
)
@click.option(
    "--levels",
    multiple=True,
    metavar="A,B,...",
    help="Scores at which agreement levels begin; once for each filter. Default: chosen.",
)
@click.option(
    "--collapse-duplicates",
    is_flag=True,
    help="Records of one file with equal encodings are one person's, and are linked as one.",
)
@click.option("--engine", default="auto", show_default=True, help="The similarity engine.")
@click.option("--report", type=OUT_FILE, help="Also write the linkage report (.json or .html).")
@force_option
@json_option
def link(
    left: Path,
    right: Path,
    out: Path | None,
    left_id: tuple[Path, str] | None,
    right_id: tuple[Path, str] | None,
    optimal: bool,
    report: Path | None,
    force: bool,
    as_json: bool,
    **plan: Any,
) -> None:
    """Link the encodings LEFT and RIGHT: 0-based rows, score, match probability.

    --out, --report or both say what is written.
    """
    from blindlink.linker.files import link_files

    if out is None and report is None:
        raise click.UsageError("needs --out for the links, --report, or both")
    plan["assignment"] = "optimal" if optimal else "greedy"
    plan["methods"] = list(plan["methods"])
    plan["levels"] = [text.split(",") for text in plan["levels"]]
    with progress_bar("linking") as progress:
        found = link_files(
            left,
            right,
            out,
            options=plan,
            ids=(left_id, right_id),
            report=report,
            force=force,
            progress=progress,
            told=note,
        )
    for line in found.warnings:
        note(f"warning: {line}")
    show(_summary(found), as_json, _text(found, out))


def _summary(report: "LinkageReport") -> dict[str, Any]:
    names = {"threshold", "threshold_method", "target", "cardinality", "counts", "precision"}
    names |= {"recall", "f1", "false_link_rate", "expected_matches", "methods", "warnings"}
    return report.model_dump(mode="json", include=names)


def _text(report: "LinkageReport", out: Path | None) -> str:
    counts = report.counts
    lines = [
        f"{counts.links:,} links{f' written to {out}' if out else ''}",
        f"{_threshold(report)}, {report.cardinality}; "
        f"{counts.accepted:,} pairs accepted, {counts.conflicts:,} lost to a rival",
    ]
    if len(report.methods_used) > 1:
        lines += [
            f"{row.method:<14}{row.accepted:>9,} pairs accepted, {row.alone:,} not by those above"
            for row in report.methods
            if row.used
        ]
    lines += expected(report)
    return "\n".join(lines)


def _threshold(report: "LinkageReport") -> str:
    if report.methods_used == ("probabilistic",) and "probability_cut" in report.model:
        return f"match probability of {report.model['probability_cut']:.4f} or more"
    return f"threshold {report.threshold:.4f} ({report.threshold_method})"


def expected(report: "LinkageReport") -> list[str]:
    """The expected quality, a line for each figure; none without a model."""
    named = (
        ("precision", report.precision),
        ("recall", report.recall),
        ("F1", report.f1),
        ("false-link rate", report.false_link_rate),
    )
    return [_line(name, estimate) for name, estimate in named if estimate is not None]


def _line(name: str, estimate: "Estimate") -> str:
    return f"expected {name:<16}{estimate.value:.4f}  ({estimate.low:.4f} to {estimate.high:.4f})"
