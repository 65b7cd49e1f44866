"""What an analyst checks of a release against the agreement, before any payload is opened.

The linker may have released too much or too little, linked one entity twice, or gone on where too
few links were found; an owner may have sent other columns or control records than agreed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from blindlink.analyst.cohort.story import TakenOut
from blindlink.arrays import Bools, Int64s, Structs
from blindlink.errors import FormatError, VerificationError
from blindlink.messages import release
from blindlink.messages.agreement.document import Agreement
from blindlink.messages.agreement.terms import too_many_named
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.release import Index, OwnerPart
from blindlink.messages.submission.content import Content, Layout


@dataclass(frozen=True)
class Known:
    """What is known of an owner before its payload is read."""

    part: OwnerPart
    manifest: Manifest
    content: Content
    taken_out: TakenOut
    rows: Structs


def check_entities(owner: Known, where: str) -> None:
    """Blobs lie one after the other inside the submission, add up to what the index says, and are
    of nobody who was taken out."""
    rows, part, content = owner.rows, owner.part, owner.content
    place, blobs = rows["place"].astype(np.int64), rows["blobs"].astype(np.int64)
    ends = place + blobs
    if np.any(blobs < 1) or np.any(ends[:-1] > place[1:]) or np.any(ends > content.blobs):
        raise FormatError(f"{where}: their blobs overlap or lie outside the submission")
    if np.any(rows["forwarded"] > 1) or int(blobs[rows["forwarded"] == 1].sum()) != part.blobs:
        raise FormatError(f"{where}: the forwarded blobs are not as many as declared")
    if np.any(blobs > 1):
        raise FormatError(f"{where}: one has more than one blob")
    if part.entities + len(owner.taken_out.blobs) > content.entities:
        raise FormatError(f"{where}: more than were submitted")
    named = {row.tobytes() for row in rows["first_blob"]}
    if len(named) != len(rows):
        raise FormatError(f"{where}: a blob id stands twice")
    if owner.taken_out.blobs & named:
        raise VerificationError(f"{where}: one was taken out by its owner")


def check_pairs(
    index: Index, terms: Agreement, links: Structs, candidates: Structs, where: str
) -> None:
    bounds = release.bounds_of(index)
    for name, pairs in (("links", links), ("candidates", candidates)):
        release.check_pairs(pairs, bounds, len(index.methods), f"{where}: {name}")
    single = {"one-to-one": ("left", "right"), "one-to-many": ("right",), "many-to-many": ()}
    owner = {side: np.searchsorted(bounds, links[side], side="right") for side in ("left", "right")}
    for side in single[terms.plan.cardinality]:
        other = owner["right" if side == "left" else "left"]
        if len(set(zip(links[side].tolist(), other.tolist(), strict=True))) != len(links):
            raise VerificationError(f"{where}: links: an entity has more links than agreed")
    if not np.isin(_one_number(links, bounds), _one_number(candidates, bounds)).all():
        raise FormatError(f"{where}: links: one is not among the candidates")
    _check_overlap(owner["left"] - 1, owner["right"] - 1, terms, where)


def _one_number(pairs: Structs, bounds: Sequence[int]) -> Int64s:
    """Each pair as one number."""
    left, right = (pairs[side].astype(np.int64) for side in ("left", "right"))
    return np.asarray(left * bounds[-1] + right)


def _check_overlap(left: Int64s, right: Int64s, terms: Agreement, where: str) -> None:
    """Every two owners (by their places) have the links without which nothing is released."""
    names = [owner.name for owner in terms.owners]
    for one, other in combinations(range(len(names)), 2):
        if int(np.sum((left == one) & (right == other))) < terms.minimum_overlap:
            raise VerificationError(
                f"{where}: links: {names[one]} and {names[other]} have fewer than agreed"
            )


def check_policies(known: Sequence[Known], links: Structs, candidates: Structs, where: str) -> None:
    """The linker released neither more nor less than each owner's policy says."""
    start = 0
    for each in known:
        linked = _named(links, start, len(each.rows))
        named = linked | _named(candidates, start, len(each.rows))
        start += len(each.rows)
        forwarded = each.rows["forwarded"] == 1
        wanted = {"all": np.ones(len(named), bool), "candidates": named, "matched": linked}
        place = f"{where}: entities of {each.part.name}"
        if np.any(forwarded != wanted[each.part.policy]):
            raise VerificationError(f"{place}: released against the policy '{each.part.policy}'")
        if np.any(~forwarded & ~named):
            raise VerificationError(f"{place}: one is named without a reason")
        missing = each.content.entities - len(each.taken_out.blobs) - len(each.rows)
        if each.part.policy == "all" and missing:
            raise VerificationError(f"{place}: {missing} are missing")


def check_limits(known: Sequence[Known], links: Structs, terms: Agreement, where: str) -> None:
    """No owner's records drew more out of another's file than was agreed.

    Raises VerificationError: the linker had to refuse.
    """
    limits = terms.limits
    for each in known:
        place, entities = f"{where}: entities of {each.part.name}", each.content.entities
        if each.content.entity_rows > limits.entity_rows:
            raise VerificationError(f"{place}: one has more rows than agreed")
        if too_many_named(terms, each.part.name, len(each.rows), entities):
            raise VerificationError(f"{place}: more of them are named than agreed")
    bounds = np.cumsum([len(each.rows) for each in known])
    sides = [links[side].astype(np.int64) for side in ("left", "right")]
    for mine, other in (sides, sides[::-1]):
        owner = np.searchsorted(bounds, other, side="right")
        counts = np.unique(np.stack([mine, owner], axis=1), axis=0, return_counts=True)[1]
        if counts.max(initial=0) > limits.entity_links:
            raise VerificationError(f"{where}: links: one has more than agreed")


def _named(pairs: Structs, start: int, number: int) -> Bools:
    found = np.zeros(number, bool)
    for side in ("left", "right"):
        places = pairs[side].astype(np.int64) - start
        found[places[(places >= 0) & (places < number)]] = True
    return found


def check_columns(layout: Layout, terms: Agreement, owner: str, where: str) -> None:
    sent = {table.name: {column.name for column in table.columns} for table in layout.tables}
    agreed = {table: set(columns) for table, columns in terms.payload[owner].items()}
    if sent != agreed:
        raise VerificationError(f"{where}: its payload columns are not those of the agreement")


def check_losses(layout: Layout, content: Content, where: str) -> None:
    """Raises VerificationError where more rows lost something than were sent."""
    if any(each.rows > content.rows for each in layout.losses):
        raise VerificationError(f"{where}: layout: losses of more rows than were sent")


def check_controls(number: int, content: Content, terms: Agreement, owner: str, where: str) -> None:
    """Raises VerificationError where the owner added other than the agreed control records.

    A share counts identity rows of the first submission, without those of the controls, of which
    each has at least one: they stay when people are taken out.
    """
    agreed = terms.controls[owner]
    most = terms.control_count(owner, content.first_rows - number)
    wrong = (
        number != agreed if isinstance(agreed, int) else number > most or bool(most > number == 0)
    )
    if wrong:
        raise VerificationError(f"{where}: controls: not as many as agreed")


def check_labels(
    layout: Layout, tables: Sequence[tuple[Any, Any]], terms: Agreement, owner: str, where: str
) -> None:
    """Raises VerificationError for a value that is none of its column's agreed labels."""
    for each, (table, _) in zip(layout.tables, tables, strict=True):
        for column, rule in terms.payload[owner][each.name].items():
            if isinstance(rule, str):
                continue
            values = set(table.column(column).cast("string").unique().drop_null().to_pylist())
            if values - set(rule):
                raise VerificationError(
                    f"{where}: table {each.name}, column {column}: a label was not agreed"
                )
