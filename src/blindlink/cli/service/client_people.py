"""Operators and auditors: ``client new-person``, ``people``, ``register`` and ``dismiss``."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from blindlink.cli.common import (
    FOLDER,
    IN_FILE,
    example,
    force_option,
    json_option,
    note,
    show,
)

if TYPE_CHECKING:
    from blindlink.client.connection import Connection

F = TypeVar("F", bound=Callable[..., Any])


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


def local_options(command: F) -> F:
    """Which service, and as which person: no project."""
    for option in reversed(
        (
            click.option("--url", required=True, envvar="BLINDLINK_URL", help="Its address."),
            click.option("--ca", type=IN_FILE, help="Trust this authority (PEM) and no other."),
            click.option("--credential", type=IN_FILE, required=True, help="Your ROLE.NAME.key."),
        )
    ):
        command = option(command)
    return command


def _connect(url: str, ca: Path | None, credential: Path) -> "Connection":
    from blindlink.client.connection import Connection
    from blindlink.client.signing import Signer

    return Connection(url, Signer.of_credential(credential), ca=ca)


@click.command(
    epilog=example(
        "blindlink client people --url https://link.example --credential auditor.bela.key"
    )
)
@local_options
@json_option
def people(as_json: bool, **caller: Any) -> None:
    """Everybody who operates or audits, or did, and who let them in."""
    from blindlink.client import person

    found = person.listed(_connect(**caller))
    lines = [
        f"{each['role']:<9} {each['name']:<20} {each['keyid']}  by {each['by']}"
        + (f", left {each['until']}" if each.get("until") else "")
        for each in found
    ]
    show({"items": found}, as_json, "\n".join(lines))


@click.command(
    epilog=example(
        "blindlink client register operator.dora.pub --url https://link.example "
        "--credential auditor.bela.key"
    )
)
@click.argument("file", type=IN_FILE)
@local_options
def register(file: Path, **caller: Any) -> None:
    """Let in the person of FILE (ROLE.NAME.pub); you are of the other role."""
    from blindlink.client import person

    found = person.register(_connect(**caller), file)
    note(f"{found['role']} {found['name']}: {found['keyid']}")


@click.command(
    epilog=example(
        "blindlink client dismiss operator-0123456789abcdef0123456789abcdef "
        "--url https://link.example --credential auditor.bela.key"
    )
)
@click.argument("keyid")
@local_options
def dismiss(keyid: str, **caller: Any) -> None:
    """End a person's access, and its browsers: your own, or somebody's of the other role."""
    from blindlink.client import person

    person.dismiss(_connect(**caller), keyid)
    note(f"{keyid}: may do nothing any more")
