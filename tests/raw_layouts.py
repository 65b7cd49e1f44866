"""The synthetic extracts as their source systems would hand them over: raw columns and codes.

``blindlink owner import`` reads them back without a loss; that is what they are for.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from blindlink import frames

Frames = dict[str, pd.DataFrame]

ETHNIC = {"white": "A", "mixed": "D", "asian": "H", "black": "M", "other": "S", "not_stated": "Z"}
ETHNICITY = {
    "white": "White: British/English/Welsh/Scottish/Northern Irish",
    "mixed": "Mixed: White and Asian",
    "asian": "Asian: Indian",
    "black": "Black: African",
    "other": "Other: Arab",
    "not_stated": "Not stated",
}
GENDER = {"M": "Male", "F": "Female"}
STAGES = {"start": "S", "review": "R", "exit": "E"}
ORDERS = {
    "community_order": "Community Order",
    "suspended_sentence_order": "Suspended Sentence Order",
}
CATEGORIES = {"ATR": "Alcohol Treatment", "DRR": "Drug Rehabilitation"}
OFFENCES = {
    "violence": "Violence",
    "theft": "Theft",
    "drink_driving": "Drink driving",
    "drugs": "Drugs",
    "public_order": "Public order",
    "breach": "Breach",
    "other": "Other",
}
ACCOMMODATION = {
    "settled": "Settled",
    "bail_or_probation": "Bail/probation",
    "other_housed": "Other housed",
    "rough_sleeping": "Rough sleeping",
    "no_fixed_abode": "No fixed abode",
    "unknown": "Unknown",
}
ENDS = {
    "completed": "Completed",
    "expired": "Expired",
    "revoked_breach": "Revoked (breach)",
    "revoked_other": "Revoked (other)",
    "early_good_progress": "Early good progress",
    "died": "Died",
    "other": "Other",
}
MOVED = "2018-07-31"


def ndelius_tables(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """offender, alias, offender_address and requirement from moj/identities and moj/events."""
    names, events = _frame(tables["moj/identities"]), _frame(tables["moj/events"])
    person = events.drop_duplicates("entity_id").set_index("entity_id")
    main, alias = names[names["kind"] == "main"], names[names["kind"] == "alias"]
    offender = _named(main)
    offender["ETHNICITY"] = _coded(main["entity_id"].map(person["ethnicity"]), ETHNICITY)
    offender["DECEASED_DATE"] = main["entity_id"].map(person["deceased_date"])
    return _arrow(
        {
            "offender": offender,
            "alias": _named(alias),
            "offender_address": _addresses(names[names["kind"] != "alias"]),
            "requirement": _requirements(events),
        }
    )


def ndtms_tables(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """client, episode and top from ohid/identities, ohid/events and ohid/details."""
    names, events, forms = (
        _frame(tables[f"ohid/{n}"]) for n in ("identities", "events", "details")
    )
    client = pd.DataFrame(
        {
            "CLIENTID": names["entity_id"],
            "FINITIAL": names["first_initial"],
            "SINITIAL": names["last_initial"],
            "DOB": _british(names["date_of_birth"]),
            "SEX": names["sex"],
            "CONSENT": "Y",
            "PC": names["postcode_outward"],
            "LA": names["local_authority"],
            "REGION": names["region"],
        }
    )
    return _arrow({"client": client, "episode": _episodes(events), "top": _forms(forms)})


def write_raw(tables: Mapping[str, pa.Table], folder: Path) -> None:
    """Both systems' raw files as CSV: ``folder/ndelius/offender.csv`` and so on."""
    for system, made in (("ndelius", ndelius_tables(tables)), ("ndtms", ndtms_tables(tables))):
        (folder / system).mkdir(parents=True)
        for name, table in made.items():
            frames.write_table(table, folder / system / f"{name}.csv")


def _named(names: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "CRN": names["entity_id"],
            "FIRST_NAME": names["forename"],
            "SURNAME": names["surname"],
            "DATE_OF_BIRTH_DATE": names["date_of_birth"],
            "GENDER": _coded(names["sex"], GENDER),
        }
    )


def _addresses(names: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "CRN": names["entity_id"],
            "POSTCODE": names["postcode"],
            "NO_FIXED_ABODE": np.where(names["postcode"] == "", "Y", "N"),
            "LOCAL_AUTHORITY": names["local_authority"],
            "REGION": names["region"],
            "START_DATE": "",
            "END_DATE": np.where(names["kind"] == "main", "", MOVED),
        }
    )


def _requirements(events: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "CRN": events["entity_id"],
            "EVENT_ID": events["sentence_id"],
            "RQMNT_ID": events["requirement_id"],
            "DISPOSAL_DATE": events["sentence_date"],
            "DISPOSAL_TYPE": _coded(events["order_type"], ORDERS),
            "RQMNT_TYPE_MAIN_CATEGORY": _coded(events["requirement"], CATEGORIES),
            "MAIN_OFFENCE": _coded(events["offence_category"], OFFENCES),
            "OGRS3_SCORE_2": events["ogrs3_score"],
            "DYNAMIC_RSR_SCORE": events["rsr_score"],
            "ACCOMMODATION": _coded(events["accommodation_status"], ACCOMMODATION),
            "LENGTH_IN_DAYS": events["sentence_length_days"],
            "TERMINATION_DATE": events["termination_date"],
            "TERMINATION_REASON": _coded(events["termination_reason"], ENDS),
            "IN_BREACH": events["in_breach"].map({"1": "Y", "0": "N"}),
            "REGION": events["region"],
            "GENDER": _coded(events["sex"], GENDER),
            "AGE": events["age_at_sentence"],
        }
    )


def _episodes(events: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "CLIENTID": events["entity_id"],
            "EPISODID": events["episode_id"],
            "AGNCY": events["agency"],
            "REGION": events["region"],
            "SEX": events["sex"],
            "AGE": events["age_at_triage"],
            "ETHNIC": _coded(events["ethnicity"], ETHNIC),
            "RFLS": events["referral_source"],
            "TRIAGED": _british(events["triage_date"]),
            "DISD": _british(events["discharge_date"]),
            "DISRSN": events["discharge_reason"],
            **{f"DRUG{i}": events[f"drug_{i}"] for i in (1, 2, 3)},
            "MODAL": events["modality"],
            "MODST": _british(events["modality_start"]),
            "MODEND": _british(events["modality_end"]),
        }
    )


def _forms(forms: pd.DataFrame) -> pd.DataFrame:
    uses = {
        "ALCUSE": "alcohol",
        "OPIUSE": "opiate",
        "CRAUSE": "crack",
        "COCAUSE": "cocaine",
        "AMPHUSE": "amphetamine",
        "CANNUSE": "cannabis",
        "OTDRGUSE": "other",
        "IVDRGUSE": "injecting",
    }
    return pd.DataFrame(
        {
            "CLIENTID": forms["entity_id"],
            "EPISODID": forms["episode_id"],
            "TOPDATE": _british(forms["top_date"]),
            "TRSTAGE": _coded(forms["stage"], STAGES),
            **{raw: forms[f"{name}_days"] for raw, name in uses.items()},
        }
    )


def _british(days: pd.Series) -> pd.Series:
    """DD/MM/YYYY, empty where there is no date."""
    return days.str.replace(r"^(\d{4})-(\d\d)-(\d\d)$", r"\3/\2/\1", regex=True)


def _coded(words: pd.Series, codes: Mapping[str, str]) -> pd.Series:
    return words.map(codes).fillna("")


def _frame(table: pa.Table) -> pd.DataFrame:
    return pd.DataFrame({name: frames.texts(table, name) for name in table.column_names})


def _arrow(made: Frames) -> dict[str, pa.Table]:
    return {
        name: pa.Table.from_pandas(frame.fillna("").astype(str), preserve_index=False)
        for name, frame in made.items()
    }
