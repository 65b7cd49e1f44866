"""Who operates and audits: registered, and ended. Nobody is ever taken out of the list."""

from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from blindlink.service.data.models import BrowserSession, Person, SignInCode
from blindlink.service.problems import Problem


def listed(session: Session) -> Sequence[Person]:
    """Everybody, in the order in which they came."""
    return session.scalars(select(Person).order_by(Person.since, Person.keyid)).all()


def add(session: Session, person: Person) -> None:
    """Register a person. Raises Problem (409) for a key or a name that is or was somebody's."""
    same = select(Person).where((Person.keyid == person.keyid) | (Person.name == person.name))
    if session.scalar(same) is not None:
        raise Problem(409, "conflict", "this key or this name is or was somebody's")
    session.add(person)


def end(session: Session, person: Person, now: float) -> None:
    """End a person's access, also of one whom only the installation named."""
    row = session.get(Person, person.keyid)
    if row is None:
        row = person
        session.add(row)
    row.until = now
    for table in (BrowserSession, SignInCode):
        session.execute(delete(table).where(table.keyid == person.keyid))
