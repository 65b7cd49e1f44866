"""Proofs out of a log, and what owners and auditors kept of it, with the log and without."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from blindlink.errors import BlindlinkError, FormatError, InputError, OutputError, VerificationError
from blindlink.linker.protocol.project import REFUSED, RELEASED, Project
from blindlink.messages import canonical
from blindlink.messages.audit.kept import Checked, head_in, prove_file, verify_kept
from blindlink.messages.audit.log import AuditLog
from blindlink.messages.audit.proofs import Consistency, Inclusion, load_proof
from unit.messages.test_audit_log import LOG_ID, history_of, log_of
from worlds.parties import NOW, keys, project_event

TTP = keys("ttp")
SIZES = range(9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log of eight entries, and the heads of all its states: 0.head to 8.head."""
    log = log_of(tmp_path / "log", 0)
    TTP.public.save(tmp_path / "ttp")
    for size in SIZES:
        if size:
            log.append(*project_event(size - 1), now=NOW)
        log.head(TTP, now=NOW).save(tmp_path / f"{size}.head")
    return tmp_path


def prove(folder: Path, head: int, out: str = "proof", **options: Any) -> Consistency | Inclusion:
    if "since" in options:
        options["since"] = folder / f"{options['since']}.head"
    files = folder / "log", folder / "ttp", folder / f"{head}.head", folder / out
    return prove_file(*files, force=True, **options)


def verify(folder: Path, *files: str, log: bool = False) -> Checked:
    paths = [folder / name for name in files]
    heads = [path for path in paths if path.suffix == ".head"]
    proofs = [path for path in paths if path.suffix != ".head"]
    return verify_kept(folder / "log" if log else None, folder / "ttp", heads, (), proofs, now=NOW)


@pytest.mark.parametrize("log", [True, False])
def test_every_state_leads_on_to_every_later_one(folder: Path, log: bool) -> None:
    for first in SIZES[1:]:
        for second in SIZES[first:]:
            made = prove(folder, second, since=first)
            assert load_proof(folder / "proof") == made
            found = verify(folder, f"{first}.head", "proof", log=log)
            assert (found.heads, found.size) == (2, 8 if log else second)


@pytest.mark.parametrize("log", [True, False])
def test_every_entry_is_shown_to_be_there(folder: Path, log: bool) -> None:
    for size in SIZES[1:]:
        for index in range(size):
            made = prove(folder, size, entry=index)
            assert isinstance(made, Inclusion)
            assert made.entry.details == project_event(index)[1]
            assert verify(folder, "proof", log=log).entries == 1


def test_heads_lead_on_by_several_proofs(folder: Path) -> None:
    """A chain, as for somebody who asks for a proof every month."""
    for first, second in ((2, 5), (5, 6), (6, 8)):
        prove(folder, second, f"{first}-{second}", since=first)
    found = verify(folder, "0.head", "2.head", "2-5", "5.head", "5-6", "6-8")
    assert (found.log, found.size, found.heads) == (LOG_ID, 8, 6)
    with pytest.raises(VerificationError, match="no proof leads on from its 5 entries"):
        verify(folder, "2.head", "2-5", "6-8")
    with pytest.raises(VerificationError, match="no proof leads on from its 2 entries"):
        verify(folder, "2.head", "8.head")


def test_one_head_alone_holds(folder: Path) -> None:
    assert verify(folder, "4.head").size == 4
    assert verify(folder, "0.head").size == 0


def test_a_log_that_was_split_is_found_out_without_the_log(folder: Path) -> None:
    log_of(folder / "other", 4, salt=100).head(TTP, now=NOW).save(folder / "split.head")
    with pytest.raises(VerificationError, match="not that of another head") as caught:
        verify(folder, "4.head", "split.head")
    assert "two logs" in caught.value.hint


def test_a_log_that_was_rewritten_has_no_proof(folder: Path) -> None:
    rewritten = history_of(folder / "log", 6, salt=100)
    rewritten.head(TTP, now=NOW).save(folder / "new.head")
    with pytest.raises(VerificationError, match="rewritten before entry 4"):
        prove_file(
            folder / "log",
            folder / "ttp",
            folder / "new.head",
            folder / "p",
            since=folder / "4.head",
        )
    assert not (folder / "p").exists()
    forged = Consistency(
        size=4,
        path=tuple(rewritten.consistency(4)),
        head={"document": rewritten.head(TTP, now=NOW).document.model_dump()}
        | {"signatures": rewritten.head(TTP, now=NOW).signatures.model_dump()},
    )
    forged.save(folder / "p")
    with pytest.raises(VerificationError, match="does not extend"):
        verify(folder, "4.head", "p")
    history_of(folder / "log", 8)
    with pytest.raises(VerificationError, match="p: the log was rewritten"):
        verify(folder, "p", log=True)


def edited(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    document = canonical.loads((folder / "proof").read_bytes()[:-1])
    edit(document)
    (folder / "proof").write_bytes(canonical.dumps(document) + b"\n")


@pytest.mark.parametrize(
    ("edit", "error", "message"),
    [
        (lambda d: d.update(path=d["path"][:-1]), VerificationError, "consistency proof"),
        (lambda d: d.update(path=["0" * 64, *d["path"]]), VerificationError, "consistency proof"),
        (lambda d: d.update(size=3), VerificationError, "no proof leads on from its 4"),
        (lambda d: d.update(size=0), FormatError, "size"),
        (lambda d: d.update(x=1), FormatError, "x: is not known"),
        (lambda d: d.update(format="blindlink-audit-other-v1"), FormatError, "format"),
        (lambda d: d["head"]["document"].update(size=7), VerificationError, "signature of ttp"),
        (lambda d: d.update(head=1), FormatError, "head"),
    ],
)
def test_a_changed_consistency_proof_is_refused(
    folder: Path, edit: Any, error: type[BlindlinkError], message: str
) -> None:
    prove(folder, 8, since=4)
    edited(folder, edit)
    with pytest.raises(error, match=message):
        verify(folder, "4.head", "proof")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda d: d["entry"].update(index=4), "does not lead"),
        (lambda d: d["entry"]["details"].update(number=9), "does not lead"),
        (lambda d: d["path"].pop(), "too short"),
        (lambda d: d["path"].append("0" * 64), "too long"),
    ],
)
def test_a_changed_inclusion_proof_is_refused(folder: Path, edit: Any, message: str) -> None:
    prove(folder, 8, entry=3)
    edited(folder, edit)
    with pytest.raises(VerificationError, match=message):
        verify(folder, "proof")


def test_a_proof_of_another_log_or_from_elsewhere(folder: Path) -> None:
    prove(folder, 8, since=4)
    other = AuditLog.create(folder / "b", "ab" * 16)
    other.append("event", {}, now=NOW)
    other.head(TTP, now=NOW).save(folder / "b.head")
    with pytest.raises(VerificationError, match="is of another log"):
        verify(folder, "b.head", "proof")
    proof = load_proof(folder / "proof")
    assert isinstance(proof, Consistency)
    with pytest.raises(VerificationError, match="is of another log"):
        proof.verify(other.head(TTP, now=NOW).document, "p")
    with pytest.raises(VerificationError, match="leads on from 4 entries, not 5"):
        proof.verify(head_in(folder / "5.head").document, "p")


def test_what_has_no_proof(folder: Path) -> None:
    with pytest.raises(InputError, match="no proof leads from 5 entries to 3"):
        prove(folder, 3, since=5)
    with pytest.raises(InputError, match="no proof leads from 0 entries"):
        prove(folder, 3, since=0)
    with pytest.raises(InputError, match="has no entry 3"):
        prove(folder, 3, entry=3)
    with pytest.raises(OutputError):
        prove_file(folder / "log", folder / "ttp", folder / "3.head", folder / "log", entry=0)


def test_heads_are_found_in_heads_and_proofs(folder: Path) -> None:
    prove(folder, 8, since=4)
    assert head_in(folder / "proof").document.size == 8
    assert head_in(folder / "4.head").document.size == 4
    for data, message in ((b"[1]\n", "not a proof"), (b"{}\n", "not a proof"), (b"1", "line feed")):
        (folder / "x").write_bytes(data)
        with pytest.raises(FormatError, match=message):
            head_in(folder / "x")


def test_a_proof_does_not_let_an_owner_guess_how_the_run_ended(tmp_path: Path) -> None:
    """The hash of the last entry may stand in a proof; two equal endings have different hashes."""
    leaves = set()
    for number in range(2):
        project = Project.open(tmp_path / str(number), "ab" * 32, now=NOW)
        for outcome in (REFUSED, RELEASED):
            project.finish(outcome, {}, now=NOW)
        leaves |= set(project.log.leaves[1:])
    assert len(leaves) == 4
