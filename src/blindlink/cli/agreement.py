"""``blindlink agreement``: write, show, check and sign it, and send the linkage secret under it."""

from datetime import UTC, datetime
from pathlib import Path

import click

from blindlink.cli.acting import Caller, caller_options
from blindlink.cli.agreement_life import end, erase, heed
from blindlink.cli.common import (
    IN_FILE,
    OUT_FILE,
    Group,
    example,
    force_option,
    json_option,
    keys_option,
    note,
    out_option,
    show,
)
from blindlink.cli.passphrase import party_keys, passphrase_option
from blindlink.cli.text.agreement import text_of


@click.group(cls=Group, epilog="Start with: blindlink agreement new --template > draft.toml")
def agreement() -> None:
    """The agreement that all parties sign, and the secret that owners share under it."""


@agreement.command(
    epilog=example(
        "blindlink agreement new --template > draft.toml",
        "blindlink agreement new draft.toml --secret-file linkage.key --out study.agreement",
    )
)
@click.argument("draft", type=IN_FILE, required=False)
@click.option("--template", is_flag=True, help="Print a commented draft to edit, and stop.")
@click.option("--secret-file", type=IN_FILE, help="Take the key-check value from this secret.")
@click.option("--out", type=OUT_FILE, help="Write it here.")
@force_option
@json_option
def new(
    draft: Path | None,
    template: bool,
    secret_file: Path | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Make an agreement, still unsigned, from a short TOML file that people edit."""
    from blindlink.api.feasible import check_everywhere
    from blindlink.keys import LinkageKey
    from blindlink.messages.agreement import draft as agreement_draft

    if template:
        click.echo(agreement_draft.template(), nl=False)
        return
    if draft is None or out is None:
        raise click.UsageError("needs a draft and --out, or --template")
    key = LinkageKey.load(secret_file) if secret_file else None
    signed = agreement_draft.new_agreement(draft, now=_now(), key=key)
    check_everywhere(signed.agreement)
    agreement_draft.write_agreement(signed, draft, out, force=force)
    show({"agreement": str(out), "digest": signed.digest()}, as_json, f"digest {signed.digest()}")


@agreement.command(
    epilog=example("blindlink agreement sign study.agreement --keys moj.key --out signed.agreement")
)
@click.argument("file", type=IN_FILE)
@keys_option
@passphrase_option
@out_option("the agreement with your signature added")
@force_option
@json_option
def sign(
    file: Path, keys: Path, passphrase_file: Path | None, out: Path, force: bool, as_json: bool
) -> None:
    """Add your party's signature. Look at it first: 'blindlink agreement show'."""
    from blindlink.api.feasible import check_own_side
    from blindlink.messages.agreement.document import read_agreement, sign_file
    from blindlink.messages.agreement.notice import heed_supersession, refuse_ended

    own = party_keys(keys, passphrase_file)
    check_own_side(read_agreement(file).agreement, own.public.role)
    refuse_ended(keys, read_agreement(file).digest())
    signed = sign_file(file, own, out, now=_now(), force=force)
    heed_supersession(keys, signed)
    missing = signed.missing()
    text = f"still to sign: {', '.join(missing)}" if missing else "signed by every party"
    show({"digest": signed.digest(), "missing": missing}, as_json, text)


@agreement.command("show", epilog=example("blindlink agreement show study.agreement"))
@click.argument("file", type=IN_FILE)
@json_option
def show_(file: Path, as_json: bool) -> None:
    """Show it for a governance board: who takes part, and who learns what."""
    from blindlink.messages.agreement.document import read_agreement
    from blindlink.messages.agreement.governance import overview

    found = overview(read_agreement(file), _now())
    show(found, as_json, text_of(found))


@agreement.command(
    epilog=example("blindlink agreement check study.agreement --party moj.key.public")
)
@click.argument("file", type=IN_FILE)
@click.option("--party", type=IN_FILE, help="Also check that this public party file takes part.")
@json_option
def check(file: Path, party: Path | None, as_json: bool) -> None:
    """Check that every party signed it and that it is in force; exits with 14 to 16 if not."""
    from blindlink.messages.agreement.document import check_agreement

    signed = check_agreement(file, party, now=_now())
    result = {"digest": signed.digest(), "parties": list(signed.agreement.names)}
    show(result, as_json, f"in force, signed by {', '.join(signed.agreement.names)}")


@agreement.command(
    "send-secret",
    epilog=example(
        "blindlink agreement send-secret --agreement study.agreement --keys moj.key "
        "--secret-file linkage.key --to ohid --out for-ohid.secret"
    ),
)
@caller_options
@click.option("--secret-file", type=IN_FILE, required=True, help="The owners' linkage secret.")
@click.option("--to", "to", required=True, metavar="NAME", help="The owner that it goes to.")
@out_option("the sealed and signed envelope")
@force_option
def send_secret(
    caller: Caller,
    secret_file: Path,
    to: str,
    out: Path,
    force: bool,
) -> None:
    """Seal the linkage secret to another owner. Send the envelope to that owner only."""
    from blindlink.keys import LinkageKey
    from blindlink.messages.agreement.secret import send_secret

    acting = caller.acting()
    send_secret(LinkageKey.load(secret_file), acting, to, out, force=force)
    note(f"{out}: for {to} only; nobody else can open it")


@agreement.command(
    "receive-secret",
    epilog=example(
        "blindlink agreement receive-secret for-ohid.secret --agreement study.agreement "
        "--keys ohid.key --out linkage.key"
    ),
)
@click.argument("file", type=IN_FILE)
@caller_options
@out_option("the linkage secret")
@force_option
def receive_secret(
    file: Path,
    caller: Caller,
    out: Path,
    force: bool,
) -> None:
    """Open an envelope that another owner sent you, and keep the linkage secret."""
    from blindlink.messages.agreement.secret import receive_secret

    receive_secret(file, caller.acting(), out, force=force)
    note(f"{out}: the owners' secret. Whoever holds it can re-identify people from encodings.")


for _each in (end, heed, erase):
    agreement.add_command(_each)


def _now() -> datetime:
    return datetime.now(UTC)
