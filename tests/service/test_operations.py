"""What an operator counts on: logs without a secret, metrics, slow readers, workers that go on."""

import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import urllib3

from blindlink.client.client import Client
from blindlink.client.connection import Connection, RefusalError
from blindlink.client.signing import Request, Signer
from blindlink.client.transfer import Source
from blindlink.errors import InputError, ServiceError
from blindlink.messages.container.reader import opened
from blindlink.service.context import Service
from blindlink.service.data.models import Run
from blindlink.service.data.storage import BLOCK, Storage
from blindlink.service.jobs import maintenance
from blindlink.service.telemetry import logs, scraping
from worlds import flow
from worlds import service as world
from worlds.service import Served

CANARY = "CANARY-of-a-person"


@contextmanager
def logged() -> Iterator[StringIO]:
    """Everything that any logger of this process says, as the service writes it."""
    text = StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logs.Lines())
    loggers = [logging.getLogger(), logs.LOGGER]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.addHandler(handler)
        each.setLevel(logging.DEBUG)
    try:
        yield text
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.removeHandler(handler)
            each.setLevel(level)


def test_logs_hold_no_secret(
    submitted: flow.World, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A study with good and bad requests and a failing storage: planted words are in no line."""
    with logged() as text, world.served(submitted) as served:
        served.open()
        base = served.client("moj").path
        for path in (f"/{CANARY}", f"{base}/uploads/{CANARY}", f"{base}?x={CANARY}"):
            served.raw("moj", "GET", path, headers={"X-Name": CANARY, "Range": CANARY})
        for body in (CANARY.encode(), f'{{"kind":"{CANARY}","{CANARY}":1}}'.encode()):
            served.raw("moj", "POST", f"{base}/uploads", body, {"Idempotency-Key": CANARY})
        served.raw("operator", "POST", "/v1/projects", CANARY.encode())
        for owner in served.world.owners:
            served.submit(owner)
        _failing_once(monkeypatch)
        assert served.run()["state"] == "released"
        served.client("analyst").download(served.folder / "study.release")
    lines = text.getvalue()
    assert lines.count("\n") > 30
    assert '"job-failed"' in lines
    assert '"error": "RuntimeError"' in lines
    for secret in _secrets(submitted):
        assert secret not in lines
    printed = capfd.readouterr()
    assert CANARY not in printed.out + printed.err


def _failing_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The storage raises an error that names what no log may hold."""
    real = Storage.local
    failed: list[Any] = []

    def local(storage: Storage, key: str, scratch: Path) -> Any:
        if not failed:
            failed.append(key)
            raise RuntimeError(CANARY)
        return real(storage, key, scratch)

    monkeypatch.setattr(Storage, "local", local)


def _secrets(made: flow.World) -> list[str]:
    """Planted words, the passphrase, people's ids, and what a file holds in the clear."""
    found = [CANARY, world.PASSPHRASE.decode(), "moj-secret", "ohid-secret", "blindlink-v1"]
    with opened(made.folder / "moj.submission", "submission") as sealed:
        manifest = sealed.manifest.model_dump(mode="json")
    known = made.agreement.digest()  # the project's id, which jobs are named by
    found += [text for text in _texts(manifest) if len(text) > 60 and text != known]
    assert len(found) > 6
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


class TestMetrics:
    def test_have_an_address_of_their_own(self, embedded: Served) -> None:
        embedded.submit("moj")
        with scraping.scraped(embedded.service, "127.0.0.1:0") as port:
            answer = urllib3.request("GET", f"http://127.0.0.1:{port}/metrics")
            assert answer.headers["content-type"].startswith("text/plain; version=")
            text = answer.data.decode()
            assert 'blindlink_uploads{state="accepted"} 1' in text
            assert 'blindlink_job_attempts_total{kind="verify",outcome="done"}' in text
            assert urllib3.request("GET", f"http://127.0.0.1:{port}/health").status == 404
            assert 'blindlink_request_seconds_bucket{le="+Inf",method="POST"' in text
            assert "process_open_fds" in text
            assert "blindlink_storage_free_bytes" in text
        assert embedded.raw("operator", "GET", "/metrics").status == 404

    @pytest.mark.parametrize("text", ["9410", ":9410", "x:", "x:y", "x:99999"])
    def test_another_address_is_refused(self, embedded: Served, text: str) -> None:
        with pytest.raises(InputError), scraping.scraped(embedded.service, text):
            pass

    def test_so_is_one_in_use(self, embedded: Served) -> None:
        used = embedded.url.removeprefix("http://")
        with pytest.raises(ServiceError), scraping.scraped(embedded.service, used):
            pass


def test_a_client_that_does_not_read_is_cut_off(submitted: flow.World) -> None:
    """An answer waits for its reader as long as a body waits for its sender."""
    limits = replace(world.LIMITS, body_pause=0.5)
    with world.served(submitted, limits=limits) as served:
        served.open()
        size = _large_release(served, 24 * BLOCK)
        request = Request("GET", f"{served.url}{served.client('analyst').path}/release", {})
        Signer.of_party(flow.keys("analyst"), world.clock).add_to(request)
        host = served.url.removeprefix("http://")
        lines = [f"GET {request.url.removeprefix(served.url)} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        with socket.create_connection(world.address(host), timeout=10) as link:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
            time.sleep(1.5)
            assert _rest(link) < size
        served.client("analyst").download(served.folder / "whole.release")  # others are served
        assert (served.folder / "whole.release").stat().st_size == size


def _rest(link: socket.socket) -> int:
    """How many bytes still come."""
    number = 0
    try:
        while data := link.recv(1 << 20):
            number += len(data)
    except ConnectionResetError:
        pass
    return number


def _large_release(served: Served, size: int) -> int:
    """Put a large file in the place of a release."""
    from hashlib import sha256

    key = served.service.storage.new(1, "releases")
    with served.service.storage.write(key) as out:
        out.write(bytes(size))
    with served.service.database.write() as session:
        session.add(
            Run(
                project=served.agreement.digest(),
                state="released",
                stage="",
                asked=0,
                object=key,
                size=size,
                digest=sha256(bytes(size)).hexdigest(),
            )
        )
    return size


def test_a_worker_outlives_what_its_housekeeping_meets(
    submitted: flow.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage that is away for a moment, at the first look of all."""
    real = maintenance.sweep
    failed: list[Any] = []

    def sweep(service: Service) -> Any:
        if not failed:
            failed.append(1)
            raise OSError("away")
        return real(service)

    monkeypatch.setattr(maintenance, "sweep", sweep)
    with world.served(submitted) as served:
        served.open()
        assert served.submit("moj")["state"] == "accepted"
    assert failed


def test_an_owner_gives_up_what_it_broke_off(embedded: Served) -> None:
    """So that four uploads which never ended do not lock it out for a week."""
    client = embedded.client("moj")
    source = Source.of(embedded.folder / "moj.submission")
    begun = [client._begin(source, "submission", None)["id"] for _ in range(4)]
    with pytest.raises(RefusalError, match="under way already"):
        client._begin(source, "submission", None)
    client.cancel(begun[0])
    assert client._begin(source, "submission", None)["state"] == "receiving"
    assert [each["state"] for each in client.uploads()].count("cancelled") == 1


def test_one_id_leads_from_an_upload_to_its_verification(submitted: flow.World) -> None:
    """By the caller's own trace, where it sends one."""
    trace = "0af7651916cd43dd8448eb211c80319c"
    with logged() as text, world.served(submitted) as served:
        served.open()
        connection, real = served.connection("moj"), Connection._send

        def send(self: Connection, method: str, path: str, *given: Any, **named: Any) -> Any:
            headers = {**given[1], "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
            return real(self, method, path, given[0], headers, **named)

        Connection._send = send  # type: ignore[method-assign]
        try:
            found = Client(connection, served.agreement).upload(served.folder / "moj.submission")
        finally:
            Connection._send = real  # type: ignore[method-assign]
        served.client("moj").settle(found["id"])
    lines = [json.loads(line) for line in text.getvalue().splitlines()]
    mine = [each for each in lines if each.get("trace") == trace]
    assert {"request", "job-started", "job-done"} <= {each["event"] for each in mine}
    assert next(e for e in mine if e["event"] == "job-done")["subject"] == found["id"]
    others = {each["trace"] for each in lines if each["event"] == "request"} - {trace}
    assert len(others) > 1
