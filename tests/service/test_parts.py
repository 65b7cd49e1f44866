"""Storage, keys, credentials, rates, logs and housekeeping, each by itself."""

import json
import logging
import os
import time
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from sqlalchemy import delete

from blindlink.client import person
from blindlink.client.signing import Signer
from blindlink.errors import KeyFileError, OutputError, ServiceError
from blindlink.messages.audit.log import Head
from blindlink.messages.signed import Signed
from blindlink.service.context import Service
from blindlink.service.data import schema
from blindlink.service.data.models import Entry, KeyHolder, Nonce, Project
from blindlink.service.data.storage import Storage
from blindlink.service.jobs import keyring, maintenance
from blindlink.service.jobs.keyring import Keyring
from blindlink.service.problems import Problem
from blindlink.service.recovery import witness
from blindlink.service.settings import Settings
from blindlink.service.telemetry import logs, metrics
from blindlink.service.web import credentials
from blindlink.service.web.rates import Buckets
from worlds import flow
from worlds import service as world
from worlds.service import Served


@pytest.fixture(params=["folder", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """A folder, and a file system that is none of this machine's."""
    if request.param == "folder":
        return Storage(str(tmp_path / "storage"))
    return Storage(f"memory://{tmp_path.name}")


class TestStorage:
    def test_keeps_what_was_written(self, storage: Storage, tmp_path: Path) -> None:
        key = storage.new(7, "parts")
        with storage.write(key) as out:
            out.write(b"0123456789")
        assert b"".join(storage.read(key)) == b"0123456789"
        assert b"".join(storage.read(key, 2, 5)) == b"23456"
        assert storage.size(key) == 10
        with storage.local(key, tmp_path) as path:
            assert path.read_bytes() == b"0123456789"
        assert [(found, size) for found, _, size in storage.listing()] == [(key, 10)]
        storage.erase([key, key])
        assert list(storage.listing()) == []

    def test_a_failed_write_leaves_nothing(self, storage: Storage) -> None:
        key = storage.new(7, "parts")
        with pytest.raises(TypeError), storage.write(key) as out:
            out.write("no bytes")  # type: ignore[call-overload]
        assert list(storage.listing()) == []

    def test_takes_files(self, storage: Storage, tmp_path: Path) -> None:
        key, path = storage.new(7, "submissions"), tmp_path / "file"
        path.write_bytes(b"x" * 100)
        storage.put(path, key)
        assert storage.size(key) == 100

    def test_erases_a_project(self, storage: Storage) -> None:
        keys = [storage.new(number, "parts") for number in (1, 1, 2)]
        for key in keys:
            with storage.write(key) as out:
                out.write(b"x")
        storage.erase_project(1)
        assert [key for key, _, _ in storage.listing()] == keys[2:]
        storage.erase_project(1)

    @pytest.mark.parametrize(
        "key", ["../x", "p1/parts/../../x", "/etc/passwd", "p1/other/" + "0" * 32, "p1/parts/x", ""]
    )
    def test_other_names_are_refused(self, storage: Storage, key: str) -> None:
        with pytest.raises(ValueError, match="not a key"), storage.write(key):
            pass
        with pytest.raises(ValueError, match="not a key"):
            list(storage.read(key))


class TestKeyring:
    def test_opens_erases_and_forgets(self, tmp_path: Path) -> None:
        world.save_linker_key(tmp_path)
        own = flow.keys("ttp")
        ring = Keyring(tmp_path, lambda: world.PASSPHRASE)
        mark = own.public.fingerprint()
        assert ring.files() == {mark: tmp_path / "ttp.key"}
        assert ring.keys(mark) == own
        assert ring.erase(mark)
        assert not ring.erase(mark)
        with pytest.raises(KeyFileError, match="no key file"):
            ring.keys(mark)

    def test_sees_linkers_only(self, tmp_path: Path) -> None:
        flow.keys("moj").save(tmp_path / "moj.key", b"x")
        (tmp_path / "nonsense.key").write_text("nonsense")
        assert Keyring(tmp_path, lambda: b"x").files() == {}

    def test_the_passphrase_comes_by_descriptor_file_or_credential(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / keyring.CREDENTIAL
        path.write_bytes(b"secret\nrest")
        path.chmod(0o600)
        assert keyring.passphrase_from(None, os.open(path, os.O_RDONLY))() == b"secret"
        assert keyring.passphrase_from(path, None)() == b"secret"
        with pytest.raises(KeyFileError, match="no passphrase"):
            keyring.passphrase_from(None, None)
        monkeypatch.setenv(keyring.CREDENTIALS, str(tmp_path))
        path.chmod(0o440)  # what systemd's access list looks like
        assert keyring.passphrase_from(None, None)() == b"secret"
        with pytest.raises(KeyFileError, match="other users"):
            keyring.passphrase_from(path, None)
        path.chmod(0o644)
        with pytest.raises(KeyFileError, match="other users"):
            keyring.passphrase_from(None, None)
        with pytest.raises(KeyFileError, match="cannot be read"):
            keyring.passphrase_from(None, 9999)


class TestCredentials:
    def test_are_a_persons_and_private(self, tmp_path: Path) -> None:
        ada = person.make(tmp_path / "c", "operator", "ada")
        person.make(tmp_path / "c", "auditor", "bela")
        assert ada.name == "operator.ada.key"
        assert ada.stat().st_mode & 0o077 == 0
        with pytest.raises(OutputError):
            person.make(tmp_path / "c", "operator", "ada")
        found = credentials.load(tmp_path / "c")
        assert sorted((each.role, each.name) for each in found.values()) == [
            ("auditor", "bela"),
            ("operator", "ada"),
        ]
        assert found[Signer.of_credential(ada).keyid].name == "ada"

    def test_other_files_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "operator.pub").write_text("nonsense")
        with pytest.raises(KeyFileError, match="not an Ed25519"):
            credentials.load(tmp_path)
        other = tmp_path / "operator.key"
        other.write_text("nonsense")
        other.chmod(0o600)
        with pytest.raises(KeyFileError, match="not a local credential"):
            Signer.of_credential(other)


class TestRates:
    def test_a_burst_and_then_a_rate(self) -> None:
        buckets = Buckets(rate=1000, burst=3)
        assert [buckets.take("a", 1) for _ in range(3)] == [0, 0, 0]
        wait = buckets.take("a", 1)
        assert 0 < wait < 0.01
        assert buckets.take("b", 1) == 0
        time.sleep(wait + 0.002)
        assert buckets.take("a", 1) == 0

    def test_beyond_them_the_client_is_told_to_wait(self, tmp_path: Path) -> None:
        from dataclasses import replace

        limits = replace(world.LIMITS, rate=0.5, burst=3)
        with world.served(world.submissions(tmp_path), limits=limits, workers=False) as served:
            statuses = [served.raw("operator", "GET", "/v1/projects").status for _ in range(4)]
            assert statuses == [200, 200, 200, 429]
            assert served.raw("auditor", "GET", "/v1/projects").status == 200
            answer = served.raw("operator", "GET", "/v1/projects")
            assert int(answer.headers["retry-after"]) >= 1

    def test_who_only_fails_is_slowed_down_and_who_signs_well_is_not(self, tmp_path: Path) -> None:
        from dataclasses import replace

        limits = replace(world.LIMITS, failures=0.25)
        with world.served(world.submissions(tmp_path), limits=limits, workers=False) as served:
            statuses = [
                served.raw(world.stranger(), "GET", "/v1/projects").status for _ in range(7)
            ]
            assert statuses == [401] * 5 + [429] * 2
            assert served.raw("operator", "GET", "/v1/projects").status == 200


class TestLogs:
    def test_are_json_lines_of_known_fields(self) -> None:
        record = logging.LogRecord("x", logging.INFO, "", 0, "event", (), None)
        record.blindlink = {"status": 200}
        line = json.loads(logs.Lines().format(record))
        assert (line["event"], line["status"], line["level"]) == ("event", 200, "info")
        with pytest.raises(ValueError, match="not a field"):
            logs.log("event", body="x")

    def test_of_others_only_the_name(self) -> None:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, "", 0, "a secret", (), None)
        assert "secret" not in logs.Lines().format(record)

    def test_but_what_the_server_says_of_itself(self) -> None:
        text = "Invalid HTTP request received."
        record = logging.LogRecord("uvicorn.error", logging.WARNING, "", 0, text, (), None)
        assert json.loads(logs.Lines().format(record))["text"] == text


class TestHousekeeping:
    def test_forgets_cancels_and_erases(self, embedded: Served) -> None:
        from dataclasses import replace

        service = embedded.service
        embedded.submit("moj")
        old = service.storage.new(1, "parts")
        with service.storage.write(old) as out:
            out.write(b"nobody's")
        with service.database.write() as session:
            session.add(Nonce(keyid="x", nonce="y", expires=0))
        work = replace(service.settings.work, orphan=-1, stale=-1)
        swept = replace(service, settings=replace(service.settings, work=work))
        done = maintenance.sweep(swept)
        assert done["orphans"] == 0  # noted; what follows stands in test_promises.py
        assert done["forgotten"] >= 1
        assert maintenance.sweep(swept)["orphans"] == 1
        assert [key for key, _, _ in service.storage.listing() if key == old] == []
        assert embedded.run is not None
        assert len(list(service.storage.listing())) == 1  # the submission stays


def test_metrics_name_nobody(embedded: Served) -> None:
    embedded.submit("moj")
    text = generate_latest(metrics.registry(embedded.service)).decode()
    assert 'blindlink_uploads{state="accepted"} 1' in text
    assert "blindlink_requests_total" in text
    for secret in (embedded.agreement.digest(), "moj", flow.keys("moj").public.fingerprint()):
        assert secret not in text


def test_health_is_public(embedded: Served) -> None:
    pool = embedded.connection("moj")._pool
    for path in ("/health", "/ready"):
        assert pool.request("GET", embedded.url + path).status == 204


def test_not_ready_without_storage(embedded: Served) -> None:
    pool = embedded.connection("moj")._pool
    folder = embedded.service.settings.data / "storage"
    if folder.exists():
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        folder.rmdir()
    folder.write_text("in the way")
    assert pool.request("GET", embedded.url + "/ready").status == 503


def test_problems_hold_no_cause() -> None:
    document = Problem(401, "not-authenticated", "hello", cause="a secret").document()
    assert "secret" not in json.dumps(document)


def test_the_worker_says_whose_keys_it_holds(embedded: Served) -> None:
    with embedded.service.database.read() as session:
        known = {row.linker for row in session.query(KeyHolder)}
    assert known == {flow.keys("ttp").public.fingerprint()}


class TestWitness:
    def test_a_restored_database_is_found_out(self, embedded: Served) -> None:
        """Without the last entries: what a backup from before them would bring back."""
        service = embedded.service
        embedded.submit("moj")
        kept = service.settings.witness_folder / f"{_log(embedded)}.head"
        world.eventually(lambda: kept.exists() and witness.check(service) is None)
        world.eventually(lambda: Signed.load(kept, Head).document.size == 3)
        witness.check(service)
        with service.database.write() as session:
            session.execute(delete(Entry).where(Entry.index == 2))
        with pytest.raises(ServiceError, match="older than this head"):
            witness.check(service)

    def test_so_is_one_without_the_project(self, embedded: Served, tmp_path: Path) -> None:
        embedded.submit("moj")
        folder = embedded.service.settings.witness_folder
        world.eventually(lambda: folder.exists() and bool(list(folder.glob("*.head"))))
        other = Service.open(Settings(tmp_path / "other", witness=folder))
        schema.migrate(other.database)
        with pytest.raises(ServiceError):
            witness.check(other)
        other.close()


def _log(served: Served) -> str:
    with served.service.database.read() as session:
        return session.query(Project).one().log
