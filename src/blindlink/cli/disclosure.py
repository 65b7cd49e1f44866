"""``blindlink disclosure``: tables of one's own before the gate, and the output checker's word."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from blindlink.cli.common import (
    FOLDER,
    IN_FILE,
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


@click.group(cls=Group, epilog="Start with: blindlink disclosure check table.csv")
def disclosure() -> None:
    """Before anything is published: the gate for any table, what is out already, two people."""


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


@disclosure.command(
    epilog=example(
        "blindlink disclosure check by_sex.csv by_region.csv --policy policy.json",
        "blindlink disclosure check by_age.parquet --declare tables.toml --register outputs "
        "--agreement study.agreement --out tabulation",
    )
)
@click.argument("tables", type=IN_FILE, nargs=-1, required=True)
@click.option("--policy", "policy_file", type=IN_FILE, help="The data controller's policy (JSON).")
@click.option("--declare", "declaration", type=IN_FILE, help="What columns and labels are (TOML).")
@click.option("--register", type=FOLDER, help="What is out already, to hold the tables against.")
@click.option(
    "--agreement",
    "agreement_file",
    type=IN_FILE,
    help="Apply its policy, or a stricter --policy; an output checker can sign the result.",
)
@click.option(
    "--noise-secret-file",
    "noise_secret",
    type=IN_FILE,
    help="16 random bytes or more, for a policy with noise: the same for all of one cohort.",
)
@click.option("--out", type=FOLDER, help="Write what may be published to this new folder.")
@json_option
def check(
    tables: tuple[Path, ...],
    policy_file: Path | None,
    declaration: Path | None,
    register: Path | None,
    agreement_file: Path | None,
    noise_secret: Path | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """What of these tables may be published together, and why not more.

    Tables are CSV, Parquet or Arrow files with labels, counts, and figures that rest on counts.
    Without --out the exit code is 20 when anything would be withheld.
    """
    from blindlink.api.disclosure import check as check_tables
    from blindlink.errors import DisclosureError

    policy = _policy(policy_file, agreement_file)
    found = check_tables(
        tables,
        policy=policy,
        declare=declaration,
        register=register,
        noise_secret=noise_secret,
    )
    result = {
        "figures": found.figures,
        "withheld": found.withheld,
        "reasons": [asdict(each) for each in found.reasons],
        "advice": list(found.advice),
    }
    show(result, as_json, found.summary() or f"all {found.figures} figures may be published")
    if out is not None:
        found.save(out, agreement=agreement_file)
        note(f"{out}: what may be published, and audit.json, which is not to be")
    elif found.withheld:
        raise DisclosureError(
            f"{found.withheld} figures may not be published as they are",
            hint="--out writes the tables without them",
        )


@disclosure.command(
    epilog=example("blindlink disclosure register published --register outputs --name 2026-june")
)
@click.argument("output", type=FOLDER)
@click.option("--register", type=FOLDER, required=True, help="The folder that remembers outputs.")
@click.option("--name", required=True, help="A name for this release: letters, digits, hyphens.")
def register(output: Path, register: Path, name: str) -> None:
    """Remember what went out, so that later outputs are held against it.

    Refused for an output in which anything cannot be read for certain.
    """
    from blindlink.api.disclosure import register as remember

    remember(output, register, name=name)
    note(f"{register}: {name} is registered")


def _policy(policy_file: Path | None, agreement_file: Path | None) -> dict[str, Any] | None:
    """The policy that holds: the agreement's or a stricter one, where there is an agreement."""
    from blindlink.analyst.disclosure.policy import agreed_policy, load_policy
    from blindlink.messages.agreement.document import load_agreement

    wanted = load_policy(policy_file) if policy_file else None
    if agreement_file is None:
        return wanted.document() if wanted else None
    terms = load_agreement(agreement_file, now=datetime.now(UTC)).agreement
    return agreed_policy(terms.disclosure_policy, wanted).document()
