"""Two people before a release: an output checker signs exactly the files that are published.

analyst    report/          tables, page, run.json, and audit.json for the checker
checker    report.check     digests of all of it and comments, signed
analyst    published/       the same bytes without audit.json, and beside them
           published.audit.json, the audit record that says who let them go
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from blindlink.analyst.disclosure.policy import parse_policy
from blindlink.analyst.publish.files import write_new
from blindlink.errors import (
    AgreementError,
    DisclosureError,
    FormatError,
    InputError,
    RefusedError,
    VerificationError,
)
from blindlink.files import check_output, open_regular, reason, write_text
from blindlink.keys import PartyKeys, PartyPublic
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.fields import stamp
from blindlink.messages.output_check import OutputCheck, make_check, verify_check
from blindlink.messages.signed import Signed

AUDIT, RUN = "audit.json", "run.json"
LIMIT = 256 * 1024 * 1024  # of one file

Model = TypeVar("Model", bound=BaseModel)


class _Audit(BaseModel):
    """What is read of an audit record; the checker reads the whole."""

    model_config = ConfigDict(extra="ignore", strict=True)

    policy: dict[str, Any]
    exposed: int
    outputs: dict[str, str]


class _Cohort(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    agreement: str


class _Run(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    cohort: _Cohort


@dataclass(frozen=True)
class Output:
    """A report as it lies in its folder: the files to publish, and the audit record."""

    files: Mapping[str, bytes]
    audit: bytes

    def digests(self) -> dict[str, str]:
        """SHA-256 of each file to publish, by its path."""
        return {name: sha256(data).hexdigest() for name, data in sorted(self.files.items())}

    def record(self) -> dict[str, Any]:
        """The audit record."""
        return dict(json.loads(self.audit))


@dataclass(frozen=True)
class Published:
    """What went out, the record of it, and who let it go."""

    folder: Path
    record: Path
    files: tuple[str, ...]
    checker: PartyPublic
    comments: str


def read_output(folder: Path, signed: SignedAgreement) -> Output:
    """The report in ``folder``, as the gate made it under this agreement.

    Raises InputError or FormatError for what is no report, AgreementError for one of another
    agreement, VerificationError where a file is not as the gate wrote it, DisclosureError and
    RefusedError where its audit record says that it may not go.
    """
    files = _files(folder)
    if not {AUDIT, RUN} <= set(files):
        raise InputError(
            f"{folder}: holds no report", hint="give a folder that 'analyst report' made"
        )
    audit_bytes = files.pop(AUDIT)
    audit = _read(_Audit, audit_bytes, folder / AUDIT)
    if _read(_Run, files[RUN], folder / RUN).cohort.agreement != signed.digest():
        raise AgreementError(f"{folder}: a report under another agreement")
    output = Output(files, audit_bytes)
    found = {name: digest for name, digest in output.digests().items() if name != RUN}
    if found != audit.outputs:
        name = min(set(found.items()) ^ set(audit.outputs.items()))[0]
        raise VerificationError(
            f"{folder / name}: is not as the disclosure gate wrote it", hint="make the report again"
        )
    if audit.exposed:
        raise DisclosureError(f"{folder / AUDIT}: counts are exposed")
    agreed = parse_policy(signed.agreement.disclosure_policy, source="the agreement's policy")
    weaker = parse_policy(audit.policy, source=str(folder / AUDIT)).weaker_than(agreed)
    if weaker:
        raise RefusedError(
            f"{folder}: made by a policy weaker than the agreed one in: {', '.join(weaker)}"
        )
    return output


def approve(
    folder: Path, signed: SignedAgreement, keys: PartyKeys, comments: str, *, now: datetime
) -> Signed[OutputCheck]:
    """The checker's word for the report in ``folder``; raises as ``read_output`` and ``check``."""
    signed.agreement.checker(keys.public.fingerprint())
    output = read_output(folder, signed)
    audit = sha256(output.audit).hexdigest()
    return make_check(output.digests(), audit, comments, signed, keys, now=now)


def publish(
    folder: Path, signed: SignedAgreement, check: Path | None, out: Path, *, now: datetime
) -> Published:
    """Copy what a checker signed to the new folder ``out``, and write its record beside it.

    Raises RefusedError without a check or without a checker in the agreement, OutputError when
    ``out`` or the record exists, and as ``read_output`` and ``verify_check``.
    """
    if not signed.agreement.output_checkers:
        raise RefusedError(
            "the agreement names no output checker",
            hint="a version of it with output_checkers, signed by all, allows a publication",
        )
    if check is None:
        raise RefusedError(
            f"{folder}: no output checker has signed it",
            hint="an output checker of the agreement runs 'blindlink disclosure approve'",
        )
    output = read_output(folder, signed)
    found = Signed.load(check, OutputCheck)
    checker = verify_check(
        found, output.digests(), sha256(output.audit).hexdigest(), signed, str(check)
    )
    record = out.with_name(f"{out.name}.{AUDIT}")
    check_output(record)
    write_new(output.files, out)
    document = {
        **output.record(),
        "output_check": {
            "checker": checker.name,
            "organisation": checker.organisation,
            "fingerprint": checker.fingerprint(),
            "created": found.document.created,
            "comments": found.document.comments,
            "digest": found.digest(),
        },
        "published": {"created": stamp(now), "files": output.digests()},
    }
    write_text(record, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return Published(out, record, tuple(output.digests()), checker, found.document.comments)


def _files(folder: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder, by its path; raises InputError or FormatError."""
    found = {}
    try:
        for path in sorted(folder.rglob("*")):
            if path.is_symlink():
                raise FormatError(f"{path}: is a link, not a file")
            if not path.is_dir():
                with open_regular(path) as file:
                    data = file.read(LIMIT + 1)
                if len(data) > LIMIT:
                    raise FormatError(f"{path}: larger than {LIMIT} bytes")
                found[path.relative_to(folder).as_posix()] = data
    except OSError as error:
        raise InputError(f"{folder}: {reason(error)}") from None
    return found


def _read(model: type[Model], data: bytes, path: Path) -> Model:
    try:
        return model.model_validate_json(data)
    except ValidationError:
        raise FormatError(f"{path}: is not the record of a report") from None
