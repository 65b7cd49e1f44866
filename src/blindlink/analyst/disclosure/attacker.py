"""What an attacker can infer about a withheld count: integer bounds.

The attacker knows everything that is published, every relation between counts, and which counts are
withheld. The largest and the smallest value that a withheld count can still have are two integer
programs (HiGHS through scipy); the distance between them is the protection that it has.

Every solution is a set of counts that fits all that is published. Two such sets in which a count
differs by the protection level prove that it is protected, so most counts need no program of their
own.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from blindlink.analyst.disclosure.cells import Relation, Terms
from blindlink.arrays import Floats, Int64s
from blindlink.errors import DisclosureError

SLACK = 1e-6
STOPPED = 1  # scipy's status of a program whose limit was reached
MOST_NODES = 400
LINEAR = 10  # a linear program takes about a tenth of the time of an integer program
ROOM = 1000  # how far above its true value a count is followed; the attacker does not know that


@dataclass(frozen=True)
class _Program:
    """The integer program of one set of counts that hang together, without its objective."""

    cells: Sequence[int]
    bounds: Bounds
    constraints: Sequence[LinearConstraint]

    def solve(self, cost: Floats, *, presolve: bool) -> tuple[Int64s | None, bool]:
        """The counts with the least cost, shape (cells,), None unless they fit everything; and
        whether the solver gave up after ``MOST_NODES`` branchings: others may cost less then.
        """
        result = milp(
            cost,
            integrality=np.ones(len(cost)),
            bounds=self.bounds,
            constraints=self.constraints,
            options={"presolve": presolve, "node_limit": MOST_NODES},
        )
        gave_up = result.status == STOPPED
        if result.x is None:
            return None, gave_up
        counts: Int64s = np.rint(result.x).astype(np.int64)
        return (counts if self._fits(counts) else None), gave_up

    def ends(self, cost: Floats) -> tuple[float, list[Int64s]]:
        """How far apart the ends of a sum are when counts need not be whole numbers, and what of
        the two ends is in whole numbers: mostly both are.
        """
        found = [
            milp(side * cost, bounds=self.bounds, constraints=self.constraints) for side in (1, -1)
        ]
        if any(end.x is None for end in found):
            return math.inf, []
        rounded = [np.rint(end.x).astype(np.int64) for end in found]
        return -sum(end.fun for end in found), [each for each in rounded if self._fits(each)]

    def _fits(self, counts: Int64s) -> bool:
        inside = bool((counts >= self.bounds.lb).all() and (counts <= self.bounds.ub).all())
        sums = [(each.A @ counts, each) for each in self.constraints]
        return inside and all(((at >= c.lb) & (at <= c.ub)).all() for at, c in sums)


@dataclass
class Attacker:
    """Somebody who reads a whole release.

    ``known`` maps a published cell to the least and largest true count behind what is printed (the
    same number twice without rounding); ``floor`` gives a withheld cell's least possible count. The
    true counts, ``points[0]``, are the first of the sets of counts that fit.
    """

    relations: Sequence[Relation]
    known: Mapping[int, tuple[int, int]]
    floor: Mapping[int, int]
    points: list[Int64s]
    budget: float = math.inf  # of effort, beyond which no program is begun
    effort: int = 0  # counts in the integer programs solved, and a tenth of those in linear ones
    _by_cell: dict[int, list[int]] = field(default_factory=dict)
    _programs: dict[int, _Program] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for index, relation in enumerate(self.relations):
            if any(cell not in self.known for cell, _ in relation.terms):
                for cell, _ in relation.terms:
                    self._by_cell.setdefault(cell, []).append(index)

    def width(self, target: Terms, enough: int) -> int:
        """How far apart two possible values of a sum of cells are: exact, or at least ``enough``;
        what is known so far where the budget is spent.

        Raises DisclosureError when no counts fit what is printed.
        """
        if self._spread(target) < enough and self.effort < self.budget:
            program = self._program([c for c, _ in target if c not in self.known])
            if program is not None:
                self._explore(program, target, enough)
        return self._spread(target)

    def about(self, cells: Iterable[int]) -> list[Relation]:
        """The relations that name any of the cells and are not wholly published."""
        found = {index for cell in cells for index in self._by_cell.get(cell, ())}
        return [self.relations[index] for index in sorted(found)]

    def component(self, start: Iterable[int]) -> list[Relation]:
        """The relations that say anything about the cells ``start``, directly or through others."""
        found: set[int] = set()
        front = list(start)
        seen = set(front)
        while front:
            for index in self._by_cell.get(front.pop(), ()):
                if index not in found:
                    found.add(index)
                    terms = self.relations[index].terms
                    fresh = {c for c, _ in terms if c not in self.known} - seen
                    seen |= fresh
                    front.extend(fresh)
        return [self.relations[index] for index in sorted(found)]

    def _spread(self, target: Terms) -> int:
        values = [
            sum(factor * int(point[cell]) for cell, factor in target) for point in self.points
        ]
        return max(values) - min(values)

    def _program(self, start: list[int]) -> _Program | None:
        if not start:
            return None
        if start[0] not in self._programs:
            relations = self.component(start)
            open_cells = {c for r in relations for c, _ in r.terms if c not in self.known}
            program = self._build(relations, open_cells | set(start))
            self._programs.update(dict.fromkeys(program.cells, program))
        return self._programs[start[0]]

    def _build(self, relations: list[Relation], open_cells: set[int]) -> _Program:
        vague = {c for r in relations for c, _ in r.terms if c in self.known and not self._exact(c)}
        cells = sorted(open_cells | vague)
        column = {cell: place for place, cell in enumerate(cells)}
        low = [self.known[c][0] if c in self.known else self.floor[c] for c in cells]
        high = [self.known[c][1] if c in self.known else self.points[0][c] + ROOM for c in cells]
        entries, limits = [], []
        for row, relation in enumerate(relations):
            fixed = sum(k * self.known[c][0] for c, k in relation.terms if c not in column)
            entries += [(row, column[c], k) for c, k in relation.terms if c in column]
            top = np.inf if relation.high is None else relation.high - fixed
            limits.append((relation.low - fixed, top))
        constraints = []
        if entries:
            rows, columns, factors = np.array(entries).T
            shape = (len(relations), len(cells))
            matrix = coo_array((factors.astype(float), (rows, columns)), shape=shape).tocsr()
            least, most = np.array(limits, dtype=float).T
            constraints.append(LinearConstraint(matrix, least, most))
        return _Program(cells, Bounds(np.array(low), np.array(high)), constraints)

    def _exact(self, cell: int) -> bool:
        return self.known[cell][0] == self.known[cell][1]

    def _explore(self, program: _Program, target: Terms, enough: int) -> None:
        """Add sets of counts in which the target differs by ``enough``, or as much as it can.

        Counts that need not be whole are solved first: their ends mostly are whole, and when they
        lie too near to each other nothing else can help.
        """
        self.effort += len(program.cells) // LINEAR
        factors = dict(target)
        cost = np.array([factors.get(cell, 0) for cell in program.cells], dtype=float)
        span, whole = program.ends(cost)
        self._add(program, *whole)
        if math.floor(span + SLACK) >= enough > self._spread(target):
            for side in (1, -1):
                self._add(program, *self._extreme(program, side * cost))

    def _extreme(self, program: _Program, cost: Floats) -> list[Int64s]:
        """The counts at one end; none where the search is too long, which protects less, not more.

        Raises DisclosureError when no counts fit what is printed.
        """
        # HiGHS' presolve now and then calls a program infeasible that the true counts solve.
        self.effort += len(program.cells)
        for presolve in (True, False):
            found, gave_up = program.solve(cost, presolve=presolve)
            if found is not None or gave_up:
                return [] if found is None else [found]
        raise DisclosureError("the tables contradict each other: no counts fit what they print")

    def _add(self, program: _Program, *found: Int64s) -> None:
        for counts in found:
            point = self.points[0].copy()
            point[list(program.cells)] = counts
            self.points.append(point)
