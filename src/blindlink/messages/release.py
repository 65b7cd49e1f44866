"""What the linker hands to the analyst: a container of the kind ``release``, sealed to the analyst.

    section     plain bytes
    index       canonical JSON (class Index): numbers, policies, owners' manifests and signatures
    entities    for each owner, for each entity in the order of its first blob: pseudonym (16), id
                of its first blob (16), place of that blob (4), blobs (4), candidates (4), 1 where
                its blobs are in this file, else 0 (1)
    links       left entity (4), right entity (4), probability (8, NaN without a model), method (1)
    candidates  the same columns
    reports     JSON list of the linkage reports, one for each pair of owners
    forwarded   for each owner its sealed sections ``layout`` and ``controls`` as they came
    withdrawals for each owner its withdrawals: length (4) and manifest, length (4) and signatures,
                then the sealed section ``entities`` as it came
    log         the linker's audit log up to the freeze: canonical entries, a line feed after each
    digests     for each owner, for each named entity whose blob is not in this file, the SHA-256
                (32) of what is sealed in it
    proofs      for each owner the nodes (32) that prove the blobs of all named entities, forwarded
                or not, against its Merkle root
    payload     for each owner its forwarded blob records

Entities are numbered over all owners, in file order. Integers and floats are big-endian. Even the
owners' ciphertexts are sealed once more: whoever holds an owner's submission could otherwise see
which of its blobs went out, and so who was linked.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, Annotated, Any

import numpy as np
from pydantic import BaseModel, Field, StringConstraints

from blindlink.arrays import Structs
from blindlink.errors import FormatError
from blindlink.keys import Signatures
from blindlink.messages import canonical
from blindlink.messages.agreement.terms import ReleasePolicy
from blindlink.messages.audit.log import LIMIT as LOG_LIMIT
from blindlink.messages.audit.log import SignedHead
from blindlink.messages.container.manifest import MAX_SIZE, Manifest, parse_manifest
from blindlink.messages.container.stream import sealed_size
from blindlink.messages.container.writer import LENGTH
from blindlink.messages.fields import STRICT, Digest, Name, parse
from blindlink.messages.merkle import HASH
from blindlink.messages.submission.content import FORWARDED, Count
from blindlink.messages.submission.withdrawal import ENTITIES, WITHDRAWAL

KIND = "release"
SECTIONS = (
    "index",
    "entities",
    "links",
    "candidates",
    "reports",
    "forwarded",
    "withdrawals",
    "log",
    "digests",
    "proofs",
    "payload",
)
INDEX_LIMIT = canonical.LIMIT
WITHDRAWALS_LIMIT = 64 << 20  # bytes of one owner's
REPORT_LIMIT, REPORTS_LIMIT = 128 << 10, 16 << 20  # bytes of one, and of all

ENTITY = np.dtype(
    [
        ("pseudonym", "u1", (16,)),
        ("first_blob", "u1", (16,)),
        ("place", ">u4"),
        ("blobs", ">u4"),
        ("candidates", ">u4"),
        ("forwarded", "u1"),
    ]
)
PAIR = np.dtype([("left", ">u4"), ("right", ">u4"), ("probability", ">f8"), ("method", "u1")])

Method = Annotated[str, StringConstraints(pattern=r"^[ -~]{0,64}$")]
Size = Annotated[int, Field(ge=0, le=MAX_SIZE)]


class OwnerPart(BaseModel):
    """One owner in a release. ``withdrawals``: so many of its messages stand in the section of that
    name, in ``withdrawal_bytes``; ``blobs`` records are forwarded; ``nodes``: proof nodes."""

    model_config = STRICT

    name: Name
    policy: ReleasePolicy
    manifest: str
    signatures: Signatures
    entities: Count
    withdrawals: Count
    withdrawal_bytes: Annotated[int, Field(ge=0, le=WITHDRAWALS_LIMIT)]
    blobs: Count
    nodes: Count


class Index(BaseModel):
    """The table of contents of a release. ``head``: the linker's signed head of the log, of
    ``log_bytes``, up to the freeze."""

    model_config = STRICT

    owners: Annotated[tuple[OwnerPart, ...], Field(min_length=2, max_length=30)]
    links: Count
    candidates: Count
    methods: Annotated[tuple[Method, ...], Field(max_length=64)]
    log_bytes: Annotated[int, Field(ge=1, le=LOG_LIMIT)]
    head: SignedHead

    def to_bytes(self) -> bytes:
        """The plain bytes of the section ``index``."""
        return canonical.dumps(self.model_dump(mode="json"))


class Content(BaseModel):
    """What the manifest of a release says in clear: which submissions went in, by digest."""

    model_config = STRICT

    submissions: Annotated[dict[Name, Digest], Field(min_length=2, max_length=30)]


def content_of(manifest: Manifest, where: str) -> Content:
    """The content of a release's manifest, with its sections checked. Raises FormatError."""
    content = parse(Content, manifest.content, f"{where}: manifest: content")
    found = tuple((section.name, section.cipher) for section in manifest.sections)
    if found != tuple((name, "stream") for name in SECTIONS):
        raise FormatError(f"{where}: manifest: sections are not those of a release")
    return content


def read_index(data: bytes, where: str) -> Index:
    """Read the plain bytes of the section ``index``. Raises FormatError."""
    return parse(Index, canonical.loads(data, f"{where}: index"), f"{where}: index")


def check_sizes(
    index: Index,
    manifest: Manifest,
    owners: Sequence[Manifest],
    record_bytes: Sequence[int],
    where: str,
) -> None:
    """Raises FormatError unless every section has the size that the index makes it have.

    ``owners``: their manifests; ``record_bytes``: bytes of a blob record of each.
    """
    sizes = {
        "entities": ENTITY.itemsize * sum(owner.entities for owner in index.owners),
        "links": PAIR.itemsize * index.links,
        "candidates": PAIR.itemsize * index.candidates,
        "forwarded": sum(owner.section(name).size for owner in owners for name in FORWARDED),
        "withdrawals": sum(owner.withdrawal_bytes for owner in index.owners),
        "log": index.log_bytes,
        "digests": HASH * sum(owner.entities - owner.blobs for owner in index.owners),
        "proofs": HASH * sum(owner.nodes for owner in index.owners),
        "payload": sum(o.blobs * n for o, n in zip(index.owners, record_bytes, strict=True)),
    }
    for name, size in sizes.items():
        if manifest.section(name).size != sealed_size(size):
            raise FormatError(f"{where}: {name}: not the size that the index declares")
    if manifest.section("reports").size > reports_limit(len(index.owners)):
        raise FormatError(f"{where}: reports: larger than {reports_limit(len(index.owners))} bytes")


@dataclass(frozen=True)
class SentWithdrawal:
    """A withdrawal as a release carries it: signed, with the section that the analyst opens."""

    manifest: bytes
    signatures: Signatures
    sealed: bytes

    def to_bytes(self) -> bytes:
        """As it stands in the section ``withdrawals``."""
        parts = (self.manifest, canonical.dumps(self.signatures.model_dump()))
        return b"".join(LENGTH.pack(len(part)) + part for part in parts) + self.sealed


def read_withdrawals(data: bytes, number: int, where: str) -> list[SentWithdrawal]:
    """The withdrawals of one owner. Their signatures are checked elsewhere. Raises FormatError."""
    found, source = [], io.BytesIO(data)
    for at in range(1, number + 1):
        place = f"{where}: withdrawal {at}"
        manifest = _part(source, place)
        value = canonical.loads(_part(source, place), f"{place}: signatures")
        signatures = parse(Signatures, value, f"{place}: signatures")
        size = parse_manifest(manifest, WITHDRAWAL, place).section(ENTITIES).size
        found.append(SentWithdrawal(manifest, signatures, _exactly(source, size, place)))
    if source.read(1):
        raise FormatError(f"{where}: withdrawals: more than the index declares")
    return found


def _part(source: IO[bytes], where: str) -> bytes:
    (size,) = LENGTH.unpack(_exactly(source, LENGTH.size, where))
    return _exactly(source, size, where)


def _exactly(source: IO[bytes], size: int, where: str) -> bytes:
    data = source.read(size)
    if len(data) != size:
        raise FormatError(f"{where}: cut off")
    return data


def reports_limit(owners: int) -> int:
    """Bytes of the section ``reports`` at most: parsed, JSON takes thirty times as much memory."""
    return min(REPORT_LIMIT * (owners * (owners - 1) // 2), REPORTS_LIMIT)


def read_rows(source: IO[bytes], dtype: Any, number: int) -> Structs:
    """``number`` rows of a section whose size ``check_sizes`` has checked."""
    return np.frombuffer(source.read(number * dtype.itemsize), dtype)


def check_pairs(pairs: Structs, bounds: Sequence[int], methods: int, where: str) -> None:
    """Raises FormatError for a pair that no linkage gives.

    ``bounds``: the first entity number of each owner, and the number of all entities. A pair joins
    entities of two owners, the earlier one on the left, and stands once.
    """
    if not len(pairs):
        return
    left, right = pairs["left"].astype(np.int64), pairs["right"].astype(np.int64)
    if max(left.max(), right.max()) >= bounds[-1]:
        raise FormatError(f"{where}: a pair names an entity that is not there")
    side = [np.searchsorted(np.asarray(bounds[1:]), each, side="right") for each in (left, right)]
    if np.any(side[0] >= side[1]):
        raise FormatError(f"{where}: a pair does not join a left and a right entity")
    if len(np.unique(left * bounds[-1] + right)) != len(pairs):
        raise FormatError(f"{where}: a pair stands twice")
    known = pairs["probability"][~np.isnan(pairs["probability"])]
    if np.any((known < 0) | (known > 1)) or np.any(pairs["method"] >= methods):
        raise FormatError(f"{where}: a pair has no such probability or method")


def bounds_of(index: Index) -> list[int]:
    """The first entity number of each owner, and the number of all entities."""
    bounds = [0]
    for owner in index.owners:
        bounds.append(bounds[-1] + owner.entities)
    return bounds


def spans(bounds: Sequence[int]) -> list[slice]:
    """The entities of each owner."""
    return [slice(a, b) for a, b in pairwise(bounds)]
