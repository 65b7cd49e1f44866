"""The linker's private keys, as workers hold them.

A folder of key files, one for each project, each encrypted under a passphrase that comes through a
file descriptor, a service credential or a private file: never the environment or the command line.
Destroying a project erases its key file. Keep the folder out of backups.
"""

import os
import secrets
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blindlink.errors import BlindlinkError, KeyFileError
from blindlink.keys import PartyKeys
from blindlink.keys.files import LIMIT, read_private, write_private

CREDENTIALS = "CREDENTIALS_DIRECTORY"  # where systemd puts what LoadCredential= names
CREDENTIAL = "blindlink-passphrase"
PATTERN = "*.key"
# systemd lets the service's user in by an access list, which shows as bits of the group.
EXPOSED = 0o007

IDENTITY = "holder.ed25519"
# Argon2id in several threads of a process at once never returned: each waited for its lanes.
OPENING = threading.Lock()

Passphrase = Callable[[], bytes]


class Keyring:
    """The key files of a folder, opened on demand and kept open."""

    def __init__(self, folder: Path, passphrase: Passphrase) -> None:
        self.folder, self._passphrase = folder, passphrase
        self._open: dict[str, PartyKeys] = {}

    @cached_property
    def identity(self) -> Ed25519PrivateKey:
        """The folder's own key, with which it signs that a key file is erased. Raises KeyFileError.

        Made at the first need. Workers that share a folder share it.
        """
        path = self.folder / IDENTITY
        if not path.exists():
            draft = path.with_name(f".{IDENTITY}.{secrets.token_hex(4)}")
            write_private(draft, secrets.token_bytes(32))
            with suppress(FileExistsError):  # of two that make one at once, the first one counts
                os.link(draft, path)
            draft.unlink()
        data = read_private(path)
        if len(data) != 32:
            raise KeyFileError(f"{path}: not the key of a key folder")
        return Ed25519PrivateKey.from_private_bytes(data)

    @property
    def holder(self) -> str:
        """The folder's public key in hex, by which logs name it."""
        return self.identity.public_key().public_bytes_raw().hex()

    def files(self) -> dict[str, Path]:
        """Fingerprint and path of every linker's key file, by what the files say of themselves."""
        found = {}
        for path in sorted(self.folder.glob(PATTERN)):
            with suppress(BlindlinkError):
                public = PartyKeys.peek(path)
                if public.role == "linker":
                    found[public.fingerprint()] = path
        return found

    def keys(self, fingerprint: str) -> PartyKeys:
        """The private keys of a linker. Raises KeyFileError."""
        with OPENING:
            return self._keys(fingerprint)

    def _keys(self, fingerprint: str) -> PartyKeys:
        if fingerprint not in self._open:
            path = self.files().get(fingerprint)
            if path is None:
                raise KeyFileError(
                    f"no key file of the linker {fingerprint}",
                    hint="put the linker's key file of this project into the key folder",
                )
            self._open[fingerprint] = PartyKeys.load(path, self._passphrase())
        return self._open[fingerprint]

    def erase(self, fingerprint: str) -> bool:
        """Erase the key file of a linker for ever; False where there is none any more.

        Raises OutputError when the file cannot be erased.
        """
        from blindlink.files import erase_file

        self._open.pop(fingerprint, None)
        path = self.files().get(fingerprint)
        if path is None:
            return False
        erase_file(path)
        return True


def passphrase_from(file: Path | None, descriptor: int | None) -> Passphrase:
    """Where the passphrase comes from: a descriptor, a file, else the service credential.

    It is read once, at the start. Raises KeyFileError.
    """
    if descriptor is not None:
        data = _read(descriptor)
    else:
        data = read_private(file) if file else read_private(_credential(), exposed=EXPOSED)
    first = data.split(b"\n", 1)[0].removesuffix(b"\r")
    if not first:
        raise KeyFileError("the passphrase of the linker's keys is empty")
    return lambda: first


def _read(descriptor: int) -> bytes:
    try:
        with os.fdopen(descriptor, "rb") as file:
            return file.read(LIMIT)
    except OSError:
        raise KeyFileError(
            f"file descriptor {descriptor}: cannot be read",
            hint="open it for the worker: blindlink worker --passphrase-fd 3 3<FILE",
        ) from None


def _credential() -> Path:
    folder = os.environ.get(CREDENTIALS)
    if folder is None:
        raise KeyFileError(
            "no passphrase of the linker's keys",
            hint="give --passphrase-file or --passphrase-fd, or a service credential named "
            f"{CREDENTIAL}",
        )
    return Path(folder) / CREDENTIAL
