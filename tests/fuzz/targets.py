"""What is read behind a signature, each with a sound seed: the sender signs what it likes.

A ``document`` is JSON whose parts are edited, ``data`` the plain bytes of a section. ``run`` signs
and seals the changed thing as its real sender would, and lets the real reader read it.
"""

import io
import json
import struct
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from blindlink.analyst.cohort.checks import check_columns
from blindlink.analyst.cohort.folder import build_cohort
from blindlink.analyst.cohort.opening import open_release
from blindlink.analyst.disclosure.policy import parse_policy
from blindlink.api.feasible import check_everywhere
from blindlink.cli.text.agreement import text_of
from blindlink.keys import PartyKeys, PartyPublic
from blindlink.linker.protocol.intake import take, take_withdrawal, without
from blindlink.messages import canonical
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import load_agreement
from blindlink.messages.agreement.governance import overview
from blindlink.messages.agreement.notice import load_notice, make_notice
from blindlink.messages.agreement.secret import open_secret
from blindlink.messages.audit import withdrawal_receipt
from blindlink.messages.audit.history import replay
from blindlink.messages.audit.kept import head_in, verify_kept
from blindlink.messages.audit.log import AuditLog
from blindlink.messages.audit.receipt import load_receipt
from blindlink.messages.audit.withdrawal_receipt import Facts
from blindlink.messages.container import reader as container
from blindlink.messages.encodings import Encodings, read_encodings, write_encodings
from blindlink.messages.inspecting import describe
from blindlink.messages.submission import payload
from blindlink.messages.submission.content import read_layout
from blindlink.owner.withdraw import open_row_map
from blindlink.schema.document import load_schema
from blindlink.schema.meaning import filter_shapes
from conformance.primitives import expand
from vectors import vectors_release, vectors_submission
from vectors.world import (
    BASE,
    FOLDER,
    NOW,
    Rebuild,
    agreement,
    keys,
    plain_sections,
    resigned,
    split,
)

SIGNED = agreement()
LINE = b"\n"


@dataclass(frozen=True)
class Target:
    """``seed``: the sound document or bytes; ``run(value, folder)`` reads a changed one."""

    name: str
    seed: Callable[[], Any]
    run: Callable[[Any, Path], Any]
    fractions: bool = False


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


# ------------------------------------------------------------------------- what is one document


def signed_document(value: Any, signer: PartyKeys, fallback: str) -> bytes:
    """A small signed document as its signer would write it, whatever stands in it."""
    named = value.get("format") if isinstance(value, dict) else None
    domain = named if isinstance(named, str) and named.isascii() else fallback
    data = canonical.dumps(value)
    signatures = signer.sign(data, domain=domain).model_dump()
    return canonical.dumps({"document": value, "signatures": signatures}) + LINE


def document_in(path: Path) -> Any:
    return json.loads(path.read_bytes())["document"]


def read_terms(value: Any, folder: Path) -> None:
    data = canonical.dumps(value)
    names = [each.name for each in SIGNED.agreement.parties]
    given = {
        name: keys(name).sign(data, domain=SIGNED.agreement.format).model_dump() for name in names
    }
    file = canonical.dumps({"agreement": value, "signatures": given})
    signed = load_agreement(written(folder, "a.agreement", file + LINE), now=NOW)
    check_everywhere(signed.agreement)
    text_of(overview(signed, NOW))


def read_receipt(value: Any, folder: Path) -> None:
    path = written(folder, "a.receipt", signed_document(value, keys("ttp"), "blindlink-receipt-v1"))
    load_receipt(path, keys("ttp").public, None)
    verify_kept(None, BASE / "ttp.public", [], [path], now=NOW)
    describe(path)


def withdrawal_receipt_seed() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        log = AuditLog.create(Path(folder) / "log", "0f" * 16)
        for number in range(5):
            details = {"owner": "moj", "withdrawal": f"{number:064x}"}
            log.append(withdrawal_receipt.ACCEPTED, details, now=NOW)
        facts = Facts(SIGNED.digest(), "ab" * 32, f"{3:064x}", "", 3, NOW)
        made = withdrawal_receipt.make(log, 3, keys("ttp"), facts, now=NOW)
    return json.loads(made.to_bytes())["document"]


def read_withdrawal_receipt(value: Any, folder: Path) -> None:
    data = signed_document(value, keys("ttp"), "blindlink-withdrawal-receipt-v1")
    path = written(folder, "a.receipt", data)
    describe(path)
    withdrawal_receipt.load(path, keys("ttp").public, None)


def read_secret(value: Any, folder: Path) -> None:
    data = signed_document(value, keys("moj"), "blindlink-secret-v1")
    path = written(folder, "a.secret", data)
    describe(path)
    open_secret(path, Acting(SIGNED, keys("ohid"), NOW))


def read_notice(value: Any, folder: Path) -> None:
    data = signed_document(value, keys("moj"), "blindlink-notice-v1")
    path = written(folder, "a.notice", data)
    describe(path)
    load_notice(path, SIGNED, now=NOW)


def read_head(value: Any, folder: Path) -> None:
    path = written(folder, "a.head", signed_document(value, keys("ttp"), "blindlink-audit-head-v1"))
    head_in(path)
    verify_kept(FOLDER / "audit" / "of-9.log", BASE / "ttp.public", [path], now=NOW)


def read_proof(value: Any, folder: Path) -> None:
    path = written(folder, "a.proof", canonical.dumps(value) + LINE)
    known = value.get("format") if isinstance(value, dict) else ""
    consistency = isinstance(known, str) and "consistency" in known
    heads = [FOLDER / "audit" / "at-5.head"] if consistency else []
    verify_kept(None, BASE / "ttp.public", heads, (), [path], now=NOW)


def log_entries() -> Any:
    log = AuditLog.load(FOLDER / "audit" / "of-9.log")
    told = vectors_release.log_told().splitlines()
    return [json.loads(entry) for entry in told] or [e.model_dump() for e in log.entries]


def read_log(value: Any, folder: Path) -> None:
    lines = [canonical.dumps(entry) for entry in value] if isinstance(value, list) else []
    first = b"blindlink-audit-log-v1 " + b"0f" * 16
    log = AuditLog.load(written(folder, "a.log", LINE.join([first, *lines, b""])))
    replay(log.entries, "log")


def read_schema(value: Any, folder: Path) -> None:
    path = written(folder, "schema.json", json.dumps(value).encode("utf-8", "surrogatepass"))
    schema = load_schema(path)
    schema.fingerprint()
    filter_shapes(schema.model)
    describe(path)


def read_party(value: Any, folder: Path) -> None:
    path = written(folder, "a.public", canonical.dumps(value) + LINE)
    PartyPublic.load(path).fingerprint()
    describe(path)


# ---------------------------------------------------------------------------------- containers


def read_submission(path: Path) -> None:
    with ExitStack() as stack:
        take(stack, path, Acting(SIGNED, keys("ttp"), NOW))


def read_release(path: Path) -> None:
    open_release(path, Acting(SIGNED, keys("lab"), NOW))


def read_reports(path: Path) -> None:
    """To the end: the analyst's pages are drawn from them."""
    build_cohort(path, Acting(SIGNED, keys("lab"), NOW), path.with_name("cohort"), force=True)


def read_withdrawal(path: Path) -> None:
    with ExitStack() as stack:
        taken = take(stack, BASE / "moj.submission", Acting(SIGNED, keys("ttp"), NOW))
        without(taken, [take_withdrawal(path, Acting(SIGNED, keys("ttp"), NOW))])


def read_row_map(path: Path) -> None:
    open_row_map(path, Acting(SIGNED, keys("moj"), NOW))


CONTAINERS: dict[str, tuple[Path, str, dict[str, PartyKeys], Callable[[Path], None]]] = {
    "submission": (BASE / "moj.submission", "moj", vectors_submission.READERS, read_submission),
    "release": (BASE / "study.release", "ttp", vectors_release.READERS, read_release),
    "row-map": (
        FOLDER / "row-map" / "valid.row-map",
        *("moj", {n: keys("moj") for n in ("rows", "controls")}, read_row_map),
    ),
    "withdrawal": (
        FOLDER / "withdrawal" / "valid.withdrawal",
        *("moj", {"rows": keys("ttp"), "entities": keys("lab")}, read_withdrawal),
    ),
}
JSON_SECTIONS = {("release", "index"), ("release", "reports"), ("row-map", "controls")}
SECTIONS = [
    (kind, name)
    for kind, (_, _, readers, _) in CONTAINERS.items()
    for name in readers
    if (kind, name) not in {("submission", "layout"), ("submission", "controls")}  # see below
]


def manifest(kind: str) -> Target:
    """The manifest of a container, signed again."""
    path, sender, _, read = CONTAINERS[kind]

    def run(value: Any, folder: Path) -> None:
        def replaced(document: Any) -> None:
            document.clear()
            document.update(value)

        data = resigned(path.read_bytes(), replaced, keys(sender), kind)
        file = written(folder, f"a.{kind}", data)
        describe(file)
        read(file)

    return Target(f"{kind}-manifest", lambda: json.loads(split(path.read_bytes())[1]), run)


@cache
def plain(kind: str, name: str) -> bytes:
    path, _, readers, _ = CONTAINERS[kind]
    return plain_sections(path, kind, readers)[name]


def section(kind: str, name: str) -> Target:
    """A section of a container, sealed again."""
    path, sender, readers, read = CONTAINERS[kind]
    read = read_reports if name == "reports" else read
    as_json = (kind, name) in JSON_SECTIONS

    def run(value: Any, folder: Path) -> None:
        if not as_json:
            data = value
        elif name == "reports":
            data = json.dumps(value).encode()
        else:
            data = canonical.dumps(value)
        rebuild = Rebuild(path, kind, keys(sender), readers)
        file = folder / f"a.{kind}"
        file.write_bytes(rebuild(folder / "rebuilt", {name: lambda _: data}))
        read(file)

    def seed() -> Any:
        return json.loads(plain(kind, name)) if as_json else plain(kind, name)

    return Target(f"{kind}-{name}", seed, run, fractions=name == "reports")


# ------------------------------------------------------ what an owner sealed to the analyst alone


def layout(value: Any, _: Path) -> None:
    found = read_layout(canonical.dumps(value), "a")
    check_columns(found, SIGNED.agreement, "moj", "a")


@cache
def blob_size() -> int:
    return int(json.loads(split((BASE / "moj.submission").read_bytes())[1])["content"]["blob_size"])


def blob_key(key: bytes, name: bytes) -> bytes:
    """The key of a blob, by the words of the specification."""
    return expand(key, name + name + b"blindlink-payload-blob-v1" + struct.pack(">II", 0, 1), 32)


def entities_seed() -> bytes:
    """The plain bytes of some entities, one blob each."""
    size, records = blob_size() + 32, plain("submission", "payload")
    with container.opened(BASE / "moj.submission", "submission") as sealed:
        key = sealed.manifest.unwrap("payload", keys("lab"))
    found = []
    for at in range(0, 6 * size, size):
        name, sealed_blob = records[at : at + 16], records[at + 16 : at + size]
        found.append(AESGCM(blob_key(key, name)).decrypt(bytes(12), sealed_blob, None))
    return b"".join(found)


def read_blobs(value: bytes, _: Path) -> None:
    size, key, records = blob_size(), bytes(32), []
    starts = range(0, max(len(value), 1), size)
    for at in starts:
        name, text = at.to_bytes(16, "big"), value[at : at + size].ljust(size, b"\0")
        records.append(name + AESGCM(blob_key(key, name)).encrypt(bytes(12), text, None))
    tables = read_layout(plain("submission", "layout"), "a").tables
    source = io.BytesIO(b"".join(records))
    payload.unseal(source, np.ones(len(starts), np.int64), size, key, tables)


# ------------------------------------------------------------------------ without a signature


@cache
def encodings_seed() -> bytes:
    """A small file of encodings with a schema, as ``clk encode`` writes it."""
    made = Encodings(
        filters=(np.random.default_rng(1).integers(0, 256, (3, 128), np.uint8),),
        bits=(1024,),
        row=np.arange(3, dtype=np.int64),
        entity=None,
        match_keys=(),
        schema_fingerprint="00" * 32,
        key_check=None,
        encoder="fuzz",
    )
    with tempfile.TemporaryDirectory() as folder:
        write_encodings(made, Path(folder) / "a.parquet")
        return (Path(folder) / "a.parquet").read_bytes()


def read_parquet(value: bytes, folder: Path) -> None:
    path = written(folder, "a.parquet", value)
    describe(path)
    read_encodings(path)


def inspect(value: bytes, folder: Path) -> None:
    describe(written(folder, "a.file", value))


def notice_seed() -> Any:
    made = make_notice(SIGNED, keys("moj"), "revoked", "Not any more", now=NOW)
    return json.loads(made.to_bytes())["document"]


def disclosure_policy(value: Any, _: Path) -> None:
    parse_policy(value)


TARGETS = {
    target.name: target
    for target in (
        Target("agreement", lambda: SIGNED.agreement.document(), read_terms),
        Target("receipt", lambda: document_in(FOLDER / "receipt/valid.receipt"), read_receipt),
        Target("withdrawal-receipt", withdrawal_receipt_seed, read_withdrawal_receipt),
        Target("secret", lambda: document_in(FOLDER / "secret/valid.secret"), read_secret),
        Target("notice", notice_seed, read_notice),
        Target("head", lambda: document_in(FOLDER / "audit/at-5.head"), read_head),
        Target(
            "consistency",
            lambda: json.loads((FOLDER / "audit/from-5-to-9.consistency").read_bytes()),
            read_proof,
        ),
        Target(
            "inclusion",
            lambda: json.loads((FOLDER / "audit/3-of-9.inclusion").read_bytes()),
            read_proof,
        ),
        Target("log", log_entries, read_log),
        Target("schema", lambda: SIGNED.agreement.schema_document, read_schema, fractions=True),
        Target("party", lambda: keys("moj").public.model_dump(), read_party),
        Target(
            "disclosure-policy",
            lambda: SIGNED.agreement.disclosure_policy,
            disclosure_policy,
            fractions=True,
        ),
        *(manifest(kind) for kind in CONTAINERS),
        *(section(*each) for each in SECTIONS),
        Target("layout", lambda: json.loads(plain("submission", "layout")), layout),
        Target("blobs", entities_seed, read_blobs),
        Target("encodings", encodings_seed, read_parquet),
        Target("inspect", lambda: (BASE / "moj.submission").read_bytes()[:6000], inspect),
    )
}
