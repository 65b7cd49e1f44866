"""Vectors of a release: docs/spec/release.md, opened by the analyst of the base study."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blindlink.messages import canonical, release
from vectors.vectors_container import SHAPE, VERIFY, faults, foreign_key
from vectors.world import BASE, Document, Rebuild, Vector, keys, told

KIND = "release"
READERS = {name: keys("lab") for name in release.SECTIONS}
PAIR, ENTITY = release.PAIR.itemsize, release.ENTITY.itemsize
Change = Callable[[bytes], bytes]


def vectors(scratch: Path) -> list[Vector]:
    """Every vector of a release."""
    good, ttp = BASE / "study.release", keys("ttp")
    rebuild = Rebuild(good, KIND, ttp, READERS)
    found = {
        "sealed-key-of-another-bundle": (
            foreign_key(good, KIND, ttp, "lab", scratch / "foreign"),
            *(VERIFY, "key", "does not open"),
        )
    }
    for name, (changes, *rest) in (_index() | _pairs() | _payload()).items():
        found[name] = told(rebuild(scratch / "x", changes), rest)
    for name, (edit, *rest) in _content().items():
        found[name] = told(rebuild(scratch / "x", content=edit), rest)
    return [
        Vector(f"valid.{KIND}", good.read_bytes(), "accept", "", "", "the base study's"),
        *_accepted(rebuild, scratch),
        *faults(good, KIND, ttp, keys("moj")),
        *(
            Vector(f"{n}.{KIND}", d, e, s, m, n.replace("-", " "))
            for n, (d, e, s, m) in found.items()
        ),
    ]


def _accepted(rebuild: Rebuild, scratch: Path) -> list[Vector]:
    def reordered(data: bytes) -> bytes:
        return data[PAIR : 2 * PAIR] + data[:PAIR] + data[2 * PAIR :]

    def half(data: bytes) -> bytes:
        return data[:8] + struct.pack(">d", 0.5) + data[16:]

    def nan(data: bytes) -> bytes:
        return data[:8] + struct.pack(">d", float("nan")) + data[16:]

    sound: dict[str, tuple[dict[str, Change], str]] = {
        "rebuilt": ({}, "the same sections, sealed again"),
        "links-in-another-order": ({"links": reordered}, "the order of links means nothing"),
        "probability-one-half": ({"links": half}, "a link with a probability"),
        "probability-missing": ({"links": nan}, "a link without a model"),
    }
    return [
        Vector(f"{name}.{KIND}", rebuild(scratch / "x", changes), "accept", "", "", why)
        for name, (changes, why) in sound.items()
    ]


def _content() -> dict[str, tuple[Callable[[Document], Any], str, str, str]]:
    return {
        "another-submission": (
            lambda c: c["submissions"].update(moj="0" * 64),
            *(VERIFY, "owners", "not the one that the linker signed for"),
        ),
        "submission-of-a-stranger": (
            lambda c: c["submissions"].update(nobody="0" * 64),
            *(VERIFY, "owners", "not those of the agreement"),
        ),
        "content-unknown-field": (lambda c: c.update(x=1), SHAPE, "content", "x: extra"),
    }


def _edited(edit: Callable[[Document], Any]) -> dict[str, Change]:
    def change(data: bytes) -> bytes:
        document = canonical.loads(data)
        edit(document)
        return canonical.dumps(document)

    return {"index": change}


def _index() -> dict[str, tuple[dict[str, Change], str, str, str]]:
    """Faults of the index, which the linker wrote and sealed."""

    def owners_swapped(document: Document) -> None:
        document["owners"].reverse()

    def manifest_altered(document: Document) -> None:
        owner = document["owners"][0]
        owner["manifest"] = owner["manifest"].replace('"sequence":1', '"sequence":2')

    def manifest_of_other(document: Document) -> None:
        one, two = document["owners"]
        one["manifest"], one["signatures"] = two["manifest"], two["signatures"]

    def policy(document: Document) -> None:
        document["owners"][1]["policy"] = "all"

    def more(name: str) -> Callable[[Document], Any]:
        return lambda d: d["owners"][0].update({name: d["owners"][0][name] + 1})

    return {
        "owners-swapped": (_edited(owners_swapped), VERIFY, "owners", "not those of the agreement"),
        "manifest-altered-inside": (
            _edited(manifest_altered),
            VERIFY,
            "owners",
            "signature of moj",
        ),
        "manifest-of-the-other-owner": (_edited(manifest_of_other), VERIFY, "owners", "is not moj"),
        "other-policy": (_edited(policy), VERIFY, "policy", "another policy"),
        "one-entity-more": (_edited(more("entities")), SHAPE, "sizes", "entities: not the size"),
        "one-blob-more": (_edited(more("blobs")), SHAPE, "sizes", "payload: not the size"),
        "one-node-more": (_edited(more("nodes")), SHAPE, "sizes", "proofs: not the size"),
        "one-link-more": (
            _edited(lambda d: d.update(links=d["links"] + 1)),
            *(SHAPE, "sizes", "links: not the size"),
        ),
        "declares-2-to-the-32-links": (
            _edited(lambda d: d.update(links=2**32)),
            SHAPE,
            "index",
            "links",
        ),
        "index-unknown-field": (_edited(lambda d: d.update(x=1)), SHAPE, "index", "x: extra"),
        "index-not-canonical": ({"index": lambda d: d + b" "}, SHAPE, "index", "canonical"),
    }


def _pairs() -> dict[str, tuple[dict[str, Change], str, str, str]]:
    """Faults of links, candidates and entities."""

    def first(data: bytes, at: int, value: bytes) -> bytes:
        return data[:at] + value + data[at + len(value) :]

    def twice(data: bytes) -> bytes:
        return data[:PAIR] + data[:PAIR] + data[2 * PAIR :]

    def two_links(data: bytes) -> bytes:
        return data[:PAIR] + data[:4] + data[PAIR + 4 :]

    def one_side(data: bytes) -> bytes:
        return data[4:8] + data[4:]

    def pseudonym_twice(data: bytes) -> bytes:
        return data[:ENTITY] + data[:16] + data[ENTITY + 16 :]

    def other_blob(data: bytes) -> bytes:
        return first(data, 16, data[ENTITY + 16 : ENTITY + 32])

    def unlinked(data: bytes) -> bytes:
        return data[PAIR:]

    def counted(**numbers: int) -> Change:
        return _edited(lambda document: document.update(numbers))["index"]

    def one_less(data: bytes) -> bytes:
        document = canonical.loads(data)
        document.update(links=document["links"] - 1, candidates=document["candidates"] - 1)
        return canonical.dumps(document)

    def withdrawn(data: bytes) -> bytes:
        document = canonical.loads(data)
        document["owners"][0]["withdrawn"] = 1
        return canonical.dumps(document)

    return {
        "more-than-the-policy-allows": (
            {"links": unlinked, "candidates": unlinked, "index": one_less},
            *(VERIFY, "release", "against the policy"),
        ),
        "more-entities-than-submitted": (
            {"index": withdrawn},
            *(SHAPE, "entities", "more than were submitted"),
        ),
        "link-twice": ({"links": twice}, SHAPE, "links", "stands twice"),
        "link-beyond": (
            {"links": lambda d: first(d, 0, b"\xff\xff\xff\xff")},
            *(SHAPE, "links", "not there"),
        ),
        "link-on-one-side": ({"links": one_side}, SHAPE, "links", "left and a right"),
        "link-that-is-no-candidate": (
            {"candidates": unlinked, "index": counted(candidates=8)},
            *(SHAPE, "candidates", "not among the candidates"),
        ),
        "too-few-links": (
            {"links": lambda d: b"", "index": counted(links=0)},
            *(VERIFY, "overlap", "fewer than agreed"),
        ),
        "two-links-of-one": ({"links": two_links}, VERIFY, "cardinality", "more links than agreed"),
        "probability-two": (
            {"links": lambda d: first(d, 8, struct.pack(">d", 2.0))},
            *(SHAPE, "links", "probability"),
        ),
        "unknown-method": ({"links": lambda d: first(d, 16, b"\x09")}, SHAPE, "links", "method"),
        "pseudonym-twice": ({"entities": pseudonym_twice}, SHAPE, "entities", "pseudonym"),
        "place-beyond": (
            {"entities": lambda d: first(d, 32, b"\0\0\xff\xff")},
            *(SHAPE, "entities", "overlap or lie outside"),
        ),
        "entity-with-anothers-blob": (
            {"entities": other_blob},
            *(VERIFY, "payload", ""),
        ),
        "entity-held-back": (
            {"entities": lambda d: first(d, 44, b"\0")},
            *(SHAPE, "entities", "not as many as declared"),
        ),
    }


def _payload() -> dict[str, tuple[dict[str, Change], str, str, str]]:
    """Attributes that the linker changed, swapped or left out."""

    def flipped(data: bytes, at: int) -> bytes:
        return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]

    def blobs_swapped(data: bytes) -> bytes:
        return data[96:192] + data[:96] + data[192:]

    return {
        "blob-flipped": ({"payload": lambda d: flipped(d, 50)}, VERIFY, "payload", ""),
        "blobs-swapped": ({"payload": blobs_swapped}, VERIFY, "payload", ""),
        "proof-flipped": (
            {"proofs": lambda d: flipped(d, 5)},
            VERIFY,
            "payload",
            "not the owner's",
        ),
        "layout-flipped": (
            {"forwarded": lambda d: flipped(d, 5)},
            *(VERIFY, "forwarded", "not what the owner signed"),
        ),
        "controls-flipped": (
            {"forwarded": lambda d: flipped(d, 150)},
            *(VERIFY, "forwarded", "not what the owner signed"),
        ),
        "report-not-json": ({"reports": lambda d: b"{"}, SHAPE, "reports", "report"),
        "report-of-others": (
            {"reports": lambda d: json.dumps([]).encode()},
            *(SHAPE, "reports", "report"),
        ),
    }
