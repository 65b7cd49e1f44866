"""Writing a release: eleven sections, all sealed to the analyst, payload copied as it came."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from blindlink.arrays import Int64s
from blindlink.linker.protocol.assembly import Listed, OwnerPair, method_names, pair_rows
from blindlink.linker.protocol.intake import Taken
from blindlink.messages import merkle
from blindlink.messages.agreement.document import Agreement
from blindlink.messages.agreement.terms import ReleasePolicy
from blindlink.messages.audit.log import AuditLog, Head, SignedHead
from blindlink.messages.container import reader as container
from blindlink.messages.linkage_report import LinkageReport
from blindlink.messages.release import Content, Index, OwnerPart, SentWithdrawal
from blindlink.messages.signed import Signed
from blindlink.messages.submission.content import FORWARDED
from blindlink.progress import Progress

BLOCK = 1 << 20


@dataclass(frozen=True)
class Report:
    """The linkage report of two owners."""

    left: str
    right: str
    report: LinkageReport


@dataclass(frozen=True)
class Found:
    """What a run found: submissions in the owners' order, their pairs, whom the release names."""

    taken: Sequence[Taken]
    pairs: Sequence[OwnerPair]
    reports: Sequence[Report]
    listed: Sequence[Listed]


def write(
    writer: container.Writer,
    terms: Agreement,
    found: Found,
    log: AuditLog,
    head: Signed[Head],
    progress: Progress,
) -> None:
    """Write every section and the content. ``head`` is that of the log up to the freeze."""
    taken, pairs, listed = found.taken, found.pairs, found.listed
    policies = [terms.release_policy[each.owner.name] for each in taken]
    methods = method_names(pairs)
    links = pair_rows([(each, each.links) for each in pairs], listed, methods)
    candidates = pair_rows([(each, each.candidates) for each in pairs], listed, methods)
    blobs = [_blobs(each) for each in listed]
    proofs = [
        merkle.prove(each.leaves, mine.rows["place"].astype(np.int64).tolist())
        for each, mine in zip(taken, listed, strict=True)
    ]
    withdrawals = [_withdrawals(each) for each in taken]
    story = b"".join(entry.to_bytes() + b"\n" for entry in log.entries[: head.document.size])
    parts = [
        _part(*each)
        for each in zip(taken, policies, listed, blobs, proofs, withdrawals, strict=True)
    ]
    index = Index(
        owners=tuple(parts),
        links=len(links),
        candidates=len(candidates),
        methods=tuple(methods),
        log_bytes=len(story),
        head=SignedHead.of(head),
    )
    named = [
        {"left": each.left, "right": each.right, "report": each.report.model_dump(mode="json")}
        for each in found.reports
    ]
    plain = {
        "index": [index.to_bytes()],
        "entities": [each.rows.tobytes() for each in listed],
        "links": [links.tobytes()],
        "candidates": [candidates.tobytes()],
        "reports": [json.dumps(named, allow_nan=False).encode()],
        "forwarded": [each.bundle.raw(name).read() for each in taken for name in FORWARDED],
        "withdrawals": withdrawals,
        "log": [story],
        "digests": [d for pair in zip(taken, listed, strict=True) for d in _digests(*pair)],
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
    withdrawals: bytes,
) -> OwnerPart:
    return OwnerPart(
        name=taken.owner.name,
        policy=policy,
        manifest=taken.bundle.manifest_bytes.decode(),
        signatures=taken.bundle.signatures,
        entities=len(listed.rows),
        withdrawals=len(taken.messages),
        withdrawal_bytes=len(withdrawals),
        blobs=len(blobs),
        nodes=len(proof),
    )


def _withdrawals(taken: Taken) -> bytes:
    """The owner's messages, in the order of their bundle ids."""
    ordered = sorted(taken.messages, key=lambda each: each.manifest.bundle)
    sent = (SentWithdrawal(m.manifest_bytes, m.signatures, m.sealed) for m in ordered)
    return b"".join(each.to_bytes() for each in sent)


def _digests(taken: Taken, listed: Listed) -> list[bytes]:
    """What proves the blobs of named people that are not forwarded."""
    places = listed.rows["place"].astype(np.int64)[~listed.forwarded]
    return [taken.digests[at] for at in places.tolist()]


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
