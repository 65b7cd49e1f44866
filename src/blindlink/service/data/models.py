"""The tables. What a project is in follows from its audit entries; nothing repeats that.

Moments are seconds since 1970 (float). Ids are 32 random hex digits, a project's id is the digest
of its agreement.
"""

from collections.abc import Iterator

from sqlalchemy import (
    BigInteger,
    Boolean,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    select,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

Key = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers only plain integers itself

NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)


class Project(Base):
    """One agreement. ``linker`` is unique: every project has linker keys of its own."""

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, unique=True)
    name: Mapped[str] = mapped_column(String(32))
    version: Mapped[int] = mapped_column(Integer)
    agreement: Mapped[bytes] = mapped_column(LargeBinary)
    linker: Mapped[str] = mapped_column(String(29), unique=True)
    log: Mapped[str] = mapped_column(String(32))
    created: Mapped[float] = mapped_column(Double)
    expires: Mapped[float] = mapped_column(Double)
    destroy_by: Mapped[float] = mapped_column(Double)
    # Once destroy_by has come: since when, how much grace is left, and when it was last counted.
    due_since: Mapped[float | None] = mapped_column(Double)
    grace_left: Mapped[float | None] = mapped_column(Double)
    counted: Mapped[float | None] = mapped_column(Double)
    hold: Mapped[bool] = mapped_column(Boolean, default=False)  # a legal hold stops the grace
    ending: Mapped[str | None] = mapped_column(Text)  # who asked for the end


class Member(Base):
    """A party of an agreement. ``auth`` is its Ed25519 authentication key."""

    __tablename__ = "members"

    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(29), primary_key=True, index=True)
    name: Mapped[str] = mapped_column(String(32))
    role: Mapped[str] = mapped_column(String(16))
    auth: Mapped[bytes] = mapped_column(LargeBinary(32))


class Entry(Base):
    """A line of a project's audit log: canonical JSON, as its leaf hashes it."""

    __tablename__ = "entries"

    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    index: Mapped[int] = mapped_column(Integer, primary_key=True)
    event: Mapped[str] = mapped_column(String(32))
    data: Mapped[bytes] = mapped_column(LargeBinary)


class HeadRow(Base):
    """The signed head of a log of ``size`` entries."""

    __tablename__ = "heads"

    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    size: Mapped[int] = mapped_column(Integer, primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class Upload(Base):
    """A file on its way from an owner. ``object`` is where it lies once it was verified."""

    __tablename__ = "uploads"
    __table_args__ = (Index("ix_uploads_project_owner", "project", "owner"),)

    number: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(String(32), unique=True)
    project: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    owner: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(16))
    size: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[str] = mapped_column(String(64))
    offset: Mapped[int] = mapped_column(BigInteger, default=0)
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(String(32))
    bundle: Mapped[str | None] = mapped_column(String(32))
    of: Mapped[str | None] = mapped_column(String(32))  # a withdrawal: the submission it is for
    object: Mapped[str | None] = mapped_column(String(200))
    receipt: Mapped[bytes | None] = mapped_column(LargeBinary)
    # The order in which files of a project were complete, and when the last byte came.
    arrival: Mapped[int | None] = mapped_column(BigInteger)
    arrived: Mapped[float | None] = mapped_column(Double)
    created: Mapped[float] = mapped_column(Double)
    touched: Mapped[float] = mapped_column(Double)


class Part(Base):
    """The bytes of one PATCH."""

    __tablename__ = "parts"

    upload: Mapped[str] = mapped_column(ForeignKey("uploads.id"), primary_key=True)
    offset: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    object: Mapped[str] = mapped_column(String(200))


class Run(Base):
    """The one run of an agreement."""

    __tablename__ = "runs"

    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(16))
    stage: Mapped[str] = mapped_column(String(16))
    done: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    reason: Mapped[str | None] = mapped_column(Text)
    report: Mapped[str | None] = mapped_column(Text)
    object: Mapped[str | None] = mapped_column(String(200))
    size: Mapped[int | None] = mapped_column(BigInteger)
    digest: Mapped[str | None] = mapped_column(String(64))
    let_out: Mapped[float | None] = mapped_column(Double)  # when people let the release go out
    asked: Mapped[float] = mapped_column(Double)
    ended: Mapped[float | None] = mapped_column(Double)


class Job(Base):
    """Work for a worker. ``token`` goes up with every claim: who has an old one has lost.

    ``needs``: only who holds this linker's key; ``holder``: only this key folder. ``lane``,
    ``owner`` and ``place``: what must come first, see ``queue``. ``attempts`` are those that count
    against the job, ``tries`` all since ``first``.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index("ix_jobs_state_due", "state", "due"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(160))
    state: Mapped[str] = mapped_column(String(16))
    needs: Mapped[str | None] = mapped_column(String(29))
    holder: Mapped[str | None] = mapped_column(String(64))
    lane: Mapped[str | None] = mapped_column(String(64), index=True)
    owner: Mapped[str | None] = mapped_column(String(32))
    place: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    first: Mapped[float] = mapped_column(Double, default=0.0)
    trace: Mapped[str] = mapped_column(String(32), default="")  # of the request that asked for it
    token: Mapped[int] = mapped_column(BigInteger, default=0)
    worker: Mapped[str | None] = mapped_column(String(64))
    due: Mapped[float] = mapped_column(Double)
    error: Mapped[str | None] = mapped_column(Text)


class Nonce(Base):
    """A signature that was used; a second request with it is a replay."""

    __tablename__ = "nonces"

    keyid: Mapped[str] = mapped_column(String(64), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires: Mapped[float] = mapped_column(Double, index=True)


class Remembered(Base):
    """The answer to a request with an idempotency key."""

    __tablename__ = "remembered"

    keyid: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    request: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64))
    expires: Mapped[float] = mapped_column(Double, index=True)


class KeyHolder(Base):
    """Who holds a linker's private key: the key folder of workers, or the custodian of a copy.

    ``holder`` is the public key, in hex, with which it will sign that its copy is erased;
    ``logged`` says that the project's log names it, ``attested`` that the log has its attestation.
    """

    __tablename__ = "key_holders"

    linker: Mapped[str] = mapped_column(String(29), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    copy: Mapped[bool] = mapped_column(Boolean, default=False)
    logged: Mapped[bool] = mapped_column(Boolean, default=False)
    attested: Mapped[bool] = mapped_column(Boolean, default=False)
    seen: Mapped[float] = mapped_column(Double)


class Identity(Base):
    """Which service this database is of: one row."""

    __tablename__ = "identity"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)


class Peer(Base):
    """A process of the service and its clock. ``offset``: its clock less the reference's."""

    __tablename__ = "peers"

    name: Mapped[str] = mapped_column(String(96), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    boot: Mapped[str] = mapped_column(String(64))
    uptime: Mapped[float] = mapped_column(Double)
    offset: Mapped[float] = mapped_column(Double)
    seen: Mapped[float] = mapped_column(Double)


class Stray(Base):
    """An object that no row names. Noted, then put into quarantine, then erased."""

    __tablename__ = "strays"

    key: Mapped[str] = mapped_column(String(300), primary_key=True)
    noted: Mapped[float] = mapped_column(Double)
    quarantined: Mapped[float | None] = mapped_column(Double)


class Person(Base):
    """An operator or auditor: a person with a signing key that the service never had."""

    __tablename__ = "people"

    keyid: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16))
    key: Mapped[bytes] = mapped_column(LargeBinary(32))
    by: Mapped[str] = mapped_column(String(64))
    since: Mapped[float] = mapped_column(Double)
    until: Mapped[float | None] = mapped_column(Double)


class Approval(Base):
    """One person's signed word for an act that wants two. ``data``: the statement that was signed.

    The rows of an act go when it is done: a later one wants words of its own.
    """

    __tablename__ = "approvals"

    project: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    act: Mapped[str] = mapped_column(String(16), primary_key=True)
    keyid: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    data: Mapped[bytes] = mapped_column(LargeBinary)
    given: Mapped[float] = mapped_column(Double)


class SignInCode(Base):
    """A code that signs one browser in to the console, by its SHA-256."""

    __tablename__ = "sign_in_codes"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    keyid: Mapped[str] = mapped_column(String(64), index=True)
    expires: Mapped[float] = mapped_column(Double, index=True)


class BrowserSession(Base):
    """A browser that is signed in to the console. ``digest`` is that of its cookie."""

    __tablename__ = "browser_sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    keyid: Mapped[str] = mapped_column(String(64), index=True)
    since: Mapped[float] = mapped_column(Double)
    seen: Mapped[float] = mapped_column(Double)
    expires: Mapped[float] = mapped_column(Double, index=True)


def named_objects(session: Session) -> Iterator[str]:
    """The keys of all objects that the database names."""
    for column in (Part.object, Upload.object, Run.object):
        yield from (key for key in session.scalars(select(column)) if key)
