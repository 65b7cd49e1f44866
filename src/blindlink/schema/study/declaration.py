"""A study as it declares itself: owners and tables, units, spells, kinds, groups, measures, words.

    owners       who sends which tables, with which columns
    unit         what is counted, from which table, and where its time begins
    observation  from, until, and the windows of equal follow-up
    kinds        of the unit: disjoint, or overlapping
    groups       of the unit: levels or bands, with a reference
    spells       what may happen to the unit's person afterwards: start, end, category, exit
    forms        what is measured of the person at some moments
    measures     of the vocabulary in ``measures``; models; benchmarks; the order of the report

Every name that one part says of another is checked here, so that a study that loads can be computed
from a cohort that fits it. Meaning beyond that stands in ``blindlink.analyst.study``.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from blindlink.schema.models import Model
from blindlink.schema.study.measures import First, Id, Measure, OpenOn, TimeToExit, TimeToFirst

Column = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z][a-zA-Z0-9_]{0,59}$")]
Owner = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Days = Annotated[int, Field(ge=0, le=20_000)]
Coarsest = Annotated[
    str, StringConstraints(pattern=r"^(keep|month|year|band:[1-9][0-9]*|truncate:[1-9][0-9]*)$")
]

MOST_KINDS = 6  # that may overlap: each set of them is a level


class Cells(Model):
    """A column: what its cells hold, and how coarse an agreement may make it.

    ``labels``: all that a cell may say; other values are refused, or with ``unknown = "missing"``
    counted and taken as missing. ``missing``: what is said where nothing is known, beside an empty
    cell. ``coarsest``: the coarsest rule of an agreement under which the measures still mean what
    they say. ``needed = false``: the study can be made without it.
    """

    type: Literal["date", "number", "label", "code", "id"]
    description: str = ""
    unit: str = ""
    labels: tuple[Label, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: Literal["refuse", "missing"] = "refuse"
    low: float | None = None
    high: float | None = None
    coarsest: Coarsest = "keep"
    needed: bool = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type == "label" and not self.labels:
            raise ValueError("a column of labels names them; what has too many is a code")
        if self.labels and self.type not in ("label", "code"):
            raise ValueError(f"a {self.type} has no labels")
        if (self.low, self.high) != (None, None) and self.type != "number":
            raise ValueError("only numbers have a low and a high")
        ok = {"date": ("keep", "month", "year"), "number": ("keep", "band"), "id": ("keep",)}
        if self.coarsest.partition(":")[0] not in ok.get(self.type, ("keep", "truncate")):
            raise ValueError(f"coarsest: no {self.type} can be made so coarse")
        return self


class Rows(Model):
    """A table of an owner's payload; ``row`` says what one row is."""

    row: Words
    columns: Annotated[dict[Column, Cells], Field(min_length=1)]


class Sender(Model):
    """An owner: who it is in words, and its tables. Its name is that in the agreement."""

    title: Words
    tables: dict[Column, Rows] = Field(default_factory=dict)


class Place(Model):
    """A table of an owner."""

    owner: Owner
    table: Column


class Unit(Place):
    """What is counted: rows of a table that meet ``where``, each from its day ``start`` on.

    ``died`` and ``end`` are dates after which nothing can begin any more: they compete.
    """

    name: Words
    plural: Words
    start: Column
    started: Words = "the start"
    id: Column | None = None
    died: Column | None = None
    end: Column | None = None
    ended: Words = "ended"
    where: dict[Column, tuple[Label, ...]] = Field(default_factory=dict)


class Observation(Model):
    """When units begin and until when everybody is seen. ``windows``: days of equal follow-up.

    A unit counts for a window when it was observed that long; the first window leads.
    """

    start: dt.date
    end: dt.date
    windows: Annotated[tuple[Annotated[int, Field(ge=1, le=20_000)], ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.end <= self.start:
            raise ValueError("the end must lie after the start")
        if len(set(self.windows)) != len(self.windows):
            raise ValueError("windows: one stands twice")
        if max(self.windows) >= (self.end - self.start).days:
            raise ValueError("windows: nobody can be followed for that long")
        return self


class Kind(Model):
    """A kind of unit: those whose ``column`` says one of ``labels``."""

    name: Label
    words: Words
    column: Column
    labels: Annotated[tuple[Label, ...], Field(min_length=1)]


class Kinds(Model):
    """The kinds of the unit. ``overlap`` says in words how a unit can be of several; without it a
    unit of several kinds is an error of the data, and refused."""

    title: Words
    kind: Annotated[tuple[Kind, ...], Field(min_length=1, max_length=12)]
    overlap: Words | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [kind.name for kind in self.kind]
        if len(set(names)) != len(names) or "All" in names:
            raise ValueError("kinds have different names, and All means all of them")
        if self.overlap and len(names) > MOST_KINDS:
            raise ValueError(f"at most {MOST_KINDS} kinds may overlap")
        return self


class Group(Model):
    """A characteristic of the unit: levels of a column of labels, or bands of a number.

    ``words`` gives labels as the report says them. ``bands``: where each begins, in rising order.
    ``year``: the year of a date. ``reference``: the level that models compare with.
    """

    title: Words
    column: Column
    words: dict[str, Label] = Field(default_factory=dict)
    bands: tuple[float, ...] = ()
    year: bool = False
    reference: str = ""


class Sorting(Model):
    """Values of a column gathered under names, in the order of precedence."""

    column: Column
    names: dict[Label, tuple[str, ...]]
    other: Label

    @model_validator(mode="after")
    def _check(self) -> Self:
        values = [value for each in self.names.values() for value in each]
        if len(set(values)) != len(values) or not values:
            raise ValueError("each value stands under one name")
        if self.other in self.names:
            raise ValueError("other is a name of its own")
        return self

    @property
    def levels(self) -> tuple[str, ...]:
        """All names, in order."""
        return (*self.names, self.other)


class Exits(Sorting):
    """How a spell ends. ``open``: it had not ended; ``conflict``: several reasons on its last day,
    unless one of ``wins`` is among them."""

    open: Label = "still open"
    conflict: Label = "inconsistent"
    wins: tuple[Label, ...] = ()
    folds: dict[Label, tuple[Label, ...]] = Field(default_factory=dict)

    @property
    def levels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.names, self.other, self.open, self.conflict)))

    @model_validator(mode="after")
    def _check_folds(self) -> Self:
        if set(self.wins) - set(self.levels):
            raise ValueError("wins names no exit")
        folded = [level for levels in self.folds.values() for level in levels]
        if self.folds and sorted(folded) != sorted(self.levels):
            raise ValueError(f"folds hold each exit once: {', '.join(self.levels)}")
        return self


class Spells(Place):
    """Events of a person with a start, and an end where they last.

    ``gap_days``: spells that are at most so far apart are one. ``words`` in the report: ``started``
    ("started work"), ``during`` ("in work"), ``name`` and ``plural``. Without ``end`` they are
    moments.
    """

    name: Words
    plural: Words
    started: Words
    during: Words = ""
    start: Column
    end: Column | None = None
    gap_days: Days = 0
    where: dict[Column, tuple[Label, ...]] = Field(default_factory=dict)
    category: Sorting | None = None
    exit: Exits | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.end is None and self.exit is not None:
            raise ValueError("what has no end has no exit")
        if self.end is not None and not self.during:
            raise ValueError("'during' says what somebody is in such a spell")
        return self


class Forms(Place):
    """Measurements of a person at some moments: ``values`` are columns of numbers, with words."""

    name: Words
    date: Column
    values: Annotated[dict[Column, Words], Field(min_length=1)]


class RegressionModel(Model):
    """Who has the outcome of a share: odds ratios of ``covariates`` (groups).

    ``always``: design variables that no model may leave out. The kinds are always in a model of all
    kinds, and the date of the start always is.
    """

    id: Id
    title: Words
    spells: Id
    days: Annotated[int, Field(ge=1, le=20_000)]
    covariates: tuple[Id, ...] = ()
    always: tuple[Id, ...] = ()


class Benchmark(Model):
    """An outside figure beside a share, with a source that can be looked up; never a verdict."""

    measure: Id
    name: Words
    percent: Annotated[float, Field(ge=0, le=100)]
    source: Annotated[str, StringConstraints(min_length=10, max_length=500)]


class Section(Model):
    """A section of the report: a question, its answer in words, and the tables that give it."""

    title: Words
    text: tuple[Words, ...] = ()
    show: tuple[Id, ...]


class Report(Model):
    """What stands on the page. ``headlines`` lead and are withheld last."""

    headlines: Annotated[tuple[Id, ...], Field(min_length=1)]
    sections: tuple[Section, ...]
    limits: tuple[Words, ...] = ()
    kind: Words = "Statistics in development"
    area: str = ""
    synthetic: bool = False


class Declaration(Model):
    """A whole study."""

    format: Literal["blindlink-study-1"]
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,59}$")]
    version: Annotated[int, Field(ge=1)]
    title: Words
    description: Words
    publisher: str = ""
    contact: str = ""
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    owners: Annotated[dict[Owner, Sender], Field(min_length=2, max_length=8)]
    unit: Unit
    observation: Observation
    kinds: Kinds | None = None
    groups: dict[Id, Group] = Field(default_factory=dict)
    spells: dict[Id, Spells] = Field(default_factory=dict)
    forms: dict[Id, Forms] = Field(default_factory=dict)
    measures: dict[Id, Measure]
    models: tuple[RegressionModel, ...] = ()
    benchmarks: tuple[Benchmark, ...] = ()
    report: Report

    def cells(self, place: Place, column: str) -> Cells:
        """A declared column. Raises ValueError where there is none."""
        try:
            return self.owners[place.owner].tables[place.table].columns[column]
        except KeyError:
            raise ValueError(f"{place.owner}.{place.table}: declares no column {column}") from None

    @property
    def columns(self) -> Iterator[tuple[str, str, str, Cells]]:
        """Owner, table, column and what its cells hold, of all."""
        for owner, sender in self.owners.items():
            for table, rows in sender.tables.items():
                for column, cells in rows.columns.items():
                    yield owner, table, column, cells

    def levels(self, group: Group) -> tuple[str, ...]:
        """The labels that a group may have, as the report says them; of years those observed."""
        if group.bands:
            return band_names(group.bands)
        if group.year:
            first, last = self.observation.start.year, self.observation.end.year
            return tuple(str(year) for year in range(first, last + 1))
        labels = self.cells(self.unit, group.column).labels
        return tuple(dict.fromkeys(group.words.get(label, label) for label in labels))

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_unit(self)
        _check_groups(self)
        _check_spells(self)
        _check_measures(self)
        _check_report(self)
        return self


def band_names(starts: tuple[float, ...]) -> tuple[str, ...]:
    """What the bands are called that begin at ``starts``: under 18, 18 to 24, 25 and over."""
    words = [f"{start:g}" for start in starts]
    whole = all(start == int(start) for start in starts)
    middle = (
        f"{low} to {int(high) - 1}" if whole else f"{low} to under {high:g}"
        for low, high in zip(words, starts[1:], strict=False)
    )
    return (f"under {words[0]}", *middle, f"{words[-1]} and over")


def _typed(study: Declaration, place: Place, column: str, *types: str, where: str) -> Cells:
    try:
        cells = study.cells(place, column)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if cells.type not in types:
        raise ValueError(f"{where}: column {column} is a {cells.type}, not a {' or '.join(types)}")
    return cells


def _labelled(
    study: Declaration, place: Place, column: str, labels: tuple[str, ...], where: str
) -> None:
    cells = _typed(study, place, column, "label", "code", where=where)
    unknown = set(labels) - set(cells.labels) if cells.labels else set()
    if unknown:
        raise ValueError(f"{where}: column {column} declares no label {min(unknown)}")


def _where(study: Declaration, place: Place, where: Mapping[str, tuple[str, ...]], at: str) -> None:
    for column, labels in where.items():
        _labelled(study, place, column, labels, f"{at}: where")


def _check_unit(study: Declaration) -> None:
    unit = study.unit
    _typed(study, unit, unit.start, "date", where="unit: start")
    for name in ("died", "end"):
        column = getattr(unit, name)
        if column is not None:
            _typed(study, unit, column, "date", where=f"unit: {name}")
    if unit.id is not None:
        _typed(study, unit, unit.id, "id", where="unit: id")
    _where(study, unit, unit.where, "unit")
    for kind in study.kinds.kind if study.kinds else ():
        _labelled(study, unit, kind.column, kind.labels, f"kinds: {kind.name}")


def _check_groups(study: Declaration) -> None:
    for name, group in study.groups.items():
        where = f"groups.{name}"
        if bool(group.bands) + group.year > 1:
            raise ValueError(f"{where}: bands or years, not both")
        if group.bands:
            _typed(study, study.unit, group.column, "number", where=where)
            if list(group.bands) != sorted(set(group.bands)):
                raise ValueError(f"{where}: bands must rise")
        elif group.year:
            _typed(study, study.unit, group.column, "date", where=where)
        else:
            _typed(study, study.unit, group.column, "label", where=where)
            _labelled(study, study.unit, group.column, tuple(group.words), where)
        if group.reference and group.reference not in study.levels(group):
            raise ValueError(f"{where}: reference is none of {', '.join(study.levels(group))}")


def _check_spells(study: Declaration) -> None:
    for name, spells in study.spells.items():
        where = f"spells.{name}"
        _typed(study, spells, spells.start, "date", where=where)
        if spells.end is not None:
            _typed(study, spells, spells.end, "date", where=where)
        _where(study, spells, spells.where, where)
        for sorting in (spells.category, spells.exit):
            if sorting is not None:
                values = tuple(value for each in sorting.names.values() for value in each)
                _labelled(study, spells, sorting.column, values, where)
    for name, forms in study.forms.items():
        _typed(study, forms, forms.date, "date", where=f"forms.{name}")
        for column in forms.values:
            _typed(study, forms, column, "number", where=f"forms.{name}")


def _at(where: str, study: Declaration, names: Iterable[tuple[str, str]]) -> None:
    """Every name that a part says is declared in the other."""
    for part, name in names:
        if name not in getattr(study, part):
            raise ValueError(f"{where}: declares no {part}.{name}")


def _check_measures(study: Declaration) -> None:
    for name, measure in study.measures.items():
        where = f"measures.{name}"
        _at(where, study, measure.names())
        if isinstance(measure, TimeToFirst):
            for each in measure.competing:
                if getattr(study.unit, each) is None:
                    raise ValueError(f"{where}: the unit declares no column {each}")
        lacking = {
            "end": isinstance(measure, OpenOn),
            "category": isinstance(measure, First) and measure.what == "category",
            "exit": isinstance(measure, TimeToExit)
            or (isinstance(measure, First) and measure.what == "exit"),
        }
        for part, wanted in lacking.items():
            if wanted and getattr(study.spells[measure.spells], part) is None:  # type: ignore[union-attr]
                raise ValueError(f"{where}: spells.{measure.spells} declares no {part}")  # type: ignore[union-attr]


def _check_report(study: Declaration) -> None:
    models = [model.id for model in study.models]
    made = {*study.measures, *models}
    if len(set(models)) != len(models) or set(models) & set(study.measures):
        raise ValueError("models: an id stands twice")
    for model in study.models:
        groups = (("groups", name) for name in (*model.covariates, *model.always))
        _at(f"models.{model.id}", study, [("spells", model.spells), *groups])
        if model.days not in study.observation.windows:
            raise ValueError(f"models.{model.id}: days is no window of the observation")
    for place, names in (
        ("report.headlines", study.report.headlines),
        *((f"report.sections: {each.title}", each.show) for each in study.report.sections),
        ("benchmarks", tuple(each.measure for each in study.benchmarks)),
    ):
        for name in names:
            if name not in made:
                raise ValueError(f"{place}: there is no measure or model {name}")
