"""Workers that get on, and those that do not: signs of work, stalls, outages, readiness."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import urllib3

from blindlink.errors import ServiceError
from blindlink.service.data.models import Job
from blindlink.service.data.states import JobState
from blindlink.service.data.storage import Storage
from blindlink.service.jobs import verifying
from blindlink.service.jobs.keyring import Keyring
from blindlink.service.jobs.pulse import Pulse
from blindlink.service.jobs.worker import Worker
from blindlink.service.telemetry.metrics import PROCESS
from worlds import flow, parties
from worlds import service as world
from worlds.service import Served

SHORT = replace(world.WORK, lease=1.5, beat=0.1, still=0.5, attempts=3)


@pytest.fixture
def still(submitted: flow.World) -> Iterator[Served]:
    """A service in which nothing works by itself."""
    with world.served(submitted, workers=False, work=SHORT) as found:
        found.worker()
        found.client("operator").open()
        found.work()
        yield found


def test_two_threads_open_keys_at_once(tmp_path: Path) -> None:
    """Argon2id with several lanes, in several threads of a process, once never came back."""
    for number, keys in enumerate((flow.keys("ttp"), parties.keys("ttp"))):
        keys.save(tmp_path / f"{number}.key", world.PASSPHRASE)
    ring, opened = Keyring(tmp_path, lambda: world.PASSPHRASE), []

    def open_key(mark: str) -> None:
        opened.append(ring.keys(mark).public.fingerprint())

    threads = [
        threading.Thread(target=open_key, args=(mark,), daemon=True) for mark in ring.files()
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(60)
    assert sorted(opened) == sorted(ring.files())


class TestSignsOfWork:
    """Of a thread: a heart of its own would say only that a thread exists."""

    def watched(self, work: Any) -> float:
        found: list[Pulse] = []
        over = threading.Event()

        def run() -> None:
            found.append(Pulse())
            work(found[0], over)

        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(0.2)
        found[0].still()
        time.sleep(0.6)
        quiet = found[0].still()
        over.set()
        thread.join()
        return quiet

    def test_one_that_waits_shows_none(self) -> None:
        assert self.watched(lambda pulse, over: over.wait()) > 0.5

    def test_one_that_computes_does(self) -> None:
        def work(pulse: Pulse, over: threading.Event) -> None:
            while not over.is_set():
                sum(range(10_000))

        assert self.watched(work) < 0.5

    def test_so_does_one_that_reads(self) -> None:
        def work(pulse: Pulse, over: threading.Event) -> None:
            while not over.wait(0.05):
                Path("/proc/self/stat").read_bytes()

        assert self.watched(work) < 0.5

    def test_and_one_that_tells(self) -> None:
        def work(pulse: Pulse, over: threading.Event) -> None:
            while not over.wait(0.05):
                pulse.beat()

        assert self.watched(work) < 0.5


def test_a_job_that_stands_still_is_let_go_and_told(
    still: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its heart stops although its thread is there; another worker does the job."""
    sent = still.send("moj", "moj.submission")
    hang, told = threading.Event(), threading.Event()
    monkeypatch.setattr(verifying, "verify", lambda *_: hang.wait(60))
    ring = world.OpenKeyring(still.service.settings.key_folder, lambda: world.PASSPHRASE)
    stuck = Worker(still.service, ring, stalled=told.set)
    stuck.keep_house()
    thread = threading.Thread(target=stuck.step)
    thread.start()
    assert told.wait(20)
    with pytest.raises(ServiceError, match="stands still"):
        stuck.ready()
    value = PROCESS.get_sample_value(
        "blindlink_job_attempts_total", {"kind": "verify", "outcome": "stalled"}
    )
    assert value is not None
    monkeypatch.undo()
    other = still.worker()
    world.eventually(lambda: other.step() and _state(still, sent["id"]) == "accepted")
    hang.set()
    thread.join()
    assert _state(still, sent["id"]) == "accepted"


def _state(served: Served, upload: str) -> str:
    path = f"{served.client('moj').path}/uploads/{upload}"
    return str(served.client("moj")._json("GET", path)["state"])


def test_a_job_outlasts_a_storage_that_is_away(
    still: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = still.send("moj", "moj.submission")
    worker = still.worker()

    def away(*_: object) -> Any:
        raise OSError("away")

    monkeypatch.setattr(Storage, "read", away)
    for _ in range(SHORT.attempts * 3):
        _due_now(still)
        worker.step()
    assert _state(still, sent["id"]) == "received"
    monkeypatch.undo()
    _due_now(still)
    still.work()
    assert _state(still, sent["id"]) == "accepted"


def test_a_job_that_fails_by_itself_is_given_up_and_can_be_tried_again(
    still: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = still.send("moj", "moj.submission")
    worker = still.worker()

    def broken(*_: object) -> Any:
        raise ValueError("broken")

    monkeypatch.setattr(Storage, "read", broken)
    for _ in range(SHORT.attempts * 3):
        _due_now(still)
        worker.step()
    assert _state(still, sent["id"]) == "failed"
    monkeypatch.undo()
    still.client("operator").retry(sent["id"])
    still.work()
    assert _state(still, sent["id"]) == "accepted"


def _due_now(served: Served) -> None:
    with served.service.database.write() as session:
        for job in session.query(Job).filter(Job.state == JobState.QUEUED):
            job.due = 0.0


def test_a_worker_that_has_no_storage_says_that_it_is_not_ready(
    submitted: flow.World,
) -> None:
    with world.served(submitted) as served:
        served.open()
        pool = urllib3.PoolManager(retries=False)
        folder = Path(served.service.settings.storage)
        world.eventually(lambda: pool.request("GET", served.url + "/ready").status == 204)
        folder.rename(folder.with_name("vanished"))
        world.eventually(lambda: pool.request("GET", served.url + "/ready").status == 503)
        folder.with_name("vanished").rename(folder)
        world.eventually(lambda: pool.request("GET", served.url + "/ready").status == 204)


def test_a_release_whose_file_is_gone_is_no_release(linked: Served) -> None:
    """Told as a fault before a byte is sent, and counted as one."""
    key = next(key for key, _, _ in linked.service.storage.listing() if "releases" in key)
    path = Path(linked.service.settings.storage) / key
    path.rename(path.with_suffix(".away"))
    try:
        answer = linked.raw("analyst", "GET", f"{linked.client('analyst').path}/release")
        assert answer.status == 503
    finally:
        path.with_suffix(".away").rename(path)


def test_an_answer_that_breaks_off_is_counted_as_cut(
    linked: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "blindlink_requests_total"
    route = "/v1/projects/{project}/release"
    labels = {"method": "GET", "route": route, "status": "cut"}
    before = PROCESS.get_sample_value(name, labels) or 0.0
    real = Storage.read

    def read(storage: Storage, *given: Any) -> Iterator[bytes]:
        yield next(iter(real(storage, given[0], 0, 10)))
        raise OSError("away")

    monkeypatch.setattr(Storage, "read", read)
    with pytest.raises((urllib3.exceptions.HTTPError, OSError)):
        linked.raw("analyst", "GET", f"{linked.client('analyst').path}/release")
    world.eventually(lambda: (PROCESS.get_sample_value(name, labels) or 0.0) > before)
