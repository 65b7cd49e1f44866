"""The steps of a study, each by the party that does it, under the words of the command line.

    bl.study.keygen      blindlink keygen               every party
    bl.study.template    blindlink agreement new --template
    bl.study.agreement   blindlink agreement new        one party, for all to sign
    bl.study.sign        blindlink agreement sign       every party
    bl.study.check       blindlink agreement check      anybody
    bl.study.send_secret, receive_secret                the owners
    bl.study.submit      blindlink owner submit         each owner
    bl.study.withdraw    blindlink owner withdraw       an owner
    bl.study.receive     blindlink linker receive       the linker
    bl.study.link        blindlink linker link          the linker
    bl.study.head        blindlink linker head          the linker
    bl.study.destroy     blindlink linker destroy       the linker
    bl.study.cohort      blindlink analyst cohort       the analyst
    bl.study.report      blindlink analyst report       the analyst
    bl.study.approve     blindlink disclosure approve   an output checker
    bl.study.publish     blindlink analyst publish      the analyst

What one party hands to another is a file. Arguments are those of the commands. ``keys`` is a
party's private key file; its passphrase is the first line of ``passphrase_file``, else of the file
that BLINDLINK_PASSPHRASE_FILE names. Every step raises the errors that the command exits with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from blindlink.api.extras import needs
from blindlink.api.linking import Report
from blindlink.api.schema import StrPath
from blindlink.errors import KeyFileError
from blindlink.progress import Progress, silent

if TYPE_CHECKING:
    from blindlink.keys import PartyKeys, Role
    from blindlink.linker.protocol.place import Place
    from blindlink.messages.acting import Acting
    from blindlink.messages.agreement.document import SignedAgreement

__all__ = [
    "Agreement",
    "Cohort",
    "Party",
    "Published",
    "Received",
    "Released",
    "StudyReport",
    "Submitted",
    "agreement",
    "approve",
    "check",
    "cohort",
    "destroy",
    "head",
    "keygen",
    "link",
    "publish",
    "receive",
    "receive_secret",
    "report",
    "send_secret",
    "sign",
    "submit",
    "template",
    "withdraw",
]


@dataclass(frozen=True)
class Party:
    """The keys of a party. Read ``fingerprint`` to the others."""

    name: str
    role: str
    key: Path
    public: Path
    fingerprint: str


@dataclass(frozen=True)
class Agreement:
    """An agreement file. ``missing``: who has still to sign."""

    path: Path
    digest: str
    parties: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Submitted:
    """A submission: ``path`` goes to the linker only, ``row_map`` and ``risk_report`` stay."""

    path: Path
    row_map: Path
    risk_report: Path
    sequence: int
    digest: str
    rows: int
    entities: int
    controls: int


@dataclass(frozen=True)
class Received:
    """What the linker took in; ``receipt`` is for the owner."""

    kind: str
    owner: str
    rows: int
    rejected: int
    receipt: Path


@dataclass(frozen=True)
class Released:
    """The release: ``path`` goes to the analyst only. ``reports``: by (left owner, right owner)."""

    path: Path
    links: int
    candidates: int
    entities: Mapping[str, int]
    reports: Mapping[tuple[str, str], Report]
    receipts: tuple[Path, ...]


@dataclass(frozen=True)
class Cohort:
    """A cohort folder; ``tables``: the names of its payload tables, such as ``moj.events``."""

    path: Path
    people: int
    links: int
    candidates: int
    tables: tuple[str, ...]

    def frame(self, name: str) -> Any:
        """A payload table as a pandas data frame. Raises InputError for no such table."""
        from blindlink.errors import InputError
        from blindlink.frames import read_table

        if name not in self.tables:
            raise InputError(f"the cohort has no table {name}; it has {', '.join(self.tables)}")
        with needs("analyst"):
            return read_table(self.path / f"{name}.parquet").to_pandas()


@dataclass(frozen=True)
class Published:
    """What may be sent out, and the audit record that says who let it go."""

    path: Path
    record: Path
    files: tuple[str, ...]
    checker: str


@dataclass(frozen=True)
class StudyReport:
    """A report folder. ``withheld``: figures that the disclosure policy held back."""

    path: Path
    page: Path
    tables: tuple[str, ...]
    figures: int
    withheld: int

    def frame(self, name: str) -> Any:
        """A published table as a pandas data frame, withheld cells as missing.

        Raises InputError for no such table.
        """
        from blindlink.errors import InputError

        if name not in self.tables:
            raise InputError(f"the report has no table {name}; it has {', '.join(self.tables)}")
        with needs("analyst"):
            import pandas
        marks = ["[c]", "[x]", "[z]"]
        return pandas.read_csv(self.path / "tables" / f"{name}.csv", na_values=marks)


def keygen(
    party: str,
    role: "Role",
    out: StrPath,
    *,
    organisation: str | None = None,
    passphrase_file: StrPath | None = None,
    force: bool = False,
) -> Party:
    """Make the keys of a party: the private file ``out``, and ``out``.public for the others."""
    from blindlink.keys import make_party

    private = Path(out)
    public = private.with_name(f"{private.name}.public")
    words = _passphrase(passphrase_file)
    made = make_party(
        party, role, private, public, lambda: words, organisation=organisation, force=force
    )
    return Party(made.name, made.role, private, public, made.fingerprint())


def template() -> str:
    """A commented draft of an agreement (TOML), to edit."""
    from blindlink.messages.agreement.draft import template as text

    return text()


def agreement(
    draft: StrPath, out: StrPath, *, secret_file: StrPath | None = None, force: bool = False
) -> Agreement:
    """Make an agreement, still unsigned, from a draft, for the owners of this secret."""
    from blindlink.api.feasible import check_everywhere
    from blindlink.keys import LinkageKey
    from blindlink.messages.agreement.draft import new_agreement, write_agreement

    key = LinkageKey.load(secret_file) if secret_file is not None else None
    made = new_agreement(Path(draft), now=_now(), key=key)
    check_everywhere(made.agreement)
    write_agreement(made, Path(draft), Path(out), force=force)
    return _agreement(made, Path(out))


def sign(
    file: StrPath,
    *,
    keys: StrPath,
    out: StrPath,
    passphrase_file: StrPath | None = None,
    force: bool = False,
) -> Agreement:
    """Add your party's signature to an agreement."""
    from blindlink.api.feasible import check_own_side
    from blindlink.messages.agreement.document import read_agreement, sign_file
    from blindlink.messages.agreement.notice import heed_supersession, refuse_ended

    own = _keys(keys, passphrase_file)
    given = read_agreement(Path(file))
    check_own_side(given.agreement, own.public.role)
    refuse_ended(Path(keys), given.digest())
    signed = sign_file(Path(file), own, Path(out), now=_now(), force=force)
    heed_supersession(Path(keys), signed)
    return _agreement(signed, Path(out))


def check(file: StrPath, *, party: StrPath | None = None) -> Agreement:
    """Check that every party signed and that the agreement is in force, else AgreementError.

    ``party``: a public party file that must take part in it.
    """
    from blindlink.messages.agreement.document import check_agreement

    named = Path(party) if party is not None else None
    return _agreement(check_agreement(Path(file), named, now=_now()), Path(file))


def send_secret(
    *,
    agreement: StrPath,
    keys: StrPath,
    secret_file: StrPath,
    to: str,
    out: StrPath,
    passphrase_file: StrPath | None = None,
    force: bool = False,
) -> Path:
    """Seal the linkage secret to another owner; send the envelope to that owner only."""
    from blindlink.keys import LinkageKey
    from blindlink.messages.agreement.secret import send_secret as seal

    acting = _acting(agreement, keys, passphrase_file)
    seal(LinkageKey.load(secret_file), acting, to, Path(out), force=force)
    return Path(out)


def receive_secret(
    file: StrPath,
    *,
    agreement: StrPath,
    keys: StrPath,
    out: StrPath,
    passphrase_file: StrPath | None = None,
    force: bool = False,
) -> Path:
    """Open an envelope that another owner sent you, and keep the linkage secret."""
    from blindlink.messages.agreement.secret import receive_secret as unseal

    acting = _acting(agreement, keys, passphrase_file)
    unseal(Path(file), acting, Path(out), force=force)
    return Path(out)


@needs("owner")
def submit(
    data: StrPath,
    *,
    agreement: StrPath,
    keys: StrPath,
    secret_file: StrPath,
    out: StrPath,
    passphrase_file: StrPath | None = None,
    row_map: StrPath | None = None,
    sequence: int = 1,
    bad_cells: Literal["refuse", "missing"] = "refuse",
    risk_waiver: StrPath | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> Submitted:
    """Encode and seal the extract in the folder ``data``; RiskError where its risk is red.

    ``identities`` and a table for each that the agreement lists, as CSV, Parquet or Arrow files.
    """
    from blindlink.owner.folder import FolderOptions, submit_folder

    def counted(_: Mapping[str, int]) -> None:
        """The counts stand in the owner's risk report."""

    options = FolderOptions(
        row_map=Path(row_map) if row_map is not None else None,
        sequence=sequence,
        tolerate=counted if bad_cells == "missing" else None,
        waiver=Path(risk_waiver) if risk_waiver is not None else None,
        force=force,
    )
    acting = _acting(agreement, keys, passphrase_file, progress)
    done = submit_folder(Path(data), acting, Path(secret_file), Path(out), options)
    risk = done.path.with_name(f"{done.path.name}.risk.html")
    return Submitted(
        done.path, done.row_map, risk, done.sequence, done.digest, done.rows, done.entities,
        done.controls,
    )  # fmt: skip


@needs("owner")
def withdraw(
    people: StrPath,
    *,
    row_map: StrPath,
    agreement: StrPath,
    keys: StrPath,
    out: StrPath,
    passphrase_file: StrPath | None = None,
    force: bool = False,
) -> Path:
    """Take the people whose entity_id stands in a table out of a submission, before the link."""
    from blindlink.owner.folder import withdraw_file

    acting = _acting(agreement, keys, passphrase_file)
    return withdraw_file(Path(people), Path(row_map), acting, Path(out), force=force).path


@needs("linker")
def receive(
    file: StrPath,
    *,
    agreement: StrPath,
    keys: StrPath,
    project: StrPath,
    submission: StrPath | None = None,
    passphrase_file: StrPath | None = None,
    witness: StrPath | None = None,
    first_use: bool = False,
    progress: Progress = silent,
) -> Received:
    """Verify a submission or a withdrawal as it comes in, log it, and write its receipt.

    ``submission``: the one that a withdrawal is for.
    """
    from blindlink.linker.protocol.receive import receive as take_in

    acting = _acting(agreement, keys, passphrase_file, progress)
    place = _place(acting, keys, project, witness, first_use=first_use)
    sent = Path(submission) if submission is not None else None
    done = take_in(Path(file), acting, place, submission=sent)
    return Received(done.kind, done.owner, done.rows, done.rejected, done.receipt)


@needs("linker")
def link(
    *submissions: StrPath,
    agreement: StrPath,
    keys: StrPath,
    project: StrPath,
    out: StrPath,
    passphrase_file: StrPath | None = None,
    withdrawals: Sequence[StrPath] = (),
    witness: StrPath | None = None,
    first_use: bool = False,
    force: bool = False,
    progress: Progress = silent,
) -> Released:
    """Link one submission of every owner by the agreed plan, and seal the release to the analyst.

    One run for one agreement. The linkage reports are also written to the folder ``reports`` of
    ``project``.
    """
    from blindlink.linker.files import write_reports
    from blindlink.linker.protocol.release import link as link_all

    acting = _acting(agreement, keys, passphrase_file, progress)
    done = link_all(
        [Path(file) for file in submissions],
        acting,
        _place(acting, keys, project, witness, first_use=first_use),
        Path(out),
        withdrawals=[Path(file) for file in withdrawals],
        force=force,
    )
    write_reports(done.reports, Path(project))
    reports = {
        (each.left, each.right): Report.model_validate(each.report.model_dump())
        for each in done.reports
    }
    return Released(
        done.path, done.links, done.candidates, done.entities, reports, tuple(done.receipts)
    )


@needs("linker")
def head(
    project: StrPath,
    *,
    agreement: StrPath,
    keys: StrPath,
    out: StrPath,
    passphrase_file: StrPath | None = None,
    force: bool = False,
) -> Path:
    """Sign the log of a project as it is now, for owners and auditors to keep."""
    from blindlink.linker.protocol.heads import write_head

    acting = _afterwards(agreement, keys, passphrase_file)
    write_head(Path(project), acting, Path(out), force=force)
    return Path(out)


@needs("linker")
def destroy(
    project: StrPath,
    *,
    agreement: StrPath,
    keys: StrPath,
    passphrase_file: StrPath | None = None,
    witness: StrPath | None = None,
    first_use: bool = False,
) -> Path:
    """Erase the linker's keys of a project for ever; returns the head that proves it.

    No copy of a submission opens again. Nothing asks before.
    """
    from blindlink.linker.protocol.destroy import destroy as erase
    from blindlink.messages.used import projects_of

    own = _afterwards(agreement, keys, passphrase_file)
    place = _place(own, keys, project, witness, first_use=first_use)
    return erase(place, own, Path(keys), used=projects_of(Path(keys))).head


@needs("analyst")
def cohort(
    release: StrPath,
    *,
    agreement: StrPath,
    keys: StrPath,
    out: StrPath,
    passphrase_file: StrPath | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> Cohort:
    """Verify and open a release, and write the cohort that analyses work on.

    Which release was opened is kept beside the key file: of one agreement there is one.
    """
    from blindlink.analyst.cohort.folder import build_cohort
    from blindlink.messages.used import releases_of

    acting, folder = _acting(agreement, keys, passphrase_file, progress, demo=True), Path(out)
    made = build_cohort(
        Path(release), acting, folder, register=releases_of(Path(keys)), force=force
    )
    tables = sorted(f"{owner}.{table}" for owner, table in made.tables)
    return Cohort(folder, len(made.people), len(made.links), len(made.candidates), tuple(tables))


@needs("analyst")
def report(
    cohort: StrPath | Cohort,
    out: StrPath,
    *,
    settings: StrPath | None = None,
    policy: StrPath | None = None,
    earlier: Sequence[StrPath] = (),
    register: StrPath | None = None,
    seed: int = 20230330,
    force: bool = False,
    progress: Progress = silent,
) -> StudyReport:
    """Analyse a cohort and publish what the disclosure policy allows: page, spreadsheet, CSVs.

    ``settings``: definitions and priors (TOML). ``policy``: a stricter disclosure policy (JSON).
    ``earlier``: folders of reports already published, for the guard against differencing;
    ``register``: the folder that remembers what is out (``bl.disclosure.register``).
    """
    from blindlink.analyst.disclosure.differencing import load_earlier
    from blindlink.analyst.disclosure.policy import load_policy
    from blindlink.analyst.disclosure.register import load
    from blindlink.studies.probation_treatment import report as reporting
    from blindlink.studies.probation_treatment.definitions import Settings, load_settings

    made = reporting.report(
        cohort.path if isinstance(cohort, Cohort) else Path(cohort),
        Path(out),
        settings=load_settings(Path(settings)) if settings is not None else Settings(),
        policy=load_policy(Path(policy)) if policy is not None else None,
        seed=seed,
        now=_now(),
        earlier=[
            *(load_earlier(Path(folder)) for folder in earlier),
            *(load(Path(register)) if register is not None else []),
        ],
        force=force,
        progress=progress,
    )
    counts = made.audit.tables
    return StudyReport(
        Path(out),
        made.page,
        tuple(table.id for table in made.tables),
        sum(table.cells for table in counts),
        sum(sum(table.withheld.values()) for table in counts),
    )


@needs("analyst")
def approve(
    report: StrPath | StudyReport,
    *,
    agreement: StrPath,
    keys: StrPath,
    comments: str,
    out: StrPath,
    passphrase_file: StrPath | None = None,
    force: bool = False,
) -> Path:
    """As an output checker, sign exactly the files of a report as they are now.

    ``comments``: one line on what you looked at. Raises AgreementError unless the agreement names
    you as its output checker.
    """
    from blindlink.analyst.publish.checked import approve as sign_output
    from blindlink.messages.agreement.document import load_agreement

    now = _now()
    signed, own = load_agreement(Path(agreement), now=now), _keys(keys, passphrase_file)
    sign_output(_folder(report), signed, own, comments, now=now).save(Path(out), force=force)
    return Path(out)


@needs("analyst")
def publish(
    report: StrPath | StudyReport,
    *,
    agreement: StrPath,
    check: StrPath | None,
    out: StrPath,
) -> Published:
    """Copy what an output checker signed to a new folder; RefusedError without a check.

    VerificationError where a file changed since.
    """
    from blindlink.analyst.publish.checked import publish as publish_checked
    from blindlink.messages.agreement.document import load_agreement

    now = _now()
    done = publish_checked(
        _folder(report),
        load_agreement(Path(agreement), now=now),
        Path(check) if check is not None else None,
        Path(out),
        now=now,
    )
    return Published(done.folder, done.record, done.files, done.checker.name)


def _folder(report: StrPath | StudyReport) -> Path:
    return report.path if isinstance(report, StudyReport) else Path(report)


def _agreement(signed: "SignedAgreement", path: Path) -> Agreement:
    return Agreement(path, signed.digest(), tuple(signed.agreement.names), tuple(signed.missing()))


def _keys(path: StrPath, passphrase_file: StrPath | None) -> "PartyKeys":
    from blindlink.keys import PartyKeys

    return PartyKeys.load(Path(path), _passphrase(passphrase_file))


def _acting(
    agreement: StrPath,
    keys: StrPath,
    passphrase_file: StrPath | None,
    progress: Progress = silent,
    *,
    demo: bool = False,
) -> "Acting":
    """Under an agreement that is in force and has not ended; not the demo's, if not ``demo``."""
    from blindlink.api.feasible import check_usable
    from blindlink.messages.acting import Acting
    from blindlink.messages.agreement.document import load_agreement

    now = _now()
    signed = load_agreement(Path(agreement), now=now)
    check_usable(signed, Path(keys), demo=demo)
    return Acting(signed, _keys(keys, passphrase_file), now, progress=progress)


def _afterwards(agreement: StrPath, keys: StrPath, passphrase_file: StrPath | None) -> "Acting":
    """Under an agreement that may have ended."""
    from blindlink.messages.acting import Acting
    from blindlink.messages.agreement.document import read_agreement

    return Acting(read_agreement(Path(agreement)), _keys(keys, passphrase_file), _now())


def _place(
    acting: "Acting",
    keys: StrPath,
    project: StrPath,
    witness: StrPath | None,
    *,
    first_use: bool,
) -> "Place":
    """The project with what is kept of it beside the keys, or at ``witness``."""
    from blindlink.linker.protocol.place import Place
    from blindlink.linker.protocol.witness import witness_of
    from blindlink.messages.used import projects_of

    given = Path(witness) if witness is not None else None
    digest, folder = acting.agreement.digest(), Path(project)
    kept = witness_of(Path(keys), digest, folder, given, first_use=first_use)
    return Place(folder, kept, projects_of(Path(keys)))


def _passphrase(given: StrPath | None) -> bytes:
    from blindlink.keys.passphrase import VARIABLE, passphrase_from_file

    words = passphrase_from_file(Path(given) if given is not None else None)
    if words is None:
        raise KeyFileError("no passphrase", hint=f"give passphrase_file=, or set {VARIABLE}")
    return words


def _now() -> datetime:
    return datetime.now(UTC)
