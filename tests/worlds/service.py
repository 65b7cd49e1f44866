"""A running service for tests: small limits, fast jobs, the parties of the flow world."""

import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from blindlink.client import person
from blindlink.client.client import Client
from blindlink.client.connection import Answer, Connection, RefusalError
from blindlink.client.signing import ROLES, Signer
from blindlink.keys import PartyKeys
from blindlink.keys.files import write_private
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import SignedAgreement
from blindlink.messages.fields import stamp
from blindlink.owner.withdraw import withdraw
from blindlink.service.context import Service
from blindlink.service.data import schema
from blindlink.service.jobs.keyring import Keyring
from blindlink.service.jobs.worker import Worker
from blindlink.service.server import Tls, bind, running
from blindlink.service.settings import Limits, People, Settings, Work
from worlds import flow, parties

PASSPHRASE = b"of the linker"
LIMITS = Limits(part_bytes=64 * 1024, small_body=256 * 1024, rate=1e6, burst=10**6, failures=1e6)
ALONE = People(approvals=1)  # of most tests: test_people has two
WORK = Work(lease=5.0, beat=1.0, poll=0.02, attempts=4, backoff=0.02)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
START = datetime.now(UTC)
still: list[datetime] = []


def clock() -> datetime:
    """The tests' time: it goes on like the machine's, from the moment of the worlds.

    While ``still`` holds a moment it stands there.
    """
    return still[-1] if still else NOW + (datetime.now(UTC) - START)


@dataclass
class Served:
    """A service that answers, and what callers need."""

    service: Service
    url: str
    world: flow.World
    observed: list[Any] = field(default_factory=list)
    listening: str = ""  # where it listens, which is not where clients call behind a proxy

    @property
    def agreement(self) -> SignedAgreement:
        return self.world.agreement

    @property
    def folder(self) -> Path:
        return self.world.folder

    def connection(self, who: str | PartyKeys) -> Connection:
        """As a party of the flow world by name, or as operator or auditor."""
        if isinstance(who, PartyKeys):
            signer = Signer.of_party(who, clock)
        elif who.partition(".")[0] in ROLES:
            path = self.service.settings.credential_folder / f"{who}.key"
            signer = Signer.of_credential(path, clock)
        else:
            signer = Signer.of_party(flow.keys(who), clock)
        return Connection(self.url, signer)

    def client(self, who: str | PartyKeys, agreement: SignedAgreement | None = None) -> Client:
        return Client(self.connection(who), agreement or self.agreement)

    def open(self) -> None:
        """Open the project, once the worker has told which linkers' keys it holds."""
        for _ in range(200):
            try:
                self.client("operator").open()
            except RefusalError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("the worker did not register")

    def raw(
        self,
        who: str | PartyKeys,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One signed request; the answer whatever its status."""
        given = dict(headers or {})
        if method in ("POST", "PUT") and body is not None:
            given.setdefault("Content-Type", "application/json")
        return self.connection(who)._once(method, path, body, given)

    def submit(self, owner: str, file: str | None = None) -> dict[str, Any]:
        """Upload an owner's submission and wait for the verdict."""
        client = self.client(owner)
        sent = client.upload(self.folder / (file or f"{owner}.submission"))
        return client.settle(sent["id"], timeout=30)

    def worker(self, folder: Path | None = None) -> Worker:
        """A worker that does one job at a time, with the key folder of the service or another."""
        keyring = OpenKeyring(folder or self.service.settings.key_folder, lambda: PASSPHRASE)
        found = Worker(self.service, keyring)
        found.keep_house()
        return found

    def work(self) -> None:
        """Do everything that there is to do."""
        worker = self.worker()
        while worker.step():
            pass

    def send(self, owner: str, file: str) -> dict[str, Any]:
        """Upload a file and wait for nothing."""
        return self.client(owner).upload(self.folder / file)

    def run(self) -> dict[str, Any]:
        """The run, to its end."""
        client = self.client("operator")
        client.start()
        return client.wait_for_run(timeout=60)


def submissions(folder: Path) -> flow.World:
    """A flow world whose submissions (and row maps) are made and nothing else."""
    world = flow.finished(folder)
    for name in ("project", "cohort"):
        shutil.rmtree(folder / name)
    (folder / "study.release").unlink()
    return world


LINKERS = {each.public.fingerprint(): each for each in map(parties.keys, ("ttp", "other-ttp"))}


@cache
def _key_file(fingerprint: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "key"
        LINKERS[fingerprint].save(path, PASSPHRASE)
        return path.read_bytes()


def save_linker_key(folder: Path, linker: PartyKeys | None = None) -> None:
    """Put the linker's key file into a key folder; Argon2 takes its time only once."""
    folder.mkdir(exist_ok=True)
    mark = (linker or flow.keys("ttp")).public.fingerprint()
    write_private(folder / "ttp.key", _key_file(mark), force=True)


class OpenKeyring(Keyring):
    """A key folder whose keys need no Argon2; ``test_parts`` tests the real one."""

    def keys(self, fingerprint: str) -> PartyKeys:
        if fingerprint in LINKERS and fingerprint in self.files():
            return LINKERS[fingerprint]
        return super().keys(fingerprint)


@contextmanager
def served(
    world: flow.World,
    database_url: str = "",
    *,
    limits: Limits = LIMITS,
    work: Work = WORK,
    workers: bool = True,
    linker: PartyKeys | None = None,
    tls: Tls | None = None,
    **options: Any,
) -> Iterator[Served]:
    """A service on a free port of this machine until the block ends."""
    data = world.folder / "service"
    data.mkdir(exist_ok=True)
    save_linker_key(data / "linker-keys", linker)
    for role in ROLES:
        if not (data / "credentials" / f"{role}.pub").exists():
            person.make(data / "credentials", role)
    listener = bind("127.0.0.1", 0)
    scheme = "https" if tls else "http"
    url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    settings = Settings(
        data,
        public_url=url,
        database_url=database_url,
        limits=limits,
        work=work,
        clock=clock,
        people=ALONE,
    )
    service = Service.open(replace(settings, **options.pop("settings", {})), **options)
    schema.migrate(service.database)
    service.take_storage()
    observed: list[Any] = []
    keyring = OpenKeyring(service.settings.key_folder, lambda: PASSPHRASE) if workers else None
    with running(service, listener, keyring, observer=observed.append, tls=tls):
        yield Served(service, url, world, observed, url)
    service.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def pump(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until it ends."""
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@cache
def stranger() -> PartyKeys:
    """Somebody whom no agreement names."""
    return PartyKeys.generate("stranger", "owner", organisation="Elsewhere")


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for what happens a moment later."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def wall_clock() -> datetime:
    """The time of the machine, for processes of their own."""
    return datetime.now(UTC)


def at(now: datetime, *, days: int) -> str:
    """A moment some days away, as agreements write it."""
    return stamp(now + timedelta(days=days))


def withdrawal(made: flow.World, people: list[str]) -> None:
    """The withdrawal of some people of moj's submission, in ``moj.withdrawal``."""
    withdraw(
        people,
        made.folder / "moj.submission.rows",
        Acting(made.agreement, flow.keys("moj"), flow.NOW),
        made.folder / "moj.withdrawal",
    )


def address(host: str) -> tuple[str, int]:
    """``name:port`` as sockets take it."""
    name, _, port = host.rpartition(":")
    return name, int(port)
