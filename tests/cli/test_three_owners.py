"""Three owners, from extracts to a cohort, by the commands."""

import json
from itertools import combinations
from pathlib import Path

import pytest

from blindlink import frames
from blindlink.cli import run
from blindlink.keys import party as party_keys
from blindlink.messages.linkage_report import parse_report
from worlds.files import STRETCHED, link, party, prepare, submit

OWNERS = ("moj", "ohid", "nhs")


def test_three_owners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(party_keys, "_stretch", STRETCHED)
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path, owners=OWNERS)
    for name in OWNERS:
        assert submit(name) == 0
    assert link("nhs.submission", "moj.submission") == 17
    assert "no submission of ohid" in capsys.readouterr().err
    assert link(*(f"{name}.submission" for name in OWNERS), "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert [Path(path).name for path in result["receipts"]] == [f"{n}-1.receipt" for n in OWNERS]
    cohort = ["analyst", "cohort", "study.release", *party("analyst"), "--out", "cohort"]
    assert run([*cohort, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["links"] == result["links"]
    people = frames.read_table(tmp_path / "cohort" / "people.parquet").to_pydict()
    owner = dict(zip(people["person"], people["owner"], strict=True))
    links = frames.read_table(tmp_path / "cohort" / "links.parquet").to_pydict()
    pairs = [(owner[a], owner[b]) for a, b in zip(links["left"], links["right"], strict=True)]
    assert set(pairs) == set(combinations(OWNERS, 2))
    # Thirty people of moj are in both others, and sixty of each of these in the other.
    assert {pair: pairs.count(pair) for pair in set(pairs)} == {
        ("moj", "ohid"): 30,
        ("moj", "nhs"): 30,
        ("ohid", "nhs"): 60,
    }
    info = json.loads((tmp_path / "cohort" / "cohort.json").read_text())
    for each in info["linkage_reports"]:
        name = f"linkage-{each['left']}-{each['right']}"
        page = (tmp_path / "cohort" / f"{name}.html").read_text()
        assert f"Linkage quality report: {each['left']} and {each['right']}" in page
        kept = parse_report(next(tmp_path.glob(f"*/reports/{name}.json")).read_bytes())
        assert kept.model_dump(mode="json") == each["report"]
    assert [each["left"] + each["right"] for each in info["linkage_reports"]] == [
        "mojohid",
        "mojnhs",
        "ohidnhs",
    ]
    assert sorted(info["controls"]) == sorted(OWNERS)
