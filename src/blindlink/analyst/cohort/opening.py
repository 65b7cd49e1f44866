"""Opening a release: the analyst believes neither the linker nor the owners before it has checked.

Linker's signatures -> owners' signatures on the manifests and withdrawals inside -> the log tells
of these and no others -> policies, limits and columns are those of the agreement -> entities,
links, candidates are possible -> every named blob is one that its owner signed, at its own place,
and opens for the entity it is given to -> control marks agree -> enough people without controls.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import IO, Any

import numpy as np

from blindlink.analyst.cohort.checks import (
    Known,
    check_columns,
    check_controls,
    check_entities,
    check_labels,
    check_limits,
    check_losses,
    check_pairs,
    check_policies,
)
from blindlink.analyst.cohort.figures import check_figures
from blindlink.analyst.cohort.story import TakenOut, check_story, read_story, read_taken_out
from blindlink.arrays import Bools, Structs
from blindlink.errors import FormatError, RefusedError, VerificationError
from blindlink.keys import PartyKeys
from blindlink.messages import merkle, release
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import Agreement
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest, verify_manifest
from blindlink.messages.container.reader import open_section
from blindlink.messages.fields import moment
from blindlink.messages.linkage_report import LinkageReport, parse_report
from blindlink.messages.release import ENTITY, PAIR, Index, OwnerPart
from blindlink.messages.submission import payload
from blindlink.messages.submission.agreed import check_agreed
from blindlink.messages.submission.content import (
    FORWARDED,
    Content,
    Layout,
    read_controls,
    read_layout,
)
from blindlink.messages.submission.content import content_of as submission_content
from blindlink.progress import Progress


@dataclass(frozen=True)
class OpenedOwner:
    """What came of one owner.

    ``rows``: its named entities (release.ENTITY); ``control`` (entities,) marks control records,
    ``controls`` is their number in the submission; ``tables`` are those of payload.Unsealed, by
    name, numbered by the forwarded entities.
    """

    part: OwnerPart
    manifest: Manifest
    content: Content
    taken_out: TakenOut
    rows: Structs
    control: Bools
    controls: int
    layout: Layout
    unsealed: payload.Unsealed

    @property
    def forwarded(self) -> Bools:
        """Whose payload came along, shape (entities,)."""
        return np.asarray(self.rows["forwarded"] == 1)


@dataclass(frozen=True)
class Opened:
    """A verified and opened release. Pairs (release.PAIR) number entities over all owners."""

    manifest: Manifest
    index: Index
    owners: list[OpenedOwner]
    links: Structs
    candidates: Structs
    reports: list[dict[str, Any]]

    @property
    def bounds(self) -> list[int]:
        """The first entity number of each owner, and the number of all entities."""
        return release.bounds_of(self.index)


def open_release(
    path: Path,
    acting: Acting,
) -> Opened:
    """Verify and open a release.

    Raises InputError, FormatError, VerificationError or AgreementError, and gives nothing then.
    """
    terms, keys, where = acting.check("analyst"), acting.keys, str(path)
    with container.opened(path, release.KIND) as sealed:
        bundle = sealed.verify(terms.linker, agreement=acting.agreement.digest(), now=acting.now)
        digests = release.content_of(bundle.manifest, where).submissions
        index = _index(bundle, keys, where)
        heads = _manifests(index, terms, digests, bundle.manifest, where)
        contents = [_content(head, terms, where) for head in heads]
        sizes = [content.record_bytes for content in contents]
        release.check_sizes(index, bundle.manifest, heads, sizes, where)
        taken_out = _story(
            bundle, keys, terms, index, list(zip(heads, contents, strict=True)), where
        )
        known, links, candidates = _tables(bundle, keys, index, heads, contents, taken_out, where)
        check_pairs(index, terms, links, candidates, where)
        check_policies(known, links, candidates, where)
        check_limits(known, links, terms, where)
        owners = _owners(bundle, keys, known, terms, where, acting.progress)
        reports = _reports(bundle, keys, terms, where)
    rows = [each.rows for each in known]
    check_figures(terms, index.methods, rows, links, candidates, reports, where)
    shown = _shown(reports, terms)
    opened = Opened(bundle.manifest, index, owners, links, candidates, shown)
    check_people(opened, terms, where)
    return opened


def _story(
    bundle: container.Verified,
    keys: PartyKeys,
    terms: Agreement,
    index: Index,
    sent: Sequence[tuple[Manifest, Content]],
    where: str,
) -> list[TakenOut]:
    """Whom each owner took out; the log must tell of these submissions and withdrawals."""
    made, names = moment(bundle.manifest.created), [owner.name for owner in terms.owners]
    taken_out = []
    with bundle.open("withdrawals", keys) as source:
        for part, owner, (head, _) in zip(index.owners, terms.owners, sent, strict=True):
            data, place = source.read(part.withdrawal_bytes), f"{where}: submission of {part.name}"
            taken_out.append(read_taken_out(data, part.withdrawals, owner, head, keys, made, place))
    with bundle.open("log", keys) as source:
        entries = read_story(source, index, terms.linker, made, where)
    submissions = [(name, *each) for name, each in zip(names, sent, strict=True)]
    check_story(entries, bundle.manifest.agreement, submissions, taken_out, where)
    return taken_out


def _index(bundle: container.Verified, keys: PartyKeys, where: str) -> Index:
    with bundle.open("index", keys) as source:
        return release.read_index(source.read(release.INDEX_LIMIT + 1), where)


def _manifests(
    index: Index, terms: Agreement, digests: dict[str, str], made: Manifest, where: str
) -> list[Manifest]:
    """The owners' manifests, each signed by its owner for this agreement, valid when linked."""
    names = [owner.name for owner in terms.owners]
    if [part.name for part in index.owners] != names or sorted(digests) != sorted(names):
        raise VerificationError(f"{where}: its owners are not those of the agreement")
    heads = []
    for part, owner in zip(index.owners, terms.owners, strict=True):
        place, data = f"{where}: submission of {part.name}", part.manifest.encode()
        head = verify_manifest(data, part.signatures, "submission", owner, place)
        head.check(agreement=made.agreement, now=moment(made.created), where=place)
        if head.digest() != digests[part.name]:
            raise VerificationError(f"{place}: is not the one that the linker signed for")
        if part.policy != terms.release_policy[part.name]:
            raise VerificationError(f"{place}: released under another policy than agreed")
        heads.append(head)
    return heads


def _content(head: Manifest, terms: Agreement, where: str) -> Content:
    """What an owner's manifest declares, within the limits of the agreement."""
    place = f"{where}: submission of {terms.by_fingerprint(head.sender).name}"
    content = submission_content(head, place)
    check_agreed(content, head, terms, place)
    return content


def _tables(
    bundle: container.Verified,
    keys: PartyKeys,
    index: Index,
    heads: Sequence[Manifest],
    contents: Sequence[Content],
    taken_out: Sequence[TakenOut],
    where: str,
) -> tuple[list[Known], Structs, Structs]:
    known = []
    with bundle.open("entities", keys) as source:
        for each in zip(index.owners, heads, contents, taken_out, strict=True):
            rows = release.read_rows(source, ENTITY, each[0].entities)
            known.append(Known(*each, rows))
            check_entities(known[-1], f"{where}: entities of {each[0].name}")
    ids = np.concatenate([each.rows["pseudonym"] for each in known])
    if len(np.unique(ids, axis=0)) != len(ids):
        raise FormatError(f"{where}: entities: a pseudonym stands twice")
    pairs = []
    for name, number in (("links", index.links), ("candidates", index.candidates)):
        with bundle.open(name, keys) as source:
            pairs.append(release.read_rows(source, PAIR, number))
    return known, pairs[0], pairs[1]


def _owners(
    bundle: container.Verified,
    keys: PartyKeys,
    known: Sequence[Known],
    terms: Agreement,
    where: str,
    progress: Progress,
) -> list[OpenedOwner]:
    owners = []
    with (
        bundle.open("forwarded", keys) as forwarded,
        bundle.open("digests", keys) as digests,
        bundle.open("proofs", keys) as proofs,
        bundle.open("payload", keys) as blobs,
    ):
        for each in known:
            place = f"{where}: submission of {each.part.name}"
            layout_bytes, control_bytes = (
                _forwarded(forwarded, each.manifest, name, keys, place) for name in FORWARDED
            )
            layout = read_layout(layout_bytes, place)
            check_columns(layout, terms, each.part.name, place)
            check_losses(layout, each.content, place)
            controls = read_controls(control_bytes, place)
            unsealed, leaves = _payload(blobs, each, layout, keys, place, progress)
            nodes = [proofs.read(merkle.HASH) for _ in range(each.part.nodes)]
            _check_proof(each, leaves, digests, nodes, place)
            check_labels(layout, unsealed.tables, terms, each.part.name, place)
            control = _controls(each, controls, unsealed, place)
            check_controls(len(controls), each.content, terms, each.part.name, place)
            owners.append(
                OpenedOwner(
                    each.part,
                    each.manifest,
                    each.content,
                    each.taken_out,
                    each.rows,
                    control,
                    len(controls),
                    layout,
                    unsealed,
                )
            )
    return owners


def _forwarded(
    source: IO[bytes], manifest: Manifest, name: str, keys: PartyKeys, where: str
) -> bytes:
    """The plain bytes of a section that an owner sealed to the analyst."""
    section = manifest.section(name)
    data, where = source.read(section.size), f"{where}: section '{name}'"
    if sha256(data).hexdigest() != section.digest:
        raise VerificationError(f"{where}: is not what the owner signed")
    return open_section(manifest, name, data, keys, where)


def _payload(
    source: IO[bytes],
    owner: Known,
    layout: Layout,
    keys: PartyKeys,
    where: str,
    progress: Progress,
) -> tuple[payload.Unsealed, list[bytes]]:
    """The payload of the forwarded entities, and the leaves of their blobs."""
    rows = owner.rows[owner.rows["forwarded"] == 1]
    blobs = rows["blobs"].astype(np.int64)
    key, size = owner.manifest.unwrap("payload", keys), owner.content.blob_size
    unsealed, ids, leaves = payload.unseal(source, blobs, size, key, layout.tables, progress)
    if [row.tobytes() for row in rows["first_blob"]] != ids:
        raise VerificationError(f"{where}: payload: an entity has another blob than its own")
    return unsealed, leaves


def _check_proof(
    owner: Known,
    leaves: Sequence[bytes],
    digests: IO[bytes],
    nodes: Sequence[bytes],
    where: str,
) -> None:
    """Every named entity has a blob of the owner's at its place, whether it was forwarded or not.

    ``leaves`` are those of the forwarded ones; ``digests``: what is sealed in the others.
    """
    known, mine = iter(leaves), []
    for row in owner.rows:
        if row["forwarded"]:
            mine.append(next(known))
        else:
            mine.append(payload.leaf(row["first_blob"].tobytes(), digests.read(merkle.HASH)))
    if mine or nodes:
        places = owner.rows["place"].astype(np.int64).tolist()
        found = merkle.root_from(owner.content.blobs, places, mine, nodes)
        if found.hex() != owner.content.payload_root:
            raise VerificationError(f"{where}: payload: a blob is not the owner's")


def _controls(
    owner: Known, controls: Sequence[bytes], unsealed: payload.Unsealed, where: str
) -> Bools:
    """Which named entities are control records. The list and the marks in the blobs must agree."""
    known = set(controls)
    marked = np.array([row.tobytes() in known for row in owner.rows["first_blob"]], bool)
    forwarded = owner.rows["forwarded"] == 1
    if np.any(marked[forwarded] != (unsealed.kinds == payload.CONTROL)):
        raise VerificationError(f"{where}: controls: do not agree with the marks in the payload")
    if owner.part.policy == "all" and int(marked.sum()) != len(known):
        raise VerificationError(f"{where}: controls: one is not among the entities")
    return marked


def _reports(
    bundle: container.Verified, keys: PartyKeys, terms: Agreement, where: str
) -> list[LinkageReport]:
    with bundle.open("reports", keys) as source:
        data = source.read()  # of a size that was checked
    pairs = list(combinations([owner.name for owner in terms.owners], 2))
    try:
        found = json.loads(data)
        sides = [(each["left"], each["right"]) for each in found]
        reports = [parse_report(json.dumps(each["report"]).encode()) for each in found]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FormatError(f"{where}: reports: not readable") from None
    if sides != pairs:
        raise FormatError(f"{where}: reports: are not one for each pair of owners")
    return reports


def _shown(reports: Sequence[LinkageReport], terms: Agreement) -> list[dict[str, Any]]:
    """Each report with the owners that it is of, as JSON objects."""
    pairs = combinations([owner.name for owner in terms.owners], 2)
    return [
        {"left": left, "right": right, "report": report.model_dump(mode="json")}
        for (left, right), report in zip(pairs, reports, strict=True)
    ]


def check_people(opened: Opened, terms: Agreement, where: str) -> None:
    """Raises RefusedError unless the agreed minima hold without control records.

    Asked before a cohort is written: rows that are left of each owner after withdrawals, and links
    between every two owners.
    """
    control = np.concatenate([each.control for each in opened.owners])
    for each in opened.owners:
        rows = each.content.rows - each.taken_out.rows - each.controls
        if rows < terms.minimum_rows:
            raise RefusedError(
                f"{where}: {each.part.name}: {rows} rows of people are left; the agreement wants "
                f"{terms.minimum_rows}"
            )
    left, right = (opened.links[side].astype(np.int64) for side in ("left", "right"))
    real = ~(control[left] | control[right])
    bounds = np.asarray(opened.bounds[1:])
    owner = [np.searchsorted(bounds, side, side="right") for side in (left, right)]
    for one, other in combinations(range(len(opened.owners)), 2):
        links = int(np.sum(real & (owner[0] == one) & (owner[1] == other)))
        if links < terms.minimum_overlap:
            names = (opened.owners[at].part.name for at in (one, other))
            raise RefusedError(
                f"{where}: {' and '.join(names)}: {links} links of people; the agreement wants "
                f"{terms.minimum_overlap}"
            )
