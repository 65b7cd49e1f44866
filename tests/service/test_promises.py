"""What cannot be repaired afterwards: destruction, withdrawals, time, storage, backups."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from blindlink.client import attesting
from blindlink.client.connection import RefusalError
from blindlink.errors import InputError, ServiceError, VerificationError
from blindlink.keys.files import write_private
from blindlink.messages.audit import erasure, withdrawal_receipt
from blindlink.messages.audit.log import AuditLog
from blindlink.service.context import Service
from blindlink.service.data import schema
from blindlink.service.data.models import Peer, Project
from blindlink.service.data.states import JobKind
from blindlink.service.data.storage import Storage
from blindlink.service.domain import clock, destruction
from blindlink.service.jobs import maintenance
from blindlink.service.jobs.worker import Worker
from blindlink.service.recovery import backup
from blindlink.service.settings import Settings, Work
from worlds import flow
from worlds import opened as releases
from worlds import service as world
from worlds.service import Served

PATIENT = replace(world.WORK, lease=600.0)  # nobody takes over while a test looks


@pytest.fixture
def still(submitted: flow.World, database_url: str) -> Iterator[Served]:
    """A service with an open project, in which nothing works by itself."""
    with world.served(submitted, database_url, workers=False, work=PATIENT) as found:
        found.worker()
        found.client("operator").open()
        found.work()
        yield found


def state(served: Served) -> str:
    return str(served.client("operator").project()["state"])


def log_of(served: Served) -> AuditLog:
    return served.client("auditor").log(served.folder / "audit.log", force=True)


class TestDestruction:
    """It is claimed when every holder of the key has signed for its copy, and by nobody else."""

    def test_a_worker_without_the_key_destroys_nothing(self, still: Served, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        stranger = still.worker(tmp_path / "empty")
        still.client("operator").destroy()
        assert not stranger.step()
        assert state(still) == "open"
        assert list(still.service.settings.key_folder.glob("*.key"))
        still.work()
        assert state(still) == "destroyed"

    def test_nor_does_it_spoil_an_upload(self, still: Served, tmp_path: Path) -> None:
        sent = still.send("moj", "moj.submission")
        (tmp_path / "empty").mkdir()
        assert not still.worker(tmp_path / "empty").step()
        still.work()
        assert still.client("moj").settle(sent["id"])["state"] == "accepted"

    def test_two_key_folders_both_sign(self, still: Served, tmp_path: Path) -> None:
        world.save_linker_key(tmp_path / "second")
        second = still.worker(tmp_path / "second")
        still.client("operator").destroy()
        still.work()
        assert state(still) == "ending"
        assert list((tmp_path / "second").glob("*.key"))
        assert [each["attested"] for each in still.client("auditor").end()["holders"]].count(
            False
        ) == 1
        while second.step():
            pass
        assert state(still) == "destroyed"
        assert not list((tmp_path / "second").glob("*.key"))
        events = [each.event for each in log_of(still).entries]
        assert events[-4:] == ["destruction-begun", "key-erased", "key-erased", "destroyed"]

    def test_so_does_the_custodian_of_a_copy(self, still: Served, tmp_path: Path) -> None:
        key = Ed25519PrivateKey.generate()
        write_private(tmp_path / "archive.key", key.private_bytes_raw())
        client = still.client("operator")
        client.add_custodian("the archive", key.public_key().public_bytes_raw().hex())
        client.destroy()
        still.work()
        assert state(still) == "ending"
        forged = attesting.sign(client, tmp_path / "archive.key").model_copy(
            update={"signature": "0" * 128}
        )
        with pytest.raises(RefusalError, match="did not sign"):
            client.attest(forged)
        client.attest(attesting.sign(client, tmp_path / "archive.key"))
        assert state(still) == "destroyed"
        assert log_of(still).entries[-1].details == {"attested": 2, "lost": 0}

    def test_a_custodian_who_is_lost_is_named_for_ever(self, still: Served) -> None:
        holder = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
        still.client("operator").add_custodian("the archive", holder)
        still.client("operator").destroy()
        still.work()
        with still.service.database.write() as session:
            project = session.get_one(Project, still.agreement.digest())
            destruction.give_up(session, still.service, project, holder, ["Ada", "Bela"])
        assert state(still) == "destroyed"
        assert log_of(still).entries[-1].details == {"attested": 1, "lost": 1}
        assert log_of(still).entries[-2].details["by"] == ["Ada", "Bela"]

    def test_the_last_head_counts_the_beginning_of_the_end(self, still: Served) -> None:
        still.client("operator").destroy()
        still.work()
        head = still.client("moj").head(still.folder / "last.head").document
        log = log_of(still)
        assert log.entries[head.size - 1].event == "destruction-begun"

    def test_an_auditor_finds_out_a_claim_without_attestations(self, still: Served) -> None:
        still.client("operator").destroy()
        still.work()
        head = still.client("moj").head(still.folder / "last.head").document
        entries = log_of(still).entries
        without = [each for each in entries if each.event != "key-erased"]
        with pytest.raises(VerificationError, match="did not attest"):
            erasure.attested(without, head.size)
        with pytest.raises(VerificationError, match="behind"):
            erasure.attested(entries, head.size - 1)

    def test_a_key_that_comes_back_is_erased_again(self, still: Served) -> None:
        folder = still.service.settings.key_folder
        still.client("operator").destroy()
        still.work()
        world.save_linker_key(folder)
        still.work()
        assert not list(folder.glob("*.key"))
        assert state(still) == "destroyed"


class TestWithdrawals:
    """What came before the freeze counts, in the order in which it came."""

    def ready(self, still: Served, names: tuple[str, ...] = ("moj", "ohid")) -> None:
        for owner in names:
            still.send(owner, f"{owner}.submission")
        still.work()

    def withdrawal(self, still: Served, number: int = 2) -> str:
        people = [f"moj-secret-{40 + place}" for place in range(number)]
        world.withdrawal(still.world, people)
        return "moj.withdrawal"

    def test_one_that_waits_is_honoured_by_the_run(self, still: Served) -> None:
        self.ready(still)
        sent = still.send("moj", self.withdrawal(still))
        still.client("operator").start()
        busy = still.worker()  # a second worker has the withdrawal in hand and is slow
        claim = _claimed(busy)
        assert claim is not None
        other = still.worker()
        while other.step():
            pass
        assert still.client("operator").run()["state"] == "queued"  # it waits
        _put_back(still, claim)
        still.work()
        assert still.client("operator").run()["state"] == "released"
        assert still.client("moj").settle(sent["id"])["state"] == "accepted"
        frozen = next(each for each in log_of(still).entries if each.event == "inputs-frozen")
        assert len(frozen.details["withdrawals"]) == 1
        still.client("analyst").download(still.folder / "study.release")
        left = next(
            each
            for each in releases.opened(still.world, "study.release").owners
            if each.part.name == "moj"
        )
        assert left.part.withdrawals == 1  # one signed message, of two people

    def test_one_that_comes_after_the_run_was_asked_for_is_honoured_too(
        self, still: Served
    ) -> None:
        self.ready(still)
        still.client("operator").start()
        still.send("moj", self.withdrawal(still))
        with pytest.raises(RefusalError, match="run was asked for"):
            still.send("ohid", "ohid.submission")
        still.work()
        frozen = next(each for each in log_of(still).entries if each.event == "inputs-frozen")
        assert len(frozen.details["withdrawals"]) == 1

    def test_it_is_verified_behind_its_own_submission(self, still: Served) -> None:
        still.send("moj", "moj.submission")
        sent = still.send("moj", self.withdrawal(still))
        slow = _claimed(still.worker())  # the submission
        assert slow is not None
        other = still.worker()
        while other.step():
            pass
        assert _state(still, sent["id"]) == "received"
        _put_back(still, slow)
        still.work()
        assert still.client("moj").settle(sent["id"])["state"] == "accepted"

    def test_an_accepted_one_has_a_receipt(self, still: Served) -> None:
        self.ready(still)
        sent = still.send("moj", self.withdrawal(still))
        still.work()
        client, out = still.client("moj"), still.folder / "w.receipt"
        client.receipt(sent["id"], out, None, force=False)
        found = withdrawal_receipt.load(out, still.agreement.agreement.linker, sent["digest"])
        assert found.document.outcome == "accepted"
        assert found.document.rows == 2
        with pytest.raises(VerificationError, match="another one"):
            withdrawal_receipt.load(out, still.agreement.agreement.linker, "0" * 64)

    def test_a_wrong_one_has_a_receipt_and_blocks_nobody(self, still: Served) -> None:
        self.ready(still)
        file = self.withdrawal(still)
        still.world.submit("moj", "again.submission", sequence=2)
        still.send("moj", "again.submission")
        sent = still.send("moj", file)  # for the submission that was replaced
        still.work()
        client, out = still.client("moj"), still.folder / "w.receipt"
        assert client.settle(sent["id"])["state"] == "refused"
        client.receipt(sent["id"], out, None, force=False)
        found = withdrawal_receipt.load(out, still.agreement.agreement.linker, sent["digest"])
        assert found.document.outcome == "refused"
        assert "another submission" in found.document.reason
        still.client("operator").start()
        still.work()
        assert still.client("operator").run()["state"] == "released"

    def test_one_that_a_fault_stopped_stops_the_run_and_is_named(
        self, still: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.ready(still)
        sent = still.send("moj", self.withdrawal(still))
        worker = still.worker()
        monkeypatch.setattr(Storage, "read", _broken)
        for _ in range(400):
            worker.step()
            if still.client("moj").uploads and _state(still, sent["id"]) == "failed":
                break
        monkeypatch.undo()
        with pytest.raises(RefusalError, match="1 withdrawals of moj"):
            still.client("operator").start()
        still.client("operator").retry(sent["id"])
        still.client("operator").start()
        still.work()
        frozen = next(each for each in log_of(still).entries if each.event == "inputs-frozen")
        assert len(frozen.details["withdrawals"]) == 1

    def test_when_it_came_stands_in_the_log_before_it_is_verified(self, still: Served) -> None:
        self.ready(still)
        sent = still.send("moj", self.withdrawal(still))
        entry = log_of_entries(still)[-1]
        assert entry["event"] == "withdrawal-arrived"
        assert entry["details"]["file"] == sent["digest"]


def log_of_entries(served: Served) -> list[dict[str, Any]]:
    path = f"{served.client('moj').path}/audit/entries"
    found: list[dict[str, Any]] = served.raw("moj", "GET", path).json()["items"]
    return found


def _state(served: Served, upload: str) -> str:
    found = served.client("moj")._json("GET", f"{served.client('moj').path}/uploads/{upload}")
    return str(found["state"])


def _broken(*_: object) -> Any:
    raise ValueError("a fault of the machine")


def _claimed(worker: Worker) -> Any:
    """The verification that is next, in the hands of a worker that does nothing about it."""
    from blindlink.service.data import queue

    service, others = worker.service, []
    while True:
        claim = queue.claim(service.database, worker._able(), service.due(), service.settings.work)
        if claim is None or claim.kind == JobKind.VERIFY:
            break
        others.append(claim)
    for other in others:
        _put_back_of(service, other)
    return claim


def _put_back(served: Served, claim: Any) -> None:
    _put_back_of(served.service, claim)


def _put_back_of(service: Service, claim: Any) -> None:
    from blindlink.service.data import queue

    with service.database.write() as session:
        queue.put_back(session, claim, 0.0, service.settings.work)


def _at(served: Served, days: float) -> Service:
    """The same service, whose clock says another day."""
    settings = replace(served.service.settings, clock=lambda: world.clock() + timedelta(days=days))
    return replace(served.service, settings=settings)


def _counted(served: Served, seconds: float) -> None:
    """Time passes since the last look at graces."""
    with served.service.database.write() as session:
        project = session.get_one(Project, served.agreement.digest())
        project.counted = (project.counted or 0.0) - seconds


class TestTime:
    """Nothing is ended by one look at one clock."""

    def test_a_clock_that_is_wrong_for_a_moment_destroys_nothing(self, still: Served) -> None:
        for _ in range(3):
            assert maintenance.end_what_is_due(_at(still, 99)) == 0
        assert still.client("operator").end()["due"]
        maintenance.end_what_is_due(still.service)
        assert not still.client("operator").end()["due"]
        still.work()
        assert state(still) == "open"

    def test_a_leap_counts_as_one_look(self, still: Served) -> None:
        late = _at(still, 99)
        maintenance.end_what_is_due(late)
        _counted(still, 400 * 24 * 3600)
        assert maintenance.end_what_is_due(late) == 0
        left = still.client("operator").end()["grace_left"]
        assert left == pytest.approx(7 * 24 * 3600 - maintenance.LOOK, abs=5)

    def test_after_the_grace_it_happens_without_asking(self, still: Served) -> None:
        late = _at(still, 99)
        maintenance.end_what_is_due(late)
        for _ in range(round(7 * 24 * 3600 / maintenance.LOOK) - 1):
            _counted(still, maintenance.LOOK)
            assert maintenance.end_what_is_due(late) == 0
        _counted(still, maintenance.LOOK)
        assert maintenance.end_what_is_due(late) == 1
        still.work()
        assert state(still) == "destroyed"

    def test_a_legal_hold_stops_the_count(self, still: Served) -> None:
        late = _at(still, 99)
        with still.service.database.write() as session:
            session.get_one(Project, still.agreement.digest()).hold = True
        maintenance.end_what_is_due(late)
        for _ in range(3):
            _counted(still, maintenance.LOOK)
            maintenance.end_what_is_due(late)
        assert still.client("operator").end()["grace_left"] == 7 * 24 * 3600

    def test_a_clock_that_was_set_is_told_to_the_others_at_once(
        self, still: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        worker = still.worker()
        worker.keep_house()
        real = Service.due
        monkeypatch.setattr(Service, "due", staticmethod(lambda: real() + 24 * 3600.0))
        worker.keep_house()
        with still.service.database.read() as session:
            told = session.scalars(select(Peer.offset).where(Peer.name == worker.name)).one()
            told -= real() - (clock.uptime() if still.service.database.sqlite else real())
        assert told > 23 * 3600

    def test_a_process_whose_clock_differs_does_nothing(
        self, still: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        worker = still.worker()
        with still.service.database.write() as session:
            clock.register(still.service, session, "another", "web")
        real = Service.due
        monkeypatch.setattr(Service, "due", staticmethod(lambda: real() + 61 * 24 * 3600.0))
        with pytest.raises(clock.ClockError, match="differ"):
            worker.step()
        with pytest.raises(clock.ClockError):
            maintenance.sweep(still.service)
        assert still.connection("moj")._pool.request("GET", still.url + "/ready").status == 503
        with pytest.raises(RefusalError) as caught:
            still.client("operator").open()
        assert caught.value.status == 503

    def test_on_postgresql_the_database_says_what_time_it_is(
        self, still: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = Service.due
        monkeypatch.setattr(Service, "due", staticmethod(lambda: real() + 100.0))
        with still.service.database.read() as session:
            ahead = still.service.seconds() - clock.seconds(still.service, session)
        assert ahead == pytest.approx(0 if still.service.database.sqlite else 100, abs=2)

    def test_processes_that_are_gone_are_not_compared_with(self, still: Served) -> None:
        with still.service.database.write() as session:
            session.query(Peer).delete()
            old = Peer(name="x", kind="web", boot="another start", uptime=1.0, offset=0, seen=0)
            session.add(old)
            session.flush()
            clock.check(still.service, session)


class TestStorage:
    """One storage, one service."""

    def test_another_service_is_refused(self, still: Served, tmp_path: Path) -> None:
        settings = Settings(tmp_path / "other", storage_url=still.service.settings.storage)
        other = Service.open(settings)
        schema.migrate(other.database)
        with pytest.raises(ServiceError, match="another service"):
            other.take_storage()
        other.close()

    def test_so_is_one_with_files_of_nobody(self, tmp_path: Path) -> None:
        storage = Storage(str(tmp_path / "storage"))
        with storage.write(storage.new(1, "parts")) as out:
            out.write(b"x")
        with pytest.raises(ServiceError, match="does not say"):
            storage.take("a" * 32)

    def test_one_that_vanished_is_not_ready(self, still: Served) -> None:
        assert still.connection("moj")._pool.request("GET", still.url + "/ready").status == 204
        folder = Path(still.service.settings.storage)
        folder.rename(folder.with_name("elsewhere"))
        still.service.storage._fs.invalidate_cache()
        import time

        time.sleep(1.1)  # an answer is kept for a second
        assert still.connection("moj")._pool.request("GET", still.url + "/ready").status == 503

    def test_an_unknown_object_is_noted_put_aside_and_erased(self, still: Served) -> None:
        work = Work(orphan=-1.0, quarantine=3600.0)
        service = replace(still.service, settings=replace(still.service.settings, work=work))
        key = service.storage.new(1, "parts")
        with service.storage.write(key) as out:
            out.write(b"x")
        root = Path(service.settings.storage)
        assert maintenance.put_aside_orphans(service) == 0  # noted
        assert (root / key).exists()
        assert maintenance.put_aside_orphans(service) == 1  # put aside
        assert (root / "quarantine" / key).read_bytes() == b"x"
        assert maintenance.put_aside_orphans(service) == 0  # kept
        soon = replace(
            service, settings=replace(service.settings, work=replace(work, quarantine=-1.0))
        )
        assert maintenance.put_aside_orphans(soon) == 1
        assert not (root / "quarantine" / key).exists()

    def test_nothing_is_put_aside_where_most_is_unknown(self, still: Served) -> None:
        work = Work(orphan=-1.0)
        service = replace(still.service, settings=replace(still.service.settings, work=work))
        for _ in range(20):
            with service.storage.write(service.storage.new(1, "parts")) as out:
                out.write(b"x")
        for _ in range(3):
            assert maintenance.put_aside_orphans(service) == 0
        assert len(list(service.storage.listing())) == 20

    def test_what_is_made_is_private(self, still: Served) -> None:
        still.send("moj", "moj.submission")
        still.work()
        for path in (still.service.settings.data, Path(still.service.settings.storage)):
            for each in (path, *path.rglob("*")):
                if "credentials" not in each.parts and "linker-keys" not in each.parts:
                    assert each.stat().st_mode & 0o007 == 0, each


class TestBackups:
    """A backup of nothing is no backup."""

    def test_a_database_that_is_not_there_is_not_made(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no database"):
            Service.open(Settings(tmp_path / "x"), create=False)
        assert not (tmp_path / "x" / "service.db").exists()

    def test_a_database_without_a_project_is_refused(self, tmp_path: Path) -> None:
        service = Service.open(Settings(tmp_path / "x"))
        schema.migrate(service.database)
        with pytest.raises(ServiceError, match="nothing to back up"):
            backup.write(service, tmp_path / "out")
        assert not (tmp_path / "out").exists()
        service.close()

    def test_so_is_one_that_knows_less_than_the_witness(
        self, still: Served, tmp_path: Path
    ) -> None:
        service = Service.open(
            Settings(tmp_path / "x", witness=still.service.settings.witness_folder)
        )
        schema.migrate(service.database)
        with pytest.raises(ServiceError, match="older than this head"):
            backup.write(service, tmp_path / "out")
        service.close()
