"""``blindlink demo --service``: the same result as by files, to the byte."""

import json
from pathlib import Path

import pytest

from blindlink.cli import run

SMALL = ["demo", "--people", "1500", "--seed", "3", "--json"]
TABLES = "analyst/report/tables"


@pytest.mark.slow
def test_the_same_result_as_by_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A cheap passphrase hash: its real cost is tested with the keys.
    monkeypatch.setattr("blindlink.keys.party.MEMORY_KIB", 64)
    found = {}
    for name, options in (("files", []), ("service", ["--service"])):
        assert run([*SMALL, *options, "--out", str(tmp_path / name)]) == 0
        tables = sorted((tmp_path / name / TABLES).glob("*.csv"))
        result = json.loads(capsys.readouterr().out)
        found[name] = (result, {path.name: path.read_bytes() for path in tables})
    assert found["files"] == found["service"]
    assert len(found["files"][1]) > 5
    assert (tmp_path / "service/moj/moj.receipt").exists()


def test_belongs_to_the_study() -> None:
    assert run(["demo", "--data", "febrl4", "--service"]) == 2
