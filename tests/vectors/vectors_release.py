"""Vectors of a release: docs/spec/release.md, opened by the analyst of the base study."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blindlink.messages import canonical, merkle, release
from blindlink.messages.audit.log import Head
from blindlink.messages.signed import Signed
from vectors.vectors_container import SHAPE, VERIFY, faults, foreign_key
from vectors.world import BASE, Document, Rebuild, Vector, keys, plain_sections, told

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
    for name, (changes, *rest) in (_index() | _story() | _pairs() | _payload()).items():
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

    def nan(data: bytes) -> bytes:
        return data[:8] + struct.pack(">d", float("nan")) + data[16:]

    sound: dict[str, tuple[dict[str, Change], str]] = {
        "rebuilt": ({}, "the same sections, sealed again"),
        "links-in-another-order": ({"links": reordered}, "the order of links means nothing"),
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
        "content-unknown-field": (lambda c: c.update(x=1), SHAPE, "content", "x: is not known"),
    }


def log_told() -> bytes:
    """The log in the base study's release: an entry a line."""
    return plain_sections(BASE / "study.release", KIND, READERS)["log"]


def head_of(story: bytes, head: Document) -> Document:
    """The linker's signed head of another log, in the place of the one given."""
    lines = story.split(b"\n")[:-1]
    root = merkle.root([merkle.leaf(line) for line in lines]).hex()
    document = {**head["document"], "size": len(lines), "root": root}
    signed = Signed.make(Head.model_validate_json(canonical.dumps(document)), keys("ttp"))
    return {"document": document, "signatures": signed.signatures.model_dump()}


def _retold(edit: Callable[[list[Document]], Any]) -> dict[str, Change]:
    """A log that tells another story, with the linker's signature under it."""
    entries = [canonical.loads(line) for line in log_told().split(b"\n")[:-1]]
    edit(entries)
    story = b"".join(canonical.dumps(entry) + b"\n" for entry in entries)

    def index(document: Document) -> None:
        document.update(log_bytes=len(story), head=head_of(story, document["head"]))

    return {"log": lambda _: story, **_edited(index)}


def _story() -> dict[str, tuple[dict[str, Change], str, str, str]]:
    """Faults of log and withdrawals: what went in."""

    def flipped(data: bytes, at: int) -> bytes:
        return data[:at] + bytes((data[at] ^ 1,)) + data[at:][1:]

    def left_out(document: Document) -> None:
        document["owners"][1].update(withdrawals=0, withdrawal_bytes=0)

    def again(entries: list[Document]) -> None:
        """moj sent a second submission before the freeze, and the first was linked."""
        sent = next(e for e in entries if e["details"].get("owner") == "moj")
        details = sent["details"] | {"sequence": 2, "bundle": "7a" * 16, "submission": "7a" * 32}
        entries.insert(-1, {**sent, "details": details})
        entries[-1]["details"]["submissions"] = [
            "7a" * 16,
            entries[-1]["details"]["submissions"][1],
        ]
        for at, entry in enumerate(entries):
            entry["index"] = at

    def shorter(document: Document) -> None:
        document["owners"][1]["withdrawal_bytes"] -= 1

    def later(entries: list[Document]) -> None:
        entries[0]["time"] = "2026-11-23T12:00:01Z"

    def ended(entries: list[Document]) -> None:
        details = {"bundle": "00" * 16, "nonce": "00" * 16, "release": "00" * 32}
        entries.append(
            {**entries[-1], "index": len(entries), "event": "released", "details": details}
        )

    def rows(entries: list[Document]) -> None:
        next(e for e in entries if e["details"].get("owner") == "moj")["details"]["rows"] += 1

    def unheeded(entries: list[Document]) -> None:
        entries[-1]["details"]["withdrawals"] = []

    wrong = _retold
    return {
        "log-altered": (
            {"log": lambda d: d.replace(b"moj", b"mOj", 1)},
            *(VERIFY, "log", "not that of its head"),
        ),
        "log-without-the-freeze": (wrong(lambda e: e.pop()), VERIFY, "log", "end with the freeze"),
        "log-behind-the-freeze": (wrong(ended), VERIFY, "log", "end with the freeze"),
        "log-goes-back-in-time": (wrong(later), VERIFY, "log", "time is before the last"),
        "log-with-other-rows": (wrong(rows), VERIFY, "log", "another rows"),
        "replaced-submission-linked": (wrong(again), VERIFY, "log", "sent another submission"),
        "withdrawal-not-heeded": (wrong(unheeded), VERIFY, "log", "leaves a withdrawal out"),
        "withdrawal-left-out": (
            {"withdrawals": lambda _: b"", **_edited(left_out)},
            *(VERIFY, "log", "not in the release"),
        ),
        "withdrawal-altered": (
            {"withdrawals": lambda d: d.replace(b'"rows":1', b'"rows":2', 1)},
            *(VERIFY, "withdrawals", "signature of ohid"),
        ),
        "withdrawal-cut": (
            {
                "withdrawals": lambda d: d[:-1],
                **_edited(
                    lambda d: d["owners"][1].update(
                        withdrawal_bytes=d["owners"][1]["withdrawal_bytes"] - 1
                    )
                ),
            },
            *(SHAPE, "withdrawals", "cut off"),
        ),
        "withdrawal-sealed-flipped": (
            {"withdrawals": lambda d: flipped(d, len(d) - 1)},
            *(VERIFY, "withdrawals", "not what the owner signed"),
        ),
        "head-of-another": (
            _edited(lambda d: d["head"]["document"].update(root="0" * 64)),
            *(VERIFY, "log", "signature of ttp"),
        ),
        "one-digest-more": (
            {"digests": lambda d: d + bytes(32)},
            *(SHAPE, "sizes", "digests: not the size"),
        ),
        "probability-without-a-model": (
            {"links": lambda d: d[:8] + struct.pack(">d", 0.5) + d[16:]},
            *(VERIFY, "figures", "probability without a model"),
        ),
        "report-of-other-numbers": (
            {"reports": lambda d: d.replace(b'"links": 9', b'"links": 8')},
            *(VERIFY, "figures", "links: 8 against 9"),
        ),
        "count-of-candidates": (
            {"entities": lambda d: d[:40] + b"\xff\xff\xff\xff" + d[44:]},
            *(VERIFY, "figures", "other candidates than its number"),
        ),
        "method-of-no-plan": (
            _edited(lambda d: d.update(methods=["abacus"] * len(d["methods"]))),
            *(VERIFY, "figures", "none of a linkage plan"),
        ),
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
        "one-blob-more": (_edited(more("blobs")), SHAPE, "sizes", "digests: not the size"),
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
        "index-unknown-field": (
            _edited(lambda d: d.update(x=1)),
            SHAPE,
            "index",
            "x: is not known",
        ),
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

    return {
        "more-than-the-policy-allows": (
            {"links": unlinked, "candidates": unlinked, "index": one_less},
            *(VERIFY, "release", "against the policy"),
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
            *(SHAPE, "entities", "a blob id stands twice"),
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
