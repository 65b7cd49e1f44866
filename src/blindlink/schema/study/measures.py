"""The vocabulary of measures: what a study can ask. How each is computed: ``analyst.study``.

A share is of units that were followed equally long. What follows people until the end of the
observation, whenever they began, says so in its name.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from blindlink.schema.models import Model

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Day = Annotated[int, Field(ge=0, le=20_000)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class _Measure(Model):
    title: Title

    def names(self) -> Iterator[tuple[str, str]]:
        """What must be declared for it: (part of the study, name)."""
        yield from ()


class _OfSpells(_Measure):
    spells: Id

    def names(self) -> Iterator[tuple[str, str]]:
        yield "spells", self.spells


class Share(_OfSpells):
    """The share of units with a spell open on the start or beginning in the window, of those
    followed so long. ``by``: groups. ``ever``: beside it until the end of the observation."""

    type: Literal["share"]
    by: tuple[Id, ...] = ()
    ever: bool = False

    def names(self) -> Iterator[tuple[str, str]]:
        yield from super().names()
        yield from (("groups", name) for name in self.by)


class OpenOn(_OfSpells):
    """The share of units with a spell open on each of some days, of those followed so long; and of
    those without, who had not yet begun, who had ended, and who never began."""

    type: Literal["open-on"]
    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=8)]


class First(_OfSpells):
    """The first spell that is open on the start or begins after it: its category, or its exit as
    known at the end of the observation."""

    type: Literal["first"]
    what: Literal["category", "exit"]


class TimeToFirst(_OfSpells):
    """Cumulative incidence of the first spell, with the end of the unit and death competing
    (Aalen and Johansen 1978); censored at the end of the observation."""

    type: Literal["time-to-first"]
    competing: tuple[Literal["died", "end"], ...] = ()


class TimeToExit(_OfSpells):
    """Cumulative incidence of each exit after the first spell began; who is still in it is
    censored, not failed."""

    type: Literal["time-to-exit"]


class Change(_Measure):
    """The mean change from the first measurement to the last within so many days of the start,
    among those who have both: high values at first fall by themselves, and the note says so."""

    type: Literal["change"]
    forms: Id
    days: Annotated[int, Field(ge=1, le=20_000)]

    def names(self) -> Iterator[tuple[str, str]]:
        yield "forms", self.forms


class Rate(_OfSpells):
    """Persons with a first such event per person-time: from the person's first unit until the
    event, death, or the end of the observation."""

    type: Literal["rate"]
    per: Annotated[int, Field(ge=1)] = 1000


class Flow(_Measure):
    """How far units come: received, valid, eligible, with a candidate, linked, with a spell; and
    why rows were left out."""

    type: Literal["flow"]


class Quality(_Measure):
    """Every check of the tables, what it found and what was done."""

    type: Literal["quality"]


class Linkage(_Measure):
    """What is known of the links of each two owners: number, expected precision and recall,
    control records."""

    type: Literal["linkage"]


Measure = Annotated[
    Share | OpenOn | First | TimeToFirst | TimeToExit | Change | Rate | Flow | Quality | Linkage,
    Field(discriminator="type"),
]
