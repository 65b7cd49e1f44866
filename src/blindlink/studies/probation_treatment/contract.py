"""The study's two extracts: which columns their tables have, and what a cell may hold.

The JSON Schemas ``schemas/extract-*.json`` are made from these models.
"""

import datetime as dt
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from blindlink.messages.fields import STRICT
from blindlink.schema.extracts import Contract

_DAY = r"^$|^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"


def _is_a_day(text: str) -> str:
    if text:
        dt.date.fromisoformat(text)
    return text


Id = Annotated[str, StringConstraints(min_length=1)]
Day = Annotated[str, StringConstraints(pattern=_DAY), AfterValidator(_is_a_day)]
Birth = Annotated[
    str,
    StringConstraints(pattern=r"^$|^[0-9]{4}-(0[0-9]|1[0-2])-([0-2][0-9]|3[01])$"),
]
BORN: Final = "Date of birth; of one that does not exist the parts that do, 00 for the others."
Initial = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]?$")]
Age = Annotated[str, StringConstraints(pattern=r"^$|^([1-9][0-9]|10[0-9]|110)$")]
Percent = Annotated[str, StringConstraints(pattern=r"^$|^(100|[1-9]?[0-9])$")]
Score = Annotated[str, StringConstraints(pattern=r"^$|^(100([.]0+)?|[0-9]{1,2}([.][0-9]+)?)$")]
Length = Annotated[str, StringConstraints(pattern=r"^$|^[0-9]{1,4}$")]
Of28 = Annotated[str, StringConstraints(pattern=r"^$|^(2[0-8]|1?[0-9])$")]
Drug = Annotated[str, StringConstraints(pattern=r"^$|^[1-9][0-9]{3}$")]
Region = Literal[
    "East Midlands",
    "East of England",
    "London",
    "North East",
    "North West",
    "South East",
    "South West",
    "West Midlands",
    "Yorkshire and The Humber",
    "",
]
Ethnicity = Literal["white", "mixed", "asian", "black", "other", "not_stated", ""]
Sex = Literal["M", "F", ""]
SexCode = Literal["1", "2", ""]
REQUIREMENTS = Literal[
    "ATR", "DRR", "mental_health_treatment", "unpaid_work", "rehabilitation_activity", "programme",
    "prohibited_activity", "curfew", "exclusion", "residence", "foreign_travel_prohibition",
    "alcohol_abstinence", "attendance_centre", "electronic_monitoring", "specified_activity",
    "supervision", "other",
]  # fmt: skip
Discharge = Literal[
    "", "80", "81", "82", "83", "84", "85", "86", "87", "88", "89",
    "90", "91", "92", "93", "94", "95", "96", "97", "999",
]  # fmt: skip


class _Row(BaseModel):
    model_config = STRICT


class ProbationIdentity(_Row):
    """One row per name, alias or address of a person. Encoded and never sent."""

    entity_id: Id = Field(description="The person in the probation system.")
    forename: str = Field(description="Forename.")
    middle_name: str = Field(default="", description="Further forenames; may be absent.")
    surname: str = Field(description="Surname.")
    date_of_birth: Birth = Field(description=BORN)
    sex: Sex = Field(description="Sex.")
    postcode: str = Field(description="Full postcode; empty: none or no fixed abode.")
    local_authority: str = Field(description="Local authority of the address.")
    region: Region = Field(description="English region.")
    kind: Literal["main", "alias", "previous"] = Field(
        description="Main name and address, an alias, or a previous address."
    )


class ProbationEvent(_Row):
    """One row per requirement of a sentence."""

    entity_id: Id = Field(description="The person.")
    sentence_id: str = Field(description="The sentence.")
    requirement_id: str = Field(description="The requirement.")
    sentence_date: Day = Field(description="Date of sentence.")
    order_type: Literal["community_order", "suspended_sentence_order", ""] = Field(
        description="Kind of order."
    )
    requirement: Literal[REQUIREMENTS, ""] = Field(
        description="ATR: alcohol treatment, DRR: drug rehabilitation, or another in words."
    )
    offence_category: Literal[
        "violence", "theft", "drink_driving", "drugs", "public_order", "breach", "other", ""
    ] = Field(description="Main offence.")
    ogrs3_score: Percent = Field(description="OGRS3: probability of reoffending, per cent.")
    rsr_score: Score = Field(description="RSR: risk of serious recidivism, per cent.")
    accommodation_status: Literal[
        "settled",
        "bail_or_probation",
        "other_housed",
        "rough_sleeping",
        "no_fixed_abode",
        "unknown",
        "",
    ] = Field(description="Accommodation at sentence.")
    sentence_length_days: Length = Field(description="Length of the order in days.")
    termination_date: Day = Field(description="Day the order ended.")
    termination_reason: Literal[
        "completed",
        "expired",
        "revoked_breach",
        "revoked_other",
        "early_good_progress",
        "died",
        "other",
        "",
    ] = Field(description="Why the order ended; empty: it has not.")
    in_breach: Literal["0", "1", ""] = Field(description="Whether a breach was recorded.")
    region: Region = Field(description="English region.")
    ethnicity: Ethnicity = Field(description="Ethnic group.")
    sex: Sex = Field(description="Sex.")
    age_at_sentence: Age = Field(description="Age in years at sentence.")
    deceased_date: Day = Field(description="Day of death.")


class TreatmentIdentity(_Row):
    """One row per client: no names, only initials. Encoded and never sent."""

    entity_id: Id = Field(description="The client in the treatment system.")
    first_initial: Initial = Field(description="Initial of the forename.")
    last_initial: Initial = Field(description="Initial of the surname.")
    date_of_birth: Birth = Field(description=BORN)
    sex: SexCode = Field(description="1 male, 2 female.")
    postcode_outward: str = Field(description="First part of the postcode; empty: none.")
    local_authority: str = Field(description="Local authority of residence.")
    region: Region = Field(description="English region.")


class TreatmentEvent(_Row):
    """One row per treatment episode."""

    entity_id: Id = Field(description="The client.")
    episode_id: str = Field(description="The episode.")
    agency: str = Field(description="The treatment agency.")
    region: Region = Field(description="English region.")
    sex: SexCode = Field(description="1 male, 2 female.")
    age_at_triage: Age = Field(description="Age in years at triage.")
    ethnicity: Ethnicity = Field(description="Ethnic group.")
    referral_source: str = Field(description="Who referred the client.")
    triage_date: Day = Field(
        description="Day of triage; an episode without one is counted and left out."
    )
    discharge_date: Day = Field(description="Day of discharge; empty: still in treatment.")
    discharge_reason: Discharge = Field(description="NDTMS code; empty: still in treatment.")
    drug_1: Drug = Field(description="Problem substance 1, NDTMS code of four digits.")
    drug_2: Drug = Field(description="Problem substance 2; empty: none.")
    drug_3: Drug = Field(description="Problem substance 3; empty: none.")
    modality: str = Field(description="Kind of intervention.")
    modality_start: Day = Field(description="Start of the intervention.")
    modality_end: Day = Field(description="End of the intervention.")


class TreatmentForm(_Row):
    """One row per Treatment Outcomes Profile; days of use in the past 28."""

    entity_id: Id = Field(description="The client.")
    episode_id: str = Field(description="The episode.")
    top_date: Day = Field(description="Day of the form.")
    stage: Literal["start", "review", "exit", "after", ""] = Field(
        description="When in treatment, or after it."
    )
    alcohol_days: Of28 = Field(description="Alcohol.")
    opiate_days: Of28 = Field(description="Opiates.")
    crack_days: Of28 = Field(description="Crack.")
    cocaine_days: Of28 = Field(description="Cocaine.")
    amphetamine_days: Of28 = Field(description="Amphetamines.")
    cannabis_days: Of28 = Field(description="Cannabis.")
    other_days: Of28 = Field(description="Other drugs.")
    injecting_days: Of28 = Field(description="Injecting.")


EXTRACTS: Final = {
    "probation": Contract("probation", {"identities": ProbationIdentity, "events": ProbationEvent}),
    "treatment": Contract(
        "treatment",
        {"identities": TreatmentIdentity, "events": TreatmentEvent, "details": TreatmentForm},
    ),
}


def extract_schemas() -> dict[str, dict[str, Any]]:
    """File name and JSON Schema of each extract; validate a row against #/$defs/TABLE."""
    return {f"extract-{name}.json": extract.json_schema() for name, extract in EXTRACTS.items()}
