"""``blindlink study init``: a first schema and agreement from the column lists of the owners."""

from datetime import UTC, datetime
from pathlib import Path

import click

from blindlink.cli.common import FOLDER, Command, example, force_option, json_option, note, show


@click.command(
    cls=Command,
    epilog=example(
        "blindlink schema columns extract/ --map columns.toml --out moj.columns.json",
        "blindlink study init --owner moj moj.columns.json --owner ohid ohid.columns.json "
        "--out study",
    ),
)
@click.option(
    "--owner",
    "owners",
    type=(str, click.Path(path_type=Path, dir_okay=False)),
    multiple=True,
    metavar="NAME LIST",
    help="An owner and its column list, from 'schema columns'; the first is the left side.",
)
@click.option("--linker", default="ttp", show_default=True, help="Name of the linker.")
@click.option("--analyst", default="analyst", show_default=True, help="Name of the analyst.")
@click.option("--project", default="study", show_default=True, help="A short name of the study.")
@click.option("--purpose", default="TO DECIDE: what is asked.", help="What the study asks.")
@click.option(
    "--profile",
    type=click.Choice(["weak", "names", "diffused"]),
    help="How identifiers are encoded.  [default: names where all owners have them, else weak]",
)
@click.option(
    "--people",
    type=click.IntRange(min=5_000),
    default=500_000,
    show_default=True,
    help="People in the largest file.",
)
@click.option("--out", type=FOLDER, required=True, help="Write schema.json, agreement.toml here.")
@force_option
@json_option
def init(
    owners: tuple[tuple[str, Path], ...],
    linker: str,
    analyst: str,
    project: str,
    purpose: str,
    profile: str | None,
    people: int,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Propose a linkage schema and an agreement for owners with these columns.

    Reads column lists, never tables. What is proposed is a draft: each owner tries its extract
    against it with 'owner check' before anybody signs, and what is left to decide is listed.
    """
    from blindlink.messages.agreement.proposal import About, propose, read_list, write_proposal

    if len(owners) < 2:
        raise click.UsageError("give --owner NAME LIST for every owner, two at least")
    today = datetime.now(UTC).date()
    about = About(project, purpose, linker, analyst, people, today.replace(today.year + 1, 12, 31))
    made = propose({name: read_list(path) for name, path in owners}, about, profile)
    write_proposal(made, out, force=force)
    result = {"out": str(out), "profile": made.profile, "decide": list(made.decide)}
    lines = [f"{out / 'schema.json'}", f"{out / 'agreement.toml'}", "", "left to decide:"]
    show(result, as_json, "\n".join([*lines, *(f"  {line}" for line in made.decide)]))
    note("next, each owner: blindlink owner check EXTRACT --agreement agreement.toml --owner NAME")
