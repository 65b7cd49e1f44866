"""From the files of strangers to a draft that each owner has tried: study init, owner check."""

import json
from pathlib import Path

import pytest

from blindlink.cli import run
from blindlink.keys import party as party_keys
from worlds import foreign_files
from worlds.files import STRETCHED

Captured = pytest.CaptureFixture[str]
EXTRACTS = {"dwp": "claims-office", "nhs": "hospitals"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    foreign_files.write(tmp_path, 500, 600, 300)
    (tmp_path / "words").write_text("four unrelated random words\n")
    (tmp_path / "words").chmod(0o600)
    monkeypatch.setattr(party_keys, "_stretch", STRETCHED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def columns(owner: str) -> int:
    data = EXTRACTS[owner]
    return run(["schema", "columns", data, "--map", f"{data}.toml", "--out", f"{owner}.json"])


def init(*more: str) -> int:
    lists = ["--owner", "dwp", "dwp.json", "--owner", "nhs", "nhs.json"]
    return run(["study", "init", *lists, "--out", "study", *more])


def check(owner: str, *more: str) -> int:
    data = EXTRACTS[owner]
    draft = ["--agreement", "study/agreement.toml", "--owner", owner, "--map", f"{data}.toml"]
    return run(["owner", "check", data, *draft, *more])


def make_keys() -> None:
    for name, role in (
        ("dwp", "owner"),
        ("nhs", "owner"),
        ("ttp", "linker"),
        ("analyst", "analyst"),
    ):
        place = ["--organisation", f"Office of {name}", "--out", f"study/{name}.key"]
        words = ["--passphrase-file", "words"]
        assert run(["keygen", "--party", name, "--role", role, *place, *words]) == 0


def test_from_columns_to_a_draft_that_was_tried(folder: Path, capsys: Captured) -> None:
    assert columns("dwp") == columns("nhs") == 0
    listed = json.loads(Path("dwp.json").read_text())
    assert listed["tables"]["claims"] == {
        "claim_start": "date",
        "benefit": "label",
        "weekly_amount": "number",
        "region": "label",
    }
    assert "Hartmere" not in Path("dwp.json").read_text()
    assert init() == 0
    make_keys()
    capsys.readouterr()
    assert check("dwp", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["wrong"] == []
    assert found["trial"]["risk"] in ("green", "amber")
    assert found["trial"]["labels"]["claims.benefit"]["labels"] == 3
    beaten = found["trial"]["beaten"]
    assert set(beaten) == {"forename", "surname", "date_of_birth", "sex", "postcode"}
    assert beaten["sex"] < 0.05


def test_a_red_trial_ends_with_the_code_of_a_red_submission(
    folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert columns("dwp") == columns("nhs") == init() == 0
    make_keys()
    from blindlink.owner.risk.report import RiskReport

    monkeypatch.setattr(RiskReport, "light", "red")
    assert check("dwp") == 19
    assert "'owner submit' would stop here" in capsys.readouterr().err


def test_a_rule_that_does_not_fit_is_found_before_anybody_signs(
    folder: Path, capsys: Captured
) -> None:
    assert columns("dwp") == columns("nhs") == init() == 0
    make_keys()
    draft = Path("study/agreement.toml")
    draft.write_text(
        draft.read_text().replace('weekly_amount = "keep"', 'weekly_amount = "band:10"')
    )
    assert check("dwp") == 10
    out = capsys.readouterr().out
    assert "column weekly_amount: " in out
    assert "do not fit 'band:10'" in out
    assert "separability" not in out


def test_two_owners_are_needed(folder: Path) -> None:
    assert run(["study", "init", "--owner", "dwp", "dwp.json", "--out", "study"]) == 2


def test_dates_that_are_not_declared_are_told(folder: Path, capsys: Captured) -> None:
    text = Path("hospitals.toml").read_text()
    Path("hospitals.toml").write_text(text.replace(', format = "day first"', ""))
    assert columns("nhs") == 0
    told = capsys.readouterr().err
    assert "admissions: column admitted holds dates of the form 'day first'" in told


def test_a_table_without_the_person_says_which_column_may_be_it(
    folder: Path, capsys: Captured
) -> None:
    Path("hospitals.toml").write_text('[columns]\n"NHS id" = "entity_id"\n')
    assert columns("nhs") == 10
    told = capsys.readouterr().err
    assert "column entity_id is missing; it has nhs id, 3 others of no known name" in told
    assert '"nhs id" = "entity_id"' in told
