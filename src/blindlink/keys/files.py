"""Private files: small, made with mode 0600, and refused when anybody else could read them."""

import base64
import binascii
import os
import stat
from pathlib import Path

from blindlink.errors import KeyFileError
from blindlink.files import PRIVATE, reason, write_bytes
from blindlink.system import MODES_PROTECT

LIMIT = 64 * 1024  # the largest key file of ours is about 6 KB
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_private(path: Path, *, exposed: int = OTHERS) -> bytes:
    """The content of a key file; raises KeyFileError when it is missing, too large or exposed.

    ``exposed``: the bits of the mode that expose it. The mode is that of the opened file itself, so
    nobody can swap it between check and use.
    """
    try:
        with path.open("rb") as file:
            if MODES_PROTECT and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & exposed:
                raise KeyFileError(
                    f"{path}: other users can read this key", hint=f"run: chmod 600 {path}"
                )
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise KeyFileError(f"{path}: {reason(error)}") from None
    if len(data) > LIMIT:
        raise KeyFileError(f"{path}: too large for a key file")
    return data


def write_private(path: Path, data: bytes, *, force: bool = False) -> None:
    """Write a key file that only its owner can read; raises OutputError."""
    write_bytes(path, data, force=force, mode=PRIVATE)


def lines_of(data: bytes, first: str, count: int, path: Path) -> list[str]:
    """The lines of a key file that begins with ``first`` and has exactly ``count`` lines."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    lines = text.split("\n")
    if lines[0] != first:
        raise KeyFileError(f"{path}: not a {first} file")
    if len(lines) != count + 1 or lines[-1]:
        raise KeyFileError(f"{path}: malformed: not exactly {count} lines")
    return lines[:-1]


def encode(data: bytes) -> str:
    """Base64 with padding, the only form that ``decode`` takes back."""
    return base64.b64encode(data).decode("ascii")


def decode(text: str, size: int | None = None) -> bytes:
    """Strict base64 of ``size`` bytes; raises ValueError for any other spelling of them."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if encode(data) != text:
        raise ValueError("not canonical base64")
    if size is not None and len(data) != size:
        raise ValueError(f"not {size} bytes")
    return data
