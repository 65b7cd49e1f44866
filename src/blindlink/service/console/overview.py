"""What the pages show of a project: read from the database, as the API reads it.

Counts, states, names of parties and moments. Of a receipt only the numbers are taken, never the
positions of rows.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from blindlink.messages.agreement.terms import Agreement
from blindlink.messages.approval import Act
from blindlink.messages.audit.receipt import Receipt
from blindlink.messages.signed import Signed, line
from blindlink.service.console import states
from blindlink.service.console.states import Tag
from blindlink.service.context import Service
from blindlink.service.data.models import Project, Run, Upload
from blindlink.service.data.states import UploadKind, UploadState
from blindlink.service.domain import approvals, projects, runs
from blindlink.service.domain.projects import agreement_of

ACTS = (Act.RUN, Act.RELEASE, Act.DESTROY)


@dataclass(frozen=True)
class Sent:
    """What an owner has sent so far. ``rows`` and ``refused_rows``: of the one that counts."""

    owner: str
    organisation: str
    tag: Tag
    when: float | None
    rows: int | None
    refused_rows: int | None
    percent: int | None
    withdrawals: int
    attempts: int
    reason: str


@dataclass(frozen=True)
class Overview:
    """A project at a glance. ``words``: acts and who signed for them; ``waiting``: files that came
    and are not verified yet."""

    id: str
    name: str
    version: int
    phase: str
    tag: Tag
    accepting: bool
    created: float
    expires: float
    destroy_by: float
    owners: list[Sent]
    run: Run | None
    log: str
    linker: str
    terms: Agreement
    waiting: int
    words: list[tuple[str, str]]
    wanted: int
    due: bool
    hold: bool

    @property
    def complete(self) -> int:
        """How many owners have an accepted submission."""
        return sum(each.rows is not None for each in self.owners)

    @property
    def percent(self) -> int | None:
        """How far the run is; None while nobody can say."""
        if self.run is None or self.phase != "running" or not self.run.total:
            return None
        return min(100, 100 * self.run.done // self.run.total)

    @property
    def may_start(self) -> bool:
        """Whether a run can be asked for."""
        if self.run is not None:
            return self.phase == "failed"
        return self.accepting and self.complete == len(self.owners)


def of(session: Session, service: Service, project: Project) -> Overview:
    """The overview of a project."""
    terms, run = agreement_of(project).agreement, session.get(Run, project.id)
    phase, accepting = projects.standing(session, project, service, run)
    return Overview(
        id=project.id,
        name=project.name,
        version=project.version,
        phase=phase,
        tag=states.phase(phase),
        accepting=accepting,
        created=project.created,
        expires=project.expires,
        destroy_by=project.destroy_by,
        owners=_owners(session, project, terms),
        run=run,
        log=project.log,
        linker=project.linker,
        terms=terms,
        waiting=runs.waiting(session, project),
        words=[(str(act), _names(session, service, project, act)) for act in ACTS],
        wanted=service.settings.people.approvals,
        due=project.due_since is not None,
        hold=project.hold,
    )


def _names(session: Session, service: Service, project: Project, act: Act) -> str:
    """Who gave their word for an act, as long as it counts."""
    return ", ".join(each.name for each in approvals.given(session, service, project, act))


def _owners(session: Session, project: Project, terms: Agreement) -> list[Sent]:
    mine = select(Upload).where(Upload.project == project.id).order_by(Upload.number)
    found = session.scalars(mine).all()
    return [
        _sent(owner.name, owner.organisation, [each for each in found if each.owner == owner.name])
        for owner in terms.owners
    ]


def _sent(owner: str, organisation: str, mine: list[Upload]) -> Sent:
    sent = [each for each in mine if each.kind == UploadKind.SUBMISSION]
    counts = next((each for each in reversed(sent) if each.state == UploadState.ACCEPTED), None)
    shown = counts or (sent[-1] if sent else None)
    rows, refused = receipt_rows(counts) if counts else (None, None)
    withdrawals = {
        each.bundle
        for each in mine
        if each.kind == UploadKind.WITHDRAWAL and each.state == UploadState.ACCEPTED
    }
    return Sent(
        owner=owner,
        organisation=organisation,
        tag=states.upload(shown.state) if shown else states.NOT_SENT,
        when=shown.touched if shown else None,
        rows=rows,
        refused_rows=refused,
        percent=percent(shown) if shown else None,
        withdrawals=len(withdrawals),
        attempts=len(sent),
        reason=(shown.reason or "") if shown else "",
    )


def percent(upload: Upload) -> int | None:
    """How much of an upload has come, while it comes."""
    if upload.state != UploadState.RECEIVING or not upload.size:
        return None
    return min(100, 100 * upload.offset // upload.size)


def receipt_rows(upload: Upload) -> tuple[int | None, int | None]:
    """Rows accepted and rows refused, from the receipt of a submission."""
    if upload.receipt is None:
        return None, None
    receipt = Signed.parse(line(upload.receipt, "receipt"), Receipt, "receipt").document
    return receipt.accepted, receipt.received - receipt.accepted
