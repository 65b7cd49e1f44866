"""Any system whose layout says by itself what its tables are made of: no code for it."""

import pandas as pd

from blindlink.owner.tables import raw_rows as rows
from blindlink.owner.tables.findings import Findings
from blindlink.owner.tables.layouts import Layout

Frames = dict[str, pd.DataFrame]


def tables(layout: Layout, raw: Frames, findings: Findings) -> Frames:
    """The tables of the layout; events of somebody without identity row cannot be linked."""
    made = layout.tables or {}
    found = {name: rows.with_person(frame, name, findings) for name, frame in raw.items()}
    people = made["identities"].file
    found[people] = rows.once(found[people], people, findings)
    known = found[people][rows.PERSON]
    result = {}
    for name, table in made.items():
        frame = found[table.file]
        if table.file != people:
            rows.unknown(frame, table.file, known, findings, "kept, cannot be linked")
        others = {column: to for column, to in table.columns.items() if to != "entity_id"}
        columns = {rows.PERSON: "entity_id", **others}
        result[name] = frame[list(columns)].rename(columns=columns)
    new = pd.concat([each["entity_id"] for name, each in result.items() if name != "identities"])
    new = new[~new.isin(known)].drop_duplicates()
    identities = result["identities"]
    blank = pd.DataFrame("", index=range(len(new)), columns=identities.columns)
    blank["entity_id"] = new.to_numpy()
    result["identities"] = pd.concat([identities, blank], ignore_index=True)
    return result
