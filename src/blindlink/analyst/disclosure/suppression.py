"""Which counts are withheld: first those that disclose (primary), then more of them (secondary)
until an attacker with all totals cannot work a protected count out.

Source of the method: Hundepool et al., Statistical Disclosure Control (Wiley 2012), chapter 4:
cell suppression with an audit of the bounds. The best secondary suppression is NP-hard to find;
here each exposed secret takes its cheapest cover (``cover``), and what proves needless at the end
is published.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from blindlink.analyst.disclosure.attacker import LINEAR, Attacker
from blindlink.analyst.disclosure.cells import Cells, Terms, counts_of, share_pairs
from blindlink.analyst.disclosure.cover import Cover, prices
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.relations import stages
from blindlink.analyst.publish.tables import Table
from blindlink.arrays import Int64s

Points = Sequence[Int64s]
MOST_POINTS = 200
# Counts in the programs solved to find what else to withhold, and again to publish what was
# withheld for nothing: a few seconds each.
MOST_EFFORT = 6_000


@dataclass(frozen=True)
class Secret:
    """A number to protect: a sum of cells, the reason, and the cell that is withheld for it."""

    terms: Terms
    reason: str
    cell: int


@dataclass
class Pattern:
    """What is withheld and why: ``reasons[cell]`` is the first reason found.

    ``hopeless``: whatever is withheld, some secret stays exposed.
    """

    secrets: list[Secret] = field(default_factory=list)
    reasons: dict[int, str] = field(default_factory=dict)
    hopeless: bool = False

    def add(self, secrets: Iterable[Secret]) -> None:
        for secret in secrets:
            if secret not in self.secrets:
                self.secrets.append(secret)
            self.reasons.setdefault(secret.cell, secret.reason)


def primary(tables: Sequence[Table], cells: Cells, policy: Policy) -> Pattern:
    """The cells that disclose by themselves."""
    pattern = Pattern()
    splits = _splits(cells)
    for table in tables:
        pattern.add(dict.fromkeys(_small_counts(table, cells, policy)))
        pattern.add(dict.fromkeys(_shares(table, cells, policy, splits)))
        pattern.add(dict.fromkeys(_stages(table, cells, policy)))
    return pattern


def _small(value: int, policy: Policy) -> bool:
    return 0 < value < policy.threshold


def _small_counts(table: Table, cells: Cells, policy: Policy) -> Iterator[Secret]:
    for name in counts_of(table):
        base = table.columns[name].base
        for row in range(len(table.frame)):
            cell = cells.at.get((table.id, row, name))
            if cell is None:
                continue
            units = cells.at.get((table.id, row, base)) if base else None
            if _small(cells.value[cell], policy):
                yield Secret(((cell, 1),), "small count", cell)
            elif units is not None and _small(cells.value[units], policy):
                yield Secret(((cell, 1),), "few units behind a count", cell)


def _splits(cells: Cells) -> set[tuple[int, int]]:
    """(whole, part) where the part is one of three or more that make up the whole."""
    found: set[tuple[int, int]] = set()
    for relation in cells.relations:
        wholes = [cell for cell, factor in relation.terms if factor == -1]
        parts = [cell for cell, factor in relation.terms if factor == 1]
        if relation.high == 0 and len(wholes) == 1 and len(parts) > 2:
            found |= {(wholes[0], part) for part in parts}
    return found


def _shares(
    table: Table, cells: Cells, policy: Policy, splits: set[tuple[int, int]]
) -> Iterator[Secret]:
    for numerator, denominator in share_pairs(table):
        for row in range(len(table.frame)):
            part = cells.at.get((table.id, row, numerator))
            whole = cells.at.get((table.id, row, denominator))
            if part is None or whole is None or part == whole:
                continue
            rest = cells.value[whole] - cells.value[part]
            complement = ((whole, 1), (part, -1))
            # Of several parts an empty one says little; of two it says all about the other.
            alone = (whole, part) not in splits
            if _small(rest, policy):
                yield Secret(complement, "small complement", part)
            elif policy.group_disclosure and rest == 0 < cells.value[whole]:
                yield Secret(complement, "everybody in the group", part)
            elif policy.group_disclosure and rest == cells.value[whole] > 0 and alone:
                yield Secret(((part, 1),), "nobody in the group", part)


def _stages(table: Table, cells: Cells, policy: Policy) -> Iterator[Secret]:
    """Few units lost between two stages."""
    for outer, inner, between in stages(cells, table):
        if _small(cells.value[outer] - cells.value[inner], policy):
            yield Secret(((outer, 1), (inner, -1)), "small difference of stages", between)


def floors(tables: Sequence[Table], cells: Cells, policy: Policy) -> dict[int, int]:
    """The least count that a withheld cell can have: 0 where zeros may be withheld, else 1.

    Only numerators that are zero may be: they may say something about everybody else in a group.
    """
    least = dict.fromkeys(range(len(cells.value)), 1)
    if policy.group_disclosure:
        for table in tables:
            for numerator, _ in share_pairs(table):
                for row in range(len(table.frame)):
                    cell = cells.at.get((table.id, row, numerator))
                    if cell is not None:
                        least[cell] = 0
    return least


def printed(value: int, policy: Policy) -> int:
    """A count as published: rounded half up to the policy's base, if it has one."""
    base = policy.rounding
    return value if base is None else base * ((2 * value + base) // (2 * base))


def behind(value: int, policy: Policy) -> tuple[int, int]:
    """The least and the largest true count that is published as ``value`` is."""
    base = policy.rounding
    if base is None or value == 0:
        return value, value
    middle = printed(value, policy)
    low, high = middle - base // 2, middle + (base - 1) // 2
    return max(low, policy.threshold, 1), high


def attacker(
    cells: Cells,
    pattern: Pattern,
    floor: dict[int, int],
    policy: Policy,
    points: Points = (),
    budget: float = math.inf,
) -> Attacker:
    """Somebody who reads the whole release; ``points`` are counts known to fit it."""
    known = {
        cell: behind(value, policy)
        for cell, value in enumerate(cells.value)
        if cell not in pattern.reasons
    }
    true = np.array(cells.value, dtype=np.int64)
    least = {cell: min(low, cells.value[cell]) for cell, low in floor.items()}
    return Attacker(cells.relations, known, least, [true, *points], budget)


def secondary(cells: Cells, pattern: Pattern, floor: dict[int, int], policy: Policy) -> Pattern:
    """Withhold more cells until every secret is protected; changes and returns ``pattern``.

    Withholding a cell only widens what an attacker must consider: once protected, always so.
    """
    cover = Cover(cells, floor)
    chosen: list[int] = []
    exposed = list(pattern.secrets)
    points: Points = ()
    effort, budget = 0, float(MOST_EFFORT)
    while exposed:
        reader = attacker(cells, pattern, floor, policy, points, budget - effort)
        exposed = [s for s in exposed if reader.width(s.terms, policy.width) < policy.width]
        points = reader.points[1:][-MOST_POINTS:]
        before = len(chosen)
        effort += reader.effort
        for secret in exposed if effort < budget else ():
            effort += len(cells.value) // LINEAR
            slack = reader.known if policy.rounding else {}
            fresh = cover.withhold(secret.terms, policy.width, list(pattern.reasons), slack)
            pattern.reasons.update(dict.fromkeys(fresh, "secondary"))
            chosen += fresh
        if len(chosen) == before:
            # No cover, or too long a search in a small cohort, where nearly every count hangs
            # together with every other: give up all that hangs together with what is exposed,
            # zeros included.
            budget = math.inf
            around = reader.component([cell for s in exposed for cell, _ in s.terms])
            rest = {c for r in around for c, _ in r.terms}
            chosen += sorted(rest - pattern.reasons.keys())
            pattern.reasons.update(dict.fromkeys(chosen[before:], "secondary"))
        if exposed and len(chosen) == before:
            pattern.hopeless = True
            return pattern
    return _relax(cells, pattern, floor, policy, prices(cover, chosen), points)


def _relax(
    cells: Cells,
    pattern: Pattern,
    floor: dict[int, int],
    policy: Policy,
    chosen: list[int],
    points: Points,
) -> Pattern:
    """Publish again what was withheld for nothing, the dearest first; changes and returns it.

    In a small cohort nearly every count hangs together with every other and each attempt is long:
    after MOST_EFFORT what has not been tried stays withheld, which is safe.
    """
    effort = 0
    for cell in chosen:
        if effort > MOST_EFFORT:
            break
        del pattern.reasons[cell]
        low, high = behind(cells.value[cell], policy)
        fitting = [point for point in points if low <= point[cell] <= high]
        reader = attacker(cells, pattern, floor, policy, fitting, MOST_EFFORT - effort)
        around = {c for r in reader.component([cell]) for c, _ in r.terms}
        touched = [s for s in pattern.secrets if any(c in around for c, _ in s.terms)]
        if any(reader.width(s.terms, policy.width) < policy.width for s in touched):
            pattern.reasons[cell] = "secondary"
        else:
            points = reader.points[1:][-MOST_POINTS:]
        effort += reader.effort
    return pattern


def audit(
    cells: Cells, pattern: Pattern, floor: dict[int, int], policy: Policy
) -> dict[Secret, int]:
    """The width that each secret is proved to have, afresh from the final pattern."""
    reader = attacker(cells, pattern, floor, policy)
    return {secret: reader.width(secret.terms, policy.width) for secret in pattern.secrets}


def tally(pattern: Pattern) -> dict[str, int]:
    """How many cells are withheld for which reason."""
    return dict(sorted(Counter(pattern.reasons.values()).items()))
