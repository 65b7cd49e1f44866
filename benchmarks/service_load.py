"""Many clients at once on this machine: errors, times, and the memory of the service.

    python benchmarks/service_load.py --clients 100 --seconds 120 [--database-url URL] [--gib 1]

Every client goes on like a real one: it asks for its status about once a second, and now and then
sends a submission (owners) or fetches the release (analysts). The service, with its worker, is a
process of its own. With ``--gib`` one client sends one file of that many GiB instead.
"""

import argparse
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).absolute().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from blindlink.client import client as client_module
from blindlink.client import person
from blindlink.client.client import Client
from blindlink.client.connection import Connection
from blindlink.client.signing import Signer
from blindlink.client.transfer import Source, send
from blindlink.errors import BlindlinkError
from blindlink.keys import PartyKeys
from blindlink.messages.agreement.document import read_agreement
from blindlink.service.context import Service
from blindlink.service.data import schema
from blindlink.service.server import bind, make_server, run, working
from blindlink.service.settings import Limits, Settings
from worlds import (
    flow,
    parties,
)
from worlds import service as world

BASE = HERE.parent / "tests" / "vectors" / "base"
LIMITS = Limits(open_uploads=1000, uploads=10**6)


@dataclass
class Seen:
    """Times by kind of request, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)

    def time(self, kind: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        try:
            found = work()
        except Exception as error:  # every error is a finding
            self.errors.append(f"{kind}: {error}")
            return None
        self.seconds[kind].append(time.perf_counter() - start)
        return found


def client(settings: Settings, keys: PartyKeys, agreement: Any) -> Client:
    return Client(Connection(settings.public_url, Signer.of_party(keys, world.clock)), agreement)


def operator(settings: Settings, agreement: Any) -> Client:
    path = settings.credential_folder / "operator.key"
    link = Connection(settings.public_url, Signer.of_credential(path, world.clock))
    return Client(link, agreement)


def behave(number: int, settings: Settings, made: Any, seen: Seen, end: float) -> None:
    """One client until the end: every third is an analyst, the others are owners."""
    draw = random.Random(number)
    analyst = number % 3 == 0
    study = read_agreement(BASE / "study.agreement")
    name = ("moj", "ohid")[number % 2]
    if analyst:
        mine = client(settings, flow.keys("analyst"), made.agreement)
    else:
        mine = client(settings, parties.keys(name), study)
    out = made.folder / f"{number}.release"
    time.sleep(draw.random())
    while time.monotonic() < end:
        if draw.random() < 0.1:
            if analyst:
                seen.time("download", lambda: mine.download(out, force=True))
            else:
                seen.time("upload", lambda: upload(mine, BASE / f"{name}.submission"))
        else:
            seen.time("status", mine.project)
        time.sleep(draw.uniform(0.5, 1.5))


def upload(mine: Client, path: Path) -> None:
    """A whole upload, to the verdict."""
    found = mine.settle(new_upload(mine, path)["id"])
    if found["state"] not in ("accepted", "replaced"):
        raise AssertionError(found["state"])


def new_upload(mine: Client, path: Path) -> dict[str, Any]:
    """Not one that another client of the same party has begun."""
    source = Source.of(path)
    found = mine._begin(source, "submission", None)
    send(mine.connection, f"{mine.path}/uploads/{found['id']}", source)
    return found


def large(child: int, settings: Settings, made: Any, gib: float) -> dict[str, Any]:
    """One large file; what is in it is refused, after all of it was stored and read."""
    path, size = made.folder / "large", int(gib * 2**30)
    with path.open("wb") as file:
        file.truncate(size)
    mine, seen = client(settings, flow.keys("moj"), made.agreement), Seen()
    before, start = memory(child, "VmRSS"), time.perf_counter()
    found = seen.time("large", lambda: mine.settle(new_upload(mine, path)["id"], timeout=900))
    return {
        "GiB": gib,
        "state": found and found["state"],
        "seconds": round(time.perf_counter() - start, 1),
        "MiB before": before,
        "MiB at most": memory(child, "VmHWM"),
        "errors": seen.errors,
    }


def memory(pid: int, name: str) -> int:
    """MiB of a process: VmRSS now, VmHWM at most."""
    for text in Path(f"/proc/{pid}/status").read_text().splitlines():
        if text.startswith(name):
            return int(text.split()[1]) // 1024
    return 0


def start(settings: Settings, listener: Any) -> int:
    """The service with one worker, as a child."""
    child = os.fork()
    if child == 0:
        try:
            service = Service.open(settings)
            keyring = world.OpenKeyring(settings.key_folder, lambda: world.PASSPHRASE)
            server = make_server(service)
            with working(service, keyring, 1):
                run(server, listener)
        finally:
            os._exit(0)
    return child


def open_projects(settings: Settings, made: Any) -> None:
    """Two projects, once the worker has told whose keys it holds."""
    first = operator(settings, made.agreement)
    until = time.monotonic() + 60
    while True:
        try:
            first.open()
            operator(settings, read_agreement(BASE / "study.agreement")).open()
            break
        except BlindlinkError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def release(settings: Settings, made: Any) -> None:
    """The first project gets its release."""
    first = operator(settings, made.agreement)
    for owner in made.owners:
        mine = client(settings, flow.keys(owner), made.agreement)
        mine.settle(mine.upload(made.folder / f"{owner}.submission")["id"])
    first.start()
    first.wait_for_run()


def measure(clients: int, seconds: float, database: str, gib: float) -> dict[str, Any]:
    """Play, and say what was seen."""
    client_module.POLL = 0.5
    with tempfile.TemporaryDirectory(prefix="blindlink-load-") as name:
        # The second project's files are sealed to the linker of the vectors: here is another one.
        limits = {"rows": 10_000, "bytes": 2**40 if gib else 10**9, "submissions": 3}
        made = flow.World(Path(name), terms={"limits": limits}, linker="other-ttp")
        for owner in made.owners:
            made.submit(owner)
        data = made.folder / "service"
        listener = bind("127.0.0.1", 0)
        settings = Settings(
            data,
            public_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            database_url=database,
            limits=replace(LIMITS, rate=1e6, burst=10**6),
            clock=world.clock,
            people=world.ALONE,
        )
        service = Service.open(settings)
        schema.migrate(service.database)
        service.take_storage()
        service.close()
        person.make(settings.credential_folder, "operator")
        world.save_linker_key(settings.key_folder, parties.keys("other-ttp"))
        second = settings.key_folder / "second.key"
        second.write_bytes(world._key_file(parties.keys("ttp").public.fingerprint()))
        second.chmod(0o600)
        child = start(settings, listener)
        try:
            open_projects(settings, made)
            if gib:
                return large(child, settings, made, gib)
            release(settings, made)
            return play(child, settings, made, clients, seconds)
        finally:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
            listener.close()


def play(child: int, settings: Settings, made: Any, clients: int, seconds: float) -> dict[str, Any]:
    """The clients at work."""
    seen, end = Seen(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=behave, args=(number, settings, made, seen, end))
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds * 0.25)
    early = memory(child, "VmRSS")
    for thread in threads:
        thread.join()
    late = memory(child, "VmRSS")
    result: dict[str, Any] = {"clients": clients, "seconds": seconds, "errors": seen.errors}
    for kind, times in sorted(seen.seconds.items()):
        ordered = sorted(times)
        result[kind] = {
            "number": len(times),
            "median ms": round(1000 * statistics.median(times), 1),
            "p99 ms": round(1000 * ordered[int(0.99 * (len(ordered) - 1))], 1),
        }
    result["MiB after a quarter"], result["MiB at the end"] = early, late
    return result


def main() -> int:
    """Print the result as JSON; 1 after an error."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--clients", type=int, default=100)
    options.add_argument("--seconds", type=float, default=120)
    options.add_argument("--database-url", default="")
    options.add_argument("--gib", type=float, default=0)
    given = options.parse_args()
    result = measure(given.clients, given.seconds, given.database_url, given.gib)
    print(json.dumps(result, indent=1))
    return 1 if result["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
