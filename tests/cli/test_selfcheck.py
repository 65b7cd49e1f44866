"""``blindlink selfcheck`` on this machine."""

import json

import pytest

from blindlink import selfcheck
from blindlink.cli import run
from blindlink.errors import SelfCheckError
from blindlink.selfcheck import Result


def test_one_line_for_each_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["selfcheck"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 10
    assert all(line.startswith(("ok ", "skipped ")) for line in lines)


def test_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfcheck, "_checks", lambda: [("one", lambda: "fine")])
    assert run(["selfcheck", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"checks": [{"name": "one", "state": "ok", "detail": "fine"}]}


def test_a_failed_check_gives_its_own_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selfcheck, "run", lambda say: [Result("one", "failed", "they differ")])
    assert run(["selfcheck"]) == SelfCheckError.exit_code
    assert "error: 1 of 1 checks failed: one" in capsys.readouterr().err
