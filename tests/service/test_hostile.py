"""Requests at random over the whole API, signed and unsigned: refused with a reason, never a fault.

What was drawn follows the description of the API only as far as that helps to get deeper.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blindlink.messages.http import AGREEMENT_TYPE, PART_TYPE
from blindlink.service import app
from worlds import roles
from worlds import service as world
from worlds.service import Served

ENDPOINTS = [(method, path) for method, path, _, _ in app.rules()]
TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)
NUMBER = st.integers(-(2**65), 2**65)
HEADERS = {
    "Content-Type": st.sampled_from([AGREEMENT_TYPE, PART_TYPE, "application/json"]) | TEXT,
    "Upload-Offset": NUMBER.map(str) | TEXT,
    "Upload-Complete": st.sampled_from(["?0", "?1"]) | TEXT,
    "Idempotency-Key": TEXT,
    "Range": st.sampled_from(["bytes=0-", "bytes=5-2", "bytes=-1", "bytes=99999999-"]) | TEXT,
    "Content-Encoding": st.sampled_from(["gzip", "identity"]),
}
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["submission", "withdrawal"]) | JSON,
        "size": NUMBER | JSON,
        "digest": st.just("0" * 64) | JSON,
        "confirm": st.just("0" * 64) | JSON,
    },
)
BODIES = (
    st.none()
    | st.binary(max_size=300)
    | FIELDS.map(lambda fields: json.dumps(fields).encode())
    | JSON.map(lambda value: json.dumps(value).encode())
)
QUERY = st.dictionaries(
    st.sampled_from(["limit", "after", "first", "second", "index", "size", "x"]),
    NUMBER.map(str) | st.sampled_from(["", "1", "2", "%00", "%ff", "a+b"]),
    max_size=3,
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = world.submissions(tmp_path_factory.mktemp("hostile"))
    with world.served(made, workers=True) as served:
        served.open()
        served.submit("moj")
        yield served


@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_is_a_fault(service: Served, data: st.DataObject) -> None:
    method, path = data.draw(st.sampled_from(ENDPOINTS))
    own = service.agreement.digest()
    upload = next(service.client("operator").uploads())["id"]
    path = path.replace("{project}", data.draw(st.sampled_from([own, own, own, "0" * 64, "x"])))
    path = path.replace("{upload}", data.draw(st.sampled_from([upload, "0" * 32, "%00", "..%2f"])))
    path = path.replace("{size}", data.draw(st.sampled_from(["1", "latest", "-1", "9" * 30])))
    path = re.sub(r"\{\w+\}", "0" * 64, path)
    query = data.draw(QUERY)
    if query:
        path += "?" + "&".join(f"{name}={value}" for name, value in query.items())
    names = data.draw(st.lists(st.sampled_from(sorted(HEADERS)), unique=True, max_size=3))
    headers = {name: data.draw(HEADERS[name]) for name in names}
    caller = data.draw(st.sampled_from(["moj", "ohid", "ttp", "analyst", "operator", "auditor"]))
    if method == "POST" and path.endswith(("/run", "/destroy")) and caller in ("operator", "ttp"):
        caller = "moj"  # the service is to live on
    body = data.draw(BODIES) if method in ("POST", "PATCH") else None
    answer = send(service, caller, method, path, body, headers)
    assert answer.status < 500
    if answer.status >= 400 and method != "HEAD":
        assert answer.headers["content-type"] == "application/problem+json"
        document = answer.json()
        assert document["status"] == answer.status
        assert document["type"].startswith(("urn:blindlink:problem:", "https://iana.org/"))


def send(served: Served, caller: str, *request: Any) -> Any:
    """Signed where the library can sign it, else not at all."""
    try:
        return served.raw(roles.key(caller), *request)
    except ValueError:  # a header that cannot be put into a signature
        method, path, body, headers = request
        link = served.connection("operator")
        found = link._pool.request(
            method, served.url + path, body=body, headers=headers, retries=False
        )
        assert found.status in (400, 401, 404, 411, 413, 415)
        return found
