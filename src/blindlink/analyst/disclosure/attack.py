"""What a reader of a release can infer about a number: its least and largest possible value.

The reader knows every published figure, every declared relation, and which cells are withheld. The
two ends are linear programs, or integer programs for the final word (HiGHS through scipy). Programs
fall apart into components: what is published in full separates.

A solution of one program is a *witness*: a set of counts that fits everything. Two witnesses in
which a number differs by the protection level prove that it is protected, so most numbers need no
program of their own.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from blindlink.analyst.disclosure.variables import Relation, Terms
from blindlink.arrays import Floats, Int64s
from blindlink.errors import DisclosureError

SLACK = 1e-6
SECONDS = 2.0  # of one integer program; then the linear bounds stand, and "not proven" is said
FAR = 1e7  # no count is larger: an end beyond it is no end


@dataclass(frozen=True)
class Range:
    """What a reader can infer, at least as wide as said; ``proven``: by sets of whole counts."""

    low: float
    high: float
    proven: bool = True

    @property
    def width(self) -> float:
        return self.high - self.low


@dataclass(frozen=True)
class _Component:
    """Unknown numbers that hang together: ``A x`` between ``low`` and ``high``."""

    variables: Int64s
    constraint: LinearConstraint | None
    bounds: Bounds


class Reader:
    """Somebody who reads a whole release.

    ``known`` maps a published variable to the least and largest count behind what is printed (one
    number twice without rounding); ``floor`` gives the least count that an unknown one can have.
    Raises DisclosureError when no counts fit what is printed.
    """

    def __init__(
        self,
        number: int,
        relations: Sequence[Relation],
        known: Mapping[int, tuple[int, int]],
        floor: Mapping[int, int],
        witnesses: Iterable[Floats] = (),
    ) -> None:
        self.low = np.zeros(number)
        self.high = np.full(number, FAR)
        for index, least in floor.items():
            self.low[index] = least
        for index, (low, high) in known.items():
            self.low[index], self.high[index] = low, high
        self._relations = [r for r in relations if not self._settled(r)]
        self._tighten()
        self._split(number)
        # Row by row a set of counts for every variable; new ones come at the end.
        self.effort = 0  # sizes of the programs solved
        self.witnesses: list[Floats] = [w for w in witnesses if self._inside(w)]

    def range(self, terms: Terms, enough: float = math.inf) -> Range:
        """The ends of a sum of variables, as real numbers; ``enough``: a width that suffices."""
        fixed, open_terms = self._fixed(terms)
        if not open_terms:
            return Range(fixed, fixed)
        name = self._component[open_terms[0][0]]
        if any(self._component[v] != name for v, _ in open_terms):
            parts = [self.range(((v, f),)) for v, f in open_terms]
            return Range(fixed + sum(p.low for p in parts), fixed + sum(p.high for p in parts))
        seen = self._seen(open_terms)
        if seen.width >= enough:
            return Range(fixed + seen.low, fixed + seen.high)
        ends = [side * self._end(name, open_terms, side) for side in (1, -1)]
        return Range(fixed + min(ends), fixed + max(ends))

    def exact(self, terms: Terms, enough: float = math.inf) -> Range:
        """The ends of a sum in whole numbers; not ``proven`` where the time was too short."""
        fixed, open_terms = self._fixed(terms)
        if not open_terms:
            return Range(fixed, fixed)
        if len({self._component[v] for v, _ in open_terms}) == 1:
            self.range(terms, math.inf)
            seen = self._seen(open_terms, whole=True)
            if seen.width >= enough:
                return Range(fixed + seen.low, fixed + seen.high)
        name = self._component[open_terms[0][0]]
        if any(self._component[v] != name for v, _ in open_terms):
            parts = [self.exact(((v, f),)) for v, f in open_terms]
            return Range(
                fixed + sum(p.low for p in parts),
                fixed + sum(p.high for p in parts),
                all(p.proven for p in parts),
            )
        ends, proven = [], True
        for side in (1, -1):
            cost = self._cost(name, open_terms, side)
            point = self._whole(name, cost)
            # Stopped by the clock or not: this set of whole counts fits, so the end is at least
            # as far out, and the width that is stated is never too large.
            proven &= point is not None
            end = self._end(name, open_terms, side) if point is None else round(float(point @ cost))
            ends.append(side * float(end))
        return Range(fixed + min(ends), fixed + max(ends), proven)

    def open(self) -> Int64s:
        """The variables that are not settled by bounds alone."""
        return np.flatnonzero(self.high - self.low > SLACK)

    def relations_about(self, variables: Iterable[int]) -> list[Relation]:
        """The unsettled relations that name one of these."""
        wanted = set(variables)
        return [r for r in self._relations if any(v in wanted for v, _ in r.terms)]

    def least_together(self, variables: Int64s) -> Floats:
        """For each variable the least of its witnesses, after one more that keeps these small."""
        self.push([((int(v), 1),) for v in variables], 1)
        return np.asarray(np.stack(self.witnesses).min(axis=0))

    def push(self, sums: Iterable[Terms], side: int, *, whole: bool = False) -> None:
        """One more witness, in which these sums are small (side 1) or large (-1) all together."""
        cost = np.zeros(len(self.low))
        for terms in sums:
            for v, f in terms:
                cost[v] += side * f
        point = self.witnesses[-1].copy() if self.witnesses else self.low.copy()
        for name, component in enumerate(self._components):
            mine = cost[component.variables]
            if mine.any() or not self.witnesses:
                found = self._whole(name, mine) if whole else None
                point[component.variables] = self._solution(name, mine) if found is None else found
        self.witnesses.append(point)

    def seen(self, terms: Terms, *, whole: bool = False) -> Range:
        """What the witnesses so far say of a sum: its ends lie at least as far out."""
        fixed, open_terms = self._fixed(terms)
        if not open_terms:
            return Range(fixed, fixed)
        found = self._seen(open_terms, whole=whole)
        return Range(fixed + found.low, fixed + found.high)

    def _inside(self, point: Floats) -> bool:
        return bool((point >= self.low - SLACK).all() and (point <= self.high + SLACK).all())

    def _settled(self, relation: Relation) -> bool:
        terms = relation.terms
        if any(self.low[v] != self.high[v] for v, _ in terms):
            return False
        total = sum(f * self.low[v] for v, f in terms)
        wrong = (relation.low is not None and total < relation.low) or (
            relation.high is not None and total > relation.high
        )
        if wrong:
            raise DisclosureError("the published counts contradict the declared relations")
        return True

    def _tighten(self) -> None:
        """Bounds from one relation at a time, until nothing much changes."""
        for _ in range(20):
            changed = False
            for relation in self._relations:
                changed |= self._tighten_by(relation)
            if not changed:
                return

    def _tighten_by(self, relation: Relation) -> bool:
        changed = False
        ends = [
            (f * self.low[v], f * self.high[v]) if f > 0 else (f * self.high[v], f * self.low[v])
            for v, f in relation.terms
        ]
        least, most = sum(a for a, _ in ends), sum(b for _, b in ends)
        for (v, f), (a, b) in zip(relation.terms, ends, strict=True):
            low, high = self.low[v], self.high[v]
            if relation.high is not None and least - a > -FAR:
                limit = relation.high - (least - a)  # f x <= limit
                if f > 0:
                    high = min(high, math.floor(limit / f + SLACK))
                else:
                    low = max(low, math.ceil(limit / f - SLACK))
            if relation.low is not None and most - b < FAR:
                limit = relation.low - (most - b)  # f x >= limit
                if f > 0:
                    low = max(low, math.ceil(limit / f - SLACK))
                else:
                    high = min(high, math.floor(limit / f + SLACK))
            if low > high + SLACK:
                raise DisclosureError("no counts fit what would be published")
            if low > self.low[v] or high < self.high[v]:
                self.low[v], self.high[v] = low, high
                changed = True
        return changed

    def _split(self, number: int) -> None:
        rows: list[int] = []
        columns: list[int] = []
        factors: list[float] = []
        low: list[float] = []
        high: list[float] = []
        for relation in self._relations:
            fixed = sum(f * self.low[v] for v, f in relation.terms if self._is_fixed(v))
            unknown = [(v, f) for v, f in relation.terms if not self._is_fixed(v)]
            if not unknown:
                continue
            for v, f in unknown:
                rows.append(len(low))
                columns.append(v)
                factors.append(float(f))
            low.append(-math.inf if relation.low is None else relation.low - fixed)
            high.append(math.inf if relation.high is None else relation.high - fixed)
        matrix = coo_array((factors, (rows, columns)), shape=(len(low), number)).tocsr()
        graph = coo_array(
            (np.ones(len(rows)), (rows, np.array(columns, dtype=np.int64) + len(low))),
            shape=(len(low) + number, len(low) + number),
        )
        _, label = connected_components(graph, directed=False)
        self._component: dict[int, int] = {}
        self._components: list[_Component] = []
        by_label: dict[int, list[int]] = {}
        for v in self.open():
            by_label.setdefault(int(label[len(low) + v]), []).append(int(v))
        row_label = label[: len(low)]
        order = np.argsort(row_label, kind="stable")
        starts = np.searchsorted(row_label[order], list(by_label))
        ends = np.searchsorted(row_label[order], list(by_label), side="right")
        for name, (variables, start, end) in enumerate(
            zip(by_label.values(), starts, ends, strict=True)
        ):
            index = np.array(variables, dtype=np.int64)
            mine = order[start:end]
            constraint = None
            if len(mine):
                part: csr_array = matrix[mine][:, index]
                constraint = LinearConstraint(part, np.array(low)[mine], np.array(high)[mine])
            self._components.append(
                _Component(index, constraint, Bounds(self.low[index], self.high[index]))
            )
            self._component |= dict.fromkeys(variables, name)
        self._place = {
            int(v): i for c in self._components for i, v in enumerate(c.variables.tolist())
        }

    def _is_fixed(self, v: int) -> bool:
        return bool(self.high[v] - self.low[v] <= SLACK)

    def _fixed(self, terms: Terms) -> tuple[float, Terms]:
        fixed = sum(f * self.low[v] for v, f in terms if self._is_fixed(v))
        return float(fixed), tuple((v, f) for v, f in terms if not self._is_fixed(v))

    def _cost(self, name: int, terms: Terms, side: int) -> Floats:
        cost = np.zeros(len(self._components[name].variables))
        for v, f in terms:
            cost[self._place[v]] += side * f
        return cost

    def _seen(self, terms: Terms, *, whole: bool = False) -> Range:
        values = [
            sum(f * point[v] for v, f in terms)
            for point in self.witnesses
            if not whole or self._is_whole(point, terms)
        ]
        return Range(min(values), max(values)) if values else Range(1.0, 1.0)

    def _is_whole(self, point: Floats, terms: Terms) -> bool:
        """Whether the numbers that hang together with these are whole in a witness."""
        names = {self._component[v] for v, _ in terms}
        inside = np.concatenate([self._components[name].variables for name in names])
        return bool((np.abs(point[inside] - np.rint(point[inside])) < 1e-5).all())

    def _end(self, name: int, terms: Terms, side: int) -> float:
        """The least of side x sum; what lies outside the component stays as in some witness."""
        cost = self._cost(name, terms, side)
        solution = self._solution(name, cost)
        if self.witnesses:
            point = self.witnesses[-1].copy()
            point[self._components[name].variables] = solution
            self.witnesses.append(point)
        return float(solution @ cost)

    def _solution(self, name: int, cost: Floats) -> Floats:
        component = self._components[name]
        constraints = () if component.constraint is None else component.constraint
        self.effort += len(cost)
        result = milp(cost, bounds=component.bounds, constraints=constraints)
        if result.x is None:
            raise DisclosureError("no counts fit what would be published")
        return np.asarray(result.x)

    def _whole(self, name: int, cost: Floats) -> Floats | None:
        """Whole counts of a component, at the least cost found; None: none were found in time."""
        component = self._components[name]
        result = milp(
            cost,
            integrality=np.ones(len(cost)),
            bounds=component.bounds,
            constraints=() if component.constraint is None else component.constraint,
            options={"time_limit": SECONDS},
        )
        return None if result.x is None else np.asarray(np.rint(result.x))
