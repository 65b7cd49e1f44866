"""``agreement`` and ``inspect`` as people use them, from draft to received secret."""

import json
from pathlib import Path

import pytest

from blindlink.cli import run
from blindlink.cli.passphrase import VARIABLE
from blindlink.cli.text.agreement import printable
from blindlink.keys import LinkageKey
from blindlink.messages.agreement.draft import template
from worlds.parties import NOW, PASSPHRASE, ROLES, SCHEMA, entropy, keys, secret


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every party's files in one folder, with the passphrase set."""
    text = template().replace('"analyst.key.public"', '"lab.key.public"')
    (tmp_path / "draft.toml").write_text(text)
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "pass").touch(mode=0o600)
    (tmp_path / "pass").write_bytes(PASSPHRASE + b"\n")
    for name in ROLES:
        keys(name).public.save(tmp_path / f"{name}.key.public")
    keys("carol").public.save(tmp_path / "checker.key.public")
    secret().save(tmp_path / "linkage.key")
    # A cheap passphrase hash: its real cost is tested with the keys.
    monkeypatch.setattr("blindlink.keys.party.MEMORY_KIB", 64)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "pass"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save_keys(folder: Path, *names: str) -> None:
    for name in names:
        keys(name).save(folder / f"{name}.key", PASSPHRASE, entropy=entropy(name))


def test_the_template_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["agreement", "new", "--template"]) == 0
    assert capsys.readouterr().out == template()


def test_from_draft_to_secret(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_keys(folder, *ROLES)
    new = ["agreement", "new", "draft.toml", "--secret-file", "linkage.key", "--out", "0"]
    assert run(new) == 0
    digest = capsys.readouterr().out.split()[1]
    assert run(new) == 13
    assert run(["agreement", "check", "0"]) == 16
    for number, name in enumerate(ROLES):
        step = ["agreement", "sign", str(number), "--keys", f"{name}.key"]
        assert run([*step, "--out", str(number + 1)]) == 0
    out = capsys.readouterr().out.splitlines()
    waiting = ["ohid, ttp, lab", "ttp, lab", "lab"]
    assert out == [*(f"still to sign: {names}" for names in waiting), "signed by every party"]
    assert run(["agreement", "check", "4", "--party", "moj.key.public", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["digest"] == digest
    send = ["agreement", "send-secret", "--agreement", "4", "--keys", "moj.key"]
    assert run([*send, "--secret-file", "linkage.key", "--to", "ohid", "--out", "s"]) == 0
    assert run([*send, "--secret-file", "linkage.key", "--to", "ttp", "--out", "t"]) == 17
    receive = ["agreement", "receive-secret", "s", "--agreement", "4"]
    assert run([*receive, "--keys", "ohid.key", "--out", "k"]) == 0
    assert LinkageKey.load(folder / "k") == secret()
    assert run([*receive, "--keys", "lab.key", "--out", "l"]) == 17
    assert not (folder / "t").exists()
    assert not (folder / "l").exists()
    printed = capsys.readouterr()
    assert secret().secret.hex() not in printed.out + printed.err


def test_show_for_a_governance_board(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = ["agreement", "new", "draft.toml", "--secret-file", "linkage.key", "--out", "a"]
    assert run(new) == 0
    capsys.readouterr()
    assert run(["agreement", "show", "a"]) == 0
    out = capsys.readouterr().out
    assert keys("carol").public.fingerprint() in out
    for heading in ("Parties", "Who learns what", "What leaves each owner", "Terms", "Waivers"):
        assert f"\n{heading}" in out
    assert "version 1: not signed by moj, ohid, ttp, lab" in out
    assert keys("lab").public.fingerprint() in out
    assert "none: no organisation and no key stands in two roles" in out
    assert max(map(len, out.splitlines())) < 140
    assert run(["agreement", "show", "a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["project"] == "drug-treatment-study"


def test_a_waiver_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = keys("lab").public.model_copy(update={"organisation": "Organisation of moj"})
    other.save(folder / "lab.key.public", force=True)
    new = ["agreement", "new", "draft.toml", "--secret-file", "linkage.key", "--out", "a"]
    assert run(new) == 10
    assert "same-organisation, and no waiver" in capsys.readouterr().err
    text = (folder / "draft.toml").read_text()
    start = text.index("# [[waivers]]")
    lines = (line.removeprefix("# ") for line in text[start:].splitlines())
    waiver = "\n".join(lines).replace('"analyst"', '"lab"')
    (folder / "draft.toml").write_text(text[:start] + waiver)
    assert run(new) == 0
    assert run(["agreement", "show", "a"]) == 0
    assert "moj and lab: same-organisation, by Name and office" in capsys.readouterr().out


def test_text_cannot_deceive_a_terminal() -> None:
    assert printable("a\x1b[2Jb\nc\u202ed") == "a?[2Jb\nc?d"


def test_wrong_usage(folder: Path) -> None:
    assert run(["agreement", "new"]) == 2
    assert run(["agreement", "new", "draft.toml"]) == 2
    assert run(["agreement", "show", "missing"]) == 10
    assert run(["audit", "verify", "log", "--linker", "ttp.key.public"]) == 2


def test_inspect(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "moj.key.public"]) == 0
    assert f"fingerprint: {keys('moj').public.fingerprint()}\n" in capsys.readouterr().out
    assert run(["inspect", "linkage.key", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "blindlink-linkage-key-v1"
    assert run(["inspect", "draft.toml"]) == 14


def test_inspect_nested(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from blindlink.messages.container import reader as container
    from worlds.parties import LATER

    with container.create(
        folder / "c",
        "submission",
        sender=keys("moj"),
        agreement="0" * 64,
        bundle="ab" * 16,
        now=NOW,
        expires=LATER,
    ) as draft:
        with draft.section("encodings", keys("ttp").public) as out:
            out.write(b"12345")
        draft.content = {"rows": 1, "bits": [1, 2]}
    assert run(["inspect", "c"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "content:" in lines
    assert "  bits: 1, 2" in lines
    assert "  name: encodings" in lines
