"""Key files, agreement and extracts of a study that is in force today, for the command line."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from blindlink import frames
from blindlink.cli import run
from blindlink.keys import party as party_keys
from blindlink.messages.fields import stamp
from blindlink.owner.encoding.encode import encode
from blindlink.owner.risk import assess
from blindlink.schema.profiles.making import new_schema
from worlds.flow import SECRET, World, keys, tables

PASSPHRASE = "four unrelated random words"
STRETCHED = cache(party_keys._stretch)  # Argon2id is paid once for each key file


def current_terms() -> dict[str, str]:
    """The dates of an agreement that is in force today."""
    now = datetime.now(UTC)
    return {
        "created": stamp(now - timedelta(days=1)),
        "expires": stamp(now + timedelta(days=1)),
        "destroy_by": stamp(now + timedelta(days=2)),
    }


def prepare(folder: Path, **world: Any) -> World:
    """Everything that the parties have before the first submission, in one folder."""
    made = World(folder, terms=current_terms(), signed_at=datetime.now(UTC), **world)
    made.agreement.save(folder / "study.agreement")
    SECRET.save(folder / "linkage.key")
    (folder / "words").write_text(PASSPHRASE + "\n")
    (folder / "words").chmod(0o600)
    for name in (*made.owners, "ttp", "analyst"):
        keys(name).save(folder / f"{name}.key", PASSPHRASE.encode())
        keys(name).public.save(folder / f"{name}.public")
    for name in made.owners:
        (folder / name).mkdir()
        for table, rows in made.tables[name].items():
            ending = "parquet" if table == "details" else "csv"
            frames.write_table(rows, folder / name / f"{table}.{ending}")
    return made


@cache
def families() -> tuple[str, ...]:
    """Every family of metrics of the risk report."""
    people = tables("moj", 60)["identities"].drop_columns(["entity_id"])
    schema = new_schema("weak", [people.column_names])[0]
    found = assess(people, encode(people, schema, SECRET), schema, graph_rows=50)
    return tuple(sorted({metric.family for metric in found.metrics}))


def write_waiver(path: Path, world: World) -> None:
    """Somebody accepts whatever the risk report says of sixty invented people."""
    waiver = {
        "format": "blindlink-risk-waiver-v1",
        "accepted_by": "Nobody",
        "role": "A test",
        "date": "2026-01-01",
        "reason": "These people are invented.",
        "schema": world.agreement.agreement.schema_fingerprint(),
        "metrics": families(),
    }
    path.write_text(json.dumps(waiver))


def party(name: str) -> list[str]:
    """The options that say who acts."""
    return [
        "--agreement", "study.agreement", "--keys", f"{name}.key", "--passphrase-file", "words",
    ]  # fmt: skip


def submit(name: str, *more: str) -> int:
    """``owner submit`` of an owner's folder into NAME.submission."""
    out = ["--secret-file", "linkage.key", "--out", f"{name}.submission"]
    return run(["owner", "submit", name, *party(name), *out, *more])


def receive(file: str, *more: str) -> int:
    """``linker receive``; a withdrawal with the submission of its owner."""
    if file.endswith(".withdrawal"):
        more = ("--submission", file.replace(".withdrawal", ".submission"), *more)
    return run(["linker", "receive", file, *party("ttp"), "--project", "project", *more])


def head(file: str) -> int:
    """``linker head``."""
    return run(["linker", "head", "project", *party("ttp"), "--out", file])


def link(*files: str) -> int:
    """``linker link``; files and further options."""
    out = ["--project", "project", "--out", "study.release"]
    return run(["linker", "link", *files, *party("ttp"), *out])
