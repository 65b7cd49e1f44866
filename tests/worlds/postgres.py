"""A PostgreSQL of our own for the tests: a cluster in a temporary folder, on a free port.

``BLINDLINK_TEST_DATABASE_URL`` (of a server, with the right to create databases) replaces it.
"""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

import needs
from blindlink.service.data import schema
from blindlink.service.data.database import Database
from worlds.service import free_port

BOTH = ("sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql")))


@dataclass
class Postgres:
    """A server; every test gets a database of its own with the schema in it."""

    url: str
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.template = self._create(None)
        database = Database(self.of(self.template))
        schema.migrate(database)
        database.close()

    def of(self, name: str) -> str:
        """The address of a database."""
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    @contextmanager
    def database(self) -> Iterator[str]:
        """The address of a fresh database."""
        name = self._create(self.template)
        yield self.of(name)
        self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        plain = make_url(self.url).set(drivername="postgresql")
        with psycopg.connect(plain.render_as_string(hide_password=False), autocommit=True) as link:
            link.execute(statement)

    def _create(self, template: str | None) -> str:
        name = f"blindlink_test_{os.getpid()}_{next(self._numbers)}"
        suffix = f' TEMPLATE "{template}"' if template else ""
        self.execute(f'CREATE DATABASE "{name}"{suffix}')
        return name


@contextmanager
def server() -> Iterator[Postgres]:
    """The server of the tests that ask for ``needs("postgresql")``."""
    given = os.environ.get("BLINDLINK_TEST_DATABASE_URL")
    if given:
        yield Postgres(given)
        return
    programs = sorted(needs.POSTGRESQL.glob("*/bin/initdb"))
    with _cluster(programs[-1].parent) as url:
        yield Postgres(url)


@contextmanager
def _cluster(programs: Path) -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="blindlink-pg-"))
    port, user = free_port(), _user()
    if user:  # PostgreSQL refuses to run as root
        shutil.chown(folder, user)
    data = folder / "data"
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        _run(user, programs / "initdb", "-D", data, "-U", "blindlink", "-A", "trust", "-N")
        _run(
            user,
            programs / "pg_ctl",
            "-D",
            data,
            "-w",
            "-l",
            folder / "log",
            "-o",
            options,
            "start",
        )
        yield f"postgresql+psycopg://blindlink@127.0.0.1:{port}/postgres"
        _run(user, programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str | None:
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("postgres").pw_name  # Debian's package makes this user


def _run(user: str | None, *command: str | Path) -> None:
    subprocess.run(
        [str(part) for part in command],
        check=True,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
