"""``blindlink client``: talk to a linkage service. Never sends a secret or an identity."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from blindlink.cli.common import (
    IN_FILE,
    OUT_FILE,
    Group,
    example,
    force_option,
    json_option,
    note,
    out_option,
    progress_bar,
    show,
)
from blindlink.cli.passphrase import party_keys, passphrase_option
from blindlink.cli.service.client_people import dismiss, new_person, people, register
from blindlink.cli.service.client_sign_in import sign_in
from blindlink.errors import RefusedError, ServiceError

if TYPE_CHECKING:
    from blindlink.client.client import Client

F = TypeVar("F", bound=Callable[..., Any])


@click.group(cls=Group, epilog="Start with: blindlink client status --help")
def client() -> None:
    """Talk to a linkage service: upload, status, receipt, download, and what its operator does."""


client.add_command(sign_in)
for command in (new_person, people, register, dismiss):
    client.add_command(command)


def caller_options(command: F) -> F:
    """Which service, which project, and as whom."""
    options = (
        click.option("--url", required=True, envvar="BLINDLINK_URL", help="The service's address."),
        click.option("--ca", type=IN_FILE, help="Trust this authority (PEM) and no other."),
        click.option(
            "--tls-cert", type=IN_FILE, help="Your certificate (PEM), where mutual TLS is wanted."
        ),
        click.option("--tls-key", type=IN_FILE, help="Private key of that certificate (PEM)."),
        click.option("--agreement", type=IN_FILE, required=True, help="Signed by every party."),
        click.option("--keys", type=IN_FILE, help="Your party's private key file."),
        passphrase_option,
        click.option(
            "--credential", type=IN_FILE, help="Instead of --keys: a person's key, ROLE.NAME.key."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def connect(
    url: str,
    ca: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    agreement: Path,
    keys: Path | None,
    passphrase_file: Path | None,
    credential: Path | None,
) -> "Client":
    """The client that the options describe."""
    if (keys is None) == (credential is None):
        raise click.UsageError("give --keys of a party, or --credential of operator or auditor")
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key belong together")
    from blindlink.client.client import Client
    from blindlink.client.connection import Connection
    from blindlink.client.signing import Signer
    from blindlink.messages.agreement.document import read_agreement

    signed = read_agreement(agreement)
    signed.check_signatures(str(agreement))
    if credential is not None:
        signer = Signer.of_credential(credential)
    elif keys is not None:
        own = party_keys(keys, passphrase_file)
        signed.agreement.member(own.public)
        signer = Signer.of_party(own)
    link = Connection(url, signer, ca=ca, certificate=tls_cert, key=tls_key)
    return Client(link, signed)


@client.command(
    epilog=example(
        "blindlink client upload moj.submission --url https://link.example "
        "--agreement study.agreement --keys moj.key --receipt moj.receipt"
    )
)
@click.argument("file", type=IN_FILE)
@caller_options
@click.option("--receipt", type=OUT_FILE, help="Keep the receipt here once it is verified.")
@click.option("--no-wait", is_flag=True, help="Do not wait until the service has verified it.")
@force_option
@json_option
def upload(
    file: Path, receipt: Path | None, no_wait: bool, force: bool, as_json: bool, **caller: Any
) -> None:
    """Send a submission or a withdrawal; run it again to go on after a broken connection."""
    from blindlink.files import check_output

    here = connect(**caller)
    if receipt is not None:
        check_output(receipt, inputs=[file], force=force)
    with progress_bar("Uploading", "bytes") as progress:
        found = here.upload(file, progress=progress)
    if not no_wait:
        found = here.settle(found["id"])
        if receipt is not None and found["receipt"]:  # a withdrawal that was refused has one too
            here.receipt(found["id"], receipt, here.check_file(file)[1], force=force)
        if found["state"] != "accepted":
            reason = found.get("reason", found["state"])
            raise RefusedError(f"the service did not take it: {reason}")
    show(found, as_json, f"{found['state']}: upload {found['id']}")


@client.command(
    epilog=example(
        "blindlink client status --url https://link.example --agreement study.agreement "
        "--keys moj.key"
    )
)
@caller_options
@json_option
def status(as_json: bool, **caller: Any) -> None:
    """What the service tells you: your uploads; for analyst and operator also the run."""
    from blindlink.client.connection import RefusalError

    here = connect(**caller)
    project = here.project()
    result: dict[str, Any] = {"project": project}
    for name, ask in (("uploads", lambda: list(here.uploads())), ("run", here.run)):
        try:
            result[name] = ask()
        except RefusalError as error:
            if error.status not in (403, 404):
                raise
    show(result, as_json, _status_text(result))


def _status_text(result: dict[str, Any]) -> str:
    project = result["project"]
    taken = "takes submissions" if project["accepting"] else "takes no submissions"
    lines = [f"{project['name']} version {project['version']}, as {project['role']}: {taken}"]
    for each in result.get("uploads", []):
        text = f"  {each['owner']} {each['kind']} {each['id']}: {each['state']}"
        lines.append(text + (f" ({each['reason']})" if "reason" in each else ""))
    if run := result.get("run"):
        lines.append(f"run: {run['state']} {run['done']}/{run['total']} {run.get('reason', '')}")
    return "\n".join(line.rstrip() for line in lines)


@client.command(
    epilog=example(
        "blindlink client receipt UPLOAD --url https://link.example --agreement study.agreement "
        "--keys moj.key --out moj.receipt"
    )
)
@click.argument("upload_id", metavar="UPLOAD")
@caller_options
@out_option("the receipt")
@force_option
def receipt(upload_id: str, out: Path, force: bool, **caller: Any) -> None:
    """Keep the receipt of an accepted submission, once the linker's signature is verified."""
    _check_id(upload_id)
    connect(**caller).receipt(upload_id, out, None, force=force)
    show({"receipt": str(out)}, False, str(out))


def _check_id(upload: str) -> None:
    if not upload.isalnum():
        raise click.UsageError("UPLOAD is the id that 'client status' shows")


@client.command(
    epilog=example(
        "blindlink client cancel UPLOAD --url https://link.example --agreement study.agreement "
        "--keys moj.key"
    )
)
@click.argument("upload_id", metavar="UPLOAD")
@caller_options
def cancel(upload_id: str, **caller: Any) -> None:
    """Give up an upload that is not complete: what was sent of it is erased (owner)."""
    _check_id(upload_id)
    connect(**caller).cancel(upload_id)
    note(f"upload {upload_id}: given up")


@client.command(
    epilog=example(
        "blindlink client retry UPLOAD --url https://link.example --agreement study.agreement "
        "--credential operator.ada.key"
    )
)
@click.argument("upload_id", metavar="UPLOAD")
@caller_options
def retry(upload_id: str, **caller: Any) -> None:
    """Have a file verified again that failed for a fault of the machine (operator)."""
    _check_id(upload_id)
    connect(**caller).retry(upload_id)
    note(f"upload {upload_id}: will be verified again")


@client.command(
    epilog=example(
        "blindlink client end --url https://link.example --agreement study.agreement "
        "--credential auditor.bela.key"
    )
)
@caller_options
@json_option
def end(as_json: bool, **caller: Any) -> None:
    """Who holds the project's key, and who has signed that it is erased (not for owners)."""
    found = connect(**caller).end()
    lines = [
        f"{each['name']} {each['holder'][:16]}: {'erased' if each['attested'] else 'held'}"
        for each in found["holders"]
    ]
    state = "destroyed" if found["destroyed"] else "being destroyed" if found["begun"] else "kept"
    show(found, as_json, "\n".join([f"project: {state}", *lines]))


@client.command(
    epilog=example(
        "blindlink client custodian --url https://link.example --agreement study.agreement "
        "--credential operator.ada.key --name 'vault of the archive' --holder PUBLIC-KEY"
    )
)
@caller_options
@click.option("--name", required=True, help="Who holds the copy.")
@click.option("--holder", required=True, help="Its Ed25519 public key, 64 hex digits.")
def custodian(name: str, holder: str, **caller: Any) -> None:
    """Name somebody who holds a copy of the linker's key; it must attest its erasure (operator)."""
    connect(**caller).add_custodian(name, holder)
    note(f"{name}: named in the log")


@client.command(
    epilog=example(
        "blindlink client attest --url https://link.example --agreement study.agreement "
        "--credential operator.ada.key --holder-key archive.ed25519"
    )
)
@caller_options
@click.option(
    "--holder-key", type=IN_FILE, required=True, help="The custodian's private key, 32 bytes."
)
def attest(holder_key: Path, **caller: Any) -> None:
    """Sign, as the custodian of a copy, that it is erased, and bring that to the service."""
    from blindlink.client.attesting import sign

    here = connect(**caller)
    here.attest(sign(here, holder_key))
    note("the attestation is in the log")


@client.command(
    epilog=example(
        "blindlink client download --url https://link.example --agreement study.agreement "
        "--keys lab.key --out study.release"
    )
)
@caller_options
@out_option("the release")
@force_option
@json_option
def download(out: Path, force: bool, as_json: bool, **caller: Any) -> None:
    """Fetch the release (analyst), and go on by itself after a broken connection."""
    here = connect(**caller)
    with progress_bar("Downloading", "bytes") as progress:
        digest = here.download(out, force=force, progress=progress)
    show({"release": str(out), "sha256": digest}, as_json, f"{out}  {digest}")
    note("'blindlink analyst cohort' verifies and opens it")


@client.command(
    epilog=example(
        "blindlink client head --url https://link.example --agreement study.agreement "
        "--keys moj.key --kept march.head --out april.head"
    )
)
@caller_options
@click.option("--kept", type=IN_FILE, help="A head you kept: the log must extend it.")
@out_option("the head")
@force_option
@json_option
def head(kept: Path | None, out: Path, force: bool, as_json: bool, **caller: Any) -> None:
    """Keep the newest signed head of the audit log; exits with 15 if the log was rewritten."""
    found = connect(**caller).head(out, kept, force=force).document
    show(found.model_dump(), as_json, f"{found.size} entries, root {found.root}")


@client.command(
    epilog=example(
        "blindlink client log --url https://link.example --agreement study.agreement "
        "--credential auditor.bela.key --out audit.log"
    )
)
@caller_options
@out_option("the log")
@force_option
def log(out: Path, force: bool, **caller: Any) -> None:
    """Fetch the whole audit log (not for owners); 'blindlink audit verify' checks it."""
    found = connect(**caller).log(out, force=force)
    show({"log": str(out)}, False, f"{out}  {len(found.entries)} entries")


@client.command(
    epilog=example(
        "blindlink client report --url https://link.example --agreement study.agreement "
        "--keys lab.key --out report.json"
    )
)
@caller_options
@out_option("the linkage reports (JSON)")
@force_option
def report(out: Path, force: bool, **caller: Any) -> None:
    """Fetch the linkage reports, aggregates only (not for owners)."""
    from blindlink.files import write_text

    found = connect(**caller).report()
    write_text(out, json.dumps(found, indent=1) + "\n", force=force)


@client.command(
    "open",
    epilog=example(
        "blindlink client open --url http://127.0.0.1:8410 --agreement study.agreement "
        "--credential operator.ada.key"
    ),
)
@caller_options
@json_option
def open_project(as_json: bool, **caller: Any) -> None:
    """Open the project of an agreement (operator)."""
    found = connect(**caller).open()
    show(found, as_json, f"project {found['id']}")


@client.command(
    epilog=example(
        "blindlink client run --url http://127.0.0.1:8410 --agreement study.agreement "
        "--credential operator.ada.key"
    )
)
@caller_options
@click.option("--no-wait", is_flag=True, help="Only ask for it.")
@json_option
def run(no_wait: bool, as_json: bool, **caller: Any) -> None:
    """Freeze the inputs and link (operator or linker): the one run of this agreement."""
    here = connect(**caller)
    found = here.start()
    if not no_wait:
        with progress_bar("Linking") as progress:
            found = here.wait_for_run(progress=progress)
    show(found, as_json, f"run: {found['state']}")
    if found["state"] == "refused":
        raise RefusedError(found.get("reason", "the run was refused"))
    if found["state"] == "failed":
        raise ServiceError(found.get("reason", "the run failed"))


@client.command(
    epilog=example(
        "blindlink client approve run --url https://link.example --agreement study.agreement "
        "--credential auditor.bela.key"
    )
)
@click.argument(
    "act", type=click.Choice(["run", "release", "destroy", "hold", "end-hold", "give-up"])
)
@caller_options
@json_option
def approve(act: str, as_json: bool, **caller: Any) -> None:
    """Sign that ACT may happen (operator, auditor or linker); it stands in the log by your name.

    The act itself is asked for apart, and wants as many people as the service's settings say.
    """
    from blindlink.messages.approval import Act

    found = connect(**caller).approve(Act(act))
    show(found, as_json, f"{act}: {found['given']} of {found['wanted']} gave their word")


@client.command(
    epilog=example(
        "blindlink client hold --url https://link.example --agreement study.agreement "
        "--credential operator.ada.key"
    )
)
@caller_options
@click.option("--end", is_flag=True, help="End the hold.")
def hold(end: bool, **caller: Any) -> None:
    """A legal hold: the agreement's destroy_by ends nothing while it lasts (operator)."""
    connect(**caller).hold(not end)
    note("the hold is ended" if end else "the project is on hold")


@client.command(
    "give-up",
    epilog=example(
        "blindlink client give-up HOLDER --url https://link.example --agreement study.agreement "
        "--credential operator.ada.key"
    ),
)
@click.argument("holder")
@caller_options
def give_up(holder: str, **caller: Any) -> None:
    """End a project without the word of a custodian who is lost (operator)."""
    connect(**caller).give_up(holder)
    note("the log says so")


@client.command(
    epilog=example(
        "blindlink client destroy --url http://127.0.0.1:8410 --agreement study.agreement "
        "--credential operator.ada.key --yes"
    )
)
@caller_options
@click.option("--yes", is_flag=True, help="Do not ask: nothing can be brought back.")
def destroy(yes: bool, **caller: Any) -> None:
    """End a project (operator or linker): its files and the linker's keys are erased."""
    here = connect(**caller)
    if not yes:
        click.confirm(f"Destroy project {here.agreement.agreement.project}?", abort=True, err=True)
    found = here.destroy()
    show(found, False, f"project {found['id']}: destruction asked for")
