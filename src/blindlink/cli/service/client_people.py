"""``blindlink client new-person``: the key of somebody who operates or audits."""

from pathlib import Path

import click

from blindlink.cli.common import FOLDER, example, force_option, note, show


@click.command(
    "new-person",
    epilog=example("blindlink client new-person --role operator --name ada --out keys/"),
)
@click.option("--role", type=click.Choice(["operator", "auditor"]), required=True)
@click.option("--name", default="", help="Letters, digits and hyphens: it stands in every log.")
@click.option("--out", type=FOLDER, required=True, help="The folder of the two files.")
@force_option
def new_person(role: str, name: str, out: Path, force: bool) -> None:
    """Make a person's key: ROLE.NAME.key stays with the person, ROLE.NAME.pub goes to the service.

    The first of each role goes into the service's credentials folder; later ones are registered by
    somebody of the other role.
    """
    from blindlink.client import person

    if name and not (name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
        raise click.UsageError("--name wants letters, digits and hyphens")
    path = person.make(out, role, name, force=force)
    show({"key": str(path)}, False, str(path))
    note(f"keep it private; {path.with_suffix('.pub')} is what the service needs")
