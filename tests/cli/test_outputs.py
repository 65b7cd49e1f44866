"""No command eats its own input, not even with --force, and none replaces a device."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from blindlink.cli import run
from blindlink.keys import party as party_keys
from worlds.files import STRETCHED, head, link, party, prepare, receive, submit


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("played")
    here = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(party_keys, "_stretch", STRETCHED)
        os.chdir(folder)
        try:
            prepare(folder)
            assert submit("moj") == submit("ohid") == 0
            assert receive("moj.submission") == link("moj.submission", "ohid.submission") == 0
            assert head("june.head") == 0
            (folder / "leave.csv").write_text("entity_id\nmoj-secret-31\n")
            shutil.copy(folder / "project/receipts/moj-1.receipt", folder / "moj.receipt")
        finally:
            os.chdir(here)
    return folder


PROJECT = ["--project", "project"]
LINKER = ["--linker", "ttp.public"]
SINCE = ["--head", "june.head", "--since", "moj.receipt"]
COMMANDS = [
    (["agreement", "sign", "study.agreement", "--keys", "moj.key"], ["study.agreement", "moj.key"]),
    (
        ["agreement", "send-secret", *party("moj"), "--secret-file", "linkage.key", "--to", "ohid"],
        ["linkage.key", "moj.key", "study.agreement", "words"],
    ),
    (
        ["owner", "submit", "moj", *party("moj"), "--secret-file", "linkage.key"],
        ["linkage.key", "moj.key", "moj/identities.csv", "moj/events.csv"],
    ),
    (
        ["owner", "withdraw", "leave.csv", *party("moj"), "--row-map", "moj.submission.rows"],
        ["moj.submission.rows", "leave.csv"],
    ),
    (
        ["linker", "link", "moj.submission", "ohid.submission", *party("ttp"), *PROJECT],
        ["ohid.submission", "ttp.key"],
    ),
    (["linker", "head", "project", *party("ttp")], ["ttp.key"]),
    (
        ["audit", "prove", "project/audit.log", *LINKER, *SINCE],
        ["project/audit.log", "june.head", "moj.receipt", "ttp.public"],
    ),
]
CASES = [(command, eaten) for command, inputs in COMMANDS for eaten in inputs]


@pytest.mark.parametrize(
    ("command", "eaten"), CASES, ids=[f"{c[0]}-{c[1]}-{Path(e).name}" for c, e in CASES]
)
def test_an_input_is_never_the_output(
    played: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: Sequence[str],
    eaten: str,
) -> None:
    monkeypatch.setattr(party_keys, "_stretch", STRETCHED)
    monkeypatch.chdir(played)
    before = (played / eaten).read_bytes()
    for name in (eaten, f"./{eaten}"):
        assert run([*command, "--out", name, "--force"]) == 13
        assert "is also the input" in capsys.readouterr().err
    assert (played / eaten).read_bytes() == before


def test_a_row_map_does_not_replace_the_extract(
    played: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(party_keys, "_stretch", STRETCHED)
    monkeypatch.chdir(played)
    before = (played / "moj/events.csv").read_bytes()
    assert submit("moj", "--row-map", "moj/events.csv", "--force") == 13
    assert (played / "moj/events.csv").read_bytes() == before


def test_a_device_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody with the right to it would lose /dev/null to a file of that name."""
    os.mkfifo(tmp_path / "device")
    arguments = ["keygen", "--purpose", "linkage", "--out", str(tmp_path / "device"), "--force"]
    assert run(arguments) == 13
    assert "is a device" in capsys.readouterr().err
    assert (tmp_path / "device").is_fifo()
