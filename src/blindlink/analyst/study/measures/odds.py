"""Who has an outcome: odds ratios with people as clusters, at equal follow-up."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from blindlink.analyst.estimate.regression import Fit, population_averaged
from blindlink.analyst.publish.layout import count, estimate, impossible, label
from blindlink.analyst.publish.tables import Column, Table
from blindlink.analyst.study.counting import NO, UNKNOWN, YES
from blindlink.analyst.study.design import RARE, REFERENCE, Category, Design, matrix
from blindlink.analyst.study.measures.base import SafeTables, Statistic, slug
from blindlink.analyst.study.world import World
from blindlink.arrays import Bools
from blindlink.pages.charts.forest import Ratio, forest
from blindlink.pages.charts.kit import Chart
from blindlink.schema.populations import Condition
from blindlink.schema.study.declaration import RegressionModel

FEWEST = 50  # units with and without the outcome that a model needs
LEAST = 10  # of a level, with and without it
_RATIO = ("odds_ratio", "odds_ratio_low", "odds_ratio_high")
_YEAR = 365.25
_LATER = "Per year later"


class ModelStatistic(Statistic):
    """A logistic model of the outcome in a window: kinds, date and design variables always in."""

    declared: RegressionModel

    @property
    def _outcome(self) -> str:
        return slug(self._words)

    @property
    def _words(self) -> str:
        return self.study.spells[self.declared.spells].started

    def tables(self, world: World) -> list[Table]:
        """One row for each term."""
        inside = np.flatnonzero(world.followed(self.declared.days))
        y = world.happened[self.declared.spells].within(self.declared.days)[inside]
        columns = self._columns()
        title = self.declared.title
        if min(int(y.sum()), int((~y).sum())) < FEWEST:
            why = f"A model needs {FEWEST} {self.study.unit.plural} with and without the outcome."
            return [impossible(self.id, title, columns, why)]
        categories = list(self._categories(world, inside))
        later = world.start[inside]
        made = matrix(
            y,
            {_LATER: (later, _YEAR)},
            [each for each, _ in categories],
            LEAST,
            self.study.unit.plural,
        )
        fit = population_averaged(
            made.X, y[made.rows].astype(float), world.person[inside][made.rows]
        )
        if fit is None:
            return [impossible(self.id, title, columns, "The model does not converge.")]
        conditions = {
            (category.name, level): condition
            for category, by_level in categories
            for level, condition in by_level.items()
        }
        return [self._table(world, made, fit, conditions, (inside, y))]

    def _columns(self) -> dict[str, Column]:
        unit, days = self.study.unit, self.declared.days
        return {
            "variable": label("Characteristic"),
            "level": label("Level; the reference has the odds ratio 1"),
            self.units: count(f"{unit.plural.capitalize()} followed for {days} days"),
            self._outcome: count(f"Of these, {self._words} within that time"),
            **estimate("odds_ratio", "Odds ratio", self._outcome, 2),
        }

    def _categories(
        self, world: World, inside: np.ndarray
    ) -> Iterator[tuple[Category, dict[str, Condition]]]:
        """Each categorical term with the condition of each of its levels."""
        kinds, counting = self.study.kinds, world.counting
        if kinds is not None and counting.kind is not None and len(kinds.kind) > 1:
            of = {kind.name: world.of_kind(kind.name)[inside] for kind in kinds.kind}
            if kinds.overlap is None:
                values = pd.Series(np.select(list(of.values()), list(of), default=""))
                conditions = {name: counting.kind.of(name) for name in of}
                yield Category(kinds.title, values, list(of), next(iter(of)), UNKNOWN), conditions
            else:
                for name, flag in of.items():
                    yes = counting.kind.of(name)
                    no = Condition(yes.dimension, yes.dimension.full & ~yes.mask)
                    values = pd.Series(np.where(flag, YES, NO), dtype=object)
                    title = f"{kinds.title}: {name}"
                    yield Category(title, values, (NO, YES), NO, UNKNOWN), {YES: yes, NO: no}
        for name in dict.fromkeys((*self.declared.always, *self.declared.covariates)):
            group, dimension = self.study.groups[name], counting.groups[name]
            values = world.units[name].iloc[inside].reset_index(drop=True)
            made = Category(group.title, values, dimension.levels, group.reference, UNKNOWN)
            yield made, {level: dimension.of(level) for level in dimension.levels}

    def _table(
        self,
        world: World,
        made: Design,
        fit: Fit,
        conditions: dict[tuple[str, str], Condition],
        cases: tuple[np.ndarray, Bools],
    ) -> Table:
        low, high = fit.interval(self.study.confidence)
        counting = world.counting
        followed = counting.followed(self.declared.days)
        within = counting.entered(self.declared.spells, self.declared.days)
        named = {(t.variable, t.level.removesuffix(f" ({REFERENCE})")) for t in made.terms}
        rows, whole, part = [], [], []
        for term in made.terms:
            level = term.level.removesuffix(f" ({REFERENCE})")
            condition = _condition(conditions, named, term.variable, level)
            own = (condition,) if condition else ()
            units = self._counted(world, condition, cases[0])
            ratio = [1.0, np.nan, np.nan]
            if term.column is not None:
                at = term.column
                ends = (fit.beta, low, high)
                ratio = [float(np.exp(x[at])) if fit.usable[at] else np.nan for x in ends]
            named_ratio = dict(zip(_RATIO, ratio, strict=True))
            rows.append({
                "variable": term.variable, "level": term.level, self.units: int(units.sum()),
                self._outcome: int((units & cases[1]).sum()),
                **named_ratio,
            })  # fmt: skip
            whole.append(counting.unit("All", *followed, *own))
            part.append(counting.unit("All", *followed, *own, within))
        notes = [
            f"Outcome: {self._words} within {self.declared.days} days, among those followed for so "
            "long. Population-averaged: logistic regression as a generalised estimating equation "
            "with people as clusters.",
            "Associations, not effects, as seen through the links. Counts are of all with the "
            "level: a few may be in no model.",
            *made.notes,
        ]
        return self.table(
            self.id, self.declared.title, pd.DataFrame(rows), self._columns(), notes,
            populations={self.units: whole, self._outcome: part}, headline=self.headline,
        )  # fmt: skip

    def _counted(self, world: World, condition: Condition | None, inside: np.ndarray) -> Bools:
        """Who has the level, in the model or not: others would tell the few left out of it."""
        if condition is None:
            return np.ones(len(inside), bool)
        dimension = condition.dimension
        levels = [n for i, n in enumerate(dimension.levels) if condition.mask >> i & 1]
        for name, group in world.counting.groups.items():
            if group == dimension:
                return np.asarray(world.units[name].iloc[inside].isin(levels).to_numpy())
        kinds = world.counting.kind
        assert kinds is not None  # noqa: S101
        for name, mask in kinds.masks.items():
            if mask == condition.mask:
                return np.asarray(world.of_kind(name)[inside], bool)
        other = dimension.full & ~condition.mask
        name = next(n for n, mask in kinds.masks.items() if mask == other)
        return np.asarray(~world.of_kind(name)[inside], bool)

    def figures(self, tables: SafeTables) -> list[Chart]:
        """A forest of odds ratios."""
        table = tables[self.id]
        ratios = []
        for row in range(len(table.frame)):
            value = table.value(row, "odds_ratio")
            text = table.text(row, "odds_ratio")
            ratios.append(
                Ratio(
                    table.label(row, "variable"),
                    "" if table.label(row, "level") == "[x]" else table.label(row, "level"),
                    None if value == 1 and REFERENCE in table.label(row, "level") else value,
                    table.value(row, "odds_ratio_low"),
                    table.value(row, "odds_ratio_high"),
                    text if text.startswith("[") else "",
                )
            )
        drawn = forest(ratios, name=self.id, title=self.declared.title, what=self._words)
        return [drawn] if drawn else []


def _condition(
    conditions: dict[tuple[str, str], Condition],
    named: set[tuple[str, str]],
    variable: str,
    level: str,
) -> Condition | None:
    """What a term is about; rare levels together are all that no other term names."""
    if level != RARE:
        return conditions.get((variable, level))
    rest = [c for (v, n), c in conditions.items() if v == variable and (v, n) not in named]
    result = rest[0]
    for other in rest[1:]:
        result = result | other
    return result
