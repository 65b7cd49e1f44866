"""The commands as people run them: serve, worker, client, each a process of its own."""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3

from blindlink.cli import run
from blindlink.client import person
from blindlink.client.client import Client
from blindlink.client.connection import Connection
from blindlink.client.signing import ROLES, Request, Signer, digest_header
from blindlink.client.transfer import Source
from blindlink.messages.http import PART_TYPE
from worlds import flow
from worlds import service as world
from worlds.postgres import Postgres

PASSPHRASE = "of everybody"


@contextmanager
def process(*arguments: str | Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A blindlink command that goes on until it is told to stop.

    Its log goes to a file: a pipe that nobody reads is full after 64 KiB, and who logs then waits.
    """
    command = [sys.executable, "-m", "blindlink", *map(str, arguments)]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stderr=log, **options) as running,
    ):
        running.log = log  # type: ignore[attr-defined]
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(timeout=60)


@pytest.fixture
def study(tmp_path: Path) -> flow.World:
    """An agreement in force now, keys and submissions as files."""
    now = world.wall_clock()
    made = flow.World(
        tmp_path,
        terms={"created": world.at(now, days=-1), "expires": world.at(now, days=30)}
        | {"destroy_by": world.at(now, days=60)},
        signed_at=now,
    )
    for owner in made.owners:
        made.submit(owner, now=now)
    made.agreement.save(tmp_path / "study.agreement")
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
    (tmp_path / "passphrase").chmod(0o600)
    (tmp_path / "service/linker-keys").mkdir(parents=True)
    for role in ROLES:
        person.make(tmp_path / "service/credentials", role)
    names = {"moj": "moj.key", "ohid": "ohid.key", "analyst": "analyst.key"}
    for name, file in {**names, "ttp": "service/linker-keys/ttp.key"}.items():
        flow.keys(name).save(tmp_path / file, PASSPHRASE.encode())
    return made


def wait_for(url: str) -> float:
    """Seconds until the service is ready."""
    start = time.perf_counter()
    while time.perf_counter() - start < 60:
        try:
            if urllib3.request("GET", url + "/ready", retries=False, timeout=5).status == 204:
                return time.perf_counter() - start
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.02)
    raise AssertionError("the service did not become ready")


def client(command: str, *arguments: str | Path, folder: Path, url: str, who: str) -> int:
    """A client command in this process."""
    mine = ["--agreement", folder / "study.agreement", "--url", url]
    if who in ROLES:
        mine += ["--credential", folder / f"service/credentials/{who}.key"]
    else:
        mine += ["--keys", folder / f"{who}.key", "--passphrase-file", folder / "passphrase"]
    return run(["client", command, *map(str, (*arguments, *mine))])


def approved(act: str, folder: Path, url: str) -> None:
    """Operator and auditor let it happen."""
    for who in ROLES:
        assert client("approve", act, folder=folder, url=url, who=who) == 0


def test_a_study_by_commands(study: flow.World, capsys: pytest.CaptureFixture[str]) -> None:
    folder, port = study.folder, world.free_port()
    url = f"http://127.0.0.1:{port}"
    options = ("--data", folder / "service", "--port", str(port))
    with process("serve", *options, "--passphrase-file", folder / "passphrase"):
        wait_for(url)
        world.eventually(lambda: client("open", folder=folder, url=url, who="operator") == 0)
        for owner in ("moj", "ohid"):
            receipt = ("--receipt", folder / f"{owner}.receipt")
            file = folder / f"{owner}.submission"
            assert client("upload", file, *receipt, folder=folder, url=url, who=owner) == 0
            assert (folder / f"{owner}.receipt").exists()
        assert client("run", folder=folder, url=url, who="moj") == 23
        assert client("run", folder=folder, url=url, who="operator") == 23  # two people
        approved("run", folder, url)
        assert client("run", folder=folder, url=url, who="operator") == 0
        out = ("--out", folder / "study.release")
        assert client("download", *out, folder=folder, url=url, who="moj") == 23
        assert client("download", *out, folder=folder, url=url, who="analyst") == 23
        approved("release", folder, url)
        assert client("download", *out, folder=folder, url=url, who="analyst") == 0
        out = ("--out", folder / "report.json")
        assert client("report", *out, folder=folder, url=url, who="analyst") == 0
        assert json.loads((folder / "report.json").read_text())[0]["left"] == "moj"
        out = ("--out", folder / "moj.head")
        assert client("head", *out, folder=folder, url=url, who="moj") == 0
        capsys.readouterr()
        assert client("status", folder=folder, url=url, who="moj") == 0
        text = capsys.readouterr().out
        assert "as owner: takes no submissions" in text
        assert "run" not in text
        assert "released" not in text
        assert client("status", folder=folder, url=url, who="analyst") == 0
        assert "run: released" in capsys.readouterr().out
        assert client("upload", folder / "moj.key", folder=folder, url=url, who="moj") == 14
        approved("destroy", folder, url)
        assert client("destroy", "--yes", folder=folder, url=url, who="operator") == 0
        world.eventually(lambda: not list((folder / "service/linker-keys").glob("*.key")))
    assert study.cohort(now=world.wall_clock()) is not None


@pytest.mark.needs("postgresql")
def test_web_and_worker_apart_on_postgresql(
    study: flow.World, postgres: Postgres, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, port = study.folder, world.free_port()
    url = f"http://127.0.0.1:{port}"
    with postgres.database() as database:
        shared = ("--data", folder / "service", "--database-url", database)
        descriptor = os.open(folder / "passphrase", os.O_RDONLY)
        secret = ("--passphrase-fd", str(descriptor))
        with (
            process("serve", *shared, "--port", str(port), "--workers", "0", "--migrate"),
            process("worker", *shared, *secret, pass_fds=[descriptor]),
        ):
            wait_for(url)
            world.eventually(lambda: client("open", folder=folder, url=url, who="operator") == 0)
            for owner in ("moj", "ohid"):
                file = folder / f"{owner}.submission"
                assert client("upload", file, folder=folder, url=url, who=owner) == 0
            approved("run", folder, url)
            assert client("run", folder=folder, url=url, who="operator") == 0
        os.close(descriptor)
    assert "error" not in capfd.readouterr().out


@pytest.mark.needs("postgresql")
def test_several_web_processes_and_workers_on_one_database(
    study: flow.World, postgres: Postgres
) -> None:
    """Behind one address; what one of them took in counts for all, replays too."""
    folder, port = study.folder, world.free_port()
    url, inner = f"http://127.0.0.1:{port}", [world.free_port(), world.free_port()]
    with postgres.database() as database, ExitStack() as stack:
        shared = ("--data", folder / "service", "--database-url", database)
        for each in inner:
            options = ("--port", str(each), "--workers", "0", "--public-url", url)
            stack.enter_context(process("serve", *shared, *options))
        secret = ("--passphrase-file", folder / "passphrase")
        for number in range(2):
            own = ("--scratch", folder / f"scratch-{number}")
            stack.enter_context(process("worker", *shared, *secret, *own))
        served = stack.enter_context(balanced(port, inner))
        for each in inner:
            wait_for(f"http://127.0.0.1:{each}")
        world.eventually(lambda: client("open", folder=folder, url=url, who="operator") == 0)
        for owner in ("moj", "ohid"):
            file = folder / f"{owner}.submission"
            assert client("upload", file, folder=folder, url=url, who=owner) == 0
        approved("run", folder, url)
        assert client("run", folder=folder, url=url, who="operator") == 0
        approved("release", folder, url)
        out = ("--out", folder / "study.release")
        assert client("download", *out, folder=folder, url=url, who="analyst") == 0
        assert set(served) == set(inner)
        assert [replayed(each, url) for each in (*inner, inner[0])] == [200, 401, 401]
    assert study.cohort(now=world.wall_clock()) is not None


def replayed(port: int, url: str, request: list[Request] = []) -> int:  # noqa: B006 - remembers
    """The status of one and the same signed request, sent to one of the web processes."""
    if not request:
        request.append(Request("GET", f"{url}/v1/projects", {}))
        Signer.of_party(flow.keys("moj")).add_to(request[0])
    headers = {**request[0].headers, "Host": url.removeprefix("http://")}
    here = f"http://127.0.0.1:{port}/v1/projects"
    return int(urllib3.request("GET", here, headers=headers, retries=False).status)


@contextmanager
def balanced(port: int, inner: list[int]) -> Iterator[list[int]]:
    """Connections to one port go to others in turn; yields to which they went."""
    listener, went = socket.create_server(("127.0.0.1", port)), []

    def accept() -> None:
        for target in itertools.cycle(inner):
            try:
                outside, _ = listener.accept()
            except OSError:
                return
            went.append(target)
            inside = socket.create_connection(("127.0.0.1", target))
            for pair in ((outside, inside), (inside, outside)):
                threading.Thread(target=world.pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield went
    finally:
        listener.close()


def test_a_request_under_way_is_finished_when_the_service_stops(study: flow.World) -> None:
    folder, port = study.folder, world.free_port()
    url, data = f"http://127.0.0.1:{port}", (study.folder / "moj.submission").read_bytes()
    options = ("--data", folder / "service", "--port", str(port))
    with process("serve", *options, "--passphrase-file", folder / "passphrase") as running:
        wait_for(url)
        world.eventually(lambda: client("open", folder=folder, url=url, who="operator") == 0)
        moj = Client(Connection(url, Signer.of_party(flow.keys("moj"))), study.agreement)
        begun = moj._begin(Source.of(folder / "moj.submission"), "submission", None)
        headers = {
            "Content-Type": PART_TYPE,
            "Upload-Offset": "0",
            "Upload-Complete": "?1",
            "Content-Digest": digest_header(data),
        }
        request = Request("PATCH", f"{url}{moj.path}/uploads/{begun['id']}", headers)
        moj.connection.signer.add_to(request)
        lines = [f"PATCH {request.url.removeprefix(url)} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        lines += [f"Content-Length: {len(data)}", "", ""]
        with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
            link.sendall("\r\n".join(lines).encode() + data[:1000])
            time.sleep(0.3)
            running.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            link.sendall(data[1000:])
            assert link.recv(100).startswith(b"HTTP/1.1 204")
        assert running.wait(timeout=30) == 0
        running.log.seek(0)  # type: ignore[attr-defined]
        assert b"worker-stopped" in running.log.read()  # type: ignore[attr-defined]


def test_backup_and_restore(study: flow.World, capsys: pytest.CaptureFixture[str]) -> None:
    """By the commands of the runbook: lost, brought back, and gone on with."""
    folder, port = study.folder, world.free_port()
    url, archive = f"http://127.0.0.1:{port}", folder / "service.backup"
    secret = ("--passphrase-file", folder / "passphrase")
    with process("serve", "--data", folder / "service", "--port", str(port), *secret):
        wait_for(url)
        world.eventually(lambda: client("open", folder=folder, url=url, who="operator") == 0)
        file = folder / "moj.submission"
        assert client("upload", file, folder=folder, url=url, who="moj") == 0
        assert run(["backup", "--data", str(folder / "service"), "--out", str(archive)]) == 0
        file = folder / "ohid.submission"
        assert client("upload", file, folder=folder, url=url, who="ohid") == 0
        out = ("--out", folder / "audit.log")
        assert client("log", *out, folder=folder, url=url, who="operator") == 0
        assert client("log", *out, "--force", folder=folder, url=url, who="moj") == 23
    new = ("--data", str(folder / "new"))
    kept = ("--witness", str(folder / "service/witness"))
    assert run(["restore", str(archive), *new, *kept]) == 0
    assert run(["restore", str(archive), *new, *kept]) == 17  # it is not empty any more
    for name in ("credentials", "linker-keys"):
        shutil.copytree(folder / "service" / name, folder / "new" / name)
    with process("serve", *new, *kept, "--port", str(port), *secret):
        wait_for(url)
        assert client("upload", file, folder=folder, url=url, who="ohid") == 0
        approved("run", folder, url)
        assert client("run", folder=folder, url=url, who="operator") == 0
    capsys.readouterr()


def test_ready_in_a_moment(tmp_path: Path) -> None:
    """Processor seconds until it answers, which other work on the machine does not change."""
    port = world.free_port()
    options = ("--data", tmp_path / "x", "--port", str(port), "--workers", "0")
    with process("serve", *options) as running:
        wait_for(f"http://127.0.0.1:{port}")
        fields = Path(f"/proc/{running.pid}/stat").read_text().rsplit(")", 1)[1].split()
        spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    assert spent < 2.5
    assert not list((tmp_path / "x").rglob("*.key"))  # it makes nobody's key


class TestUsage:
    def test_a_worker_wants_a_passphrase(self, tmp_path: Path) -> None:
        assert run(["worker", "--data", str(tmp_path)]) == 12

    @pytest.mark.needs("postgresql")
    def test_another_schema_is_refused(self, tmp_path: Path, postgres: Postgres) -> None:
        url = f"sqlite:///{tmp_path / 'new.db'}"
        assert run(["serve", "--data", str(tmp_path), "--port", "0", "--database-url", url]) == 23

    def test_everywhere_wants_a_public_address(self, tmp_path: Path) -> None:
        assert run(["serve", "--data", str(tmp_path), "--port", "0", "--host", "0.0.0.0"]) == 2

    def test_a_port_in_use(self, tmp_path: Path) -> None:
        with world.bind("127.0.0.1", 0) as taken:
            port = str(taken.getsockname()[1])
            assert run(["serve", "--data", str(tmp_path), "--port", port]) == 23

    def test_keys_or_a_credential(self, study: flow.World) -> None:
        shared = [
            "--url",
            "http://127.0.0.1:1",
            "--agreement",
            str(study.folder / "study.agreement"),
        ]
        assert run(["client", "status", *shared]) == 2

    def test_nobody_there(self, study: flow.World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("blindlink.client.connection.PAUSE", 0.001)
        url = f"http://127.0.0.1:{world.free_port()}"
        shutil.copy(study.folder / "passphrase", study.folder / "p2")
        assert client("status", folder=study.folder, url=url, who="moj") == 23
