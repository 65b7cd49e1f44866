"""Writing a release: eight sections, all sealed to the analyst, payload copied as it came."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from blindlink.arrays import Int64s
from blindlink.linker.protocol.assembly import Listed, OwnerPair, method_names, pair_rows
from blindlink.linker.protocol.intake import Taken
from blindlink.messages import merkle
from blindlink.messages.agreement.document import Agreement
from blindlink.messages.agreement.terms import ReleasePolicy
from blindlink.messages.container import reader as container
from blindlink.messages.linkage_report import LinkageReport
from blindlink.messages.release import Content, Index, OwnerPart
from blindlink.messages.submission.content import FORWARDED
from blindlink.progress import Progress

BLOCK = 1 << 20


def write(
    writer: container.Writer,
    terms: Agreement,
    taken: Sequence[Taken],
    policies: Sequence[ReleasePolicy],
    pairs: Sequence[OwnerPair],
    reports: Sequence[LinkageReport],
    listed: Sequence[Listed],
    progress: Progress,
) -> None:
    """Write every section and the content."""
    methods = method_names(pairs)
    links = pair_rows([(each, each.links) for each in pairs], listed, methods)
    candidates = pair_rows([(each, each.candidates) for each in pairs], listed, methods)
    blobs = [_blobs(each) for each in listed]
    proofs = [
        merkle.prove(each.leaves, places.tolist())
        for each, places in zip(taken, blobs, strict=True)
    ]
    parts = [_part(*each) for each in zip(taken, policies, listed, blobs, proofs, strict=True)]
    index = Index(
        owners=tuple(parts), links=len(links), candidates=len(candidates), methods=tuple(methods)
    )
    named = [
        {"left": taken[pair.left].owner.name, "right": taken[pair.right].owner.name, "report": each}
        for pair, each in zip(pairs, (r.model_dump(mode="json") for r in reports), strict=True)
    ]
    plain = {
        "index": [index.to_bytes()],
        "entities": [each.rows.tobytes() for each in listed],
        "links": [links.tobytes()],
        "candidates": [candidates.tobytes()],
        "reports": [json.dumps(named, allow_nan=False).encode()],
        "forwarded": [each.bundle.raw(name).read() for each in taken for name in FORWARDED],
        "proofs": [node for proof in proofs for node in proof],
        "payload": _payload(taken, blobs, progress),
    }
    for name, blocks in plain.items():
        with writer.section(name, terms.analyst) as out:
            for block in blocks:
                out.write(block)
    digests = {each.owner.name: each.bundle.manifest.digest() for each in taken}
    writer.content = Content(submissions=digests).model_dump()


def _part(
    taken: Taken,
    policy: ReleasePolicy,
    listed: Listed,
    blobs: Int64s,
    proof: Sequence[bytes],
) -> OwnerPart:
    return OwnerPart(
        name=taken.owner.name,
        policy=policy,
        manifest=taken.bundle.manifest_bytes.decode(),
        signatures=taken.bundle.signatures,
        entities=len(listed.rows),
        withdrawn=int(taken.withdrawn.sum()),
        blobs=len(blobs),
        nodes=len(proof),
    )


def _blobs(listed: Listed) -> Int64s:
    """The places of all forwarded blobs, ascending."""
    rows = listed.rows[listed.forwarded]
    counts = rows["blobs"].astype(np.int64)
    starts = np.repeat(rows["place"].astype(np.int64) - (np.cumsum(counts) - counts), counts)
    return np.asarray(starts + np.arange(int(counts.sum())))


def _payload(
    taken: Sequence[Taken], blobs: Sequence[Int64s], progress: Progress
) -> Iterator[bytes]:
    """The forwarded records of every owner; neighbours are read together."""
    total, done = sum(len(places) for places in blobs), 0
    for each, places in zip(taken, blobs, strict=True):
        step = each.content.record_bytes
        most = max(1, BLOCK // step)
        for first, count in _runs(places, most):
            yield each.bundle.read_at("payload", first * step, count * step)
            done += count
            progress(done, total)


def _runs(places: Int64s, most: int) -> Iterator[tuple[int, int]]:
    """Ranges (first, count) of consecutive places, at most ``most`` long."""
    breaks = np.flatnonzero(np.diff(places) != 1) + 1
    for start, end in pairwise([0, *breaks.tolist(), len(places)]):
        for first in range(start, end, most):
            yield int(places[first]), min(most, end - first)
