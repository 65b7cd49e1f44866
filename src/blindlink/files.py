"""Writing files: a failed command leaves nothing behind, an output never eats its input."""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from blindlink import system
from blindlink.errors import FormatError, InputError, OutputError
from blindlink.system import PRIVATE as PRIVATE

_FORMATS = (".csv", ".csv.gz", ".parquet", ".arrow", ".feather", ".json", ".xlsx")


def read_bytes(path: Path, *, limit: int) -> bytes:
    """The content of a file of at most ``limit`` bytes; raises InputError."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}", hint="check the path") from None
    if len(data) > limit:
        raise InputError(f"{path}: larger than {limit} bytes", hint="this is not the file you mean")
    return data


def open_regular(path: Path) -> IO[bytes]:
    """Open a file for reading that is one: a pipe would make the reader wait for ever.

    Raises InputError where it cannot be opened, FormatError for a pipe, a device or a folder.
    """
    try:
        number = os.open(path, os.O_RDONLY | system.NO_WAITING)
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}", hint="check the path") from None
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise FormatError(f"{path}: is not a regular file")
    return os.fdopen(number, "rb")


def check_output(path: Path, *, inputs: Iterable[Path] = (), force: bool = False) -> None:
    """Raises OutputError when ``path`` equals an input, exists without ``force``, or has no folder.

    Call it before any long work, so that nobody waits an hour for a refusal.
    """
    try:
        _check_output(path, inputs, force)
    except OSError as error:  # a folder that we may not enter
        raise OutputError(f"{path}: {reason(error)}", hint=_remedy(error)) from None


def check_apart(path: Path, inputs: Iterable[Path]) -> None:
    """Raises OutputError when ``path`` is one of the inputs, by whatever name."""
    try:
        eaten = path.exists() and any(s.exists() and path.samefile(s) for s in inputs)
    except OSError as error:  # a folder that we may not enter
        raise OutputError(f"{path}: {reason(error)}", hint=_remedy(error)) from None
    if eaten:
        raise OutputError(f"{path}: is also the input", hint="choose another output path")


def _check_output(path: Path, inputs: Iterable[Path], force: bool) -> None:
    check_apart(path, inputs)
    if path.is_dir():
        raise OutputError(f"{path}: is a folder")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path}: is a device, which a file would replace")
    if path.exists() and not force:
        raise OutputError(f"{path}: exists already")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: its folder does not exist", hint="make the folder first")


def check_ending(path: Path, endings: Sequence[str], what: str) -> None:
    """Raises OutputError where the name says another format than is written.

    A name without an ending that is a format's is taken as it is.
    """
    name = path.name.lower()
    if name.endswith(_FORMATS) and not name.endswith(tuple(endings)):
        raise OutputError(
            f"{path}: would hold {what}, which its name does not say",
            hint=f"end the name in {' or '.join(endings)}",
        )


@contextmanager
def replacing(
    path: Path, *, inputs: Iterable[Path] = (), force: bool = False, mode: int = 0o666
) -> Iterator[Path]:
    """A temporary file beside ``path`` that takes its name when the block ends without an error.

    The file is made first with ``mode`` (less the umask): a private file is never open to others.
    """
    check_output(path, inputs=inputs, force=force)
    draft = path.with_name(f".{secrets.token_hex(8)}.part")  # short: the name may have no room
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        yield draft
        system.sync(draft)
        if force or not _linked(draft, path):
            draft.replace(path)
        system.sync_folder(path.parent)  # a receipt may go out the next moment
    except OSError as error:
        raise OutputError(f"{path}: {reason(error)}", hint=_remedy(error)) from None
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path, check: Callable[[], None], *, mode: int = 0o700) -> Iterator[Path]:
    """A folder beside ``path`` that takes its place when the block ends without an error.

    ``check`` raises OutputError where ``path`` may not be replaced; it is asked before the block,
    and again after it, since somebody may have put something there meanwhile. The folder is closed
    to others by default. What stood there before is removed last: no moment has neither.
    """
    check()
    place = path.resolve()  # '.' has no name to put a draft beside
    draft, aside = (place.with_name(f".{secrets.token_hex(8)}.{end}") for end in ("part", "old"))
    try:
        draft.mkdir(mode=mode)
        yield draft
        for each in draft.rglob("*"):
            if each.is_file():
                system.sync(each)
        check()
        if place.exists():
            place.rename(aside)
        try:
            draft.rename(place)
        except OSError:
            if aside.exists():
                aside.rename(place)
            raise
        system.sync_folder(place.parent)
    except OSError as error:
        raise OutputError(f"{path}: {reason(error)}", hint=_remedy(error)) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if place.exists():
            shutil.rmtree(aside, ignore_errors=True)


def _linked(draft: Path, path: Path) -> bool:
    """Give the file its name unless one of that name has appeared meanwhile, which is an error.

    False on a file system that has no hard links.
    """
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        return False
    return True


def write_bytes(
    path: Path, data: bytes, *, inputs: Iterable[Path] = (), force: bool = False, mode: int = 0o666
) -> None:
    """Write a whole file or nothing; raises OutputError."""
    with replacing(path, inputs=inputs, force=force, mode=mode) as draft:
        draft.write_bytes(data)


def write_text(
    path: Path, text: str, *, inputs: Iterable[Path] = (), force: bool = False, mode: int = 0o666
) -> None:
    """Write a whole UTF-8 file or nothing; raises OutputError."""
    write_bytes(path, text.encode(), inputs=inputs, force=force, mode=mode)


def erase_file(path: Path) -> None:
    """Overwrite and remove a file that holds a secret; raises OutputError.

    On a disk that copies on write a passphrase is the second lock.
    """
    try:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            system.sync_file(file)
        path.unlink()
    except OSError as error:
        raise OutputError(
            f"{path}: {reason(error)}", hint="erase this file, and every copy of it"
        ) from None


def reason(error: OSError) -> str:
    """What the operating system said, without the path that it would repeat."""
    # Arrow raises FileNotFoundError without the system's text.
    missing = os.strerror(errno.ENOENT) if isinstance(error, FileNotFoundError) else None
    return (error.strerror or missing or "cannot be used").lower()


def _remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room on the disk; nothing was written"
    return "check the folder's permissions; nothing was written"
