"""Changes between two measurements, and rates per person-time."""

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.intervals import cluster_mean, rate
from blindlink.analyst.publish.layout import count, estimate, label
from blindlink.analyst.publish.tables import Column, Table
from blindlink.analyst.study.counting import NO, PERSONS, YES
from blindlink.analyst.study.measures.base import SafeTables, Statistic, by_kind
from blindlink.analyst.study.world import World
from blindlink.schema.populations import Dimension, population
from blindlink.schema.study.measures import Change, Rate

_YEAR = 365.25
_SEEN = ("none", "one", "two or more")


class ChangeStatistic(Statistic):
    """The mean change from the first to the last measurement within a time from the start."""

    declared: Change

    def tables(self, world: World) -> list[Table]:
        """One row for each kind and value."""
        forms = self.study.forms[self.declared.forms]
        rows, whole, part = [], [], []
        for column, words in forms.values.items():
            first, last, number = self._ends(world, column)
            dimension = Dimension(f"measurements of {column}, {self.id}", _SEEN)
            for kind in self.kind_names:
                rows_of = by_kind(world, number > 0)
                at = rows_of.loc[rows_of["kind"] == kind, "at"].to_numpy()
                both = at[number[at] > 1]
                values = (last - first)[both]
                mean, low, high = cluster_mean(values, world.person[both], self.study.confidence)
                rows.append({
                    "kind": kind, "measured": words, "with_one": len(at), "with_two": len(both),
                    "first": first[both].mean() if len(both) else np.nan,
                    "change": mean, "change_low": low, "change_high": high,
                })  # fmt: skip
                whole.append(world.counting.unit(kind, dimension.of(*_SEEN[1:])))
                part.append(world.counting.unit(kind, dimension.of(_SEEN[2])))
        units = self.study.unit.plural.capitalize()
        columns = {
            **self.kind_column,
            "measured": label("What was measured"),
            "with_one": count(f"{units} with a measurement within {self.declared.days} days"),
            "with_two": count("Of these, with two on different days"),
            "first": Column(
                "estimate", "Mean of the first measurement", base="with_two", decimals=1
            ),
            **estimate("change", "Mean change from the first to the last", "with_two"),
        }
        notes = [
            f"Paired: {units.lower()} with two measurements. Those who were measured once are not "
            "in the means.",
            "Who was high at first falls on average even where nothing changed (regression to the "
            "mean): the change is no effect.",
            "Intervals: t with people as clusters.",
        ]
        frame = pd.DataFrame(rows)
        return [
            self.table(
                self.id, self.declared.title, frame, columns, notes,
                populations={"with_one": whole, "with_two": part},
            )
        ]  # fmt: skip

    def _ends(self, world: World, column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First and last value of each unit, and on how many days it was measured (0, 1, 2)."""
        forms = world.forms[self.declared.forms][["person", "day", column]].dropna()
        units = pd.DataFrame({"person": world.person, "start": world.start}).reset_index()
        joined = units.merge(forms, on="person")
        since = joined["day"] - joined["start"]
        joined = joined[(since >= 0) & (since <= self.declared.days)]
        # Of several on one day the mean, so that their order says nothing.
        daily = joined.groupby(["index", "day"])[column].mean().reset_index()
        grouped = daily.groupby("index")[column]
        first, last, number = (np.full(len(units), fill) for fill in (np.nan, np.nan, 0))
        found = grouped.first().index.to_numpy()
        first[found], last[found] = grouped.first(), grouped.last()
        number[found] = np.minimum(grouped.size(), 2)
        return first, last, number


class RateStatistic(Statistic):
    """Persons with a first event per person-time."""

    declared: Rate

    def tables(self, world: World) -> list[Table]:
        """One row: everybody, from each person's first unit."""
        units, happened = world.units, world.happened[self.declared.spells]
        first = units.assign(entry=happened.entry).sort_values(["person", "start"], kind="stable")
        first = first.drop_duplicates("person")
        stop = np.fmin(first["entry"], np.minimum(first["died"], first["follow_up"]))
        event = (first["entry"] <= stop).to_numpy()
        years = float(stop.sum() / _YEAR)
        low, high = rate(float(event.sum()), years, self.study.confidence)
        per = self.declared.per
        row = {
            "whom": "everybody", "persons": len(first), "with_event": int(event.sum()),
            "person_years": years,
            "rate": per * event.sum() / years if years else np.nan, "rate_low": per * low,
            "rate_high": per * high,
        }  # fmt: skip
        spells = self.study.spells[self.declared.spells]
        columns = {
            "whom": label(
                f"Persons, from {self.study.unit.started} of the first {self.study.unit.name}"
            ),
            "persons": count("Persons"),
            "with_event": count(f"Of these, {spells.started}"),
            "person_years": Column("estimate", "Person-years", base="with_event"),
            **estimate("rate", f"First {spells.plural} per {per:,} person-years", "with_event"),
        }
        notes = [
            "Time ends with the event, with death, or with the observation. Exact Poisson interval "
            "(Garwood 1936)."
        ]
        dimension = Dimension(f"person with {self.declared.spells}", (YES, NO))
        populations = {
            "persons": [population(PERSONS)],
            "with_event": [population(PERSONS, dimension.of(YES))],
        }
        return [
            self.table(
                self.id, self.declared.title, pd.DataFrame([row]), columns, notes,
                populations=populations,
            )
        ]  # fmt: skip

    def points(self, tables: SafeTables) -> list[str]:
        """The rate with its numerator and denominator."""
        table = tables[self.id]
        if table.value(0, "rate") is None:
            return []
        plural = self.study.spells[self.declared.spells].plural
        return [
            f"{table.text(0, 'rate')} first {plural} per {self.declared.per:,} person-years "
            f"({table.text(0, 'with_event')} in {table.text(0, 'person_years')} person-years)."
        ]
