"""What differs between operating systems, in one place: Linux, macOS, Windows.

Nothing else asks for ``fcntl``, ``msvcrt``, ``os.pread``, ``os.fsync`` or ``os.O_NONBLOCK``.
Continuous integration has Linux alone: the ways of Windows are played with a fake of its module in
the tests.

On Windows the mode of a file protects nothing: who may read it is set by the folder's access rights
(docs/reference/platforms.md).
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]
    import msvcrt

MODES_PROTECT = os.name == "posix"
PRIVATE = 0o600
PAUSE = 0.05
# Opening a pipe does not wait for a writer; Windows has no pipes among its files.
NO_WAITING = getattr(os, "O_NONBLOCK", 0)
_reading = threading.Lock()


def sync(path: Path) -> None:
    """The content of a file is on the disk when this returns. Raises OSError."""
    with path.open("rb" if MODES_PROTECT else "r+b") as file:  # Windows: a handle that may write
        os.fsync(file.fileno())


def sync_file(file: IO[bytes]) -> None:
    """The same for a file that is open for writing. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """The names in a folder outlive a power cut, where the file system can do that."""
    with suppress(OSError):  # Windows opens no folder
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def read_at(file: IO[bytes], size: int, place: int) -> bytes:
    """``size`` bytes from ``place``, wherever the file stands."""
    if hasattr(os, "pread"):
        return os.pread(file.fileno(), size, place)
    with _reading:
        before = file.tell()
        file.seek(place)
        data = file.read(size)
        file.seek(before)
    return data


@contextmanager
def locked(path: Path, *, wait: float | None = None) -> Iterator[None]:
    """Hold a lock file; the system gives it back however the process ends.

    ``wait``: seconds until TimeoutError when somebody else holds it; None waits for ever. Raises
    OSError when the file cannot be made.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE)
    try:
        until = None if wait is None else time.monotonic() + wait
        while not _take(file):
            if until is not None and time.monotonic() >= until:
                raise TimeoutError
            time.sleep(PAUSE)
        yield
    finally:
        os.close(file)


def _take(file: int) -> bool:
    """Whether the lock is ours now."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):  # held by another process: flock, locking
        return False
    return True
