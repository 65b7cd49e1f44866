"""Accidental neighbours: how many other people share a token with a record by chance.

They are the edges of the similarity graph that graph matching lives on. Their number grows with the
file: (n - 1) times the chance that two people share a token, which is the collision probability
2^-H2 of the joint distribution of all tokens; Shannon's entropy would understate it.
"""

import math
from collections.abc import Iterator

from blindlink.owner.risk.case import Case
from blindlink.owner.risk.census import Census
from blindlink.owner.risk.report import Light, Metric, light

# From attack runs on `weak` (docs/how-to/read-the-risk-report.md): up to half a neighbour graph
# matching stays within 2 %. Above it depends on the noise of the filter: the attack itself judges.
LIMITS = (0.5, math.inf)
_FAMILY = "accidental neighbours"
_LARGE = 500_000
_HIDDEN = "; diffusion hides who shares it"


def neighbours(case: Case) -> Iterator[Metric]:
    """Mean number of other people who share a token with a record, at the size of the file."""
    if case.census is None:
        yield Metric(_FAMILY, "", 0.0, "none", "the schema is not known")
    elif (found := case.census.neighbours(case.rng("neighbours"))) is None:
        seen: Light = "red" if case.census.seen_dense else "none"
        text = "nearly everybody: a token is held by too many"
        yield Metric(_FAMILY, "", 0.0, seen, text + (_HIDDEN if case.census.hidden else ""))
    else:
        yield _counted(case, case.census.hidden, *found)
        yield _most_shared(case.census)


def _counted(case: Case, hidden: bool, people: float, tokens: float) -> Metric:
    others = len(case.table) - 1
    value = people / others * (case.people - 1)
    text = (
        f"{value:.2f} people share {tokens / others * (case.people - 1):.1f} tokens with a record "
        f"at {case.people:,} people; {people / others * (_LARGE - 1):.1f} people at {_LARGE:,}"
    )
    if hidden:
        return Metric(_FAMILY, "", value, "none", text + _HIDDEN)
    return Metric(_FAMILY, "", value, light(value, *LIMITS), text)


def _most_shared(census: Census) -> Metric:
    kinds = census.kinds
    worst = max(kinds, key=lambda kind: kind.agree)
    share = worst.agree / max(sum(kind.agree for kind in kinds), 1e-9)
    text = f"{share:.0%} of all shared tokens are of {worst.name}"
    return Metric("most shared token", "", share, "none", text)
