"""Requests drawn by schemathesis from the description of the API, signed by who may send them.

The answer must be one that the description names, with its type, its headers and its schema; what
breaks the description must be refused; and nothing may be a fault of the service.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.auth import AuthBase
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi.checks import ignored_auth

from blindlink.client.signing import Request, digest_header
from blindlink.messages.http import PART_TYPE
from blindlink.service import app
from worlds import service as world
from worlds.service import Served

ROLES = {(method, path): roles for method, path, roles, _ in app.rules()}
PATHS = json.loads((Path(__file__).parents[2] / "schemas/openapi.json").read_text())["paths"]


def takes(method: str, path: str) -> bool:
    """Whether there is anything in a request that could be wrong."""
    operation = PATHS[path][method.lower()]
    return bool(operation.get("parameters") or operation.get("requestBody"))


CASES = [
    (method, path, mode)
    for method, path in ROLES
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or takes(method, path)
]
CALLERS = {"owner": "moj", "analyst": "analyst", "operator": "operator", "party": "moj"}
HOP = ("accept", "accept-encoding", "connection", "content-length", "user-agent")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """With an upload of one owner only, so that no drawn request can begin the run."""
    made = world.submissions(tmp_path_factory.mktemp("schemathesis"))
    with world.served(made) as served:
        served.open()
        served.submit("moj")
        yield served


@pytest.fixture(scope="module")
def schema(service: Served) -> Any:
    """The description, as it stands in ``schemas/openapi.json``."""
    document = app.openapi(app.make_app(service.service))
    for operations in document["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)  # the signature is not drawn: it is made
    return schemathesis.openapi.from_dict(document)


schemathesis.serializer.alias(PART_TYPE, "application/octet-stream")


class Signed(AuthBase):
    """Signs what is about to go out, as the client does."""

    def __init__(self, served: Served, who: str) -> None:
        self._signer = served.connection(who).signer

    def __call__(self, prepared: requests.PreparedRequest) -> requests.PreparedRequest:
        body: Any = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
        if body:
            prepared.headers["Content-Digest"] = digest_header(body)
        headers = {
            name: str(value) for name, value in prepared.headers.items() if name.lower() not in HOP
        }
        request = Request(str(prepared.method), str(prepared.url), headers)
        try:
            self._signer.add_to(request)
        except ValueError:  # a header that no signature can hold: it goes out unsigned
            return prepared
        prepared.headers.update(request.headers)
        return prepared


@pytest.mark.parametrize(
    ("method", "path", "mode"), CASES, ids=[f"{one} {two}-{mode.value}" for one, two, mode in CASES]
)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_as_described(
    schema: Any, service: Served, method: str, path: str, mode: GenerationMode, data: st.DataObject
) -> None:
    """In half of the requests the project and upload are those that are there."""
    case = data.draw(schema[path][method].as_strategy(generation_mode=mode))
    if data.draw(st.booleans()) and mode is GenerationMode.POSITIVE:
        here = {"project": service.agreement.digest(), "upload": upload_of(service)}
        case.path_parameters.update(
            (name, here[name]) for name in case.path_parameters if name in here
        )
    knock(case, service)


def upload_of(service: Served) -> str:
    return str(next(service.client("operator").uploads())["id"])


def knock(case: schemathesis.Case, service: Served) -> None:
    roles = ROLES.get((case.method, case.operation.path), frozenset({"owner"}))
    who = next(caller for role, caller in CALLERS.items() if role in roles)
    response = case.call(base_url=service.url, auth=Signed(service, who))
    case.validate_response(
        response,
        # Signatures are this test's own; the tables of roles and faults are elsewhere.
        excluded_checks=[
            ignored_auth,
            checks.positive_data_acceptance,
            checks.ensure_resource_availability,
        ],
    )
