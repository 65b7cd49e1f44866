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
from datetime import datetime
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa

from blindlink.arrays import Bytes, Int64s
from blindlink.errors import InputError, RefusedError, SchemaError, SeparationError
from blindlink.files import check_output
from blindlink.keys import Entropy, PartyKeys, system_entropy
from blindlink.linker.model.link import Candidates, Counts
from blindlink.linker.model.link import link as link_pair
from blindlink.linker.protocol import assembly, intake
from blindlink.linker.protocol.assembly import Listed, OwnerPair, Pairs
from blindlink.linker.protocol.intake import Taken, Withdrawal
from blindlink.linker.protocol.lock import locked
from blindlink.linker.protocol.project import REFUSED, RELEASED, Project, make_folder
from blindlink.linker.protocol.ready import check_ready
from blindlink.linker.protocol.witness import only_project, witnessed
from blindlink.linker.protocol.writing import write
from blindlink.messages.agreement.document import Agreement, SignedAgreement
from blindlink.messages.agreement.terms import too_many_named
from blindlink.messages.audit.log import AuditLog, Head
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.encodings import Encodings
from blindlink.messages.fields import moment
from blindlink.messages.linkage_report import LinkageReport
from blindlink.messages.release import KIND
from blindlink.messages.signed import Signed
from blindlink.messages.submission.content import to_encodings
from blindlink.progress import Progress, silent

# The same files would fail again: the run has ended. What a machine lacks (a library, disk,
# memory) can be mended, and the run repeated with the frozen inputs.
UNDOABLE = (SeparationError, RefusedError, InputError, SchemaError)


@dataclass(frozen=True)
class Report:
    """The linkage report of two owners."""

    left: str
    right: str
    report: LinkageReport


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


@dataclass(frozen=True)
class _Run:
    """What all steps of a run share."""

    agreement: SignedAgreement
    keys: PartyKeys
    now: datetime
    entropy: Entropy
    progress: Progress


def link(
    submissions: Sequence[Path],
    agreement: SignedAgreement,
    keys: PartyKeys,
    project: Path,
    out: Path,
    *,
    withdrawals: Sequence[Path] = (),
    witness: Path | None = None,
    used: Path | None = None,
    now: datetime,
    force: bool = False,
    entropy: Entropy = system_entropy,
    progress: Progress = silent,
) -> Released:
    """Link one submission of every owner and write the release to ``out``.

    ``project`` is the linker's folder for this agreement, made where there is none; it gets the
    audit log and the receipts for the owners; ``witness`` keeps the log's head and ``used`` which
    log, see ``linker.protocol.witness``.
    Raises InputError, FormatError, VerificationError, AgreementError, RefusedError, SeparationError
    or OutputError; then no release is written.
    """
    agreement.verify(now, "agreement")
    agreement.agreement.member(keys.public, "linker")
    check_ready(agreement.agreement)
    check_output(out, inputs=[*submissions, *withdrawals], force=force)
    run = _Run(agreement, keys, now, entropy, progress)
    with ExitStack() as stack:
        read = [
            intake.take(stack, path, agreement, keys, now=now, progress=progress)
            for path in submissions
        ]
        messages = [intake.take_withdrawal(path, agreement, keys, now=now) for path in withdrawals]
        messages = list({each.manifest.bundle: each for each in messages}.values())
        taken = _one_each(read, messages, agreement.agreement)
        _check_people(taken, agreement.agreement)
        make_folder(project)
        stack.enter_context(locked(project))
        stack.enter_context(only_project(project, used, agreement.digest()))
        stack.enter_context(witnessed(project, witness, keys, now))
        desk = Project.open(project, agreement.digest(), now=now, entropy=entropy)
        receipts = _receive(desk, taken, messages, run)
        desk.freeze(_inputs(taken, messages), now=now)
        try:
            pairs, reports = _link_all(taken, run)
            listed = _list(taken, pairs, run)
        except UNDOABLE as error:
            desk.finish(REFUSED, {"reason": type(error).__name__}, now=now, entropy=entropy)
            raise
        manifest = _write(run, out, force, desk, taken, pairs, reports, listed)
        ended = {"bundle": manifest.bundle, "release": manifest.digest()}
        desk.finish(RELEASED, ended, now=now, entropy=entropy)
    names = [each.owner.name for each in taken]
    return Released(
        path=out,
        bundle_id=manifest.bundle,
        links=sum(len(each.links) for each in pairs),
        candidates=sum(len(each.candidates) for each in pairs),
        entities={name: len(each.number) for name, each in zip(names, listed, strict=True)},
        reports=reports,
        receipts=receipts,
        matches=_matches(taken, pairs, listed),
    )


def _write(
    run: _Run,
    out: Path,
    force: bool,
    desk: Project,
    taken: Sequence[Taken],
    pairs: Sequence[OwnerPair],
    reports: Sequence[Report],
    listed: Sequence[Listed],
) -> Manifest:
    terms = run.agreement.agreement
    policies = [terms.release_policy[each.owner.name] for each in taken]
    with container.create(
        out,
        KIND,
        sender=run.keys,
        agreement=run.agreement.digest(),
        bundle=container.new_bundle(run.entropy),
        now=run.now,
        expires=moment(terms.expires),
        force=force,
        entropy=run.entropy,
    ) as writer:
        found = [each.report for each in reports]
        head = _head(desk.log, run, desk.frozen_size())
        write(writer, terms, taken, policies, pairs, found, listed, desk.log, head, run.progress)
    return writer.manifest()


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


def _head(log: AuditLog, run: _Run, size: int) -> Signed[Head]:
    return log.head(run.keys, now=run.now, size=size)


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


def _list(taken: Sequence[Taken], pairs: Sequence[OwnerPair], run: _Run) -> list[Listed]:
    """Whom the release names; raises RefusedError where that is more than agreed."""
    terms = run.agreement.agreement
    policies = [terms.release_policy[each.owner.name] for each in taken]
    listed = assembly.list_entities(taken, policies, pairs, run.entropy)
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
    desk: Project, taken: Sequence[Taken], messages: Sequence[Withdrawal], run: _Run
) -> list[Path]:
    receipts = [
        desk.receive(
            each.owner.name,
            each.bundle.manifest,
            each.content.sequence,
            each.content.rows,
            each.rejected,
            run.keys,
            now=run.now,
        )
        for each in taken
    ]
    for each in messages:
        desk.withdraw(each.owner.name, each.manifest, each.submission, len(each.ids), now=run.now)
    return receipts


def _inputs(taken: Sequence[Taken], messages: Sequence[Withdrawal]) -> dict[str, list[str]]:
    return {
        "submissions": [each.bundle.manifest.bundle for each in taken],
        "withdrawals": sorted(each.manifest.bundle for each in messages),
    }


def _link_all(taken: Sequence[Taken], run: _Run) -> tuple[list[OwnerPair], list[Report]]:
    """Link every two owners; raises RefusedError below the agreed overlap."""
    terms = run.agreement.agreement
    encodings = [_usable(each) for each in taken]
    pairs, reports = [], []
    for left, right in combinations(range(len(taken)), 2):
        found = link_pair(encodings[left], encodings[right], terms.plan, progress=run.progress)
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


def _matches(
    taken: Sequence[Taken], pairs: Sequence[OwnerPair], listed: Sequence[Listed]
) -> pa.Table:
    parts = []
    for each in pairs:
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
