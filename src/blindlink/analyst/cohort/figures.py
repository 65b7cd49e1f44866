"""Every number that stands twice in a release agrees: pairs, counts, plan and linkage report.

Whether two records match is the linker's word. What it says of its own pairs is not: which methods
the agreed plan allows, how many links there are, that an interval holds its value. A report that
does not fit is refused before anything is drawn from it.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from blindlink.arrays import Bools, Structs
from blindlink.errors import VerificationError
from blindlink.messages.agreement.document import Agreement
from blindlink.messages.linkage_report import Estimate, LinkageReport
from blindlink.messages.plan import METHODS, Plan
from blindlink.schema.document import parse_schema

SHARES = ("precision", "recall", "f1", "false_link_rate", "sensitivity")


def check_figures(
    terms: Agreement,
    methods: Sequence[str],
    entities: Sequence[Structs],
    links: Structs,
    candidates: Structs,
    reports: Sequence[LinkageReport],
    where: str,
) -> None:
    """Raises VerificationError for two numbers of a release that cannot both be.

    ``entities``: those of each owner (release.ENTITY); ``links``, ``candidates``: release.PAIR;
    ``reports``: one for each pair of owners, in their order.
    """
    plan = terms.plan
    _check_methods(methods, where)
    bounds = np.cumsum([len(each) for each in entities])
    _check_counts(np.concatenate([each["candidates"] for each in entities]), candidates, where)
    owners = [owner.name for owner in terms.owners]
    filters = len(parse_schema(terms.schema_document).bits)
    for (left, right), report in zip(combinations(range(len(owners)), 2), reports, strict=True):
        place = f"{where}: {owners[left]} and {owners[right]}"
        mine = links[_between(links, bounds, left, right)]
        theirs = candidates[_between(candidates, bounds, left, right)]
        _check_pairs(mine, theirs, methods, plan, report, place)
        for wrong in _contradictions(report, plan, len(mine), len(theirs), filters):
            raise VerificationError(f"{place}: linkage report: {wrong}")


def _between(pairs: Structs, bounds: np.ndarray, left: int, right: int) -> Bools:
    """The pairs of these two owners."""
    sides = [np.searchsorted(bounds, pairs[s].astype(np.int64), "right") for s in ("left", "right")]
    return np.asarray((sides[0] == left) & (sides[1] == right))


def _check_methods(methods: Sequence[str], where: str) -> None:
    """Each is one or more methods of a plan, in their order, joined by +."""
    known = {name: at for at, name in enumerate(METHODS)}
    for method in methods:
        parts = [known.get(part, -1) for part in method.split("+")] if method else []
        if -1 in parts or parts != sorted(set(parts)):
            raise VerificationError(f"{where}: index: a method is none of a linkage plan")


def _check_counts(counts: np.ndarray, candidates: Structs, where: str) -> None:
    """How many candidates each entity had before one-to-one is how many pairs are here."""
    seen = np.zeros(len(counts), np.int64)
    for side in ("left", "right"):
        seen += np.bincount(candidates[side].astype(np.int64), minlength=len(counts))
    if np.any(seen != counts):
        raise VerificationError(f"{where}: entities: one has other candidates than its number says")


def _check_pairs(
    links: Structs,
    candidates: Structs,
    methods: Sequence[str],
    plan: Plan,
    report: LinkageReport,
    where: str,
) -> None:
    """Links were accepted by an agreed method; candidates too, or they reach the agreed floor."""
    agreed = np.array([bool(set(name.split("+")) & set(plan.methods)) for name in methods], bool)
    for name, pairs in (("links", links), ("candidates", candidates)):
        missing = np.isnan(pairs["probability"])
        if report.threshold_method == "auto" and missing.any():
            raise VerificationError(f"{where}: {name}: one has no probability from the model")
        if report.threshold_method != "auto" and not missing.all():
            raise VerificationError(f"{where}: {name}: one has a probability without a model")
    accepted = [agreed[pairs["method"].astype(np.int64)] for pairs in (links, candidates)]
    if not accepted[0].all():
        raise VerificationError(f"{where}: links: one is by no method of the agreed plan")
    likely = candidates["probability"] >= float(plan.candidate_floor)
    if not (accepted[1] | likely).all():
        raise VerificationError(f"{where}: candidates: one is below the agreed floor")


def _contradictions(
    report: LinkageReport, plan: Plan, links: int, candidates: int, filters: int
) -> Iterator[str]:
    """What cannot be, in words: against the plan, the pairs, and within the report."""
    how = {"auto": None, "fixed": plan.fixed, "fallback": plan.fallback}[report.threshold_method]
    allowed = ("fixed",) if plan.fixed is not None else ("auto", "fallback")
    if report.threshold_method not in allowed or (
        report.threshold_method != "auto" and report.threshold != how
    ):
        yield "its threshold is not that of the agreed plan"
    same = {
        "target": (report.target, plan.target),
        "cardinality": (report.cardinality, plan.cardinality),
        "methods": (report.methods_used, plan.methods),
        "links": (report.counts.links, links),
        "candidates": (report.counts.candidates, candidates),
        "conflicts": (report.counts.conflicts, report.counts.accepted - report.counts.links),
    }
    yield from (f"{name}: {one} against {two}" for name, (one, two) in same.items() if one != two)
    counts = report.counts.model_dump()
    yield from (f"{name} is below 0" for name, value in counts.items() if value < 0)
    for side in ("left", "right"):
        if not counts[f"{side}_comparable"] <= counts[f"{side}_entities"] <= counts[f"{side}_rows"]:
            yield f"{side}: more comparable ones than entities, or than rows"
    yield from _impossible_shares(report)
    yield from _impossible_tables(report, filters)


def _impossible_shares(report: LinkageReport) -> Iterator[str]:
    for name in SHARES:
        estimate: Estimate | None = getattr(report, name)
        if estimate and not 0 <= estimate.low <= estimate.value <= estimate.high <= 1:
            yield f"{name} lies outside its interval, or outside 0 to 1"
    total = report.expected_matches
    if total and not 0 <= total.low <= total.value <= total.high:
        yield "expected_matches lies outside its interval, or below 0"
    if not 0 <= report.threshold <= 1:
        yield "threshold lies outside 0 to 1"
    for point in report.curve:
        given = (point.precision, point.recall, point.f1, point.false_link_rate)
        if point.links < 0 or any(share is not None and not 0 <= share <= 1 for share in given):
            yield "curve: a share lies outside 0 to 1"
            return
    if any(
        (p.precision is None) != (q.precision is None)
        for p in report.curve[:1]
        for q in report.curve
    ):
        yield "curve: one of its points lacks what others have"


def _impossible_tables(report: LinkageReport, filters: int) -> Iterator[str]:
    edges = [(each.low, each.high) for each in report.histogram]
    if any(low >= high for low, high in edges) or any(
        each.observed < 0 for each in report.histogram
    ):
        yield "histogram: a bin is empty of scores, or counts fewer pairs than none"
    levels: dict[int, int] = {}
    for level in report.levels:
        levels[level.filter] = levels.get(level.filter, 0) + 1
        if not (1 <= level.filter <= filters and 0 <= level.m <= 1 and 0 <= level.u <= 1):
            yield "levels: one is of no filter, or its share lies outside 0 to 1"
            return
    for pattern in report.patterns:
        known = [levels.get(at, 0) for at in range(1, len(pattern.levels) + 1)]
        if (
            pattern.pairs < 0
            or not 0 <= pattern.probability <= 1
            or any(
                not 1 <= level <= most for level, most in zip(pattern.levels, known, strict=True)
            )
        ):
            yield "patterns: one has a level, a number or a probability that cannot be"
            return
    for row in report.methods:
        if not 0 <= row.links <= row.accepted or not 0 <= row.alone <= row.accepted:
            yield "methods: more links than accepted pairs"
            return
        if any(
            s is not None and not 0 <= s <= 1 for s in (row.expected_correct, row.alone_correct)
        ):
            yield "methods: a share lies outside 0 to 1"
            return
    if not report.methods_used or any(not math.isfinite(v) for v in report.model.values()):
        yield "has no method, or a model without numbers"
