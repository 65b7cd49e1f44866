"""``owner submit | withdraw`` and ``linker link | destroy``, as people type them."""

import json
import re
import shutil
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest

from blindlink import frames
from blindlink.cli import run
from blindlink.keys import party as party_keys
from blindlink.messages.container import reader as container
from worlds.files import STRETCHED, current_terms, party, prepare, submit, write_waiver
from worlds.files import link as link_files
from worlds.flow import World


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parties")
    prepare(folder)
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(party_keys, "_stretch", STRETCHED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def link(*more: str) -> int:
    return link_files("moj.submission", "ohid.submission", *more)


def test_from_extracts_to_release(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert submit("moj") == 0
    shown = capsys.readouterr()
    assert "entities, 5 of them control records" in shown.out
    assert re.search(r"^disclosure risk: \w+.*; see moj\.submission\.risk\.html$", shown.out, re.M)
    assert "to the linker only" in shown.err
    assert submit("ohid", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["entities"], result["controls"], result["sequence"]) == (65, 5, 1)
    assert result["row_map"] == "ohid.submission.rows"
    assert result["risk"] == json.loads(Path("ohid.submission.risk.json").read_text())["light"]
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


def test_a_red_risk_report_stops_it_and_a_waiver_does_not_hide_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everybody is one person: whoever sees the file sees that."""
    rows = frames.read_table(folder / "moj/identities.csv").to_pydict()
    same = {name: [values[0]] * len(values) for name, values in rows.items()}
    same["entity_id"] = rows["entity_id"]
    same["sex"] = [str(1 + number % 2) for number in range(len(rows["sex"]))]
    frames.write_table(pa.table(same), folder / "moj/identities.csv", force=True)
    (folder / "study.agreement").unlink()
    prepared = World(
        folder / "again", controls=0, terms=current_terms(), signed_at=datetime.now(UTC)
    )
    prepared.agreement.save(folder / "study.agreement")
    write_waiver(folder / "waiver.json", prepared)
    waiver = json.loads((folder / "waiver.json").read_text())
    (folder / "waiver.json").write_text(json.dumps(waiver | {"metrics": ["uniqueness"]}))
    accepting = ("--risk-waiver", "waiver.json")
    assert submit("moj", *accepting) == 19
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: the disclosure-risk report is red beyond what the waiver")
    assert hint.startswith("hint: read moj.submission.risk.html")
    assert "identical encodings" in error
    report = (folder / "moj.submission.risk.json").read_bytes()
    assert not (folder / "moj.submission").exists()
    (folder / "waiver.json").write_text(json.dumps(waiver))
    # The report of the first attempt is there.
    assert submit("moj", *accepting) == 13
    assert submit("moj", *accepting, "--force", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    report = (folder / "moj.submission.risk.json").read_bytes()
    assert shown["risk_report"] == sha256(report).hexdigest()
    assert "Nobody" in (folder / "moj.submission.risk.html").read_text()
    with container.opened(folder / "moj.submission", "submission") as sealed:
        assert sealed.manifest.content["risk_report"] == shown["risk_report"]


def test_bad_cells(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = frames.read_table(folder / "moj/identities.csv").to_pydict()
    rows["date_of_birth"][7] = "03/02/1990"
    frames.write_table(pa.table(rows), folder / "moj/identities.csv", force=True)
    assert submit("moj") == 10
    assert "row 8" in capsys.readouterr().err
    assert submit("moj", "--bad-cells", "missing") == 0
    assert "date_of_birth: 1 unreadable cells count as missing" in capsys.readouterr().err
