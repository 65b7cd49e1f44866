"""A large submission by the real commands: written by its owner, verified by the linker.

    python benchmarks/submission.py [ROWS]

Invented people with the identifiers of the profile ``weak`` (one filter of 8,192 bits, two match
keys), one event for each, 1 % control records. Each step is a process of its own; printed are its
wall and processor seconds and the most memory that it held. At the end AES-256-GCM alone encrypts
as many bytes as the submission has, in chunks of 64 KiB, for comparison.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from blindlink import frames
from blindlink.keys import LinkageKey, PartyKeys
from blindlink.messages.agreement.document import (
    Agreement,
    Limits,
    SignedAgreement,
    read_agreement,
    sign,
)
from blindlink.messages.container.stream import CHUNK
from blindlink.messages.fields import stamp
from blindlink.messages.plan import Plan
from blindlink.owner.encoding.encode import encode
from blindlink.owner.risk import assess
from blindlink.schema.document import parse_schema
from blindlink.schema.profiles.making import new_schema

ROLES = {"moj": "owner", "ohid": "owner", "ttp": "linker", "lab": "analyst"}
PASSPHRASE = "only for the benchmark"
READ_ALL = """
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from blindlink.messages.agreement.document import load_agreement
from blindlink.keys import PartyKeys
from blindlink.linker.protocol.intake import take
now = datetime.now(UTC)
signed = load_agreement(Path("study.agreement"), now=now)
keys = PartyKeys.load(Path("ttp.key"), sys.argv[1].encode())
with ExitStack() as stack:
    take(stack, Path("moj.submission"), signed, keys, now=now)
"""


def extract(rows: int, folder: Path) -> None:
    """Identities and events of ``rows`` invented people, as Parquet."""
    rng = np.random.default_rng(1)
    letters = np.array(list("ABCDEFGHIJKLMNOPRSTUVWY"))
    area = rng.integers(0, 2500, rows)
    ids = pa.array([f"P{number:08}" for number in range(rows)])
    born = (np.datetime64("1950-01-01") + rng.integers(0, 20_000, rows)).astype(str)
    identities = pa.table(
        {
            "entity_id": ids,
            "first_initial": rng.choice(letters, rows),
            "last_initial": rng.choice(letters, rows),
            "date_of_birth": born,
            "sex": rng.choice(["1", "2"], rows),
            "postcode_outward": [f"{letters[a % 23]}{letters[a // 23 % 23]}{a % 30}" for a in area],
            "region": np.array(["North", "East", "South", "West", "Wales"])[area % 5],
        }
    )
    events = pa.table(
        {
            "entity_id": ids.take(pa.array(rng.integers(0, rows, rows))),
            "requirement": rng.choice(["ATR", "DRR", "MHTR"], rows),
            "sentence_date": (np.datetime64("2018-01-01") + rng.integers(0, 2000, rows)).astype(
                str
            ),
        }
    )
    (folder / "moj").mkdir()
    frames.write_table(identities, folder / "moj" / "identities.parquet")
    frames.write_table(events, folder / "moj" / "events.parquet")


def agreed(folder: Path) -> None:
    """Keys, secret and an agreement that is in force."""
    now = datetime.now(UTC)
    keys: dict[str, Any] = {n: PartyKeys.generate(n, r, organisation=n) for n, r in ROLES.items()}  # type: ignore[arg-type]
    secret = LinkageKey.generate()
    secret.save(folder / "linkage.key")
    columns = frames.column_names(folder / "moj" / "identities.parquet")
    terms = Agreement(
        project="benchmark",
        purpose="A benchmark.",
        legal_basis="Invented data.",
        created=stamp(now),
        expires=stamp(now + timedelta(days=1)),
        destroy_by=stamp(now + timedelta(days=2)),
        parties=tuple(each.public for each in keys.values()),
        schema_document=new_schema("weak", [columns, columns])[0].document,
        key_check=secret.check_value(),
        plan=Plan(fallback_threshold="0.8"),
        release_policy={"moj": "all", "ohid": "candidates"},
        payload={
            "moj": {"events": {"requirement": "keep", "sentence_date": "month"}},
            "ohid": {},
        },
        controls={"moj": "0.01", "ohid": 0},
        limits=Limits(rows=10**8, bytes=10**12, submissions=1),
        minimum_rows=1,
        minimum_overlap=1,
        disclosure_policy={},
    )
    signed = SignedAgreement.unsigned(terms)
    for each in keys.values():
        signed = sign(signed, each, now=now)
    signed.save(folder / "study.agreement")
    for name in ("moj", "ttp"):
        keys[name].save(folder / f"{name}.key", PASSPHRASE.encode())
    (folder / "words").write_text(PASSPHRASE + "\n")
    (folder / "words").chmod(0o600)


def waiver(folder: Path) -> None:
    """Accepts whatever the risk report says of these invented people."""
    rows = frames.read_table(folder / "moj" / "identities.parquet").slice(0, 1000)
    schema = parse_schema(read_agreement(folder / "study.agreement").agreement.schema_document)
    people = rows.drop_columns(["entity_id"])
    encoded = encode(people, schema, LinkageKey.load(folder / "linkage.key"))
    families = {metric.family for metric in assess(people, encoded, schema, graph_rows=100).metrics}
    lines = {
        "format": "blindlink-risk-waiver-v1",
        "accepted_by": "Nobody",
        "role": "A benchmark",
        "date": datetime.now(UTC).date().isoformat(),
        "reason": "These people are invented.",
        "schema": schema.fingerprint(),
        "metrics": sorted(families),
    }
    (folder / "waiver.json").write_text(json.dumps(lines))


def step(what: str, folder: Path, *command: str) -> float:
    """Run a command in a process of its own, and print what it took; its processor seconds."""
    start, most, with_workers = time.monotonic(), 0, 0
    child = subprocess.Popen([sys.executable, *command], cwd=folder, stdout=subprocess.DEVNULL)
    while not (done := os.wait4(child.pid, os.WNOHANG))[0]:
        most = max(most, memory(child.pid, "VmHWM"))
        held = (memory(pid, "VmRSS") for pid in [child.pid, *children(child.pid)])
        with_workers = max(with_workers, sum(held))
        time.sleep(0.05)
    if done[1]:
        raise SystemExit(f"{what}: failed")
    spent, wall = done[2].ru_utime + done[2].ru_stime, time.monotonic() - start
    print(
        f"{what:16} {wall:6.1f} s wall {spent:6.1f} s processor {most:6.0f} MiB,"
        f" {with_workers:.0f} with its workers",
        flush=True,
    )
    return spent


def memory(process: int, field: str) -> float:
    """MiB that a process holds (VmRSS) or held at most (VmHWM); not ``ru_maxrss``, which begins
    with the size of the process that started it."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = status.partition(f"{field}:")[2].split()
    return int(found[0]) / 1024 if found else 0


def children(process: int) -> list[int]:
    """The processes that a process started."""
    try:
        return [
            int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()
        ]
    except OSError:
        return []


def plain_aes(size: int) -> float:
    """Processor seconds to encrypt ``size`` bytes and do nothing else."""
    cipher, chunk, start = AESGCM(bytes(32)), bytes(CHUNK), time.process_time()
    for number in range(-(-size // CHUNK)):
        cipher.encrypt(number.to_bytes(12, "big"), chunk, b"aad")
    return time.process_time() - start


def main() -> None:
    """Make, submit, receive, read, compare."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    party = ("--agreement", "study.agreement", "--passphrase-file", "words")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        extract(rows, folder)
        agreed(folder)
        waiver(folder)
        out = ("--secret-file", "linkage.key", "--out", "moj.submission")
        risk = ("--risk-waiver", "waiver.json")
        blindlink = ("-m", "blindlink")
        wrote = step(
            "owner submit", folder, *blindlink, "owner", "submit", "moj", *party,
            "--keys", "moj.key", *out, *risk,
        )  # fmt: skip
        step(
            "linker receive", folder, *blindlink, "linker", "receive", "moj.submission", *party,
            "--keys", "ttp.key", "--project", "project",
        )  # fmt: skip
        step("intake of a run", folder, "-c", READ_ALL, PASSPHRASE)
        size = (folder / "moj.submission").stat().st_size
    alone = plain_aes(size)
    print(f"{size / 2**20:,.0f} MiB; AES-256-GCM alone {alone:.2f} s; submit {wrote / alone:.0f} x")


if __name__ == "__main__":
    main()
