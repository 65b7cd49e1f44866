"""Planted words never turn up where they do not belong: files, logs, messages, temporary files.

Each party has a folder with what it made and what it was sent. A canary is searched for in the raw
bytes of every file there, in everything that the party can decrypt, and in every table.
"""

import logging
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from blindlink.errors import BlindlinkError
from blindlink.keys.files import encode
from blindlink.messages.container import reader as container
from blindlink.messages.encodings import Encodings
from blindlink.schema.document import LinkageSchema
from worlds.flow import NOW, SECRET, World, keys

IDENTIFIER = "QXJVCANARY"  # a place that only one person has
OWN_ID = "X-CANARY-7"
DROPPED = "JUDGE-CANARY"
ALLOWED = "AGENCY-CANARY"  # payload of an unmatched person: never beyond policy 'candidates'
MATCHED = "AGENCY-WANTED"  # payload of a matched person
SECRETS = {
    "secret": SECRET.secret,
    "secret in base64": encode(SECRET.secret).encode(),
    "secret in hex": SECRET.secret.hex().encode(),
}
WORDS = {word: word.encode() for word in (IDENTIFIER, OWN_ID, DROPPED, ALLOWED, MATCHED)} | SECRETS


def planted(world: World) -> None:
    """Canaries in identities, entity ids and payload of both owners."""
    moj, ohid = world.tables["moj"], world.tables["ohid"]
    for tables, name in ((moj, "moj"), (ohid, "ohid")):
        identities = tables["identities"].to_pydict()
        identities["postcode_outward"][5] = IDENTIFIER
        tables["identities"] = pa.table(identities)
        for table in ("identities", "events", *(["details"] if name == "ohid" else [])):
            columns = tables[table].to_pydict()
            columns["entity_id"] = [
                OWN_ID if e == f"{name}-secret-5" else e for e in columns["entity_id"]
            ]
            tables[table] = pa.table(columns)
    columns = moj["events"].to_pydict()
    columns["name_of_judge"] = [DROPPED] * len(columns["name_of_judge"])
    columns["requirement_id"] = [f"{OWN_ID}-{n}" for n in range(len(columns["requirement_id"]))]
    moj["events"] = pa.table(columns)
    columns = ohid["events"].to_pydict()
    matched = {f"ohid-secret-{n}" for n in range(30)} | {OWN_ID}
    columns["agency"] = [MATCHED if e in matched else ALLOWED for e in columns["entity_id"]]
    columns["episode_id"] = [f"{OWN_ID}-{n}" for n in range(len(columns["episode_id"]))]
    ohid["events"] = pa.table(columns)


KEPT: list[bytes] = []
TEMPORARY_FILE = tempfile.TemporaryFile


def kept_file(*arguments: Any, **options: Any) -> Any:
    """A temporary file whose content outlives it."""
    file: Any = TEMPORARY_FILE(*arguments, **options)
    close = file.close

    def closing() -> None:
        if not file.closed:
            file.seek(0)
            KEPT.append(file.read())
        close()

    file.close = closing
    return file


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Everything played with canaries in it; log and temporary files kept."""
    folder = tmp_path_factory.mktemp("canaries")
    world = World(folder, controls=5, terms={"minimum_overlap": 1})
    planted(world)
    records: list[str] = []
    handler = logging.Handler(0)
    handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(0)
    KEPT.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "TemporaryFile", kept_file)
        world.played()
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    (folder / "log.txt").write_text("\n".join(records))
    return world


def contents(world: World, party: str) -> dict[str, bytes]:
    """What a party has after the study: its files, and what its keys open in them."""
    sent = {
        "ttp": ["moj.submission", "ohid.submission", "study.release", "project"],
        "analyst": ["study.release", "cohort"],
        "moj": ["project/receipts"],
        "outsider": ["moj.submission", "ohid.submission", "study.release"],
    }
    found = {}
    for name in sent[party]:
        path = world.folder / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                found[str(file.relative_to(world.folder))] = file.read_bytes()
                if party in ("ttp", "analyst") and file.suffix in (".submission", ".release"):
                    found |= decrypted(file, party)
                if file.suffix == ".parquet":
                    found[f"{file.name} cells"] = cells(file)
    return found


def decrypted(file: Path, party: str) -> dict[str, bytes]:
    """Every section of a container that a party's keys open."""
    found = {}
    with container.opened(file, file.suffix[1:]) as sealed:
        bundle = container.Verified(sealed)
        for section in sealed.manifest.sections:
            try:
                bundle.key(section.name, keys(party))
            except BlindlinkError:
                continue
            found[f"{file.name}/{section.name}"] = bundle.open(section.name, keys(party)).read()
    return found


def cells(file: Path) -> bytes:
    table = pa.parquet.read_table(file)
    return "\n".join(str(v) for c in table.columns for v in c.to_pylist()).encode()


def seen(found: dict[str, bytes]) -> set[str]:
    return {word for word, data in WORDS.items() for each in found.values() if data in each}


def test_the_linker_sees_none(world: World) -> None:
    assert seen(contents(world, "ttp")) == set()


def test_the_linker_opens_encodings_and_nothing_else(world: World) -> None:
    opened = decrypted(world.folder / "moj.submission", "ttp")
    assert set(opened) == {"moj.submission/encodings"}
    assert decrypted(world.folder / "study.release", "ttp") == {}


def test_the_analyst_sees_payload_of_candidates_and_nothing_else(world: World) -> None:
    assert seen(contents(world, "analyst")) == {MATCHED}


def test_owners_and_outsiders_see_none(world: World) -> None:
    assert seen(contents(world, "moj")) == set()
    assert seen(contents(world, "outsider")) == set()


def test_temporary_files_hold_none(world: World) -> None:
    """Containers in the making hold ciphertext, the owner's spool encodings."""
    assert len(KEPT) >= 9
    assert any(KEPT)
    assert seen({str(number): data for number, data in enumerate(KEPT)}) == set()


@pytest.mark.needs("proc")
def test_the_encodings_spool_is_nobody_elses(tmp_path: Path) -> None:
    """It has no name while it is written, and its descriptor opens for its owner only."""
    modes: dict[int, Any] = {}
    named: list[Any] = []

    def look(table: pa.Table, encodings: Encodings, schema: LinkageSchema) -> str:
        for link in Path("/proc/self/fd").iterdir():
            target = str(link.readlink()) if link.is_symlink() else ""
            if str(tmp_path) in target and target.endswith("(deleted)"):
                modes[link.stat().st_ino] = link.stat().st_mode & 0o777
        named.extend(tmp_path.iterdir())
        return "ab" * 32

    World(tmp_path).submit("moj", assess=look)
    assert list(modes.values()) == [0o600] * 3  # a filter and two match keys
    assert named == []


def test_logs_hold_none(world: World) -> None:
    assert seen({"log": (world.folder / "log.txt").read_bytes()}) == set()


def test_a_canary_would_be_found(world: World) -> None:
    """The search itself works: the owner's own row map has the ids, the cohort the agencies."""
    with container.opened(world.folder / "moj.submission.rows", "row-map") as sealed:
        digest = world.agreement.digest()
        bundle = sealed.verify(keys("moj").public, agreement=digest, now=NOW)
        assert seen({"rows": bundle.open("rows", keys("moj")).read()}) == {OWN_ID}
    assert MATCHED.encode() in cells(world.folder / "cohort" / "ohid.events.parquet")


FAULTS: dict[str, tuple[str, str, Any]] = {
    "bad date": ("identities", "date_of_birth", f"31 {IDENTIFIER}"),
    "stranger": ("events", "entity_id", OWN_ID),
    "bad band": ("events", "age", f"{ALLOWED}"),
    "long": ("events", "sentence_date", ALLOWED * 300),
    "zero": ("events", "sentence_date", ALLOWED + "\0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_messages_hold_none(fault: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    table, column, value = FAULTS[fault]
    world = World(tmp_path)
    columns = world.tables["moj"][table].to_pydict()
    columns[column][3] = value
    with pytest.raises(BlindlinkError) as caught:
        world.submit("moj", tables={table: pa.table(columns)})
    said = [caught.value.message, caught.value.hint, repr(caught.value), *capfd.readouterr()]
    cause: BaseException | None = caught.value
    while cause is not None:
        said.append(str(cause))
        cause = None if cause.__suppress_context__ else cause.__context__
    assert seen({"said": "\n".join(said).encode()}) == set()
