"""What one person cannot do alone: each signs, the log has every word, and then it happens.

    give      a person's signed word, into the log and the table
    use       the act happens: enough people have given theirs, and those words are used up

How many stands in ``people.approvals``. Each is another person's, and one at least an operator's.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from blindlink.errors import RefusedError
from blindlink.messages import approval
from blindlink.messages.approval import Act
from blindlink.messages.fields import moment
from blindlink.service.context import Service
from blindlink.service.data.logbook import StoredLog
from blindlink.service.data.models import Approval, Project
from blindlink.service.domain import destruction
from blindlink.service.problems import Problem

DONE = {Act.RUN: "run-asked", Act.HOLD: "hold", Act.END_HOLD: "hold-ended"}


@dataclass(frozen=True)
class Person:
    """Who gives a word: operator, auditor, or the linker itself."""

    keyid: str
    name: str
    role: str
    key: Ed25519PublicKey


def give(
    session: Session, service: Service, project: Project, person: Person, word: approval.Approval
) -> int:
    """Take a person's word; returns how many have given theirs. Again changes nothing.

    Raises VerificationError for another's signature, Problem (422) for a word that is not for this.
    """
    said = word.statement
    word.verify(person.key, "approval")
    if (said.agreement, said.log, said.person) != (project.id, project.log, person.keyid):
        raise Problem(422, "unprocessable", "approval: is not this person's, or of another project")
    now, skew = service.seconds(), service.settings.limits.signature_age
    if abs(moment(said.time).timestamp() - now) > skew:
        raise Problem(422, "unprocessable", "approval: was not made now")
    if session.get(Approval, (project.id, said.act, person.keyid)) is None:
        session.add(
            Approval(
                project=project.id,
                act=said.act,
                keyid=person.keyid,
                name=person.name,
                data=person.role.encode(),
                given=now,
            )
        )
        details = {
            "by": person.name,
            "key": person.key.public_bytes_raw().hex(),
            "role": person.role,
            **word.model_dump(mode="json"),
        }
        StoredLog(session, project).append(approval.EVENT, details, now=service.now())
        destruction.have_signed(session, service, project)
        session.flush()
    return len(given(session, service, project, said.act))


def given(session: Session, service: Service, project: Project, act: Act) -> list[Approval]:
    """The words that count now for an act."""
    since = service.seconds() - service.settings.people.life
    mine = (Approval.project == project.id, Approval.act == act, Approval.given >= since)
    return list(session.scalars(select(Approval).where(*mine).order_by(Approval.given)))


def check(session: Session, service: Service, project: Project, act: Act) -> list[Approval]:
    """The words that let an act happen. Raises RefusedError where some are missing."""
    words, wanted = given(session, service, project, act), service.settings.people.approvals
    operators = [each for each in words if each.data in (b"operator", b"linker")]
    if wanted > 1 and (len(words) < wanted or not operators):
        raise RefusedError(
            f"{act} wants the signed word of {wanted} people, one of them an operator: "
            f"{len(words)} gave it",
            hint=f"each of them: blindlink client approve {act}",
        )
    return words


def use(session: Session, service: Service, project: Project, act: Act, asker: str) -> list[str]:
    """Let an act happen: log it with the names, and use the words up. Returns the names."""
    names = [each.name for each in check(session, service, project, act)] or [asker]
    session.execute(delete(Approval).where(Approval.project == project.id, Approval.act == act))
    if act in DONE:
        details = {"by": names}
        StoredLog(session, project).append(DONE[act], details, now=service.now())
        destruction.have_signed(session, service, project)
    return names


def note_once(session: Session, service: Service, project: Project, event: str, name: str) -> None:
    """Log that somebody looked or took something away: once for each name."""
    log = StoredLog(session, project)
    if not any(e.event == event and e.details.get("by") == name for e in log.entries):
        log.append(event, {"by": name}, now=service.now())
        destruction.have_signed(session, service, project)
