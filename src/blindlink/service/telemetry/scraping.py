"""The address at which Prometheus finds the metrics: its own, and nothing else is there.

Who can reach it learns how many requests, uploads and runs there are, and that needs no signature:
bind it to this machine or to a private network.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from socket import AF_INET, AF_INET6
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from blindlink.errors import InputError, ServiceError
from blindlink.files import reason
from blindlink.service.context import Service
from blindlink.service.telemetry.logs import fault
from blindlink.service.telemetry.metrics import registry

PAUSE = 10.0  # longest wait for a scraper's next bytes, in seconds
Start = Callable[[str, list[tuple[str, str]]], Any]


def address(text: str) -> tuple[str, int]:
    """HOST:PORT, with an IPv6 host in brackets. Raises InputError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InputError(f"{text}: not HOST:PORT", hint="like 127.0.0.1:9410")
    return host.strip("[]"), int(port)


@contextmanager
def scraped(
    service: Service, where: str | None, ready: Callable[[], None] | None = None
) -> Iterator[int]:
    """Answer ``GET /metrics``, and ``/ready`` by what ``ready`` raises, until the block ends.

    Yields the port, 0 for none. Raises InputError or ServiceError.
    """
    if where is None:
        yield 0
        return
    server = _server(service, *address(where), ready)
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


class _Handler(WSGIRequestHandler):
    timeout = PAUSE

    def log_message(self, *_: object) -> None:
        """Nothing: what is asked for is always the same."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def _server(service: Service, host: str, port: int, ready: Callable[[], None] | None) -> WSGIServer:
    metrics = make_wsgi_app(registry(service))

    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        try:
            if environ["PATH_INFO"] == "/metrics":
                found: Iterable[bytes] = metrics(environ, start)
                return found
            if environ["PATH_INFO"] == "/ready" and ready is not None:
                ready()
                start("204 No Content", [])
                return []
        except Exception as error:
            fault("metrics-failed", error)
            start("503 Service Unavailable", [("Content-Length", "0")])
            return []
        start("404 Not Found", [("Content-Length", "0")])
        return []

    kind = type("Server", (_Server,), {"address_family": AF_INET6 if ":" in host else AF_INET})
    try:
        return make_server(host, port, answer, server_class=kind, handler_class=_Handler)
    except OSError as error:
        raise ServiceError(f"{host}:{port}: {reason(error)}", hint="choose another port") from None
