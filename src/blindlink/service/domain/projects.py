"""Projects: opened from an agreement that every party signed, found by their members only."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from blindlink.errors import FormatError
from blindlink.keys.files import decode
from blindlink.linker.protocol.project import OPENED, State
from blindlink.messages.agreement.document import SignedAgreement, parse_agreement
from blindlink.messages.fields import moment
from blindlink.messages.signed import line
from blindlink.service.context import Service
from blindlink.service.data.logbook import StoredLog, state_of
from blindlink.service.data.models import KeyHolder, Member, Project, Run
from blindlink.service.data.states import Phase, RunState
from blindlink.service.domain import clock, destruction
from blindlink.service.problems import Problem

ID = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Access:
    """A project, and as whom the caller sees it: its party name, or operator or auditor."""

    project: Project
    role: str
    name: str


def open_project(service: Service, data: bytes, by: str) -> tuple[Project, bool]:
    """The project of an agreement file; True when it was opened now.

    Raises FormatError, VerificationError, AgreementError (unsigned, expired), or Problem when no
    worker holds the linker's keys or they serve another project.
    """
    signed = parse_agreement(line(data, "agreement"), "agreement")
    signed.verify(service.now(), "agreement")
    with service.database.read() as session:
        clock.check(service, session)
    try:
        with service.database.write() as session:
            found = _open(service, session, signed, by)
    except IntegrityError:  # somebody opened a project in the same moment
        with service.database.write() as session:
            found = _open(service, session, signed, by)
    service.wake()
    return found


def _open(
    service: Service, session: Session, signed: SignedAgreement, by: str
) -> tuple[Project, bool]:
    project = session.get(Project, signed.digest())
    if project is not None:
        return project, False
    linker = signed.agreement.linker.fingerprint()
    if session.scalar(select(KeyHolder.holder).where(KeyHolder.linker == linker)) is None:
        raise Problem(
            409,
            "conflict",
            "no worker of this service holds the keys of the agreement's linker; one that has just "
            "been started needs a moment",
        )
    if session.scalar(select(Project.id).where(Project.linker == linker)) is not None:
        raise Problem(409, "conflict", "the linker's keys of this agreement serve another project")
    project = add(session, service, signed, service.entropy(16).hex())
    opening = {"agreement": project.id, "by": by}
    StoredLog(session, project).append(OPENED, opening, now=service.now())
    destruction.name_holders(session, service, project)
    destruction.have_signed(session, service, project)
    return project, True


def add(session: Session, service: Service, signed: SignedAgreement, log: str) -> Project:
    """The rows of a new project whose log, as yet empty, has this id."""
    terms = signed.agreement
    project = Project(
        id=signed.digest(),
        number=1 + (session.scalar(select(func.max(Project.number))) or 0),
        name=terms.project,
        version=terms.version,
        agreement=signed.to_bytes() + b"\n",
        linker=terms.linker.fingerprint(),
        log=log,
        created=service.seconds(),
        expires=moment(terms.expires).timestamp(),
        destroy_by=moment(terms.destroy_by).timestamp(),
    )
    session.add(project)
    session.flush()
    session.add_all(_members(project, signed))
    session.flush()
    return project


def _members(project: Project, signed: SignedAgreement) -> list[Member]:
    return [
        Member(
            project=project.id,
            fingerprint=party.fingerprint(),
            name=party.name,
            role=party.role,
            auth=decode(party.auth_ed25519),
        )
        for party in signed.agreement.parties
    ]


def find(session: Session, project: str, keyid: str) -> Access | None:
    """The project as a party sees it; None for no project and for no party of it alike."""
    if not ID.fullmatch(project):
        return None
    row = session.execute(
        select(Project, Member)
        .join(Member, Member.project == Project.id)
        .where(Project.id == project, Member.fingerprint == keyid)
    ).first()
    return Access(row[0], row[1].role, row[1].name) if row else None


def find_any(session: Session, project: str, role: str, name: str) -> Access | None:
    """The project as a person sees it who operates or audits."""
    found = session.get(Project, project) if ID.fullmatch(project) else None
    return Access(found, role, name) if found else None


def listed(session: Session, keyid: str | None, after: int, limit: int) -> Sequence[Project]:
    """Projects in the order they were opened: those of a party, or all."""
    query = select(Project).where(Project.number > after).order_by(Project.number).limit(limit)
    if keyid is not None:
        query = query.join(Member, Member.project == Project.id).where(Member.fingerprint == keyid)
    return session.scalars(query).all()


def agreement_of(project: Project) -> SignedAgreement:
    """The agreement, whose signatures were verified when the project was opened."""
    return _agreement(project.agreement)


@lru_cache(maxsize=64)
def _agreement(data: bytes) -> SignedAgreement:
    return parse_agreement(line(data, "agreement"), "agreement")


def in_force(service: Service, project: Project) -> SignedAgreement:
    """The agreement. Raises AgreementError when it is not in force now."""
    signed = agreement_of(project)
    signed.check_time(service.now(), "agreement")
    return signed


def phase(state: State, run: str | None) -> Phase:
    """Where a project stands, for those who may know."""
    if state.destroyed:
        return Phase.DESTROYED
    if state.ending:
        return Phase.ENDING
    return Phase(state.outcome or run or (Phase.OPEN if state.frozen is None else Phase.FROZEN))


def standing(
    session: Session, project: Project, service: Service, run: Run | None
) -> tuple[Phase, bool]:
    """The phase, and whether owners can still send, which is all that they learn of it.

    One broken log must not hide other projects.
    """
    try:
        state = state_of(session, project)
    except FormatError:
        return Phase.BROKEN, False
    in_time = service.seconds() < project.expires
    asked = run is not None and run.state in (RunState.QUEUED, RunState.RUNNING)
    over = state.frozen is not None or state.destroyed or state.ending or asked
    accepting = in_time and not over
    return phase(state, run.state if run else None), accepting


def without_paths(text: str, *names: tuple[Path, str]) -> str:
    """A message that says 'submission' where the linker's code named a scratch file."""
    for path, word in names:
        text = text.replace(str(path), word)
    return text
