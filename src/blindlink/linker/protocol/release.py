"""The linker's one run: verify, freeze, link, and hand the analyst what the policies allow.

    take in every submission and withdrawal -> receipts, log -> freeze -> link each pair of owners
    by the plan -> minimum overlap -> pseudonyms, policies -> seal to the analyst, sign -> log

What ends in a refusal (too few links, more pairs than can be held, scores that do not separate
where the plan has no fallback threshold) has ended too: the log says so, nothing is written, and
the owners are not told. So no project stays frozen for ever.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bytes, Int64s
from blindlink.errors import InputError, RefusedError, SchemaError, SeparationError
from blindlink.files import check_output
from blindlink.linker.model.link import Candidates, Counts
from blindlink.linker.model.link import link as link_pair
from blindlink.linker.protocol import assembly, intake
from blindlink.linker.protocol.assembly import Listed, OwnerPair, Pairs
from blindlink.linker.protocol.intake import Taken, Withdrawal
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.project import REFUSED, RELEASED, Project, make_folder
from blindlink.linker.protocol.ready import check_ready
from blindlink.linker.protocol.writing import Found, Report, write
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import Agreement
from blindlink.messages.agreement.terms import too_many_named
from blindlink.messages.audit.log import AuditLog, Head
from blindlink.messages.encodings import Encodings
from blindlink.messages.linkage_report import LinkageReport
from blindlink.messages.release import KIND
from blindlink.messages.signed import Signed
from blindlink.messages.submission.content import to_encodings

# The same files would fail again: the run has ended. What a machine lacks (a library, disk,
# memory) can be mended, and the run repeated with the frozen inputs.
UNDOABLE = (SeparationError, RefusedError, InputError, SchemaError)


@dataclass(frozen=True)
class Released:
    """What went out. ``entities``: how many of each owner the release names.

    ``matches`` (left_owner, right_owner, left_row_id, right_row_id, left_pseudonym,
    right_pseudonym, probability) stays with the linker.
    """

    path: Path
    bundle_id: str
    links: int
    candidates: int
    entities: dict[str, int]
    reports: list[Report]
    receipts: list[Path]
    matches: pa.Table

    @property
    def report(self) -> LinkageReport:
        """The report of the first pair of owners."""
        return self.reports[0].report


def link(
    submissions: Sequence[Path],
    acting: Acting,
    place: Place,
    out: Path,
    *,
    withdrawals: Sequence[Path] = (),
    force: bool = False,
) -> Released:
    """Link one submission of every owner and write the release to ``out``.

    The project's folder is made where there is none; it gets the audit log and the receipts for the
    owners.
    Raises InputError, FormatError, VerificationError, AgreementError, RefusedError, SeparationError
    or OutputError; then no release is written.
    """
    terms, now, entropy = acting.check("linker"), acting.now, acting.entropy
    check_ready(terms)
    check_output(out, inputs=[*submissions, *withdrawals], force=force)
    with ExitStack() as stack:
        read = [intake.take(stack, path, acting) for path in submissions]
        messages = [intake.take_withdrawal(path, acting) for path in withdrawals]
        messages = list({each.manifest.bundle: each for each in messages}.values())
        taken = _one_each(read, messages, terms)
        _check_people(taken, terms)
        make_folder(place.folder)
        stack.enter_context(place.held(acting))
        desk = Project.open(place.folder, acting.agreement.digest(), now=now, entropy=entropy)
        receipts = _receive(desk, taken, messages, acting)
        desk.freeze(_inputs(taken, messages), now=now)
        try:
            pairs, reports = _link_all(taken, acting)
            found = Found(taken, pairs, reports, _list(taken, pairs, acting))
        except UNDOABLE as error:
            desk.finish(REFUSED, {"reason": type(error).__name__}, now=now, entropy=entropy)
            raise
        with acting.create(out, KIND, force=force) as writer:
            head = _head(desk.log, acting, desk.frozen_size())
            write(writer, terms, found, desk.log, head, acting.progress)
        manifest = writer.manifest()
        ended = {"bundle": manifest.bundle, "release": manifest.digest()}
        desk.finish(RELEASED, ended, now=now, entropy=entropy)
    names = [each.owner.name for each in taken]
    return Released(
        path=out,
        bundle_id=manifest.bundle,
        links=sum(len(each.links) for each in pairs),
        candidates=sum(len(each.candidates) for each in pairs),
        entities={name: len(each.number) for name, each in zip(names, found.listed, strict=True)},
        reports=reports,
        receipts=receipts,
        matches=_matches(found),
    )


def _one_each(read: Sequence[Taken], messages: list[Withdrawal], terms: Agreement) -> list[Taken]:
    """The submissions in the order of the agreement's owners, without withdrawn entities."""
    by_name = {each.owner.name: each for each in read}
    wanted = [owner.name for owner in terms.owners]
    if len(by_name) != len(read):
        raise RefusedError("two submissions are of one owner", hint="give the latest one of each")
    if missing := [name for name in wanted if name not in by_name]:
        raise RefusedError(f"no submission of {', '.join(missing)}", hint="every owner sends one")
    mine = {name: [m for m in messages if m.owner.name == name] for name in wanted}
    return [intake.without(by_name[name], mine[name]) for name in wanted]


def _head(log: AuditLog, acting: Acting, size: int) -> Signed[Head]:
    return log.head(acting.keys, now=acting.now, size=size)


def _check_people(taken: Sequence[Taken], terms: Agreement) -> None:
    """Raises RefusedError where withdrawals leave fewer rows of people than agreed.

    Control records cannot be told apart here: as many as were agreed are taken to be left.
    """
    for each in taken:
        rows = int((~each.withdrawn[each.records.entity]).sum())
        people = terms.people_rows(each.owner.name, rows, each.content.first_rows)
        if people < terms.minimum_rows:
            raise RefusedError(
                f"{each.owner.name}: {people} rows of people are left after withdrawals; the "
                f"agreement wants {terms.minimum_rows}",
                hint="the owner may send another submission",
            )


def _list(taken: Sequence[Taken], pairs: Sequence[OwnerPair], acting: Acting) -> list[Listed]:
    """Whom the release names; raises RefusedError where that is more than agreed."""
    terms = acting.terms
    policies = [terms.release_policy[each.owner.name] for each in taken]
    listed = assembly.list_entities(taken, policies, pairs, acting.entropy)
    for each, mine in zip(taken, listed, strict=True):
        if too_many_named(terms, each.owner.name, len(mine.number), each.content.entities):
            raise RefusedError(
                f"{each.owner.name}: more of its people would be named than the agreement allows"
            )
    return listed


def _check_links(pairs: OwnerPair, terms: Agreement) -> None:
    """Raises RefusedError where somebody has more links than agreed."""
    for side in (pairs.links.left, pairs.links.right):
        if np.unique(side, return_counts=True)[1].max(initial=0) > terms.limits.entity_links:
            raise RefusedError("a person has more links than the agreement allows")


def _receive(
    desk: Project, taken: Sequence[Taken], messages: Sequence[Withdrawal], acting: Acting
) -> list[Path]:
    receipts = [
        desk.receive(
            each.owner.name,
            each.bundle.manifest,
            each.content.sequence,
            each.content.rows,
            each.rejected,
            acting,
        )
        for each in taken
    ]
    for each in messages:
        desk.withdraw(
            each.owner.name, each.manifest, each.submission, len(each.ids), now=acting.now
        )
    return receipts


def _inputs(taken: Sequence[Taken], messages: Sequence[Withdrawal]) -> dict[str, list[str]]:
    return {
        "submissions": [each.bundle.manifest.bundle for each in taken],
        "withdrawals": sorted(each.manifest.bundle for each in messages),
    }


def _link_all(taken: Sequence[Taken], acting: Acting) -> tuple[list[OwnerPair], list[Report]]:
    """Link every two owners; raises RefusedError below the agreed overlap."""
    terms = acting.terms
    encodings = [_usable(each) for each in taken]
    pairs, reports = [], []
    for left, right in combinations(range(len(taken)), 2):
        found = link_pair(encodings[left], encodings[right], terms.plan, progress=acting.progress)
        names = taken[left].owner.name, taken[right].owner.name
        if len(found.links) < terms.minimum_overlap:
            raise RefusedError(
                f"{names[0]} and {names[1]}: fewer links than the agreement wants for a release"
            )
        sides = encodings[left], encodings[right]
        counts = (
            _counts(found.left_counts, taken[left]),
            _counts(found.right_counts, taken[right]),
        )
        links, candidates = _pairs(found.links, sides), _pairs(found.candidates, sides)
        pairs.append(OwnerPair(left, right, links, candidates, counts))
        _check_links(pairs[-1], terms)
        reports.append(Report(*names, found.report))
    return pairs, reports


def _usable(taken: Taken) -> Encodings:
    """The rows that may be matched; ``row`` keeps their places in the submission."""
    return to_encodings(taken.records, taken.content, np.flatnonzero(taken.usable))


def _pairs(found: Candidates, sides: tuple[Encodings, Encodings]) -> Pairs:
    return Pairs(
        left=found.left_entity.astype(np.int64),
        right=found.right_entity.astype(np.int64),
        left_row=sides[0].row[found.left_row],
        right_row=sides[1].row[found.right_row],
        probability=found.probability,
        method=found.method,
    )


def _counts(found: Counts, taken: Taken) -> Int64s:
    """Counts by entity number, 0 for entities that were not matched at all."""
    counts = np.zeros(taken.content.entities, np.int64)
    counts[found.entity.astype(np.int64)] = found.count
    return counts


def _matches(found: Found) -> pa.Table:
    taken, listed, parts = found.taken, found.listed, []
    for each in found.pairs:
        left, right, links = taken[each.left], taken[each.right], each.links
        parts.append(
            pa.table(
                {
                    "left_owner": [left.owner.name] * len(links.left),
                    "right_owner": [right.owner.name] * len(links.left),
                    "left_row_id": _hex(left.records.ids[links.left_row]),
                    "right_row_id": _hex(right.records.ids[links.right_row]),
                    "left_pseudonym": _pseudonyms(listed[each.left], links.left),
                    "right_pseudonym": _pseudonyms(listed[each.right], links.right),
                    "probability": links.probability,
                }
            )
        )
    return pa.concat_tables(parts)


def _pseudonyms(listed: Listed, entities: Int64s) -> list[str]:
    return _hex(listed.rows["pseudonym"][listed.place[entities]])


def _hex(ids: Bytes) -> list[str]:
    return [row.tobytes().hex() for row in ids]
