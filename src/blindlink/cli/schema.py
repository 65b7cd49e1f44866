"""``blindlink schema``: linkage schemas, which say which identifiers are encoded, and how."""

from pathlib import Path

import click

from blindlink.cli.common import (
    IN_FILE,
    Group,
    example,
    force_option,
    json_option,
    note,
    note_delimiter,
    out_option,
    reading_options,
    show,
    source,
)


@click.group(cls=Group, epilog="Start with: blindlink schema new --help")
def schema() -> None:
    """Make, check and show linkage schemas."""


@schema.command(
    epilog=example(
        "blindlink schema columns identities.csv --out columns.json",
        "blindlink schema new --profile weak --from columns.json --from theirs.json --out S.json",
    )
)
@click.option(
    "--profile",
    type=click.Choice(["weak", "names", "diffused", "clkhash"]),
    required=True,
    help="How identifiers are encoded; see docs/reference/encoding.md.",
)
@click.option(
    "--from",
    "sources",
    type=IN_FILE,
    required=True,
    multiple=True,
    help="A table, a list of columns made by 'schema columns', settings of Splink or a schema of "
    "clkhash (JSON); once for each owner.",
)
@click.option(
    "--people",
    type=click.IntRange(min=5_000),
    default=500_000,
    show_default=True,
    help="People in the largest file. More people need rarer tokens; for fewer, more links are "
    "found.",
)
@click.option("--tune", type=IN_FILE, help="Set weights from the frequencies in this table.")
@reading_options
@out_option("the schema")
@force_option
def new(
    profile: str,
    sources: tuple[Path, ...],
    people: int,
    tune: Path | None,
    columns: str | None,
    map_file: Path | None,
    out: Path,
    force: bool,
) -> None:
    """A schema for what all owners can supply. The same columns give the same schema."""
    from blindlink.owner.schema_files import write_new_schema

    read = source(columns, map_file)
    made = write_new_schema(
        profile, sources, out, people=people, tune=tune, source=read, force=force
    )
    for warning in made:
        note(f"warning: {warning}")


@schema.command(
    epilog=example(
        "blindlink schema columns identities.csv --out columns.json",
        "blindlink schema columns extract/ --map columns.toml --out columns.json",
    )
)
@click.argument("data", type=click.Path(path_type=Path))
@reading_options
@out_option("the names of the columns")
@force_option
def columns(data: Path, columns: str | None, map_file: Path | None, out: Path, force: bool) -> None:
    """The standard names among a table's columns: what owners exchange to agree on a schema.

    No other name leaves: the first line of a file without header is a person. Name such columns
    with --columns, or say with --map which column is which. Of a folder with an extract the
    columns of its other tables are written too, and whether they hold dates, labels or numbers:
    what 'study init' proposes an agreement from.
    """
    from blindlink.owner.schema_files import write_columns, write_extract_columns

    if data.is_dir():
        write = write_extract_columns
    else:
        note_delimiter(data)
        write = write_columns
    for line in write(data, out, source=source(columns, map_file), force=force):
        note(line)


@schema.command(epilog=example("blindlink schema check S.json"))
@click.argument("path", metavar="SCHEMA", type=IN_FILE)
@json_option
def check(path: Path, as_json: bool) -> None:
    """Check a schema wholly and print its fingerprint, which all owners must share."""
    from blindlink.owner.schema_files import check_schema

    fingerprint = check_schema(path).fingerprint()
    show({"valid": True, "fingerprint": fingerprint}, as_json, f"valid\nfingerprint {fingerprint}")


@schema.command("show", epilog=example("blindlink schema show S.json"))
@click.argument("path", metavar="SCHEMA", type=IN_FILE)
@json_option
def show_schema(path: Path, as_json: bool) -> None:
    """What a schema encodes, in words."""
    from blindlink.owner.schema_files import describe

    summary, text = describe(path)
    show(summary, as_json, text)
