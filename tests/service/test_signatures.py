"""Requests that are not signed as they must be: refused alike, logged with their cause."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from blindlink.client.signing import Request, Signer
from blindlink.service.telemetry.logs import LOGGER
from worlds import flow
from worlds import service as world
from worlds.service import Served, clock

Change = Callable[[Request], None]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = world.submissions(tmp_path_factory.mktemp("signatures"))
    with world.served(made) as served:
        served.open()
        yield served


def signed(served: Served, signer: Signer | None = None, **changes: Any) -> Request:
    """A good request of moj's, signed."""
    path = f"/v1/projects/{served.agreement.digest()}/uploads"
    request = Request("GET", served.url + path, {})
    for name, value in changes.items():
        setattr(request, name, value)
    (signer or Signer.of_party(flow.keys("moj"), clock)).add_to(request)
    return request


def send(served: Served, request: Request, body: bytes | None = None) -> Any:
    pool = served.connection("moj")._pool
    return pool.request(
        request.method, request.url, headers=request.headers, body=body, retries=False
    )


def at(shift: timedelta) -> Signer:
    return Signer.of_party(flow.keys("moj"), lambda: clock() + shift)


def replaced(name: str, old: str, new: str) -> Change:
    def change(request: Request) -> None:
        assert old in request.headers[name]
        request.headers[name] = request.headers[name].replace(old, new)

    return change


def set_to(name: str, value: str) -> Change:
    return lambda request: request.headers.__setitem__(name, value)


def path_of_another(request: Request) -> None:
    request.url = request.url.replace("/v1/projects/", "/v1/projects/0")


def query_added(request: Request) -> None:
    request.url += "?limit=1"


def method_changed(request: Request) -> None:
    request.method = "POST"


def signature_dropped(request: Request) -> None:
    del request.headers["Signature"]


def signature_flipped(request: Request) -> None:
    text = request.headers["Signature"]
    middle = len(text) // 2
    other = "A" if text[middle] != "A" else "B"
    request.headers["Signature"] = text[:middle] + other + text[middle + 1 :]


def doubled(request: Request) -> None:
    for name in ("Signature", "Signature-Input"):
        text = request.headers[name]
        request.headers[name] = f"{text}, {text.replace('blindlink=', 'second=', 1)}"


FAULTS: dict[str, Change] = {
    "no signature": lambda request: request.headers.clear(),
    "signature dropped": signature_dropped,
    "signature flipped": signature_flipped,
    "signature empty": set_to("Signature", "blindlink=::"),
    "signature nonsense": set_to("Signature", "nonsense"),
    "input nonsense": set_to("Signature-Input", "((("),
    "two signatures": doubled,
    "another path": path_of_another,
    "query added": query_added,
    "another method": method_changed,
    "another tag": replaced("Signature-Input", 'tag="blindlink-v1"', 'tag="other"'),
    "another key": replaced("Signature-Input", 'keyid="', 'keyid="x'),
    "another algorithm": replaced("Signature-Input", "ed25519", "hmac-sha256"),
    "another nonce": replaced("Signature-Input", 'nonce="', 'nonce="A'),
    "no nonce": replaced("Signature-Input", "nonce=", "other="),
    "path not covered": replaced("Signature-Input", '"@path" ', ""),
    "query not covered": replaced("Signature-Input", ' "@query"', ""),
    "header not covered": set_to("Range", "bytes=0-"),
    "idempotency key not covered": set_to("Idempotency-Key", "abcdefgh"),
    "created moved": replaced("Signature-Input", "created=1", "created=2"),
    "expires moved": replaced("Signature-Input", "expires=1", "expires=2"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused(service: Served, fault: str) -> None:
    request = signed(service)
    FAULTS[fault](request)
    answer = send(service, request)
    assert answer.status == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "blindlink-v1" in answer.headers["accept-signature"]
    assert answer.json() == REFUSED


REFUSED = {
    "type": "urn:blindlink:problem:not-authenticated",
    "title": "The request is not signed as it must be",
    "status": 401,
    "detail": "see the clock, the key and the agreement that you use",
}


def test_a_good_request_passes(service: Served) -> None:
    assert send(service, signed(service)).status == 200


def test_a_replay_is_refused(service: Served) -> None:
    request = signed(service)
    assert send(service, request).status == 200
    assert send(service, request).status == 401


@pytest.mark.parametrize(
    ("minutes", "status"), [(-7, 401), (-1.5, 200), (0.5, 200), (1.5, 401), (60, 401), (-6000, 401)]
)
def test_clocks_may_differ_a_little(service: Served, minutes: float, status: int) -> None:
    assert send(service, signed(service, at(timedelta(minutes=minutes)))).status == status


def test_an_unknown_key_is_answered_like_a_wrong_one(service: Served) -> None:
    stranger = world.stranger()
    answer = send(service, signed(service, Signer.of_party(stranger, clock)))
    assert (answer.status, answer.json()) == (401, REFUSED)


def test_a_signing_key_does_not_authenticate(service: Served) -> None:
    keys = flow.keys("moj")
    signer = Signer(keys.public.fingerprint(), keys._sign_ed25519.sign, clock)
    assert send(service, signed(service, signer)).status == 401


def test_another_services_name_is_refused(service: Served) -> None:
    elsewhere = signed(service).url.replace("127.0.0.1", "localhost")
    request = signed(service, url=elsewhere)
    answer = send(service, request)
    assert (answer.status, answer.json()["type"]) == (421, "urn:blindlink:problem:misdirected")


def test_a_changed_body_is_refused(service: Served) -> None:
    path = f"{service.url}/v1/projects/{service.agreement.digest()}/uploads"
    for body, digest in (
        (b'{"kind":"x"}', "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
        (b"{}", "sha-512=:AAAA:"),
        (b"{}", "nonsense"),
    ):
        headers = {"Content-Digest": digest, "Content-Type": "application/json"}
        request = Request("POST", path, headers)
        try:
            Signer.of_party(flow.keys("moj"), clock).add_to(request)
        except Exception:
            continue  # the library refuses to sign nonsense
        assert send(service, request, body).status == 400
    unsigned = Request("POST", path, {"Content-Type": "application/json"})
    Signer.of_party(flow.keys("moj"), clock).add_to(unsigned)
    assert send(service, unsigned, b"{}").status == 400


def test_the_cause_is_logged_and_not_told(service: Served) -> None:
    lines: list[dict[str, Any]] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(vars(record)["blindlink"])  # type: ignore[method-assign]
    LOGGER.addHandler(handler)
    level = LOGGER.level
    LOGGER.setLevel(logging.INFO)
    try:
        request = signed(service)
        send(service, request)
        send(service, request)
        until = time.monotonic() + 10  # the line is written after the answer has gone out
        while not (refused := [line for line in lines if line.get("status") == 401]):
            assert time.monotonic() < until
            time.sleep(0.01)
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)
    assert [line["cause"] for line in refused] == ["replayed"]
