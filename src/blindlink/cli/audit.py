"""``blindlink audit``: check the linker's log against what others kept."""

from pathlib import Path

import click

from blindlink.cli.common import IN_FILE, example, json_option, show


@click.group(epilog="Start with: blindlink audit verify --help")
def audit() -> None:
    """Check the audit log of the linker against heads and receipts that others kept."""


@audit.command(
    epilog=example(
        "blindlink audit verify audit.log --linker ttp.key.public --head march.head "
        "--receipt moj.receipt"
    )
)
@click.argument("log", type=IN_FILE)
@click.option("--linker", type=IN_FILE, required=True, help="The linker's public party file.")
@click.option("--head", "heads", type=IN_FILE, multiple=True, help="A head that you kept.")
@click.option("--receipt", "receipts", type=IN_FILE, multiple=True, help="A receipt that you kept.")
@json_option
def verify(
    log: Path, linker: Path, heads: tuple[Path, ...], receipts: tuple[Path, ...], as_json: bool
) -> None:
    """Check that LOG contains all that the linker once signed; exits with 15 if not.

    A log that its signer rewrote or cut does not fit the heads that others kept before. A log that
    nobody kept a head of proves nothing.
    """
    if not heads and not receipts:
        raise click.UsageError("give at least one --head or --receipt that you kept")
    from blindlink.formats.receipt import verify_kept

    found = verify_kept(log, linker, heads, receipts)
    text = (
        f"the log's {found['entries']} entries extend all {found['checked']} heads that were kept"
    )
    show(found, as_json, text)
