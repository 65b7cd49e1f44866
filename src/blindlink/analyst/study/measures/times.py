"""Time to the first spell, and from there to its exit: with competing events and censoring."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.intervals import Bootstrap
from blindlink.analyst.publish.layout import count, estimate, label
from blindlink.analyst.publish.tables import TOTAL, Table
from blindlink.analyst.study.counting import LATER
from blindlink.analyst.study.incidence import incidence_rows
from blindlink.analyst.study.measures.base import SafeTables, Statistic
from blindlink.analyst.study.world import World
from blindlink.arrays import Floats, Int64s
from blindlink.pages.charts.kit import Chart
from blindlink.pages.charts.lines import Line, Panel, lines
from blindlink.schema.populations import Condition, Dimension
from blindlink.schema.study.measures import TimeToExit, TimeToFirst

REPLICATES, SEED = 200, 20260319
CENSORED = "still observed"
_EARLY, _STEP, _LATE = 183, 28, 84  # days that are shown: four-weekly for half a year, then fewer


@dataclass(frozen=True)
class Times:
    """Of the units ``at``: whole days to the first event or to censoring, and the event (0:
    censored, else the number of the cause, from 1)."""

    at: Int64s
    day: Int64s
    event: Int64s

    @classmethod
    def of(cls, at: Int64s, causes: list[Floats], censored: Floats) -> "Times":
        """The earliest; on one day causes come in their order, all before censoring."""
        times = np.column_stack([*causes, censored])
        first = times.argmin(axis=1)
        day = np.floor(times[np.arange(len(at)), first]).astype(np.int64)
        return cls(at, day, np.where(first == len(causes), 0, first + 1).astype(np.int64))


class _Curves(Statistic):
    @abstractmethod
    def times(self, world: World) -> Times:
        """What came first."""

    @property
    @abstractmethod
    def causes(self) -> tuple[str, ...]:
        """The events, in words; the first is that of the question."""

    @abstractmethod
    def implied(self, world: World, cause: str, low: int, high: int) -> tuple[Condition, ...]:
        """What is known of units whose event was ``cause`` from day ``low`` to ``high``."""

    @property
    @abstractmethod
    def since(self) -> str:
        """Where time begins, in words."""

    def conditions(self, world: World) -> tuple[Condition, ...]:
        """Which units have a time at all."""
        return ()

    def tables(self, world: World) -> list[Table]:
        """One row for each kind, event and day."""
        times = self.times(world)
        if not len(times.at):
            return []
        days = int(times.day.max()) + 1
        shown = self._shown(world, days)
        shape = (len(self.causes) + 1, days)
        person = world.person[times.at]
        bootstrap = Bootstrap.draw(int(world.person.max()) + 1, REPLICATES, SEED)
        parts = []
        for kind in self.kind_names:
            inside = world.of_kind(kind)[times.at]
            key = (times.event * days + times.day)[inside]
            exact = np.bincount(key, minlength=shape[0] * days).astype(float).reshape(1, *shape)
            ones = np.ones(len(key))
            drawn = bootstrap.totals(person[inside], key, ones, shape[0] * days)
            rows = incidence_rows(
                exact, drawn.reshape(-1, *shape), shown, self.causes, self.study.confidence
            )
            parts.append(rows.assign(kind=kind))
        frame = pd.concat(parts, ignore_index=True)
        columns = {
            **self.kind_column,
            "event": label("What came first"),
            "day": label(f"Days since {self.since}"),
            "at_risk": count(
                f"{self.study.unit.plural.capitalize()} still observed, without any event"
            ),
            "events": count("Events until the end of the day"),
            **estimate("incidence", "Cumulative incidence (%)", "events"),
        }
        notes = [
            "Aalen-Johansen estimates: events compete, and who was observed for a short time is "
            "censored, not failed.",
            f"Intervals: {REPLICATES} bootstrap replicates over people.",
        ]
        populations = self._populations(world, frame, shown)
        made = self.table(
            self.id, self.declared.title, frame, columns, notes, populations=populations
        )
        return [made]

    def _shown(self, world: World, days: int) -> Int64s:
        regular = [*range(0, min(days, _EARLY), _STEP), *range(_EARLY + 13, days, _LATE), days - 1]
        return np.unique([*regular, *(cut for cut in world.counting.cuts if cut < days)]).astype(
            np.int64
        )

    def _populations(self, world: World, frame: pd.DataFrame, shown: Int64s) -> dict[str, list]:  # type: ignore[type-arg]
        """Which came first, and in which stretch of days, is one dimension.

        Stretches: before the first day that is shown, that day, between it and the next, that, ...
        """
        stretches = range(2 * len(shown) + 1)
        edges = [-1, *shown.tolist(), int(shown[-1]) + 10_000]
        implied = {}
        for cause in (*self.causes, CENSORED):
            for k in stretches:
                day = edges[k // 2 + 1]
                low, high = (day, day) if k % 2 else (edges[k // 2] + 1, day - 1)
                found = (*self.conditions(world), *self.implied(world, cause, low, high))
                implied[f"{cause} {k}"] = found
        dimension = Dimension(f"first event of {self.id}", tuple(implied), implied, axis=True)
        places = {day: 2 * at + 1 for at, day in enumerate(shown.tolist())}
        result: dict[str, list] = {"at_risk": [], "events": []}  # type: ignore[type-arg]
        for kind, event, day in zip(frame["kind"], frame["event"], frame["day"], strict=True):
            at = places[int(day)]
            until = dimension.of(*(f"{event} {k}" for k in stretches if k <= at))
            later = dimension.of(
                *(f"{c} {k}" for c in (*self.causes, CENSORED) for k in stretches if k >= at)
            )
            result["events"].append(world.counting.unit(kind, until))
            result["at_risk"].append(world.counting.unit(kind, later))
        return result

    def figures(self, tables: SafeTables) -> list[Chart]:
        """One panel for each kind, one line for each event."""
        if self.id not in tables:
            return []
        table, panels = tables[self.id], []
        for kind in self.kind_names:
            own = {"kind": kind} if self.study.kinds else {}
            drawn = []
            for cause in self.causes:
                rows = [
                    row
                    for row in table.rows(event=cause, **own)
                    if table.value(row, "incidence") is not None
                ]
                if len(rows) > 1:
                    drawn.append(
                        Line(
                            cause,
                            [float(table.label(row, "day")) for row in rows],
                            [table.value(row, "incidence") or 0.0 for row in rows],
                            [table.value(row, "incidence_low") or 0.0 for row in rows],
                            [table.value(row, "incidence_high") or 0.0 for row in rows],
                            steps=True,
                        )
                    )
            panels.append(Panel("" if kind == TOTAL and not self.study.kinds else kind, drawn))
        last = [f"{p.title or TOTAL}: {d.name} {d.y[-1]:.1f}%" for p in panels for d in p.lines]
        chart = lines(
            panels, name=self.id, title=self.declared.title, x_label=f"Days since {self.since}",
            y_label="Cumulative incidence", alt=f"At the end of the curves: {'; '.join(last)}.",
        )  # fmt: skip
        return [chart] if chart else []


class TimeToFirstStatistic(_Curves):
    """How the first spell comes about, with death and the end of the unit competing."""

    declared: TimeToFirst

    @property
    def causes(self) -> tuple[str, ...]:
        """The first spell, and what was declared to compete."""
        words = {"died": "died", "end": self.study.unit.ended}
        began = self.study.spells[self.declared.spells].started
        return (began, *(f"{words[each]} first" for each in self.declared.competing))

    @property
    def since(self) -> str:
        """From the start of the unit."""
        return self.study.unit.started

    def times(self, world: World) -> Times:
        """Of all units."""
        entry = np.nan_to_num(world.happened[self.declared.spells].entry, nan=np.inf)
        others = [world.units[each].to_numpy(dtype=float) for each in self.declared.competing]
        follow_up = world.units["follow_up"].to_numpy(dtype=float)
        return Times.of(np.arange(len(world.units)), [entry, *others], follow_up)

    def implied(self, world: World, cause: str, low: int, high: int) -> tuple[Condition, ...]:
        """When the spell began, in the stretches that shares speak of."""
        if cause != self.causes[0] or high < low:
            return ()
        counting, spells = world.counting, self.declared.spells
        dimension = counting.entered(spells).dimension
        first = np.searchsorted(counting.cuts, [low, high])
        names = [*dimension.levels[: len(counting.cuts)], LATER]
        return (dimension.of(*names[first[0] : first[1] + 1]),)


class TimeToExitStatistic(_Curves):
    """How the first spell ends; who is still in it is censored."""

    declared: TimeToExit

    @property
    def causes(self) -> tuple[str, ...]:
        """The declared exits but for being open."""
        exits = self.study.spells[self.declared.spells].exit
        assert exits is not None  # noqa: S101
        return tuple(level for level in exits.levels if level != exits.open)

    @property
    def since(self) -> str:
        """From the first day of the spell on or after the start."""
        return f"the first {self.study.spells[self.declared.spells].name} began"

    def conditions(self, world: World) -> tuple[Condition, ...]:
        """Who has a spell."""
        return (world.counting.entered(self.declared.spells),)

    def times(self, world: World) -> Times:
        """Of units with a spell."""
        happened = world.happened[self.declared.spells]
        at = np.flatnonzero(happened.ever)
        lasted = (happened.exit_day - happened.entry)[at]
        causes = [np.where(happened.exit[at] == cause, lasted, np.inf) for cause in self.causes]
        left = world.units["follow_up"].to_numpy(dtype=float)[at] - happened.entry[at]
        return Times.of(at, causes, left)

    def implied(self, world: World, cause: str, low: int, high: int) -> tuple[Condition, ...]:
        """The exit as known at the end of observation."""
        if cause == CENSORED:
            return ()
        return (world.counting.first(self.declared.spells, "exit", cause),)
