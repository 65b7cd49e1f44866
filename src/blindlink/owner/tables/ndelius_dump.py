"""nDelius as its own database has it: tables with numbers for reference data, joined into files.

The tables and their keys are those of the public schema (layouts/ndelius.json, source ``delius``):

    RQMNT -> DISPOSAL -> EVENT -> OFFENDER        one row of the file requirement
                         EVENT -> MAIN_OFFENCE -> R_OFFENCE
                         EVENT -> OGRS_ASSESSMENT (the latest)
    *_ID of reference data -> R_STANDARD_REFERENCE_LIST, R_DISPOSAL_TYPE,
                              R_RQMNT_TYPE_MAIN_CATEGORY: the description takes the number's place

A requirement is live where it, its disposal and its event are.
"""

import pandas as pd

from blindlink.errors import InputError

Frames = dict[str, pd.DataFrame]

NEEDED = ("offender", "offender_address", "rqmnt", "disposal", "event")
_OF_PERSON = {"GENDER_ID": "GENDER", "ETHNICITY_ID": "ETHNICITY"}
_OFFENCE = "DESCRIPTION"


def is_dump(names: set[str]) -> bool:
    """Whether these are tables of the database and not the four files."""
    return "rqmnt" in names and "requirement" not in names


def files_of(tables: Frames) -> Frames:
    """offender, alias, offender_address and requirement from the tables. Raises InputError."""
    lacking = [name for name in NEEDED if name not in tables]
    if lacking:
        raise InputError(f"no file holds the table {lacking[0].upper()}", hint=_HINT)
    words = _reference(tables)
    offender = _described(tables["offender"], _OF_PERSON, words)
    crn = offender.set_index("OFFENDER_ID")["CRN"]
    alias = tables.get("alias", pd.DataFrame(columns=["OFFENDER_ID", *_ALIAS], dtype=object))
    address = _described(tables["offender_address"], {"ADDRESS_STATUS_ID": "ADDRESS_STATUS"}, words)
    return {
        "offender": offender,
        "alias": _with_crn(_described(alias, _OF_PERSON, words), crn),
        "offender_address": _with_crn(address, crn),
        "requirement": _requirements(tables, crn, words),
    }


_HINT = "a dump needs OFFENDER, ALIAS, OFFENDER_ADDRESS, EVENT, DISPOSAL, RQMNT and reference data"
_ALIAS = ("FIRST_NAME", "SURNAME", "DATE_OF_BIRTH_DATE", "GENDER_ID", "SOFT_DELETED")


def with_crn(raw: Frames) -> Frames:
    """The four files with CRN where they have OFFENDER_ID only, as the database has it."""
    offender = raw["offender"]
    if "OFFENDER_ID" not in offender.columns or "CRN" not in offender.columns:
        return raw
    crn = offender.drop_duplicates("OFFENDER_ID").set_index("OFFENDER_ID")["CRN"]
    return {
        name: frame
        if "CRN" in frame.columns or "OFFENDER_ID" not in frame.columns
        else _with_crn(frame, crn)
        for name, frame in raw.items()
    }


def _with_crn(frame: pd.DataFrame, crn: pd.Series) -> pd.DataFrame:
    known = crn[~crn.index.duplicated()]
    # A row of nobody keeps its number: it joins nothing, and is counted so.
    return frame.assign(CRN=frame["OFFENDER_ID"].map(known).fillna(frame["OFFENDER_ID"]))


def _reference(tables: Frames) -> dict[str, dict[str, str]]:
    lists = {
        "r_standard_reference_list": ("STANDARD_REFERENCE_LIST_ID", "CODE_DESCRIPTION"),
        "r_disposal_type": ("DISPOSAL_TYPE_ID", "DESCRIPTION"),
        "r_rqmnt_type_main_category": ("RQMNT_TYPE_MAIN_CATEGORY_ID", "DESCRIPTION"),
    }
    return {
        name: dict(zip(tables[name][key], tables[name][word], strict=True))
        if name in tables
        else {}
        for name, (key, word) in lists.items()
    }


def _described(
    frame: pd.DataFrame,
    names: dict[str, str],
    words: dict[str, dict[str, str]],
    source: str = "r_standard_reference_list",
) -> pd.DataFrame:
    """With descriptions under new names; a number of no list stays, and is an unknown code."""
    known = words[source]
    made = {
        name: frame[number].map(known).fillna(frame[number])
        for number, name in names.items()
        if number in frame.columns
    }
    return frame.assign(**made)


def _requirements(tables: Frames, crn: pd.Series, words: dict[str, dict[str, str]]) -> pd.DataFrame:
    frame = tables["rqmnt"].merge(
        tables["disposal"], on="DISPOSAL_ID", how="left", suffixes=("", "_OF_DISPOSAL")
    )
    frame = frame.merge(
        tables["event"], on="EVENT_ID", how="left", suffixes=("", "_OF_EVENT")
    ).fillna("")
    frame = _described(
        frame,
        {"RQMNT_TYPE_MAIN_CATEGORY_ID": "RQMNT_TYPE_MAIN_CATEGORY"},
        words,
        "r_rqmnt_type_main_category",
    )
    frame = _described(frame, {"DISPOSAL_TYPE_ID": "DISPOSAL_TYPE"}, words, "r_disposal_type")
    frame = _described(frame, {"RQMNT_TERMINATION_REASON_ID": "TERMINATION_REASON"}, words)
    frame["MAIN_OFFENCE"] = frame["EVENT_ID"].map(_offences(tables)).fillna("")
    frame["OGRS3_SCORE_2"] = frame["EVENT_ID"].map(_latest_score(tables)).fillna("")
    marks = [name for name in frame.columns if name.startswith("SOFT_DELETED")]
    live = (frame[marks] == "0").all(axis=1)
    frame["SOFT_DELETED"] = live.map({True: "0", False: "1"})
    for name in ("TERMINATION_REASON", "ACCOMMODATION", "DISPOSAL_TYPE"):
        if name not in frame.columns:
            frame[name] = ""
    return _with_crn(frame, crn)


def _offences(tables: Frames) -> pd.Series:
    if "main_offence" not in tables:
        return pd.Series(dtype=object)
    frame = tables["main_offence"]
    frame = frame[frame["SOFT_DELETED"] == "0"].drop_duplicates("EVENT_ID")
    codes = tables.get("r_offence")
    if codes is None:
        return frame.set_index("EVENT_ID")["OFFENCE_ID"]
    known = dict(zip(codes["OFFENCE_ID"], codes["CODE"].str.strip(), strict=True))
    return frame.assign(CODE=frame["OFFENCE_ID"].map(known)).set_index("EVENT_ID")["CODE"]


def _latest_score(tables: Frames) -> pd.Series:
    if "ogrs_assessment" not in tables:
        return pd.Series(dtype=object)
    frame = tables["ogrs_assessment"]
    live = frame[frame["SOFT_DELETED"] == "0"]
    # The number of the row rises with time; dates are text in any form here.
    order = live["OGRS_ASSESSMENT_ID"].astype(str).str.zfill(20)
    latest = live.assign(order=order).sort_values("order").drop_duplicates("EVENT_ID", keep="last")
    return latest.set_index("EVENT_ID")["OGRS3_SCORE_2"]
