"""The study's definitions, priors and benchmarks: every choice behind a figure, by name.

A definition that nobody can change without being seen is half of a statistic. All of them stand
here with their defaults, can be set in a TOML file, and are printed in the report.
"""

import datetime as dt
import tomllib
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from blindlink import validation
from blindlink.analyst.estimate.rates import beta_parameters
from blindlink.errors import InputError
from blindlink.files import read_bytes

Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=0, le=20_000)]
CodeRange = tuple[int, int]

COMPLETED, DROPPED_OUT, DIED, OPEN = "completed", "dropped out", "died", "still in treatment"
INCONSISTENT = "inconsistent"
OUTCOMES = (
    COMPLETED,
    DROPPED_OUT,
    "transferred",
    "custody",
    "declined",
    "withdrawn",
    DIED,
    OPEN,
    INCONSISTENT,
)
FOLDED = (COMPLETED, DROPPED_OUT, OPEN, DIED)

OPIATE, MIXED, NON_OPIATE, ALCOHOL = (
    "opiate",
    "non-opiate and alcohol",
    "non-opiate only",
    "alcohol only",
)
NO_SUBSTANCE = "not recorded"
SUBSTANCES = (OPIATE, MIXED, NON_OPIATE, ALCOHOL, NO_SUBSTANCE)

_LIMIT = 1 << 20


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Definitions(_Frozen):
    """The rules of counting. Days are calendar days; code ranges include both ends."""

    observation_start: dt.date = dt.date(2018, 8, 1)
    observation_end: dt.date = dt.date(2022, 3, 31)
    order_types: tuple[str, ...] = ("community_order", "suspended_sentence_order")
    requirements: tuple[str, ...] = ("ATR", "DRR")
    gap_days: Days = 21
    status_days: tuple[Days, ...] = (0, 21, 42, 84, 182, 365)
    three_weeks: Days = 21
    representation_days: Days = 182
    follow_up_days: Days = 365
    windows: tuple[Days, ...] = (84, 365)
    top_window_days: Days = 14
    opiates: tuple[CodeRange, ...] = ((1000, 1999),)
    non_opiates: tuple[CodeRange, ...] = ((2000, 6999),)
    alcohol: tuple[CodeRange, ...] = ((7000, 7999),)
    no_drug: tuple[CodeRange, ...] = ((8000, 9999),)
    discharge: dict[str, tuple[int, ...]] = {
        COMPLETED: (80, 81, 82, 90, 91, 92),
        "transferred": (83, 93, 94, 95, 96, 97),
        "custody": (84, 87),
        DROPPED_OUT: (85,),
        "withdrawn": (86,),
        "declined": (88,),
        DIED: (89,),
        INCONSISTENT: (999,),
    }
    fold: dict[str, str] = {
        COMPLETED: COMPLETED,
        DIED: DIED,
        OPEN: OPEN,
        DROPPED_OUT: DROPPED_OUT,
        "transferred": DROPPED_OUT,
        "custody": DROPPED_OUT,
        "declined": DROPPED_OUT,
        "withdrawn": DROPPED_OUT,
        INCONSISTENT: DROPPED_OUT,
    }
    age_bands: tuple[int, ...] = (18, 25, 30, 35, 40, 45, 50, 60)
    ogrs_bands: dict[str, int] = {"low": 0, "medium": 50, "high": 75, "very high": 90}
    rsr_bands: dict[str, float] = {"low": 0, "medium": 3, "high": 6.9}
    references: dict[str, str] = {
        "requirement": "ATR",
        "sex": "M",
        "ethnicity": "white",
        "offence_category": "violence",
        "accommodation_status": "settled",
        "termination_reason": "completed",
        "ogrs_band": "low",
        "rsr_band": "low",
        "order_type": "community_order",
    }
    minimum_level: Annotated[int, Field(ge=1)] = 10

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.observation_end <= self.observation_start:
            raise ValueError("observation_end must lie after observation_start")
        if set(self.discharge) - set(OUTCOMES) or set(self.fold) != set(OUTCOMES):
            raise ValueError(f"discharge and fold must speak of the outcomes {', '.join(OUTCOMES)}")
        if set(self.fold.values()) - set(FOLDED):
            raise ValueError(f"fold must lead to {', '.join(FOLDED)}")
        if list(self.age_bands) != sorted(set(self.age_bands)):
            raise ValueError("age_bands must rise")
        return self


class Prior(_Frozen):
    """The share of true records that one cause of loss leaves linkable, from outside information.

    ``low`` and ``high`` are its 95 % range. It enters the bootstrap as a Beta distribution with
    this mean and the standard deviation of the range. ``loss`` says in words who is missed.
    """

    name: str = Field(min_length=1)
    value: Annotated[float, Field(gt=0, lt=1)]
    low: Annotated[float, Field(gt=0, lt=1)]
    high: Annotated[float, Field(gt=0, lt=1)]
    source: str = Field(min_length=1)
    loss: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low < self.value < self.high:
            raise ValueError(f"prior {self.name}: low < value < high does not hold")
        beta_parameters(self.value, self.low, self.high)
        return self


class KnownPairs(_Frozen):
    """Pairs that were known to be true beforehand, and how many of them the linkage found.

    Counts alone, from whoever may know: an identifier that some people have in both files and that
    was not used to link, or people who checked a sample. They measure what the linkage report's
    sensitivity and the priors named in ``replaces`` would assume.
    """

    found: Annotated[int, Field(ge=0)]
    number: Annotated[int, Field(ge=1)]
    source: str = Field(min_length=1)
    replaces: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.found > self.number:
            raise ValueError("known_pairs: more were found than there are")
        return self


class SecondRecord(_Frozen):
    """Of the people with a true record, the share who have two, with its range."""

    value: Share = 0.03
    low: Share = 0.0
    high: Share = 0.08
    source: str = (
        "assumption: people who move between areas become new persons in treatment data; replace "
        "it by the data owner's own figure"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError("second_record: low <= value <= high does not hold")
        return self


class Benchmark(_Frozen):
    """An outside figure printed beside ours, never a verdict."""

    name: str = Field(min_length=1)
    value: Share
    source: str = Field(min_length=1)
    measure: str = "engaged"


CONSENT = Prior(
    name="consent",
    value=0.98,
    low=0.975,
    high=0.985,
    source="NDTMS clients who consent to their data being shared: almost 98 %, methodology of the "
    "MoJ and OHID publication of 30 March 2023; range assumed",
    loss="did not consent to sharing",
)
# Of all true records 95 % (88 to 99 %) are held to be comparable. The linkage report's sensitivity
# already takes 3 % off for true records that score like strangers (the linker's own prior), so the
# rest alone stands here: counted twice, the corrected shares would be too high.
COMPARABLE = Prior(
    name="comparable identifiers",
    value=0.98,
    low=0.92,
    high=0.998,
    source="assumption: 95 % of true records have a place and date of birth good enough to be "
    "compared at all (moves between areas, default dates, no fixed abode), less the 3 % that the "
    "linkage report takes off already; replace it by the data owners' own figure",
    loss="moved, or identifiers too poor to compare",
)
DRUG_STRATEGY = Benchmark(
    name="prison leavers engaged in treatment",
    value=0.75,
    source="the 75 % quoted from the drug strategy in a reader's comment on the publication; "
    "another group of people, and engagement within three weeks of release",
)


class Settings(_Frozen):
    """Everything that the analysis is told beside the cohort."""

    title: str = "Pathways between probation and addiction treatment"
    publisher: str = ""
    contact: str = ""
    left: str = "moj"
    right: str = "ohid"
    events: str = "events"
    details: str = "details"
    definitions: Definitions = Definitions()
    priors: tuple[Prior, ...] = (CONSENT, COMPARABLE)
    known_pairs: KnownPairs | None = None
    second_record: SecondRecord = SecondRecord()
    benchmarks: tuple[Benchmark, ...] = (DRUG_STRATEGY,)
    sensitivity_minimum: Annotated[float, Field(gt=0, le=1)] = 0.60
    false_link_maximum: Share | None = None
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    replicates: Annotated[int, Field(ge=50, le=20_000)] = 500
    imputations: Annotated[int, Field(ge=0, le=200)] = 0
    thresholds: tuple[Share, ...] = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [prior.name for prior in self.priors]
        if len(set(names)) != len(names):
            raise ValueError("two priors have one name")
        if self.known_pairs and set(self.known_pairs.replaces) - set(names):
            raise ValueError(f"known_pairs replaces no prior but {', '.join(names) or 'none'}")
        if self.left == self.right:
            raise ValueError("left and right name the same owner")
        if self.imputations == 1:
            raise ValueError("imputations must be 0 or at least 2")
        return self


def load_settings(path: Path) -> Settings:
    """Settings from a TOML file; what it leaves out keeps its default. Raises InputError."""
    data = read_bytes(path, limit=_LIMIT)
    try:
        document = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise InputError(f"{path}: is not TOML", hint="see docs/reference/definitions.md") from None
    try:
        return Settings.model_validate(document)
    except ValidationError as error:
        raise InputError(
            f"{path}: {validation.first(error, Settings)}", hint="see docs/reference/definitions.md"
        ) from None
