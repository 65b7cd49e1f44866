"""All counts of a release as unknowns, and every relation between them that is declared.

A cell of a table is a population; equal populations are one variable. Further variables, which no
table prints, stand for what the relations leave open:

    family of a population P and a dimension d: all variables P and (d in S), for any S

        P          = a1 + a2 + a3 + a4          atoms: levels that the printed sets do not
        S (fold)   = a1 + a2                    tell apart, as one variable each
        T          =      a2 + a3

Overlaps come out by themselves: where two kinds share a level, the units that are of both are an
atom. What is missing from a table is an atom too, so a remainder is protected like any cell.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from blindlink.analyst.disclosure.defaults import populations_of
from blindlink.analyst.publish.tables import Declared, Table
from blindlink.errors import DisclosureError
from blindlink.schema.populations import Condition, Dimension, Population, closed

Place = tuple[str, int, str]  # table id, row, column
Terms = tuple[tuple[int, int], ...]  # (variable, coefficient)
ROUNDS = 3  # of families of families; what is left after that is said in the audit


@dataclass(frozen=True)
class Relation:
    """``low <= sum(coefficient * variable) <= high``; None means no limit."""

    terms: Terms
    low: int | None = 0
    high: int | None = 0


@dataclass
class Variables:
    """``value[i]`` is the count of variable i where a table prints it, else None.

    ``at`` finds the variable of a cell; ``places`` the cells of a variable; ``key`` its population,
    or the place of a cell that declares none (it is related to nothing but its table's totals).
    """

    key: list[Hashable] = field(default_factory=list)
    value: list[int | None] = field(default_factory=list)
    at: dict[Place, int] = field(default_factory=dict)
    places: dict[int, list[Place]] = field(default_factory=lambda: defaultdict(list))
    relations: list[Relation] = field(default_factory=list)
    levels: dict[int, tuple[int, int]] = field(default_factory=dict)
    _known: dict[Hashable, int] = field(default_factory=dict)
    _touching: dict[int, list[Relation]] = field(default_factory=lambda: defaultdict(list))

    def touching(self, v: int) -> list[Relation]:
        """The relations that name a variable."""
        if not self._touching:  # asked for when all relations are there
            for relation in self.relations:
                for other, _ in relation.terms:
                    self._touching[other].append(relation)
        return self._touching[v]

    def find(self, key: Hashable) -> int | None:
        """The variable of a population; None when there is none."""
        return self._known.get(key)

    def count(self, v: int) -> int:
        """The count of a variable that some table prints. Raises KeyError for any other."""
        value = self.value[v]
        if value is None:
            raise KeyError(v)
        return value

    def add(self, key: Hashable, value: int | None = None) -> int:
        """The variable of a population, made if need be."""
        index = self._known.get(key)
        if index is None:
            index = len(self.key)
            self._known[key] = index
            self.key.append(key)
            self.value.append(value)
        elif value is not None:
            if self.value[index] is not None and self.value[index] != value:
                first = self.places[index][0] if self.places[index] else ("", 0, "")
                raise DisclosureError(
                    f"table {first[0]} and another give two counts of one population",
                    hint="a declared population is wrong: the gate cannot protect what it is not "
                    "told",
                )
            self.value[index] = value
        return index


def counts_of(table: Table) -> list[str]:
    """The names of a table's count columns."""
    return [name for name, column in table.columns.items() if column.kind == "count"]


def share_pairs(table: Table) -> list[tuple[str, str]]:
    """The distinct (numerator, denominator) pairs of a table's shares, in column order."""
    pairs = (
        (column.numerator, column.denominator)
        for column in table.columns.values()
        if column.kind == "share"
    )
    return list(dict.fromkeys((n, d) for n, d in pairs if n is not None and d is not None))


def variables_of(tables: Sequence[Table]) -> Variables:
    """Every cell of every table as a variable, with all relations.

    Tables that declare no populations share those that their columns and labels name alike, unless
    their counts contradict that. Raises DisclosureError when declared populations contradict each
    other.
    """
    try:
        made = _variables(tables, apart=False)
        if _true(made):
            return made
    except DisclosureError:
        if all(name in table.populations for table in tables for name in counts_of(table)):
            raise
    made = _variables(tables, apart=True)
    if not _true(made):
        raise DisclosureError(
            "the counts contradict the relations between their populations",
            hint="a declared population or a total is wrong",
        )
    return made


def agree(tables: Sequence[Table]) -> bool:
    """Whether the tables can be about the same units, so that all their relations hold."""
    try:
        return _true(_variables(tables, apart=False))
    except DisclosureError:
        return False


def _true(made: Variables) -> bool:
    """Whether the relations between printed counts hold."""
    for relation in made.relations:
        values = [made.value[v] for v, _ in relation.terms]
        if any(value is None for value in values):
            continue
        total = sum(f * (x or 0) for (_, f), x in zip(relation.terms, values, strict=True))
        low, high = relation.low, relation.high
        if (low is not None and total < low) or (high is not None and total > high):
            return False
    return True


def _variables(tables: Sequence[Table], *, apart: bool) -> Variables:
    made = Variables()
    declared_by = populations_of(tables, apart=apart)
    for table in tables:
        for name in counts_of(table):
            values = pd.to_numeric(table.frame[name], errors="coerce").to_numpy(dtype=float)
            declared = declared_by[table.id, name]
            for row, value in enumerate(values):
                if np.isfinite(value):
                    place = (table.id, row, name)
                    key = declared[row] if declared[row] is not None else place
                    made.at[place] = made.add(key, round(value))
                    made.places[made.at[place]].append(place)
    _families(made)
    for table in tables:
        for declared_relation in table.relations:
            made.relations.append(_declared(made, declared_relation))
    return made


def _declared(made: Variables, relation: Declared) -> Relation:
    terms = tuple((made.add(population), factor) for population, factor in relation.terms)
    return Relation(terms, relation.low, relation.high)


def _families(made: Variables) -> None:
    """Add the relations of all families, and the variables that they need."""
    done: dict[tuple[Population, Dimension], frozenset[int]] = {}
    for _ in range(ROUNDS):
        families: dict[tuple[Population, Dimension], set[int]] = defaultdict(set)
        for v, key in enumerate(list(made.key)):
            if isinstance(key, Population) and (made.value[v] is not None or not _axis(key)):
                for base, dimension, mask in _bases(key):
                    families[base, dimension].add(mask)
        fresh = {
            family: frozenset(masks)
            for family, masks in families.items()
            if done.get(family) != frozenset(masks)
        }
        if not fresh:
            break
        for (base, dimension), masks in fresh.items():
            _family(made, base, dimension, masks)
        done |= fresh


def _axis(key: Population) -> bool:
    """Whether a population is a stretch of a curve: crossing all stretches would be too many."""
    return any(dimension.axis for dimension, _ in key.where)


def _bases(key: Population) -> Iterable[tuple[Population, Dimension, int]]:
    """Each way to see a population as levels of a dimension within another population."""
    for dimension, mask in key.where:
        rest = [Condition(d, m) for d, m in key.where if d != dimension]
        base = closed(key.unit, rest)
        if base is not None and base != key:
            yield base, dimension, mask


def _family(made: Variables, base: Population, dimension: Dimension, masks: Iterable[int]) -> None:
    possible = base.possible(dimension)
    sets = {mask & possible for mask in masks} - {0}
    atoms = _atoms(possible, sets)
    names = {}
    for atom in atoms:
        inside = base.and_(Condition(dimension, atom))
        if inside is not None:
            names[atom] = made.add(inside)
            made.levels.setdefault(names[atom], (atom.bit_count(), possible.bit_count()))
    inside = base.and_(Condition(dimension, dimension.full))
    for mask in (possible, *sorted(sets - {possible})):
        part = (
            base if mask == possible and inside == base else base.and_(Condition(dimension, mask))
        )
        parts = [names[atom] for atom in atoms if atom & mask and atom in names]
        if part is not None and parts and parts != [made.add(part)]:
            terms = ((made.add(part), -1), *((atom, 1) for atom in parts))
            made.relations.append(Relation(terms))
    if inside != base and inside is not None:
        # The dimension is about some of these units only: those that have a level are a part.
        made.relations.append(Relation(((made.add(base), 1), (made.add(inside), -1)), 0, None))


def _atoms(possible: int, sets: Iterable[int]) -> list[int]:
    """The coarsest split of ``possible`` of which every set is made."""
    atoms = [possible]
    for mask in sets:
        atoms = [part for atom in atoms for part in (atom & mask, atom & ~mask) if part]
    return sorted(atoms)
