"""``blindlink agreement end | heed | erase``: what becomes of an agreement after it was signed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from blindlink.cli.common import (
    FOLDER,
    IN_FILE,
    agreement_option,
    example,
    force_option,
    json_option,
    keys_option,
    note,
    out_option,
    show,
)
from blindlink.cli.passphrase import party_keys, passphrase_option

if TYPE_CHECKING:
    from blindlink.messages.agreement.notice import Kind

KIND = click.Choice(["revoked", "compromised"])


@click.command(
    epilog=example(
        "blindlink agreement end --agreement study.agreement --keys moj.key --as revoked "
        "--reason 'The legal basis has ended' --out moj.notice"
    )
)
@agreement_option
@keys_option
@passphrase_option
@click.option(
    "--as", "kind", type=KIND, required=True, help="You do not agree any more, or keys are known."
)
@click.option("--reason", required=True, help="One line that the other parties will read.")
@out_option("the signed notice")
@force_option
@json_option
def end(
    agreement_file: Path,
    keys: Path,
    passphrase_file: Path | None,
    kind: "Kind",
    reason: str,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """End an agreement: take your signature back, or say that keys are known to others.

    Your keys act under it no more. Send the notice to every other party; each heeds it.
    """
    from blindlink.messages.agreement.document import read_agreement
    from blindlink.messages.agreement.notice import heed as keep
    from blindlink.messages.agreement.notice import make_notice

    own, signed = party_keys(keys, passphrase_file), read_agreement(agreement_file)
    made = make_notice(signed, own, kind, reason, now=datetime.now(UTC))
    made.save(out, force=force)
    keep(keys, made)
    show({"notice": str(out), "kind": kind, "digest": made.digest()}, as_json, f"{out}: {kind}")
    note(f"send {out} to every other party")


@click.command(
    epilog=example(
        "blindlink agreement heed moj.notice --agreement study.agreement --keys ohid.key",
        "blindlink agreement heed moj.notice --agreement study.agreement --keys ttp.key "
        "--project study/",
    )
)
@click.argument("notice", type=IN_FILE)
@agreement_option
@keys_option
@passphrase_option
@click.option("--project", type=FOLDER, help="The linker's folder: the notice is logged there.")
@json_option
def heed(
    notice: Path,
    agreement_file: Path,
    keys: Path,
    passphrase_file: Path | None,
    project: Path | None,
    as_json: bool,
) -> None:
    """Verify another party's notice and act under the agreement no more, if it ends it."""
    from blindlink.errors import InputError
    from blindlink.linker.protocol.notices import log_notice
    from blindlink.linker.protocol.witness import witness_of
    from blindlink.messages.agreement.document import read_agreement
    from blindlink.messages.agreement.notice import heed as keep
    from blindlink.messages.agreement.notice import load_notice

    now, own = datetime.now(UTC), party_keys(keys, passphrase_file)
    signed = read_agreement(agreement_file)
    signed.agreement.member(own.public)
    found = load_notice(notice, signed, now=now)
    if (own.public.role == "linker") != (project is not None):
        raise InputError("the linker, and nobody else, gives --project", hint="see --help")
    if project is not None:
        kept = witness_of(keys, signed.digest(), project, None, first_use=False)
        log_notice(found, signed, own, project, witness=kept, now=now)
    ends = keep(keys, found)
    document = found.document
    who = signed.agreement.by_fingerprint(document.signer).name
    result = {"party": who, "kind": document.kind, "reason": document.reason, "ended": ends}
    text = f"{who}: {document.kind}: {document.reason}"
    show(result, as_json, f"{text}\nthe agreement has ended" if ends else text)


@click.command(
    epilog=example(
        "blindlink agreement erase moj.submission.rows linkage.key --agreement study.agreement "
        "--keys moj.key --out moj-destroyed.notice --yes"
    )
)
@click.argument("files", type=IN_FILE, nargs=-1)
@agreement_option
@keys_option
@passphrase_option
@out_option("the signed notice of what was erased")
@click.option("--yes", is_flag=True, help="Do not ask: nothing can be brought back.")
@json_option
def erase(
    files: tuple[Path, ...],
    agreement_file: Path,
    keys: Path,
    passphrase_file: Path | None,
    out: Path,
    yes: bool,
    as_json: bool,
) -> None:
    """Destroy your part of a study: FILES and your key file, and sign that it was done.

    An owner gives its row maps and the linkage secret, an analyst the files of its cohort. The
    linker has a command of its own: 'blindlink linker destroy'.
    """
    from blindlink.errors import InputError
    from blindlink.files import check_output, erase_file
    from blindlink.messages.agreement.document import read_agreement
    from blindlink.messages.agreement.notice import make_notice

    own, signed = party_keys(keys, passphrase_file), read_agreement(agreement_file)
    if own.public.role == "linker":
        raise InputError("a linker destroys its project", hint="use 'blindlink linker destroy'")
    every = [*files, keys]
    for path in every:
        if not path.is_file():
            raise InputError(f"{path}: no such file", hint="nothing was erased")
    check_output(out, inputs=every)
    if not yes:
        click.confirm(f"Erase {len(every)} files for ever?", abort=True, err=True)
    made = make_notice(
        signed, own, "destroyed", "Destroyed as agreed", erased=len(every), now=datetime.now(UTC)
    )
    made.save(out)
    for path in every:
        erase_file(path)
    show({"notice": str(out), "erased": len(every)}, as_json, f"{len(every)} files erased")
    note(f"send {out} to every other party; erase every other copy of what was erased")
