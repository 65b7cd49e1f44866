"""Running the service: uvicorn on a socket of ours, and in the embedded form a worker beside it."""

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from blindlink.errors import ServiceError
from blindlink.files import reason
from blindlink.service.app import make_app
from blindlink.service.context import Service
from blindlink.service.jobs.keyring import Keyring
from blindlink.service.settings import Limits

GRACE = 30  # seconds for requests under way when the service stops
CONNECTIONS = 1000


@dataclass(frozen=True)
class Tls:
    """Certificate and key of the service; with ``clients``, mutual TLS by that authority."""

    certificate: Path
    key: Path
    clients: Path | None = None


class Protocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever for a request's head, nor for an answer to be read."""

    pause, read_pause = Limits.head_pause, Limits.body_pause
    _timer: asyncio.TimerHandle | None = None
    _reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        else:
            self._stop()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self._read_on()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader = self.loop.call_later(self.read_pause, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read_on()

    def _read_on(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None

    def _wait(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.pause, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 is any free one. Raises ServiceError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
        # asyncio does this for sockets that it made itself; without it every answer waits 40 ms for
        # the acknowledgement of its headers.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise ServiceError(f"{host}:{port}: {reason(error)}", hint="choose another port") from None
    return listener


def make_server(
    service: Service, *, tls: Tls | None = None, proxies: str = "127.0.0.1"
) -> uvicorn.Server:
    """uvicorn with our limits. ``proxies``: whose X-Forwarded-For is believed, for the log."""
    limits = service.settings.limits
    pauses = {"pause": limits.head_pause, "read_pause": limits.body_pause}
    protocol = type("Protocol", (Protocol,), pauses)
    config = uvicorn.Config(
        make_app(service),
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=proxies,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE,
        h11_max_incomplete_event_size=32 * 1024,
        **_tls(tls),
    )
    return uvicorn.Server(config)


def _tls(tls: Tls | None) -> dict[str, Any]:
    if tls is None:
        return {}
    found: dict[str, Any] = {"ssl_certfile": str(tls.certificate), "ssl_keyfile": str(tls.key)}
    if tls.clients is not None:
        found |= {"ssl_ca_certs": str(tls.clients), "ssl_cert_reqs": ssl.CERT_REQUIRED}
    return found


def run(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; then return, so that workers can finish their job.

    uvicorn sends itself the signal once more when it has stopped, for whoever waits for that.
    """
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(each, lambda *_: None) for each in signals]
    try:
        server.run(sockets=[listener])
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


@contextmanager
def working(
    service: Service,
    keyring: Keyring | None,
    number: int,
    observer: Any = None,
    stalled: Callable[[], None] | None = None,
) -> Iterator[None]:
    """Workers in threads of this process; they finish their job when the block ends."""
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=_work, args=(service, keyring, stop, observer, stalled), name=f"worker-{place}"
        )
        for place in range(number if keyring is not None else 0)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        service.wake()
        for thread in threads:
            thread.join()


def _work(
    service: Service,
    keyring: Keyring,
    stop: threading.Event,
    observer: Any,
    stalled: Callable[[], None] | None,
) -> None:
    from blindlink.service.jobs.worker import (
        Worker,  # with the linker's kernels: not before it answers
    )

    Worker(service, keyring, observer=observer, stalled=stalled).run(stop)


@contextmanager
def running(
    service: Service,
    listener: socket.socket,
    keyring: Keyring | None,
    *,
    observer: Any = None,
    tls: Tls | None = None,
) -> Iterator[None]:
    """The whole service in threads of this process, for the demo and for tests."""
    server = make_server(service, tls=tls)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="web")
    with working(service, keyring, 1, observer):
        thread.start()
        try:
            while not server.started and thread.is_alive():
                threading.Event().wait(0.01)
            yield
        finally:
            server.should_exit = True
            thread.join()
