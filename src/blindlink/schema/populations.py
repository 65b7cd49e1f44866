"""What a count counts, declared: a unit, and conditions on it. Relations follow; none is guessed.

A *dimension* splits the units that it is about into levels, each unit in exactly one: sex, outcome
of the first journey. A *population* is a kind of unit and, for some dimensions, the levels that its
units may have. A fold ("dropped out, of four") is a set of finer levels, a stage ("engaged") is the
set of all levels that only the engaged have, and kinds that overlap are sets that share a level:

    households by kind   levels  {X only}  {X and Y}  {Y only}
                         X       |------------------|
                         Y                 |------------------|
                         All     |----------------------------|

So nesting, folding, splitting and overlapping are one thing, set algebra on levels, and equal
populations are equal whatever table prints them. Level sets are bit masks: bit i is level i.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Dimension:
    """Levels of which each unit has exactly one.

    ``implies``: what a level says about other dimensions: level -> conditions that hold for every
    unit of that level (the outcome "completed" implies a stage "engaged"). Levels without an entry
    imply nothing. ``harmless``: levels that are no secret when everybody has them ("not recorded").
    ``axis``: so many levels (days of a curve) that its sets are not crossed with one another.
    """

    name: str
    levels: tuple[str, ...]
    implies: Mapping[str, tuple["Condition", ...]] = field(default_factory=dict, compare=False)
    harmless: frozenset[str] = field(default=frozenset(), compare=False)
    axis: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        if len(set(self.levels)) != len(self.levels) or not self.levels:
            raise ValueError(f"dimension {self.name}: levels must differ, and there must be some")
        if set(self.implies) - set(self.levels):
            raise ValueError(f"dimension {self.name}: an unknown level implies something")

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.levels))

    @cached_property
    def bit(self) -> Mapping[str, int]:
        """The place of each level in a mask."""
        return {level: place for place, level in enumerate(self.levels)}

    @property
    def full(self) -> int:
        """The mask of all levels."""
        return (1 << len(self.levels)) - 1

    def mask(self, levels: Iterable[str]) -> int:
        """The mask of some levels; raises KeyError for one that there is not."""
        result = 0
        for level in levels:
            result |= 1 << self.bit[level]
        return result

    def of(self, *levels: str) -> "Condition":
        """The condition that a unit has one of these levels."""
        return Condition(self, self.mask(levels))

    @cached_property
    def implied(self) -> tuple[tuple["Dimension", tuple[int, ...]], ...]:
        """For each dimension that is implied: its mask for each level here."""
        others = dict.fromkeys(c.dimension for cs in self.implies.values() for c in cs)
        return tuple(
            (
                other,
                tuple(
                    _both(other, [c.mask for c in self.implies.get(n, ()) if c.dimension == other])
                    for n in self.levels
                ),
            )
            for other in others
        )


@dataclass(frozen=True)
class Condition:
    """A dimension and the levels, as a mask, that units may have."""

    dimension: Dimension
    mask: int

    def __or__(self, other: "Condition") -> "Condition":
        if self.dimension != other.dimension:
            raise ValueError("only levels of one dimension can be joined")
        return Condition(self.dimension, self.mask | other.mask)


def _both(dimension: Dimension, masks: Iterable[int]) -> int:
    result = dimension.full
    for mask in masks:
        result &= mask
    return result


@dataclass(frozen=True)
class Population:
    """Units of one kind that meet conditions, in canonical form: build it with ``population``.

    ``where`` is sorted by the dimension's name and closed: what its levels imply stands in it, and
    no condition that says nothing beyond the others.
    """

    unit: str
    where: tuple[tuple[Dimension, int], ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.unit, tuple((d.name, m) for d, m in self.where)))

    @cached_property
    def masks(self) -> Mapping[Dimension, int]:
        """The levels of each dimension with a condition."""
        return dict(self.where)

    def and_(self, *conditions: Condition) -> "Population | None":
        """Those that also meet these; None when nobody can."""
        return closed(self.unit, [*(Condition(d, m) for d, m in self.where), *conditions])

    def possible(self, dimension: Dimension) -> int:
        """The levels that units of this population can have, as a mask."""
        return _allowed(dimension, self.masks)

    def __str__(self) -> str:
        words = [
            f"{d.name} in {{{', '.join(n for i, n in enumerate(d.levels) if m >> i & 1)}}}"
            for d, m in self.where
        ]
        return f"{self.unit}: {'; '.join(words) or 'all'}"


def population(unit: str, *conditions: Condition) -> Population:
    """Units that meet all conditions. Raises ValueError when no unit can."""
    made = closed(unit, conditions)
    if made is None:
        raise ValueError(f"no {unit} can meet these conditions")
    return made


def closed(unit: str, conditions: Iterable[Condition]) -> Population | None:
    """The canonical population; None when the conditions exclude each other.

    Closure: levels imply other levels, and levels that contradict what is known are struck out,
    until nothing changes. Then a condition goes whose levels are all that the others leave: "here,
    away or gone on day 21" is nothing but "registered".
    """
    masks: dict[Dimension, int] = {}
    for condition in conditions:
        masks[condition.dimension] = (
            masks.get(condition.dimension, condition.dimension.full) & condition.mask
        )
    if not _propagate(masks):
        return None
    for dimension in sorted(masks, key=lambda d: d.name):
        rest = {d: m for d, m in masks.items() if d != dimension}
        if _allowed(dimension, rest) == masks[dimension]:
            # Says nothing that the others do not: the same units without it.
            masks = rest
    where = [(d, m) for d, m in masks.items() if m != d.full]
    return Population(unit, tuple(sorted(where, key=lambda pair: pair[0].name)))


def _propagate(masks: dict[Dimension, int]) -> bool:
    """Close ``masks`` in place; False when some dimension has no level left."""
    changed = True
    while changed:
        changed = False
        for dimension in list(masks):
            allowed = _allowed(dimension, masks)
            if allowed != masks[dimension]:
                masks[dimension] = allowed
                changed = True
            if not allowed:
                return False
            for other, by_level in dimension.implied:
                union = 0
                for place, mask in enumerate(by_level):
                    if allowed >> place & 1:
                        union |= mask
                before = masks.get(other, other.full)
                if before & union != before:
                    masks[other] = before & union
                    changed = True
                    if not masks[other]:
                        return False
    return True


def _allowed(dimension: Dimension, masks: Mapping[Dimension, int]) -> int:
    """The levels that do not contradict what is known of the dimensions that they imply."""
    mask = masks.get(dimension, dimension.full)
    for other, by_level in dimension.implied:
        known = masks.get(other)
        if known is None:
            continue
        for place, implied in enumerate(by_level):
            if mask >> place & 1 and not implied & known:
                mask &= ~(1 << place)
    return mask


def kinds(name: str, levels: Iterable[str], *, overlapping: bool = False) -> "Kinds":
    """The dimension of kinds: disjoint, or such that one unit may be of several."""
    names = tuple(levels)
    if not overlapping:
        return Kinds(Dimension(name, names), {n: 1 << i for i, n in enumerate(names)})
    sets = range(1, 1 << len(names))
    words = [
        " and ".join(n for i, n in enumerate(names) if s >> i & 1)
        + (" only" if s.bit_count() == 1 else "")
        for s in sets
    ]
    masks = {
        n: sum(1 << place for place, s in enumerate(sets) if s >> i & 1)
        for i, n in enumerate(names)
    }
    return Kinds(Dimension(name, tuple(words)), masks)


@dataclass(frozen=True)
class Kinds:
    """A dimension of kinds, and the levels that belong to each kind."""

    dimension: Dimension
    masks: Mapping[str, int]

    def of(self, kind: str) -> Condition:
        """The condition to be of a kind (perhaps of others too)."""
        return Condition(self.dimension, self.masks[kind])
