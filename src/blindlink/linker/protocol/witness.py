"""What is kept of a project where no restore of its folder touches it: its last head, and its log.

A folder that comes back from a backup has forgotten bundle ids that were replaced, freezes and
destructions. Held against the head that was kept, it is found out before anything is done with it.
A second folder for the agreement would be a second run: the linker's keys remember the first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from blindlink.errors import RefusedError, VerificationError
from blindlink.keys import PartyKeys
from blindlink.linker.protocol.project import LOG
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.signed import Signed
from blindlink.messages.used import read_used, write_used


def witness_of(
    keys: Path, agreement: str, folder: Path, given: Path | None, *, first_use: bool
) -> Path:
    """Where the last head is kept: ``given``, else beside the keys' file.

    Raises VerificationError where the head is missing and the folder has a log, unless that is said
    to be the first use.
    """
    kept = given or keys.with_name(f"{keys.name}.{agreement[:16]}.head")
    if not kept.exists() and (folder / LOG).exists() and not first_use:
        raise VerificationError(
            f"{kept}: is missing, and the project has a log: nothing shows that it is whole",
            hint="bring the file back; say --first-use where there never was one",
        )
    return kept


@contextmanager
def only_project(folder: Path, used: Path | None, agreement: str) -> Iterator[None]:
    """Work in ``folder`` if it is the one project of this agreement that the keys know.

    Raises RefusedError for a second one. Without ``used`` nothing is checked.
    """
    if used is None:
        yield
        return
    known = read_used(used).get(agreement)
    if known is not None and known != _log_id(folder):
        raise RefusedError(
            f"{folder}: these keys serve this agreement in another project: there is one run",
            hint="give the folder of that project",
        )
    try:
        yield
    finally:
        if log := _log_id(folder):
            write_used(used, agreement, log)


def _log_id(folder: Path) -> str | None:
    return AuditLog.load(folder / LOG).log_id if (folder / LOG).exists() else None


@contextmanager
def witnessed(folder: Path, kept: Path | None, keys: PartyKeys, now: datetime) -> Iterator[None]:
    """Work on the log in ``folder`` if it extends the head in ``kept``, and keep its last one then.

    Raises VerificationError for a log that is older or another one, InputError for one that is
    gone, or OutputError. Without ``kept`` nothing is checked.
    """
    if kept is None:
        yield
        return
    if kept.exists():
        _check(folder, kept, keys)
    try:
        yield
    finally:
        if (folder / LOG).exists():
            AuditLog.load(folder / LOG).head(keys, now=now).save(kept, force=True)


def _check(folder: Path, kept: Path, keys: PartyKeys) -> None:
    head, log = Signed.load(kept, Head), AuditLog.load(folder / LOG)
    try:
        verify_log(log, head, keys.public, str(kept))
    except VerificationError as error:
        raise VerificationError(
            error.message,
            hint=f"was {folder} restored from a backup? It has forgotten what happened since",
        ) from None
