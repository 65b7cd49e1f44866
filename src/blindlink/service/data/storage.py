"""Where submissions, their parts and releases lie: a folder, or whatever fsspec reaches (S3).

    key = storage.new(number, "parts")                a random name under the project's own prefix
    with storage.write(key) as out: ...               whole or not at all
    with storage.local(key, scratch) as path: ...     a file of this machine
    storage.read(key, start, size)                    blocks of bytes

Names are ours alone and say nothing; nothing that a client sent becomes part of one, and nothing is
believed because of where it lies.
"""

import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from blindlink.errors import ServiceError
from blindlink.system import sync, sync_file

BLOCK = 1024 * 1024
FOREIGN = "give every service a storage of its own"
MARKER, ASIDE = "blindlink-service", "quarantine"
KEY = re.compile(r"p[0-9]{1,9}/(parts|submissions|releases)/[0-9a-f]{32}", re.ASCII)


@contextmanager
def _reached() -> Iterator[None]:
    """A storage that is away is an OSError, as a disk is, whatever its library raises."""
    try:
        yield
    except (OSError, TypeError):  # the latter is a mistake of ours
        raise
    except Exception as error:
        raise OSError(errno.EIO, f"the storage failed ({type(error).__name__})") from None


class _Far:
    """A file that is written to a storage elsewhere."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        with _reached():
            return int(self._file.write(data))


class Storage:
    """Objects by key. Whatever fails outside of this process is an OSError."""

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url)
        self.is_local = isinstance(self._fs, LocalFileSystem)

    def take(self, service: str) -> None:
        """Mark an empty storage as this service's. Raises ServiceError for one that is another's.

        Two services on one storage would each take the other's files for leftovers.
        """
        found = self._marker()
        if found is None:
            if next(iter(self.listing()), None) is not None:
                raise ServiceError(
                    "the storage has files and does not say of which service",
                    hint="give this service a storage of its own, or restore the one that it "
                    "belongs to; see docs/how-to/operate-the-service.md",
                )
            self._write_marker(service)
            found = self._marker()
        if found != service:
            raise ServiceError("the storage belongs to another service", hint=FOREIGN)

    def check_owner(self, service: str) -> None:
        """Raises ServiceError unless the storage is marked as this service's, OSError when away."""
        if self._marker() != service:
            raise ServiceError("the storage is not this service's, or has vanished", hint=FOREIGN)

    def leave(self) -> None:
        """Take the mark away from a storage that is empty again."""
        if next(iter(self.listing()), None) is None:
            self._remove(f"{self._root}/{MARKER}")

    def _marker(self) -> str | None:
        try:
            with _reached():
                self._fs.invalidate_cache()
                data = self._fs.cat_file(f"{self._root}/{MARKER}")
        except FileNotFoundError:
            return None
        return bytes(data[:64]).decode("ascii", "replace").strip()

    def _write_marker(self, service: str) -> None:
        if self.is_local:
            root = Path(self._root)
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(PermissionError):
                root.chmod(0o700)
            with suppress(FileExistsError):  # of two services that come at once one has it
                file = os.open(root / MARKER, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                os.write(file, service.encode() + b"\n")
                os.close(file)
            return
        with _reached():
            self._fs.pipe_file(f"{self._root}/{MARKER}", service.encode() + b"\n")

    def put_aside(self, key: str) -> None:
        """Move what ``listing`` named into quarantine."""
        with suppress(FileNotFoundError), _reached():
            target = f"{self._root}/{ASIDE}/{key}"
            if self.is_local:
                _folder(Path(target).parent)
            self._fs.mv(f"{self._root}/{key}", target)

    def erase_aside(self, key: str) -> None:
        """Erase what lies in quarantine."""
        self._remove(f"{self._root}/{ASIDE}/{key}")

    @staticmethod
    def new(project: int, kind: str) -> str:
        """A fresh key."""
        return f"p{project}/{kind}/{secrets.token_hex(16)}"

    @contextmanager
    def write(self, key: str) -> Iterator[IO[bytes]]:
        """A file that becomes the object when the block ends without an error. Raises OSError."""
        path = self._path(key)
        with self._draft(Path(path)) if self.is_local else self._remote(path) as out:
            yield out

    def put(self, source: Path, key: str) -> None:
        """Store a file of this machine; the file itself may go."""
        if self.is_local:
            with suppress(OSError):
                sync(source)
                target = Path(self._path(key))
                _folder(target.parent)
                source.chmod(0o600)
                source.replace(target)
                return
        with source.open("rb") as file, self.write(key) as out:
            shutil.copyfileobj(file, out, BLOCK)

    @contextmanager
    def local(self, key: str, scratch: Path) -> Iterator[Path]:
        """The object as a file to be read only; fetched into ``scratch`` where it lies far away."""
        if self.is_local:
            yield Path(self._path(key))
            return
        path = scratch / key.rsplit("/", 1)[-1]
        try:
            with _reached():
                self._fs.get_file(self._path(key), str(path))
            yield path
        finally:
            path.unlink(missing_ok=True)

    def read(self, key: str, start: int = 0, size: int | None = None) -> Iterator[bytes]:
        """The bytes of an object in blocks."""
        path = self._path(key)
        with _reached(), self._fs.open(path, "rb") as file:
            file.seek(start)
            while size is None or size > 0:
                block = file.read(BLOCK if size is None else min(BLOCK, size))
                if not block:
                    return
                size = None if size is None else size - len(block)
                yield block

    def size(self, key: str) -> int:
        """Bytes of an object."""
        path = self._path(key)
        with _reached():
            return int(self._fs.size(path))

    def erase(self, keys: Iterable[str]) -> None:
        """Erase objects; those that are gone already are no error."""
        for path in map(self._path, keys):
            self._remove(path)

    def erase_project(self, number: int) -> None:
        """Erase everything of a project."""
        with suppress(FileNotFoundError), _reached():
            self._fs.invalidate_cache()  # other processes wrote here too
            self._fs.rm(f"{self._root}/p{number:d}", recursive=True)
        with suppress(FileNotFoundError), _reached():
            self._fs.rm(f"{self._root}/{ASIDE}/p{number:d}", recursive=True)

    def listing(self) -> Iterator[tuple[str, float, int]]:
        """Key, age in seconds and size of every object."""
        try:
            with _reached():
                self._fs.invalidate_cache()
                found: dict[str, Any] = self._fs.find(self._root, detail=True)
        except FileNotFoundError:
            return
        for path, facts in found.items():
            key = path.removeprefix(f"{self._root}/")
            if key == MARKER or key.startswith(f"{ASIDE}/"):
                continue
            yield key, _age(facts), int(facts["size"])

    def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError), _reached():
            self._fs.rm_file(path)

    def room(self) -> tuple[int, int] | None:
        """Free and all bytes of the disk; None where the storage is no folder of this machine."""
        if not self.is_local:
            return None
        usage = shutil.disk_usage(self._root if Path(self._root).exists() else Path.cwd())
        return usage.free, usage.total

    def check(self) -> None:
        """Raises OSError unless a small object can be written, read and erased."""
        key = self.new(0, "parts")
        with self.write(key) as out:
            out.write(b"ready?")
        self.erase([key])

    def _path(self, key: str) -> str:
        if not KEY.fullmatch(key):
            raise ValueError("not a key of this storage")
        return f"{self._root}/{key}"

    @contextmanager
    def _draft(self, path: Path) -> Iterator[IO[bytes]]:
        _folder(path.parent)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        try:
            with os.fdopen(
                os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb"
            ) as out:
                yield out
                sync_file(out)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    @contextmanager
    def _remote(self, path: str) -> Iterator[Any]:
        with _reached():
            out = self._fs.open(path, "wb", autocommit=False)
        try:
            yield _Far(out)
            with _reached():
                out.close()
                out.commit()
        except BaseException:
            with suppress(OSError), _reached():
                out.discard()
                self._fs.rm_file(path)  # some file systems have it at once
            with suppress(AttributeError):
                out.closed = True  # else fsspec sends the rest when it collects the garbage
            raise


def _folder(path: Path) -> None:
    """Make a folder and what is above it, for the service's own user only."""
    if not path.is_dir():
        _folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def _age(facts: dict[str, Any]) -> float:
    """Seconds since an object was written; 0 where the file system does not say."""
    found = facts.get("LastModified") or facts.get("mtime") or facts.get("created")
    if found is None:
        return 0.0
    return time.time() - (found.timestamp() if hasattr(found, "timestamp") else float(found))
