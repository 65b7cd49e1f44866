"""Probation: offender, alias, address and requirement files into the probation extract."""

import numpy as np
import pandas as pd

from blindlink.owner.tables import raw_rows as rows
from blindlink.owner.tables.findings import KEPT, Findings

Frames = dict[str, pd.DataFrame]

_PERSON = {
    "CRN": "entity_id",
    "FIRST_NAME": "forename",
    "SURNAME": "surname",
    "DATE_OF_BIRTH_DATE": "date_of_birth",
    "GENDER": "sex",
}
_PLACE = {"POSTCODE": "postcode", "LOCAL_AUTHORITY": "local_authority", "REGION": "region"}
_EVENTS = {
    "CRN": "entity_id",
    "EVENT_ID": "sentence_id",
    "RQMNT_ID": "requirement_id",
    "DISPOSAL_DATE": "sentence_date",
    "DISPOSAL_TYPE": "order_type",
    "RQMNT_TYPE_MAIN_CATEGORY": "requirement",
    "MAIN_OFFENCE": "offence_category",
    "OGRS3_SCORE_2": "ogrs3_score",
    "DYNAMIC_RSR_SCORE": "rsr_score",
    "ACCOMMODATION": "accommodation_status",
    "LENGTH_IN_DAYS": "sentence_length_days",
    "TERMINATION_DATE": "termination_date",
    "TERMINATION_REASON": "termination_reason",
    "IN_BREACH": "in_breach",
    "REGION": "region",
    "ETHNICITY": "ethnicity",
    "GENDER": "sex",
    "AGE": "age_at_sentence",
    "DECEASED_DATE": "deceased_date",
}


def tables(raw: Frames, findings: Findings) -> Frames:
    """identities and events from offender, alias, offender_address and requirement."""
    found = {name: rows.with_person(raw[name], name, "CRN", findings) for name in raw}
    offender = rows.once(found["offender"], "offender", "CRN", findings)
    people = offender["CRN"]
    alias = rows.of_known_people(found["alias"], "alias", "CRN", people, findings)
    address = rows.of_known_people(
        found["offender_address"], "offender_address", "CRN", people, findings
    )
    requirement = _requirements(found["requirement"], offender, findings)
    known = _identities(offender, alias, _addresses(address, findings))
    strangers = _strangers(requirement, people, findings)
    return {
        "identities": pd.concat([known, strangers], ignore_index=True),
        "events": requirement[list(_EVENTS)].rename(columns=_EVENTS),
    }


def _identities(offender: pd.DataFrame, alias: pd.DataFrame, address: pd.DataFrame) -> pd.DataFrame:
    """The main name at the current address, each alias there too, the main name at former ones."""
    first = offender.drop_duplicates("CRN")
    # A second name under one number is as good as an alias.
    others = pd.concat([offender[offender.duplicated("CRN")], alias], ignore_index=True)
    now, then = address[address["current"]], address[~address["current"]]
    parts = [
        first.merge(now, on="CRN", how="left").assign(kind="main"),
        others.merge(now, on="CRN", how="left").assign(kind="alias"),
        first.merge(then, on="CRN", how="inner").assign(kind="previous"),
    ]
    frame = pd.concat(parts, ignore_index=True).fillna("")
    names = {**_PERSON, **_PLACE, "kind": "kind"}
    return frame[list(names)].rename(columns=names)


def _addresses(address: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Addresses with ``current``: the latest start among those without an end, one for a person."""
    name = "offender_address"
    rows.before(address, name, "START_DATE", "END_DATE", findings)
    homeless = (address["NO_FIXED_ABODE"] == "1").to_numpy()
    placed = homeless & (address["POSTCODE"] != "").to_numpy()
    findings.add(name, "POSTCODE", "postcode with no fixed abode", placed, "value set to missing")
    frame = address.assign(POSTCODE=address["POSTCODE"].mask(homeless, ""))
    frame = frame.sort_values("START_DATE", ascending=False, kind="stable")
    open_ones = frame[frame["END_DATE"] == ""]
    several = open_ones.duplicated("CRN").to_numpy()
    findings.add(
        name, "END_DATE", "several current addresses", several, "taken as a former address"
    )
    current = open_ones.index[~several]
    return frame.assign(current=frame.index.isin(current)).sort_index()


def _requirements(
    requirement: pd.DataFrame, offender: pd.DataFrame, findings: Findings
) -> pd.DataFrame:
    """Requirements with what the offender's row says, the requirement's own columns first."""
    person = offender.drop_duplicates("CRN").set_index("CRN")
    taken = ["GENDER", "ETHNICITY", "DATE_OF_BIRTH_DATE", "DECEASED_DATE"]
    of_person = person[taken].reindex(requirement["CRN"]).fillna("").reset_index(drop=True)
    frame = requirement.assign(
        ETHNICITY=of_person["ETHNICITY"],
        DATE_OF_BIRTH_DATE=of_person["DATE_OF_BIRTH_DATE"],
        DECEASED_DATE=of_person["DECEASED_DATE"],
        GENDER=requirement["GENDER"].mask(requirement["GENDER"] == "", of_person["GENDER"]),
    )
    age = rows.age_on(frame["DATE_OF_BIRTH_DATE"], frame["DISPOSAL_DATE"])
    frame["AGE"] = frame["AGE"].where(frame["AGE"] != "", age)
    name = "requirement"
    rows.duplicates(frame, name, "RQMNT_ID", ["RQMNT_ID"], findings)
    for early, late in (
        ("DISPOSAL_DATE", "TERMINATION_DATE"),
        ("DISPOSAL_DATE", "DECEASED_DATE"),
        ("DATE_OF_BIRTH_DATE", "DISPOSAL_DATE"),
    ):
        rows.before(frame, name, early, late, findings)
    ended = (frame["TERMINATION_DATE"] != "").to_numpy()
    reason = (frame["TERMINATION_REASON"] != "").to_numpy()
    findings.add(name, "TERMINATION_REASON", "end without reason", ended & ~reason, KEPT)
    findings.add(name, "TERMINATION_DATE", "reason without end", reason & ~ended, KEPT)
    return frame


def _strangers(requirement: pd.DataFrame, people: pd.Series, findings: Findings) -> pd.DataFrame:
    """People of whom there is a requirement alone: they stay, and cannot be linked."""
    orphan = ~requirement["CRN"].isin(people).to_numpy()
    findings.add("requirement", "CRN", rows.UNKNOWN_PERSON, orphan, "kept, cannot be linked")
    crn = requirement.loc[orphan, "CRN"].drop_duplicates().to_numpy()
    names = [*_PERSON.values(), *_PLACE.values()]
    blank = pd.DataFrame("", index=np.arange(len(crn)), columns=names)
    return blank.assign(entity_id=crn, kind="main")
