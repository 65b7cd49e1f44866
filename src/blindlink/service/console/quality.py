"""Linkage quality: figures of the linkage report, coarser than the report has them.

The report's curve is drawn at scores that single pairs have, and the bins at its upper end hold few
pairs. So the page reads the curve at whole hundredths, joins bins, and names no small count: a
screen that others may see tells no pair's score. The whole report is the analyst's.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from fastapi import APIRouter, Request, Response

from blindlink.messages.linkage_report import Bin, CurvePoint, Estimate, LinkageReport
from blindlink.service.console.render import PREFIX, page
from blindlink.service.console.visitors import Here, Seen
from blindlink.service.data.models import Run

router = APIRouter(prefix=PREFIX, include_in_schema=False)

ROWS = 12  # about as many thresholds stand in the table
GRID = 100  # points of the curve in a unit of score
JOINED = 5  # bins of the report that become one
SMALL = 10  # counts below are not told apart

FIGURES = (
    ("Precision", "precision", "Share of the links that are right"),
    ("Recall", "recall", "Share of the true pairs of comparable records that are linked"),
    ("F1", "f1", "Harmonic mean of the two"),
    ("False-link rate", "false_link_rate", "Of people without a partner, the share linked"),
)
COUNTS = (
    ("Rows", "left_rows", "right_rows"),
    ("People, with control records", "left_entities", "right_entities"),
    ("Of them with identifiers that can be compared", "left_comparable", "right_comparable"),
)


@dataclass(frozen=True)
class Bar:
    """A bin of the page: from and below which score, and what it holds."""

    low: float
    high: float
    observed: int
    matches: float
    non_matches: float


@dataclass(frozen=True)
class Pair:
    """Two owners and what the page shows of their linkage."""

    left: str
    right: str
    report: LinkageReport
    figures: list[tuple[str, Estimate, str]]
    counts: list[tuple[str, int, int]]
    curve: list[CurvePoint]
    bars: list[Bar]


@router.get("/projects/{project}/quality")
def show_quality(request: Request, service: Here, access: Seen) -> Response:
    with service.database.read() as session:
        run = session.get(Run, access.project.id)
    found = json.loads(run.report) if run is not None and run.report else []
    pairs = [_pair(each["left"], each["right"], each["report"]) for each in found]
    return page(
        request, "quality", project=access.project, pairs=pairs, run=run, small=few, length=length
    )


def few(number: float) -> str:
    """A count, or that it is small."""
    return f"fewer than {SMALL}" if 0 < number < SMALL else f"{number:,.0f}"


def _pair(left: str, right: str, values: dict[str, object]) -> Pair:
    report = LinkageReport.model_validate(values)
    curve, joined = on_grid(report.curve), join(report.histogram)
    return Pair(
        left=left,
        right=right,
        report=report,
        figures=[
            (name, one, meaning)
            for name, field, meaning in FIGURES
            if (one := getattr(report, field)) is not None
        ],
        counts=[
            (name, getattr(report.counts, one), getattr(report.counts, other))
            for name, one, other in COUNTS
        ],
        curve=curve[:: max(1, len(curve) // ROWS)],
        bars=joined,
    )


def on_grid(curve: Sequence[CurvePoint]) -> list[CurvePoint]:
    """The curve at whole hundredths: each takes the figures of the first point not below it."""
    known = sorted((p for p in curve if p.precision is not None), key=lambda p: p.threshold)
    if not known:
        return []
    first, last = ceil(known[0].threshold * GRID), floor(known[-1].threshold * GRID)
    found = []
    for step in range(first, last + 1):
        at = next(point for point in known if point.threshold * GRID >= step)
        found.append(at.model_copy(update={"threshold": step / GRID}))
    return found


def join(histogram: Sequence[Bin]) -> list[Bar]:
    """Bins joined, ``JOINED`` to one."""
    known = [each for each in histogram if each.matches is not None]
    groups = [known[start : start + JOINED] for start in range(0, len(known), JOINED)]
    return [
        Bar(
            low=group[0].low,
            high=group[-1].high,
            observed=sum(each.observed for each in group),
            matches=sum(each.matches or 0.0 for each in group),
            non_matches=sum(each.non_matches or 0.0 for each in group),
        )
        for group in groups
    ]


def length(number: float, bars: Sequence[Bar]) -> float:
    """How long a count is drawn, of the longest, on a logarithmic scale; small ones are alike."""
    most = max(max(bar.observed, bar.matches, bar.non_matches) for bar in bars)
    return log10(1 + max(number, SMALL)) / log10(1 + max(most, SMALL)) if number else 0.0
