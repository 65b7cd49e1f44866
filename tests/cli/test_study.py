"""``blindlink study``, and reports of declared studies: what they say, and what they refuse."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from blindlink.cli import run
from worlds import declared as world
from worlds import simulated

a, j = world.application, world.job

REGISTER = [
    a(f"p{n}", "2019-02-01", medical="yes" if n % 3 else "no", sex="FM"[n % 2]) for n in range(90)
]
OFFICE = [j(f"q{n}", "2019-03-01" if n % 4 else "2021-01-01") for n in range(90)]
SMALL = world.text(
    ('by = ["sex", "age", "district", "year"]', "by = []"),
    ('show = ["entry", "sector", "rate"]', 'show = ["sector", "rate"]'),
)


def cohort(tmp_path: Path) -> Path:
    links = [(f"p{n}", f"q{n}") for n in range(60)]
    return world.save(world.cohort(REGISTER, OFFICE, links), tmp_path / "cohort")


def declared(tmp_path: Path, text: str = SMALL) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_new_study_is_checked_and_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    assert run(["study", "new", "--out", str(folder)]) == 0
    assert run(["study", "new", "--out", str(folder)]) == 13
    capsys.readouterr()
    assert run(["study", "check", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["study"] == "housing-work"
    assert "started" in found["measures"]
    assert run(["study", "explain", str(folder / "study.toml")]) == 0
    assert "one row for each job that began" in capsys.readouterr().out


def test_a_wrong_study_has_an_exit_code_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = declared(tmp_path, world.text(('type = "rate"', 'type = "ratio"')))
    assert run(["study", "check", str(folder)]) == 24
    assert "measures.rate" in capsys.readouterr().err


def test_a_cohort_is_checked_with_what_the_study_uses_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = SMALL.replace("start = 2019-01-01", "start = 2019-01-02")
    register = [*REGISTER, a("p1", "2019-01-01", application_id="early")]
    links = [(f"p{n}", f"q{n}") for n in range(60)]
    held = world.save(world.cohort(register, OFFICE, links), tmp_path / "cohort")
    asked = ["study", "check", str(declared(tmp_path, text)), "--cohort", str(held)]
    assert run(asked) == 0
    said = capsys.readouterr().out
    assert "received: 91" in said
    assert "eligible: 90" in said
    assert "left out: before the observation (2019-01-02): 1" in said


def test_a_declared_study_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "report"
    study, held = str(declared(tmp_path)), str(cohort(tmp_path))
    assert run(["analyst", "report", held, "--study", study, "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"started", "flow", "sector", "rate"} <= set(found["tables"])
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["cohort"]["study"]["name"] == "housing-work"
    rows = (out / "tables" / "started.csv").read_text(encoding="utf-8").splitlines()
    # 60 are linked, of whom three in four began within a year.
    assert "All,365 days,90,45,50.0" in rows[3]


def test_the_probation_report_refuses_tables_of_another_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report"
    assert run(["analyst", "report", str(cohort(tmp_path)), "--out", str(out)]) == 25
    said = capsys.readouterr().err
    assert "it has no owner moj" in said
    assert "study check" in said
    assert not out.exists()


def test_the_probation_report_refuses_other_requirements(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = simulated.known_study(requirements=300, seed=2).cohort
    events = made.tables["moj", "events"].assign(requirement="mental_health_treatment")
    foreign = replace(
        made,
        tables={**made.tables, ("moj", "events"): events},
        info={**made.info, "owners": ["moj", "ohid"]},
    )
    held = world.save(foreign, tmp_path / "mhtr")
    assert run(["analyst", "report", str(held), "--out", str(tmp_path / "out")]) == 25
    assert "no requirement is of the kind ATR" in capsys.readouterr().err
    settings = tmp_path / "own.toml"
    settings.write_text('[definitions]\nrequirements = ["MHTR"]\n', encoding="utf-8")
    asked = ["--settings", str(settings), "--out", str(tmp_path / "out")]
    assert run(["analyst", "report", str(held), *asked]) == 25
    assert "speaks of ATR and DRR and of no others" in capsys.readouterr().err


def test_settings_do_not_go_with_a_declared_study(tmp_path: Path) -> None:
    settings = tmp_path / "own.toml"
    settings.write_text("", encoding="utf-8")
    asked = ["--study", str(declared(tmp_path)), "--settings", str(settings)]
    assert run(["analyst", "report", str(tmp_path), *asked, "--out", str(tmp_path / "o")]) == 2
