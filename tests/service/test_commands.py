"""The commands as people run them: serve, worker, client, each a process of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
import world
from postgres import Postgres

import flow_world
from blindlink.cli import run

PASSPHRASE = "of everybody"


@contextmanager
def process(*arguments: str | Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A blindlink command that goes on until it is told to stop."""
    command = [sys.executable, "-m", "blindlink", *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, **options) as running:
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            running.communicate(timeout=30)


@pytest.fixture
def study(tmp_path: Path) -> flow_world.World:
    """An agreement in force now, keys and submissions as files."""
    now = world.wall_clock()
    made = flow_world.World(
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
    names = {"moj": "moj.key", "ohid": "ohid.key", "analyst": "analyst.key"}
    for name, file in {**names, "ttp": "service/linker-keys/ttp.key"}.items():
        flow_world.keys(name).save(tmp_path / file, PASSPHRASE.encode())
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
    if who == "operator":
        mine += ["--credential", folder / "service/credentials/operator.key"]
    else:
        mine += ["--keys", folder / f"{who}.key", "--passphrase-file", folder / "passphrase"]
    return run(["client", command, *map(str, (*arguments, *mine))])


def test_a_study_by_commands(study: flow_world.World, capsys: pytest.CaptureFixture[str]) -> None:
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
        assert client("run", folder=folder, url=url, who="operator") == 0
        out = ("--out", folder / "study.release")
        assert client("download", *out, folder=folder, url=url, who="moj") == 23
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
        assert client("destroy", "--yes", folder=folder, url=url, who="operator") == 0
        world.eventually(lambda: not list((folder / "service/linker-keys").iterdir()))
    assert study.cohort(now=world.wall_clock()) is not None


def test_web_and_worker_apart_on_postgresql(
    study: flow_world.World, postgres: Postgres, capfd: pytest.CaptureFixture[str]
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
            assert client("run", folder=folder, url=url, who="operator") == 0
        os.close(descriptor)
    assert "error" not in capfd.readouterr().out


def test_ready_in_two_seconds(tmp_path: Path) -> None:
    """Processor seconds until it answers, which other work on the machine does not change."""
    port = world.free_port()
    options = ("--data", tmp_path / "x", "--port", str(port), "--workers", "0")
    with process("serve", *options) as running:
        wait_for(f"http://127.0.0.1:{port}")
        fields = Path(f"/proc/{running.pid}/stat").read_text().rsplit(")", 1)[1].split()
        spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    assert spent < 3
    assert (tmp_path / "x/credentials/operator.key").exists()


class TestUsage:
    def test_a_worker_wants_a_passphrase(self, tmp_path: Path) -> None:
        assert run(["worker", "--data", str(tmp_path)]) == 12

    def test_another_schema_is_refused(self, tmp_path: Path, postgres: Postgres) -> None:
        url = f"sqlite:///{tmp_path / 'new.db'}"
        assert run(["serve", "--data", str(tmp_path), "--port", "0", "--database-url", url]) == 23

    def test_a_port_in_use(self, tmp_path: Path) -> None:
        with world.bind("127.0.0.1", 0) as taken:
            port = str(taken.getsockname()[1])
            assert run(["serve", "--data", str(tmp_path), "--port", port]) == 23

    def test_keys_or_a_credential(self, study: flow_world.World) -> None:
        shared = [
            "--url",
            "http://127.0.0.1:1",
            "--agreement",
            str(study.folder / "study.agreement"),
        ]
        assert run(["client", "status", *shared]) == 2

    def test_nobody_there(self, study: flow_world.World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("blindlink.client.connection.PAUSE", 0.001)
        url = f"http://127.0.0.1:{world.free_port()}"
        shutil.copy(study.folder / "passphrase", study.folder / "p2")
        assert client("status", folder=study.folder, url=url, who="moj") == 23
