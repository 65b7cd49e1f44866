"""Bringing a service back from a backup, and up to what its logs say happened since.

    load        the rows and objects of an archive, into an empty database and storage
    catch_up    every project up to its witnessed log, whatever brought the database back

A backup is always older than the service that was lost. What a project is in follows from its log
alone, and the log is in the witness folder, so nothing that was decided comes undone: what was
destroyed stays destroyed, a bundle id that was used stays used, frozen stays frozen, and no second
run begins. Files that came after the backup are lost: an owner sends the same file again.
"""

import base64
import json
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.orm import Session

from blindlink.errors import FormatError, InputError, RefusedError, ServiceError, VerificationError
from blindlink.files import reason
from blindlink.messages.audit import erasure
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.signed import Signed, line
from blindlink.service.context import Service
from blindlink.service.data import schema
from blindlink.service.data.logbook import StoredLog, locked, state_of
from blindlink.service.data.models import (
    Entry,
    HeadRow,
    Identity,
    KeyHolder,
    Project,
    Run,
    Upload,
    named_objects,
)
from blindlink.service.data.states import UploadKind, UploadState
from blindlink.service.data.storage import BLOCK
from blindlink.service.domain import destruction, projects
from blindlink.service.recovery.backup import DATABASE, FORMAT, MANIFEST, OBJECTS, tables
from blindlink.service.recovery.witness import Witness

LINE = 64 * 1024 * 1024  # the longest row: an agreement, or an entry of a log
LOST = "what came of the run was lost with the service: only its log is known"


def load(
    service: Service,
    path: Path,
    witnesses: Iterable[Witness] = (),
    heads: Mapping[str, Signed[Head]] | None = None,
) -> int:
    """Load an archive into a service that is empty, and catch up; returns the objects written.

    ``heads`` are what owners and auditors kept, by where they come from. Raises InputError,
    FormatError or VerificationError for what is no whole backup or older than a head, RefusedError
    where something is there already, ServiceError for another schema. Then nothing is changed.
    """
    _verified(path)
    _check_empty(service)
    written: list[str] = []
    try:
        with _archive(path) as archive, service.database.write() as session:
            _rows(session, _member(archive, DATABASE))
            _number_on(service, session)
            _check_logs(session)
            catch_up(service, session, witnesses, heads)
            service.storage.take(session.scalars(select(Identity.id)).one())
            for key in sorted(set(named_objects(session))):
                with service.storage.write(key) as out:
                    written.append(key)
                    shutil.copyfileobj(_member(archive, OBJECTS + key), out, BLOCK)
    except BaseException:
        service.storage.erase(written)
        service.storage.leave()
        raise
    return len(written)


def catch_up(
    service: Service,
    session: Session,
    witnesses: Iterable[Witness],
    heads: Mapping[str, Signed[Head]] | None = None,
) -> int:
    """Bring every project up to its witnessed log; returns how many entries were missing.

    Raises VerificationError when the database has another log than the witness, or less than a
    head counts.
    """
    missing = sum(_catch_up(service, session, each) for each in witnesses)
    for where, head in (heads or {}).items():
        project = session.scalar(select(Project).where(Project.log == head.document.log))
        if project is None:
            raise VerificationError(f"{where}: is of a log that is not here")
        linker = projects.agreement_of(project).agreement.linker
        verify_log(StoredLog(session, project), head, linker, where)
    return missing


def _catch_up(service: Service, session: Session, witness: Witness) -> int:
    project = session.get(Project, witness.agreement.digest())
    if project is None:
        project = projects.add(session, service, witness.agreement, witness.log.log_id)
    project = locked(session, project.id)
    missing = _extend(session, project, witness.log)
    head = witness.head
    session.merge(
        HeadRow(project=project.id, size=head.document.size, data=head.to_bytes() + b"\n")
    )
    session.flush()
    if missing:
        _settle(session, service, project)
    return missing


def _extend(session: Session, project: Project, log: AuditLog) -> int:
    """Add the entries that the database lacks."""
    stored = StoredLog(session, project)
    here = len(stored.entries)
    common = min(here, len(log.entries))
    if stored.log_id != log.log_id or stored.root(common) != log.root(common):
        raise VerificationError(
            f"project {project.id}: its log is another one than the witness has",
            hint="is this the witness folder of the same service?",
        )
    missing = log.entries[here:]
    for entry in missing:
        session.add(
            Entry(project=project.id, index=entry.index, event=entry.event, data=entry.to_bytes())
        )
    session.flush()
    return len(missing)


def _settle_holders(session: Session, project: Project) -> None:
    """Who holds the key, and who attested that it is erased, as the log says."""
    for entry in StoredLog(session, project).entries:
        if entry.event == erasure.HELD:
            details = entry.details
            known = KeyHolder(
                linker=project.linker,
                holder=details["holder"],
                name=details["name"],
                copy=details["copy"],
                logged=True,
                seen=0.0,
            )
            session.merge(known)
        elif entry.event in (erasure.ERASED, erasure.LOST):
            named = entry.details.get("statement", entry.details)["holder"]
            holder = session.get(KeyHolder, (project.linker, named))
            if holder is not None:
                holder.attested = True
    session.flush()


def _settle(session: Session, service: Service, project: Project) -> None:
    """Make uploads and run agree with the log."""
    state = state_of(session, project)
    _settle_holders(session, project)
    if state.destroyed or state.ending:
        destruction.forget(session, project)
        destruction.order(session, service, project, state)
        return
    mine = select(Upload).where(
        Upload.project == project.id,
        Upload.kind == UploadKind.SUBMISSION,
        Upload.state == UploadState.ACCEPTED,
    )
    for upload in session.scalars(mine):
        if upload.bundle != state.current.get(upload.owner):
            upload.state, upload.object = UploadState.REPLACED, None  # the object is swept up
    run = session.get(Run, project.id)
    if state.outcome is not None and (run is None or run.state != state.outcome):
        session.merge(
            Run(
                project=project.id,
                state=state.outcome,
                stage="",
                reason=LOST,
                done=0,
                total=0,
                asked=run.asked if run else service.seconds(),
                ended=service.seconds(),
            )
        )


def _check_empty(service: Service) -> None:
    schema.check(service.database)
    with service.database.read() as session:
        used = session.scalar(select(func.count()).select_from(Project))
    if used or next(iter(service.storage.listing()), None):
        raise RefusedError(
            "there is something in this database or storage already",
            hint="restore into an empty database and an empty storage, then switch over",
        )


def _verified(path: Path) -> None:
    """Raises unless every member is there with the digest that the manifest says, and no other."""
    found: dict[str, str] = {}
    try:
        with _archive(path) as archive:
            for member in archive:
                if not member.isreg() or member.name in found:
                    raise FormatError(f"{path}: not a backup of the service")
                data = _member(archive, member.name)
                found[member.name] = file_digest(data, "sha256").hexdigest()  # type: ignore[arg-type]
            manifest = json.loads(_member(archive, MANIFEST).read(LINE))
    except (tarfile.TarError, ValueError, EOFError, KeyError):
        raise FormatError(f"{path}: not a whole backup of the service") from None
    found.pop(MANIFEST)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise FormatError(f"{path}: not a backup of this format")
    if manifest.get("sha256") != found:
        raise VerificationError(f"{path}: was changed since it was made")
    if manifest.get("schema") != schema.wanted():
        raise ServiceError(
            f"{path}: was made by version {manifest.get('version')}, with another schema",
            hint="restore it with that version, then run 'blindlink serve --migrate' of this one",
        )


def _check_logs(session: Session) -> None:
    """Raises VerificationError unless parties signed every agreement, and its linker every log."""
    for project in session.scalars(select(Project)):
        signed = projects.agreement_of(project)
        signed.check_signatures("backup")
        newest = select(HeadRow).where(HeadRow.project == project.id)
        row = session.scalar(newest.order_by(HeadRow.size.desc()).limit(1))
        if row is not None:
            head = Signed.parse(line(row.data, "backup"), Head, "backup")
            verify_log(StoredLog(session, project), head, signed.agreement.linker, "backup")


@contextmanager
def _archive(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, mode="r:") as archive:
            yield archive
    except FileNotFoundError as error:
        raise InputError(f"{path}: {reason(error)}", hint="check the path") from None


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:  # only files were let in
        raise FormatError("not a backup of the service")
    return found


def _rows(session: Session, lines: IO[bytes]) -> None:
    known = {table.name: table for table in tables()}
    while data := lines.readline(LINE):
        document = json.loads(data)
        table = known[document["table"]]
        session.execute(insert(table).values(_typed(table, document["row"])))


def _typed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    binary = {column.name for column in table.columns if column.type.python_type is bytes}
    return {
        name: base64.b64decode(value) if name in binary and value is not None else value
        for name, value in row.items()
    }


def _number_on(service: Service, session: Session) -> None:
    """PostgreSQL's counters go on behind the numbers that came back."""
    if service.database.sqlite:
        return
    for table, column in (("uploads", "number"), ("jobs", "id")):
        session.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), "  # noqa: S608
                f"coalesce((SELECT max({column}) FROM {table}), 1))"
            )
        )
