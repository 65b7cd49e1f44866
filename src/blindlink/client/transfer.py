"""Large files: up in parts that can be resumed, down with ranges, both checked by digest."""

import base64
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import urllib3

from blindlink.client.connection import ATTEMPTS, PAUSE, Connection, RefusalError
from blindlink.errors import InputError, ServiceError
from blindlink.files import reason, replacing
from blindlink.messages.http import PART_BYTES, PART_TYPE
from blindlink.progress import Progress, silent

LIMIT = re.compile(r"max-append-size=([1-9][0-9]{0,14})", re.ASCII)
BLOCK = 1024 * 1024


@dataclass(frozen=True)
class Source:
    """A file to be sent, by its size and SHA-256."""

    path: Path
    size: int
    digest: str

    @classmethod
    def of(cls, path: Path) -> "Source":
        """Read the file once. Raises InputError."""
        total, size = sha256(), 0
        try:
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    total.update(block)
                    size += len(block)
        except OSError as error:
            raise InputError(f"{path}: {reason(error)}") from None
        return cls(path, size, total.hexdigest())

    def parts(self, start: int, size: int) -> Iterator[tuple[int, bytes]]:
        """Offset and bytes of the parts from ``start`` on."""
        with self.path.open("rb") as file:
            file.seek(start)
            while data := file.read(size):
                yield start, data
                start += len(data)


def send(
    connection: Connection, location: str, source: Source, progress: Progress = silent
) -> None:
    """Send what the service does not have yet. Raises ServiceError."""
    while True:
        answer = connection.call("HEAD", location)
        offset = int(answer.headers.get("upload-offset", "0"))
        progress(offset, source.size)
        if answer.headers.get("upload-complete") == "?1":
            return
        try:
            size = min(PART_BYTES, _part_limit(answer.headers.get("upload-limit", "")))
            for start, data in source.parts(offset, size):
                end = start + len(data)
                _send_part(connection, location, start, data, complete=end == source.size)
                progress(end, source.size)
        except RefusalError as error:
            if error.status != 409 or not _is_offset(error):
                raise


def _part_limit(text: str) -> int:
    found = LIMIT.search(text)
    return int(found[1]) if found else PART_BYTES


def _send_part(
    connection: Connection, location: str, start: int, data: bytes, *, complete: bool
) -> None:
    headers = {
        "Content-Type": PART_TYPE,
        "Upload-Offset": str(start),
        "Upload-Complete": "?1" if complete else "?0",
    }
    connection.call("PATCH", location, body=data, headers=headers)


def _is_offset(error: RefusalError) -> bool:
    """Whether a part came twice because the answer to the first one was lost."""
    kind = str(error.document.get("type", ""))
    return kind.endswith(("#mismatching-upload-offset", "#completed-upload"))


def fetch(
    connection: Connection, path: str, out: Path, *, force: bool, progress: Progress = silent
) -> str:
    """Download into ``out``, whole or not at all; returns the SHA-256 that was checked.

    Goes on from where a broken line stopped. Raises ServiceError or OutputError.
    """
    with replacing(out, force=force) as draft, draft.open("r+b") as file:
        total, state = sha256(), _Download()
        pause = PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                for block in _blocks(connection, path, state):
                    file.write(block)
                    total.update(block)
                    progress(state.done, state.size)
            except (urllib3.exceptions.HTTPError, OSError):
                if attempt == ATTEMPTS:
                    raise ServiceError("the download broke off too often") from None
            if state.size and state.done == state.size:
                break
            time.sleep(pause)
            pause *= 2
        digest = total.digest()
        if state.digest != f"sha-256=:{base64.b64encode(digest).decode()}:":
            raise ServiceError(f"{out}: does not have the digest that the service gave")
    return digest.hex()


@dataclass
class _Download:
    done: int = 0
    size: int = 0
    digest: str = ""


def _blocks(connection: Connection, path: str, state: _Download) -> Iterator[bytes]:
    headers = {"Range": f"bytes={state.done}-"} if state.done else {}
    response: Any = connection.stream(path, headers)
    try:
        if state.done and response.status != 206:
            raise ServiceError("the service does not go on with a download")
        rest = int(response.headers.get("content-length", "0"))
        state.size = state.done + rest
        state.digest = response.headers.get("repr-digest", "")
        for block in response.stream(BLOCK):
            state.done += len(block)
            yield block
    finally:
        response.release_conn()
