"""Kill, cut and starve the service at every step of a study, and see what is left.

    python benchmarks/service_faults.py --runs 500 [--database-url postgresql+psycopg://...]

A study (open, two submissions, run, download) has a number of steps at which something can break:
before and after every commit, and at every write, move or erasure of an object. Web and worker are
processes of their own. A seed chooses a step and a fault, which strikes at the first place of its
kind from that step on:

    kill-web, kill-worker   SIGKILL of the process that is there
    kill                    SIGKILL of both
    cut-before, cut-after   the connection to the database breaks around a commit; of PostgreSQL by
                            pg_terminate_backend, of SQLite by an error in its place
    full                    the disk is full
    ahead, back             the clock that leases are measured with jumps by a day

The service is started again, clients go on where they were, and the end is held against the end of
a study that nobody disturbed: same links, candidates, payload and reports; each submission in the
log once, one freeze, one release; no object lost and none left over. A fault that found no place to
strike is counted apart.
"""

import argparse
import errno
import json
import mmap
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).absolute().parent
sys.path.insert(0, str(HERE.parent / "tests"))

import urllib3
from sqlalchemy import delete

from blindlink.client import client as client_module
from blindlink.client import connection, person
from blindlink.client.client import Client
from blindlink.client.signing import Signer
from blindlink.errors import ServiceError
from blindlink.service.context import Service
from blindlink.service.data import schema
from blindlink.service.data.models import Peer
from blindlink.service.data.storage import Storage
from blindlink.service.jobs import maintenance
from blindlink.service.server import bind, make_server, run, working
from blindlink.service.settings import Settings, Work
from worlds import flow
from worlds import service as world
from worlds.opened import contents

KINDS = ("kill", "kill-web", "kill-worker", "cut-before", "cut-after", "full", "ahead", "back")
ROLES = ("web", "worker")
PLACES = ("before", "after", "storage")  # of a commit; of a change in the storage
REACHED = 0.8  # the number of commits varies: rather strike a little early than not at all
WORK = Work(lease=1.0, beat=0.3, poll=0.02, attempts=8, backoff=0.02)
EVENTS = [
    "project-opened",
    "submission-received",
    "submission-received",
    "inputs-frozen",
    "released",
]
PATIENCE = 60.0  # seconds for one study


@dataclass
class Fault:
    """What breaks at which step; ``step`` 0 is nothing. All processes share ``memory``."""

    kind: str
    step: int
    role: str = ""
    memory: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, 64))

    @property
    def seen(self) -> dict[str, int]:
        """How many places of each kind were passed."""
        return {place: self._number(at) for at, place in enumerate(PLACES)}

    @property
    def struck(self) -> bool:
        return self._number(len(PLACES) + 1) == 1

    @property
    def shift(self) -> float:
        """How far the clock of the machine has jumped."""
        return {"ahead": 86_400.0, "back": -86_400.0}.get(self.kind, 0.0) * self.struck

    def at(self, place: str, session: Any = None) -> None:
        """One step further; breaks if this is the place."""
        self._count(PLACES.index(place))
        if not self.step or self.struck or not self._fits(place):
            return
        if self._count(len(PLACES)) < self.step:
            return
        self._count(len(PLACES) + 1)
        if self.kind.startswith("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind.startswith("cut"):
            cut(session)
        if self.kind == "full":
            raise OSError(errno.ENOSPC, "no space left")

    def _number(self, slot: int) -> int:
        return int.from_bytes(self.memory[8 * slot : 8 * slot + 8], "big")

    def _count(self, slot: int) -> int:
        number = self._number(slot) + 1
        self.memory[8 * slot : 8 * slot + 8] = number.to_bytes(8, "big")
        return number

    def _fits(self, place: str) -> bool:
        right = self.kind not in ("kill-web", "kill-worker") or self.kind == f"kill-{self.role}"
        return right and place in places_of(self.kind)


def places_of(kind: str) -> tuple[str, ...]:
    """Where a fault can strike."""
    only = {"cut-before": "before", "cut-after": "after", "full": "storage"}.get(kind)
    return PLACES if only is None else (only,)


def cut(session: Any) -> None:
    """Break the connection under a session. Raises OperationalError."""
    from sqlalchemy.exc import OperationalError

    if session.get_bind().dialect.name == "postgresql" and session.in_transaction():
        process = session.connection().connection.driver_connection.info.backend_pid
        with session.get_bind().engine.raw_connection().driver_connection as other:
            other.execute("SELECT pg_terminate_backend(%s)", (process,))
        return  # the commit finds out
    raise OperationalError("COMMIT", {}, ConnectionError("cut"))


def rig(fault: Fault) -> None:
    """Make this process break at the fault's step."""
    from sqlalchemy.orm import Session

    commit = Session.commit

    def committing(session: Session) -> None:
        fault.at("before", session)
        commit(session)
        fault.at("after", session)

    Session.commit = committing  # type: ignore[method-assign]
    transaction = Session.begin

    def begin(session: Session, nested: bool = False) -> Any:
        return _Watched(transaction(session, nested), fault, session)

    Session.begin = begin  # type: ignore[method-assign]
    for name in ("put", "erase", "erase_project", "write"):
        _watch(name, fault)
    Service.due = staticmethod(lambda: time.time() + fault.shift)  # type: ignore[method-assign]


class _Watched:
    """A transaction whose commit is a step."""

    def __init__(self, inner: Any, fault: Fault, session: Any) -> None:
        self._inner, self._fault, self._session = inner, fault, session

    def __enter__(self) -> Any:
        return self._inner.__enter__()

    def __exit__(self, *error: Any) -> Any:
        if error[0] is not None:
            return self._inner.__exit__(*error)
        try:
            self._fault.at("before", self._session)
        except BaseException as cut:
            self._inner.__exit__(type(cut), cut, None)
            raise
        found = self._inner.__exit__(*error)
        self._fault.at("after", self._session)
        return found


def _watch(name: str, fault: Fault) -> None:
    real = getattr(Storage, name)

    def watched(*arguments: Any) -> Any:
        fault.at("storage")
        return real(*arguments)

    setattr(Storage, name, watched)


@dataclass
class Stage:
    """A folder with a study's files, and the service as a child process on one socket."""

    folder: Path
    settings: Settings
    made: flow.World
    listener: socket.socket
    children: dict[str, int] = field(default_factory=dict)
    starts: int = 0
    problems: list[str] = field(default_factory=list)

    def start(self, fault: Fault) -> None:
        """Fork what does not run."""
        for role in ROLES:
            if role not in self.children:
                self.starts += 1
                child = os.fork()
                if child == 0:
                    try:
                        serve(self, replace(fault, role=role))
                    finally:
                        os._exit(0)
                self.children[role] = child

    def stop(self, by: int = signal.SIGTERM) -> None:
        """End the service, as an operator would or not."""
        for child in self.children.values():
            os.kill(child, by)
        for child in self.children.values():
            os.waitpid(child, 0)
        self.children = {}

    def died(self, fault: Fault) -> bool:
        """Whether a process is dead; of "kill" the other one dies with it."""
        for role, child in list(self.children.items()):
            if os.waitpid(child, os.WNOHANG)[0]:
                del self.children[role]
        dead = len(self.children) < len(ROLES)
        if dead and fault.kind == "kill":
            self.stop(signal.SIGKILL)
        return dead

    def client(self, who: str) -> Client:
        if who == "operator":
            path = self.settings.credential_folder / "operator.key"
            signer = Signer.of_credential(path, world.clock)
        else:
            signer = Signer.of_party(flow.keys(who), world.clock)
        link = connection.Connection(self.settings.public_url, signer)
        return Client(link, self.made.agreement)


def serve(stage: Stage, fault: Fault) -> None:
    """What a child does: web, or two workers."""
    rig(fault)
    service = Service.open(stage.settings)
    if fault.role == "web":
        run(make_server(service), stage.listener)
        return
    keyring = world.OpenKeyring(stage.settings.key_folder, lambda: world.PASSPHRASE)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    with working(service, keyring, 2):
        over.wait()


def insist(stage: Stage, fault: Fault, step: Callable[[], Any]) -> Any:
    """Do a step of the study until it is done, starting the service again when it died."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return step()
        except ServiceError as error:
            if stage.died(fault):
                stage.start(Fault("none", 0))
            if time.monotonic() > end:
                raise TimeoutError(str(error)) from None
            time.sleep(0.02)


def play(stage: Stage, fault: Fault) -> dict[str, Any]:
    """The whole study; returns what the release says."""
    stage.start(fault)
    operator, analyst = stage.client("operator"), stage.client("analyst")
    insist(stage, fault, operator.open)
    for owner in stage.made.owners:
        insist(stage, fault, lambda owner=owner: submit(stage, owner))
    insist(stage, fault, operator.start)
    insist(stage, fault, lambda: released(operator))
    out = stage.folder / "study.release"
    insist(stage, fault, lambda: analyst.download(out, force=True))
    insist(stage, fault, lambda: check(stage, operator))
    stage.stop()
    return contents(stage.made, "study.release")


def submit(stage: Stage, owner: str) -> None:
    """Upload, and again when the service gave up on it."""
    client = stage.client(owner)
    path = stage.folder / f"{owner}.submission"
    found = client.upload(path)
    state = settled(client, found["id"])
    if state == "failed":
        raise ServiceError("the service gave up on an upload: once more")
    if state != "accepted":
        raise AssertionError(f"{owner}: {state}")


def settled(client: Client, upload: str) -> str:
    """The verdict; looks often, and gives the caller a chance to see that the service died."""
    return str(client.settle(upload, timeout=2.0)["state"])


def released(operator: Client) -> None:
    """Wait for the end of the run; ask again when it failed for a fault of the machine."""
    found = operator.wait_for_run(timeout=2.0)
    if found["state"] == "failed":
        operator.start()
        raise ServiceError("the run failed: once more")
    if found["state"] != "released":
        raise AssertionError(f"run: {found['state']}")


def check(stage: Stage, operator: Client) -> None:
    """What the log and the uploads must say, once no job of a worker that died is waiting."""
    if any(each["state"] == "received" for each in operator.uploads()):
        raise ServiceError("an upload waits to be taken over: once more")
    entries = operator.connection.call("GET", f"{operator.path}/audit/entries").json()["items"]
    events = [entry["event"] for entry in entries]
    if [each for each in events if each in EVENTS] != EVENTS:
        stage.problems.append(f"log: {events}")
    accepted = Counter(each["owner"] for each in operator.uploads() if each["state"] == "accepted")
    if set(accepted) != set(stage.made.owners):
        stage.problems.append(f"uploads: {dict(accepted)}")


def objects(stage: Stage) -> Counter[str]:
    """How many objects of each kind are left once housekeeping was done.

    An upload that a client gave up for a new one, because its answer did not come in time, is
    stale at once.
    """
    work = replace(stage.settings.work, orphan=-1.0, stale=-1.0)
    service = Service.open(replace(stage.settings, work=work))
    with service.database.write() as session:  # every process was killed, also the one with
        session.execute(delete(Peer))  # another clock
    for _ in range(2):  # noted, then put aside
        maintenance.sweep(service)
    found = Counter(key.split("/")[1] for key, _, _ in service.storage.listing())
    service.close()
    return found


@contextmanager
def stage(base: Path, database: str) -> Iterator[Stage]:
    """A fresh copy of the study's files and a fresh service."""
    with tempfile.TemporaryDirectory(prefix="blindlink-fault-") as name:
        folder = Path(name)
        shutil.copytree(base, folder, dirs_exist_ok=True)
        data = folder / "service"
        listener = bind("127.0.0.1", 0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = Settings(
            data,
            public_url=url,
            database_url=database,
            limits=world.LIMITS,
            work=WORK,
            clock=world.clock,
            people=world.ALONE,
        )
        service = Service.open(settings)
        schema.migrate(service.database)
        service.take_storage()
        service.close()
        person.make(settings.credential_folder, "operator")
        world.save_linker_key(settings.key_folder)
        yield Stage(folder, settings, flow.World(folder), listener)
        listener.close()


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """A database for one study."""
    if not server:
        yield ""
        return
    import psycopg
    from sqlalchemy.engine import make_url

    name = f"blindlink_fault_{os.getpid()}_{time.monotonic_ns()}"
    plain = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as link:
        link.execute(f'CREATE DATABASE "{name}"')
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as link:
        link.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def one(base: Path, server: str, fault: Fault, reference: dict[str, Any] | None) -> dict[str, Any]:
    """One study with one fault; returns what was found."""
    with fresh_database(server) as database, stage(base, database) as found:
        try:
            release = play(found, fault)
        except (TimeoutError, AssertionError) as error:
            found.problems.append(f"{type(error).__name__}: {error}")
            release = reference or {}
        finally:
            found.died(fault)
            found.stop(signal.SIGKILL)
        left = objects(found)
        if reference is not None and release != reference:
            found.problems.append("the release says something else")
        if left != Counter(submissions=2, releases=1):
            found.problems.append(f"objects: {dict(left)}")
        return {
            "problems": found.problems,
            "starts": found.starts,
            "steps": fault.seen,
            "struck": fault.struck,
            "release": release,
        }


def sweep(runs: int, server: str, seed: int) -> dict[str, Any]:
    """All studies; returns counts and whatever went wrong."""
    client_module.POLL, connection.PAUSE, connection.ATTEMPTS = 0.02, 0.01, 1
    # The socket outlives the service, so a dead one looks like a slow one.
    connection.TIMEOUT = urllib3.Timeout(connect=2, read=2)
    with tempfile.TemporaryDirectory(prefix="blindlink-faults-") as name:
        base = Path(name)
        world.submissions(base)
        plain = one(base, server, Fault("none", 0), None)
        assert not plain["problems"], plain["problems"]
        # Against a database whose clock is right, a process that is a day off does nothing at all:
        # that is what service_machine.py looks at.
        kinds = KINDS[:-2] if server else KINDS
        draw, wrong, restarts, hit, missed = random.Random(seed), [], 0, Counter(), Counter()
        for number in range(runs):
            kind = kinds[number % len(kinds)]
            most = sum(plain["steps"][place] for place in places_of(kind))
            if kind in ("kill-web", "kill-worker"):
                most //= len(ROLES)
            fault = Fault(kind, draw.randint(1, max(1, int(REACHED * most))))
            found = one(base, server, fault, plain["release"])
            restarts += found["starts"] - len(ROLES)
            (hit if found["struck"] else missed)[fault.kind] += 1
            wrong += [f"{fault.kind} at {fault.step}: {text}" for text in found["problems"]]
    return {
        "runs": runs,
        "steps": sum(plain["steps"].values()),
        "struck": sum(hit.values()),
        "by kind": dict(hit),
        "found no place": dict(missed),
        "restarts": restarts,
        "wrong": wrong,
    }


def main() -> int:
    """Print the result as JSON; 1 when something went wrong."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=500)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--database-url", default="")
    given = options.parse_args()
    start = time.perf_counter()
    result = sweep(given.runs, given.database_url, given.seed)
    result["seconds"] = round(time.perf_counter() - start)
    print(json.dumps(result, indent=1))
    return 1 if result["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
