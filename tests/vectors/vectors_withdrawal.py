"""Vectors of row map and withdrawal: docs/spec/submission.md, for moj's submission of the base."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from blindlink.messages import canonical
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.submission.withdrawal import (
    CONTROLS,
    ENTITIES,
    ROW_MAP,
    SECTION,
    WITHDRAWAL,
    OwnControls,
    RowMapContent,
    WithdrawalContent,
    row_map_bytes,
)
from vectors.vectors_container import AGREE, SHAPE, VERIFY, faults, foreign_key
from vectors.world import BASE, LATER, NOW, Document, Rebuild, Vector, agreement, keys, resigned
from worlds.parties import entropy

ID, WIDTH = 16, 9  # bytes of a row id, and of the entity ids below
Edit = Callable[[Document], Any]


def submitted() -> tuple[Manifest, bytes]:
    """The manifest of moj's submission, and its row ids."""
    with container.opened(BASE / "moj.submission", "submission") as sealed:
        bundle = container.Verified(sealed)
        ids = bundle.open("encodings", keys("ttp")).read(ID * sealed.manifest.content["rows"])
        return sealed.manifest, ids


Sections = dict[str, tuple[str, bytes]]


def made(scratch: Path, kind: str, content: Document, sections: Sections) -> Path:
    """A sound container of moj: sections by name, for whom, and their plain bytes."""
    path = scratch / f"good.{kind}"
    with container.create(
        path,
        kind,
        sender=keys("moj"),
        agreement=agreement().digest(),
        bundle="5e" * 16,
        now=NOW,
        expires=LATER,
        force=True,
        entropy=entropy(f"vector {kind}"),
    ) as draft:
        for name, (to, plain) in sections.items():
            with draft.section(name, keys(to).public) as out:
                out.write(plain)
        draft.content = content
    return path


def row_maps(scratch: Path) -> list[Vector]:
    """Row maps that moj reads."""
    manifest, ids = submitted()
    import numpy as np

    names = pa.array([f"person-{number:02}" for number in range(len(ids) // ID)])
    rows = np.frombuffer(ids, np.uint8).reshape(-1, ID)
    plain, width = row_map_bytes(rows, rows ^ 0x5A, names)
    assert width == WIDTH
    content = RowMapContent(
        submission=manifest.bundle, rows=len(names), width=width, first_rows=len(names) + 2
    )
    kept = OwnControls(
        columns=("forename", "sex"), rows=(("Ada", "F"), ("Ben", "M")), control=(0, 1)
    )
    sections = {SECTION: ("moj", plain), CONTROLS: ("moj", canonical.dumps(kept.model_dump()))}
    good = made(scratch, ROW_MAP, content.model_dump(), sections)
    found: dict[str, tuple[Edit | None, Callable[[bytes], bytes] | None, str, str, str]] = {
        "width-zero": (lambda c: c.update(width=0), None, SHAPE, "content", "width"),
        "width-of-4-gib": (lambda c: c.update(width=2**32), None, SHAPE, "content", "width"),
        "declares-2-to-the-32-rows": (
            lambda c: c.update(rows=2**32),
            *(None, SHAPE, "content", "rows"),
        ),
        "one-row-more": (
            lambda c: c.update(rows=c["rows"] + 1),
            *(None, SHAPE, "content", "sections"),
        ),
        "of-no-submission": (lambda c: c.pop("submission"), None, SHAPE, "content", "submission"),
        "content-unknown-field": (
            lambda c: c.update(x=1),
            None,
            SHAPE,
            "content",
            "x: is not known",
        ),
        "row-short": (None, lambda d: d[:-1], SHAPE, "content", "sections"),
        "entity-missing": (
            None,
            lambda d: d[: 2 * ID] + bytes(WIDTH) + d[2 * ID + WIDTH :],
            *(SHAPE, "records", "has no entity"),
        ),
        "entity-not-utf-8": (
            None,
            lambda d: d[: 2 * ID] + b"\xff" + d[2 * ID + 1 :],
            *(SHAPE, "records", "not a text"),
        ),
        "entity-with-a-zero": (
            None,
            lambda d: d[: 2 * ID] + b"\0" + d[2 * ID + 1 :],
            *(SHAPE, "records", "zero byte"),
        ),
    }
    return _all(scratch, good, ROW_MAP, {SECTION: "moj", CONTROLS: "moj"}, found)


def withdrawals(scratch: Path) -> list[Vector]:
    """Withdrawals that the linker holds against moj's submission."""
    manifest, ids = submitted()
    rows = sorted(ids[at : at + ID] for at in range(0, len(ids), ID))[:3]
    content = WithdrawalContent(submission=manifest.bundle, rows=len(rows), entities=len(rows))
    blobs = sorted(bytes(each ^ 0x5A for each in row) for row in rows)
    sections = {SECTION: ("ttp", b"".join(rows)), ENTITIES: ("lab", b"".join(blobs))}
    good = made(scratch, WITHDRAWAL, content.model_dump(), sections)
    found: dict[str, tuple[Edit | None, Callable[[bytes], bytes] | None, str, str, str]] = {
        "of-another-submission": (
            lambda c: c.update(submission="0" * 32),
            *(None, VERIFY, "rows", "another submission"),
        ),
        "of-a-row-that-is-not-there": (
            None,
            lambda d: d[: 2 * ID] + b"\xff" * ID,
            *(VERIFY, "rows", "another submission"),
        ),
        "row-twice": (None, lambda d: d[:ID] + d[:ID] + d[2 * ID :], SHAPE, "records", "ascending"),
        "rows-descending": (
            None,
            lambda d: d[ID : 2 * ID] + d[:ID] + d[2 * ID :],
            *(SHAPE, "records", "ascending"),
        ),
        "no-row": (
            lambda c: c.update(rows=0),
            lambda d: b"",
            *(SHAPE, "content", "rows"),
        ),
        "one-row-more": (
            lambda c: c.update(rows=c["rows"] + 1),
            *(None, SHAPE, "content", "sections"),
        ),
        "declares-2-to-the-32-rows": (
            lambda c: c.update(rows=2**32),
            *(None, SHAPE, "content", "rows"),
        ),
        "content-unknown-field": (
            lambda c: c.update(x=1),
            None,
            SHAPE,
            "content",
            "x: is not known",
        ),
        "tells-why": (lambda c: c.update(reason="x"), None, SHAPE, "content", "reason"),
    }
    others = {}
    for name, message in (("ttp", "ttp is linker"), ("mallory", "none of its parties")):
        print_of = keys(name).public.fingerprint()

        def sender(document: Document, print_of: str = print_of) -> None:
            document.update(sender=print_of)

        data = resigned(good.read_bytes(), sender, keys(name), WITHDRAWAL)
        others[f"sent-by-{name}"] = (data, AGREE, "sender", message)
    return [
        *_all(scratch, good, WITHDRAWAL, {SECTION: "ttp", ENTITIES: "lab"}, found),
        *(
            Vector(f"{n}.{WITHDRAWAL}", d, e, s, m, n.replace("-", " "))
            for n, (d, e, s, m) in others.items()
        ),
    ]


def _all(scratch: Path, good: Path, kind: str, readers: dict[str, str], found: Any) -> list[Vector]:
    """The sound one, it sealed again, every fault of a container, and those of this kind."""
    moj = keys("moj")
    rebuild = Rebuild(good, kind, moj, {name: keys(reader) for name, reader in readers.items()})
    reader = readers[SECTION]
    foreign = foreign_key(good, kind, moj, reader, scratch / "foreign")
    faulty = {
        "sealed-key-of-another-bundle": (foreign, VERIFY, "key", "does not open"),
        "sealed-to-another": (
            rebuild(scratch / "x", recipients={SECTION: keys("ohid")}),
            *(VERIFY, "key", "does not open"),
        ),
    }
    for name, (content, rows, *rest) in found.items():
        sections = {SECTION: rows} if rows else None
        faulty[name] = (rebuild(scratch / "x", sections, content=content), *rest)
    again = rebuild(scratch / "x")
    return [
        Vector(f"valid.{kind}", good.read_bytes(), "accept", "", "", "of moj's submission"),
        Vector(f"rebuilt.{kind}", again, "accept", "", "", "the same section, sealed again"),
        *faults(good, kind, moj, keys("ohid")),
        *(
            Vector(f"{n}.{kind}", d, e, s, m, n.replace("-", " "))
            for n, (d, e, s, m) in faulty.items()
        ),
    ]
