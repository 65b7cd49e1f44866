"""Probation: offender, alias, address and requirement files into the probation extract."""

import numpy as np
import pandas as pd

from blindlink.owner.tables import raw_rows as rows
from blindlink.owner.tables.authorities import authority
from blindlink.owner.tables.findings import KEPT, LEFT_OUT, Findings

Frames = dict[str, pd.DataFrame]

_NAME = {
    rows.PERSON: "entity_id",
    "FIRST_NAME": "forename",
    "MIDDLE_NAME": "middle_name",
    "SURNAME": "surname",
    "DATE_OF_BIRTH_DATE": "date_of_birth",
    "GENDER": "sex",
}
_PLACE = {"POSTCODE": "postcode", "LOCAL_AUTHORITY": "local_authority", "REGION": "region"}
_EVENTS = {
    rows.PERSON: "entity_id",
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
NAMES = {"offender": _NAME, "alias": _NAME, "offender_address": _PLACE, "requirement": _EVENTS}


def tables(raw: Frames, findings: Findings) -> Frames:
    """identities and events from offender, alias, offender_address and requirement."""
    found = {name: rows.with_person(raw[name], name, findings) for name in raw}
    offender = rows.once(found["offender"], "offender", findings)
    people = offender[rows.PERSON]
    alias = rows.of_known_people(found["alias"], "alias", people, findings)
    address = rows.of_known_people(found["offender_address"], "offender_address", people, findings)
    requirement = _requirements(found["requirement"], offender, findings)
    known = _identities(_middle(offender), _middle(alias), _addresses(address, findings), findings)
    strangers = _strangers(requirement, people, findings)
    identities = pd.concat([known, strangers], ignore_index=True).fillna("")
    if (identities["middle_name"] == "").all():
        identities = identities.drop(columns="middle_name")
    return {
        "identities": identities,
        "events": requirement[list(_EVENTS)].rename(columns=_EVENTS),
    }


def _middle(names: pd.DataFrame) -> pd.DataFrame:
    """With the second and third name as one column."""
    both = names["SECOND_NAME"] + " " + names["THIRD_NAME"]
    return names.assign(MIDDLE_NAME=both.str.strip())


def _identities(
    offender: pd.DataFrame, alias: pd.DataFrame, address: pd.DataFrame, findings: Findings
) -> pd.DataFrame:
    """The main name at the current address, each other name there too, the main name at former
    addresses. A former surname is a name like an alias."""
    first = offender.drop_duplicates(rows.PERSON)
    former = offender[(offender["PREVIOUS_SURNAME"] != "")]
    former = former[former["PREVIOUS_SURNAME"] != former["SURNAME"]]
    findings.add(
        "offender", "PREVIOUS_SURNAME", "former surname",
        offender.index.isin(former.index), "a name like an alias", rows.numbers(offender),
    )  # fmt: skip
    former = former.assign(SURNAME=former["PREVIOUS_SURNAME"])
    # A second name under one number is as good as an alias.
    others = [offender[offender.duplicated(rows.PERSON)], alias, former]
    names = pd.concat([each[list(_NAME)] for each in others], ignore_index=True)
    names = names.drop_duplicates()
    now, then = address[address["current"]], address[~address["current"]]
    places = [rows.PERSON, *_PLACE]
    parts = [
        first[list(_NAME)].merge(now[places], on=rows.PERSON, how="left").assign(kind="main"),
        names.merge(now[places], on=rows.PERSON, how="left").assign(kind="alias"),
        first[list(_NAME)].merge(then[places], on=rows.PERSON, how="inner").assign(kind="previous"),
    ]
    frame = pd.concat(parts, ignore_index=True).fillna("")
    wanted = {**_NAME, **_PLACE, "kind": "kind"}
    return frame[list(wanted)].rename(columns=wanted)


def _addresses(address: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Addresses with ``current``: the latest start among main ones without an end, one for a
    person. A postal or proposed address is none where the person lives."""
    name = "offender_address"
    elsewhere = (address["ADDRESS_STATUS"] == "left_out").to_numpy()
    number = rows.numbers(address)
    findings.add(name, "ADDRESS_STATUS", "not a place of living", elsewhere, LEFT_OUT, number)
    address = address[~elsewhere].reset_index(drop=True)
    number = rows.numbers(address)
    rows.before(address, name, "START_DATE", "END_DATE", findings)
    homeless = (address["NO_FIXED_ABODE"] == "1").to_numpy()
    placed = homeless & (address["POSTCODE"] != "").to_numpy()
    findings.add(
        name, "POSTCODE", "postcode with no fixed abode", placed, "value set to missing", number
    )
    frame = address.assign(POSTCODE=address["POSTCODE"].mask(homeless, ""))
    frame["REGION"] = _region(frame)
    frame = frame.sort_values("START_DATE", ascending=False, kind="stable")
    open_ones = frame[(frame["END_DATE"] == "") & (frame["ADDRESS_STATUS"] != "previous")]
    several = open_ones.duplicated(rows.PERSON).to_numpy()
    findings.add(
        name, "END_DATE", "several current addresses", several, "taken as a former address",
        rows.numbers(open_ones),
    )  # fmt: skip
    current = open_ones.index[~several]
    return frame.assign(current=frame.index.isin(current)).sort_index()


def _region(address: pd.DataFrame) -> pd.Series:
    """The region of the authority, where the file does not say it."""
    places = {cell: authority(cell) for cell in address["LOCAL_AUTHORITY"].unique() if cell}
    derived = address["LOCAL_AUTHORITY"].map(
        lambda cell: found.region if (found := places.get(cell)) else ""
    )
    return address["REGION"].where(address["REGION"] != "", derived)


def _requirements(
    requirement: pd.DataFrame, offender: pd.DataFrame, findings: Findings
) -> pd.DataFrame:
    """Requirements with what the offender's row says, the requirement's own columns first."""
    person = offender.drop_duplicates(rows.PERSON).set_index(rows.PERSON)
    taken = ["GENDER", "ETHNICITY", "DATE_OF_BIRTH_DATE", "DECEASED_DATE", "DYNAMIC_RSR_SCORE"]
    of_person = person[taken].reindex(requirement[rows.PERSON]).fillna("").reset_index(drop=True)
    score = requirement["DYNAMIC_RSR_SCORE"]
    frame = requirement.assign(
        ETHNICITY=of_person["ETHNICITY"],
        DATE_OF_BIRTH_DATE=of_person["DATE_OF_BIRTH_DATE"],
        DECEASED_DATE=of_person["DECEASED_DATE"],
        GENDER=requirement["GENDER"].mask(requirement["GENDER"] == "", of_person["GENDER"]),
        DYNAMIC_RSR_SCORE=score.mask(score == "", of_person["DYNAMIC_RSR_SCORE"]),
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
    number = rows.numbers(frame)
    findings.add(name, "TERMINATION_REASON", "end without reason", ended & ~reason, KEPT, number)
    findings.add(name, "TERMINATION_DATE", "reason without end", reason & ~ended, KEPT, number)
    return frame


def _strangers(requirement: pd.DataFrame, people: pd.Series, findings: Findings) -> pd.DataFrame:
    """People of whom there is a requirement alone: they stay, and cannot be linked."""
    orphan = rows.unknown(requirement, "requirement", people, findings, "kept, cannot be linked")
    person = requirement.loc[orphan, rows.PERSON].drop_duplicates().to_numpy()
    names = [*_NAME.values(), *_PLACE.values()]
    blank = pd.DataFrame("", index=np.arange(len(person)), columns=names)
    return blank.assign(entity_id=person, kind="main")
