"""The last head of a project's log, kept where no restore of the project's folder touches it.

A folder that comes back from a backup has forgotten bundle ids that were replaced, freezes and
destructions. Held against the head that was kept, it is found out before anything is done with it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from blindlink.errors import VerificationError
from blindlink.keys import PartyKeys
from blindlink.linker.protocol.project import LOG
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.signed import Signed


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
