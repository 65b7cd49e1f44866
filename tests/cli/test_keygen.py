"""``keygen``: no prompt for a linkage secret, no passphrase on the command line for a party."""

import json
from pathlib import Path

import pytest

from blindlink.cli import run
from blindlink.cli.passphrase import VARIABLE, passphrase
from blindlink.errors import KeyFileError
from blindlink.keys import LinkageKey, PartyKeys, PartyPublic


@pytest.fixture
def pass_file(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.touch(mode=0o600)
    path.write_text("four random words here\nsecond line\n")
    return path


def test_a_linkage_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "k"
    assert run(["keygen", "--purpose", "linkage", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    key = LinkageKey.load(out)
    assert printed.out == f"check value {key.check_value()}\n"
    assert key.secret.hex() not in printed.out + printed.err
    assert run(["keygen", "--purpose", "linkage", "--out", str(out)]) == 13
    assert run(["keygen", "--purpose", "linkage", "--out", str(out), "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["check"] == LinkageKey.load(out).check_value()


def test_a_party(tmp_path: Path, pass_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "moj.key"
    common = ["keygen", "--party", "moj", "--role", "owner", "--out", str(out)]
    assert run([*common, "--passphrase-file", str(pass_file), "--organisation", "Justice"]) == 0
    public = PartyPublic.load(tmp_path / "moj.key.public")
    assert PartyKeys.load(out, b"four random words here").public == public
    assert (public.name, public.role, public.organisation) == ("moj", "owner", "Justice")
    assert public.fingerprint() in capsys.readouterr().out


def test_the_passphrase_comes_from_the_environments_file(
    tmp_path: Path, pass_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(pass_file))
    assert run(["keygen", "--party", "a", "--role", "linker", "--out", str(tmp_path / "a")]) == 0
    assert PartyKeys.load(tmp_path / "a", b"four random words here").public.role == "linker"


def test_without_a_terminal_nobody_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert run(["keygen", "--party", "a", "--role", "linker", "--out", str(tmp_path / "a")]) == 12
    error, hint = capsys.readouterr().err.splitlines()
    assert "no passphrase" in error
    assert "--passphrase-file" in hint
    assert list(tmp_path.iterdir()) == []


def test_at_a_terminal_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.prompt", lambda text, **_: f"typed at {text}")
    assert passphrase(None, "moj.key") == b"typed at Passphrase of moj.key"


def test_a_passphrase_file_is_private_and_not_empty(pass_file: Path) -> None:
    pass_file.chmod(0o644)
    with pytest.raises(KeyFileError, match="other users can read"):
        passphrase(pass_file, "x")
    pass_file.chmod(0o600)
    pass_file.write_text("\nsecond")
    with pytest.raises(KeyFileError, match="first line is empty"):
        passphrase(pass_file, "x")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--purpose", "linkage", "--party", "a"],
        ["--purpose", "linkage", "--role", "owner"],
        ["--party", "a"],
        ["--purpose", "signing"],
        ["--party", "a", "--role", "umpire"],
    ],
)
def test_wrong_usage(arguments: list[str], tmp_path: Path) -> None:
    assert run(["keygen", *arguments, "--out", str(tmp_path / "k")]) == 2
    assert list(tmp_path.iterdir()) == []
