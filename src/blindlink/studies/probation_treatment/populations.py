"""What the study's tables count, declared once: dimensions, and the populations made of them.

The pathway of a requirement is one dimension, from "no candidate" to the outcome of the first
journey. A stage is the set of all levels that reach it, a fold a set of outcomes:

    not linkable | linkable | linked | completed | dropped out | ... | still in treatment
                              |------------------ linked ----------------------------|
                                       |------------- engaged -----------------------|
"""

from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import pandas as pd

from blindlink.analyst.publish.tables import TOTAL, Declared
from blindlink.schema.populations import Condition, Dimension, Kinds, Population, kinds, population
from blindlink.studies.probation_treatment.definitions import OUTCOMES, SUBSTANCES, Definitions
from blindlink.studies.probation_treatment.groups import GROUPS, UNKNOWN, grouped, levels

REQUIREMENTS, SENTENCES, PERSONS, JOURNEYS = "requirements", "sentences", "persons", "journeys"
YES, NO = "yes", "no"
STAGES = ("received", "valid", "eligible")
STAGE = Dimension("stage", STAGES)
RECEIVED = "received: "  # before a unit: all that came, of which the eligible are in the analysis
_BEFORE = ("not linkable", "linkable", "linked")
PATHWAY = Dimension("pathway", (*_BEFORE, *OUTCOMES))
ENGAGED = PATHWAY.of(*OUTCOMES)
LINKED = PATHWAY.of("linked", *OUTCOMES)
NOT_ENGAGED, NOT_LINKED = PATHWAY.of(*_BEFORE), PATHWAY.of("not linkable", "linkable")
REACHED: dict[str, tuple[Condition, ...]] = {
    "eligible": (),
    "linkable": (PATHWAY.of("linkable", "linked", *OUTCOMES),),
    "linked": (LINKED,),
    "engaged": (ENGAGED,),
}
SUBSTANCE = Dimension(
    "substance", SUBSTANCES, dict.fromkeys(SUBSTANCES, (ENGAGED,)), frozenset({SUBSTANCES[-1]})
)
ORDER = Dimension("order ended in the observation", (YES, NO))
NOT_STARTED = "not yet started"
AT_ORDER_END = Dimension(
    "outcome at the end of the order",
    (*OUTCOMES, NOT_STARTED),
    {name: (ENGAGED, ORDER.of(YES)) for name in (*OUTCOMES, NOT_STARTED)},
)
RETURN_SEEN = Dimension("observed after completion", (YES, NO), {YES: (PATHWAY.of(OUTCOMES[0]),)})
RETURNED = Dimension(
    "returned", (YES, NO), {YES: (RETURN_SEEN.of(YES),), NO: (RETURN_SEEN.of(YES),)}
)
OBSERVED_FROM_ENTRY = Dimension(
    "observed for the follow-up from entry", (YES, NO), {YES: (ENGAGED,), NO: (ENGAGED,)}
)
COMPLETED_IN_TIME = Dimension(
    "completed within the follow-up from entry",
    (YES, NO),
    {
        YES: (OBSERVED_FROM_ENTRY.of(YES), PATHWAY.of(OUTCOMES[0])),
        NO: (OBSERVED_FROM_ENTRY.of(YES),),
    },
)
BREACH = Dimension("breach", (YES, NO, "not recorded"))
BREACH_KNOWN = BREACH.of(YES, NO)
STATUS = ("in_treatment", "not_yet", "ended", "never")
ALIVE_ENTRY = Dimension("entered treatment while alive", (YES, NO))
FIRST_JOURNEY = Dimension("first journey of the person", ("none", "ended otherwise", "died"))
DEAD = Dimension("died", (YES, NO))
RECORD = Dimension(
    "treatment record in the observation", (YES, NO), {YES: (LINKED,), NO: (NOT_ENGAGED,)}
)
RELEASED = population("persons sent")
_ALL_AND_ENGAGED: tuple[tuple[Condition, ...], ...] = ((), (ENGAGED,))
_LINKAGE = ("not linked", "linked", "record", "engaged")


@dataclass(frozen=True)
class Populations:
    """The populations of one cohort; ``dimensions``: the groups by their column of the cases."""

    rules: Definitions
    groups: dict[str, Dimension]
    first_groups: dict[str, Dimension]
    links: str
    kind: dict[str, Kinds] = field(default_factory=dict)
    first_kind: Kinds | None = None

    @classmethod
    def of(cls, cases: pd.DataFrame, links: pd.DataFrame, rules: Definitions) -> "Populations":
        """Of a cohort's eligible cases and accepted links."""
        shown = grouped(cases, rules)
        first = shown.drop_duplicates("person")
        names = tuple(rules.requirements)
        overlapping = (SENTENCES, PERSONS, JOURNEYS)
        kind = {REQUIREMENTS: kinds("requirement", names)}
        kind |= {u: kinds("requirement", names, overlapping=True) for u in overlapping}
        return cls(
            rules,
            {c: _group(c, label, shown[c], rules) for c, label in GROUPS.items()},
            {c: _group(c, f"{label}, first", first[c], rules) for c, label in GROUPS.items()},
            linkage(links),
            kind,
            kinds("requirement of the first sentence", names),
        )

    def unit(self, unit: str, name: str, *conditions: Condition) -> Population:
        """Units of a requirement (or of all: All) that meet the conditions."""
        own = () if name == TOTAL else (self.kind[unit].of(name),)
        return population(unit, *own, *conditions)

    def case(self, name: str, *conditions: Condition) -> Population:
        """Eligible requirements of a kind."""
        return self.unit(REQUIREMENTS, name, *conditions)

    def first(self, name: str, *conditions: Condition) -> Population:
        """Persons by the requirement of their first sentence."""
        assert self.first_kind is not None  # noqa: S101
        own = () if name == TOTAL else (self.first_kind.of(name),)
        return population(PERSONS, *own, *conditions)

    def fold(self, name: str) -> Condition:
        """The outcomes that the four-way fold counts as one."""
        return PATHWAY.of(*(outcome for outcome in OUTCOMES if self.rules.fold[outcome] == name))

    def followed(self, day: int) -> Condition:
        """Observed at least until a day after the sentence."""
        rules = self.rules
        days = sorted({*rules.status_days, rules.three_weeks, rules.follow_up_days, *rules.windows})
        names = [f"under {days[0]}", *(f"from {each}" for each in days)]
        return Dimension("followed", tuple(names)).of(*names[1 + days.index(day) :])

    def status(self, day: int, *states: str) -> Condition:
        """The state on a day; who has none of treatment from the sentence on is not engaged."""
        implied = {name: (NOT_ENGAGED if name == "never" else ENGAGED,) for name in STATUS}
        return Dimension(f"status on day {day}", STATUS, implied).of(*states)

    def entered(self, day: int) -> Condition:
        """Engaged by a day: in treatment on it, or before it."""
        return self.status(day, "in_treatment", "ended")

    def under(self, links: pd.DataFrame, reached: str) -> Condition:
        """Who reaches a stage under other links; links like the plan's own are no other."""
        digest = linkage(links)
        if digest == self.links:
            return {"linked": LINKED, "record": RECORD.of(YES), "engaged": ENGAGED}[reached]
        dimension = Dimension(f"pathway under linkage {digest}", _LINKAGE)
        return dimension.of(*_LINKAGE[_LINKAGE.index(reached) :])

    def same_units(self, cases: pd.DataFrame, keys: pd.Series) -> tuple[Declared, ...]:
        """How requirements, sentences and persons hang together, as far as the data have it so.

        A sentence with a requirement has it once: then both counts are one number.
        """
        once = (
            not pd.DataFrame({"p": cases["person"], "s": keys, "r": cases["requirement"]})
            .duplicated()
            .any()
        )
        made = []
        for name in self.rules.requirements:
            for conditions in _ALL_AND_ENGAGED:
                requirement = self.unit(REQUIREMENTS, name, *conditions)
                sentence = self.unit(SENTENCES, name, *conditions)
                high = 0 if once else None
                made.append(Declared(((requirement, 1), (sentence, -1)), 0, high))
        for name in (*self.rules.requirements, TOTAL):
            for conditions in _ALL_AND_ENGAGED:
                sentence = self.unit(SENTENCES, name, *conditions)
                person = self.unit(PERSONS, name, *conditions)
                made.append(Declared(((sentence, 1), (person, -1)), 0, None))
        return tuple(made)


def linkage(links: pd.DataFrame) -> str:
    """A short name of a set of links: equal sets of pairs have equal names."""
    pairs = links[["left", "right"]].to_numpy(dtype=np.int64)
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    return sha256(np.ascontiguousarray(pairs).tobytes()).hexdigest()[:12]


def _group(column: str, label: str, values: pd.Series, rules: Definitions) -> Dimension:
    names = levels(column, values, rules) or [UNKNOWN]
    return Dimension(label, tuple(names), harmless=frozenset({UNKNOWN}))
