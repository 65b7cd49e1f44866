"""The same count under two names: an attacker sees that two tables speak of the same people.

"engaged" of the requirement ATR in one table is "counted" of the measure engaged in another. Names
cannot tell, so cells of two tables are taken for the same where their values are equal, the labels
that both have agree, and the other labels have a word in common or are on one side only. Two that
are equal by chance are then treated alike, which costs a little detail and never protection.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from blindlink.analyst.disclosure.cells import Cells, Labels, Relation, counts_of, rows_of
from blindlink.analyst.disclosure.curves import is_curve
from blindlink.analyst.publish.tables import TOTAL, Table

Difference = tuple[str, Labels, int, int]  # table, labels, the outer cell and the inner one

MORE_LABELS = 2
CERTAIN = 50  # from this value on, equal totals without a common word are taken for the same


@dataclass(frozen=True)
class _Place:
    """Where a count stands."""

    table: str
    labels: Labels


def twins(tables: Sequence[Table], cells: Cells) -> Iterator[Relation]:
    """An equation for each pair of cells that count the same."""
    for value, group in _by_value(tables, cells).items():
        for (one, first), (two, second) in combinations(sorted(group.items()), 2):
            if any(_alike(a, b, value) for a in first for b in second):
                yield Relation(((one, 1), (two, -1)))


def rests(
    tables: Sequence[Table], cells: Cells, differences: Iterable[Difference]
) -> Iterator[Relation]:
    """An equation for each cell of another table that counts what is left between two cells.

    "completed or still in treatment" less "completed" is "still in treatment" of another table. The
    labels that both have must agree. Small differences could be equal to anything by chance, and
    where nothing is taken away every count of the whole is left.
    """
    by_value = _by_value(tables, cells)
    for table, labels, outer, inner in differences:
        rest = cells.value[outer] - cells.value[inner]
        telling = rest >= CERTAIN and cells.value[inner] > 0
        for cell, places in by_value.get(rest, {}).items() if telling else ():
            if cell not in (outer, inner) and any(
                place.table != table and _agree(labels, place.labels) for place in places
            ):
                yield Relation(((outer, 1), (inner, -1), (cell, -1)))


def _agree(one: Labels, two: Labels) -> bool:
    shared = one.keys() & two.keys()
    return bool(shared) and all(str(one[name]) == str(two[name]) for name in shared)


def _by_value(tables: Sequence[Table], cells: Cells) -> dict[int, dict[int, list[_Place]]]:
    groups: dict[int, dict[int, list[_Place]]] = {}
    for table in tables:
        if not is_curve(table):
            for row, labels in enumerate(rows_of(table)):
                for column in counts_of(table):
                    cell = cells.at.get((table.id, row, column))
                    if cell is not None and cells.value[cell] > 0:
                        place = _Place(table.id, labels)
                        groups.setdefault(cells.value[cell], {}).setdefault(cell, []).append(place)
    return groups


def _alike(one: _Place, two: _Place, value: int) -> bool:
    a, b = one.labels, two.labels
    shared = a.keys() & b.keys()
    if one.table == two.table or any(str(a[name]) != str(b[name]) for name in shared):
        return False
    words, others = _words(a, shared), _words(b, shared)
    if words & others:
        return True
    one_side = (not words or not others) and len(words | others) <= MORE_LABELS
    return one_side and (value >= CERTAIN or bool(shared))


def _words(labels: Labels, without: set[str]) -> set[Hashable]:
    return {str(v) for name, v in labels.items() if name not in without and v != TOTAL}
