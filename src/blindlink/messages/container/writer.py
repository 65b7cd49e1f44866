"""Writing a container: sections first, into a spool of ciphertext, then the manifest in front.

See ``container`` for the shape and an example.
"""

import io
import shutil
import struct
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from blindlink.files import replacing
from blindlink.keys import Entropy, PartyKeys, PartyPublic, system_entropy
from blindlink.keys.files import encode
from blindlink.messages import canonical
from blindlink.messages.container.manifest import (
    Cipher,
    Manifest,
    Section,
    binding,
    format_of,
    stream_key,
)
from blindlink.messages.container.stream import StreamWriter
from blindlink.messages.fields import stamp

LENGTH = struct.Struct(">I")
BLOCK = 1024 * 1024


def new_bundle(entropy: Entropy = system_entropy) -> str:
    """A fresh bundle id: 128 random bits as hex."""
    return entropy(16).hex()


class _Hashing(io.RawIOBase):
    """Passes bytes on to ``sink`` and keeps their number and digest."""

    def __init__(self, sink: IO[bytes]) -> None:
        self._sink, self._hash, self.size = sink, sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._sink.write(data)
        self._hash.update(data)
        self.size += size
        return size

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


@dataclass
class Writer:
    """A container in the making: add its sections in order, then set ``content``."""

    kind: str
    sender: PartyKeys
    agreement: str
    bundle: str
    created: str
    expires: str
    spool: IO[bytes]
    entropy: Entropy
    content: dict[str, Any] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)

    @contextmanager
    def section(self, name: str, recipient: PartyPublic) -> Iterator[StreamWriter]:
        """A file whose bytes are sealed to ``recipient`` as a stream."""
        with self._added(name, "stream", recipient) as (sink, content_key, bound):
            writer = StreamWriter(sink, *stream_key(content_key, bound))
            yield writer
            writer.finish()

    @contextmanager
    def blobs(self, name: str, recipient: PartyPublic) -> Iterator[tuple[IO[bytes], bytes]]:
        """A file for the caller's own ciphertext, and a 32-byte key sealed to ``recipient``."""
        with self._added(name, "blobs", recipient) as (sink, content_key, _):
            yield sink, content_key

    @contextmanager
    def _added(
        self, name: str, cipher: Cipher, recipient: PartyPublic
    ) -> Iterator[tuple[Any, bytes, bytes]]:
        """Where the ciphertext goes, the content key, and what the section is bound to."""
        to, content_key = recipient.fingerprint(), self.entropy(32)
        sender = self.sender.public.fingerprint()
        bound = binding(format_of(self.kind), self.agreement, self.bundle, sender, to, name)
        sink = _Hashing(self.spool)
        yield sink, content_key, bound
        self.sections.append(
            Section(
                name=name,
                cipher=cipher,
                recipient=to,
                key=encode(recipient.seal(content_key, bound)),
                size=sink.size,
                digest=sink.hexdigest(),
            )
        )

    def manifest(self) -> Manifest:
        """The manifest of what was added so far."""
        return Manifest(
            format=format_of(self.kind),
            bundle=self.bundle,
            agreement=self.agreement,
            sender=self.sender.public.fingerprint(),
            created=self.created,
            expires=self.expires,
            content=self.content,
            sections=tuple(self.sections),
        )


@contextmanager
def create(
    path: Path,
    kind: str,
    *,
    sender: PartyKeys,
    agreement: str,
    bundle: str,
    now: datetime,
    expires: datetime,
    inputs: Iterable[Path] = (),
    force: bool = False,
    entropy: Entropy = system_entropy,
) -> Iterator[Writer]:
    """Write a container when the block ends without an error; raises OutputError."""
    with (
        replacing(path, inputs=inputs, force=force) as target,
        tempfile.TemporaryFile(dir=path.parent) as spool,
        target.open("wb") as out,
    ):
        writer = Writer(kind, sender, agreement, bundle, stamp(now), stamp(expires), spool, entropy)
        yield writer
        manifest = writer.manifest().to_bytes()
        signatures = sender.sign(manifest, domain=format_of(kind))
        out.write(format_of(kind).encode("ascii") + b"\n")
        for part in (manifest, canonical.dumps(signatures.model_dump())):
            out.write(LENGTH.pack(len(part)) + part)
        spool.seek(0)
        shutil.copyfileobj(spool, out, BLOCK)
