"""Who may do what: every endpoint, every role, in its own, in another and in no project."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from blindlink.service import app
from blindlink.service.data.models import KeyHolder
from worlds import parties, roles
from worlds import service as world
from worlds.roles import Knock
from worlds.service import Served

NEVER_FOR_OWNERS = ("/run", "/report", "/release", "/audit/log", "/destroy")
READING = ("GET", "HEAD")
SIGN_IN = "/v1/console/sign-in"
AUDITORS_MAY = (  # what changes nothing of a project, and the word that wants a second person's
    SIGN_IN,
    "/v1/console/sessions",
    "/v1/people",
    "/v1/people/{person}",
    "/v1/projects/{project}/approvals",
    "/v1/projects/{project}/end/attestations",
)


@pytest.fixture(scope="module")
def two_projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with the flow world's project and the trust world's, and one upload in each."""
    made = world.submissions(tmp_path_factory.mktemp("two"))
    with world.served(made) as served:
        served.open()
        other = parties.signed_elsewhere().agreement.linker.fingerprint()
        with served.service.database.write() as session:
            session.add(KeyHolder(linker=other, holder="0" * 64, name="elsewhere", seen=0))
        served.client("operator", parties.signed_elsewhere()).open()
        served.submit("moj")
        yield served


def _upload(served: Served) -> str:
    """The id of the only upload."""
    (found,) = served.client("operator").uploads()
    return str(found["id"])


def test_every_request_of_the_table(two_projects: Served) -> None:
    ids = {
        "own": two_projects.agreement.digest(),
        "other": parties.signed_elsewhere().digest(),
        "no": "0" * 64,
    }
    wrong, upload = [], _upload(two_projects)
    for knock in roles.table():
        path = knock.path.replace("{project}", ids[knock.project])
        path = path.replace("{upload}", upload).replace("{size}", "latest")
        path = path.replace("{person}", "operator-" + "0" * 32)
        status = _knock(two_projects, knock, path)
        if status != knock.expected:
            wrong.append(f"{knock.name}: {status}, not {knock.expected}")
    assert not wrong
    assert len(list(roles.table())) == 35 * 9 * 3 - 8 * 9 * 2


def _knock(served: Served, knock: Knock, path: str) -> int:
    body = b"{}" if knock.method in ("POST", "PATCH", "PUT") else None
    if knock.caller == "nobody":
        link = served.connection("operator")
        return link._pool.request(knock.method, served.url + path, body=body, retries=False).status
    return served.raw(roles.key(knock.caller), knock.method, path, body).status


def test_the_table_says_what_was_promised() -> None:
    rules = {(method, path): found for method, path, found, _ in app.rules()}
    for (method, path), found in rules.items():
        if path.endswith(NEVER_FOR_OWNERS):
            assert "owner" not in found, path
        if "auditor" in found and path not in AUDITORS_MAY:
            assert method in READING, path
    assert rules["GET", "/v1/projects/{project}/release"] == {"analyst"}
    assert rules["POST", "/v1/projects/{project}/uploads"] == {"owner"}
    assert rules["PATCH", "/v1/projects/{project}/uploads/{upload}"] == {"owner"}
    assert rules["POST", "/v1/projects"] == {"operator"}
    assert rules["POST", SIGN_IN] == {"operator", "auditor"}
    assert rules["POST", "/v1/projects/{project}/run"] == {"operator", "linker"}
    assert rules["POST", "/v1/projects/{project}/destroy"] == {"operator", "linker"}


def test_an_endpoint_without_roles_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    route = APIRoute("/v1/open-door", lambda: None)
    router = type("Module", (), {"router": type("Router", (), {"routes": [route]})})
    monkeypatch.setattr(app, "MODULES", (*app.MODULES, router))
    with pytest.raises(RuntimeError, match="open-door: names no roles"):
        list(app.rules())


def test_unknown_and_forbidden_are_one_answer(two_projects: Served) -> None:
    """Status, headers and body are the same, but for the date."""
    answers = []
    for project in (parties.signed_elsewhere().digest(), "0" * 64, "nonsense"):
        answer = two_projects.raw("moj", "GET", f"/v1/projects/{project}/audit/heads")
        headers = {
            name: value
            for name, value in answer.headers.items()
            if name not in ("date", "x-request-id", "traceparent", "request-id")
        }
        answers.append((answer.status, headers, answer.body))
    assert answers[0][0] == 404
    assert all(each == answers[0] for each in answers)
    # What no path of ours has is refused before anybody looks for a project.
    assert two_projects.raw("moj", "GET", "/v1/projects/%00/audit/heads").status == 400


def test_unknown_and_forbidden_take_the_same_time(two_projects: Served) -> None:
    """Medians of interleaved requests differ by less than the noise of one request."""
    times: dict[str, list[float]] = {parties.signed_elsewhere().digest(): [], "0" * 64: []}
    for _ in range(40):
        for project, found in times.items():
            start = time.perf_counter()
            two_projects.raw("moj", "GET", f"/v1/projects/{project}")
            found.append(time.perf_counter() - start)
    forbidden, unknown = (statistics.median(found) for found in times.values())
    spread = statistics.quantiles(times["0" * 64], n=4)
    assert abs(forbidden - unknown) < max(spread[2] - spread[0], 0.002)


def test_an_owner_does_not_see_the_other_owners_uploads(two_projects: Served) -> None:
    upload = _upload(two_projects)
    base = f"/v1/projects/{two_projects.agreement.digest()}/uploads"
    for method, path in (("GET", ""), ("HEAD", ""), ("DELETE", ""), ("GET", "/receipt")):
        answer = two_projects.raw("ohid", method, f"{base}/{upload}{path}")
        assert answer.status == 404
        assert two_projects.raw("ttp", "GET", f"{base}/{upload}").status == 200
    assert two_projects.raw("ohid", "GET", base).json()["items"] == []
    assert len(two_projects.raw("auditor", "GET", base).json()["items"]) == 1


def test_lists_are_pages_of_what_one_may_see(two_projects: Served) -> None:
    everything = two_projects.raw("operator", "GET", "/v1/projects?limit=1").json()
    assert len(everything["items"]) == 1
    rest = two_projects.raw("operator", "GET", f"/v1/projects?after={everything['next']}").json()
    assert len(rest["items"]) == 1
    assert "next" not in rest
    mine = two_projects.raw("moj", "GET", "/v1/projects").json()["items"]
    assert [each["id"] for each in mine] == [two_projects.agreement.digest()]
    assert two_projects.raw("moj", "GET", "/v1/projects?limit=0").status == 422


def test_only_endpoints_are_served(two_projects: Served, tmp_path: Path) -> None:
    assert two_projects.raw("operator", "GET", "/").status == 303, "to the console"
    for path in (
        "/docs",
        "/openapi.json",
        "/v1",
        "/v1/projects/",
        "/../etc/passwd",
        "/%2e%2e",
    ):
        answer = two_projects.raw("operator", "GET", path)
        assert answer.status == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert two_projects.raw("operator", "PUT", "/v1/projects").status == 405
