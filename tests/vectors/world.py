"""The parties, the moment and the files that all vectors share.

``base/`` holds the sound files of one small study, made once by ``make_vectors.py --base`` with
the product itself. Vectors are made from these, so that a better encoder or scorer changes none.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blindlink.keys import PartyKeys
from blindlink.messages import canonical
from blindlink.messages.agreement.document import SignedAgreement, read_agreement
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest, format_of
from worlds import parties

FOLDER = Path(__file__).parent
BASE = FOLDER / "base"
NOW = parties.NOW
LATER = parties.LATER
PASSPHRASE = parties.PASSPHRASE
secret = parties.secret
Document = dict[str, Any]


def keys(name: str) -> PartyKeys:
    """The keys of a party of the vectors' world."""
    return parties.keys(name)


@dataclass(frozen=True)
class Vector:
    """One file and what must happen to it.

    ``expect``: ``accept`` or the class of the error; ``step``: the step of the format's page that
    must fail; ``message``: what our own error says of it.
    """

    file: str
    data: bytes
    expect: str
    step: str
    message: str
    why: str

    def entry(self) -> Document:
        """Its line in vectors.json."""
        return {
            "file": self.file,
            "expect": self.expect,
            "step": self.step,
            "message": self.message,
            "why": self.why,
        }


def told(data: bytes, rest: Sequence[Any]) -> tuple[bytes, str, str, str]:
    """A faulty file with its error, the step that must fail and what our own error says."""
    expect, step, message = rest
    return data, expect, step, message


def agreement() -> SignedAgreement:
    """The agreement of the base study, signed by all."""
    return read_agreement(BASE / "study.agreement")


# ------------------------------------------------------------- containers, taken apart and rebuilt


def split(data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """First line, manifest, signatures and sections of a container."""
    first, _, rest = data.partition(b"\n")
    parts = []
    for _ in range(2):
        size = struct.unpack(">I", rest[:4])[0]
        parts.append(rest[4 : 4 + size])
        rest = rest[4 + size :]
    return first, parts[0], parts[1], rest


def joined(first: bytes, manifest: bytes, signatures: bytes, sections: bytes) -> bytes:
    """A container of four parts."""
    framed = b"".join(struct.pack(">I", len(part)) + part for part in (manifest, signatures))
    return first + b"\n" + framed + sections


def resigned(data: bytes, edit: Callable[[Document], Any], signer: PartyKeys, kind: str) -> bytes:
    """The container with its manifest edited and signed again: a fault of the sender itself."""
    first, manifest, _, sections = split(data)
    document = canonical.loads(manifest)
    edit(document)
    changed = canonical.dumps(document)
    signatures = signer.sign(changed, domain=format_of(kind)).model_dump()
    return joined(first, changed, canonical.dumps(signatures), sections)


def plain_sections(path: Path, kind: str, readers: Mapping[str, PartyKeys]) -> dict[str, bytes]:
    """The plain bytes of every stream section and the ciphertext of every other."""
    found = {}
    with container.opened(path, kind) as sealed:
        bundle = container.Verified(sealed)
        for section in sealed.manifest.sections:
            if section.cipher == "stream":
                found[section.name] = bundle.open(section.name, readers[section.name]).read()
            else:
                found[section.name] = bundle.raw(section.name).read()
    return found


def content_keys(path: Path, kind: str, readers: Mapping[str, PartyKeys]) -> list[bytes]:
    """The content keys of a container's sections, in their order."""
    with container.opened(path, kind) as sealed:
        bundle = container.Verified(sealed)
        return [bundle.key(s.name, readers[s.name]) for s in sealed.manifest.sections]


@dataclass(frozen=True)
class Rebuild:
    """A container made again by its sender with other sections or content."""

    path: Path
    kind: str
    sender: PartyKeys
    readers: Mapping[str, PartyKeys]

    def __call__(
        self,
        scratch: Path,
        sections: Mapping[str, Callable[[bytes], bytes]] | None = None,
        content: Callable[[Document], Any] | None = None,
        order: Callable[[list[str]], Iterable[str]] | None = None,
        recipients: Mapping[str, PartyKeys] | None = None,
    ) -> bytes:
        """The container with some sections edited in plain, and its content edited."""
        with container.opened(self.path, self.kind) as sealed:
            manifest = sealed.manifest
        plain = plain_sections(self.path, self.kind, self.readers)
        kept = dict(zip(plain, content_keys(self.path, self.kind, self.readers), strict=True))
        for name, edit in (sections or {}).items():
            plain[name] = edit(plain[name])
        names = list(order(list(plain)) if order else plain)
        to = {**self.readers, **(recipients or {})}
        return self._written(scratch, manifest, names, plain, kept, content, to)

    def _written(
        self,
        scratch: Path,
        manifest: Manifest,
        names: list[str],
        plain: Mapping[str, bytes],
        kept: Mapping[str, bytes],
        content: Callable[[Document], Any] | None,
        to: Mapping[str, PartyKeys],
    ) -> bytes:
        document = canonical.loads(canonical.dumps(manifest.content))
        if content:
            content(document)
        drawn = iter([kept[name] for name in names])
        with container.create(
            scratch,
            self.kind,
            sender=self.sender,
            agreement=manifest.agreement,
            bundle=manifest.bundle,
            now=NOW,
            expires=LATER,
            force=True,
            entropy=lambda _: next(drawn),
        ) as draft:
            for name in names:
                recipient, cipher = to[name].public, manifest.section(name).cipher
                if cipher == "stream":
                    with draft.section(name, recipient) as out:
                        out.write(plain[name])
                else:
                    with draft.blobs(name, recipient) as (sink, _):
                        sink.write(plain[name])
            draft.content = document
        return scratch.read_bytes()
