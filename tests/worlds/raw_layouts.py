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
REFERRALS = {
    "self": "4", "general_practice": "3", "probation": "8", "arrest_referral": "5", "prison": "13",
    "other": "15",
}  # fmt: skip
MODALITIES = {"pharmacological": "94", "psychosocial": "95", "recovery_support": "96"}
CLASSES = {
    "Violence": "10510", "Theft": "04600", "Drink driving": "80300", "Drugs": "09253",
    "Public order": "06600", "Breach": "08300", "Other": "99900",
}  # fmt: skip
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
SET_K = " ".join(
    (
        "FINITIAL SINITIAL DOB SEX ETHNIC NATION REFLD AGNCY CLIENT CLIENTID EPISODID CONSENT",
        "PREVTR PC ACCMNEED CLALOCTN YPLAC PRNTSTAT YPSLEAD YPSMHS YPSYOT YPSSEXEX YPSSLFHM",
        "YPSUNSDR YPSOFFND YPSESTAT YPSGP YPSCAF YPSLNDIF YPSUSS YPSFOU YPTSRP DAT PCT LA GPPTCE",
        "DRUG1 DRUG1AGE ROUTE DRUG2 DRUG3 RFLS TRIAGED CPLANDT INJSTAT CHILDWTH PREGNANT ALCDDAYS",
        "ALCUNITS DUALDIAG HEPCTSTD HEPCSTAT HEPCTD HEPBVAC HEPBSTAT HLCASSDT TOPCC DISD DISRSN",
        "DISDEST YPELEAD YPEMHS YPEYOT YPESEXEX YPESLFHM YPEUNSDR YPEOFFND YPECAFE YPEFOU YPELNDIF",
        "YPEUSS YPESTD YPEGP YPECAREP MODAL REFMODDT MODSET MODID FAOMODDT MODST MODEND MODEXIT",
        "SUBMODDT SUBMID PHSTBL PHWTH PHMAIN PHRELPR PSYMOTI PSYCNMG PSYFSNI PSYCGBH PSYMNTH",
        "PSYDNMC PSYSTP PSYCOUN PSYOTHR RECPEER RECMAID RECFMSP RECPRNT RECHSE RECEMP RECEDUT",
        "RECWPRJ RECCHKP RECRLPP RECCMPT RECGNH RECOTH TITDATE TITREAT TITID TOPDATE TOPID TRSTAGE",
        "ALCUSE OPIUSE CRAUSE COCAUSE AMPHUSE CANNUSE OTDRGUSE IVDRGUSE SHARING SHOTHEFT DRGSELL",
        "OTHTHEFT ASSAULT PSYHSTAT PWORK EDUCAT ACUTHPBM HRISK PHSTAT QUALLIFE INJECT SHARE",
        "PREVHEPB HEPCPOS REFHEPGY SEXUAL EMPSTAT OPRAGNCY",
    )
).split()
"""The columns of the file that providers send, in their order (Canary-NDTMS, set K)."""


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


def ndtms_whole(tables: Mapping[str, pa.Table]) -> str:
    """The treatment extract as a provider's writer has it: one file, one row for each client,
    episode and TOP form, every cell in quotes, NA for nothing. An agency for each client: the last.
    """
    made = {name: _frame(table) for name, table in ndtms_tables(tables).items()}
    agency = made["episode"].groupby("CLIENTID")["AGNCY"].last()
    episode = made["episode"].drop(columns=["AGNCY", "SEX", "REGION", "AGE"])
    frame = made["client"].merge(episode, on="CLIENTID", how="inner")
    frame = frame.merge(made["top"], on=["CLIENTID", "EPISODID"], how="left").fillna("")
    frame["AGNCY"] = frame["CLIENTID"].map(agency)
    frame["SEX"] = frame["SEX"].map({"1": "M", "2": "F"}).fillna("")
    frame["CLIENT"] = frame["CLIENTID"]
    frame["RFLS"] = frame["RFLS"].map(REFERRALS).fillna("")
    frame["MODAL"] = frame["MODAL"].map(MODALITIES).fillna("")
    lines = [SET_K, *frame.reindex(columns=SET_K, fill_value="").to_numpy().tolist()]
    return "".join(
        ",".join('"' + (cell or "NA").replace('"', '""') + '"' for cell in line) + "\n"
        for line in lines
    )


def dumped(tables: Mapping[str, pa.Table]) -> str:
    """The probation extract as INSERT statements of the public schema, as SQL Developer has them:
    numbers for persons and reference data, the tables in no order that helps."""
    made = {name: _frame(table) for name, table in ndelius_tables(tables).items()}
    number = {crn: str(2_500_000_000 + i) for i, crn in enumerate(made["offender"]["CRN"])}
    for crn in made["requirement"]["CRN"]:
        number.setdefault(crn, crn)
    words: dict[str, str] = {}

    def reference(column: pd.Series) -> pd.Series:
        return column.map(
            lambda word: words.setdefault(word, str(500 + len(words))) if word else ""
        )

    out: list[str] = []
    requirement = made["requirement"]
    events = requirement.drop_duplicates("EVENT_ID")
    live = {"SOFT_DELETED": "0", "ROW_VERSION": "1"}
    _insert(out, "RQMNT", pd.DataFrame({
        "RQMNT_ID": requirement["RQMNT_ID"], "DISPOSAL_ID": "D" + requirement["EVENT_ID"],
        "TERMINATION_DATE": requirement["TERMINATION_DATE"],
        "RQMNT_TERMINATION_REASON_ID": reference(requirement["TERMINATION_REASON"]),
        "RQMNT_TYPE_MAIN_CATEGORY_ID": reference(requirement["RQMNT_TYPE_MAIN_CATEGORY"]),
        "OFFENDER_ID": requirement["CRN"].map(number), **live}))  # fmt: skip
    _insert(out, "EVENT", pd.DataFrame({
        "EVENT_ID": events["EVENT_ID"], "OFFENDER_ID": events["CRN"].map(number),
        "IN_BREACH": events["IN_BREACH"].map({"Y": "1", "N": "0"}).fillna(""),
        **live}))  # fmt: skip
    _insert(out, "DISPOSAL", pd.DataFrame({
        "DISPOSAL_ID": "D" + events["EVENT_ID"], "EVENT_ID": events["EVENT_ID"],
        "DISPOSAL_DATE": events["DISPOSAL_DATE"], "LENGTH_IN_DAYS": events["LENGTH_IN_DAYS"],
        "DISPOSAL_TYPE_ID": reference(events["DISPOSAL_TYPE"]),
        "OFFENDER_ID": events["CRN"].map(number), **live}))  # fmt: skip
    offences = events["MAIN_OFFENCE"].map(CLASSES).fillna("")
    _insert(out, "MAIN_OFFENCE", pd.DataFrame({
        "MAIN_OFFENCE_ID": events["EVENT_ID"], "EVENT_ID": events["EVENT_ID"],
        "OFFENCE_ID": offences, **live}))  # fmt: skip
    codes = pd.DataFrame({"OFFENCE_ID": list(CLASSES.values()), "CODE": list(CLASSES.values())})
    _insert(out, "R_OFFENCE", codes)
    _insert(out, "OGRS_ASSESSMENT", pd.DataFrame({
        "OGRS_ASSESSMENT_ID": [str(n) for n in range(len(events))], "EVENT_ID": events["EVENT_ID"],
        "OGRS3_SCORE_2": events["OGRS3_SCORE_2"], **live}))  # fmt: skip
    person = made["offender"].assign(**live, OFFENDER_ID=made["offender"]["CRN"].map(number))
    scores = events.drop_duplicates("CRN").set_index("CRN")["DYNAMIC_RSR_SCORE"]
    person["DYNAMIC_RSR_SCORE"] = person["CRN"].map(scores).fillna("")
    person["GENDER_ID"] = reference(person["GENDER"])
    person["ETHNICITY_ID"] = reference(person["ETHNICITY"])
    _insert(out, "OFFENDER", person.drop(columns=["GENDER", "ETHNICITY"]))
    for name in ("alias", "offender_address"):
        frame = made[name].assign(**live, OFFENDER_ID=made[name]["CRN"].map(number))
        if name == "alias":
            frame["GENDER_ID"] = reference(frame["GENDER"])
        else:
            frame["ADDRESS_STATUS_ID"] = reference(
                pd.Series(np.where(frame["END_DATE"] == "", "Main", "Previous"))
            )
        drop = ["CRN", "GENDER", "LOCAL_AUTHORITY", "REGION"]
        _insert(out, name.upper(), frame.drop(columns=drop, errors="ignore"))
    lists = pd.DataFrame({"ID": list(words.values()), "WORD": list(words)})
    for table, key, word in (
        ("R_STANDARD_REFERENCE_LIST", "STANDARD_REFERENCE_LIST_ID", "CODE_DESCRIPTION"),
        ("R_DISPOSAL_TYPE", "DISPOSAL_TYPE_ID", "DESCRIPTION"),
        ("R_RQMNT_TYPE_MAIN_CATEGORY", "RQMNT_TYPE_MAIN_CATEGORY_ID", "DESCRIPTION"),
    ):
        _insert(out, table, lists.rename(columns={"ID": key, "WORD": word}))
    return "\n".join(out) + "\n"


def _insert(out: list[str], table: str, frame: pd.DataFrame) -> None:
    """Oracle's way: dates by to_date with two digits of the year where that is safe."""
    out.append(f"REM INSERTING into {table}")
    columns = ",".join(frame.columns)
    for row in frame.to_numpy().tolist():
        values = ",".join(map(_literal, row))
        out.append(f"Insert into {table} ({columns}) values ({values});")


def _literal(cell: str) -> str:
    if not cell:
        return "null"
    if len(cell) == 10 and cell[4] == "-" == cell[7]:
        return f"to_date('{cell} 00:00:00','YYYY-MM-DD HH24:MI:SS')"
    return cell if cell.isdecimal() and cell[0] != "0" else "'" + cell.replace("'", "''") + "'"


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
