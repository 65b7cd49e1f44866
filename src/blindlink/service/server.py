"""Running the service: uvicorn on a socket of ours, and in the embedded form a worker beside it."""

import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from blindlink.errors import ServiceError
from blindlink.files import reason
from blindlink.service.app import make_app
from blindlink.service.context import Service
from blindlink.service.domain import clock
from blindlink.service.jobs.keyring import Keyring
from blindlink.service.telemetry.logs import fault
from blindlink.service.web.connections import Door, Networks
from blindlink.service.web.protocol import Protocol

REGISTER = 30.0  # seconds between two signs of life of a web process
LOOK = 1.0  # seconds between two looks at the clock
GRACE = 30  # seconds for requests under way when the service stops


@dataclass(frozen=True)
class Tls:
    """Certificate and key of the service; with ``clients``, mutual TLS by that authority."""

    certificate: Path
    key: Path
    clients: Path | None = None


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


def make_server(service: Service, *, tls: Tls | None = None) -> uvicorn.Server:
    """uvicorn with our limits."""
    limits, settings = service.settings.limits, service.settings
    door = Door(settings.connections, Networks(settings.proxies))
    own = {"pause": limits.head_pause, "read_pause": limits.body_pause, "door": door}
    protocol = type("Protocol", (Protocol,), own)
    config = uvicorn.Config(
        make_app(service),
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=round(settings.connections.idle),
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
def counted(service: Service) -> Iterator[None]:
    """Tell the others that this web process lives, and learn how many there are, until the end."""
    stop = threading.Event()

    def waited(jump: clock.Jump) -> bool:
        """Wait for the next sign of life; True at the end. A clock that was set is told at once."""
        until = time.monotonic() + REGISTER
        while time.monotonic() < until and not jump.seen():
            if stop.wait(LOOK):
                return True
        return False

    def tell() -> None:
        jump = clock.Jump(service)
        while True:
            try:
                with service.database.write(durable=False) as session:
                    clock.register(service, session, service.name, "web")
                    service.shares[:] = [max(1, clock.peers(service, session, "web"))]
            except SQLAlchemyError as error:
                fault("database-away", error)
            if waited(jump):
                return

    thread = threading.Thread(target=tell, name="peers", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


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
    with working(service, keyring, 1, observer), counted(service):
        thread.start()
        try:
            while not server.started and thread.is_alive():
                threading.Event().wait(0.01)
            yield
        finally:
            server.should_exit = True
            thread.join()
