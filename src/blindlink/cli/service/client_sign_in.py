"""``blindlink client sign-in``: a code for the browser, instead of a password."""

from pathlib import Path

import click

from blindlink.cli.common import IN_FILE, example, json_option, note, show


@click.command(
    "sign-in",
    epilog=example(
        "blindlink client sign-in --url http://127.0.0.1:8410 --credential auditor.bela.key"
    ),
)
@click.option("--url", required=True, envvar="BLINDLINK_URL", help="The service's address.")
@click.option("--ca", type=IN_FILE, help="Trust this authority (PEM) and no other.")
@click.option("--credential", type=IN_FILE, required=True, help="A person's key, ROLE.NAME.key.")
@json_option
def sign_in(url: str, ca: Path | None, credential: Path, as_json: bool) -> None:
    """Print a code that signs one browser in to the console (operator or auditor).

    It works once, for five minutes, and makes earlier codes of the same credential useless.
    """
    from blindlink.client.connection import Connection
    from blindlink.client.console import sign_in_code
    from blindlink.client.signing import Signer

    found = sign_in_code(Connection(url, Signer.of_credential(credential), ca=ca))
    show(found, as_json, found["code"])
    note(f"give it in at {found['address']}")
