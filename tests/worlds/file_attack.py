"""A reader of written files: knows CSV tables and their data dictionary, and no code of the gate.

It takes what the files say at their word: a row ``All`` is the sum of the rows beside it, a share
is numerator over denominator, and two counts of one name with the same labels are one number. Of
these it keeps what is true (as a good guesser would), and bounds small counts by linear programs.
"""

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from blindlink.analyst.publish.tables import Table

Cell = tuple[str, tuple[tuple[str, str], ...], str]  # table, labels, column
Sum = tuple[tuple[Cell, int], ...]  # cells with factors, which add up to nothing
REACH = {"suppress": 0, "round": 4, "cell-key": 8}


@dataclass
class Files:
    """What a folder of tables says: the text of each count, and which column is a part of which."""

    cells: dict[Cell, str]
    parts: list[tuple[Cell, Cell, str]]  # part, whole, the share as printed ("" where not)


def read(folder: Path) -> Files:
    """Every table of a folder."""
    kinds: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
    for line in _rows(folder / "data-dictionary.csv"):
        kinds[line["table"]][line["column"]] = line
    found = Files({}, [])
    for path in sorted(folder.glob("*.csv")):
        if path.stem in kinds:
            _table(path, kinds[path.stem], found)
    return found


def _table(path: Path, columns: Mapping[str, Mapping[str, str]], found: Files) -> None:
    labels = [name for name, line in columns.items() if line["kind"] == "label"]
    for row in _rows(path):
        key = tuple((name, row[name]) for name in labels)
        for name, line in columns.items():
            if line["kind"] == "count":
                found.cells[path.stem, key, name] = row[name]
            if line["kind"] == "percentage" and " / " in line["computed_from"]:
                part, whole = line["computed_from"].split(" / ")
                found.parts.append(((path.stem, key, part), (path.stem, key, whole), row[name]))


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def sums(files: Files, true: Mapping[Cell, int]) -> list[Sum]:
    """Totals over each label, and numbers that are one; only what is true."""
    found: list[Sum] = []
    beside: dict[tuple[object, ...], list[Cell]] = defaultdict(list)
    for table, key, column in files.cells:
        for at, (_, value) in enumerate(key):
            if value != "All":
                beside[table, column, at, key[:at] + key[at + 1 :]].append((table, key, column))
    for table, key, column in files.cells:
        for at, (_, value) in enumerate(key):
            parts = beside.get((table, column, at, key[:at] + key[at + 1 :]))
            if value == "All" and parts:
                found.append((((table, key, column), -1), *((part, 1) for part in parts)))
    same: dict[tuple[str, frozenset[tuple[str, str]]], list[Cell]] = defaultdict(list)
    for table, key, column in files.cells:
        same[column, frozenset(p for p in key if p[1] != "All")].append((table, key, column))
    found += [((group[0], 1), (other, -1)) for group in same.values() for other in group[1:]]
    return [
        s
        for s in found
        if all(cell in true for cell, _ in s) and sum(true[cell] * f for cell, f in s) == 0
    ]


def truth(tables: Iterable[Table]) -> dict[Cell, int]:
    """The true count of every cell, by the names that the files give it."""
    found = {}
    for table in tables:
        labels = [name for name, column in table.columns.items() if column.kind == "label"]
        for row in table.frame.to_dict("records"):
            key = tuple((name, _label(row[name])) for name in labels)
            for name, column in table.columns.items():
                if column.kind == "count" and row[name] == row[name]:
                    found[table.id, key, name] = round(row[name])
    return found


def _label(value: object) -> str:
    """A label as the files print it."""
    if value is None or value != value or value == "":
        return "[x]"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def bounds(
    files: Files, true: Mapping[Cell, int], method: str, threshold: int, most: int = 10**6
) -> list[tuple[Sum, float]]:
    """For every small count, and every small rest of a share, the width that a reader is left.

    ``most``: bound so many of them, evenly over all.
    """
    cells = [cell for cell in files.cells if cell in true]
    place = {cell: at for at, cell in enumerate(cells)}
    low, high = np.zeros(len(cells)), np.full(len(cells), np.inf)
    for cell, at in place.items():
        text = files.cells[cell]
        if text != "[c]":
            low[at] = max(int(text) - REACH[method], int(text != "0" and method != "suppress"))
            high[at] = int(text) + REACH[method]
    equal = [s for s in sums(files, true) if all(cell in place for cell, _ in s)]
    upper: list[tuple[Sum, float]] = []
    secrets: list[Sum] = [((cell, 1),) for cell in cells if 0 < true[cell] < threshold]
    for part, whole, share in files.parts:
        if part in place and whole in place and part != whole:
            upper.append((((part, 1), (whole, -1)), 0.0))
            if 0 < true[whole] - true[part] < threshold:
                secrets.append(((whole, 1), (part, -1)))
            if method == "suppress" and share.replace(".", "").isdigit():
                half = 0.5 * 10.0 ** -len(share.partition(".")[2]) / 100 + 1e-9
                of = float(share) / 100
                upper.append((((part, 1), (whole, -(of + half))), 0.0))  # type: ignore[arg-type]
                upper.append((((part, -1), (whole, of - half)), 0.0))  # type: ignore[arg-type]
    matrix = {"A_eq": _matrix(equal, place), "A_ub": _matrix((s for s, _ in upper), place)}
    found = []
    for secret in secrets[:: -(-len(secrets) // most) or 1]:
        cost = np.zeros(len(cells))
        for cell, factor in secret:
            cost[place[cell]] += factor
        ends = []
        for side in (1, -1):
            done = linprog(
                side * cost,
                b_eq=np.zeros(len(equal)) if equal else None,
                b_ub=np.full(len(upper), 1e-6) if upper else None,
                bounds=np.c_[low, high],
                **{name: m for name, m in matrix.items() if m is not None},
            )
            assert done.status in (0, 3), done.message  # the true counts fit, so something does
            ends.append(done.fun if done.status == 0 else -math.inf)
        found.append((secret, -ends[1] - ends[0]))
    return found


def _matrix(rows: Iterable[Sum], place: Mapping[Cell, int]) -> coo_array | None:
    made = list(rows)
    if not made:
        return None
    entries = [(at, place[cell], factor) for at, s in enumerate(made) for cell, factor in s]
    row, column, factor = zip(*entries, strict=True)
    return coo_array((np.array(factor, float), (row, column)), shape=(len(made), len(place)))
