"""Signing in to the console: a code that works once, and a session that ends."""

import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from blindlink.cli import run
from blindlink.client import person
from blindlink.client.console import sign_in_code
from blindlink.service import app
from blindlink.service.console import sessions
from blindlink.service.data.models import BrowserSession, SignInCode
from blindlink.service.jobs import maintenance
from blindlink.service.settings import Sessions
from blindlink.service.telemetry import logs
from blindlink.service.web import credentials
from worlds import flow
from worlds import service as world
from worlds.service import Served
from worlds.visitor import Visitor

CODE = re.compile(r"([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service without a project; nobody has to wait after wrong codes."""
    made = flow.finished(tmp_path_factory.mktemp("sign-in"))
    patient = {"sessions": Sessions(tries=1e6)}
    with world.served(made, workers=False, settings=patient) as served:
        yield served


@pytest.fixture
def moved(empty: Served) -> Iterator[list[timedelta]]:
    """Put a span of time into the list, and the service's clock is that much later."""
    world.still.append(world.clock())

    class Moving(list[timedelta]):
        def append(self, span: timedelta) -> None:
            world.still[-1] += span

    yield Moving()
    world.still.clear()


def code(served: Served, role: str = "operator") -> str:
    return str(sign_in_code(served.connection(role))["code"])


class TestCodes:
    def test_work_once(self, empty: Served) -> None:
        first = code(empty)
        assert CODE.fullmatch(first)
        assert Visitor(empty).give(first).status == 303
        again = Visitor(empty).give(first)
        assert again.status == 422
        assert "set-cookie" not in again.headers

    def test_may_be_misread(self, empty: Served) -> None:
        text = code(empty).lower().replace("-", " ").replace("0", "o").replace("1", "l")
        assert Visitor(empty).give(f" {text} ").status == 303

    def test_that_are_wrong_are_refused(self, empty: Served) -> None:
        good = code(empty)
        for wrong in ("", "x", good[:-1], good + "0", "0" * 65, "é", "' OR 1=1 --"):
            assert Visitor(empty).give(wrong).status == 422, wrong
        assert Visitor(empty).post("/sign-in", other="x").status == 422
        assert Visitor(empty).give(good).status == 303

    def test_only_the_newest_of_a_credential_works(self, empty: Served) -> None:
        old, others, new = code(empty), code(empty, "auditor"), code(empty)
        assert Visitor(empty).give(old).status == 422
        assert Visitor(empty).give(others).status == 303
        assert Visitor(empty).give(new).status == 303

    def test_expire(self, empty: Served, moved: list[timedelta]) -> None:
        first = code(empty)
        moved.append(timedelta(seconds=301))
        assert Visitor(empty).give(first).status == 422
        second = code(empty)
        moved.append(timedelta(seconds=299))
        assert Visitor(empty).give(second).status == 303

    def test_are_for_local_credentials_only(self, empty: Served) -> None:
        """An owner of an open project is refused too: that stands in the table of all endpoints."""
        assert empty.raw("moj", "POST", "/v1/console/sign-in", b"").status == 401
        link = empty.connection("operator")
        url = f"{empty.url}/v1/console/sign-in"
        assert link._pool.request("POST", url, retries=False).status == 401

    def test_cannot_be_guessed_for_long(self, tmp_path: Path) -> None:
        made = flow.finished(tmp_path)
        with world.served(made, workers=False, settings={"sessions": Sessions(tries=0.01)}) as it:
            statuses = [Visitor(it).give("wrong").status for _ in range(13)]
            assert statuses == [422] * 10 + [429] * 3
            assert Visitor(it).give(code(it)).status == 429  # not even looked at

    def test_come_from_no_other_site(self, empty: Served) -> None:
        """Nobody is signed in with somebody else's code by following a link."""
        sent = {"Origin": "https://elsewhere.example"}
        assert Visitor(empty).post("/sign-in", sent, code=code(empty)).status == 403

    def test_and_cookies_lie_in_the_database_as_digests(self, empty: Served) -> None:
        visitor, waiting = Visitor.signed_in(empty, "auditor"), code(empty)
        with empty.service.database.read() as session:
            rows = [*session.scalars(select(SignInCode)), *session.scalars(select(BrowserSession))]
        assert len(rows) >= 2
        for row in rows:
            text = repr(vars(row))
            assert visitor.cookie not in text
            assert waiting not in text
            assert waiting.replace("-", "") not in text


class TestSessions:
    def test_have_a_cookie_that_scripts_and_other_sites_do_not_see(self, empty: Served) -> None:
        given = Visitor(empty).give(code(empty)).headers["set-cookie"]
        name, *flags = given.split("; ")
        assert re.fullmatch(r"blindlink=[A-Za-z0-9_-]{43}", name)
        assert sorted(flags) == ["HttpOnly", "Path=/", "SameSite=strict"]

    def test_have_a_stricter_cookie_with_tls(self, tmp_path: Path) -> None:
        made = flow.finished(tmp_path)
        outside = {"public_url": "https://link.example"}
        with world.served(made, workers=False, settings=outside) as served:
            keyid = next(iter(credentials.load(served.service.settings.credential_folder)))
            text, _ = sessions.issue(served.service, keyid)
            sent = {"Origin": "https://link.example", "Host": "link.example"}
            given = Visitor(served).post("/sign-in", sent, code=text).headers["set-cookie"]
        name, *flags = given.split("; ")
        assert name.startswith("__Host-blindlink=")
        assert sorted(flags) == ["HttpOnly", "Path=/", "SameSite=strict", "Secure"]

    def test_end_when_nobody_looks(self, empty: Served, moved: list[timedelta]) -> None:
        visitor = Visitor.signed_in(empty, "operator")
        for _ in range(3):
            moved.append(timedelta(minutes=29))
            assert visitor.get("/storage").status == 200
        for _ in range(2):  # what a page fetches by itself is nobody
            moved.append(timedelta(minutes=16))
            status = visitor.get("/storage", **{"X-Fragment": "1"}).status
        assert status == 401
        assert visitor.get("").status == 303

    def test_end_after_a_day_s_work(self, empty: Served, moved: list[timedelta]) -> None:
        visitor = Visitor.signed_in(empty, "operator")
        statuses = []
        for _ in range(25):
            moved.append(timedelta(minutes=20))
            statuses.append(visitor.get("").status)
        assert statuses == [200] * 24 + [303]

    def test_end_when_one_signs_out(self, empty: Served) -> None:
        visitor, other = (Visitor.signed_in(empty, "operator") for _ in range(2))
        kept = visitor.cookie
        answer = visitor.send("/sign-out")
        assert (answer.status, answer.to) == (303, "/console/sign-in")
        assert visitor.cookie == ""
        visitor.cookie = kept
        assert visitor.get("").status == 303
        assert other.get("").status == 200

    def test_end_with_their_credential(self, tmp_path: Path) -> None:
        made = flow.finished(tmp_path)
        with world.served(made, workers=False) as served:
            visitor = Visitor.signed_in(served, "auditor")
            folder = served.service.settings.credential_folder
            for name in ("auditor.pub", "auditor.key"):
                (folder / name).unlink()
            person.make(folder, "auditor")
        with world.served(made, workers=False) as served:
            visitor.served = served
            assert visitor.get("").status == 303

    def test_are_known_to_every_web_process(self, empty: Served) -> None:
        visitor = Visitor.signed_in(empty, "auditor")
        second = app.make_app(replace(empty.service))
        found = credentials.load(empty.service.settings.credential_folder)
        assert {each.keyid for each in second.state.people.first()} == set(found)
        assert sessions.find(replace(empty.service), visitor.cookie, counts=True) is not None

    def test_that_are_over_are_forgotten(self, empty: Served, moved: list[timedelta]) -> None:
        Visitor.signed_in(empty, "auditor")
        code(empty)
        moved.append(timedelta(hours=9))
        maintenance.forget(empty.service)
        with empty.service.database.read() as session:
            for table in (SignInCode, BrowserSession):
                assert session.scalar(select(func.count()).select_from(table)) == 0


def test_the_command_prints_a_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = flow.finished(tmp_path)
    with world.served(made, workers=False, settings={"clock": world.wall_clock}) as served:
        key = served.service.settings.credential_folder / "auditor.key"
        assert run(["client", "sign-in", "--url", served.url, "--credential", str(key)]) == 0
        said = capsys.readouterr()
        assert CODE.fullmatch(said.out.strip())
        assert f"{served.url}/console/sign-in" in said.err
        visitor = Visitor(served)
        assert visitor.give(said.out).status == 303
        assert "read only" in visitor.words("")
        assert run(["client", "sign-in", "--url", served.url, "--credential", "moj.key"]) == 12


def test_logs_name_who_signed_in_and_no_code(
    empty: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.Lines())
    monkeypatch.setattr(logs.LOGGER, "handlers", [handler])
    before = logs.LOGGER.level
    logs.LOGGER.setLevel(logging.INFO)
    text = code(empty)
    visitor = Visitor(empty)
    visitor.give(text)
    visitor.get("/storage")
    visitor.give("wrong")
    world.eventually(lambda: out.getvalue().count("\n") == 4)
    logs.LOGGER.setLevel(before)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    said = [(line["route"], line["status"], line.get("role")) for line in lines]
    assert said == [
        ("/v1/console/sign-in", 201, "operator"),
        ("/console/sign-in", 303, None),
        ("/console/storage", 200, "operator"),
        ("/console/sign-in", 422, None),
    ]
    assert lines[1]["caller"] == lines[2]["caller"]
    assert lines[3]["cause"] == "not a sign-in code"
    for secret in (text, text.replace("-", ""), visitor.cookie):
        assert secret not in out.getvalue()
