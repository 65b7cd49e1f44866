"""Uploads: resumed, parallel, oversized, cut off, compressed, slow; in constant memory."""

import hashlib
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from blindlink.client.connection import Answer, RefusalError
from blindlink.client.signing import Request, Signer, digest_header
from blindlink.client.transfer import Source
from blindlink.errors import AgreementError, FormatError, InputError, VerificationError
from blindlink.messages.http import PART_TYPE
from worlds import flow
from worlds import service as world
from worlds.service import Served, clock


@pytest.fixture
def served(embedded: Served) -> Served:
    return embedded


def base(served: Served) -> str:
    return f"/v1/projects/{served.agreement.digest()}/uploads"


def announce(served: Served, who: str = "moj", key: str | None = None, **changes: Any) -> Answer:
    source = Source.of(served.folder / f"{who}.submission")
    document = {"kind": "submission", "size": source.size, "digest": source.digest} | changes
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Idempotency-Key"] = key
    return served.raw(who, "POST", base(served), json.dumps(document).encode(), headers)


def part(
    served: Served, location: str, offset: int, data: bytes, last: bool = False, **headers: str
) -> Answer:
    found = {
        "Content-Type": PART_TYPE,
        "Upload-Offset": str(offset),
        "Upload-Complete": "?1" if last else "?0",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return served.raw("moj", "PATCH", location, data, found)


def begin(served: Served) -> tuple[str, bytes]:
    location = announce(served).headers["location"]
    return location, (served.folder / "moj.submission").read_bytes()


class TestResuming:
    def test_goes_on_from_the_offset(self, served: Served) -> None:
        location, data = begin(served)
        answer = part(served, location, 0, data[:1000])
        assert (answer.status, answer.headers["upload-offset"]) == (204, "1000")
        head = served.raw("moj", "HEAD", location)
        assert (head.headers["upload-offset"], head.headers["upload-complete"]) == ("1000", "?0")
        client = served.client("moj")
        found = client.upload(served.folder / "moj.submission")  # finds the one begun
        assert found["id"] == location.rsplit("/", 1)[1]
        assert client.settle(found["id"])["state"] == "accepted"

    def test_another_offset_is_told_the_right_one(self, served: Served) -> None:
        location, data = begin(served)
        part(served, location, 0, data[:1000])
        for offset in (0, 999, 1001):
            answer = part(served, location, offset, data[offset : offset + 10])
            assert answer.status == 409
            assert answer.json()["type"].endswith("#mismatching-upload-offset")
            assert answer.json()["expected-offset"] == 1000

    def test_a_part_with_another_digest_does_not_count(self, served: Served) -> None:
        location, data = begin(served)
        request = Request("PATCH", served.url + location, {})
        request.headers = {
            "Content-Type": PART_TYPE,
            "Upload-Offset": "0",
            "Upload-Complete": "?0",
            "Content-Digest": digest_header(data[:1000]),
        }
        Signer.of_party(flow.keys("moj"), clock).add_to(request)
        pool = served.connection("moj")._pool
        answer = pool.request(
            "PATCH", request.url, headers=request.headers, body=b"x" + data[1:1000], retries=False
        )
        assert answer.status == 400
        assert served.raw("moj", "HEAD", location).headers["upload-offset"] == "0"
        assert list(served.service.storage.listing()) == []

    def test_complete_is_said_with_the_last_byte_only(self, served: Served) -> None:
        location, data = begin(served)
        assert part(served, location, 0, data[:1000], last=True).status == 400
        assert list(served.service.storage.listing()) == []
        assert served.raw("moj", "HEAD", location).headers["upload-offset"] == "0"

    def test_nothing_follows_the_last_byte(self, served: Served) -> None:
        found = served.submit("moj")
        answer = part(served, f"{base(served)}/{found['id']}", found["size"], b"more")
        assert answer.status == 409
        assert answer.json()["type"].endswith("#completed-upload")

    def test_cancelled_is_erased(self, served: Served) -> None:
        location, data = begin(served)
        part(served, location, 0, data[:1000])
        assert served.raw("moj", "DELETE", location).status == 204
        assert list(served.service.storage.listing()) == []
        assert part(served, location, 1000, data[1000:2000]).status == 409


class TestParallel:
    def test_of_many_that_send_the_same_part_one_wins(self, served: Served) -> None:
        location, data = begin(served)
        answers: list[Answer] = []

        def send() -> None:
            answers.append(part(served, location, 0, data[:50_000]))

        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(each.status for each in answers) == [204, *[409] * 7]
        assert len(list(served.service.storage.listing())) == 1

    def test_whole_uploads_side_by_side_are_taken_once(self, served: Served) -> None:
        found: list[dict[str, Any]] = []
        threads = [
            threading.Thread(target=lambda: found.append(served.submit("moj"))) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {each["state"] for each in found} == {"accepted"}
        kept = [key for key, _, _ in served.service.storage.listing() if "submissions" in key]
        assert len(kept) == 1

    def test_an_owner_has_few_at_a_time(self, served: Served) -> None:
        most = served.service.settings.limits.open_uploads
        statuses = [announce(served).status for _ in range(most + 1)]
        assert statuses == [*[201] * most, 409]


class TestIdempotency:
    def test_the_same_announcement_makes_one_upload(self, served: Served) -> None:
        first, second = announce(served, key="abcdefgh"), announce(served, key="abcdefgh")
        assert first.json()["id"] == second.json()["id"]
        assert announce(served, key="ABCDEFGH").json()["id"] != first.json()["id"]

    def test_another_request_with_the_key_is_refused(self, served: Served) -> None:
        announce(served, key="abcdefgh")
        answer = announce(served, key="abcdefgh", size=77)
        assert (answer.status, answer.json()["title"]) == (
            422,
            "The idempotency key was used for another request",
        )
        assert announce(served, key="short").status == 400


class TestHostile:
    @pytest.mark.parametrize(
        "changes",
        [
            {"size": 0},
            {"size": -1},
            {"size": 1.5},
            {"size": "1"},
            {"size": True},
            {"size": 2**60},
            {"digest": "x"},
            {"digest": "A" * 64},
            {"kind": "release"},
            {"kind": "../../x"},
            {"name": "x"},
        ],
    )
    def test_an_impossible_announcement(self, served: Served, changes: dict[str, Any]) -> None:
        answer = announce(served, **changes)
        assert answer.status == 422
        assert list(served.client("moj").uploads()) == []

    def test_more_than_agreed(self, served: Served) -> None:
        limit = served.agreement.agreement.limits.bytes
        answer = announce(served, size=limit + 2 * 2**20)
        assert answer.status == 413
        assert str(limit) in answer.json()["detail"]

    def test_no_json(self, served: Served) -> None:
        for body in (b"", b"[]", b"{", b"\xff", b"[" * 10_000, b'{"size":1e999}'):
            assert served.raw("moj", "POST", base(served), body).status == 422

    def test_oversized_parts(self, served: Served) -> None:
        location, data = begin(served)
        most = served.service.settings.limits.part_bytes
        assert part(served, location, 0, bytes(most + 1)).status == 413
        assert part(served, location, 0, data[:most]).status == 204
        rest = len(data) - most
        assert part(served, location, most, bytes(rest + 1)).status == 413
        assert served.raw("moj", "POST", base(served), bytes(300_000)).status == 413

    def test_compressed(self, served: Served) -> None:
        location, data = begin(served)
        assert part(served, location, 0, data[:10], Content_Encoding="gzip").status == 415

    def test_another_type(self, served: Served) -> None:
        location, data = begin(served)
        for kind in ("application/octet-stream", "multipart/form-data; boundary=x"):
            assert part(served, location, 0, data[:10], Content_Type=kind).status == 415

    @pytest.mark.parametrize("offset", ["", "-1", "1e3", "0x0", "9" * 30, "٣"])
    def test_an_impossible_offset(self, served: Served, offset: str) -> None:
        location, data = begin(served)
        headers: dict[str, Any] = {"Upload_Offset": offset}
        if offset.isascii():
            assert part(served, location, 0, data[:10], **headers).status == 400

    def test_an_impossible_completeness(self, served: Served) -> None:
        location, data = begin(served)
        for text in ("1", "true", "?2", ""):
            assert part(served, location, 0, data[:10], Upload_Complete=text).status == 400

    def test_path_tricks(self, served: Served) -> None:
        for name in ("..", "%2e%2e", "..%2f..%2fservice.db", "a%00b", "x" * 3000, "%ff"):
            assert served.raw("moj", "GET", f"{base(served)}/{name}").status in (400, 401, 404)

    def test_cut_off(self, served: Served) -> None:
        location, data = begin(served)
        raw_part(served, location, data[:5000], send=2000)
        world.eventually(lambda: not list(served.service.storage.listing()))
        assert served.raw("moj", "HEAD", location).headers["upload-offset"] == "0"

    def test_longer_than_declared(self, served: Served) -> None:
        location, data = begin(served)
        raw_part(served, location, data[:1000], send=1000, extra=b"GET /evil HTTP/1.1\r\n\r\n")
        assert served.raw("moj", "HEAD", location).headers["upload-offset"] == "1000"


def raw_part(
    served: Served, location: str, data: bytes, *, send: int, extra: bytes = b"", wait: float = 0
) -> bytes:
    """A signed PATCH over a bare socket that sends some of the bytes it declares."""
    headers = {
        "Content-Type": PART_TYPE,
        "Upload-Offset": "0",
        "Upload-Complete": "?0",
        "Content-Digest": digest_header(data),
    }
    request = Request("PATCH", served.url + location, headers)
    Signer.of_party(flow.keys("moj"), clock).add_to(request)
    host = served.url.removeprefix("http://")
    lines = [f"PATCH {location} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    with socket.create_connection(world.address(host), timeout=10) as link:
        link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data[:send] + extra)
        if send < len(data) and not wait:
            return b""
        time.sleep(wait)
        return link.recv(65536)


class TestSlow:
    def test_a_body_that_stalls(self, tmp_path: Path) -> None:
        from dataclasses import replace

        limits = replace(world.LIMITS, body_pause=0.3, head_pause=0.5)
        with world.served(world.submissions(tmp_path), limits=limits) as served:
            served.open()
            location, data = begin(served)
            answer = raw_part(served, location, data[:5000], send=100, wait=0.6)
            assert answer.startswith(b"HTTP/1.1 408")
            assert list(served.service.storage.listing()) == []
            host = world.address(served.url.removeprefix("http://"))
            with socket.create_connection(host, timeout=10) as link:
                link.sendall(b"GET /health HTTP/1.1\r\nHost:")
                start = time.monotonic()
                assert link.recv(100) == b""
                assert time.monotonic() - start < 5


class TestTheClientSends:
    def test_nothing_but_containers_of_its_own(self, served: Served) -> None:
        client = served.client("moj")
        secret = served.folder / "some.key"
        flow.SECRET.save(secret)
        table = served.folder / "people.csv"
        table.write_text("first_initial,last_initial\nA,B\n")
        for path in (secret, table, served.folder / "service/linker-keys/ttp.key"):
            with pytest.raises(FormatError, match="it is not sent"):
                client.upload(path)
        with pytest.raises(VerificationError, match="another party"):
            client.upload(served.folder / "ohid.submission")
        other = flow.World(served.folder, terms={"version": 2}).agreement
        with pytest.raises(AgreementError, match="another agreement"):
            served.client("moj", other).upload(served.folder / "moj.submission")
        assert list(client.uploads()) == []

    def test_nothing_without_tls_to_elsewhere(self) -> None:
        from blindlink.client.connection import Connection

        signer = Signer.of_party(flow.keys("moj"))
        for url in ("http://link.example", "http://10.0.0.1:80", "ftp://x", "https://x/path", "x"):
            with pytest.raises(InputError):
                Connection(url, signer)


def test_what_the_upload_declared_is_held_against_what_came(served: Served) -> None:
    digest = hashlib.sha256(b"other").hexdigest()
    location = announce(served, digest=digest).headers["location"]
    data = (served.folder / "moj.submission").read_bytes()
    half = 50_000
    part(served, location, 0, data[:half])
    part(served, location, half, data[half:], last=True)
    found = served.client("moj").settle(location.rsplit("/", 1)[1])
    assert (found["state"], found["error"]) == ("refused", "VerificationError")
    world.eventually(lambda: not list(served.service.storage.listing()))


def test_an_expired_agreement_takes_nothing(tmp_path: Path) -> None:
    made = flow.World(tmp_path, terms={"expires": "2026-11-23T12:30:00Z"})
    made.submit("moj")
    later = False

    def shifted() -> Any:
        from datetime import timedelta

        return clock() + timedelta(hours=1 if later else 0)

    with world.served(made, settings={"clock": shifted}) as served:
        served.open()
        later = True
        signer = Signer.of_party(flow.keys("moj"), shifted)
        client = served.client("moj")
        client.connection.signer = signer
        with pytest.raises(RefusalError, match="expired") as caught:
            client.upload(tmp_path / "moj.submission")
        assert caught.value.status == 403
        assert client.project()["accepting"] is False
