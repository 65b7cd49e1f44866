"""Who is in the figures, what was found wrong, and what is known of the links."""

from typing import Any

import numpy as np
import pandas as pd

from blindlink.analyst.cohort.losses import identifiers_lost
from blindlink.analyst.publish.layout import count, estimate, label, text
from blindlink.analyst.publish.tables import Column, Declared, Table
from blindlink.analyst.study.counting import PERSONS
from blindlink.analyst.study.measures.base import SafeTables, Statistic
from blindlink.analyst.study.reading import STAGES
from blindlink.analyst.study.world import World
from blindlink.arrays import Bools
from blindlink.schema.populations import Condition, Dimension, Population, population
from blindlink.schema.study.measures import Flow, Linkage, Quality

_STAGE = Dimension("stage", STAGES)
_RECEIVED = "received: "  # before a unit: all that came, of which the eligible are in the analysis


class FlowStatistic(Statistic):
    """How far units came, and why rows were left out."""

    declared: Flow

    def tables(self, world: World) -> list[Table]:
        """Stages in persons and units; reasons in units."""
        return [self._flow(world), self._losses(world)]

    def _flow(self, world: World) -> Table:
        frame, unit = world.received.frame, self.study.unit
        rows: list[dict[str, Any]] = []
        populations: dict[str, list[Population]] = {"persons": [], self.units: []}
        names = {"persons": PERSONS, self.units: unit.plural}
        rules = {
            "received": f"Rows that {self.study.owners[unit.owner].title} sent",
            "valid": "Has a person, a start and a declared kind, and is no duplicate",
            "eligible": f"Begins {self.study.observation.start} to {self.study.observation.end}, "
            "and is of those that the study counts",
        }
        for place, stage in enumerate(STAGES):
            inside = frame[frame["stage"] >= place]
            known = inside.loc[inside["person"] != "", "person"]
            row = {"persons": int(known.nunique()), self.units: len(inside)}
            rows.append(row | {"stage": stage, "rule": rules[stage]})
            for column, name in names.items():
                # The eligible are the whole of every other table.
                populations[column].append(
                    population(name)
                    if stage == STAGES[-1]
                    else population(_RECEIVED + name, _STAGE.of(*STAGES[place:]))
                )
        for stage, rule, inside_units, condition in self._reached(world):
            persons = int(np.unique(world.person[inside_units]).size)
            row = {"persons": persons, self.units: int(inside_units.sum())}
            rows.append(row | {"stage": stage, "rule": rule})
            for column, name in names.items():
                populations[column].append(population(name, condition))
        eligible = (_STAGE.of(STAGES[-1]),)
        same = [
            Declared(((population(_RECEIVED + name, *eligible), 1), (population(name), -1)))
            for name in names.values()
        ]
        conditions = [condition for *_, condition in self._reached(world)]
        relations = (
            *same,
            *world.counting.more_units_than_persons([(), *((c,) for c in conditions)]),
        )
        columns: dict[str, Column] = {
            "stage": label("How far it came"),
            "persons": count("Persons"),
            self.units: count(self.study.unit.plural.capitalize()),
            "rule": text("What the stage asks for"),
        }
        return self.table(
            self.id, self.declared.title, pd.DataFrame(rows), columns,
            populations=populations, relations=relations, headline=True,
        )  # fmt: skip

    def _reached(self, world: World) -> list[tuple[str, str, Bools, Condition]]:
        """What became of the eligible: stage, rule, units and condition."""
        found = []
        for owner, linked in world.linked.items():
            who = self.study.owners[owner].title
            found.append((
                f"candidate in {owner}", f"Has a record that may match, of {who}",
                world.candidate[owner], world.counting.candidate(owner),
            ))  # fmt: skip
            found.append((
                f"linked with {owner}", f"Is linked with a record of {who}", linked,
                world.counting.linked(owner),
            ))  # fmt: skip
        for name, spells in self.study.spells.items():
            found.append((
                spells.started, f"A {spells.name} is open on the start, or begins after it",
                world.happened[name].ever, world.counting.entered(name),
            ))  # fmt: skip
        return found

    def _losses(self, world: World) -> Table:
        frame, unit = world.received.frame, self.study.unit
        lost = frame.loc[frame["reason"] != "", "reason"].value_counts(sort=False)
        made = pd.DataFrame({"reason": lost.index, self.units: lost.to_numpy()})
        columns = {
            "reason": label("Why it is not in the analysis; the first reason that applies"),
            self.units: count(f"{unit.plural.capitalize()} left out"),
        }
        reasons = tuple(map(str, lost.index)) or ("none",)
        before = _STAGE.of(*STAGES[:-1])
        dimension = Dimension("reason", reasons, dict.fromkeys(reasons, (before,)))
        counted = [
            population(_RECEIVED + unit.plural, dimension.of(each)) for each in map(str, lost.index)
        ]
        notes = () if len(made) else (f"No {unit.name} was left out.",)
        title = f"{unit.plural.capitalize()} left out, by reason"
        return self.table(
            f"{self.id}_losses", title, made, columns, notes, populations={self.units: counted}
        )

    def points(self, tables: SafeTables) -> list[str]:
        """How many of those received are in the figures."""
        table = tables[self.id]
        first, last = (table.row(stage=stage) for stage in (STAGES[0], STAGES[-1]))
        if table.value(first, self.units) is None or table.value(last, self.units) is None:
            return []
        return [
            f"{table.text(last, self.units)} of {table.text(first, self.units)} "
            f"{self.study.unit.plural} that were received are in the figures."
        ]


class QualityStatistic(Statistic):
    """Every check and what it found."""

    declared: Quality

    def tables(self, world: World) -> list[Table]:
        """One row for each check that found something; the others are counted in a note."""
        found = pd.concat(
            [world.received.problems.frame(), identifiers_lost(world.info)], ignore_index=True
        )
        # Rows of tables, each check by itself: a row may be found by several.
        shown = found[found["rows"] > 0].reset_index(drop=True)
        columns = {
            "table": label("Table of the release, or of its owner"),
            "problem": label("What was checked"),
            "rows": count("Rows found"),
            "consequence": text("What was done about them"),
        }
        notes = [f"{len(found) - len(shown)} further checks found nothing."]
        populations = {"rows": [None] * len(shown)}
        return [
            self.table(self.id, self.declared.title, shown, columns, notes, populations=populations)
        ]


class LinkageStatistic(Statistic):
    """What the linker says of its links, and what control records say."""

    declared: Linkage

    def tables(self, world: World) -> list[Table]:
        """One row for each two owners."""
        rows = []
        for each in world.info.get("linkage_reports", ()):
            report = each["report"]
            row = {
                "owners": f"{each['left']} and {each['right']}",
                "links": report["counts"]["links"],
                "threshold": report["threshold_method"],
            }
            for name in ("precision", "recall"):
                value = report.get(name) or {}
                for end, suffix in (("value", ""), ("low", "_low"), ("high", "_high")):
                    row[name + suffix] = 100 * value.get(end, np.nan)
            rows.append(row)
        columns = {
            "owners": label("Two owners"),
            "links": count("Links"),
            **estimate("precision", "Expected precision (%)", "links"),
            **estimate("recall", "Expected recall among comparable records (%)", "links"),
            "threshold": text("How the threshold was chosen"),
        }
        frame = pd.DataFrame(rows, columns=list(columns))
        notes = [
            "Expected: what the linker could say without any truth. Precision is the share of "
            "links that are right, recall the share of true pairs that were found. Every figure of "
            "this report is as seen through these links: false links count what happened to "
            "strangers, and missed links count as nothing happened.",
        ]
        controls = world.info.get("controls") or {}
        for owner, seen in controls.items():
            if seen.get("number"):
                notes.append(
                    f"Of {seen['number']} control records of {owner}, who are nobody, "
                    f"{seen['linked']} were linked."
                )
        if not any(seen.get("number") for seen in controls.values()):
            notes.append("There are no control records: false links were not measured.")
        return [
            self.table(
                self.id, self.declared.title, frame, columns, notes,
                populations={"links": [None] * len(frame)},
            )
        ]  # fmt: skip
