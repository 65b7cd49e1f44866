"""Treatment: client, episode and TOP files into the tables of the treatment extract."""

import numpy as np
import pandas as pd

from blindlink.owner.tables import raw_rows as rows
from blindlink.owner.tables.findings import KEPT, LEFT_OUT, Findings

Frames = dict[str, pd.DataFrame]

_IDENTITIES = {
    "CLIENTID": "entity_id",
    "FINITIAL": "first_initial",
    "SINITIAL": "last_initial",
    "DOB": "date_of_birth",
    "SEX": "sex",
    "PC": "postcode_outward",
    "LA": "local_authority",
    "REGION": "region",
}
_EVENTS = {
    "CLIENTID": "entity_id",
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
    "CLIENTID": "entity_id",
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


def tables(raw: Frames, findings: Findings) -> Frames:
    """identities, events and details from client, episode and top."""
    found = {name: rows.with_person(raw[name], name, "CLIENTID", findings) for name in raw}
    found = _consenting(found, findings)
    client, episode = rows.once(found["client"], "client", "CLIENTID", findings), found["episode"]
    born = episode["CLIENTID"].map(client.drop_duplicates("CLIENTID").set_index("CLIENTID")["DOB"])
    episode = episode.assign(DOB=born.fillna(""))
    _check_episodes(episode, findings)
    _check_forms(found["top"], episode, findings)
    computed = rows.age_on(episode["DOB"], episode["TRIAGED"])
    episode["AGE"] = episode["AGE"].where(episode["AGE"] != "", computed)
    client = _with_strangers(client, [episode, found["top"]], findings)
    return {
        "identities": client[list(_IDENTITIES)].rename(columns=_IDENTITIES),
        "events": episode[list(_EVENTS)].rename(columns=_EVENTS),
        "details": found["top"][list(_FORMS)].rename(columns=_FORMS),
    }


def _consenting(found: Frames, findings: Findings) -> Frames:
    """Without the clients who do not consent to sharing: none of their rows may be handed on."""
    client = found["client"]
    refused = set(client.loc[client["CONSENT"] == "N", "CLIENTID"])
    kept = {}
    for name, frame in found.items():
        theirs = frame["CLIENTID"].isin(refused).to_numpy()
        findings.add(name, "CONSENT", "no consent to sharing", theirs, LEFT_OUT)
        kept[name] = frame[~theirs].reset_index(drop=True)
    return kept


def _check_episodes(episode: pd.DataFrame, findings: Findings) -> None:
    name = "episode"
    rows.duplicates(episode, name, "EPISODID", ["CLIENTID", "EPISODID"], findings)
    rows.before(episode, name, "TRIAGED", "DISD", findings)
    rows.before(episode, name, "DOB", "TRIAGED", findings)
    rows.before(episode, name, "MODST", "MODEND", findings)
    closed, reason = (episode["DISD"] != "").to_numpy(), (episode["DISRSN"] != "").to_numpy()
    findings.add(name, "DISRSN", "discharge date without reason", closed & ~reason, KEPT)
    findings.add(name, "DISD", "discharge reason without date", reason & ~closed, KEPT)
    findings.add(name, "TRIAGED", "overlaps another episode of the client", _overlap(episode), KEPT)


def _overlap(episode: pd.DataFrame) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Episodes that begin before an earlier one of the client has ended."""
    usable = episode[(episode["TRIAGED"] != "")].sort_values(["CLIENTID", "TRIAGED"], kind="stable")
    end = usable["DISD"].where(usable["DISD"] != "", "9999-12-31")
    days = pd.Series(pd.factorize(end, sort=True)[0], index=usable.index)
    so_far = days.groupby(usable["CLIENTID"]).cummax()
    latest = pd.Series(pd.factorize(end, sort=True)[1].to_numpy()[so_far], index=usable.index)
    previous = latest.groupby(usable["CLIENTID"]).shift()
    inside = previous.notna() & (usable["TRIAGED"] < previous.fillna(""))
    return np.asarray(inside.reindex(episode.index, fill_value=False), dtype=bool)


def _check_forms(top: pd.DataFrame, episode: pd.DataFrame, findings: Findings) -> None:
    key = ["CLIENTID", "EPISODID"]
    known = pd.MultiIndex.from_frame(episode[key])
    orphan = ~pd.MultiIndex.from_frame(top[key]).isin(known)
    findings.add("top", "EPISODID", rows.NO_EVENT, np.asarray(orphan), KEPT)
    again = top.duplicated().to_numpy()
    findings.add("top", "TOPDATE", rows.SAME_ROW, again, KEPT)


def _with_strangers(
    client: pd.DataFrame, others: list[pd.DataFrame], findings: Findings
) -> pd.DataFrame:
    """Clients of whom there is an episode or form alone: they stay, and cannot be linked."""
    named = pd.concat([each["CLIENTID"] for each in others]).drop_duplicates()
    new = named[~named.isin(client["CLIENTID"])]
    for name, each in zip(("episode", "top"), others, strict=True):
        orphan = each["CLIENTID"].isin(new).to_numpy()
        findings.add(name, "CLIENTID", rows.UNKNOWN_PERSON, orphan, "kept, cannot be linked")
    blank = pd.DataFrame("", index=range(len(new)), columns=client.columns)
    return pd.concat([client, blank.assign(CLIENTID=new.to_numpy())], ignore_index=True)
