"""What a declared study's tables count: dimensions, and populations made of them.

When the first spell begins is one dimension, cut at every day that some measure speaks of:

    by day 0 | by day 21 | by day 84 | by day 365 | later | never
    |------------ within 84 days ----|
    |------------ until the end of observation -----------|

A window is a set of these levels, a state on a day implies one, and so the disclosure gate knows
how each figure hangs together with each other, in all tables at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from blindlink.analyst.publish.tables import TOTAL, Declared
from blindlink.schema.populations import Condition, Dimension, Kinds, Population, kinds, population
from blindlink.schema.study.declaration import Declaration, Group
from blindlink.schema.study.measures import OpenOn

UNKNOWN = "not recorded"
YES, NO = "yes", "no"
NEVER, LATER = "never", "later"
OPEN, ENDED, NOT_YET = "open", "ended", "not yet"
STATES = (OPEN, ENDED, NOT_YET, NEVER)
PERSONS = "persons"
_LINK = ("no candidate", "candidate", "linked")


@dataclass(frozen=True)
class Counting:
    """The dimensions of a study. ``groups``: by the name of the group."""

    study: Declaration
    groups: dict[str, Dimension] = field(init=False)

    def __post_init__(self) -> None:
        made = {
            name: Dimension(
                group.title, (*self.study.levels(group), UNKNOWN), harmless=frozenset({UNKNOWN})
            )
            for name, group in self.study.groups.items()
        }
        object.__setattr__(self, "groups", made)

    @property
    def units(self) -> str:
        """What is counted, in the plural."""
        return self.study.unit.plural

    @cached_property
    def kind(self) -> Kinds | None:
        """The kinds of the unit."""
        declared = self.study.kinds
        if declared is None:
            return None
        names = [kind.name for kind in declared.kind]
        return kinds(declared.title, names, overlapping=declared.overlap is not None)

    @property
    def kind_names(self) -> list[str]:
        """The kinds, and All."""
        declared = self.study.kinds
        return [*(kind.name for kind in declared.kind), TOTAL] if declared else [TOTAL]

    def unit(self, kind: str, *conditions: Condition) -> Population:
        """Units of a kind (or of All) that meet the conditions."""
        own = () if kind == TOTAL or self.kind is None else (self.kind.of(kind),)
        return population(self.units, *own, *conditions)

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        """Every day after the start that some measure speaks of, in order; 0 is among them."""
        opened = (day for each in self.study.measures.values() if isinstance(each, OpenOn)
                  for day in each.days)  # fmt: skip
        return tuple(sorted({0, *self.study.observation.windows, *opened}))

    @cached_property
    def _followed(self) -> Dimension:
        names = (f"under {self.cuts[1]} days", *(f"{cut} days" for cut in self.cuts[1:]))
        return Dimension("followed for at least", names)

    def followed(self, days: int | None) -> tuple[Condition, ...]:
        """Observed for at least so many days; None or 0: whoever it is."""
        if not days:
            return ()
        levels = self._followed.levels
        return (self._followed.of(*levels[self.cuts.index(days) :]),)

    def linked(self, owner: str, *reached: str) -> Condition:
        """How far a unit's person came towards a link with an owner's records."""
        return Dimension(f"link with {owner}", _LINK).of(*(reached or (_LINK[-1],)))

    def candidate(self, owner: str) -> Condition:
        """Whose person has at least a candidate."""
        return self.linked(owner, *_LINK[1:])

    def _entry(self, spells: str) -> Dimension:
        named = tuple(f"by day {cut}" for cut in self.cuts)
        owner = self.study.spells[spells].owner
        own = owner == self.study.unit.owner
        implied = () if own else (self.linked(owner),)
        levels = (*named, LATER, NEVER)
        return Dimension(f"first of {spells}", levels, dict.fromkeys(levels[:-1], implied))

    def entered(self, spells: str, days: int | None = None) -> Condition:
        """With a spell open on the start or beginning within so many days; None: ever."""
        dimension = self._entry(spells)
        end = -1 if days is None else self.cuts.index(days) + 1
        return dimension.of(*dimension.levels[:end])

    def state(self, spells: str, day: int, *states: str) -> Condition:
        """The state on a day after the start."""
        entry = self._entry(spells)
        by = self.entered(spells, day)
        after = Condition(entry, entry.full & ~by.mask & ~entry.mask([NEVER]))
        implied = {OPEN: (by,), ENDED: (by,), NOT_YET: (after,), NEVER: (entry.of(NEVER),)}
        return Dimension(f"{spells} on day {day}", STATES, implied).of(*states)

    def first(self, spells: str, what: str, *levels: str) -> Condition:
        """Category or exit of the first spell."""
        declared = self.study.spells[spells]
        sorting = declared.category if what == "category" else declared.exit
        assert sorting is not None  # noqa: S101
        ever = (self.entered(spells),)
        named = Dimension(
            f"{what} of the first of {spells}", sorting.levels, dict.fromkeys(sorting.levels, ever)
        )
        return named.of(*levels)

    def more_units_than_persons(
        self, conditions: Iterable[tuple[Condition, ...]]
    ) -> tuple[Declared, ...]:
        """Each person has at least one unit."""
        return tuple(
            Declared(
                ((population(self.units, *each), 1), (population(PERSONS, *each), -1)), 0, None
            )
            for each in conditions
        )


def group_values(group: Group, levels: tuple[str, ...], column: pd.Series) -> pd.Series:
    """A column as the levels of a group, by their words; what says nothing is "not recorded"."""
    if group.bands:
        edges = [-float("inf"), *group.bands, float("inf")]
        named = pd.cut(column, edges, right=False, labels=list(levels)).astype(object)
    elif group.year:
        years = pd.to_datetime(column, unit="D").dt.year.astype("Int64").astype(str)
        named = years.where(years.isin(levels))
    else:
        words = column.map(lambda label: group.words.get(label, label))
        named = words.where(words.isin(levels))
    return pd.Series(named, dtype=object).where(named.notna(), UNKNOWN)
