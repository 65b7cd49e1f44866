"""Faults that every container can have: docs/spec/container.md, in the order of its steps."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from blindlink.keys import PartyKeys
from blindlink.messages import canonical
from blindlink.messages.container import reader as container
from vectors.world import Document, Vector, joined, keys, resigned, split, told
from worlds.parties import entropy

Edit = Callable[[Document], Any]
SHAPE, VERIFY, AGREE = "FormatError", "VerificationError", "AgreementError"


def faults(good: Path, kind: str, sender: PartyKeys, other: PartyKeys) -> list[Vector]:
    """Vectors of a sound container of ``sender``; ``other`` is another party."""
    data = good.read_bytes()
    found = _bytes(data, kind) | _signatures(data, kind, sender, other)
    for name, (edit, *rest) in (_shape() | _content(sender, other)).items():
        found[name] = told(resigned(data, edit, sender, kind), rest)
    for name, change in _chunks().items():
        broken = _rehashed(data, change, sender, kind)
        found[name] = (broken, VERIFY, "chunk", "does not decrypt")
    return [
        Vector(f"{name}.{kind}", changed, expect, step, message, name.replace("-", " "))
        for name, (changed, expect, step, message) in found.items()
    ]


Fault = tuple[bytes, str, str, str]


def _bytes(data: bytes, kind: str) -> dict[str, Fault]:
    first, manifest, signatures, sections = split(data)
    start = len(first) + 1
    huge = data[:start] + b"\xff\xff\xff\xff" + data[start + 4 :]
    last = len(data) - len(sections)
    flipped = data[:last] + bytes((data[last] ^ 1,)) + data[last + 1 :]
    spaced = manifest.replace(b'"format":', b'"format": ')
    twice = manifest.replace(b'{"agreement"', b'{"agreement":"","agreement"')
    return {
        "empty": (b"", SHAPE, "header", "header"),
        "another-version": (data.replace(b"-v1\n", b"-v2\n", 1), SHAPE, "header", "header"),
        "another-kind": (
            data.replace(f"-{kind}-".encode(), b"-parcel-", 1),
            *(SHAPE, "header", "header"),
        ),
        "header-only": (data[:start], SHAPE, "manifest", "cut off"),
        "manifest-cut": (data[: start + 500], SHAPE, "manifest", "cut off"),
        "manifest-of-4-gib": (huge, SHAPE, "manifest", "larger than"),
        "manifest-not-canonical": (
            joined(first, spaced, signatures, sections),
            *(SHAPE, "manifest", "canonical"),
        ),
        "manifest-duplicate-key": (
            joined(first, twice, signatures, sections),
            *(SHAPE, "manifest", "twice"),
        ),
        "signatures-empty": (
            joined(first, manifest, b"", sections),
            SHAPE,
            "signatures",
            "cut off",
        ),
        "cut": (data[:-1], SHAPE, "size", "size"),
        "trailing-byte": (data + b"\0", SHAPE, "size", "size"),
        "twice": (data + data, SHAPE, "size", "size"),
        "section-flipped": (flipped, VERIFY, "digest", "digest"),
    }


def _chunks() -> dict[str, Callable[[bytes], bytes]]:
    """Faults inside the first section that its sender signed for: only the cipher can tell."""
    return {
        "chunk-flipped": lambda d: bytes((d[0] ^ 1,)) + d[1:],
        "chunk-tag-flipped": lambda d: d[:-1] + bytes((d[-1] ^ 1,)),
        "chunk-of-zeros": lambda d: bytes(len(d)),
    }


def _rehashed(data: bytes, change: Callable[[bytes], bytes], sender: PartyKeys, kind: str) -> bytes:
    """The container with its first section changed, and a digest that fits."""
    first, manifest, signatures, sections = split(data)
    size = canonical.loads(manifest)["sections"][0]["size"]
    section = change(sections[:size])
    whole = joined(first, manifest, signatures, section + sections[size:])
    digest = sha256(section).hexdigest()
    return resigned(whole, lambda d: d["sections"][0].update(digest=digest), sender, kind)


def _signatures(data: bytes, kind: str, sender: PartyKeys, other: PartyKeys) -> dict[str, Fault]:
    first, manifest, signatures, sections = split(data)
    own = canonical.loads(signatures)
    foreign = other.sign(manifest, domain=f"blindlink-{kind}-v1").model_dump()
    elsewhere = sender.sign(manifest, domain="blindlink-parcel-v1").model_dump()

    def file(given: Document) -> bytes:
        return joined(first, manifest, canonical.dumps(given), sections)

    changed = manifest.replace(
        b'"created":"2026-11-23T12:00:00Z"', b'"created":"2026-11-23T11:59:59Z"'
    )
    return {
        "signed-by-another": (file(foreign), VERIFY, "signature", "signature of"),
        "signed-in-another-domain": (file(elsewhere), VERIFY, "signature", "signature of"),
        "classical-half": (
            file(own | {"ed25519": foreign["ed25519"]}),
            VERIFY,
            "signature",
            "signature of",
        ),
        "post-quantum-half": (
            file(own | {"mldsa65": foreign["mldsa65"]}),
            *(VERIFY, "signature", "signature of"),
        ),
        "half-missing": (file({"ed25519": own["ed25519"]}), SHAPE, "signatures", "mldsa65"),
        "manifest-altered": (
            joined(first, changed, signatures, sections),
            *(VERIFY, "signature", "signature of"),
        ),
    }


def _shape() -> dict[str, tuple[Edit, str, str, str]]:
    """Faults of the manifest that the sender signed."""

    def first(**changes: Any) -> Edit:
        return lambda d: d["sections"][0].update(changes)

    return {
        "unknown-field": (lambda d: d.update(x=1), SHAPE, "manifest", "x: is not known"),
        "missing-field": (lambda d: d.pop("bundle"), SHAPE, "manifest", "bundle"),
        "another-format": (
            lambda d: d.update(format="blindlink-parcel-v1"),
            *(SHAPE, "manifest", "another format"),
        ),
        "two-sections-of-one-name": (
            lambda d: d["sections"].append(d["sections"][0]),
            *(SHAPE, "manifest", "one name"),
        ),
        "impossible-size": (first(size=15), SHAPE, "manifest", "no stream"),
        "declares-10-gib": (first(size=10 * 2**30 + 16 * 163_840), SHAPE, "size", "size"),
        "section-left-out": (lambda d: d["sections"].pop(), SHAPE, "size", "size"),
        "expires-first": (lambda d: d.update(expires=d["created"]), SHAPE, "manifest", "expires"),
        "unknown-cipher": (first(cipher="none"), SHAPE, "manifest", "cipher"),
        "sealed-key-short": (first(key="AAAA"), SHAPE, "manifest", "key"),
    }


def _content(sender: PartyKeys, other: PartyKeys) -> dict[str, tuple[Edit, str, str, str]]:
    """Faults of what the manifest binds to."""

    def keys_swapped(document: Document) -> None:
        one, two = document["sections"][0], document["sections"][-1]
        one["key"], two["key"] = two["key"], one["key"]

    def expired(document: Document) -> None:
        document.update(created="2026-01-01T00:00:00Z", expires="2026-11-23T12:00:00Z")

    return {
        "other-agreement": (
            lambda d: d.update(agreement="0" * 64),
            *(AGREE, "agreement", "another agreement"),
        ),
        "expired": (expired, AGREE, "time", "expired"),
        "from-the-future": (
            lambda d: d.update(created="2026-11-23T12:05:01Z"),
            *(AGREE, "time", "future"),
        ),
        "section-of-another-digest": (
            lambda d: d["sections"][0].update(digest="0" * 64),
            *(VERIFY, "digest", "digest"),
        ),
        "bundle-of-another": (
            lambda d: d.update(bundle="0" * 32),
            *(VERIFY, "key", "does not open"),
        ),
        "sealed-keys-swapped": (keys_swapped, VERIFY, "key", "does not open"),
    }


def foreign_key(good: Path, kind: str, sender: PartyKeys, reader: str, scratch: Path) -> bytes:
    """The container with the sealed key of a section of another bundle of the same sender."""
    with container.opened(good, kind) as sealed:
        manifest = sealed.manifest
    name = manifest.sections[0].name
    from vectors.world import LATER, NOW

    with (
        container.create(
            scratch,
            kind,
            sender=sender,
            agreement=manifest.agreement,
            bundle="cd" * 16,
            now=NOW,
            expires=LATER,
            force=True,
            entropy=entropy(f"vector foreign {kind}"),
        ) as draft,
        draft.section(name, keys(reader).public) as out,
    ):
        out.write(b"foreign")
    with container.opened(scratch, kind) as sealed:
        foreign = sealed.manifest.sections[0].key
    return resigned(good.read_bytes(), lambda d: d["sections"][0].update(key=foreign), sender, kind)
