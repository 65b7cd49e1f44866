"""``linker receive | head`` and ``audit show | prove | verify``, as linker, owner and auditor."""

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from blindlink import frames
from blindlink.cli import run
from blindlink.keys import party as party_keys
from blindlink.messages.audit.log import AuditLog
from worlds.files import STRETCHED, head, link, party, prepare, receive, submit
from worlds.flow import NOW, SECRET, keys
from worlds.parties import project_event

LOG = "project/audit.log"
LINKER = ("--linker", "ttp.public")
RECEIPT = "project/receipts/moj-1.receipt"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two owners, the second of which sent its data twice; heads before, between and behind."""
    folder = tmp_path_factory.mktemp("audited")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(party_keys, "_stretch", STRETCHED)
        patch.chdir(folder)
        prepare(folder)
        assert submit("moj") == receive("moj.submission") == head("1.head") == 0
        assert submit("ohid") == receive("ohid.submission") == head("2.head") == 0
        assert submit("ohid", "--sequence", "2", "--force") == receive("ohid.submission") == 0
        frames.write_table(pa.table({"entity_id": ["moj-secret-31"]}), folder / "leave.csv")
        rows = ["--row-map", "moj.submission.rows", "--out", "moj.withdrawal"]
        assert run(["owner", "withdraw", "leave.csv", *rows, *party("moj")]) == 0
        assert receive("moj.withdrawal") == 0
        files = ("moj.submission", "ohid.submission", "--withdrawal", "moj.withdrawal")
        assert link(*files) == head("3.head") == 0
    return folder


@pytest.fixture
def folder(
    played: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Path:
    shutil.copytree(played, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(party_keys, "_stretch", STRETCHED)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    return tmp_path


def verify(*files: str) -> int:
    return run(["audit", "verify", *LINKER, *files])


def prove(later: str, *more: str, out: str = "proof") -> int:
    return run(["audit", "prove", LOG, *LINKER, "--head", later, *more, "--out", out, "--force"])


def test_an_owner_holds_its_receipt_against_what_it_sent(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = ["--receipt", "project/receipts/moj-1.receipt"]
    mine = ["--submission", "moj.submission", "--party", "moj.public"]
    assert verify(*kept, *mine) == 0
    assert verify(*kept, *mine[:2]) == 2
    assert verify(*kept, "--submission", "ohid.submission", *mine[2:]) == 15
    assert "is for no submission that moj sent" in capsys.readouterr().err


def test_the_log_is_shown(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", "show", LOG]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[2].rstrip(":") for line in lines] == [
        "project-opened",
        *["submission-received"] * 3,
        *("withdrawal-received", "inputs-frozen", "released"),
    ]
    assert run(["audit", "show", LOG, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [entry["index"] for entry in shown["entries"]] == list(range(7))


def test_an_owner_follows_the_log_without_seeing_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From its receipt to the head of the next month, and on to the one behind the run."""
    assert prove("2.head", "--since", RECEIPT, out="1") == 0
    assert prove("3.head", "--since", "2.head", out="2") == 0
    capsys.readouterr()
    proofs = ("--proof", "1", "--proof", "2")
    assert verify("--receipt", RECEIPT, "--head", "2.head", *proofs, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["heads"], found["entries"], found["size"]) == (4, 1, 7)
    assert verify("--receipt", RECEIPT, "--head", "2.head", "--proof", "2") == 15
    assert "no proof leads on from its 2 entries" in capsys.readouterr().err
    data = (folder / "1").read_bytes() + (folder / "2").read_bytes()
    assert b"released" not in data
    assert b"withdrawal" not in data


def test_one_entry_is_proved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert prove("3.head", "--entry", "1") == 0
    assert verify("--proof", "proof") == 0
    out = capsys.readouterr().out
    assert "1 entries are proved to be in it" in out
    (folder / "proof").write_bytes((folder / "proof").read_bytes().replace(b"moj", b"mok"))
    assert verify("--proof", "proof") == 15


def test_an_auditor_checks_the_log_itself(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    heads = ["--head", "1.head", "--head", "2.head", "--head", "3.head", "--receipt", RECEIPT]
    assert verify(LOG, *heads) == 0
    assert "the log of 7 entries extends all 4 heads" in capsys.readouterr().out
    log = AuditLog.create(folder / LOG, AuditLog.load(folder / LOG).log_id, force=True)
    log.append(*project_event(0), now=NOW)
    assert verify(LOG, *heads) == 15
    assert "error: 1.head: had 2 entries" in capsys.readouterr().err
    for number in range(1, 9):
        log.append(*project_event(number), now=NOW)
    assert verify(LOG, *heads) == 15
    assert "rewritten before entry 2" in capsys.readouterr().err
    assert prove("3.head", "--since", "1.head") == 15


def test_a_second_log_is_found_out_by_comparing_heads(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = AuditLog.create(folder / "other.log", AuditLog.load(folder / LOG).log_id)
    for number in range(2):
        log.append("event", {"number": number}, now=NOW)
    log.head(keys("ttp"), now=NOW).save(folder / "other.head")
    assert verify("--head", "1.head", "--head", "other.head") == 15
    assert "compare heads with the other parties" in capsys.readouterr().err


def test_what_came_in_before(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same again changes nothing; what is new comes too late."""
    assert receive("ohid.submission", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["kind"], shown["owner"], shown["sequence"]) == ("submission", "ohid", 2)
    assert receive("moj.withdrawal", "--json") == 0
    assert (
        json.loads(capsys.readouterr().out)["receipt"]
        == "project/receipts/moj-withdrawal-4.receipt"
    )
    assert submit("moj", "--sequence", "2", "--force") == 0
    assert receive("moj.submission") == 17
    assert "the inputs are frozen" in capsys.readouterr().err
    assert len(AuditLog.load(folder / LOG).entries) == 7


def test_a_withdrawal_without_a_submission_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(folder / "project")
    assert receive("ohid.submission") == 17  # the keys remember
    for kept in folder.glob("ttp.key.*"):
        if kept.suffix in (".projects", ".head"):
            kept.unlink()
    assert receive("ohid.submission") == 0
    assert receive("moj.withdrawal") == 15
    assert "no submission of moj was received" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "code"), [("study.agreement", 14), ("study.release", 14), ("nothing", 10)]
)
def test_what_is_no_submission(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str, code: int
) -> None:
    assert receive(file) == code
    assert capsys.readouterr().err.startswith(f"error: {file}: ")


def test_heads_only_of_the_linker_and_its_project(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["linker", "head", "project", *party("moj"), "--out", "h"]) == 16
    assert run(["linker", "head", "nowhere", *party("ttp"), "--out", "h"]) == 10
    assert head("1.head") == 13
    assert not (folder / "h").exists()


def test_every_file_of_ours_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the flow left behind, without a key and without a secret in what is printed."""
    assert prove("3.head", "--since", "1.head", out="one.proof") == 0
    assert prove("3.head", "--entry", "2", out="two.proof") == 0
    foreign = {".csv", ".parquet", ".html", ""}
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix not in foreign]
    assert len(files) >= 22
    capsys.readouterr()
    for path in files:
        assert run(["inspect", str(path)]) == 0, path
        shown = capsys.readouterr().out
        assert "what: " in shown, path
        assert SECRET.secret.hex() not in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", *LINKER],
        ["prove", LOG, *LINKER, "--head", "1.head", "--out", "p"],
        ["prove", LOG, *LINKER, "--head", "1.head", "--out", "p", "--since", "x", "--entry", "1"],
    ],
)
def test_usage(folder: Path, arguments: list[str]) -> None:
    assert run(["audit", *arguments]) == 2


@pytest.mark.parametrize("command", ["show", "prove", "verify"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit", command, "-h"]) == 0
    assert f"blindlink audit {command} " in capsys.readouterr().out.split("Example:")[1]
