"""The same count under two names: an attacker sees that two tables speak of the same people.

"engaged" of the requirement ATR in one table is "counted" of the measure engaged in another. Names
cannot tell, so cells of two tables are taken for the same where their values are equal, the labels
that both have agree, the wholes that they are parts of agree, and the other labels have a word in
common or are on one side only. Two that are equal by chance are then treated alike, which costs a
little detail and never protection.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from blindlink.analyst.cells import Cells, Labels, Relation, counts_of, rows_of, share_pairs
from blindlink.analyst.curves import is_curve
from blindlink.analyst.tables import TOTAL, Table

MORE_LABELS = 2
CERTAIN = 50  # from this value on, equal totals without a common word are taken for the same


@dataclass(frozen=True)
class _Place:
    """Where a count stands: table, labels, and the wholes that it is a part of."""

    table: str
    labels: Labels
    wholes: frozenset[int]


def twins(tables: Sequence[Table], cells: Cells) -> Iterator[Relation]:
    """An equation for each pair of cells that count the same."""
    for value, group in _by_value(tables, cells).items():
        for (one, first), (two, second) in combinations(sorted(group.items()), 2):
            if any(_alike(a, b, value) for a in first for b in second):
                yield Relation(((one, 1), (two, -1)))


def _by_value(tables: Sequence[Table], cells: Cells) -> dict[int, dict[int, list[_Place]]]:
    groups: dict[int, dict[int, list[_Place]]] = {}
    for table in tables:
        if not is_curve(table):
            for row, labels in enumerate(rows_of(table)):
                for column in counts_of(table):
                    cell = cells.at.get((table.id, row, column))
                    if cell is not None and cells.value[cell] > 0:
                        place = _Place(table.id, labels, _wholes(table, cells, row, column))
                        groups.setdefault(cells.value[cell], {}).setdefault(cell, []).append(place)
    return groups


def _wholes(table: Table, cells: Cells, row: int, column: str) -> frozenset[int]:
    pairs = (whole for part, whole in share_pairs(table) if part == column)
    found = (cells.at.get((table.id, row, whole)) for whole in pairs)
    return frozenset(cells.value[cell] for cell in found if cell is not None)


def _alike(one: _Place, two: _Place, value: int) -> bool:
    a, b = one.labels, two.labels
    shared = a.keys() & b.keys()
    if one.table == two.table or any(str(a[name]) != str(b[name]) for name in shared):
        return False
    if one.wholes and two.wholes and not one.wholes & two.wholes:
        return False
    words, others = _words(a, shared), _words(b, shared)
    if words & others:
        return True
    one_side = (not words or not others) and len(words | others) <= MORE_LABELS
    return one_side and (value >= CERTAIN or bool(shared))


def _words(labels: Labels, without: set[str]) -> set[Hashable]:
    return {str(v) for name, v in labels.items() if name not in without and v != TOTAL}
