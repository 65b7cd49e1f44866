"""What everybody knows about counts: parts add up to totals, a numerator is within its denominator,
a later stage is within an earlier one, and what one table calls so another calls otherwise.
"""

from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from blindlink.analyst.disclosure.cells import (
    Cells,
    Labels,
    Place,
    Relation,
    cells_of,
    counts_of,
    identity,
    rows_of,
    share_pairs,
)
from blindlink.analyst.disclosure.curves import is_curve
from blindlink.analyst.disclosure.merging import merged
from blindlink.analyst.disclosure.sums import sums
from blindlink.analyst.disclosure.twins import Difference, rests, twins
from blindlink.analyst.publish.tables import TOTAL, Table

NESTED = "stage"  # a label whose values are stages, each a part of the one before


def collect(tables: Sequence[Table], *, likely: bool = True) -> Cells:
    """All cells of all tables with all their relations; cells known to be equal are one.

    ``likely``: also those that only their values suggest to be equal.
    """
    cells = cells_of(tables)
    found = [relation for table in tables for relation in _relations(cells, table)]
    rest = rests(tables, cells, (d for table in tables for d in _differences(cells, table)))
    return merged(cells, [*found, *rest], twins(tables, cells) if likely else ())


def stages(cells: Cells, table: Table) -> Iterator[tuple[int, int, int]]:
    """Pairs of cells of a table of stages, the second a part of the first, and which to withhold.

    When the difference is small, the stage in between is withheld rather than the first or last.
    """
    if NESTED in table.labels():
        for _, rows, _ in _groups(table, NESTED):
            for column in counts_of(table):
                found = [cells.at.get((table.id, row, column)) for row in rows]
                chain = [cell for cell in found if cell is not None]
                if all(cells.value[a] >= cells.value[b] for a, b in pairwise(chain)):
                    for outer, inner in pairwise(chain):
                        if outer != inner:
                            yield outer, inner, inner if outer == chain[0] else outer


def _differences(cells: Cells, table: Table) -> Iterator[Difference]:
    """Pairs of cells of a table of stages, of which the second is within the first."""
    if NESTED in table.labels():
        for others, rows, _ in _groups(table, NESTED):
            for column in counts_of(table):
                found = [cells.at.get((table.id, row, column)) for row in rows]
                for outer, inner in pairwise(cell for cell in found if cell is not None):
                    yield table.id, others, outer, inner


def _relations(cells: Cells, table: Table) -> Iterator[Relation]:
    for total, parts in _totals(cells, table):
        yield from _sum(cells, total, parts)
    yield from _shares(cells, table)
    if not is_curve(table):
        yield from _repeats(cells, table)
        yield from _splits(cells, table)
        yield from _partitions(cells, table)
        yield from _found_sums(cells, table)
    for outer, inner, _ in stages(cells, table):
        yield Relation(((outer, 1), (inner, -1)), high=None)


def _totals(cells: Cells, table: Table) -> Iterator[tuple[int | None, list[Place]]]:
    for label in table.labels():
        if table.totals.get(label, True):
            for others, parts, own_total in _groups(table, label):
                for column in counts_of(table):
                    places = [(table.id, row, column) for row in parts]
                    total = cells.at.get((table.id, own_total, column))
                    if total is None:
                        total = cells.find(identity(others, column))
                        if total is None:
                            total = _outer_total(cells, others, column, places)
                        if total is not None and cells.value[total] == 0:
                            total = None  # zeros add up whether or not they are parts
                    yield total, places


def _outer_total(cells: Cells, others: Labels, column: str, places: list[Place]) -> int | None:
    """The total that another table has when one label only names the split (sex: female, male)."""
    parts = {cells.at[place] for place in places if place in cells.at}
    whole = sum(cells.value[part] for part in parts)
    for name in others:
        rest = {other: value for other, value in others.items() if other != name}
        total = cells.find(identity(rest, column))
        if total is not None and cells.value[total] == whole and len(parts) > 1:
            return total
    return None


def _groups(table: Table, label: str) -> Iterator[tuple[Labels, list[int], int]]:
    """For each combination of the other labels: the rows of the parts, and the total's or -1."""
    parts: dict[tuple[tuple[str, Hashable], ...], list[int]] = {}
    totals: dict[tuple[tuple[str, Hashable], ...], int] = {}
    for row, labels in enumerate(rows_of(table)):
        key = tuple((name, value) for name, value in labels.items() if name != label)
        if labels[label] == TOTAL:
            totals[key] = row
        else:
            parts.setdefault(key, []).append(row)
    for key, rows in parts.items():
        yield dict(key), rows, totals.get(key, -1)


def _sum(cells: Cells, total: int | None, places: list[Place]) -> Iterator[Relation]:
    """Parts and total as an equation, or as the inequality that holds when they do not add up."""
    parts = sorted({cells.at[place] for place in places if place in cells.at})
    if total is None or not parts or total in parts:
        return
    excess = sum(cells.value[part] for part in parts) - cells.value[total]
    if excess == 0 and len(parts) == len(places):
        yield Relation(((total, -1), *((part, 1) for part in parts)))
    elif excess <= 0:
        yield Relation(((total, 1), *((part, -1) for part in parts)), high=None)
    else:
        for part in parts:
            if cells.value[part] <= cells.value[total]:
                yield Relation(((total, 1), (part, -1)), high=None)


def _shares(cells: Cells, table: Table) -> Iterator[Relation]:
    for numerator, denominator in share_pairs(table):
        for row in range(len(table.frame)):
            part = cells.at.get((table.id, row, numerator))
            whole = cells.at.get((table.id, row, denominator))
            if part is not None and whole is not None and part != whole:
                yield Relation(((whole, 1), (part, -1)), high=None)


def _repeats(cells: Cells, table: Table) -> Iterator[Relation]:
    """A count that stands in every row of a label without total, such as the kind of model."""
    for label in table.labels():
        if not table.totals.get(label, True):
            for _, rows, _ in _groups(table, label):
                for column in counts_of(table):
                    found = [cells.at.get((table.id, row, column)) for row in rows]
                    same = [cell for cell in found if cell is not None]
                    values = {cells.value[cell] for cell in same}
                    if len(values) == 1 and values != {0}:
                        yield from (
                            Relation(((a, 1), (b, -1))) for a, b in pairwise(same) if a != b
                        )


def _splits(cells: Cells, table: Table) -> Iterator[Relation]:
    """A denominator that stands in every row of a split, and that the numerators make up."""
    for label in table.labels():
        for _, rows, _ in _groups(table, label):
            for numerator, denominator in share_pairs(table):
                parts = [cells.at.get((table.id, row, numerator)) for row in rows]
                wholes = [cells.at.get((table.id, row, denominator)) for row in rows]
                whole = [cell for cell in wholes if cell is not None]
                part = [cell for cell in parts if cell is not None]
                if len(part) != len(rows) or len({cells.value[cell] for cell in whole}) != 1:
                    continue
                yield from (Relation(((a, 1), (b, -1))) for a, b in pairwise(whole) if a != b)
                size = cells.value[whole[0]]
                if len(part) > 1 and sum(cells.value[c] for c in part) == size > 0:
                    yield Relation(((whole[0], -1), *((cell, 1) for cell in part)))


def _partitions(cells: Cells, table: Table) -> Iterator[Relation]:
    """Groupings of the same units: the levels of sex add up to what the levels of age add up to."""
    names = table.labels()
    for label, grouping in ((a, b) for a in names for b in names if a != b):
        by_others: dict[tuple[Hashable, ...], list[list[int]]] = {}
        for others, rows, _ in _groups(table, label):
            key = tuple(value for name, value in others.items() if name != grouping)
            if others[grouping] != TOTAL:
                by_others.setdefault(key, []).append(rows)
        for groups in by_others.values():
            for column in counts_of(table):
                yield from _equal_sums(cells, table, column, groups)


def _equal_sums(
    cells: Cells, table: Table, column: str, groups: list[list[int]]
) -> Iterator[Relation]:
    """An equation for each two groups of rows, neighbours among those of one sum, if not zero."""
    by_sum: dict[int, list[list[int]]] = {}
    for rows in groups:
        found = [cells.at.get((table.id, row, column)) for row in rows]
        parts = [cell for cell in found if cell is not None]
        if len(parts) == len(found) and any(cells.value[cell] for cell in parts):
            by_sum.setdefault(sum(cells.value[cell] for cell in parts), []).append(parts)
    for same in by_sum.values():
        for one, two in pairwise(same):
            if len(one) + len(two) > 2:
                yield Relation((*((c, 1) for c in one), *((c, -1) for c in two)))


def _found_sums(cells: Cells, table: Table) -> Iterator[Relation]:
    """Sums over columns, and over the values of a label, that hold everywhere in the table."""
    columns = counts_of(table)
    by_row = [
        [cells.at.get((table.id, row, c)) for row in range(len(table.frame))] for c in columns
    ]
    yield from _sums_of(cells, by_row)
    place_of = {tuple(labels.items()): row for row, labels in enumerate(rows_of(table))}
    for label in table.labels():
        if not table.totals.get(label, True):
            values = list(dict.fromkeys(table.frame[label]))
            others = [labels for labels, _, _ in _groups(table, label)]
            lines = [
                [
                    cells.at.get(
                        (table.id, place_of.get(_with(table, labels, label, value), -1), name)
                    )
                    for labels in others
                    for name in columns
                ]
                for value in values
            ]
            yield from _sums_of(cells, lines)


def _with(
    table: Table, labels: Labels, name: str, value: Hashable
) -> tuple[tuple[str, Hashable], ...]:
    """The key of a row: the labels and one more, in the table's order."""
    return tuple((each, value if each == name else labels[each]) for each in table.labels())


def _sums_of(cells: Cells, lines: list[list[int | None]]) -> Iterator[Relation]:
    places = [
        i
        for i in range(len(lines[0]) if lines else 0)
        if all(line[i] is not None for line in lines)
    ]
    grid = [[line[i] or 0 for i in places] for line in lines]
    items = np.array([[cells.value[cell] for cell in line] for line in grid], dtype=np.int64)
    if items.ndim == 2:
        for whole, parts in sums(items):
            for place in range(len(places)):
                terms = ((grid[part][place], 1) for part in parts)
                yield Relation(((grid[whole][place], -1), *terms))
