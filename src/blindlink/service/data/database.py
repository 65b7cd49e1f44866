"""One way to the database, for SQLite and PostgreSQL alike.

    with database.read() as session: ...      a snapshot to look at
    with database.write() as session: ...     a transaction: committed as a whole, or not at all
    with database.write(durable=False) ...    the same, but a loss of power may undo the last ones

A write on SQLite takes the file's lock at once (BEGIN IMMEDIATE), so that it never fails half-way
for having started as a reader. On PostgreSQL rows are locked where the code says so.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session

from blindlink.errors import InputError
from blindlink.files import PRIVATE

MODE = "blindlink_mode"  # an execution option: durable, quick, or missing for readers
BUSY = 30_000  # milliseconds to wait for another process that writes


class Database:
    """An engine with a pool; shared by all threads of a process."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        """``create``: whether an SQLite file that is not there is made."""
        self.engine = _engine(url, create)
        self.sqlite = self.engine.dialect.name == "sqlite"
        self._durable = self.engine.execution_options(**{MODE: "durable"})
        self._quick = self.engine.execution_options(**{MODE: "quick"})
        # Threads of one process wait in line here, not in SQLite's polling of its lock.
        self._line = threading.Lock() if self.sqlite else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that changes nothing."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Session]:
        """A transaction. Only what may be lost when the machine loses power is not ``durable``."""
        writer = self._durable if durable else self._quick
        with self._line, Session(writer, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def _engine(text: str, create: bool) -> Engine:
    try:
        url = make_url(text)
    except ArgumentError:
        url = URL.create("")
    if url.drivername == "sqlite":
        if url.database:
            _file(Path(url.database), create)
        return _sqlite(create_engine(url, pool_size=16, max_overflow=48))
    if url.drivername == "postgresql+psycopg":
        return _postgresql(create_engine(url, pool_size=8, max_overflow=56, pool_pre_ping=True))
    raise InputError(
        "database: neither sqlite:///FILE nor postgresql+psycopg://USER@HOST/NAME",
        hint="see docs/how-to/run-the-service.md",
    )


def _file(path: Path, create: bool) -> None:
    """A private file, before SQLite makes one that everybody may read."""
    if path.exists():
        return
    if not create:
        raise InputError(
            f"{path}: there is no database",
            hint="say where it is: --data, or --database-url for PostgreSQL",
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, PRIVATE))


def _sqlite(engine: Engine) -> Engine:
    @event.listens_for(engine, "connect")
    def connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        for pragma in (
            f"busy_timeout={BUSY}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        mode = connection.get_execution_options().get(MODE)
        if mode:
            synchronous = "FULL" if mode == "durable" else "NORMAL"
            connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if mode else "BEGIN")

    return engine


def _postgresql(engine: Engine) -> Engine:
    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(MODE) == "quick":
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    return engine
