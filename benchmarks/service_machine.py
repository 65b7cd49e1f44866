"""A state machine of faults: what no order of messages, clocks, pauses and losses may break.

    python benchmarks/service_machine.py --runs 500 --seed 1 [--database-url URL-OF-A-SERVER]

Each run is one project with a web process, two workers that hold the linker's key in folders of
their own, and one worker that holds none. A seeded draw mixes what owners and operators do
(submissions, withdrawals, wrong withdrawals, a run, an end) with faults of one worker at a time:

    killed      it dies at a random call of storage or database, and its lease runs out
    paused      it stands still in the middle of a job (SIGSTOP); another takes the job over; then
                it goes on with what it believes to hold
    full        the disk is full at a random write
    away        the storage has vanished, and comes back
    ahead, back its clock jumps by 61 days, or by one day the other way, and comes right again
    keyless     the worker without a key is asked first
    foreign     another service is pointed at the same storage

Then everything heals, the run and the end are asked for, and these must hold:

    honoured    the release is, but for its pseudonyms, the one that linking the files makes, with
                exactly the withdrawals that came before the freeze
    early       nothing was destroyed before somebody asked
    once        each accepted file stands in the log once, and none is lost
    erased      after the end no key file and no object is left, and every holder attested
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).absolute().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "tests" / "service")]

import opened as releases

from blindlink.client.connection import RefusalError
from blindlink.errors import BlindlinkError, ServiceError
from blindlink.messages.acting import Acting
from blindlink.messages.audit.log import AuditLog
from blindlink.owner.withdraw import withdraw
from blindlink.service.context import Service
from blindlink.service.data import schema
from blindlink.service.data.models import Job
from blindlink.service.data.storage import Storage
from blindlink.service.jobs import maintenance
from blindlink.service.jobs.worker import Worker
from blindlink.service.settings import Settings, Work
from worlds import flow
from worlds import service as world
from worlds.postgres import Postgres
from worlds.service import Served

WORK = Work(lease=1000.0, beat=1000.0, poll=0.01, attempts=50, backoff=0.0, backoff_most=0.0)
FAULTS = ("killed", "paused", "full", "away", "ahead", "back", "keyless", "foreign")
DAY = 24 * 3600.0
SHIFT: dict[str, float] = {}


class Died(BaseException):
    """What kill -9 does: nothing behind this line is run."""


class Shifted(Service):
    """A process whose clock may be another one than the machine's."""

    def due(self) -> float:  # type: ignore[override]
        return Service.due() + SHIFT.get(self.name, 0.0)


@cache
def base() -> flow.World:
    """Files of two owners: two submissions of moj, and withdrawals for each."""
    folder = Path(tempfile.mkdtemp(prefix="blindlink-machine-"))
    made = world.submissions(folder)
    made.submit("moj", "moj-2.submission", sequence=2)
    for sequence in (1, 2):
        rows = folder / ("moj.submission.rows" if sequence == 1 else "moj-2.submission.rows")
        for number in range(3):
            people = [f"moj-secret-{40 + 2 * number + each}" for each in range(2)]
            out = folder / f"moj-{sequence}-{number}.withdrawal"
            withdraw(people, rows, Acting(made.agreement, flow.keys("moj"), flow.NOW), out)
    return made


@cache
def reference(submission: str, withdrawals: tuple[str, ...]) -> str:
    """What linking these files gives, apart from pseudonyms."""
    made = base()
    out = f"{abs(hash((submission, withdrawals)))}.release"
    made.link(
        submission,
        "ohid.submission",
        out=out,
        project=made.folder / f"{out}.project",
        withdrawals=[made.folder / each for each in withdrawals],
    )
    return repr(releases.contents(made, out))


@dataclass
class Machine:
    """One run."""

    served: Served
    draw: random.Random
    workers: list[Worker] = field(default_factory=list)
    keyless: Worker | None = None
    bundles: dict[str, str] = field(default_factory=dict)  # bundle id by file
    paused: list[tuple[Worker, Any]] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    wrong: list[str] = field(default_factory=list)

    def send(self, owner: str, file: str) -> None:
        """An owner sends a file; what the service says to it is right or wrong by its rules."""
        with suppress(RefusalError):
            self.served.send(owner, file)

    def act(self) -> None:
        """What people do."""
        kind = self.draw.choice(("submit", "again", "withdraw", "withdraw", "wrong", "run", "ohid"))
        if kind == "submit":
            self.send("moj", "moj.submission")
        elif kind == "again":
            self.send("moj", "moj-2.submission")
        elif kind == "ohid":
            self.send("ohid", "ohid.submission")
        elif kind == "withdraw":
            sequence = self.draw.choice((1, 2))
            self.send("moj", f"moj-{sequence}-{self.draw.randrange(3)}.withdrawal")
        elif kind == "wrong":
            self.send("moj", "moj-1-0.withdrawal")
        else:
            with suppress(RefusalError):
                self.served.client("operator").start()

    def fault(self, kind: str) -> None:
        """One fault, at one worker."""
        self.struck[kind] += 1
        worker = self.draw.choice(self.workers)
        service = worker.service
        if kind in ("killed", "full"):
            error: BaseException = Died() if kind == "killed" else OSError(28, "full")
            with breaking(self.draw.randrange(12), error), suppress(Died, OSError):
                worker.step()
            self.lapse()
        elif kind == "paused":
            claim = claimed(worker)
            if claim is not None:
                self.lapse()
                self.paused.append((worker, claim))
        elif kind == "away":
            folder = Path(service.settings.storage)
            folder.rename(folder.with_name("vanished"))
            for each in self.workers:
                with suppress(Exception):
                    each.step()
            with suppress(Exception):
                maintenance.sweep(service)
            shutil.rmtree(folder, ignore_errors=True)
            folder.with_name("vanished").rename(folder)
        elif kind in ("ahead", "back"):
            SHIFT[service.name] = 61 * DAY if kind == "ahead" else -DAY
            for _ in range(3):
                with suppress(BlindlinkError):
                    worker.step()
                with suppress(BlindlinkError):
                    maintenance.end_what_is_due(service)
                with suppress(BlindlinkError):
                    maintenance.sweep(service)
            SHIFT[service.name] = 0.0
        elif kind == "keyless" and self.keyless is not None:
            if self.keyless.step():
                self.wrong.append("a worker without keys took a job")
        else:
            self.foreign()

    def foreign(self) -> None:
        """Another service at the same storage."""
        with tempfile.TemporaryDirectory() as folder:
            storage = self.served.service.settings.storage
            other = Service.open(Settings(Path(folder), storage_url=storage))
            schema.migrate(other.database)
            try:
                other.take_storage()
                self.wrong.append("a foreign service took the storage")
            except ServiceError:
                pass
            with suppress(ServiceError):
                maintenance.put_aside_orphans(other)
            other.close()

    def resume(self) -> None:
        """A worker that stood still goes on with what it believes to hold."""
        if self.paused:
            worker, claim = self.paused.pop(self.draw.randrange(len(self.paused)))
            with suppress(Exception):
                worker._do(claim)

    def lapse(self) -> None:
        """Time passes: whoever held a job and was not heard of has lost it."""
        with self.served.service.database.write() as session:
            for job in session.query(Job).filter(Job.state == "running"):
                job.due = 0.0

    def step(self) -> None:
        """One of everything that may happen."""
        self.steps += 1
        what = self.draw.random()
        if what < 0.30:
            self.act()
        elif what < 0.60:
            self.fault(self.draw.choice(FAULTS))
        elif what < 0.70:
            self.resume()
        else:
            with suppress(BlindlinkError, OSError):
                self.draw.choice(self.workers).step()

    def heal(self) -> None:
        """All is well again, and everything is done."""
        while self.paused:
            self.resume()
        self.lapse()
        for _ in range(400):
            busy = False
            for worker in self.workers:
                worker.keep_house()
                busy = worker.step() or busy
            if not busy:
                return
        self.wrong.append("the queue does not run dry")


def claimed(worker: Worker) -> Any:
    from blindlink.service.data import queue

    service = worker.service
    return queue.claim(service.database, worker._able(), Service.due(), service.settings.work)


@contextmanager
def breaking(after: int, error: BaseException) -> Iterator[None]:
    """The ``after``-th call of the storage does not come back."""
    left, real = [after], {}

    def wrapped(name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                raise error
            return real[name](*given, **named)

        return call

    for name in ("new", "write", "put", "read", "erase", "_path"):
        real[name] = Storage.__dict__[name]
        plain = real[name].__func__ if isinstance(real[name], staticmethod) else real[name]
        real[name], kept = plain, real[name]
        setattr(Storage, name, staticmethod(wrapped(name)) if plain is not kept else wrapped(name))
        real[f"{name}!"] = kept
    try:
        yield
    finally:
        for name in ("new", "write", "put", "read", "erase", "_path"):
            setattr(Storage, name, real[f"{name}!"])


def play(seed: int, url: str, steps: int) -> Machine:
    """One run, and what must hold at its end."""
    SHIFT.clear()
    with tempfile.TemporaryDirectory() as folder:
        made = flow.World(Path(folder))
        for path in base().folder.iterdir():
            if path.is_file():
                shutil.copy(path, folder)
        with world.served(made, url, workers=False, work=WORK) as served:
            machine = Machine(served, random.Random(seed))
            second = Path(folder) / "second-keys"
            world.save_linker_key(second)
            (Path(folder) / "no-keys").mkdir()
            places = (served.service.settings.key_folder, second)
            for number, place in enumerate(places):
                machine.workers.append(_worker(served, place, f"worker-{number}"))
            machine.keyless = _worker(served, Path(folder) / "no-keys", "keyless")
            served.client("operator").open()
            for _ in range(steps):
                machine.step()
            machine.heal()
            _finish(machine)
            return machine


def _worker(served: Served, place: Path, name: str) -> Worker:
    settings = replace(
        served.service.settings,
        clock=lambda: world.clock() + timedelta(seconds=SHIFT.get(name, 0.0)),
    )
    own = served.service
    service = Shifted(settings, own.database, own.storage, own.entropy, name=name)
    worker = Worker(service, world.OpenKeyring(place, lambda: world.PASSPHRASE))
    worker.keep_house()
    return worker


def _finish(machine: Machine) -> None:
    served, wrong = machine.served, machine.wrong
    operator = served.client("operator")
    if operator.project()["state"] in ("destroyed", "ending"):
        wrong.append("early: destroyed before anybody asked")
        return
    for owner in ("moj", "ohid"):
        with suppress(RefusalError):
            served.send(owner, f"{owner}.submission")
    machine.heal()
    with suppress(RefusalError):
        operator.start()
    machine.heal()
    run = operator.run()
    if run["state"] != "released":
        wrong.append(f"the run ended as {run['state']}: {run.get('reason')}")
        return
    _compare(machine)
    operator.destroy()
    machine.heal()
    keys = [path for worker in machine.workers for path in worker.keyring.folder.glob("*.key")]
    if operator.project()["state"] != "destroyed" or keys:
        wrong.append(f"erased: {operator.project()['state']}, {len(keys)} key files left")
    if left := [key for key, _, _ in served.service.storage.listing()]:
        wrong.append(f"erased: {len(left)} objects left")
    served.client("auditor").log(served.folder / "end.log", force=True)  # attestations hold


def _compare(machine: Machine) -> None:
    served, wrong = machine.served, machine.wrong
    log: AuditLog = served.client("auditor").log(served.folder / "now.log", force=True)
    accepted = [e for e in log.entries if e.event in ("submission-received", "withdrawal-received")]
    ids = [e.details["bundle"] for e in accepted]
    if len(set(ids)) != len(ids):
        wrong.append("once: a file stands in the log twice")
    files = {
        each["bundle"]: each["digest"]
        for each in served.client("operator").uploads()
        if each.get("bundle")
    }
    digests = {_digest(path): path.name for path in base().folder.glob("*.*") if path.is_file()}
    frozen = next(e for e in log.entries if e.event == "inputs-frozen")
    names = {bundle: digests[digest] for bundle, digest in files.items()}
    submission = next(
        names[bundle] for bundle in frozen.details["submissions"] if names[bundle].startswith("moj")
    )
    came = {
        digests[e.details["file"]]
        for e in log.entries
        if e.event == "withdrawal-arrived" and e.index < frozen.index
    }
    mine = "moj-1-" if submission == "moj.submission" else "moj-2-"
    taken = {names[each] for each in frozen.details["withdrawals"]}
    refused = {digests[e.details["file"]] for e in log.entries if e.event == "withdrawal-refused"}
    due = {each for each in came if each.startswith(mine)}
    if due - taken - refused:
        wrong.append(f"honoured: {sorted(due - taken - refused)} came and is in no list")
    pending = [each for each in served.client("operator").uploads() if each["state"] == "received"]
    if pending:
        wrong.append(f"once: {len(pending)} files wait for ever")
    served.client("analyst").download(served.folder / "study.release", force=True)
    found = repr(releases.contents(served.world, "study.release"))
    if found != reference(submission, tuple(sorted(taken))):
        wrong.append("honoured: the release is another one than that of the same files")


@cache
def _digest(path: Path) -> str:
    from hashlib import sha256

    return sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--database-url", default="", help="of a PostgreSQL server; else SQLite")
    given = parser.parse_args()
    struck: Counter[str] = Counter()
    steps, wrong = 0, []
    server = Postgres(given.database_url) if given.database_url else None
    for seed in range(given.seed, given.seed + given.runs):
        try:
            if server is None:
                machine = play(seed, "", given.steps)
            else:
                with server.database() as url:
                    machine = play(seed, url, given.steps)
        except Exception as error:  # every error is a finding
            wrong.append({"seed": seed, "what": f"{type(error).__name__}: {error}"})
            continue
        struck += machine.struck
        steps += machine.steps
        wrong += [{"seed": seed, "what": each} for each in machine.wrong]
    told = {
        "database": "PostgreSQL" if server else "SQLite",
        "runs": given.runs,
        "first seed": given.seed,
        "steps": steps,
        "faults": dict(sorted(struck.items())),
        "wrong": wrong,
    }
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    shutil.rmtree(base().folder, ignore_errors=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
