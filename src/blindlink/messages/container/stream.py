"""AES-256-GCM in chunks of 64 KiB: the STREAM construction, as in age.

    StreamWriter(sink, key, aad)          a file to write plain bytes to; finish() ends it
    StreamReader(source, size, key, aad)  a file to read them from; VerificationError
    sealed_size(n)                        bytes that n plain bytes become

The nonce is an 11-byte counter and a byte that is 1 for the last chunk only, so chunks cannot be
swapped, dropped, repeated or cut off. The last chunk may be empty only when the whole is. A key
encrypts one stream. (Hoang, Reyhanitabar, Rogaway, Vizar: Online authenticated encryption, 2015.)
"""

import io
from typing import IO, Any, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from blindlink.errors import VerificationError

CHUNK = 64 * 1024
TAG = 16


def sealed_size(plain: int) -> int:
    """Bytes of the stream that ``plain`` bytes become."""
    return plain + TAG * max(1, -(-plain // CHUNK))


def plain_size(sealed: int) -> int:
    """Plain bytes of a stream of ``sealed`` bytes; raises ValueError when none has it."""
    chunks = -(-sealed // (CHUNK + TAG))
    plain = sealed - TAG * chunks
    if plain < 0 or sealed_size(plain) != sealed:
        raise ValueError("no stream has this size")
    return plain


def _nonce(counter: int, last: bool) -> bytes:
    return counter.to_bytes(11, "big") + bytes((last,))


class StreamWriter(io.RawIOBase):
    """Encrypts what is written to it into ``sink``, which it leaves open."""

    def __init__(self, sink: IO[bytes], key: bytes, aad: bytes) -> None:
        self._sink, self._cipher, self._aad = sink, AESGCM(key), aad
        self._pending = bytearray()
        self._counter = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Take bytes of any length. The last full chunk waits: it may prove to be the last."""
        view = memoryview(data).cast("B")
        start = min(CHUNK - len(self._pending), len(view))
        self._pending += view[:start]
        if start == len(view):
            return start
        self._emit(self._pending, last=False)
        while len(view) - start > CHUNK:
            self._emit(view[start : start + CHUNK], last=False)
            start += CHUNK
        self._pending = bytearray(view[start:])
        return len(view)

    def finish(self) -> None:
        """Write the last chunk. Without it the stream does not open."""
        self._emit(self._pending, last=True)

    def _emit(self, chunk: bytearray | memoryview, *, last: bool) -> None:
        self._sink.write(self._cipher.encrypt(_nonce(self._counter, last), chunk, self._aad))
        self._counter += 1


class Readable(Protocol):
    """Anything to read ciphertext from."""

    def read(self, size: int, /) -> bytes | None: ...


class StreamReader(io.RawIOBase):
    """Decrypts ``size`` bytes of ``source``; gives nothing that is not authenticated."""

    def __init__(self, source: Readable, size: int, key: bytes, aad: bytes, where: str) -> None:
        self._source, self._left, self._where = source, size, where
        self._cipher, self._aad = AESGCM(key), aad
        self._chunk = memoryview(b"")
        self._counter = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._chunk and self._left:
            self._chunk = memoryview(self._next())
        view = memoryview(buffer).cast("B")
        taken = min(len(view), len(self._chunk))
        view[:taken] = self._chunk[:taken]
        self._chunk = self._chunk[taken:]
        return taken

    def _next(self) -> bytes:
        sealed = self._source.read(min(self._left, CHUNK + TAG)) or b""
        self._left -= len(sealed)
        try:
            nonce = _nonce(self._counter, last=not self._left)
            plain = self._cipher.decrypt(nonce, sealed, self._aad)
        except (InvalidTag, ValueError):
            number = self._counter + 1
            raise VerificationError(f"{self._where}: chunk {number} does not decrypt") from None
        self._counter += 1
        return plain
