"""``owner submit | withdraw`` and ``linker link | destroy``, as people type them."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pyarrow as pa
import pytest

from blindlink import frames
from blindlink.cli import run
from blindlink.formats.fields import stamp
from blindlink.keys import party as party_keys
from flow_world import SECRET, World, keys

PASSPHRASE = "four unrelated random words"
STRETCHED = cache(party_keys._stretch)  # Argon2id is paid once for each key file


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key files, agreement and extracts of a study that is in force today."""
    folder = tmp_path_factory.mktemp("parties")
    now = datetime.now(UTC)
    terms = {
        "created": stamp(now - timedelta(days=1)),
        "expires": stamp(now + timedelta(days=1)),
        "destroy_by": stamp(now + timedelta(days=2)),
    }
    world = World(folder, terms=terms, signed_at=now)
    world.agreement.save(folder / "study.agreement")
    SECRET.save(folder / "linkage.key")
    (folder / "words").write_text(PASSPHRASE + "\n")
    (folder / "words").chmod(0o600)
    for name in ("moj", "ohid", "ttp"):
        keys(name).save(folder / f"{name}.key", PASSPHRASE.encode())
    for name in world.owners:
        (folder / name).mkdir()
        for table, rows in world.tables[name].items():
            ending = "parquet" if table == "details" else "csv"
            frames.write_table(rows, folder / name / f"{table}.{ending}")
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(party_keys, "_stretch", STRETCHED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def party(name: str) -> list[str]:
    return [
        "--agreement", "study.agreement", "--keys", f"{name}.key", "--passphrase-file", "words",
    ]  # fmt: skip


def submit(name: str, *more: str) -> int:
    out = ["--secret-file", "linkage.key", "--out", f"{name}.submission"]
    return run(["owner", "submit", name, *party(name), *out, *more])


def link(*more: str) -> int:
    files = ["moj.submission", "ohid.submission"]
    out = ["--project", "project", "--out", "study.release"]
    return run(["linker", "link", *files, *party("ttp"), *out, *more])


def test_from_extracts_to_release(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit("moj") == 0
    shown = capsys.readouterr()
    assert "entities, 5 of them control records" in shown.out
    assert "to the linker only" in shown.err
    assert submit("ohid", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["entities"], result["controls"], result["sequence"]) == (65, 5, 1)
    assert result["row_map"] == "ohid.submission.rows"
    frames.write_table(pa.table({"entity_id": ["moj-secret-31"]}), folder / "leave.csv")
    rows = ["--row-map", "moj.submission.rows", "--out", "moj.withdrawal"]
    assert run(["owner", "withdraw", "leave.csv", *rows, *party("moj"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entities"] == 1
    assert link("--withdrawal", "moj.withdrawal", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["links"] == 29
    assert [Path(path).name for path in result["receipts"]] == ["moj-1.receipt", "ohid-1.receipt"]
    assert link("--force") == 17
    assert "run of this agreement has ended" in capsys.readouterr().err


def test_destroy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit("moj") == submit("ohid") == link() == 0
    assert run(["linker", "destroy", "project", *party("ttp"), "--yes"]) == 0
    assert capsys.readouterr().out.endswith("destroyed\n")
    assert not (folder / "ttp.key").exists()
    assert (folder / "project" / "final.head").exists()


def test_destroy_asks_first(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", open("/dev/null"))  # noqa: SIM115, PTH123
    assert run(["linker", "destroy", "project", *party("ttp")]) == 130
    assert (folder / "ttp.key").exists()


@pytest.mark.parametrize(
    ("remove", "code", "message"),
    [
        ("moj/identities.csv", 10, "moj: no file holds the table identities"),
        ("moj/events.csv", 10, "moj: no file holds the table events"),
        ("study.agreement", 10, "study.agreement: no such file"),
        ("linkage.key", 12, "linkage.key: no such file"),
        ("moj.key", 12, "moj.key: no such file"),
    ],
)
def test_a_missing_file_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], remove: str, code: int, message: str
) -> None:
    (folder / remove).unlink()
    assert submit("moj") == code
    shown = capsys.readouterr()
    assert shown.err.startswith(f"error: {message}")
    assert shown.err.count("\n") == 2
    assert not (folder / "moj.submission").exists()


def test_two_files_of_one_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(folder / "moj/events.csv", folder / "moj/events.parquet")
    assert submit("moj") == 10
    assert "several files hold the table events" in capsys.readouterr().err


def test_a_list_of_people_needs_its_column(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert submit("moj") == 0
    (folder / "leave.csv").write_text("crn\nX1\n")
    rows = ["--row-map", "moj.submission.rows", "--out", "moj.withdrawal"]
    assert run(["owner", "withdraw", "leave.csv", *rows, *party("moj")]) == 10
    assert "column entity_id is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [["owner", "submit"], ["owner", "withdraw"], ["linker", "link"], ["linker", "destroy"]],
)
def test_help_has_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command, "-h"]) == 0
    assert f"blindlink {' '.join(command)} " in capsys.readouterr().out.split("Example:")[1]
