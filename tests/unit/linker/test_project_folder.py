"""The linker's folder: one command at a time, a strict log, and a restore that is found out."""

import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from blindlink import system
from blindlink.errors import FormatError, InputError, OutputError, RefusedError, VerificationError
from blindlink.linker.protocol import lock, project
from blindlink.linker.protocol.destroy import destroy
from blindlink.linker.protocol.lock import locked
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.project import Project
from blindlink.linker.protocol.receive import receive
from blindlink.messages.acting import Acting
from blindlink.messages.audit import log as audit
from blindlink.messages.audit.log import AuditLog, Head
from blindlink.messages.audit.receipt import load_receipt
from blindlink.messages.container import reader as container
from blindlink.messages.signed import Signed
from blindlink.owner.withdraw import withdraw
from worlds.flow import NOW, World, finished, keys

AGREEMENT = "ab" * 32


def take_in(world: World, file: str, **options: Any) -> Any:
    submission = world.folder / "moj.submission"
    sent = submission if container.kind_of(world.folder / file) == "withdrawal" else None
    sent = options.pop("submission", sent)
    place = Place(world.folder / "project", **options)
    return receive(world.folder / file, world.acting("ttp"), place, submission=sent)


def withdrawn(world: World, name: str = "leave") -> str:
    withdraw(
        ["moj-secret-31"],
        world.folder / "moj.submission.rows",
        Acting(world.agreement, keys("moj"), NOW),
        world.folder / name,
        force=True,
    )
    return name


def end(world: World, key_file: Path, **options: Any) -> Any:
    key_file.write_text("x")
    return destroy(
        Place(world.folder / "project", options.pop("witness", None)),
        world.acting("ttp"),
        key_file,
        **options,
    )


class TestOneAtATime:
    def test_no_entry_is_lost(self, tmp_path: Path) -> None:
        """Owners' files come in at the same moment: the log has them all, and so do receipts."""
        world = World(tmp_path, owners=("moj", "ohid", "nhs"))
        for name in world.owners:
            world.submit(name)
        together = [
            Thread(target=take_in, args=(world, f"{name}.submission")) for name in world.owners
        ]
        for each in together:
            each.start()
        for each in together:
            each.join()
        log = AuditLog.load(tmp_path / "project" / "audit.log")
        received = [str(entry.details.get("owner")) for entry in log.entries[1:]]
        assert sorted(received) == sorted(world.owners)
        for name in world.owners:
            path = tmp_path / "project" / "receipts" / f"{name}-1.receipt"
            head = load_receipt(path, keys("ttp").public, None).document.head.signed()
            audit.verify_log(log, head, keys("ttp").public, name)

    @pytest.mark.parametrize(
        "work",
        [
            lambda world: take_in(world, "ohid.submission"),
            lambda world: take_in(world, withdrawn(world)),
            lambda world: world.link(),
            lambda world: end(world, world.folder / "k"),
        ],
        ids=["receive", "withdraw", "link", "destroy"],
    )
    def test_others_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[[World], Any]
    ) -> None:
        world = World(tmp_path)
        for name in world.owners:
            world.submit(name)
        take_in(world, "moj.submission")
        before = (tmp_path / "project" / "audit.log").read_bytes()
        monkeypatch.setattr(lock, "WAIT", 0)
        with locked(tmp_path / "project"), pytest.raises(RefusedError, match="another command"):
            work(world)
        assert (tmp_path / "project" / "audit.log").read_bytes() == before
        work(world)
        assert (tmp_path / "project" / "audit.log").read_bytes() != before

    def test_one_waits_for_the_other(self, tmp_path: Path) -> None:
        order: list[str] = []

        def second() -> None:
            with locked(tmp_path):
                order.append("second")

        other = Thread(target=second)
        with locked(tmp_path):
            other.start()
            time.sleep(3 * system.PAUSE)
            order.append("first")
        other.join()
        assert order == ["first", "second"]

    def test_a_folder_that_cannot_be_locked(self, tmp_path: Path) -> None:
        (tmp_path / ".lock").mkdir()
        with pytest.raises(OutputError, match="is a directory"), locked(tmp_path):
            pass

    def test_there_is_nothing_to_lock(self, tmp_path: Path) -> None:
        with locked(tmp_path / "none"):
            assert not (tmp_path / "none").exists()


class TestTheLog:
    @pytest.mark.parametrize(
        ("event", "details"),
        [
            ("project-opened", {}),
            ("submission-received", {"owner": "moj"}),
            ("withdrawal-received", {"bundle": ["x"], "withdrawal": "x"}),
        ],
    )
    def test_an_entry_that_lacks_something(
        self, tmp_path: Path, event: str, details: dict[str, Any]
    ) -> None:
        log = AuditLog.create(tmp_path / "audit.log", "00" * 16)
        if event != "project-opened":
            log.append("project-opened", {"agreement": AGREEMENT}, now=NOW)
        log.append(event, details, now=NOW)
        with pytest.raises(FormatError, match="an entry lacks what its kind has"):
            Project.load(tmp_path, AGREEMENT)

    def test_is_never_too_long_to_be_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = AuditLog.create(tmp_path / "audit.log", "00" * 16)
        log.append("event", {}, now=NOW)
        monkeypatch.setattr(audit, "LIMIT", (tmp_path / "audit.log").stat().st_size)
        with pytest.raises(RefusedError, match="the audit log is full"):
            log.append("event", {}, now=NOW)
        assert len(AuditLog.load(tmp_path / "audit.log").entries) == len(log.entries) == 1

    def test_is_for_the_linker_alone(self, tmp_path: Path) -> None:
        Project.open(tmp_path / "p", AGREEMENT, now=NOW)
        assert stat.S_IMODE((tmp_path / "p").stat().st_mode) == 0o700


class TestWithdrawals:
    def received(self, folder: Path) -> World:
        world = World(folder)
        world.submit("moj")
        take_in(world, "moj.submission")
        take_in(world, withdrawn(world))
        return world

    def test_one_bundle_id_is_one_file(self, tmp_path: Path) -> None:
        world = self.received(tmp_path)
        desk = Project.load(tmp_path / "project", world.agreement.digest())
        entry = desk.log.entries[-1].details
        found = _manifest(tmp_path / "leave")
        again = found.model_copy(update={"content": {"rows": 2}})
        desk.withdraw("moj", found, entry["submission"], 1, now=NOW)
        with pytest.raises(RefusedError, match="another file of this bundle id"):
            desk.withdraw("moj", again, entry["submission"], 1, now=NOW)
        assert len(desk.log.entries) == 3

    def test_nobody_fills_the_log(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        world = self.received(tmp_path)
        monkeypatch.setattr(project, "WITHDRAWALS", 1)
        take_in(world, "leave")
        with pytest.raises(RefusedError, match="moj: more than 1 withdrawals"):
            take_in(world, withdrawn(world, "again"))


def _manifest(path: Path) -> Any:
    with container.opened(path, "withdrawal") as sealed:
        return sealed.manifest


class TestReceipt:
    def test_written_again_after_the_run_it_does_not_tell_of_it(self, tmp_path: Path) -> None:
        world = finished(tmp_path)
        path = tmp_path / "project" / "receipts" / "moj-1.receipt"
        before = load_receipt(path, keys("ttp").public, None).document
        path.unlink()
        take_in(world, "moj.submission")
        after = load_receipt(path, keys("ttp").public, None).document
        assert (after.head.document.size, after.path) == (before.head.document.size, before.path)


class TestWitness:
    def test_a_restored_folder_is_found_out(self, tmp_path: Path) -> None:
        """It has forgotten the re-submission, the run and the destruction."""
        world, kept = World(tmp_path), tmp_path / "kept.head"
        for name in world.owners:
            world.submit(name)
        take_in(world, "moj.submission", witness=kept)
        shutil.copytree(tmp_path / "project", tmp_path / "backup")
        assert Signed.load(kept, Head).document.size == 2
        take_in(world, "ohid.submission", witness=kept)
        world.link(place=Place(tmp_path / "project", kept))
        end(world, tmp_path / "k", witness=kept)
        assert Signed.load(kept, Head).document.size == 6
        shutil.rmtree(tmp_path / "project")
        shutil.copytree(tmp_path / "backup", tmp_path / "project")
        for work in (
            lambda: take_in(world, "ohid.submission", witness=kept),
            lambda: take_in(world, withdrawn(world), witness=kept),
            lambda: world.link(out="again", place=Place(tmp_path / "project", kept)),
            lambda: end(world, tmp_path / "k", witness=kept),
        ):
            with pytest.raises(VerificationError, match="had 6 entries") as caught:
                work()
            assert "restored from a backup" in caught.value.hint
        assert not (tmp_path / "again").exists()
        assert (tmp_path / "k").exists()
        shutil.rmtree(tmp_path / "project")
        with pytest.raises(InputError, match="no such file"):
            take_in(world, "ohid.submission", witness=kept)

    def test_a_refusal_is_kept_too(self, tmp_path: Path) -> None:
        world = World(tmp_path, terms={"minimum_overlap": 1000})
        for name in world.owners:
            world.submit(name)
        with pytest.raises(RefusedError, match="fewer links"):
            world.link(place=Place(tmp_path / "project", tmp_path / "kept.head"))
        assert Signed.load(tmp_path / "kept.head", Head).document.size == 5

    def test_nothing_is_kept_of_a_folder_that_never_was(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        world.submit("moj")
        name = withdrawn(world)
        with pytest.raises(InputError):
            take_in(world, name, witness=tmp_path / "kept.head")
        assert not (tmp_path / "kept.head").exists()
