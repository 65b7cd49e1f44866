"""``blindlink keygen``: the linkage secret of the owners, or the keys of a party."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from blindlink.cli.common import example, force_option, json_option, note, out_option, show
from blindlink.cli.passphrase import new_passphrase, passphrase_option

if TYPE_CHECKING:
    from blindlink.keys import Role


@click.command(
    epilog=example(
        "blindlink keygen --purpose linkage --out linkage.key",
        "blindlink keygen --party moj --role owner --out moj.key",
    )
)
@click.option("--purpose", type=click.Choice(["linkage"]), help="Make the owners' linkage secret.")
@click.option("--party", metavar="NAME", help="Make the keys of this party.")
@click.option(
    "--role", type=click.Choice(["owner", "linker", "analyst", "checker"]), help="Its role."
)
@click.option("--organisation", help="Its organisation, as the agreement shall name it.")
@passphrase_option
@out_option("the private key (the public party file goes beside it, as OUT.public)")
@force_option
@json_option
def keygen(
    purpose: str | None,
    party: str | None,
    role: "Role | None",
    organisation: str | None,
    passphrase_file: Path | None,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Make a linkage secret, or the keys of a party and its public party file.

    A party's key file is encrypted under a passphrase: from --passphrase-file, from the file that
    BLINDLINK_PASSPHRASE_FILE names, or asked for. Read the fingerprint to the other parties.
    """
    if (purpose is None) == (party is None):
        raise click.UsageError("give either --purpose linkage or --party NAME")
    if party is None:
        if role or organisation or passphrase_file:
            raise click.UsageError("--role, --organisation and --passphrase-file go with --party")
        _linkage(out, force, as_json)
        return
    if role is None:
        raise click.UsageError("--party needs --role")
    _party(party, role, organisation, passphrase_file, out, force, as_json)


def _linkage(out: Path, force: bool, as_json: bool) -> None:
    from blindlink.keys import LinkageKey

    key = LinkageKey.generate()
    key.save(out, force=force)
    note(f"{out}: the owners' secret. Whoever holds it can re-identify people from encodings.")
    show(
        {"key": str(out), "check": key.check_value()},
        as_json,
        f"check value {key.check_value()}",
    )


def _party(
    name: str,
    role: "Role",
    organisation: str | None,
    passphrase_file: Path | None,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    from blindlink.keys import make_party

    public_file = out.with_name(f"{out.name}.public")
    public = make_party(
        name,
        role,
        out,
        public_file,
        lambda: new_passphrase(passphrase_file),
        organisation=organisation,
        force=force,
    )
    result = {"key": str(out), "public": str(public_file), "fingerprint": public.fingerprint()}
    show(result, as_json, f"{public_file}\nfingerprint {public.fingerprint()}")
