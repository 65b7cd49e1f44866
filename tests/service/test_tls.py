"""HTTPS by the service itself, by a proxy in front of it, and with certificates of the clients."""

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from blindlink.client.client import Client
from blindlink.client.connection import Connection
from blindlink.client.signing import Signer
from blindlink.errors import ServiceError
from blindlink.service.server import Tls
from worlds import flow
from worlds import service as world
from worlds.certificates import Authority
from worlds.service import Served

NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
{site}
  }}
}}
"""
DOCS = Path(__file__).parents[2] / "docs/how-to/operate-the-service.md"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot succeed is not tried again for long."""
    monkeypatch.setattr("blindlink.client.connection.PAUSE", 0.001)


def client(served: Served, url: str, who: str = "moj", **options: Path) -> Client:
    if who == "operator":
        path = served.service.settings.credential_folder / "operator.key"
        signer = Signer.of_credential(path, world.clock)
    else:
        signer = Signer.of_party(flow.keys(who), world.clock)
    return Client(Connection(url, signer, **options), served.agreement)


def open_project(operator: Client) -> None:
    """Once the worker has told which linkers' keys it holds."""
    for _ in range(200):
        try:
            operator.open()
        except ServiceError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the project could not be opened")


def upload(served: Served, moj: Client) -> str:
    sent = moj.upload(served.folder / "moj.submission")
    return str(moj.settle(sent["id"], timeout=30)["state"])


def test_by_the_service_itself(submitted: flow.World, authority: Authority) -> None:
    with world.served(submitted, tls=Tls(*authority.issue("service"))) as served:
        assert served.url.startswith("https://")
        open_project(client(served, served.url, "operator", ca=authority.ca))
        assert upload(served, client(served, served.url, ca=authority.ca)) == "accepted"
        with pytest.raises(ServiceError, match="cannot be reached"):  # not trusted by default
            client(served, served.url).project()
        other = Authority(served.folder, "other")
        with pytest.raises(ServiceError, match="cannot be reached"):
            client(served, served.url, ca=other.ca).project()
        plain = served.url.replace("https", "http")
        with pytest.raises(ServiceError):
            client(served, plain).project()
        assert client(served, served.url, ca=authority.ca).project()["accepting"]


def test_with_certificates_of_the_clients(submitted: flow.World, authority: Authority) -> None:
    """Without one that this authority issued nobody gets as far as a signature."""
    clients = Authority(submitted.folder, "clients")
    certificate, key = clients.issue("moj")
    tls = Tls(*authority.issue("service"), clients.ca)
    with world.served(submitted, tls=tls) as served:
        mine: dict[str, Any] = {"ca": authority.ca, "certificate": certificate, "key": key}
        open_project(client(served, served.url, "operator", **mine))
        assert upload(served, client(served, served.url, **mine)) == "accepted"
        with pytest.raises(ServiceError, match="cannot be reached"):
            client(served, served.url, ca=authority.ca).project()
        strange, strange_key = authority.issue("stranger")
        with pytest.raises(ServiceError, match="cannot be reached"):
            client(
                served, served.url, ca=authority.ca, certificate=strange, key=strange_key
            ).project()
        assert client(served, served.url, "operator", **mine).project()["state"] == "open"


def test_by_a_proxy(submitted: flow.World, authority: Authority) -> None:
    """The proxy ends TLS and passes everything on; signatures name the public address."""
    port = world.free_port()
    public = f"https://127.0.0.1:{port}"
    with world.served(submitted, settings={"public_url": public}) as served:
        with ended_tls(port, authority.issue("proxy"), served.listening):
            open_project(client(served, public, "operator", ca=authority.ca))
            assert upload(served, client(served, public, ca=authority.ca)) == "accepted"
        # Whoever goes around the proxy signs for another service.
        with pytest.raises(ServiceError, match="421"):
            client(served, served.listening).project()


@pytest.mark.needs("nginx")
def test_by_nginx_as_the_runbook_says(
    nginx: str, submitted: flow.World, authority: Authority
) -> None:
    port = world.free_port()
    public = f"https://127.0.0.1:{port}"
    with world.served(submitted, settings={"public_url": public}) as served:
        certificate, key = authority.issue("proxy")
        site = runbook_site().replace("http://127.0.0.1:8410", served.listening)
        config = served.folder / "nginx.conf"
        config.write_text(
            NGINX.format(
                folder=served.folder, port=port, certificate=certificate, key=key, site=site
            )
        )
        served.folder.chmod(0o711)
        with subprocess.Popen([nginx, "-c", str(config)], stderr=subprocess.DEVNULL) as running:
            try:
                open_project(client(served, public, "operator", ca=authority.ca))
                assert upload(served, client(served, public, ca=authority.ca)) == "accepted"
            finally:
                running.terminate()


def runbook_site() -> str:
    """The location block of the runbook."""
    text = DOCS.read_text()
    start = text.index("    location / {")
    return text[start : text.index("    }\n", start) + 6]


@contextmanager
def ended_tls(port: int, pair: tuple[Path, Path], inner: str) -> Iterator[None]:
    """A proxy of few lines: TLS outside, the same bytes inside."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair)
    host, _, inner_port = inner.removeprefix("http://").partition(":")
    listener = socket.create_server(("127.0.0.1", port))
    over = threading.Event()

    def accept() -> None:
        while not over.is_set():
            try:
                raw, _ = listener.accept()
                outside = context.wrap_socket(raw, server_side=True)
            except OSError:
                continue
            inside = socket.create_connection((host, int(inner_port)))
            for source, target in ((outside, inside), (inside, outside)):
                threading.Thread(target=world.pump, args=(source, target), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        listener.close()
