"""``blindlink demo``: the whole study small, the benchmark, and what it refuses."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from blindlink.cli import run

SMALL = ["demo", "--people", "1500", "--seed", "3"]
TABLES = "analyst/report/tables"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished small demo."""
    folder = tmp_path_factory.mktemp("played") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        # A cheap passphrase hash: its real cost is tested with the keys.
        patch.setattr("blindlink.keys.party.MEMORY_KIB", 64)
        assert run([*SMALL, "--out", str(folder)]) == 0
    return folder


def tables(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / TABLES).glob("*.csv"))}


def test_the_whole_study_ends_in_a_report(played: Path) -> None:
    assert {path.name for path in played.iterdir() if path.is_dir()} == {
        *("moj", "ohid", "linker", "analyst", "checker", "truth")
    }
    for owner in ("moj", "ohid"):
        assert (played / owner / f"{owner}.submission.risk.html").is_file()
    assert (played / "analyst" / "report" / "report.html").stat().st_size > 10_000
    assert (played / "analyst" / "report" / "report.xlsx").is_file()
    assert "engagement_corrected.csv" in tables(played)


def test_what_is_published_was_signed_by_somebody_else(played: Path) -> None:
    report, out = played / "analyst" / "report", played / "analyst" / "published"
    files = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    left = {path.relative_to(report) for path in report.rglob("*") if path.is_file()} - files
    assert left == {Path("audit.json")}
    assert all((out / name).read_bytes() == (report / name).read_bytes() for name in files)
    record = json.loads((played / "analyst" / "published.audit.json").read_text())
    assert record["output_check"]["checker"] == "checker"


def test_the_result_compares_observed_corrected_and_true(played: Path) -> None:
    result: dict[str, Any] = json.loads((played / "truth" / "score.json").read_text())
    rows = {row["requirement"]: row for row in result["engagement"]}
    assert list(rows) == ["All", "ATR", "DRR"]
    for row in rows.values():
        assert 15 < row["true"] < 75
        assert row["observed"] is None or 10 < row["observed"] < 75
    assert result["linkage"]["true"]["precision"]["value"] > 0.9


def test_every_target_stands_beside_what_the_study_shows(played: Path) -> None:
    with (played / "truth" / "targets.csv").open() as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    assert {"T01", "T05", "T08", "T13", "T25", "T29"} <= rows.keys()
    assert rows["T08"]["target"] == "38.9"
    # In a cohort this small the gate withholds some of the shares.
    shares = [rows[name] for name in ("T08", "T10", "T11", "T12", "T13")]
    released = [each for each in shares if each["corrected"]]
    assert released
    for each in released:
        low, true, high = (float(each[n]) for n in ("corrected_low", "true", "corrected_high"))
        assert low < true < high
    assert 40 < float(rows["T05"]["true"]) < 70


def test_the_same_seed_gives_the_same_tables_byte_for_byte(
    played: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The risk report, half of the time of a small demo, changes no table.
    monkeypatch.setattr("blindlink.synthetic.demo.parties.gate", lambda *_, **__: None)
    assert run([*SMALL, "--out", str(tmp_path / "again"), "--json"]) == 0
    assert tables(tmp_path / "again") == tables(played)
    out = json.loads(capsys.readouterr().out)
    assert out == json.loads((played / "truth" / "score.json").read_text())


def test_an_earlier_demo_is_kept_without_force(
    played: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*SMALL, "--out", str(played)]) == 13
    assert "exists already" in capsys.readouterr().err
    assert (played / "truth" / "score.json").is_file()


def test_a_folder_with_other_things_is_never_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for data in ("study", "febrl4"):
        assert run(["demo", "--data", data, "--out", str(tmp_path), "--force"]) == 13
        assert "other things" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_febrl4_with_partial_overlap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["demo", "--data", "febrl4", "--overlap", "0.35", "--out", str(tmp_path / "f")]
    assert run([*arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["records"] == [3_030, 3_030]
    found = result["linkage"]["true"]
    assert found["precision"]["value"] > 0.95
    assert found["recall"]["value"] > 0.8
    assert found["f1"]["low"] < found["f1"]["value"] < found["f1"]["high"]
    linker = {path.name for path in (tmp_path / "f" / "linker").iterdir()}
    assert linker == {"left.parquet", "right.parquet", "links.csv"}


def test_a_plain_run_says_what_each_stage_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["demo", "--data", "febrl4", "--overlap", "0.1", "--out", str(tmp_path / "f")]
    assert run(arguments) == 0
    said = capsys.readouterr()
    assert "[ 1/4] the demo deals out Febrl 4" in said.err
    assert "\x1b" not in said.err + said.out
    for name in ("precision", "recall", "F1"):
        assert name in said.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["--people", "999"],
        ["--people", "many"],
        ["--overlap", "0.5"],
        ["--data", "febrl4", "--people", "2000"],
        ["--data", "febrl4", "--overlap", "0"],
        ["--data", "febrl4", "--overlap", "1.5"],
        ["--seed", "-1"],
    ],
)
def test_wrong_usage(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", *arguments, "--out", str(tmp_path / "x")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_febrl4_without_its_data_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("blindlink.synthetic.demo.febrl.find_spec", lambda name: None)
    assert run(["demo", "--data", "febrl4", "--out", str(tmp_path / "x")]) == 21
    assert "hint: install the data with" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
