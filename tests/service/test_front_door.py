"""The front door: who gets in, what is counted, what two readers could read in two ways."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from blindlink.client.signing import Request
from blindlink.errors import InputError
from blindlink.service import configuration
from blindlink.service.data.states import UploadState
from blindlink.service.problems import Problem
from blindlink.service.settings import Connections, Limits, Sessions
from blindlink.service.telemetry.metrics import PROCESS
from blindlink.service.web import forwarded, rates, signatures
from blindlink.service.web.connections import Networks
from service import settings_page
from worlds import flow
from worlds import service as world
from worlds.service import Served

FEW = Connections(most=60, reserve=20, of_address=30, idle_anonymous=1.0)


@pytest.fixture
def narrow(submitted: flow.World) -> Iterator[Served]:
    """A service with room for few connections; this machine is no proxy of it."""
    with world.served(submitted, settings={"connections": FEW, "proxies": ()}) as found:
        found.open()
        yield found


def connect(served: Served, source: str = "127.0.0.1") -> socket.socket:
    host, port = served.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=5, source_address=(source, 0))


def refused(reason: str) -> float:
    name, labels = "blindlink_connections_refused_total", {"reason": reason}
    return PROCESS.get_sample_value(name, labels) or 0.0


def closed(link: socket.socket) -> bool:
    link.settimeout(2)
    try:
        return link.recv(1) == b""
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False


class TestConnections:
    def test_one_address_holds_only_so_many(self, narrow: Served) -> None:
        before = refused("address")
        links = [connect(narrow, "127.0.0.2") for _ in range(FEW.of_address + 5)]
        assert sum(closed(each) for each in links[-5:]) == 5
        assert narrow.client("operator").project()["state"] == "open"  # another address gets in
        assert refused("address") - before == 5
        for each in links:
            each.close()

    def test_silent_ones_make_room_for_health_and_signed_callers(self, narrow: Served) -> None:
        before = refused("evicted")
        links = [connect(narrow, f"127.0.0.{2 + number // 20}") for number in range(80)]
        pool = urllib3.PoolManager(retries=False)
        for _ in range(10):
            assert pool.request("GET", narrow.url + "/health").status == 204
            assert narrow.client("moj").project()["accepting"]
        assert refused("evicted") - before >= 40
        assert b'blindlink_connections_refused_total{reason="evicted"}' in generate_latest(PROCESS)
        for each in links:
            each.close()

    def test_an_anonymous_one_is_not_kept(self, narrow: Served) -> None:
        with connect(narrow) as link:
            host = narrow.url.removeprefix("http://")
            link.sendall(f"GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert link.recv(1000).startswith(b"HTTP/1.1 204")
            start = time.monotonic()
            link.settimeout(10)
            while link.recv(1000):
                pass
            assert time.monotonic() - start < 5

    @pytest.mark.parametrize("line", ["\n", "\r\nX: y\n"])
    def test_a_bare_line_feed_is_no_end_of_a_line(self, narrow: Served, line: str) -> None:
        host = narrow.url.removeprefix("http://")
        with connect(narrow) as link:
            link.sendall(f"GET /health HTTP/1.1{line}Host: {host}\r\n\r\n".encode())
            assert link.recv(1000).startswith(b"HTTP/1.1 400")


class TestTheSignedTarget:
    """What is signed is what is executed."""

    def test_nothing_can_be_added_behind_the_signature(self, embedded: Served) -> None:
        path = f"{embedded.client('auditor').path}/audit/entries"
        request = Request("GET", f"{embedded.url}{path}?limit=1", {})
        connection = embedded.connection("auditor")
        connection.signer.add_to(request)
        host, port = embedded.url.removeprefix("http://").split(":")
        lines = [f"GET {path}?limit=1#&limit=200 HTTP/1.1", f"Host: {host}:{port}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        with socket.create_connection((host, int(port)), timeout=5) as link:
            link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
            answer = link.recv(4000)
        assert answer.startswith(b"HTTP/1.1 400")

    @pytest.mark.parametrize(
        ("path", "query"),
        [
            ("/v1/projects", "limit=1&limit=2"),
            ("/v1/projects", "limit=1#x"),
            ("/v1/projects", "limit=%31"),
            ("/v1/projects", "limit"),
            ("/v1/projects", "a=1;b=2"),
            ("/v1/projects", "x=a b"),
            ("/v1/pro%6aects", ""),
            ("/v1/../v1/projects", ""),
            ("/v1/projects/./x", ""),
            ("v1", ""),
        ],
    )
    def test_what_could_be_read_in_two_ways_is_refused(self, path: str, query: str) -> None:
        with pytest.raises(Problem) as caught:
            signatures.check_target(path, query)
        assert caught.value.status == 400

    @given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=30))
    def test_what_passes_is_its_own_serialisation(self, query: str) -> None:
        from urllib.parse import parse_qsl, urlencode, urlsplit

        try:
            signatures.check_target("/x", query)
        except Problem:
            return
        assert urlencode(parse_qsl(query, keep_blank_values=True)) == query
        assert urlsplit(f"http://h/x?{query}").query == query


class TestForwardedHeaders:
    PROXIES = Networks(("10.0.0.0/8", "127.0.0.1/32"))

    @pytest.mark.parametrize(
        ("text", "client"),
        [
            ("203.0.113.9", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # what stands left of it anybody wrote
            ("198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
            ("2001:db8::1", "2001:db8::1"),
            ("10.1.2.3", None),
            ("x" * 20000, None),
            ("203.0.113.9, unknown", None),
            ("", None),
        ],
    )
    def test_the_nearest_unknown_address_is_the_clients(
        self, text: str, client: str | None
    ) -> None:
        assert forwarded.client(text, self.PROXIES) == client

    @given(st.lists(st.ip_addresses(v=4).map(str), max_size=4), st.ip_addresses(v=4))
    def test_nobody_chooses_an_address(self, claimed: list[str], real: object) -> None:
        """Whatever the client claims, the address that its proxy saw is taken."""
        text = ", ".join([*claimed, str(real)])
        found = forwarded.client(text, Networks(()))
        assert found == str(ip_address(str(real)))

    def test_a_header_from_elsewhere_is_not_read(self, narrow: Served) -> None:
        before = refused("address")
        pool = urllib3.PoolManager(retries=False)
        answer = pool.request(
            "GET", narrow.url + "/v1/projects", headers={"X-Forwarded-For": "203.0.113.9"}
        )
        assert answer.status == 401
        assert refused("address") == before


class TestShares:
    def test_a_limit_holds_over_all_processes(self) -> None:
        shares = [4]
        processes = [rates.Buckets(0.001, 40, shares) for _ in range(4)]
        passed = sum(each.take("a", 1.0) == 0 for each in processes for _ in range(40))
        assert passed == 40

    def test_processes_learn_of_each_other(self, served: Served) -> None:
        from blindlink.service.server import counted

        other = replace(served.service, name="another", shares=[1], wakers=[], checks=[])
        with counted(other):
            world.eventually(lambda: other.shares == [2])


class TestSignInCodes:
    def test_guesses_are_limited_before_they_are_tried(self, submitted: flow.World) -> None:
        """The right code, after too many wrong ones, is not even looked at."""
        with world.served(submitted, settings={"sessions": Sessions(tries=0.01)}) as served:
            pool = urllib3.PoolManager(retries=False)
            url, headers = f"{served.url}/console/sign-in", {"Origin": served.url}
            code = served.connection("operator").call("POST", "/v1/console/sign-in", body=b"")
            statuses = []
            for _ in range(12):
                answer = pool.request_encode_body(
                    "POST", url, {"code": "WRNG-WRNG"}, headers, encode_multipart=False
                )
                statuses.append(answer.status)
            right = pool.request_encode_body(
                "POST",
                url,
                {"code": code.json()["code"]},
                headers,
                encode_multipart=False,
                redirect=False,
            )
        assert statuses == [422] * 10 + [429] * 2
        assert right.status == 429


class TestClientMistakes:
    """They are the client's, on both databases."""

    @pytest.mark.parametrize("after", ["9007199254740992", "AAAA", "________", "x" * 17])
    def test_a_page_that_never_was(self, served: Served, after: str) -> None:
        assert served.raw("auditor", "GET", f"/v1/projects?after={after}").status == 422

    def test_one_idempotency_key_at_once_makes_one_upload(self, served: Served) -> None:
        path, body = f"{served.client('moj').path}/uploads", _announcement()
        answers = []

        def ask() -> None:
            headers = {"Content-Type": "application/json", "Idempotency-Key": "k" * 16}
            answers.append(served.raw("moj", "POST", path, body, headers))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert {each.status for each in answers} == {201}
        assert len({each.json()["id"] for each in answers}) == 1

    def test_a_body_that_says_it_is_something_else(self, served: Served) -> None:
        path = f"{served.client('moj').path}/uploads"
        headers = {"Content-Type": "text/plain"}
        assert served.raw("moj", "POST", path, _announcement(), headers).status == 415

    def test_what_was_cancelled_is_not_complete(self, served: Served) -> None:
        client = served.client("moj")
        headers = {"Content-Type": "application/json"}
        made = served.raw("moj", "POST", f"{client.path}/uploads", _announcement(), headers).json()
        client.cancel(made["id"])
        head = served.raw("moj", "HEAD", f"{client.path}/uploads/{made['id']}")
        assert head.headers["upload-complete"] == "?0"
        assert client.settle(made["id"])["state"] == UploadState.CANCELLED

    @pytest.mark.parametrize(
        ("asked", "status", "told"),
        [
            ("bytes=-5", 206, "-5"),
            ("bytes=0-0", 206, "0-0"),
            ("bytes=5-", 206, "5-"),
            ("bytes=0-99999999999999999999", 200, ""),
            ("bytes=99999999999999999999-", 416, ""),
            ("bytes=5-2", 416, ""),
            ("bytes=-", 200, ""),
            ("items=1-2", 200, ""),
        ],
    )
    def test_ranges(self, linked: Served, asked: str, status: int, told: str) -> None:
        path = f"{linked.client('analyst').path}/release"
        answer = linked.raw("analyst", "GET", path, headers={"Range": asked})
        assert answer.status == status
        if told:
            whole = linked.raw("analyst", "GET", path).body
            start, _, end = told.partition("-")
            first = len(whole) - int(end) if not start else int(start)
            last = int(end) + 1 if start and end else len(whole)
            assert answer.body == whole[first:last]


def test_https_is_for_ever(submitted: flow.World) -> None:
    with world.served(submitted, settings={"public_url": "https://link.example"}) as served:
        answer = urllib3.PoolManager(retries=False).request("GET", f"{served.listening}/health")
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


class TestConfiguration:
    def test_options_go_before_environment_before_file(self, tmp_path: Path) -> None:
        file = tmp_path / "service.toml"
        file.write_text("[limits]\nrate = 1\nburst = 2\n[work]\ngrace = 3\n")
        environment = {"BLINDLINK_LIMITS_RATE": "10", "BLINDLINK_LIMITS_BURST": "20"}
        found = configuration.load(file, environment, ["limits.rate=100"])
        assert (found.limits.rate, found.limits.burst, found.work.grace) == (100.0, 20, 3.0)
        assert found.limits.failures == Limits().failures

    @pytest.mark.parametrize(
        "text",
        [
            "[limits]\nrte = 1",
            "[x]\ny = 1",
            "limits = 1",
            "[limits]\nrate = 'a'",
            "[",
            "[limits]\nburst = 1.5",
            "[limits]\nrate = -1",
            "[limits]\nrate = true",
            "[limits]\nrate = nan",
        ],
    )
    def test_what_is_not_known_is_refused(self, tmp_path: Path, text: str) -> None:
        file = tmp_path / "service.toml"
        file.write_text(text)
        with pytest.raises(InputError):
            configuration.load(file, {}, [])

    @pytest.mark.parametrize("pair", ["rate=1", "limits.rate", "limits.rate=x", "limits.x=1"])
    def test_so_is_an_option(self, pair: str) -> None:
        with pytest.raises(InputError):
            configuration.load(None, {}, [pair])

    def test_the_reference_is_what_the_code_says(self) -> None:
        assert settings_page.PAGE.read_text() == settings_page.text()


def _announcement() -> bytes:
    return b'{"kind":"submission","size":5,"digest":"' + b"0" * 64 + b'"}'
