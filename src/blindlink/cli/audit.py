"""``blindlink audit``: what the log says, proofs out of it, and checks of what others kept."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from blindlink.cli.common import (
    IN_FILE,
    Group,
    example,
    force_option,
    json_option,
    out_option,
    show,
)

LINKER = click.option(
    "--linker", type=IN_FILE, required=True, help="The linker's public party file."
)


@click.group(cls=Group, epilog="Start with: blindlink audit verify --help")
def audit() -> None:
    """Check the audit log of the linker against heads, receipts and proofs that others kept."""


@audit.command(
    "show",
    epilog=example("blindlink audit show study/audit.log"),
)
@click.argument("log", type=IN_FILE)
@json_option
def show_(log: Path, as_json: bool) -> None:
    """Print the entries of LOG: index, time, event and details. Nothing is verified.

    The log says how the run ended: keep it from the owners until the study is published.
    """
    from blindlink.messages.audit.log import AuditLog

    found = AuditLog.load(log)
    entries = [entry.model_dump(mode="json") for entry in found.entries]
    result = {"log": found.log_id, "root": found.root().hex(), "entries": entries}
    show(result, as_json, "\n".join(map(_line, entries)))


def _line(entry: dict[str, Any]) -> str:
    details = ", ".join(f"{name} {_short(value)}" for name, value in entry["details"].items())
    return f"{entry['index']:4} {entry['time']} {entry['event']}: {details}".rstrip(": ")


def _short(value: object) -> str:
    values = value if isinstance(value, list) else [value]
    return " ".join(str(each)[:16] for each in values)


@audit.command(
    epilog=example(
        "blindlink audit prove study/audit.log --linker ttp.key.public --head june.head "
        "--since march.head --out march-june.proof"
    )
)
@click.argument("log", type=IN_FILE)
@LINKER
@click.option("--head", type=IN_FILE, required=True, help="The head that the proof leads to.")
@click.option("--since", type=IN_FILE, help="An earlier head, or a receipt: prove consistency.")
@click.option("--entry", type=click.IntRange(0), help="The index of an entry: prove inclusion.")
@out_option("the proof")
@force_option
@json_option
def prove(
    log: Path,
    linker: Path,
    head: Path,
    since: Path | None,
    entry: int | None,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Write a proof for somebody who may not see LOG: that the log of an earlier head is the
    beginning of that of a later one, or that the log of a head holds one entry.

    Needs no key: the heads are signed already ('blindlink linker head').
    """
    if (since is None) == (entry is None):
        raise click.UsageError("give either --since or --entry")
    from blindlink.messages.audit.kept import prove_file

    made = prove_file(log, linker, head, out, since=since, entry=entry, force=force)
    size, steps = made.head.document.size, len(made.path)
    result = {"proof": str(out), "format": made.format, "size": size, "steps": steps}
    show(result, as_json, f"{steps} steps to the head of {size} entries")


@audit.command(
    epilog=example(
        "blindlink audit verify audit.log --linker ttp.key.public --head march.head "
        "--receipt moj.receipt",
        "blindlink audit verify --linker ttp.key.public --head march.head --proof march-june.proof",
        "blindlink audit verify --linker ttp.key.public --receipt moj-1.receipt "
        "--submission moj.submission --party moj.key.public",
    )
)
@click.argument("log", type=IN_FILE, required=False)
@LINKER
@click.option("--head", "heads", type=IN_FILE, multiple=True, help="A head that you kept.")
@click.option("--receipt", "receipts", type=IN_FILE, multiple=True, help="A receipt that you kept.")
@click.option(
    "--proof", "proofs", type=IN_FILE, multiple=True, help="A proof that the linker gave you."
)
@click.option(
    "--submission",
    "submissions",
    type=IN_FILE,
    multiple=True,
    help="What you sent: each receipt must be for one of these. Goes with --party.",
)
@click.option("--party", type=IN_FILE, help="Your public party file.")
@json_option
def verify(
    log: Path | None,
    linker: Path,
    heads: tuple[Path, ...],
    receipts: tuple[Path, ...],
    proofs: tuple[Path, ...],
    submissions: tuple[Path, ...],
    party: Path | None,
    as_json: bool,
) -> None:
    """Check that LOG contains all that the linker once signed; exits with 15 if not. Without LOG,
    check that every head that you kept leads on to the latest one by the proofs.

    LOG must also tell of a possible project: nothing taken in after the freeze, the freeze of the
    latest submissions and all withdrawals, one end, time that does not go back.

    An owner gives what it sent too: a receipt must say of it what it says of itself.

    A log that its signer rewrote or cut does not fit the heads that others kept before. A log that
    nobody kept a head of proves nothing.
    """
    if not (heads or receipts or proofs):
        raise click.UsageError("give at least one --head, --receipt or --proof that you kept")
    if bool(submissions) != (party is not None):
        raise click.UsageError("--submission and --party go together")
    from blindlink.keys import PartyPublic
    from blindlink.messages.audit.kept import Sent, verify_kept

    sent = Sent(PartyPublic.load(party), submissions) if party else None
    found = verify_kept(log, linker, heads, receipts, proofs, now=datetime.now(UTC), sent=sent)
    more = f"; {found.entries} entries are proved to be in it" if found.entries else ""
    text = f"the log of {found.size} entries extends all {found.heads} heads{more}"
    show(asdict(found), as_json, text)
