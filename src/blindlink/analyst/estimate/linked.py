"""Two tables and the links between their rows, as any linkage program writes them.

Links come as Splink's predictions (``unique_id_l``, ``unique_id_r``, ``match_probability``), as
recordlinkage's MultiIndex, or as columns ``left`` and ``right`` (rows from 0, or ids), with or
without a ``probability``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.columns import texts
from blindlink.arrays import Bools, Floats, Int64s
from blindlink.errors import InputError

_PROBABILITIES = ("probability", "match_probability", "prob")
_COLUMNS = "links need columns left and right, unique_id_l and unique_id_r, or a MultiIndex"
SPLINK = ("_l", "_r")


@dataclass(frozen=True)
class Pairs:
    """Pairs of a left and a right row; ``probability`` of being one person, NaN where unknown.

    All of shape (pairs,).
    """

    left: Int64s
    right: Int64s
    probability: Floats

    def __len__(self) -> int:
        return len(self.left)

    def where(self, chosen: Bools | Int64s) -> "Pairs":
        """Some of the pairs."""
        return Pairs(self.left[chosen], self.right[chosen], self.probability[chosen])


@dataclass(frozen=True)
class Linked:
    """Two tables, their links and candidates (which hold the links), and clusters of left rows."""

    left: pd.DataFrame
    right: pd.DataFrame
    links: Pairs
    candidates: Pairs
    cluster: Int64s

    @cached_property
    def exclusive(self) -> bool:
        """Whether no row has two links: a found partner shuts strangers out."""
        sides = (self.links.left, self.links.right)
        return all(len(np.unique(side)) == len(side) for side in sides)

    @cached_property
    def best(self) -> Pairs:
        """One link at most for each row: the most probable first."""
        if self.exclusive:
            return self.links
        order = np.argsort(-np.nan_to_num(self.links.probability, nan=1.0), kind="stable")
        taken: tuple[set[int], set[int]] = (set(), set())
        chosen = []
        for place in order.tolist():
            a, b = int(self.links.left[place]), int(self.links.right[place])
            if a not in taken[0] and b not in taken[1]:
                taken[0].add(a)
                taken[1].add(b)
                chosen.append(place)
        return self.links.where(np.sort(np.array(chosen, dtype=np.int64)))

    def frame(self, pairs: Pairs) -> pd.DataFrame:
        """One row per pair with the columns of both; a right name that both have ends in _right."""
        twice = {name: f"{name}_right" for name in self.right if name in self.left}
        right = self.right.rename(columns=twice).iloc[pairs.right].reset_index(drop=True)
        return pd.concat([self.left.iloc[pairs.left].reset_index(drop=True), right], axis=1)


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """A table that was read as text: numbers where a column has nothing else, "" as missing."""
    return frame.apply(_typed)


def _typed(column: pd.Series) -> pd.Series:
    if not (column.dtype == object or pd.api.types.is_string_dtype(column.dtype)):
        return column
    filled = column.where(column.astype(str).str.strip() != "", None)
    number = pd.to_numeric(filled, errors="coerce")
    return number if number.notna().sum() == filled.notna().sum() else filled


def pairs(
    links: pd.DataFrame | pd.Series | pd.MultiIndex,
    left: pd.DataFrame,
    right: pd.DataFrame,
    ids: tuple[str, str] | None,
) -> Pairs:
    """The pairs that somebody's links name. ``ids``: the columns that hold the tables' ids.

    Without ``ids`` links name rows, from 0, or, with a MultiIndex, labels of the frames' index.
    Raises InputError for links that name no row, or one that stands twice.
    """
    index = links if isinstance(links, pd.MultiIndex) else links.index
    if isinstance(links, pd.MultiIndex):
        frame = links.to_frame(index=False)
    elif isinstance(links, pd.Series):
        frame = links.rename("probability").to_frame()
    else:
        frame = links
    probability = _probability(frame)
    if isinstance(index, pd.MultiIndex):
        named = [pd.Series(index.get_level_values(place)) for place in (0, 1)]
    else:
        first, second = _columns([str(name) for name in frame.columns], ids)
        named = [frame[first], frame[second]]
        splink = first.endswith(SPLINK[0])
        ids = (first.removesuffix(SPLINK[0]),) * 2 if splink and ids is None else ids
        if ids is None:
            sizes = (len(left), len(right))
            a, b = (_rows(n, size) for n, size in zip(named, sizes, strict=True))
            return _once(Pairs(a, b, probability))
    keys = [
        pd.Series(table.index) if ids is None else _id(table, ids[place], side)
        for place, (side, table) in enumerate((("left", left), ("right", right)))
    ]
    places = [_places(names, key) for names, key in zip(named, keys, strict=True)]
    if any((place < 0).any() for place in places):
        # Splink orders the two sides by the names of their data sets.
        other = [_places(names, key) for names, key in zip(named[::-1], keys, strict=True)]
        missing = [max(int((p < 0).sum()) for p in each) for each in (places, other)]
        if missing[1]:
            raise InputError(
                f"{min(missing):,} of {len(frame):,} links name a row that no table has",
                hint="name the columns of the ids, id=... or id=(left, right)",
            )
        places = other
    return _once(Pairs(places[0], places[1], probability))


def _probability(frame: pd.DataFrame) -> Floats:
    name = next((name for name in _PROBABILITIES if name in frame), None)
    if name is None:
        return np.full(len(frame), np.nan)
    values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if ((values < 0) | (values > 1)).any():
        raise InputError(f"links: column {name} holds what is no probability")
    return np.asarray(values)


def _columns(names: Sequence[str], ids: tuple[str, str] | None) -> tuple[str, str]:
    known = [("left", "right"), ("unique_id_l", "unique_id_r")]
    if ids is not None:
        known = [(f"{ids[0]}_l", f"{ids[1]}_r"), ("left_id", "right_id"), *known]
    found = next((pair for pair in known if set(pair) <= set(names)), None)
    if found is None:
        raise InputError(f"links have the columns {', '.join(names[:20])}", hint=_COLUMNS)
    return found


def _id(table: pd.DataFrame, name: str, side: str) -> pd.Series:
    if name not in table:
        raise InputError(
            f"{side} has no column {name}", hint="name the columns of the ids, id=(left, right)"
        )
    return table[name]


def _rows(named: pd.Series, size: int) -> Int64s:
    number = pd.to_numeric(named, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.isnan(number) | (number < 0) | (number >= size) | (number % 1 != 0)
    if wrong.any():
        raise InputError(
            f"link {int(np.flatnonzero(wrong)[0]) + 1} names no row of a table of {size:,}",
            hint="rows count from 0; for ids name their columns, id=... or id=(left, right)",
        )
    return np.asarray(number.astype(np.int64))


def _places(named: pd.Series, keys: pd.Series) -> Int64s:
    """The row of each name, -1 where there is none. Raises InputError for an id of two rows."""
    index = pd.Index(texts(keys.reset_index(drop=True)))
    if not index.is_unique:
        raise InputError(
            f"row {int(np.flatnonzero(index.duplicated())[0]) + 1} has the id of another row",
            hint="each row of a table needs an id of its own",
        )
    return np.asarray(index.get_indexer(pd.Index(texts(named.reset_index(drop=True)))), np.int64)


def _once(found: Pairs) -> Pairs:
    twice = pd.DataFrame({"left": found.left, "right": found.right}).duplicated()
    if twice.any():
        raise InputError(f"link {int(np.flatnonzero(twice)[0]) + 1} stands twice")
    return found
