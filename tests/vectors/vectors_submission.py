"""Vectors of a submission: docs/spec/submission.md, taken in by the linker of the base study."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from blindlink.messages.merkle import root
from blindlink.messages.submission.payload import OVERHEAD, leaf_of
from vectors.vectors_container import AGREE, SHAPE, VERIFY, faults, foreign_key
from vectors.world import BASE, Document, Rebuild, Vector, keys, resigned, told

KIND = "submission"
READERS = {
    "encodings": keys("ttp"),
    "layout": keys("lab"),
    "controls": keys("lab"),
    "payload": keys("lab"),
}
ID = 16
Edit = Callable[[Document], Any]


def vectors(scratch: Path) -> list[Vector]:
    """Every vector of a submission."""
    good, moj = BASE / "moj.submission", keys("moj")
    rebuild = Rebuild(good, KIND, moj, READERS)
    found = {
        "sealed-key-of-another-bundle": (
            foreign_key(good, KIND, moj, "ttp", scratch / "foreign"),
            *(VERIFY, "key", "does not open"),
        ),
        "sent-by-the-linker": (
            resigned(
                good.read_bytes(),
                lambda d: d.update(sender=keys("ttp").public.fingerprint()),
                keys("ttp"),
                KIND,
            ),
            *(AGREE, "sender", "ttp is linker"),
        ),
        "sent-by-a-stranger": (
            resigned(
                good.read_bytes(),
                lambda d: d.update(sender=keys("mallory").public.fingerprint()),
                keys("mallory"),
                KIND,
            ),
            *(AGREE, "sender", "none of its parties"),
        ),
    }
    for name, (edit, *rest) in _terms().items():
        found[name] = told(rebuild(scratch / "x", content=edit), rest)
    for name, (section, change, *rest) in _records().items():
        found[name] = told(rebuild(scratch / "x", {section: change}), rest)
    found["blob-id-twice"] = (
        _blob_id_twice(rebuild, scratch),
        *(SHAPE, "blob ids", "blob id stands twice"),
    )
    for name, to in (("encodings", "lab"), ("payload", "ttp"), ("controls", "ttp")):
        found[f"{name}-sealed-to-{to}"] = (
            rebuild(scratch / "x", recipients={name: keys(to)}),
            *(VERIFY, "recipients", "is not for"),
        )
    found["sections-in-another-order"] = (
        rebuild(scratch / "x", order=lambda names: names[::-1]),
        *(SHAPE, "sections", "not those of a submission"),
    )
    return [
        *_accepted(rebuild, scratch),
        *faults(good, KIND, moj, keys("ohid")),
        *(
            Vector(f"{n}.{KIND}", d, e, s, m, n.replace("-", " "))
            for n, (d, e, s, m) in found.items()
        ),
    ]


def _blob_id_twice(rebuild: Rebuild, scratch: Path) -> bytes:
    """Two blobs of one id, under a Merkle root that its owner made of them."""
    step, found = 64 + OVERHEAD, bytearray()

    def payload(data: bytes) -> bytes:
        found[:] = data[:step] + data[:ID] + data[step + ID :]
        return bytes(found)

    def root_of_it(content: Document) -> None:
        assert content["blob_size"] + OVERHEAD == step
        leaves = [leaf_of(found[at : at + step]) for at in range(0, len(found), step)]
        content["payload_root"] = root(leaves).hex()

    return rebuild(scratch / "x", {"payload": payload}, content=root_of_it)


def _accepted(rebuild: Rebuild, scratch: Path) -> list[Vector]:
    edits: dict[str, tuple[Edit, str]] = {
        "rebuilt": (lambda c: None, "the same sections, sealed again"),
        "second": (lambda c: c.update(sequence=2), "a re-submission within the limit"),
        "with-risk-report": (lambda c: c.update(risk_report="ab" * 32), "names its risk report"),
        "other-encoder": (
            lambda c: c.update(encoder="other 1.0"),
            "the encoder is told, not fixed",
        ),
    }
    found = [
        Vector(f"{n}.{KIND}", rebuild(scratch / "x", content=e), "accept", "", "", why)
        for n, (e, why) in edits.items()
    ]
    for owner in ("moj", "ohid"):
        data = (BASE / f"{owner}.submission").read_bytes()
        found.append(Vector(f"{owner}.{KIND}", data, "accept", "", "", f"of {owner}"))
    return found


def _terms() -> dict[str, tuple[Edit, str, str, str]]:
    """What the content declares, against the agreement and against itself."""
    refuse = "RefusedError"

    def change(**changes: Any) -> Edit:
        return lambda c: c.update(changes)

    return {
        "other-schema": (
            change(schema_fingerprint="0" * 64),
            *(AGREE, "schema", "another linkage schema"),
        ),
        "other-secret": (change(key_check="0" * 16), AGREE, "secret", "another secret"),
        "too-many-submissions": (change(sequence=3), refuse, "limits", "submissions"),
        "declares-2-to-the-32-rows": (change(rows=2**32), SHAPE, "content", "rows"),
        "declares-2-to-the-31-rows": (change(rows=2**31), SHAPE, "content", "number of rows"),
        "declares-no-row": (change(rows=0), SHAPE, "content", "content"),
        "one-blob-more": (
            lambda c: c.update(blobs=c["blobs"] + 1),
            SHAPE,
            "content",
            "number of blobs",
        ),
        "one-row-more": (
            lambda c: c.update(rows=c["rows"] + 1),
            SHAPE,
            "content",
            "number of rows",
        ),
        "filter-of-another-length": (change(bits=[128]), SHAPE, "content", "number of rows"),
        "one-match-key-more": (change(match_keys=1), SHAPE, "content", "number of rows"),
        "payload-root-wrong": (
            change(payload_root="0" * 64),
            VERIFY,
            "payload root",
            "Merkle root",
        ),
        "content-unknown-field": (change(matched=5), SHAPE, "content", "matched"),
        "content-missing-field": (lambda c: c.pop("key_check"), SHAPE, "content", "key_check"),
        "sequence-zero": (change(sequence=0), SHAPE, "content", "sequence"),
    }


def _records() -> dict[str, tuple[str, Callable[[bytes], bytes], str, str, str]]:
    """Faults inside the sections. The encodings begin with the row ids, then entity numbers."""
    rows = 16

    def row_id_twice(data: bytes) -> bytes:
        return data[ID : 2 * ID] + data[ID:]

    def entity_beyond(data: bytes) -> bytes:
        return data[: rows * ID] + b"\xff\xff\xff\xff" + data[rows * ID + 4 :]

    def entity_without_row(data: bytes) -> bytes:
        return data[: rows * ID] + data[rows * ID + 4 : rows * ID + 8] + data[rows * ID + 4 :]

    def blobs_elsewhere(data: bytes) -> bytes:
        return data[:-8] + b"\0\0\0\0" + b"\0\0\0\2"

    def blob_flipped(data: bytes) -> bytes:
        return data[:40] + bytes((data[40] ^ 1,)) + data[41:]

    def blobs_swapped(data: bytes) -> bytes:
        return data[96:192] + data[:96] + data[192:]

    return {
        "row-id-twice": ("encodings", row_id_twice, SHAPE, "records", "encodings"),
        "entity-beyond": ("encodings", entity_beyond, SHAPE, "records", "encodings"),
        "entity-without-row": ("encodings", entity_without_row, SHAPE, "records", "encodings"),
        "entity-without-blob": ("encodings", blobs_elsewhere, SHAPE, "records", "encodings"),
        "row-short": ("encodings", lambda d: d[:-1], SHAPE, "content", "number of rows"),
        "row-long": ("encodings", lambda d: d + b"\0", SHAPE, "content", "number of rows"),
        "blob-flipped": ("payload", blob_flipped, VERIFY, "payload root", "Merkle root"),
        "blobs-swapped": ("payload", blobs_swapped, VERIFY, "payload root", "Merkle root"),
        "blob-left-out": ("payload", lambda d: d[96:], SHAPE, "content", "number of blobs"),
    }
