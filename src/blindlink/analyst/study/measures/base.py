"""What a measure is to the engine: one class with one required method, ``tables``."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.analyst.publish import layout
from blindlink.analyst.publish.tables import TOTAL, Column, Table
from blindlink.analyst.study.world import World
from blindlink.arrays import Bools
from blindlink.pages.charts.kit import PALETTE, Chart
from blindlink.schema.study.declaration import Declaration

SafeTables = Mapping[str, SafeTable]


@dataclass(frozen=True)
class Statistic(ABC):
    """A measure of a study, by its id. ``points`` and ``figures`` see released tables only."""

    id: str
    declared: Any
    study: Declaration

    @abstractmethod
    def tables(self, world: World) -> list[Table]:
        """What it counts: every count with its declared population."""

    def points(self, tables: SafeTables) -> list[str]:
        """What leads, as sentences, where figures were released."""
        return []

    def figures(self, tables: SafeTables) -> list[Chart]:
        """Charts of what was released."""
        return []

    @property
    def headline(self) -> bool:
        """Whether its main table is withheld last."""
        return self.id in self.study.report.headlines

    @property
    def units(self) -> str:
        """The name of the column that counts units."""
        return slug(self.study.unit.plural)

    @property
    def kind_column(self) -> dict[str, Column]:
        """The label of the kinds; none where the study declares none."""
        kinds = self.study.kinds
        return {"kind": layout.label(kinds.title)} if kinds else {}

    @property
    def kind_names(self) -> list[str]:
        """The kinds, and All."""
        kinds = self.study.kinds
        return [*(kind.name for kind in kinds.kind), TOTAL] if kinds else [TOTAL]

    @property
    def colours(self) -> dict[str, str]:
        """A colour for each kind and All, the same in all charts."""
        return dict(zip([TOTAL, *self.kind_names[:-1]], PALETTE * 3, strict=False))

    @property
    def level(self) -> str:
        """The confidence level of the intervals in words."""
        return f"{100 * self.study.confidence:g}%"

    def table(
        self,
        name: str,
        title: str,
        frame: pd.DataFrame,
        columns: Mapping[str, Column],
        notes: Sequence[str] = (),
        **declared: Any,
    ) -> Table:
        """A table of these columns; labels do not add up unless populations say that they do."""
        labels = [n for n, column in columns.items() if column.kind == "label"]
        totals = {n: False for n in labels if n != "kind"}
        return layout.make(name, title, frame, columns, notes, totals, **declared)


def by_kind(world: World, inside: Bools) -> pd.DataFrame:
    """Some units once under each of their kinds and once under All: columns at, person, kind."""
    parts = [
        pd.DataFrame({"at": np.flatnonzero(inside & world.of_kind(kind)), "kind": kind})
        for kind in world.counting.kind_names
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(person=world.person[frame["at"].to_numpy()])


def clustered(study: Declaration) -> str:
    """What intervals of shares are."""
    return (
        f"Intervals of shares are Wilson intervals of {100 * study.confidence:g} % with people as "
        "clusters. They hold chance, not linkage error."
    )


def slug(words: str) -> str:
    """Words as the name of a column: started a job -> started_a_job."""
    return re.sub(r"\W+", "_", words.lower()).strip("_")


def percent(table: SafeTable, row: int | None, column: str) -> str:
    """A percentage as printed, with its sign unless it is shorthand."""
    text = table.text(row, column)
    return text if text.startswith("[") else f"{text}%"
