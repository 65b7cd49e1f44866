"""Releases that an honest linker made of a submission in which its owner is at fault.

The owner's sections are edited and signed again, and the release is made anew around them: only the
analyst, who alone can read them, can find the fault. docs/spec/release.md, from ``release`` on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from blindlink.messages import canonical, merkle, release
from blindlink.messages.container import reader as container
from blindlink.messages.submission import payload
from blindlink.messages.submission.content import FORWARDED, Layout, read_layout
from vectors.vectors_container import SHAPE, VERIFY
from vectors.vectors_release import head_of, log_told
from vectors.world import BASE, Document, Rebuild, Vector, content_keys, keys, split

READERS = {"encodings": keys("ttp")} | {n: keys("lab") for n in (*FORWARDED, "payload")}
Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Fault:
    """What the owner does to its ``layout`` or ``controls``, to the plain bytes of the entity at
    ``entity`` (the first person with rows, or ``control``), and to the list of who is in the
    release; and how the analyst must refuse it."""

    expect: str
    step: str
    message: str
    sections: Mapping[str, Change] = field(default_factory=dict)
    plain: Callable[[bytearray], Any] | None = None
    control: bool = False


def faults() -> dict[str, Fault]:
    """One for each thing that the analyst checks of an owner's own sections."""
    columns, entity, controls = "columns", "entity bytes", "controls"
    layout = _layout
    return {
        "column-renamed": Fault(
            VERIFY, columns, "payload columns", layout(lambda t: t["columns"][0].update(name="x"))
        ),
        "column-left-out": Fault(
            VERIFY, columns, "payload columns", layout(lambda t: t["columns"].pop())
        ),
        "column-more": Fault(
            VERIFY,
            columns,
            "payload columns",
            layout(lambda t: t["columns"].append({"kind": "text", "name": "crn", "width": 1})),
        ),
        "table-renamed": Fault(
            VERIFY, columns, "payload columns", layout(lambda t: t.update(name="details"))
        ),
        "column-twice": Fault(
            SHAPE, "forwarded", "layout", layout(lambda t: t["columns"].append(t["columns"][0]))
        ),
        "column-of-no-width": Fault(
            SHAPE, "forwarded", "width", layout(lambda t: t["columns"][0].update(width=0))
        ),
        "column-of-4-gib": Fault(
            SHAPE, "forwarded", "width", layout(lambda t: t["columns"][0].update(width=2**32))
        ),
        "column-of-unknown-kind": Fault(
            SHAPE, "forwarded", "kind", layout(lambda t: t["columns"][0].update(kind="code"))
        ),
        "losses-of-more-rows": Fault(
            VERIFY, columns, "losses of more rows", _lost(lambda each: each.update(rows=10**6))
        ),
        "losses-above-filled": Fault(
            SHAPE,
            "forwarded",
            "more cells than there are",
            _lost(lambda each: each.update(kept=10**6)),
        ),
        "layout-not-canonical": Fault(
            SHAPE, "forwarded", "canonical", {"layout": lambda d: b" " + d}
        ),
        "layout-unknown-field": Fault(
            SHAPE, "forwarded", "x: is not known", layout(lambda t: t.update(x=1))
        ),
        "value-of-another-kind": Fault(
            SHAPE,
            entity,
            "is not a integer",
            layout(lambda t: t["columns"][0].update(kind="integer")),
        ),
        "no-such-mark": Fault(SHAPE, entity, "do not hold", plain=lambda b: b.__setitem__(0, 2)),
        "more-rows-than-bytes": Fault(
            SHAPE, entity, "do not hold", plain=lambda b: b.__setitem__(slice(1, 5), b"\xff" * 4)
        ),
        "control-with-a-row": Fault(
            SHAPE, entity, "has rows", plain=lambda b: b.__setitem__(4, 1), control=True
        ),
        "hidden-behind-the-rows": Fault(
            SHAPE, entity, "filled up with zeros", plain=lambda b: b.__setitem__(-1, 1)
        ),
        "value-with-a-zero-byte": Fault(
            SHAPE, entity, "zero byte", plain=lambda b: b.__setitem__(6, 0)
        ),
        "value-not-utf-8": Fault(
            SHAPE, entity, "is not a text", plain=lambda b: b.__setitem__(5, 0xFF)
        ),
        "control-not-marked": Fault(
            VERIFY, controls, "do not agree", plain=lambda b: b.__setitem__(0, 0), control=True
        ),
        "control-not-listed": Fault(
            VERIFY, controls, "do not agree", {"controls": lambda d: d[16:]}
        ),
        "control-that-is-nobody": Fault(
            VERIFY, controls, "not among the entities", {"controls": lambda d: d + b"\xff" * 16}
        ),
        "controls-descending": Fault(
            SHAPE, controls, "ascending", {"controls": lambda d: d[16:32] + d[:16]}
        ),
        "control-twice": Fault(
            SHAPE, controls, "ascending", {"controls": lambda d: d[:16] + d[:16]}
        ),
        "controls-cut": Fault(SHAPE, controls, "ascending", {"controls": lambda d: d[:-1]}),
    }


def vectors(scratch: Path) -> list[Vector]:
    """A release for each fault of moj, and one where nothing was changed."""
    sound = Fault("accept", "", "")
    found = {"owner-signed-again": sound, **faults()}
    return [
        Vector(
            f"{name}.release",
            _released(scratch, fault),
            fault.expect,
            fault.step,
            fault.message,
            name.replace("-", " "),
        )
        for name, fault in found.items()
    ]


def _lost(edit: Callable[[Document], Any]) -> dict[str, Change]:
    """The first field that the layout tells the losses of, changed."""

    def change(data: bytes) -> bytes:
        found = canonical.loads(data)
        edit(found["losses"][0])
        return canonical.dumps(found)

    return {"layout": change}


def _layout(edit: Callable[[Document], Any]) -> dict[str, Change]:
    def change(data: bytes) -> bytes:
        document = canonical.loads(data)
        edit(document["tables"][0])
        return canonical.dumps(document)

    return {"layout": change}


def _released(scratch: Path, fault: Fault) -> bytes:
    """The base release around moj's changed submission."""
    path = scratch / "owner"
    path.write_bytes(_submission(scratch, fault))
    _, manifest, signatures, _ = split(path.read_bytes())
    with container.opened(path, "submission") as sealed:
        mine = container.Verified(sealed)
        forwarded = b"".join(mine.raw(name).read() for name in FORWARDED)
        blobs = mine.raw("payload").read()
    with container.opened(BASE / "moj.submission", "submission") as sealed:
        before = sum(sealed.manifest.section(name).size for name in FORWARDED)

    old = sealed.manifest.digest().encode()
    story = log_told().replace(old, canonical.digest(manifest).encode())

    def index(data: bytes) -> bytes:
        document = canonical.loads(data)
        document["owners"][0]["manifest"] = manifest.decode()
        document["owners"][0]["signatures"] = canonical.loads(signatures)
        document["head"] = head_of(story, document["head"])
        return canonical.dumps(document)

    rebuild = Rebuild(
        BASE / "study.release", "release", keys("ttp"), dict.fromkeys(release.SECTIONS, keys("lab"))
    )
    return rebuild(
        scratch / "x",
        {
            "index": index,
            "forwarded": lambda data: forwarded + data[before:],
            "log": lambda _: story,
            "payload": lambda data: blobs + data[len(blobs) :],
        },
        content=lambda c: c["submissions"].update(moj=canonical.digest(manifest)),
    )


def _submission(scratch: Path, fault: Fault) -> bytes:
    """moj's submission with the fault in it, sealed and signed by moj."""
    rebuild = Rebuild(BASE / "moj.submission", "submission", keys("moj"), READERS)
    blobs, root = _blobs(fault)
    return rebuild(
        scratch / "x",
        {**fault.sections, "payload": lambda _: blobs},
        content=lambda c: c.update(payload_root=root),
    )


def _blobs(fault: Fault) -> tuple[bytes, str]:
    """The blob records, one of them changed inside, and their root. One blob an entity."""
    path = BASE / "moj.submission"
    ciphers = payload.Ciphers(content_keys(path, "submission", READERS)[-1])
    with container.opened(path, "submission") as sealed:
        content = sealed.manifest.content
        bundle = container.Verified(sealed)
        data = bundle.raw("payload").read()
        layout: Layout = read_layout(bundle.open("layout", keys("lab")).read(), "")
    assert content["blobs"] == content["entities"]
    assert [len(table.columns) for table in layout.tables] == [2]
    step = content["blob_size"] + payload.OVERHEAD
    records = [data[at : at + step] for at in range(0, len(data), step)]
    infos = list(payload._infos(np.ones(len(records), int), [r[:16] for r in records], 0))
    if fault.plain:
        plains = [payload._open(ciphers, *pair) for pair in zip(records, infos, strict=True)]
        at = next(n for n, plain in enumerate(plains) if plain[0] == fault.control)
        plain = bytearray(plains[at])
        fault.plain(plain)
        sealed_again = ciphers.of(infos[at]).encrypt(bytes(12), bytes(plain), None)
        records[at] = records[at][:16] + sealed_again
    root = merkle.root([payload.leaf_of(record) for record in records]).hex()
    return b"".join(records), root
