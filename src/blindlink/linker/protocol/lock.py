"""One command at a time in a project's folder.

Each reads the log, decides, and writes it anew: of two at once, one would lose the other's entry,
and a receipt would stand for what the log does not have.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blindlink.errors import OutputError, RefusedError
from blindlink.files import PRIVATE, reason

LOCK = ".lock"
WAIT = 10.0  # seconds: others than a run need less
PAUSE = 0.05


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Work alone in ``folder``; the operating system gives the lock back however the process ends.

    A folder that is not there has nothing to protect. Raises RefusedError when another command has
    not ended after WAIT seconds, or OutputError.
    """
    if not folder.is_dir():
        yield
        return
    file = _open(folder / LOCK)
    try:
        _take(file, folder, time.monotonic() + WAIT)
        yield
    finally:
        os.close(file)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE)
    except OSError as error:
        raise OutputError(f"{path}: {reason(error)}") from None


def _take(file: int, folder: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise RefusedError(
                    f"{folder}: another command works in this project",
                    hint="run it again when the other one has ended",
                ) from None
            time.sleep(PAUSE)
