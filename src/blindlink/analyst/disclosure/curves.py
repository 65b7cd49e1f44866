"""Curves over days: each small step of a curve is a small count, so steps are made coarser.

Along a numeric label (days since the sentence) a cumulative count that moves by one person shows
that person. A coarsened series keeps its value until at least ``threshold`` units have gone by, as
a staircase with fewer and higher steps; every figure that is based on it keeps the same steps.
"""

from collections.abc import Hashable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from blindlink.analyst.publish.tables import Column, Table
from blindlink.arrays import Floats, Int64s

POINTS = 8  # fewer points are a table of chosen days, protected as counts, not a curve
NOTE = "Steps of the curves are made coarser so that none stands for fewer than {} units."


def is_curve(table: Table) -> bool:
    """Whether the table is a curve: a numeric label with many values."""
    return _axis(table) is not None


def coarsen(table: Table, threshold: int) -> Table:
    """The table with coarser steps, and a note; the same table when it holds no curve."""
    axis = _axis(table)
    if axis is None or threshold < 2:
        return table
    frame = table.frame.copy()
    populations = {name: list(declared) for name, declared in table.populations.items()}
    for rows in _series(table, axis):
        for name, column in table.columns.items():
            units = pd.to_numeric(table.frame[name], errors="coerce").to_numpy(dtype=float)[rows]
            if column.kind == "count" and np.isfinite(units).all():
                kept = steps(units, threshold)
                for target in (name, *_followers(table.columns, name)):
                    values = frame[target].to_numpy().copy()
                    values[rows] = values[rows][kept]
                    frame[target] = values
                if name in populations:
                    declared = [table.populations[name][row] for row in rows]
                    for row, shown in zip(rows, kept.tolist(), strict=True):
                        populations[name][row] = declared[shown]
    if frame.equals(table.frame):
        return table
    return replace(
        table, frame=frame, populations=populations, notes=(*table.notes, NOTE.format(threshold))
    )


def steps(units: Floats, threshold: int) -> Int64s:
    """For each point the point whose value it shows: the last that moved at least ``threshold``.

    A small count, which is withheld, gives way to the first that is not small. A zero that does not
    stay zero until the next step would be false: the whole step then shows a small count.
    """
    shown = np.zeros(len(units), dtype=np.int64)
    last = 0
    for point in range(1, len(units)):
        withheld = 0 < units[last] < threshold <= units[point]
        if withheld or abs(units[point] - units[last]) >= threshold:
            last = point
        shown[point] = last
    for start in np.unique(shown):
        step = np.flatnonzero(shown == start)
        if units[start] == 0 and units[step].any():
            shown[step] = step[units[step].argmax()]
    return shown


def _axis(table: Table) -> str | None:
    for name in table.labels():
        values = pd.to_numeric(table.frame[name], errors="coerce")
        if len(values) and values.notna().all() and values.nunique() >= POINTS:
            return name
    return None


def _series(table: Table, axis: str) -> list[list[int]]:
    others = [name for name in table.labels() if name != axis]
    groups: dict[Hashable, list[int]] = {}
    for row, key in enumerate(zip(*(table.frame[name] for name in others), strict=True)):
        groups.setdefault(key, []).append(row)
    days = pd.to_numeric(table.frame[axis], errors="coerce").to_numpy(dtype=float)
    everything = list(groups.values()) or [list(range(len(table.frame)))]
    return [sorted(rows, key=lambda row: float(days[row])) for rows in everything]


def _followers(columns: Mapping[str, Column], name: str) -> list[str]:
    """The columns whose figures are based on a count, and their bounds."""
    direct = [n for n, c in columns.items() if name in (c.base, c.numerator) and c.kind != "count"]
    return direct + [n for n, c in columns.items() if c.of in direct]
