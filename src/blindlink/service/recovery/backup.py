"""A backup of the service: one archive of what its database says and of every object it names.

    database.jsonl        the rows of every table, one a line, from one snapshot
    objects/KEY           submissions, parts, releases: sealed, as they lie in the storage
    manifest.json         SHA-256 of each of the others; without it the archive is no backup

The linker's keys are in no backup: a project is destroyed by erasing them. Neither are sessions of
the console. A service may run meanwhile. A backup of nothing is an error: it is taken for one that
could bring the service back.
"""

import base64
import json
import tarfile
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Row, Table, func, select

from blindlink.errors import ServiceError
from blindlink.files import PRIVATE, replacing
from blindlink.messages.fields import stamp
from blindlink.service.context import Service
from blindlink.service.data import schema
from blindlink.service.data.models import (
    Base,
    BrowserSession,
    Peer,
    Project,
    SignInCode,
    Stray,
    named_objects,
)
from blindlink.service.recovery import witness
from blindlink.version import __version__

FORMAT = "blindlink-service-backup-v1"
DATABASE, MANIFEST, OBJECTS = "database.jsonl", "manifest.json", "objects/"
ATTEMPTS = 5


def tables() -> list[Table]:
    """The tables of a backup, each behind those that it refers to."""
    left_out = [each.__table__ for each in (BrowserSession, SignInCode, Peer, Stray)]
    return [table for table in Base.metadata.sorted_tables if table not in left_out]


def write(service: Service, out: Path, *, force: bool = False) -> dict[str, int]:
    """Write the archive, whole or not at all; returns counts of rows and objects.

    Raises OutputError, or ServiceError when objects go as fast as they are copied, when there is no
    project, or when the witness folder knows more than this database.
    """
    _check_worth(service)
    for _ in range(ATTEMPTS):
        try:
            with replacing(out, force=force, mode=PRIVATE) as draft:
                return _write(service, draft)
        except _GoneError:  # replaced or destroyed since the snapshot: take another one
            continue
    raise ServiceError("the storage changes too fast for a backup", hint="try again later")


def _check_worth(service: Service) -> None:
    witness.check(service)
    with service.database.read() as session:
        if session.scalar(select(func.count()).select_from(Project)):
            return
    raise ServiceError(
        "there is nothing to back up: this database has no project",
        hint="is it the right one? Say --database-url, or BLINDLINK_DATABASE_URL",
    )


class _GoneError(Exception):
    """An object that the snapshot names was erased meanwhile."""


def _write(service: Service, draft: Path) -> dict[str, int]:
    digests: dict[str, str] = {}
    with (
        draft.open("wb") as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive,
        tempfile.TemporaryFile() as spool,
    ):
        keys, rows = _dump(service, spool)
        digests[DATABASE] = _add(archive, DATABASE, spool, spool.tell())
        for key in keys:
            try:
                size = service.storage.size(key)
                blocks = _Blocks(service.storage.read(key))
                digests[OBJECTS + key] = _add(archive, OBJECTS + key, blocks, size)
            except FileNotFoundError:
                raise _GoneError from None
        manifest = {
            "format": FORMAT,
            "version": __version__,
            "schema": schema.wanted(),
            "time": stamp(service.now()),
            "sha256": digests,
        }
        data = json.dumps(manifest, indent=1).encode()
        _add(archive, MANIFEST, BytesIO(data), len(data))
    return {"rows": rows, "objects": len(keys)}


def _dump(service: Service, spool: IO[bytes]) -> tuple[list[str], int]:
    """Write all rows of one snapshot; returns the objects that it names, and how many rows."""
    number = 0
    with service.database.read() as session:
        if not service.database.sqlite:
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        keys = sorted(named_objects(session))
        for table in tables():
            for row in session.execute(select(table)):
                spool.write(json.dumps(_plain(table, row)).encode() + b"\n")
                number += 1
    return keys, number


def _plain(table: Table, row: Row[Any]) -> dict[str, Any]:
    values = {
        column.name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for column, value in zip(table.columns, row, strict=True)
    }
    return {"table": table.name, "row": values}


class _Blocks:
    """Blocks as a file to read from, with the digest of all of it."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (block := next(self._blocks, b"")):
            self._rest += block
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


class _Hashed:
    """Reads through, and remembers the digest."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.digest = inner, sha256()

    def read(self, size: int) -> bytes:
        data: bytes = self._inner.read(size)
        self.digest.update(data)
        return data


def _add(archive: tarfile.TarFile, name: str, source: Any, size: int) -> str:
    """Add a member; returns its SHA-256."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, PRIVATE
    if hasattr(source, "seek"):
        source.seek(0)
    hashed = _Hashed(source)
    archive.addfile(member, hashed)  # type: ignore[arg-type]
    return hashed.digest.hexdigest()
