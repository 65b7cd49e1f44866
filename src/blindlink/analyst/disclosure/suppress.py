"""Which cells are withheld: first what discloses by itself, then what would give it away.

Complementary suppression by linear programs, after Fischetti and Salazar, "Models and algorithms
for optimizing cell suppression in tabular data with linear constraints" (JASA 95, 2000): for a
secret that can be worked out, find the cheapest change of published counts, consistent with every
relation, that would move the secret by the protection level. The cells that it changes are
withheld: then nobody can tell the true counts from the changed ones. What proves needless at the
end is published again. Cells cost by what readers lose; headlines cost most.

           true    other         All |   X    Y        the secret is Y = 3: to move it by 5,
      X     40      35           43  |  40   [c]       either All moves (a headline, dear) or
      Y      3       8           ->    [c]             X does (cheap)
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from blindlink.analyst.disclosure.attack import FAR, Range, Reader
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.disclosure.variables import Relation, Terms, Variables, share_pairs
from blindlink.analyst.publish.tables import Table
from blindlink.arrays import Floats
from blindlink.errors import DisclosureError
from blindlink.schema.populations import Population

SMALL = "small count"
COMPLEMENT = "small complement"
EVERYBODY, NOBODY = "everybody in the group", "nobody in the group"
HIDDEN = "a small group would follow from the tables"
SECONDARY = "protects another figure"
HEADLINE, ORDINARY = 400.0, 1.0
ROUNDS = 12
MOST_WITNESSES = 300
MOST_COVERS, MOST_TRIES = 2, 8
MOST_EFFORT = 40_000  # variables in the programs solved to publish again: some ten seconds


@dataclass(frozen=True)
class Secret:
    """A number to protect: a sum of variables, the reason, and the cell withheld for it, if any."""

    terms: Terms
    reason: str
    cell: int | None

    def exposed(self, ends: Range, width: float) -> bool:
        """Whether a reader knows it too well: nearly exactly, and that it is not nobody.

        Of a number that no table prints, "perhaps nobody" is safe; of a withheld cell it is not:
        that it is withheld says something.
        """
        if self.reason == HIDDEN and ends.low < 0.5:
            return False
        return ends.width < width


@dataclass
class Pattern:
    """What is withheld: ``reasons[v]`` is why, ``protects[v]`` the secrets that v protects."""

    secrets: dict[Terms, Secret] = field(default_factory=dict)
    reasons: dict[int, str] = field(default_factory=dict)
    protects: dict[int, list[Terms]] = field(default_factory=dict)

    def add(self, secrets: Iterable[Secret]) -> None:
        for secret in secrets:
            self.secrets.setdefault(secret.terms, secret)
            if secret.cell is not None:
                self.reasons.setdefault(secret.cell, secret.reason)


def primary(tables: Sequence[Table], made: Variables, policy: Policy) -> Pattern:
    """What discloses by itself: withheld, where the method does not change what is printed."""
    pattern = Pattern()
    found = [
        Secret(((v, 1),), SMALL, v)
        for v, value in enumerate(made.value)
        if value is not None and 0 < value < policy.threshold
    ]
    for table in tables:
        found += _of_shares(table, made, policy)
    pattern.add(s if policy.method == "suppress" else replace(s, cell=None) for s in found)
    return pattern


def _of_shares(table: Table, made: Variables, policy: Policy) -> Iterator[Secret]:
    for numerator, denominator in share_pairs(table):
        for row in range(len(table.frame)):
            part = made.at.get((table.id, row, numerator))
            whole = made.at.get((table.id, row, denominator))
            if part is None or whole is None or part == whole:
                continue
            a, b = made.count(part), made.count(whole)
            rest = ((whole, 1), (part, -1))
            if 0 < b - a < policy.threshold:
                yield Secret(rest, COMPLEMENT, part)
            elif policy.group_disclosure and b > 0 and a == b and not _harmless(made.key[part]):
                yield Secret(rest, EVERYBODY, part)
            elif policy.group_disclosure and b > 0 and a == 0 and _one_of_two(made, part):
                yield Secret(((part, 1),), NOBODY, part)


def _harmless(key: object) -> bool:
    """Whether everybody may be known to have this level, as "not recorded"."""
    if not isinstance(key, Population):
        return False
    return any(
        all(d.levels[i] in d.harmless for i in range(len(d.levels)) if m >> i & 1)
        for d, m in key.where
        if d.harmless
    )


def _one_of_two(made: Variables, part: int) -> bool:
    """Of many levels an empty one says little; of two it says all about the other."""
    levels, possible = made.levels.get(part, (1, 2))
    return possible - levels <= 1


def floors(tables: Sequence[Table], made: Variables, policy: Policy) -> dict[int, int]:
    """The least count that a withheld cell can have: 0 where zeros may be withheld, else 1."""
    least = {v: 1 for v, value in enumerate(made.value) if value}
    if policy.group_disclosure:
        for table in tables:
            for numerator, _ in share_pairs(table):
                for row in range(len(table.frame)):
                    v = made.at.get((table.id, row, numerator))
                    if v is not None:
                        least[v] = 0
    return least


def reader(
    made: Variables,
    pattern: Pattern,
    floor: Mapping[int, int],
    behind: Mapping[int, tuple[int, int]],
    witnesses: Iterable[Floats] = (),
) -> Reader:
    """Somebody who reads what would be published under the pattern; ``behind`` says which counts
    can stand behind what is printed."""
    known = {v: ends for v, ends in behind.items() if v not in pattern.reasons}
    least = {v: min(low, made.value[v] or 0) for v, low in floor.items() if v in pattern.reasons}
    return Reader(len(made.key), made.relations, known, least, witnesses)


def doubtful(
    who: Reader, secrets: Iterable[Secret], width: int, *, whole: bool = False
) -> list[Secret]:
    """The secrets that no witness clears, after programs that move many of them at once.

    What a witness shows to be wide is wide: each program may clear many secrets, and only what is
    left takes programs of its own.
    """
    left = [s for s in secrets if s.exposed(who.seen(s.terms, whole=whole), width)]
    while left:
        before = len(left)
        for side in (1, -1):
            who.push([s.terms for s in left], side, whole=whole)
        left = [s for s in left if s.exposed(who.seen(s.terms, whole=whole), width)]
        if len(left) > before // 2 or len(left) < 8:
            break
    return left


class Suppressor:
    """Adds complementary cells to a pattern until every secret is protected."""

    def __init__(
        self,
        tables: Sequence[Table],
        made: Variables,
        floor: dict[int, int],
        policy: Policy,
        behind: Mapping[int, tuple[int, int]],
    ) -> None:
        self.made, self.floor, self.policy, self.behind = made, floor, policy, behind
        self.price = prices(tables, made)
        self.witnesses: list[Floats] = []

    def protect(self, pattern: Pattern) -> bool:
        """Withhold more until nothing is exposed; False when that cannot be reached."""
        if self.policy.method == "suppress":
            self._complements(pattern)
        chosen: list[int] = []
        tried: dict[Terms, int] = {}
        for _ in range(ROUNDS):
            exposed = self.exposed(pattern)
            if not exposed:
                self._relax(pattern, chosen)
                return True
            before = len(pattern.reasons)
            for secret in exposed:
                tried[secret.terms] = tried.get(secret.terms, 0) + 1
                fresh = self._cover(secret, pattern) if tried[secret.terms] <= MOST_COVERS else []
                if not fresh and tried[secret.terms] > 1:
                    fresh = self._surrender(secret, pattern, tried[secret.terms])
                for v in fresh:
                    pattern.reasons.setdefault(v, SECONDARY)
                    pattern.protects.setdefault(v, []).append(secret.terms)
                chosen += fresh
            if len(pattern.reasons) == before and min(tried[s.terms] for s in exposed) > MOST_TRIES:
                break
        return self._close(pattern)

    def _close(self, pattern: Pattern) -> bool:
        """The last resort, in very small cohorts: everything that hangs together is withheld."""
        exposed = self.exposed(pattern)
        if not exposed:
            return True
        wanted = {v for secret in exposed for v, _ in secret.terms}
        todo = list(wanted)
        while todo:
            for relation in self.made.touching(todo.pop()):
                fresh = {v for v, _ in relation.terms} - wanted
                wanted |= fresh
                todo += fresh
        for v in wanted:
            if self.made.value[v] is not None:
                pattern.reasons.setdefault(v, SECONDARY)
                self.floor[v] = 0
        return not self.exposed(pattern)

    def _complements(self, pattern: Pattern) -> None:
        """Where a difference is secret, a cell that prints just that difference goes as well.

        It may be a zero: "not linked: 0" says that everybody is. Such a zero may be withheld.
        """
        for secret in list(pattern.secrets.values()):
            if len(secret.terms) != 2:
                continue
            wanted = {v for v, _ in secret.terms}
            for relation in self.made.touching(secret.terms[0][0]):
                named = {v for v, _ in relation.terms}
                rest = named - wanted
                if wanted <= named and len(rest) == 1:
                    other = rest.pop()
                    if self.made.value[other] is not None:
                        pattern.reasons.setdefault(other, secret.reason)
                        self.floor[other] = 0

    def _surrender(self, secret: Secret, pattern: Pattern, reach: int) -> list[int]:
        """Where no cover is found: all around the secret, details first, headlines at the last."""
        _, inside, _ = self._around(secret.terms, reach, set(pattern.reasons))
        printed_cells = [
            v
            for v in inside
            if self.made.value[v] and v not in pattern.reasons and self.price[v] > 0
        ]
        details = [v for v in printed_cells if self.price[v] < HEADLINE]
        return details or (printed_cells if reach > MOST_COVERS else [])

    def exposed(self, pattern: Pattern) -> list[Secret]:
        """The secrets that a reader knows too well, and small groups that nobody prints."""
        who = reader(self.made, pattern, self.floor, self.behind)
        wanted = self.policy.width
        found = [
            s
            for s in doubtful(who, pattern.secrets.values(), wanted)
            if s.exposed(who.range(s.terms, wanted), wanted)
        ]
        for v in self._hidden(who):
            secret = Secret(((v, 1),), HIDDEN, None)
            if secret.terms not in pattern.secrets:
                pattern.secrets[secret.terms] = secret
                found.append(secret)
        self.witnesses = who.witnesses[-MOST_WITNESSES:]
        return found

    def _hidden(self, who: Reader) -> list[int]:
        """Variables without a cell that a reader knows to be few and not none, and nearly exactly.

        One program that makes all doubtful numbers small together clears most of them: what can
        be zero tells nothing. Only what cannot be cleared so takes programs of its own.
        """
        threshold, wanted = self.policy.threshold, self.policy.width
        unprinted = np.array([value is None for value in self.made.value], dtype=bool)
        doubtful = np.flatnonzero(unprinted & (who.high > 0) & (who.low < threshold))
        while len(doubtful):
            least = who.least_together(doubtful)
            left = doubtful[least[doubtful] > 0.5]
            if len(left) == len(doubtful):
                break
            doubtful = left
        found = []
        for v in doubtful.tolist():
            ends = who.range(((v, 1),), wanted)
            if ends.low < threshold and Secret(((v, 1),), HIDDEN, None).exposed(ends, wanted):
                found.append(v)
        return found

    def _cover(self, secret: Secret, pattern: Pattern) -> list[int]:
        """The cheapest further cells to withhold so that the secret can move."""
        free = set(pattern.reasons)
        for reach in (2, 4, 8, 64):
            relations, inside, edge = self._around(secret.terms, reach, free)
            moves = [
                self._move(secret, free, relations, inside, edge, up=up) for up in (True, False)
            ]
            fitting = [m for m in moves if m is not None]
            if fitting:
                cost, cells = min(fitting)
                if math.isfinite(cost):
                    return cells
        return []

    def _around(
        self, terms: Terms, reach: int, free: set[int]
    ) -> tuple[list[Relation], list[int], set[int]]:
        """Relations near the secret, ``reach`` steps of published cells away.

        All relations of a number that nobody prints, or that is withheld (``free``), are in.
        """
        seen = {v for v, _ in terms}
        frontier, relations = set(seen), {}
        edge: set[int] = set()
        for step in range(reach):
            following: set[int] = set()
            todo = list(frontier)
            while todo:
                v = todo.pop()
                for relation in self.made.touching(v):
                    if id(relation) in relations:
                        continue
                    relations[id(relation)] = relation
                    for other, _ in relation.terms:
                        if other in seen:
                            continue
                        seen.add(other)
                        if self.made.value[other] is None or other in free:
                            todo.append(other)
                        else:
                            following.add(other)
            frontier = following
            edge = following if step == reach - 1 else set()
            if not following:
                break
        return list(relations.values()), sorted(seen), edge

    def _move(
        self,
        secret: Secret,
        free: set[int],
        relations: Sequence[Relation],
        inside: Sequence[int],
        edge: set[int],
        *,
        up: bool,
    ) -> tuple[float, list[int]] | None:
        """The least cost of other counts z that fit, with the secret moved; and what changes.

        min sum price |z - true| over printed cells, subject to the relations, z >= 0, and
        sum(terms) z >= true + width (or <= true - width, as far down as zero).
        """
        place = {v: i for i, v in enumerate(inside)}
        n = len(inside)
        true = [self.made.value[v] for v in inside]
        # Columns: z, then the distance e >= |z - true| of each printed cell.
        rows: list[int] = []
        columns: list[int] = []
        factors: list[float] = []
        low: list[float] = []
        high: list[float] = []
        for relation in relations:
            for v, f in relation.terms:
                rows.append(len(low))
                columns.append(place[v])
                factors.append(float(f))
            low.append(-math.inf if relation.low is None else float(relation.low))
            high.append(math.inf if relation.high is None else float(relation.high))
        printed_cells = [i for i, value in enumerate(true) if value is not None]
        for k, i in enumerate(printed_cells):
            for sign in (1.0, -1.0):
                rows += [len(low), len(low)]
                columns += [n + k, i]
                factors += [1.0, -sign]
                low.append(-sign * float(true[i] or 0))
                high.append(math.inf)
        target = self._target(secret, up)
        if target is None:
            return None
        for v, f in secret.terms:
            rows.append(len(low))
            columns.append(place[v])
            factors.append(float(f))
        low.append(target if up else -math.inf)
        high.append(math.inf if up else target)
        matrix = coo_array(
            (factors, (rows, columns)), shape=(len(low), n + len(printed_cells))
        ).tocsr()
        cost = np.zeros(n + len(printed_cells))
        most = np.full(n + len(printed_cells), FAR)
        least = np.zeros(n + len(printed_cells))
        for k, i in enumerate(printed_cells):
            v = inside[i]
            cost[n + k] = 1e-4 if v in free else self.price[v]
            if v in edge and v not in free:
                least[i] = most[i] = float(true[i] or 0)
            elif v in self.floor:
                least[i] = min(self.floor[v], true[i] or 0)
            if true[i] == 0 and self.floor.get(v, 1) == 1 and v not in free:
                most[i] = 0.0  # a zero is printed: withholding it would say that it is none
        result = milp(
            cost, bounds=Bounds(least, most), constraints=LinearConstraint(matrix, low, high)
        )
        if result.x is None:
            return None
        moved = [
            inside[i]
            for i in printed_cells
            if abs(result.x[i] - (true[i] or 0)) > 0.01 and inside[i] not in free
        ]
        return float(result.fun), moved

    def _target(self, secret: Secret, up: bool) -> float | None:
        """Where the secret must be able to lie, for a width as the policy asks."""
        width = self.policy.width
        values = [self.made.value[v] for v, _ in secret.terms]
        if any(value is None for value in values):
            # Nobody prints it: it is safe as soon as it may be zero, or far larger.
            return float(width) + self.policy.threshold if up else 0.0
        true = sum(f * (value or 0) for (_, f), value in zip(secret.terms, values, strict=True))
        if up:
            return float(true + width)
        return float(true - width) if true - width >= 0 else None

    def _relax(self, pattern: Pattern, chosen: Sequence[int]) -> None:
        """Publish again what was withheld for nothing, the dearest first."""
        wanted = self.policy.width
        order = sorted(dict.fromkeys(chosen), key=lambda v: -self.price[v])
        effort = 0
        for v in order:
            if pattern.reasons.get(v) != SECONDARY or effort > MOST_EFFORT:
                continue
            del pattern.reasons[v]
            fine = False
            with suppress(DisclosureError):
                who = reader(self.made, pattern, self.floor, self.behind, self.witnesses)
                who.least_together(who.open())
                fine = all(
                    not s.exposed(who.range(s.terms, wanted), wanted)
                    for s in doubtful(who, pattern.secrets.values(), wanted)
                ) and all(((h, 1),) in pattern.secrets for h in self._hidden(who))
                effort += who.effort
            if not fine:
                pattern.reasons[v] = SECONDARY


def prices(tables: Sequence[Table], made: Variables) -> list[float]:
    """What readers lose with each variable: cells that print it, their size, headlines."""
    price = [0.0] * len(made.key)
    for table in tables:
        weight = HEADLINE if table.headline else ORDINARY
        for row in range(len(table.frame)):
            for name, column in table.columns.items():
                v = made.at.get((table.id, row, name)) if column.kind == "count" else None
                if v is not None:
                    price[v] += weight * (1.0 + math.log10(1 + (made.value[v] or 0)) / 4)
    return price


def tally(pattern: Pattern) -> dict[str, int]:
    """How many variables are withheld for which reason."""
    return dict(sorted(Counter(pattern.reasons.values()).items()))
