"""Shares at equal follow-up, by group and over time; and states on days after the start."""

import numpy as np
import pandas as pd

from blindlink.analyst.disclosure.safe import SafeTable
from blindlink.analyst.publish.layout import count, estimate, label, share, share_rows
from blindlink.analyst.publish.tables import TOTAL, Column, Table
from blindlink.analyst.study.correcting import corrected
from blindlink.analyst.study.counting import NEVER, STATES
from blindlink.analyst.study.measures.base import (
    SafeTables,
    Statistic,
    by_kind,
    clustered,
    percent,
    slug,
)
from blindlink.analyst.study.world import World
from blindlink.pages.charts.bars import bars
from blindlink.pages.charts.dots import Dot, Mark, dots
from blindlink.pages.charts.kit import Chart
from blindlink.schema.study.measures import OpenOn, Share

EVER = "to the end of observation"
_NAMES = ("part", "whole", "share")


class ShareStatistic(Statistic):
    """A share in each window of equal follow-up, and by group in the first."""

    declared: Share

    def tables(self, world: World) -> list[Table]:
        """One table by window; one by group, for the first window."""
        made = [self._by_window(world)]
        return [*made, self._by_group(world)] if self.declared.by else made

    @property
    def _part(self) -> str:
        return slug(self._words)

    @property
    def _words(self) -> str:
        return self.study.spells[self.declared.spells].started

    def _windows(self) -> list[int | None]:
        return [*self.study.observation.windows, *([None] if self.declared.ever else [])]

    def _rows(self, world: World, days: int | None) -> pd.DataFrame:
        rows = by_kind(world, world.followed(days))
        within = world.happened[self.declared.spells].within(days)
        return rows.assign(flag=within[rows["at"].to_numpy()])

    def _columns(self) -> dict[str, Column]:
        unit = self.study.unit
        followed = f"{unit.plural.capitalize()} followed for so long"
        return {
            self.units: count(followed),
            self._part: count(f"Of these, {self._words} within that time"),
            **share("share", f"Share who {self._words}", self._part, self.units),
        }

    def _by_window(self, world: World) -> Table:
        counting, spells = world.counting, self.declared.spells
        parts = [
            share_rows(
                self._rows(world, days), {"kind": self.kind_names}, "flag", _NAMES,
                self.study.confidence,
            ).assign(window=window_name(days), days=days)
            for days in self._windows()
        ]  # fmt: skip
        frame = pd.concat(parts, ignore_index=True)
        frame = frame.rename(columns={"whole": self.units, "part": self._part})
        frame, notes = self._corrected(world, frame)
        cells = [
            (kind, None if np.isnan(days) else int(days))
            for kind, days in zip(frame["kind"], frame["days"].astype(float), strict=True)
        ]
        whole = [counting.unit(kind, *counting.followed(days)) for kind, days in cells]
        part = [
            counting.unit(kind, *counting.followed(days), counting.entered(spells, days))
            for kind, days in cells
        ]
        notes = [
            *notes,
            f"A window counts {self.study.unit.plural} that were observed for so long, so that all "
            "had the same time.",
            clustered(self.study),
        ]
        if self.declared.ever:
            notes.append(
                f"{EVER.capitalize()}, those who began late had less time: a difference between "
                "groups may be one of follow-up alone."
            )
        columns = {
            **self.kind_column,
            "window": label(f"Time from {self.study.unit.started}"),
            **self._columns(),
            **(_corrected_columns(self._part) if "corrected" in frame else {}),
        }
        return self.table(
            self.id, self.declared.title, frame, columns, notes,
            populations={self.units: whole, self._part: part}, headline=self.headline,
        )  # fmt: skip

    def _corrected(self, world: World, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """The rows with corrected shares, and what these rest on."""
        parts, notes = [], []
        for days in self._windows():
            by_kind, lines = corrected(world, self.declared.spells, days)
            if not by_kind:
                return frame, []
            rows = frame[frame["window"] == window_name(days)]
            found = pd.DataFrame([by_kind.get(kind, {}) for kind in rows["kind"]])
            parts.append(pd.concat([rows.reset_index(drop=True), found], axis=1))
            notes += [line for line in lines if line not in notes]
        return pd.concat(parts, ignore_index=True), notes

    def _by_group(self, world: World) -> Table:
        counting, days = world.counting, self.study.observation.windows[0]
        rows = self._rows(world, days)
        followed, within = counting.followed(days), counting.entered(self.declared.spells, days)
        parts, whole, part = [], [], []
        for name in self.declared.by:
            values = world.units[name].to_numpy()[rows["at"].to_numpy()]
            dimension = counting.groups[name]
            levels = [level for level in dimension.levels if (values == level).any()]
            shown = share_rows(
                rows.assign(group=values), {"group": levels, "kind": self.kind_names}, "flag",
                _NAMES, self.study.confidence,
            )  # fmt: skip
            parts.append(shown.assign(characteristic=self.study.groups[name].title))
            for kind, level in zip(shown["kind"], shown["group"], strict=True):
                own = dimension.of(level)
                whole.append(counting.unit(kind, *followed, own))
                part.append(counting.unit(kind, *followed, own, within))
        frame = pd.concat(parts, ignore_index=True)
        frame = frame.rename(columns={"whole": self.units, "part": self._part})
        columns = {
            "characteristic": label("Characteristic"),
            "group": label("Group"),
            **self.kind_column,
            **self._columns(),
        }
        title = f"{self.declared.title} within {days} days, by group"
        return self.table(
            f"{self.id}_by_group", title, frame, columns, [clustered(self.study)],
            populations={self.units: whole, self._part: part},
        )  # fmt: skip

    def points(self, tables: SafeTables) -> list[str]:
        """The share in the first window, of all and of each kind."""
        table, days = tables[self.id], self.study.observation.windows[0]
        row = table.row(**self._row(TOTAL, days))
        if table.value(row, "share") is None:
            return []
        low, high = table.text(row, "share_low"), percent(table, row, "share_high")
        said = (
            f"Of {table.text(row, self.units)} {self.study.unit.plural} that were followed for "
            f"{days} days, {percent(table, row, 'share')} ({self.level} interval {low} to {high}) "
            f"{self._words} within that time"
        )
        known = [
            f"{percent(table, at, 'share')} of {kind}"
            for kind in self.kind_names[:-1]
            if table.value(at := table.row(**self._row(kind, days)), "share") is not None
        ]
        said = f"{said}{': ' if known else ''}{', '.join(known)}, as seen through the links"
        if table.value(row, "corrected") is not None:
            low, high = table.text(row, "corrected_low"), percent(table, row, "corrected_high")
            said += (
                f". Corrected for false and missed links: {percent(table, row, 'corrected')} "
                f"({low} to {high})"
            )
        return [f"{said}."]

    def _row(self, kind: str, days: int) -> dict[str, str]:
        own = {"kind": kind} if self.study.kinds else {}
        return own | {"window": window_name(days)}

    def figures(self, tables: SafeTables) -> list[Chart]:
        """Windows by kind, and groups by kind."""
        marks = [
            Mark(each.percent, f"{each.name} {each.percent:g}%")
            for each in self.study.benchmarks
            if each.measure == self.id
        ]
        drawn = [self._figure(tables[self.id], "", "window", marks)]
        if self.declared.by:
            drawn.append(self._figure(tables[f"{self.id}_by_group"], "characteristic", "group", ()))
        return [each for each in drawn if each is not None]

    def _figure(self, table: SafeTable, heading: str, group: str, marks: object) -> Chart | None:
        values = [
            Dot(
                table.label(row, heading) if heading else "",
                table.label(row, group),
                table.label(row, "kind") if self.study.kinds else TOTAL,
                table.value(row, "share"),
                table.value(row, "share_low"),
                table.value(row, "share_high"),
            )
            for row in range(len(table.frame))
            if table.value(row, "share") is not None
        ]
        words = "; ".join(f"{d.group}, {d.series} {d.value:.1f}%" for d in values[:12])
        return dots(
            values, name=table.id, title=table.title, marks=list(marks), colours=self.colours,  # type: ignore[call-overload]
            alt=f"Shares with their intervals. {words}.", x_label=f"{self._words.capitalize()}",
        )  # fmt: skip


def _corrected_columns(part: str) -> dict[str, Column]:
    words = "bound: false links as many, found records as few as held possible"
    return {
        **estimate("corrected", "Share corrected for false and missed links (%)", part),
        "bound_low": Column("low", f"Lower {words}", of="corrected", decimals=1),
        "bound_high": Column("high", f"Upper {words}", of="corrected", decimals=1),
    }


class OpenOnStatistic(Statistic):
    """The state on some days after the start."""

    declared: OpenOn

    def tables(self, world: World) -> list[Table]:
        """One row for each kind, day and state."""
        counting, spells = world.counting, self.declared.spells
        happened = world.happened[spells]
        parts = []
        for day in self.declared.days:
            rows = by_kind(world, world.followed(day))
            now = happened.spells.open_on(world.person, world.start + day)
            states = np.select(
                [now, happened.within(day), happened.ever], STATES[:3], default=NEVER
            )
            for state in STATES:
                flag = states[rows["at"].to_numpy()] == state
                shown = share_rows(
                    rows.assign(flag=flag), {"kind": self.kind_names}, "flag", _NAMES,
                    self.study.confidence,
                )  # fmt: skip
                parts.append(shown.assign(day=day, state=state))
        frame = pd.concat(parts, ignore_index=True).rename(columns={"whole": self.units})
        cells = list(zip(frame["kind"], frame["day"], frame["state"], strict=True))
        populations = {
            self.units: [counting.unit(kind, *counting.followed(day)) for kind, day, _ in cells],
            "in_state": [
                counting.unit(kind, *counting.followed(day), counting.state(spells, day, state))
                for kind, day, state in cells
            ],
        }
        during = self.study.spells[spells].during
        columns = {
            **self.kind_column,
            "day": label(f"Days from {self.study.unit.started}"),
            "state": label("State on the day"),
            self.units: count(f"{self.study.unit.plural.capitalize()} followed for so long"),
            "in_state": count("Of these, in the state"),
            **share("share", "Share in the state", "in_state", self.units),
        }
        notes = [
            f"Open: {during} on the day. Ended: {during} before it. Not yet: only later. Never: "
            "not until the end of observation.",
            clustered(self.study),
        ]
        frame = frame.rename(columns={"part": "in_state"})
        return [
            self.table(
                self.id, self.declared.title, frame, columns, notes, populations=populations,
                headline=self.headline,
            )
        ]  # fmt: skip

    def points(self, tables: SafeTables) -> list[str]:
        """The share on the first day after the start itself."""
        table = tables[self.id]
        day = next((day for day in self.declared.days if day), 0)
        found = []
        for kind in self.kind_names:
            own = {"kind": kind} if self.study.kinds else {}
            row = table.row(day=day, state=STATES[0], **own)
            if table.value(row, "share") is not None:
                whom = f"all {self.study.unit.plural}" if kind == TOTAL else kind
                found.append(f"{percent(table, row, 'share')} of {whom}")
        during = self.study.spells[self.declared.spells].during
        return [f"On day {day}, {', '.join(found)} were {during}."] if found else []

    def figures(self, tables: SafeTables) -> list[Chart]:
        """One bar for each kind and day."""
        table = tables[self.id]
        values = []
        for kind in self.kind_names:
            own = {"kind": kind} if self.study.kinds else {}
            for day in self.declared.days:
                shares = [
                    table.value(table.row(day=day, state=state, **own), "share") for state in STATES
                ]
                values.append((f"{kind}, day {day}", shares))
        drawn = bars(
            values, STATES, name=self.id, title=self.declared.title,
            x_label=f"Share of {self.study.unit.plural}",
        )  # fmt: skip
        return [drawn] if drawn else []


def window_name(days: int | None) -> str:
    """A window in words."""
    return EVER if days is None else f"{days} days"
