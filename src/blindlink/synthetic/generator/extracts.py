"""The extracts as files: invented ids, the columns of each system, and the truth beside them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from blindlink.arrays import Bools, Int64s, Objects
from blindlink.synthetic.generator.identifiers import iso
from blindlink.synthetic.generator.parameters import KINDS
from blindlink.synthetic.generator.places import Places
from blindlink.synthetic.generator.population import ETHNICITIES, People, ages_at
from blindlink.synthetic.generator.top import USES
from blindlink.synthetic.generator.treatment import OPEN

AGENCIES = 3
TREATMENT_IDENTITIES = (
    "entity_id",
    "first_initial",
    "last_initial",
    "date_of_birth",
    "sex",
    "postcode_outward",
    "local_authority",
    "region",
)


@dataclass(frozen=True)
class Extract:
    """One owner's tables, the id of each person (MoJ) or entity (OHID) by position, and of each
    requirement or episode.
    """

    tables: Mapping[str, pa.Table]
    ids: Objects
    row_ids: Objects


def moj_tables(
    rng: np.random.Generator,
    frame: pd.DataFrame,
    identities: pd.DataFrame,
    people: People,
    places: Places,
) -> Extract:
    """Identities and events of probation. ``frame``: requirements with covariates and ends."""
    crn = _ids(rng, len(people), "X")
    person = frame["person"].to_numpy()
    sentence = _ids(rng, int(frame["sentence"].max()) + 1, "S")
    events = pd.DataFrame(
        {
            "entity_id": crn[person],
            "sentence_id": sentence[frame["sentence"].to_numpy()],
            "requirement_id": _ids(rng, len(frame), "R"),
            "sentence_date": iso(frame["date"].to_numpy()),
            "order_type": frame["order_type"],
            "requirement": np.array(KINDS, dtype=object)[frame["kind"].to_numpy()],
            "offence_category": frame["offence"],
            "ogrs3_score": frame["ogrs3"],
            "rsr_score": frame["rsr"],
            "accommodation_status": frame["accommodation"],
            "sentence_length_days": frame["length"],
            "termination_date": _dates(frame["ended"].to_numpy()),
            "termination_reason": frame["reason"],
            "in_breach": frame["in_breach"],
            "region": places.region[people.home[person]],
            "ethnicity": frame["ethnicity"],
            "sex": np.where(frame["female"], "F", "M"),
            "age_at_sentence": frame["age"],
            "deceased_date": _dates(frame["deceased"].to_numpy()),
        }
    )
    names = identities.assign(entity_id=crn[identities["person"].to_numpy()]).drop(columns="person")
    names = names[["entity_id", *(name for name in names.columns if name != "entity_id")]]
    tables = {
        "moj/identities": _table(names, "entity_id", "kind"),
        "moj/events": _table(events, "entity_id", "sentence_date", "requirement_id"),
    }
    return Extract(tables, crn, events["requirement_id"].to_numpy())


def ohid_tables(
    rng: np.random.Generator,
    entities: pd.DataFrame,
    records: pd.DataFrame,
    episodes: pd.DataFrame,
    forms: pd.DataFrame,
    everyone: People,
    places: Places,
) -> Extract:
    """Identities, episodes and TOP forms of the entities that consent; the rest as ``withheld``."""
    ids = _ids(rng, len(entities), "C")
    consents = entities["consents"].to_numpy()
    names = records.assign(entity_id=ids)[list(TREATMENT_IDENTITIES)]
    events = _episode_rows(rng, entities, episodes, everyone, places, ids)
    details = _form_rows(forms, events)
    held = consents[episodes["entity"].to_numpy()]
    shared = held[forms["episode"].to_numpy()]
    order = ("entity_id", "triage_date", "episode_id")
    tables = {
        "ohid/identities": _table(names[consents], "entity_id"),
        "ohid/events": _table(events[held], *order),
        "ohid/details": _table(details[shared], "entity_id", "top_date", "episode_id", "stage"),
        "truth/withheld": _table(events[~held], *order),
    }
    return Extract(tables, ids, events["episode_id"].to_numpy())


def truth_tables(
    moj: Extract, ohid: Extract, true: pd.DataFrame, entities: pd.DataFrame, frame: pd.DataFrame
) -> dict[str, pa.Table]:
    """Nobody's tables: who is whom (``in_extract`` 0 without consent), and what truly happened."""
    person = frame["person"].to_numpy()
    mine = entities[entities["person"] < len(moj.ids)]
    pairs = pd.DataFrame(
        {
            "moj_entity_id": moj.ids[mine["person"].to_numpy()],
            "ohid_entity_id": ohid.ids[mine.index.to_numpy()],
            "in_extract": mine["consents"].astype(int).to_numpy(),
        }
    )
    what = pd.DataFrame(
        {
            "requirement_id": moj.row_ids,
            "entity_id": moj.ids[person],
            "requirement": np.array(KINDS, dtype=object)[frame["kind"].to_numpy()],
        }
    ).join(true)
    return {
        "truth/people": _table(pairs, "moj_entity_id", "ohid_entity_id"),
        "truth/engagement": _table(what, "requirement_id"),
    }


def _episode_rows(
    rng: np.random.Generator,
    entities: pd.DataFrame,
    episodes: pd.DataFrame,
    everyone: People,
    places: Places,
    ids: Objects,
) -> pd.DataFrame:
    entity = episodes["entity"].to_numpy()
    place = entities["place"].to_numpy()[entity]
    person = episodes["person"].to_numpy()
    start, end = episodes["start"].to_numpy(), episodes["end"].to_numpy()
    begun = start + rng.integers(0, 22, len(episodes))
    begun = np.where(end == OPEN, begun, np.minimum(begun, end))
    return pd.DataFrame(
        {
            "entity_id": ids[entity],
            "episode_id": _ids(rng, len(episodes), "E"),
            "agency": _agencies(rng, place, places),
            "region": places.region[place],
            "sex": np.where(everyone.female[person], "2", "1"),
            "age_at_triage": ages_at(everyone.born[person], start),
            "ethnicity": np.array(ETHNICITIES, dtype=object)[everyone.ethnicity[person]],
            "referral_source": episodes["referral"],
            "triage_date": iso(start),
            "discharge_date": _dates(end),
            "discharge_reason": _codes(episodes["code"].to_numpy()),
            "drug_1": _codes(episodes["drug_1"].to_numpy()),
            "drug_2": _codes(episodes["drug_2"].to_numpy()),
            "drug_3": _codes(episodes["drug_3"].to_numpy()),
            "modality": episodes["modality"],
            "modality_start": iso(begun),
            "modality_end": _dates(end),
        }
    )


def _form_rows(forms: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    row = forms["episode"].to_numpy()
    columns = {name: _days(forms[name].to_numpy()) for name in (*USES, "injecting_days")}
    return pd.DataFrame(
        {
            "entity_id": events["entity_id"].to_numpy()[row],
            "episode_id": events["episode_id"].to_numpy()[row],
            "top_date": iso(forms["date"].to_numpy()),
            "stage": forms["stage"],
            **columns,
        }
    )


def _agencies(rng: np.random.Generator, place: Int64s, places: Places) -> Objects:
    """An agency code per local authority, a few agencies each."""
    first = places.authority_range[place, 0]
    number = np.searchsorted(np.unique(places.authority_range[:, 0]), first)
    pick = rng.integers(0, AGENCIES, len(place))
    codes = np.array(
        [f"A{i:04d}" for i in range(AGENCIES * (int(number.max(initial=0)) + 1))], object
    )
    found: Objects = codes[number * AGENCIES + pick]
    return found


def _ids(rng: np.random.Generator, n: int, letter: str) -> Objects:
    """``n`` different ids in random order, so that a number tells nothing about a person."""
    numbers = rng.choice(10**8, size=n, replace=False)
    return np.array([f"{letter}{number:08d}" for number in numbers.tolist()], dtype=object)


def _dates(days: Int64s) -> Objects:
    """Days as text, empty where they are negative."""
    return np.where(days < 0, "", iso(np.maximum(days, 0)))


def _codes(codes: Int64s) -> Objects:
    """Codes as text, empty where they are 0."""
    return _looked_up(codes, codes == 0)


def _days(days: Int64s) -> Objects:
    return _looked_up(days, days < 0)


def _looked_up(numbers: Int64s, missing: Bools) -> Objects:
    unique, back = np.unique(numbers, return_inverse=True)
    found: Objects = np.where(missing, "", unique.astype(str).astype(object)[back])
    return found


def _table(frame: pd.DataFrame, *order: str) -> pa.Table:
    """An Arrow table in the order of its ids, which are random."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return table.sort_by([(name, "ascending") for name in order]).replace_schema_metadata(None)
