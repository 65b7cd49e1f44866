"""``blindlink schema``: what it prints and writes, and its exit codes."""

import json
from pathlib import Path

import pytest

from blindlink.cli import run

MOJ = "record_id,entity_id,forename,surname,date_of_birth,sex,postcode,local_authority,kind"
OHID = "entity_id,first_initial,last_initial,date_of_birth,sex,postcode_outward,local_authority"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "a.csv").write_text(f"{MOJ}\n1,x1,Anna,Canary,1980-02-03,F,LS7 4BT,Leeds,main\n")
    (tmp_path / "b.csv").write_text(f"{OHID}\ny1,A,C,1980-02-03,2,LS7,Leeds\n")
    return tmp_path


def new(files: Path, *sources: str, out: str = "S.json", profile: str = "weak") -> int:
    chosen = [part for name in sources for part in ("--from", str(files / name))]
    return run(["schema", "new", "--profile", profile, *chosen, "--out", str(files / out)])


def test_a_list_of_columns_serves_as_well_as_the_table(files: Path) -> None:
    assert run(["schema", "columns", str(files / "a.csv"), "--out", str(files / "a.json")]) == 0
    listed = json.loads((files / "a.json").read_text())
    assert listed == {"columns": [name for name in MOJ.split(",") if name != "kind"]}
    assert "Canary" not in (files / "a.json").read_text()
    assert new(files, "a.csv", "b.csv", out="S1.json") == 0
    assert new(files, "b.csv", "a.json", out="S2.json") == 0
    assert (files / "S1.json").read_bytes() == (files / "S2.json").read_bytes()


def test_unknown_columns_are_counted_on_stderr(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert new(files, "a.csv", "b.csv") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "warning: source 1: left out: 1 column of no known name" in err
    assert "kind" not in err


def test_check_prints_the_fingerprint(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new(files, "a.csv", "b.csv")
    capsys.readouterr()
    assert run(["schema", "check", str(files / "S.json"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["valid"] is True
    assert run(["schema", "check", str(files / "S.json")]) == 0
    assert found["fingerprint"] in capsys.readouterr().out


def test_show_says_what_is_encoded(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new(files, "a.csv", "b.csv")
    capsys.readouterr()
    assert run(["schema", "show", str(files / "S.json")]) == 0
    text = capsys.readouterr().out
    assert "first_initial, from first_initial or forename" in text
    assert "match key" in text
    assert run(["schema", "show", str(files / "S.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["profile"] == "weak"


def test_show_states_the_settings_of_hardenings(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new(files, "a.csv", profile="diffused")
    document = json.loads((files / "S.json").read_text())
    document["blindlink"]["hardening"] += [{"type": "blip", "perMille": 200}]
    (files / "T.json").write_text(json.dumps(document))
    capsys.readouterr()
    assert run(["schema", "show", str(files / "T.json")]) == 0
    text = capsys.readouterr().out
    assert "hardening    diffusion, t 8" in text
    assert "hardening    blip, perMille 200, epsilon 2.197" in text  # ln((2 - .2) / .2)


@pytest.mark.parametrize("profile", ["weak", "names", "diffused", "clkhash"])
def test_every_profile_is_made_and_passes_the_check(files: Path, profile: str) -> None:
    assert new(files, "a.csv", profile=profile) == 0
    assert run(["schema", "check", str(files / "S.json")]) == 0


def test_exit_codes(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (files / "poor.csv").write_text("sex\nF\n")
    assert new(files, "poor.csv") == 11
    assert "too few people" in capsys.readouterr().err
    assert not (files / "S.json").exists()
    assert new(files, "missing.csv") == 10
    assert new(files, "a.csv") == 0
    assert new(files, "a.csv") == 13
    assert new(files, "a.csv", profile="strong") == 2
    (files / "bad.json").write_text('{"columns": "x"}')
    assert new(files, "bad.json", out="T.json") == 10
    (files / "S3.json").write_text('{"version": 3}')
    assert run(["schema", "check", str(files / "S3.json")]) == 11


@pytest.mark.parametrize(
    "document",
    [
        {
            "link_type": "link_only",
            "comparisons": [
                {"output_column_name": name, "comparison_levels": []}
                for name in ("first_name", "surname", "dob", "gender", "postcode", "email")
            ],
        },
        {
            "version": 3,
            "features": [
                {"identifier": name}
                for name in ("First name", "Last name", "DOB", "Gender", "Postcode", "e-mail")
            ],
        },
    ],
    ids=["Splink's settings", "clkhash's schema"],
)
def test_what_others_compare_is_a_list_of_columns(
    document: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "settings.json", tmp_path / "S.json"
    path.write_text(json.dumps(document))
    options = ["--from", str(path), "--from", str(path), "--out", str(out)]
    assert run(["schema", "new", "--profile", "names", *options]) == 0
    assert "left out: 1 column of no known name" in capsys.readouterr().err
    assert run(["schema", "show", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["columns"]
    used = {source for sources in found.values() for source in sources}
    assert {"forename", "surname", "date_of_birth", "sex", "postcode"} <= used
    assert "address" not in used


@pytest.mark.parametrize("document", [{"comparisons": [{}]}, {"features": [7]}, {"comparisons": 1}])
def test_settings_without_names_are_no_list(
    document: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.json").write_text(json.dumps(document))
    options = ["--from", str(tmp_path / "s.json"), "--out", str(tmp_path / "S.json")]
    assert run(["schema", "new", "--profile", "names", *options]) == 10


def test_the_mapping_that_is_offered_is_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "theirs.csv", tmp_path / "columns.json"
    data.write_text("Last Name;DOB;Post Code\nDoe;1980-01-02;LS7 4BT\n")
    assert run(["schema", "columns", str(data), "--out", str(out)]) == 0
    told = capsys.readouterr().err
    offered = told.partition("(--map):\n")[2]
    (tmp_path / "map.toml").write_text(offered)
    again = ["--map", str(tmp_path / "map.toml"), "--force"]
    assert run(["schema", "columns", str(data), *again, "--out", str(out)]) == 0
    assert json.loads(out.read_text())["columns"] == ["surname", "date_of_birth", "postcode"]
    assert "left out" not in capsys.readouterr().err
