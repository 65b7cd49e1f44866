"""The file shape of a submission and a release: signed manifest, then sections sealed to parties.

    blindlink-<kind>-v1 LF
    4 bytes length, manifest        canonical JSON (class Manifest)
    4 bytes length, signatures      canonical JSON {"ed25519": .., "mldsa65": ..} over the manifest
    sections                        one after the other, as the manifest lists them; nothing behind

Writing (whole file or nothing; sections are streamed, only their ciphertext touches the disk)::

    with container.create(path, "submission", sender=keys, agreement=digest, bundle=new_bundle(),
                          now=now, expires=moment) as writer:
        with writer.section("encodings", linker) as out:      # a file of plain bytes
            out.write(...)
        with writer.blobs("payload", analyst) as (out, key):  # out takes your own ciphertext;
            out.write(...)                                   # key (32 bytes) is sealed to analyst
        writer.content = {...}                               # what the kind adds to the manifest

Reading (nothing of a section is reachable before verify)::

    with container.opened(path, "submission") as sealed:     # FormatError: not exactly this shape
        sealed.manifest                                      # not yet to be trusted
        verified = sealed.verify(sender, agreement=digest, now=now)
        verified.open("encodings", keys)                     # a buffered file of plain bytes
        verified.key("payload", keys)                        # the content key, 32 bytes
        verified.raw("payload"), verified.read_at("payload", offset, size)    # ciphertext
        verified.manifest_bytes, verified.signatures           # to be carried in another file

``manifest.verify_manifest`` checks a manifest that another file carries along. Every section is
bound to format, agreement, bundle, sender, recipient and its name.
"""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from blindlink.errors import FormatError, InputError, VerificationError
from blindlink.files import open_regular, reason
from blindlink.keys import PartyKeys, PartyPublic, Signatures
from blindlink.messages import canonical
from blindlink.messages.container.manifest import (
    MANIFEST_LIMIT,
    Manifest,
    format_of,
    parse_manifest,
    stream_key,
    verify_manifest,
)
from blindlink.messages.container.stream import CHUNK, StreamReader
from blindlink.messages.container.writer import BLOCK, LENGTH, Writer, create, new_bundle
from blindlink.messages.fields import parse

SIGNATURES_LIMIT = 16 * 1024
FIRST_LINE = 128

__all__ = [
    "Container",
    "Verified",
    "Writer",
    "create",
    "kind_of",
    "new_bundle",
    "open_section",
    "opened",
]


@dataclass(frozen=True)
class Container:
    """A container of the right shape, not yet verified: believe nothing that it says."""

    where: str
    kind: str
    file: IO[bytes]
    manifest: Manifest
    manifest_bytes: bytes
    signatures: Signatures
    start: int  # of the first section

    def verify(self, sender: PartyPublic, *, agreement: str, now: datetime) -> "Verified":
        """Sender, signatures, agreement, expiry, then the digest of every section, in this order.

        Raises VerificationError, or AgreementError for agreement and expiry.
        """
        verify_manifest(self.manifest_bytes, self.signatures, self.kind, sender, self.where)
        self.manifest.check(agreement=agreement, now=now, where=self.where)
        verified = Verified(self)
        for section in self.manifest.sections:
            if _digest(verified.raw(section.name)) != section.digest:
                raise VerificationError(
                    f"{self.where}: section '{section.name}': digest does not fit"
                )
        return verified


@dataclass(frozen=True)
class Verified:
    """A container whose sender, signatures, agreement, expiry and digests are right."""

    container: Container

    @property
    def manifest(self) -> Manifest:
        return self.container.manifest

    @property
    def manifest_bytes(self) -> bytes:
        return self.container.manifest_bytes

    @property
    def signatures(self) -> Signatures:
        return self.container.signatures

    def key(self, name: str, keys: PartyKeys) -> bytes:
        """The content key of a section, 32 bytes; VerificationError when not sealed to ``keys``."""
        try:
            return self.manifest.unwrap(name, keys)
        except VerificationError as error:
            raise VerificationError(
                f"{self.container.where}: section '{name}': {error.message}", hint=error.hint
            ) from None

    def open(self, name: str, keys: PartyKeys) -> io.BufferedReader:
        """The plain bytes of a ``stream`` section as a file; VerificationError as it is read."""
        section, where = self.manifest.section(name), f"{self.container.where}: section '{name}'"
        if section.cipher != "stream":
            raise FormatError(f"{where}: is not a stream")
        bound = self.manifest.binding(section)
        key, aad = stream_key(self.key(name, keys), bound)
        reader = StreamReader(self._slice(name), section.size, key, aad, where)
        return io.BufferedReader(reader, CHUNK)

    def raw(self, name: str) -> io.BufferedReader:
        """The ciphertext of a section as a file that can seek."""
        return io.BufferedReader(self._slice(name), BLOCK)

    def read_at(self, name: str, offset: int, size: int) -> bytes:
        """``size`` bytes of a section's ciphertext from ``offset``; FormatError beyond its end."""
        part = self._slice(name)
        part.seek(offset)
        data = part.read(size) or b""
        if len(data) != size or offset < 0:
            raise FormatError(f"{self.container.where}: section '{name}': no bytes there")
        return data

    def _slice(self, name: str) -> "_Slice":
        start = self.container.start
        for section in self.manifest.sections:
            if section.name == name:
                return _Slice(self.container.file, start, section.size)
            start += section.size
        raise FormatError(f"{self.container.where}: has no section '{name}'")


def open_section(
    manifest: Manifest, name: str, sealed: bytes, keys: PartyKeys, where: str
) -> bytes:
    """The plain bytes of a ``stream`` section that another file carries along.

    Its digest has been compared with that of the verified manifest. Raises VerificationError.
    """
    section = manifest.section(name)
    key, aad = stream_key(manifest.unwrap(name, keys), manifest.binding(section))
    with io.BufferedReader(
        StreamReader(io.BytesIO(sealed), section.size, key, aad, where)
    ) as plain:
        return plain.read()


class _Slice(io.RawIOBase):
    """A part of an open file, with a position of its own: several can be read in turn."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = min(max(base + offset, 0), self._size)
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._start + self._at)
        data = self._file.read(min(len(view), self._size - self._at))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def kind_of(path: Path) -> str:
    """The kind that the first line names, such as ``submission``. InputError or FormatError."""
    try:
        with open_regular(path) as file:
            first = file.read(FIRST_LINE).partition(b"\n")[0]
    except OSError as error:
        raise InputError(f"{path}: {reason(error)}", hint="check the path") from None
    kind = first.removeprefix(b"blindlink-").removesuffix(b"-v1")
    if len(kind) != len(first) - len(b"blindlink--v1") or not kind.isascii():
        raise FormatError(f"{path}: header: not a container of blindlink")
    return kind.decode("ascii")


@contextmanager
def opened(path: Path, kind: str) -> Iterator[Container]:
    """Open a container and check its shape; raises InputError (unreadable) or FormatError.

    Sizes are held against the size of the file before anything is allocated.
    """
    with open_regular(path) as file:
        yield _read_head(file, kind, str(path))


def _read_head(file: IO[bytes], kind: str, where: str) -> Container:
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        raise FormatError(f"{where}: is not a regular file")
    first = format_of(kind).encode("ascii") + b"\n"
    if file.read(len(first)) != first:
        raise FormatError(f"{where}: header: not a {format_of(kind)} file")
    manifest_bytes = _part(file, "manifest", MANIFEST_LIMIT, where)
    signature_bytes = _part(file, "signatures", SIGNATURES_LIMIT, where)
    manifest = parse_manifest(manifest_bytes, kind, where)
    value = canonical.loads(signature_bytes, f"{where}: signatures")
    signatures = parse(Signatures, value, f"{where}: signatures")
    start = file.tell()
    if start + sum(section.size for section in manifest.sections) != status.st_size:
        raise FormatError(f"{where}: size: not what the manifest declares")
    return Container(where, kind, file, manifest, manifest_bytes, signatures, start)


def _part(file: IO[bytes], what: str, limit: int, where: str) -> bytes:
    head = file.read(LENGTH.size)
    size = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else 0
    if size > limit:
        raise FormatError(f"{where}: {what}: larger than {limit} bytes")
    data = file.read(size)
    if not size or len(data) != size:
        raise FormatError(f"{where}: {what}: cut off")
    return data


def _digest(file: IO[bytes]) -> str:
    total = sha256()
    while block := file.read(BLOCK):
        total.update(block)
    return total.hexdigest()
