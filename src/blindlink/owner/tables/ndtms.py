"""Treatment: client, episode and TOP rows into the tables of the treatment extract."""

import numpy as np
import pandas as pd

from blindlink.errors import InputError
from blindlink.owner.tables import raw_rows as rows
from blindlink.owner.tables.authorities import authority
from blindlink.owner.tables.findings import KEPT, Findings
from blindlink.spellings import exists

Frames = dict[str, pd.DataFrame]

_IDENTITIES = {
    rows.PERSON: "entity_id",
    "FINITIAL": "first_initial",
    "SINITIAL": "last_initial",
    "DOB": "date_of_birth",
    "SEX": "sex",
    "PC": "postcode_outward",
    "LA": "local_authority",
    "REGION": "region",
}
_EVENTS = {
    rows.PERSON: "entity_id",
    "EPISODID": "episode_id",
    "AGNCY": "agency",
    "REGION": "region",
    "SEX": "sex",
    "AGE": "age_at_triage",
    "ETHNIC": "ethnicity",
    "RFLS": "referral_source",
    "TRIAGED": "triage_date",
    "DISD": "discharge_date",
    "DISRSN": "discharge_reason",
    "DRUG1": "drug_1",
    "DRUG2": "drug_2",
    "DRUG3": "drug_3",
    "MODAL": "modality",
    "MODST": "modality_start",
    "MODEND": "modality_end",
}
_FORMS = {
    rows.PERSON: "entity_id",
    "EPISODID": "episode_id",
    "TOPDATE": "top_date",
    "TRSTAGE": "stage",
    "ALCUSE": "alcohol_days",
    "OPIUSE": "opiate_days",
    "CRAUSE": "crack_days",
    "COCAUSE": "cocaine_days",
    "AMPHUSE": "amphetamine_days",
    "CANNUSE": "cannabis_days",
    "OTDRGUSE": "other_days",
    "IVDRGUSE": "injecting_days",
}
NAMES = {"client": _IDENTITIES, "episode": _EVENTS, "top": _FORMS}


def tables(raw: Frames, findings: Findings) -> Frames:
    """identities, events and details from client, episode and top."""
    found = {name: rows.with_person(raw[name], name, findings) for name in raw}
    client, episode = rows.once(found["client"], "client", findings), found["episode"]
    _check_one_person(client)
    first = client.drop_duplicates(rows.PERSON).set_index(rows.PERSON)
    whose = episode[rows.PERSON]
    episode = episode.assign(DOB=whose.map(first["DOB"]).astype(object).fillna(""))
    of_client = whose.map(first["SEX"]).astype(object).fillna("")
    episode["SEX"] = episode["SEX"].where(episode["SEX"] != "", of_client)
    _check_episodes(episode, findings)
    _check_forms(found["top"], episode, findings)
    computed = rows.age_on(episode["DOB"], episode["TRIAGED"])
    episode["AGE"] = episode["AGE"].where(episode["AGE"] != "", computed)
    client = _with_strangers(client, [episode, found["top"]], findings)
    client["REGION"] = _region(client)
    known = client.drop_duplicates(rows.PERSON).set_index(rows.PERSON)["REGION"]
    of_person = episode[rows.PERSON].map(known).astype(object).fillna("")
    episode["REGION"] = episode["REGION"].where(episode["REGION"] != "", of_person)
    return {
        "identities": client[list(_IDENTITIES)].rename(columns=_IDENTITIES),
        "events": episode[list(_EVENTS)].rename(columns=_EVENTS),
        "details": found["top"][list(_FORMS)].rename(columns=_FORMS),
    }


def _region(client: pd.DataFrame) -> pd.Series:
    """The region of the authority, where the file does not say it."""
    places = {cell: authority(cell) for cell in client["LA"].unique() if cell}
    derived = client["LA"].map(lambda cell: found.region if (found := places.get(cell)) else "")
    return client["REGION"].where(client["REGION"] != "", derived)


def _check_one_person(client: pd.DataFrame) -> None:
    """Refuses one number for two people: CLIENTID is unique within an agency only."""
    if (client["AGNCY"] != "").any():
        return
    born = client["DOB"].where(client["DOB"].map(exists))
    different = born.groupby(client[rows.PERSON]).transform("nunique").to_numpy() > 1
    if different.any():
        first = rows.numbers(client)[np.flatnonzero(different)[:5]]
        raise InputError(
            f"client: {int(different.sum()):,} rows have one CLIENTID and different dates of "
            f"birth: rows {', '.join(map(str, first))}",
            hint="CLIENTID is unique within an agency only: give the column AGNCY in client too",
        )


def _check_episodes(episode: pd.DataFrame, findings: Findings) -> None:
    name, number = "episode", rows.numbers(episode)
    rows.duplicates(episode, name, "EPISODID", [rows.PERSON, "EPISODID"], findings)
    rows.before(episode, name, "TRIAGED", "DISD", findings)
    rows.before(episode, name, "DOB", "TRIAGED", findings)
    rows.before(episode, name, "MODST", "MODEND", findings)
    closed, reason = (episode["DISD"] != "").to_numpy(), (episode["DISRSN"] != "").to_numpy()
    findings.add(name, "DISRSN", "discharge date without reason", closed & ~reason, KEPT, number)
    findings.add(name, "DISD", "discharge reason without date", reason & ~closed, KEPT, number)
    again = _overlap(episode)
    findings.add(name, "TRIAGED", "overlaps another episode of the client", again, KEPT, number)


def _overlap(episode: pd.DataFrame) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Episodes that begin before an earlier one of the client has ended."""
    usable = episode[(episode["TRIAGED"] != "")].sort_values(
        [rows.PERSON, "TRIAGED"], kind="stable"
    )
    end = usable["DISD"].where(usable["DISD"] != "", "9999-12-31")
    days = pd.Series(pd.factorize(end, sort=True)[0], index=usable.index)
    so_far = days.groupby(usable[rows.PERSON]).cummax()
    latest = pd.Series(pd.factorize(end, sort=True)[1].to_numpy()[so_far], index=usable.index)
    previous = latest.groupby(usable[rows.PERSON]).shift()
    inside = previous.notna() & (usable["TRIAGED"] < previous.fillna(""))
    return np.asarray(inside.reindex(episode.index, fill_value=False), dtype=bool)


def _check_forms(top: pd.DataFrame, episode: pd.DataFrame, findings: Findings) -> None:
    key = [rows.PERSON, "EPISODID"]
    known = pd.MultiIndex.from_frame(episode[key])
    orphan = ~pd.MultiIndex.from_frame(top[key]).isin(known)
    findings.add("top", "EPISODID", rows.NO_EVENT, np.asarray(orphan), KEPT, rows.numbers(top))
    again = top.drop(columns=rows.ROW).duplicated().to_numpy()
    findings.add("top", "TOPDATE", rows.SAME_ROW, again, KEPT, rows.numbers(top))


def _with_strangers(
    client: pd.DataFrame, others: list[pd.DataFrame], findings: Findings
) -> pd.DataFrame:
    """Clients of whom there is an episode or form alone: they stay, and cannot be linked."""
    new = []
    for name, each in zip(("episode", "top"), others, strict=True):
        orphan = rows.unknown(each, name, client[rows.PERSON], findings, "kept, cannot be linked")
        new.append(each.loc[orphan, rows.PERSON])
    named = pd.concat(new).drop_duplicates()
    blank = pd.DataFrame("", index=range(len(named)), columns=client.columns)
    blank = blank.assign(**{rows.PERSON: named.to_numpy(), rows.ROW: 0})
    return pd.concat([client, blank], ignore_index=True)
