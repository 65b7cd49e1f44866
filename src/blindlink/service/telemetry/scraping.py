"""The address at which Prometheus finds the metrics: its own, and nothing else is there.

Who can reach it learns how many requests, uploads and runs there are, and that needs no signature:
bind it to this machine or to a private network.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6

from blindlink.errors import InputError, ServiceError
from blindlink.files import reason
from blindlink.service.context import Service
from blindlink.service.telemetry import metrics
from blindlink.service.telemetry.logs import fault

PAUSE = 10.0  # longest wait for a scraper's next bytes, in seconds


def address(text: str) -> tuple[str, int]:
    """HOST:PORT, with an IPv6 host in brackets. Raises InputError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise InputError(f"{text}: not HOST:PORT", hint="like 127.0.0.1:9410")
    return host.strip("[]"), int(port)


@contextmanager
def scraped(service: Service, where: str | None) -> Iterator[int]:
    """Answer ``GET /metrics`` in a thread until the block ends; yields the port, 0 for none.

    Raises InputError or ServiceError.
    """
    if where is None:
        yield 0
        return
    server = _server(service, *address(where))
    thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def _server(service: Service, host: str, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        timeout = PAUSE

        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(404)
                return
            try:
                body = metrics.page(service).encode()
            except Exception as error:
                fault("metrics-failed", error)
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header("Content-Type", metrics.TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: what is asked for is always the same."""

    family = AF_INET6 if ":" in host else AF_INET
    kind = type("Server", (ThreadingHTTPServer,), {"address_family": family})
    try:
        found: ThreadingHTTPServer = kind((host, port), Handler)
    except OSError as error:
        raise ServiceError(f"{host}:{port}: {reason(error)}", hint="choose another port") from None
    return found
