"""``blindlink disclosure``: what an output checker does before anything is published."""

from datetime import UTC, datetime
from pathlib import Path

import click

from blindlink.cli.common import (
    FOLDER,
    Group,
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


@click.group(cls=Group, epilog="Start with: blindlink disclosure approve --help")
def disclosure() -> None:
    """What an output checker does: another person than whoever made the output."""


@disclosure.command(
    epilog=example(
        "blindlink disclosure approve report --agreement study.agreement --keys checker.key "
        '--comments "Read every table; no group of fewer than 10 in the text." --out report.check'
    )
)
@click.argument("report", type=FOLDER)
@agreement_option
@keys_option
@passphrase_option
@click.option("--comments", required=True, help="One line: what you looked at, and what you think.")
@out_option("your signature over exactly these files")
@force_option
@json_option
def approve(
    report: Path,
    agreement_file: Path,
    keys: Path,
    passphrase_file: Path | None,
    comments: str,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Sign the files of a report, after you read them and its audit.json.

    Refused unless the agreement names you as output checker, the files are as the disclosure gate
    wrote them, and the policy is at least the agreed one.
    """
    from blindlink.analyst.publish import checked
    from blindlink.messages.agreement.document import load_agreement

    now = datetime.now(UTC)
    signed = load_agreement(agreement_file, now=now)
    own = party_keys(keys, passphrase_file)
    check = checked.approve(report, signed, own, comments, now=now)
    check.save(out, force=force)
    files = check.document.files
    result = {"check": str(out), "digest": check.digest(), "files": dict(files)}
    show(result, as_json, f"{out}: {own.public.name} signed {len(files)} files")
    note("give it to the analyst; a file that changes from now on is refused")
