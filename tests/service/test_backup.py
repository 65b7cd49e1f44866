"""Backup and restore: everything comes back, and nothing that was over comes back to life."""

import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from blindlink.client.connection import RefusalError
from blindlink.errors import FormatError, RefusedError, ServiceError, VerificationError
from blindlink.messages.audit.log import Head
from blindlink.messages.signed import Signed
from blindlink.service.context import Service, opened
from blindlink.service.data import schema
from blindlink.service.data.models import Job
from blindlink.service.recovery import backup, restore, witness
from worlds import flow
from worlds import service as world
from worlds.opened import contents
from worlds.postgres import BOTH, Postgres
from worlds.service import Served

Databases = Callable[[], str]


@pytest.fixture(params=BOTH)
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Addresses of empty databases, one after the other."""
    if request.param == "sqlite":
        yield lambda: ""
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    names: list[str] = []

    def fresh() -> str:
        names.append(postgres._create(postgres.template))
        return postgres.of(names[-1])

    yield fresh
    for name in names:
        postgres.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def served(submitted: flow.World, databases: Databases) -> Iterator[Served]:
    with world.served(submitted, databases()) as found:
        found.open()
        yield found


@contextmanager
def lost(served: Served, database: str) -> Iterator[Service]:
    """Empty database and storage at another place; what the operator keeps apart is still there."""
    old = served.service.settings
    folder = served.folder / "after"
    folder.mkdir()
    with opened(
        replace(old, data=folder, database_url=database, witness=old.data / "witness")
    ) as new:
        schema.migrate(new.database)
        yield new


@contextmanager
def again(served: Served, new: Service) -> Iterator[Served]:
    """The restored service at work, with the credentials and keys that there are."""
    old = served.service.settings.data
    for name in ("credentials", "linker-keys"):
        shutil.copytree(old / name, new.settings.data / name)
    made = replace(served.world)
    options = {"data": new.settings.data, "witness": new.settings.witness_folder}
    with world.served(made, new.settings.database_url, settings=options) as found:
        yield found


def written(served: Served) -> Path:
    """A backup of the service as it is, once the witness has everything."""
    path = served.folder / "service.backup"
    backup.write(served.service, path, force=True)
    return path


def witnessed(served: Served, size: int) -> None:
    """Wait until the log of this many entries is in the witness folder."""
    folder = served.service.settings.witness_folder

    def there() -> bool:
        return [each.head.document.size for each in witness.read(folder)] == [size]

    world.eventually(there)


def state(served: Served) -> str | None:
    return str(served.client("operator").project()["state"])


def load(new: Service, path: Path, **options: object) -> int:
    return restore.load(new, path, witness.read(new.settings.witness_folder), **options)  # type: ignore[arg-type]


def test_everything_comes_back(served: Served, databases: Databases) -> None:
    """The run goes on from the backup, and gives what it would have given."""
    for owner in served.world.owners:
        served.submit(owner)
    witnessed(served, 4)
    path = written(served)
    with lost(served, databases()) as new:
        assert load(new, path) == 2
        with again(served, new) as back:
            assert back.run()["state"] == "released"
            back.client("analyst").download(served.folder / "study.release")
    by_service = contents(served.world, "study.release")
    served.world.link(out="by-files.release")
    assert by_service == contents(served.world, "by-files.release")


def test_numbers_go_on(served: Served, databases: Databases) -> None:
    served.submit("moj")
    witnessed(served, 3)
    path = written(served)
    with lost(served, databases()) as new:
        load(new, path)
        with again(served, new) as back:
            back.submit("ohid")
            assert len(list(back.client("operator").uploads())) == 2


def test_what_was_destroyed_stays_destroyed(served: Served, databases: Databases) -> None:
    """A backup from before the destruction brings back neither files nor the project."""
    for owner in served.world.owners:
        served.submit(owner)
    path = written(served)
    served.client("operator").destroy()
    world.eventually(lambda: state(served) == "destroyed")
    witnessed(served, 5)  # no head is signed any more after the keys are erased
    with lost(served, databases()) as new:
        assert load(new, path) == 0
        assert list(new.storage.listing()) == []
        with again(served, new) as back:
            world.eventually(lambda: state(back) == "destroyed")
            assert back.client("operator").open()["state"] == "destroyed"
            with pytest.raises(RefusalError) as caught:
                back.client("operator").start()
            assert caught.value.status == 409
            with pytest.raises(RefusalError, match="destroyed"):
                back.client("moj").upload(served.folder / "moj.submission")


def test_replayed_bundles_are_not_forgotten(served: Served, databases: Databases) -> None:
    """The first submission was replaced after the backup: it is refused for ever."""
    served.submit("moj")
    path = written(served)
    served.world.submit("moj", "again.submission", sequence=2)
    served.submit("moj", "again.submission")
    witnessed(served, 4)
    with lost(served, databases()) as new:
        assert load(new, path) == 0
        with again(served, new) as back:
            old = back.submit("moj")
            assert (old["state"], old["error"]) == ("refused", "RefusedError")
            assert back.submit("moj", "again.submission")["state"] == "accepted"
            entries = back.raw("operator", "GET", f"{back.client('moj').path}/audit/entries").json()
            assert len(entries["items"]) == 4


def test_a_frozen_project_stays_frozen_and_takes_the_same_files(
    served: Served, databases: Databases
) -> None:
    """The run began after the backup, and the files with it; no other file takes their place."""
    path = written(served)
    for owner in served.world.owners:
        served.submit(owner)
    served.world.submit("moj", "other.submission", sequence=2)
    frozen = _frozen(served)
    with lost(served, databases()) as new:
        load(new, path)
        with again(served, new) as back:
            assert state(back) == "frozen"
            other = back.submit("moj", "other.submission")
            assert (other["state"], other["error"]) == ("refused", "RefusedError")
            for owner in served.world.owners:
                assert back.submit(owner)["state"] == "accepted"
            with pytest.raises(RefusalError, match="frozen"):
                back.client("moj").upload(served.folder / "other.submission")
            assert back.run()["state"] == "released"
            events = [
                entry["event"]
                for entry in back.raw(
                    "operator", "GET", f"{back.client('moj').path}/audit/entries"
                ).json()["items"]
            ]
    assert events == [*frozen, "run-asked", "released"]


def _frozen(served: Served) -> list[str]:
    """Freeze as a run does that dies before it ends."""
    from blindlink.service.data import queue
    from blindlink.service.data.models import Project
    from blindlink.service.data.states import JobKind
    from blindlink.service.domain import projects, runs
    from blindlink.service.jobs import linking

    service = served.service
    with service.database.read() as session:
        access = projects.find_any(session, served.agreement.digest(), "operator", "operator")
    assert access is not None
    ring = world.OpenKeyring(service.settings.key_folder, lambda: world.PASSPHRASE)
    with service.database.write() as session:
        runs.ask(session, service, access)
        session.flush()
        queue_row = session.query(Job).filter_by(kind="run").one()
        queue_row.state, queue_row.due, queue_row.token = "running", service.due() + 9, 7
        claim = queue.Claim(queue_row.id, JobKind.RUN, access.project.id, 1, 7)
    linking._freeze(service, ring, claim)
    with service.database.write() as session:
        queue.done(session, claim)  # or the worker that is still there would go on with it
    with service.database.read() as session:
        witness.note(service, session.query(Project).one().log)
    return [
        "project-opened",
        "key-held",
        "submission-received",
        "submission-received",
        "run-asked",
        "inputs-frozen",
    ]


def test_a_release_is_not_made_twice(served: Served, databases: Databases) -> None:
    for owner in served.world.owners:
        served.submit(owner)
    path = written(served)
    served.run()
    witnessed(served, 7)
    with lost(served, databases()) as new:
        load(new, path)
        with again(served, new) as back:
            run = back.client("operator").start()
            assert run["state"] == "released"
            assert "lost" in run["reason"]
            with pytest.raises(RefusalError) as caught:
                back.client("analyst").download(served.folder / "second.release")
            assert caught.value.status == 404


def test_a_project_opened_after_the_backup_is_known(served: Served, databases: Databases) -> None:
    served.submit("moj")
    witnessed(served, 3)
    with lost(served, databases()) as new:
        with new.database.write() as session:
            assert restore.catch_up(new, session, witness.read(new.settings.witness_folder)) == 3
        with again(served, new) as back:
            assert back.submit("moj")["state"] == "accepted"
            assert back.client("moj").project()["accepting"]


class TestRefused:
    def test_over_something(self, served: Served, databases: Databases) -> None:
        path = written(served)
        with pytest.raises(RefusedError, match="something in this database"):
            load(served.service, path)

    def test_older_than_a_head_that_an_owner_kept(
        self, served: Served, databases: Databases
    ) -> None:
        path = written(served)
        served.submit("moj")
        head = served.folder / "moj.head"
        world.eventually(lambda: served.client("moj").head(head, force=True).document.size == 3)
        with lost(served, databases()) as new:
            with pytest.raises(VerificationError, match="had 3 entries"):
                restore.load(new, path, [], {str(head): Signed.load(head, Head)})
            assert list(new.storage.listing()) == []
            restore.load(new, path, [])  # nothing was changed: it can still be loaded

    def test_by_every_process_before_it_is_brought_up(
        self, served: Served, databases: Databases
    ) -> None:
        path = written(served)
        served.submit("moj")
        witnessed(served, 3)
        with lost(served, databases()) as new:
            restore.load(new, path, [])
            with pytest.raises(ServiceError, match="older than this head"):
                witness.check(new)
            with new.database.write() as session:
                assert (
                    restore.catch_up(new, session, witness.read(new.settings.witness_folder)) == 1
                )
            witness.check(new)

    def test_what_is_no_backup(self, embedded: Served) -> None:
        embedded.submit("moj")
        path = written(embedded)
        with lost(embedded, "") as new:
            for name, fault in FAULTS.items():
                broken = embedded.folder / f"{name}.backup"
                broken.write_bytes(fault(path))
                with pytest.raises((FormatError, VerificationError)):
                    load(new, broken)
            assert load(new, path) == 1


def _member_changed(path: Path) -> bytes:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    return bytes(data)


def _without_manifest(path: Path) -> bytes:
    out = BytesIO()
    with tarfile.open(path) as source, tarfile.open(fileobj=out, mode="w") as target:
        for member in source:
            if member.name != backup.MANIFEST:
                target.addfile(member, source.extractfile(member))
    return out.getvalue()


def _with_another_file(path: Path) -> bytes:
    out = BytesIO()
    with tarfile.open(path) as source, tarfile.open(fileobj=out, mode="w") as target:
        for member in source:
            target.addfile(member, source.extractfile(member))
        target.addfile(tarfile.TarInfo("../../evil"), BytesIO(b""))
    return out.getvalue()


FAULTS: dict[str, Callable[[Path], bytes]] = {
    "changed": _member_changed,
    "cut": lambda path: path.read_bytes()[:30_000],
    "empty": lambda path: b"",
    "nonsense": lambda path: b"nonsense" * 1000,
    "no-manifest": _without_manifest,
    "more": _with_another_file,
}


def test_holds_no_private_key(embedded: Served) -> None:
    """Neither key files nor people's keys, nor sessions of the console."""
    embedded.submit("moj")
    path = written(embedded)
    data = path.read_bytes()
    for secret in ("linker-keys/ttp.key", "credentials/operator.key", "credentials/auditor.key"):
        for line in (embedded.service.settings.data / secret).read_bytes().splitlines()[1:2]:
            assert line not in data
    with tarfile.open(path) as archive:
        rows = archive.extractfile(backup.DATABASE)
        assert rows is not None
        tables = {json.loads(line)["table"] for line in rows}
    assert tables.isdisjoint({"browser_sessions", "sign_in_codes", "peers"})
    assert path.stat().st_mode & 0o077 == 0
