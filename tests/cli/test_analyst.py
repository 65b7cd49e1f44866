"""``blindlink analyst``: what it says, prints and refuses; the work itself is tested elsewhere."""

import json
from pathlib import Path

import pandas as pd
import pytest

import blindlink.studies.probation_treatment.report as reporting
from blindlink.analyst.cohort.folder import Cohort
from blindlink.cli import run
from worlds.sample_tables import split, study

EMPTY = pd.DataFrame()


@pytest.fixture
def cohort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cohort folder whose analysis gives the sample tables."""
    folder = tmp_path / "cohort"
    folder.mkdir()
    info = {"disclosure_policy": {"threshold": 10}, "project": "test"}
    made = Cohort(EMPTY, EMPTY, EMPTY, EMPTY, {}, info)
    monkeypatch.setattr(reporting, "load_cohort", lambda path: made)
    monkeypatch.setattr(reporting, "check_cohort", lambda study, cohort: None)
    monkeypatch.setattr(reporting, "analyse", lambda cohort, settings, *, seed, progress: study())
    return folder


def test_report_prints_where_it_is_and_what_the_gate_did(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["analyst", "report", str(cohort), "--out", str(out), "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["report"] == str(out / "report.html")
    assert result["tables"] == [table.id for table in study()]
    assert result["narrowest"] >= 10
    assert "audit.json" in printed.err
    audit = json.loads((out / "audit.json").read_text())
    assert audit["policy"]["threshold"] == 10


def test_report_for_people(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["analyst", "report", str(cohort), "--out", str(tmp_path / "out")]) == 0
    assert "8 tables" in capsys.readouterr().out


def test_an_output_that_exists_is_not_replaced(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["analyst", "report", str(cohort), "--out", str(out)]) == 0
    capsys.readouterr()
    assert run(["analyst", "report", str(cohort), "--out", str(out)]) == 13
    assert "exists already" in capsys.readouterr().err
    assert run(["analyst", "report", str(cohort), "--out", str(out), "--force"]) == 0


def test_a_weaker_policy_is_refused(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"threshold": 5}')
    command = ["analyst", "report", str(cohort), "--out", str(tmp_path / "out")]
    assert run([*command, "--policy", str(policy)]) == 17
    assert "weaker than the agreed one in: threshold" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_stricter_policy_and_an_earlier_report(
    cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"threshold": 10, "rounding": 5}')
    first = tmp_path / "first"
    assert run(["analyst", "report", str(cohort), "--out", str(first)]) == 0
    tables = [split("x", {"a": 100, "b": 200})]
    monkeypatch.setattr(reporting, "check_cohort", lambda study, cohort: None)
    monkeypatch.setattr(reporting, "analyse", lambda cohort, settings, *, seed, progress: tables)
    command = ["analyst", "report", str(cohort), "--out", str(tmp_path / "second")]
    assert run([*command, "--policy", str(policy), "--earlier", str(first)]) == 0


@pytest.mark.parametrize(
    ("option", "content", "code"),
    [("--policy", "{", 14), ("--policy", '{"threshold": 0}', 14), ("--settings", "= 1", 10)],
)
def test_malformed_files_are_refused(
    cohort: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
    content: str,
    code: int,
) -> None:
    path = tmp_path / "file"
    path.write_text(content)
    command = ["analyst", "report", str(cohort), "--out", str(tmp_path / "out")]
    assert run([*command, option, str(path)]) == code
    assert str(path) in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_cohort(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyst", "report", str(tmp_path / "none"), "--out", str(tmp_path / "out")]
    assert run(command) == 10
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.parametrize("command", ["cohort", "report"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyst", command, "-h"]) == 0
    assert f"blindlink analyst {command}" in capsys.readouterr().out


def test_cohort_names_its_missing_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyst", "cohort", str(tmp_path / "r"), "--agreement", str(tmp_path / "a")]
    command += ["--keys", str(tmp_path / "k"), "--out", str(tmp_path / "out")]
    assert run(command) in {10, 12, 14, 16}
    assert str(tmp_path / "a") in capsys.readouterr().err
