"""Submitting and withdrawing from files: an extract is a folder of tables with agreed names."""

from datetime import datetime
from pathlib import Path

from blindlink import frames
from blindlink.errors import InputError
from blindlink.files import check_apart
from blindlink.keys import LinkageKey, PartyKeys
from blindlink.messages.agreement.document import load_agreement
from blindlink.owner.encoding.batch import Tolerate
from blindlink.owner.risk import read_waiver
from blindlink.owner.risk.gate import gate
from blindlink.owner.submit import Submitted, submit
from blindlink.owner.tables.generalise import ENTITY
from blindlink.owner.withdraw import Withdrawn, withdraw
from blindlink.progress import Progress, silent

IDENTITIES = "identities"
ENDINGS = (".csv", ".csv.gz", ".parquet", ".arrow", ".feather")


def submit_folder(
    data: Path,
    agreement: Path,
    keys: PartyKeys,
    secret: Path,
    out: Path,
    *,
    row_map: Path | None = None,
    now: datetime,
    sequence: int = 1,
    tolerate: Tolerate | None = None,
    waiver: Path | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> Submitted:
    """Submit the extract in a folder: ``identities`` and one table for each of the agreement's.

    Each is a file of that name, such as identities.csv or events.parquet. The disclosure-risk
    report goes beside ``out`` and stops everything where it is red and ``waiver`` (a file that says
    who accepts that) does not cover it. Raises like ``submit``.
    """
    accepted = read_waiver(waiver) if waiver else None
    signed = load_agreement(agreement, now=now)
    party = signed.agreement.member(keys.public, "owner")
    identities = _file(data, IDENTITIES)
    files = {name: _file(data, name) for name in signed.agreement.payload[party.name]}
    for path in (out, row_map or out):
        check_apart(path, [identities, *files.values()])
    return submit(
        frames.read_table(identities),
        {name: frames.read_table(path) for name, path in files.items()},
        signed,
        keys,
        LinkageKey.load(secret),
        out,
        row_map=row_map,
        now=now,
        sequence=sequence,
        assess=gate(out, waiver=accepted, now=now, force=force, progress=progress),
        tolerate=tolerate,
        force=force,
        progress=progress,
    )


def withdraw_file(
    people: Path,
    row_map: Path,
    agreement: Path,
    keys: PartyKeys,
    out: Path,
    *,
    now: datetime,
    force: bool = False,
) -> Withdrawn:
    """Withdraw the people in a table with the column entity_id. Raises like ``withdraw``."""
    signed = load_agreement(agreement, now=now)
    table = frames.read_table(people)
    if ENTITY not in table.column_names:
        raise InputError(f"{people}: column {ENTITY} is missing")
    ids = frames.texts(table, ENTITY)
    return withdraw(ids, row_map, signed, keys, out, now=now, force=force)


def _file(data: Path, name: str) -> Path:
    found = [path for path in (data / f"{name}{ending}" for ending in ENDINGS) if path.exists()]
    if len(found) != 1:
        what = "several files hold" if found else "no file holds"
        raise InputError(
            f"{data}: {what} the table {name}", hint=f"put one file there, such as {name}.csv"
        )
    return found[0]
