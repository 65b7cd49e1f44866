"""What the synthetic study is made to look like: one frozen set of named numbers.

Three kinds of number stand here and are kept apart: what the publication *observed* (its seen
figures), how well the linkage of this very study is *expected* to find people (measured on the
generator, see docs/explanation/synthetic-study.md), and everything that we assume. The true rates
follow from the first two by the model of ``true_share``; nothing in ``blindlink.analyst`` reads
this.
"""

import datetime as dt
from dataclasses import dataclass, field

KINDS = ("ATR", "DRR")
SUBSTANCES = ("alcohol only", "non-opiate and alcohol", "opiate", "non-opiate only")
OUTCOMES = ("completed", "dropped out", "transferred", "custody", "declined", "withdrawn", "died")

DEFAULT_PEOPLE = 150_000
DEFAULT_REQUIREMENTS = 38_895


def day(date: dt.date) -> int:
    """Days since 1970-01-01, the unit of every date in the generator."""
    return (date - dt.date(1970, 1, 1)).days


@dataclass(frozen=True)
class Published:
    """Observed shares of the publication, per kind of requirement (ATR, DRR)."""

    engaged: tuple[float, float] = (0.459, 0.331)
    in_treatment_21: tuple[float, float] = (0.26, 0.20)


@dataclass(frozen=True)
class Mix:
    """Substance groups and ends among the possible journeys of each kind of requirement.

    Set so that the *first journeys of the engaged* come out at the published shares: people with
    several sentences, merged journeys and linkage shift them by a point or two. The publication
    gives outcomes for both kinds together; that ATR completes more is our assumption. Its "dropped
    out" holds the transfers, custody, declined and withdrawn too.
    """

    substances: tuple[tuple[float, ...], ...] = (
        (0.7065, 0.2370, 0.0450, 0.0115),
        (0.0, 0.1035, 0.670, 0.2275),
    )
    outcomes: tuple[tuple[float, ...], ...] = (
        (0.4283, 0.2612, 0.0407, 0.0224, 0.0315, 0.0193, 0.0146),
        (0.2752, 0.2439, 0.0376, 0.0671, 0.0193, 0.0101, 0.0146),
    )


@dataclass(frozen=True)
class ExpectedLinkage:
    """How the linkage of the study does, measured by benchmarks/study_targets.py.

    ``sensitivity``: probability that engagement which truly happened is seen through the links;
    ``false_link``: probability that somebody without a true link is linked to a stranger;
    ``counts``: probability that a stranger's record counts as engagement; ``counts_21``: that it
    is in treatment on day 21.
    """

    sensitivity: tuple[float, float] = (0.863, 0.863)
    false_link: float = 0.0202
    counts: float = 0.545
    counts_21: float = 0.23


@dataclass(frozen=True)
class IdentifierErrors:
    """Shares of people whose identifiers differ between the two extracts, or are missing.

    Names, birth and sex: around the rates measured in an NHS trust (date of birth 0.5 %, sex 0.3 %,
    surname 5.7 % of women and 1.3 % of men, forename 2.1 %). Place: there the postcode differs for
    30 %; here for more, set so that linkage by exact agreement in every identifier finds the 26 %
    that the publication found. ``own_details``: what the default priors of linker and analyst say
    that no comparison can see.
    """

    birth_typo: float = 0.005  # one part of the date, in each extract
    birth_swapped: float = 0.002  # day and month, in each extract
    birth_default_moj: float = 0.002  # 1 January of the year
    birth_default_ohid: float = 0.008
    sex: float = 0.003
    initials_swapped: float = 0.006
    forename_other: float = 0.006
    forename_typo: float = 0.015
    familiar_form: float = 0.06
    surname_other_women: float = 0.057
    surname_other_men: float = 0.013
    surname_typo: float = 0.015
    outward_elsewhere: tuple[float, float, float] = (0.361, 0.08, 0.03)  # in LA, in region, beyond
    movers_with_several_episodes: float = 0.12  # two persons at OHID
    no_fixed_abode: float = 0.07  # no postcode at probation
    authority_with_no_fixed_abode: float = 0.8
    outward_missing_ohid: float = 0.04
    authority_missing_ohid: float = 0.01
    own_details: float = 0.03  # treatment has another surname, birth and place than probation
    alias: float = 0.32
    alias_birth: float = 0.04
    alias_tells_surname: float = 0.5
    previous_address: float = 0.45
    previous_tells_place: float = 0.35
    no_consent: float = 0.02


@dataclass(frozen=True)
class Effects:
    """Log odds ratios of engagement, with the signs that the publication reports."""

    female: float
    age_10: float
    minority: float
    year: float
    ogrs_10: float
    ogrs_medium: float
    rsr_medium: float
    length_year: float
    offence: dict[str, float]
    accommodation: dict[str, float]
    termination: dict[str, float]


ATR_EFFECTS = Effects(
    female=-0.30,
    age_10=-0.13,
    minority=-0.35,
    year=-0.10,
    ogrs_10=-0.09,
    ogrs_medium=0.0,
    rsr_medium=0.0,
    length_year=0.0,
    offence={"drink_driving": 0.40},
    accommodation={"bail_or_probation": 0.45, "other_housed": 0.30},
    termination={"revoked_breach": -0.50, "revoked_other": -0.45, "early_good_progress": -0.30},
)
DRR_EFFECTS = Effects(
    female=-0.25,
    age_10=-0.13,
    minority=0.0,
    year=-0.10,
    ogrs_10=0.0,
    ogrs_medium=-0.25,
    rsr_medium=-0.25,
    length_year=0.30,
    offence={"theft": -0.25},
    accommodation={"rough_sleeping": 0.40, "other_housed": 0.30},
    termination={"completed": -0.35, "other": -0.45},
)


@dataclass(frozen=True)
class Parameters:
    """The whole study. ``people``: persons on the treatment side as OHID sees them."""

    people: int = DEFAULT_PEOPLE
    requirements: int = DEFAULT_REQUIREMENTS
    observation_start: dt.date = dt.date(2018, 8, 1)
    observation_end: dt.date = dt.date(2022, 3, 31)
    extract_start: dt.date = dt.date(2018, 4, 1)
    atr_share: float = 17_555 / DEFAULT_REQUIREMENTS
    people_per_requirement: float = 0.85
    both_requirements: float = 0.003
    unusable: float = 40_000 / DEFAULT_REQUIREMENTS - 1  # rows received beyond the usable ones
    open_at_sentence: tuple[float, float] = (0.16, 0.22)
    represents: float = 0.20
    earlier_treatment: float = 0.20
    deaths_per_year: float = 0.012
    published: Published = field(default_factory=Published)
    mix: Mix = field(default_factory=Mix)
    same_requirement_again: float = 0.97
    linkage: ExpectedLinkage = field(default_factory=ExpectedLinkage)
    errors: IdentifierErrors = field(default_factory=IdentifierErrors)
    effects: tuple[Effects, Effects] = (ATR_EFFECTS, DRR_EFFECTS)

    @property
    def first_day(self) -> int:
        return day(self.observation_start)

    @property
    def last_day(self) -> int:
        return day(self.observation_end)

    def true_share(self, kind: int, observed: float, counts: float) -> float:
        """The true share that should be observed as ``observed`` (Rogan and Gladen 1978).

        Se = s + (1 - s) f q and Fe = f q with the expected linkage (study.md, section 4).
        """
        s, fq = self.linkage.sensitivity[kind], self.linkage.false_link * counts
        return (observed - fq) / (s + (1 - s) * fq - fq)


def scaled(people: int) -> Parameters:
    """The study with ``people`` treatment persons: the cohort shrinks in step, and never grows."""
    share = min(1.0, people / DEFAULT_PEOPLE)
    return Parameters(people=people, requirements=max(1, round(DEFAULT_REQUIREMENTS * share)))
