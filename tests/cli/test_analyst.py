"""``blindlink analyst``: what it says, prints and refuses; the work itself is tested elsewhere."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

import blindlink.studies.probation_treatment.report as reporting
from blindlink.analyst.cohort.folder import Cohort
from blindlink.analyst.disclosure.gate import release
from blindlink.analyst.disclosure.policy import Policy
from blindlink.analyst.publish.tables import Column, Table
from blindlink.analyst.publish.writing import ReportResult
from blindlink.cli import run
from blindlink.cli.passphrase import VARIABLE
from blindlink.cli.text.report import report_text
from blindlink.messages.fields import stamp
from worlds.parties import PASSPHRASE, keys, signed_by, terms
from worlds.sample_tables import split, study

EMPTY = pd.DataFrame()
COLUMNS = {
    "table": Column("label", "Table"),
    "problem": Column("label", "Problem"),
    "rows": Column("count", "Rows"),
    "consequence": Column("text", "Consequence"),
}


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
    told = capsys.readouterr().out
    assert "8 tables" in told
    assert "  counts 1 to 9\n" in told


def test_what_could_not_be_used_is_told(tmp_path: Path) -> None:
    made = made_report(tmp_path, [quality(3400), quality(0)])
    told = report_text(made)
    assert "not used as it was:\n  events: no sentence date: 3,400 rows, left out" in told
    assert "nothing can be published of" not in told


def test_a_table_of_which_nothing_is_left_is_named(tmp_path: Path) -> None:
    told = report_text(made_report(tmp_path, [quality(3)]))
    assert "nothing can be published of: data_quality; join rare labels" in told
    assert "not used as it was" not in told


def quality(rows: int) -> dict[str, object]:
    what = "no sentence date" if rows else "no person"
    return {"table": "events", "problem": what, "rows": rows, "consequence": "left out"}


def made_report(folder: Path, rows: list[dict[str, object]]) -> ReportResult:
    frame = pd.DataFrame(rows)
    table = Table("data_quality", "", frame, COLUMNS, populations={"rows": [None] * len(frame)})
    safe, audit = release([table], Policy())
    return ReportResult(folder, folder / "report.html", tuple(safe), audit)


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


@pytest.mark.parametrize("command", ["cohort", "report", "publish"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyst", command, "-h"]) == 0
    assert f"blindlink analyst {command}" in capsys.readouterr().out


def test_cohort_names_its_missing_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["analyst", "cohort", str(tmp_path / "r"), "--agreement", str(tmp_path / "a")]
    command += ["--keys", str(tmp_path / "k"), "--out", str(tmp_path / "out")]
    assert run(command) in {10, 12, 14, 16}
    assert str(tmp_path / "a") in capsys.readouterr().err


def test_from_keygen_to_publication(
    cohort: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The checker makes keys, the agreement names them, and only what they sign goes out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("blindlink.keys.party.MEMORY_KIB", 64)
    Path("words").touch(mode=0o600)
    Path("words").write_bytes(PASSPHRASE + b"\n")
    monkeypatch.setenv(VARIABLE, "words")
    keygen = ["keygen", "--party", "anna", "--role", "checker", "--out", "anna.key"]
    assert run(keygen) == 0
    now = datetime.now(UTC)
    agreed = signed_by(
        terms(
            created=stamp(now - timedelta(days=1)),
            expires=stamp(now + timedelta(days=1)),
            destroy_by=stamp(now + timedelta(days=2)),
            output_checkers=[json.loads(Path("anna.key.public").read_text())],
        ),
        now=now,
    )
    agreed.save(Path("study.agreement"))
    keys("lab").save(Path("lab.key"), PASSPHRASE)
    vars(reporting)["load_cohort"](cohort).info["agreement"] = agreed.digest()
    assert run(["analyst", "report", "cohort", "--out", "report"]) == 0
    publish = ["analyst", "publish", "report", "--agreement", "study.agreement", "--out", "out"]
    assert run(publish) == 17
    assert "no output checker has signed it" in capsys.readouterr().err
    sign = ["disclosure", "approve", "report", "--agreement", "study.agreement"]
    sign += ["--comments", "Read it.", "--out", "report.check"]
    assert run([*sign, "--keys", "lab.key"]) == 16
    assert run([*sign, "--keys", "anna.key"]) == 0
    assert run(["inspect", "report.check"]) == 0
    assert "blindlink-output-check-v1" in capsys.readouterr().out
    page = Path("report/report.html")
    before = page.read_bytes()
    page.write_bytes(before + b" ")
    assert run([*publish, "--check", "report.check"]) == 15
    page.write_bytes(before)
    assert not Path("out").exists()
    assert run([*publish, "--check", "report.check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["checker"] == "anna"
    assert Path("out/report.html").read_bytes() == before
    assert not Path("out/audit.json").exists()


def test_a_table_of_ones_own_from_the_check_to_the_register(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text("region,people\nN,3\nS,57\nW,40\nAll,100\n")
    Path("policy.json").write_text('{"threshold": 3}')
    check = ["disclosure", "check", "t.csv"]
    assert run(check) == 20
    assert "counts 1 to 4" in capsys.readouterr().out
    assert run([*check, "--policy", "policy.json"]) == 0
    capsys.readouterr()
    assert run([*check, "--out", "out", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["figures"], found["withheld"]) == (4, 2)
    assert Path("out/tables/t.csv").read_text().splitlines()[1:3] == ["N,[c]", "S,57"]
    assert run(["disclosure", "register", "out", "--register", "r", "--name", "one"]) == 0
    Path("t.csv").write_text("region,people\nS,58\n")
    assert run(check) == 0
    assert run([*check, "--register", "r"]) == 20
    assert "differs from an earlier release" in capsys.readouterr().out
