"""The first spell: what it was, and how it ended."""

import numpy as np
import pandas as pd

from blindlink.analyst.publish.layout import count, label, share, share_rows
from blindlink.analyst.publish.tables import TOTAL, Table
from blindlink.analyst.study.measures.base import SafeTables, Statistic, by_kind, clustered, percent
from blindlink.analyst.study.world import World
from blindlink.pages.charts.bars import bars
from blindlink.pages.charts.kit import Chart
from blindlink.schema.study.declaration import Exits
from blindlink.schema.study.measures import First

FULL, FOLDED = "in full", "folded"


class FirstStatistic(Statistic):
    """Category or exit of the first spell, among units with one."""

    declared: First

    @property
    def _splits(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """The names shown and the declared levels that each is, in full and folded."""
        spells = self.study.spells[self.declared.spells]
        sorting = spells.category if self.declared.what == "category" else spells.exit
        assert sorting is not None  # noqa: S101
        splits: dict[str, dict[str, tuple[str, ...]]] = {
            FULL: {level: (level,) for level in sorting.levels}
        }
        if isinstance(sorting, Exits) and sorting.folds:
            splits[FOLDED] = dict(sorting.folds)
        return splits

    def tables(self, world: World) -> list[Table]:
        """One row for each kind and level, in full and folded."""
        counting, spells, what = world.counting, self.declared.spells, self.declared.what
        happened = world.happened[spells]
        values = happened.category if what == "category" else happened.exit
        rows = by_kind(world, happened.ever)
        own = values[rows["at"].to_numpy()]
        parts, whole, part = [], [], []
        for split, levels in self._splits.items():
            for name, inside in levels.items():
                shown = share_rows(
                    rows.assign(flag=np.isin(own, inside)), {"kind": self.kind_names}, "flag",
                    ("part", "whole", "share"), self.study.confidence,
                )  # fmt: skip
                parts.append(shown.assign(split=split, level=name))
                for kind in shown["kind"]:
                    whole.append(counting.unit(kind, counting.entered(spells)))
                    part.append(counting.unit(kind, counting.first(spells, what, *inside)))
        frame = pd.concat(parts, ignore_index=True)
        frame = frame.rename(columns={"whole": "with_one", "part": "counted"})
        name = self.study.spells[spells].name
        columns = {
            **self.kind_column,
            "split": label("In full, or folded into few"),
            "level": label(f"{what.capitalize()} of the first {name}"),
            "with_one": count(f"{self.study.unit.plural.capitalize()} with a {name}"),
            "counted": count("Of these, counted"),
            **share("share", "Share", "counted", "with_one"),
        }
        notes = [clustered(self.study)]
        if what == "exit":
            notes.append(
                "As known at the end of observation: those who began late had less time to end. "
                "Where a measure of time to the exit is declared, it takes account of that."
            )
        return [
            self.table(
                self.id, self.declared.title, frame, columns, notes, headline=self.headline,
                populations={"with_one": whole, "counted": part},
            )
        ]  # fmt: skip

    def points(self, tables: SafeTables) -> list[str]:
        """The shares of all, folded where folds are declared."""
        split = list(self._splits)[-1]
        table = tables[self.id]
        own = {"kind": TOTAL} if self.study.kinds else {}
        found = [
            f"{level} {percent(table, row, 'share')}"
            for level in self._splits[split]
            if table.value(row := table.row(split=split, level=level, **own), "share") is not None
        ]
        what = f"{self.declared.what} of the first {self.study.spells[self.declared.spells].name}"
        return [f"The {what}: {', '.join(found)}."] if found else []

    def figures(self, tables: SafeTables) -> list[Chart]:
        """One bar for each kind."""
        table, split = tables[self.id], list(self._splits)[-1]
        levels = list(self._splits[split])
        values = []
        for kind in self.kind_names:
            own = {"kind": kind} if self.study.kinds else {}
            shares = [
                table.value(table.row(split=split, level=level, **own), "share") for level in levels
            ]
            values.append((kind, shares))
        drawn = bars(values, levels, name=self.id, title=self.declared.title, x_label="Share")
        return [drawn] if drawn else []
