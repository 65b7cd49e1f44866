"""``blindlink linker``: take in, link once, sign heads, destroy what made that possible."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from blindlink.cli.acting import Caller, caller_options
from blindlink.cli.common import (
    FOLDER,
    IN_FILE,
    Group,
    example,
    force_option,
    json_option,
    note,
    out_option,
    progress_bar,
    show,
)

if TYPE_CHECKING:
    from blindlink.linker.protocol.place import Place
    from blindlink.messages.acting import Acting


@click.group(cls=Group, epilog="Start with: blindlink linker link --help")
def linker() -> None:
    """What the trusted third party does: it sees encodings."""


WITNESS_FILE = click.Path(path_type=Path, dir_okay=False)  # neither input nor output: both
PROJECT = click.option(
    "--project", type=FOLDER, required=True, help="Your folder for this agreement: log, receipts."
)
_WITNESS = click.option(
    "--witness",
    type=WITNESS_FILE,
    help="Keep the log's last head here; an older log is refused  [default: beside the keys]",
)
_FIRST_USE = click.option(
    "--first-use", is_flag=True, help="The witness file is new, though the project has a log."
)


def WITNESS(command: Any) -> Any:  # noqa: N802 (a decorator among the others)
    """Both options of the witness."""
    return _WITNESS(_FIRST_USE(command))


@linker.command(
    epilog=example(
        "blindlink linker receive moj.submission --agreement study.agreement --keys ttp.key "
        "--project study/",
        "blindlink linker receive moj.withdrawal --submission moj.submission "
        "--agreement study.agreement --keys ttp.key --project study/",
    )
)
@click.argument("file", type=IN_FILE)
@caller_options
@PROJECT
@click.option("--submission", type=IN_FILE, help="The submission that a withdrawal is for.")
@WITNESS
@json_option
def receive(
    file: Path,
    caller: Caller,
    project: Path,
    submission: Path | None,
    witness: Path | None,
    first_use: bool,
    as_json: bool,
) -> None:
    """Verify a submission or a withdrawal as it comes in, log it, and write its owner's receipt.

    Until the first link an owner may replace its submission by a later one. Erase the earlier file.
    A withdrawal that does not fit its submission is refused; its owner gets a receipt that says so,
    and it changes nothing.
    """
    from blindlink.linker.protocol.receive import receive as receive_file

    acting = caller.acting()
    place = _place(caller, acting, project, witness, first_use=first_use)
    with progress_bar("Verifying", "blobs") as progress:
        done = receive_file(file, acting.telling(progress), place, submission=submission)
    result = {
        "kind": done.kind,
        "owner": done.owner,
        "bundle": done.bundle_id,
        "sequence": done.sequence,
        "rows": done.rows,
        "rejected": done.rejected,
        "receipt": str(done.receipt),
    }
    show(result, as_json, f"{done.kind} of {done.owner}: {done.rows:,} rows")
    note(f"give {done.receipt} to {done.owner}")


@linker.command(
    epilog=example(
        "blindlink linker link moj.submission ohid.submission --agreement study.agreement "
        "--keys ttp.key --project study/ --out study.release"
    )
)
@click.argument("submissions", type=IN_FILE, nargs=-1, required=True)
@caller_options
@PROJECT
@WITNESS
@click.option(
    "--withdrawal", "withdrawals", type=IN_FILE, multiple=True, help="An owner's withdrawal file."
)
@out_option("the release")
@force_option
@json_option
def link(
    submissions: tuple[Path, ...],
    caller: Caller,
    project: Path,
    witness: Path | None,
    first_use: bool,
    withdrawals: tuple[Path, ...],
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Verify one submission of every owner, link them by the agreed plan, and seal the release to
    the analyst. One run for one agreement.

    How good the links are expected to be is printed and written to the project's folder 'reports'.

    Give each owner its receipt from the project's folder 'receipts', and tell owners nothing else.
    """
    from blindlink.cli.clk.link import expected
    from blindlink.linker.files import write_reports
    from blindlink.linker.protocol.release import link as link_all

    acting = caller.acting()
    place = _place(caller, acting, project, witness, first_use=first_use)
    with progress_bar("Linking") as progress:
        done = link_all(
            submissions,
            acting.telling(progress),
            place,
            out,
            withdrawals=withdrawals,
            force=force,
        )
    written = write_reports(done.reports, project)
    result = {
        "release": str(done.path),
        "bundle": done.bundle_id,
        "links": done.links,
        "candidates": done.candidates,
        "entities": done.entities,
        "receipts": [str(path) for path in done.receipts],
        "reports": [str(path) for path in written],
    }
    named = ", ".join(f"{count:,} of {name}" for name, count in done.entities.items())
    lines = [f"{done.links:,} links, {done.candidates:,} candidate pairs; named: {named}"]
    for each in done.reports:
        lines += [f"{each.left} and {each.right}:", *expected(each.report)]
        lines += [f"warning: {line}" for line in each.report.warnings]
    show(result, as_json, "\n".join(lines))
    note(f"send {done.path} to the analyst only; receipts for the owners: {project}/receipts")


@linker.command(
    epilog=example(
        "blindlink linker head study/ --agreement study.agreement --keys ttp.key --out june.head"
    )
)
@click.argument("project", type=FOLDER)
@caller_options
@out_option("the signed head")
@force_option
@json_option
def head(
    project: Path,
    caller: Caller,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Sign the log of PROJECT as it is now, for owners and auditors to keep.

    'blindlink audit prove' shows them that it leads on from the heads and receipts they have. A
    head behind the run tells an owner that the run has ended: wait until the study is published.
    """
    from blindlink.linker.protocol.heads import write_head

    made = write_head(project, caller.afterwards(), out, force=force).document
    result = {"head": str(out), "log": made.log, "size": made.size, "root": made.root}
    show(result, as_json, f"{made.size} entries, root {made.root}")


@linker.command(
    epilog=example(
        "blindlink linker destroy study/ --agreement study.agreement --keys ttp.key --yes"
    )
)
@click.argument("project", type=FOLDER)
@caller_options
@WITNESS
@click.option("--yes", is_flag=True, help="Do not ask: the keys cannot be brought back.")
@json_option
def destroy(
    project: Path,
    caller: Caller,
    witness: Path | None,
    first_use: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase the linker's keys of this project, so that no copy of a submission opens again."""
    from blindlink.linker.protocol.destroy import destroy as destroy_project
    from blindlink.messages.used import projects_of

    acting, keys = caller.afterwards(), caller.keys
    if not yes:
        click.confirm(f"Erase {keys} for ever?", abort=True, err=True)
    place = _place(caller, acting, project, witness, first_use=first_use)
    done = destroy_project(place, acting, keys, used=projects_of(keys))
    result = {"project": str(project), "head": str(done.head), "fresh": done.fresh}
    text = "destroyed" if done.fresh else "was destroyed before"
    show(result, as_json, text)
    note(f"give {done.head} to owners and auditor; erase every other copy of {keys}")


def _place(
    caller: Caller, acting: "Acting", project: Path, witness: Path | None, *, first_use: bool
) -> "Place":
    """The project with what is kept of it beside the keys, or at ``witness``."""
    from blindlink.linker.protocol.place import Place
    from blindlink.linker.protocol.witness import witness_of
    from blindlink.messages.used import projects_of

    digest = acting.agreement.digest()
    kept = witness_of(caller.keys, digest, project, witness, first_use=first_use)
    return Place(project, kept, projects_of(caller.keys))
