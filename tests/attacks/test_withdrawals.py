"""One message blocks nobody: a withdrawal that is wrong is refused, with a receipt, and no more.

An owner with correct keys names rows that are not in its submission. A linker that took it would be
refused its run both with it and without it.
"""

from pathlib import Path
from typing import Any

import pytest

from attacks.test_signed_facts import links_of, played, take_in, withdrawn
from blindlink.errors import InputError, RefusedError, VerificationError
from blindlink.files import read_bytes
from blindlink.linker.protocol import project
from blindlink.linker.protocol.project import Project
from blindlink.messages.audit.withdrawal_receipt import load
from blindlink.messages.canonical import digest
from blindlink.messages.submission.withdrawal import read_row_map
from worlds.flow import World, keys


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Every submission has been received."""
    made = played(tmp_path)
    for file in made.files():
        take_in(made, file)
    return made


def invented(
    world: World, monkeypatch: pytest.MonkeyPatch, file: str = "w", **lie: Any
) -> tuple[Path, str]:
    """A withdrawal of rows that nobody has, or of another number of people; and its digest."""

    def other(*arguments: Any) -> Any:
        rows, blobs, names = read_row_map(*arguments)
        return rows ^ lie.get("flip", 0xFF), blobs, names

    with monkeypatch.context() as patched:
        patched.setattr("blindlink.owner.withdraw.read_row_map", other)
        path = withdrawn(world, ["moj-secret-40"], file)
    return path, digest(read_bytes(path, limit=1 << 20))


def events(world: World) -> list[str]:
    log = Project.load(world.folder / "project", world.agreement.digest()).log
    return [entry.event for entry in log.entries]


def test_rows_that_nobody_has_are_refused_and_receipted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, file = invented(world, monkeypatch)
    with pytest.raises(VerificationError, match="is for another submission of this owner"):
        take_in(world, "w")
    assert events(world)[-1] == "withdrawal-refused"
    entry = len(events(world)) - 1
    receipt = load(
        world.folder / f"project/receipts/moj-withdrawal-{entry}.receipt", keys("ttp").public, file
    ).document
    assert (receipt.outcome, receipt.withdrawal, receipt.rows) == ("refused", "", 0)
    assert "another submission" in receipt.reason
    assert path.exists()


def test_the_run_goes_on_without_it_and_the_right_one_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    invented(world, monkeypatch)
    with pytest.raises(VerificationError):
        take_in(world, "w")
    right = withdrawn(world, ["moj-secret-40"], "right")
    take_in(world, "right")
    world.link(withdrawals=[right])
    cohort = world.cohort()
    assert cohort.info["counts"]["moj"]["withdrawn"] == 1
    assert len(cohort.links) == links_of(world) - (len(world.owners) - 1)


def test_the_same_wrong_one_again_changes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    invented(world, monkeypatch)
    for _ in range(3):
        with pytest.raises(VerificationError):
            take_in(world, "w")
    assert events(world).count("withdrawal-refused") == 1


def test_wrong_ones_do_not_fill_the_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "WITHDRAWALS", 2)
    for number in range(3):
        invented(world, monkeypatch, f"w{number}", flip=number + 1)
        with pytest.raises(RefusedError if number == 2 else VerificationError):
            take_in(world, f"w{number}")
    assert events(world).count("withdrawal-refused") == 2


def test_it_is_held_against_the_submission_that_was_received_last(
    world: World, tmp_path: Path
) -> None:
    withdrawn(world, ["moj-secret-40"])
    world.submit("moj", "second", sequence=2)
    take_in(world, "second")
    with pytest.raises(InputError, match="is not the submission of moj that was received last"):
        take_in(world, "w", "moj.submission")
    with pytest.raises(VerificationError, match="is for another submission of this owner"):
        take_in(world, "w", "second")
    assert events(world)[-1] == "withdrawal-refused"
    world.link(*world.files("second"))
    assert len(world.cohort().links) == links_of(world)


def test_a_receipt_of_a_withdrawal_that_counts(world: World) -> None:
    path = withdrawn(world, ["moj-secret-40"])
    take_in(world, "w")
    entry = len(events(world)) - 1
    receipt = load(
        world.folder / f"project/receipts/moj-withdrawal-{entry}.receipt",
        keys("ttp").public,
        digest(read_bytes(path, limit=1 << 20)),
    ).document
    assert (receipt.outcome, receipt.rows, receipt.reason) == ("accepted", 1, "")
