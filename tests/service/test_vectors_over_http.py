"""The single-fault vectors of submissions and withdrawals, each sent through the service."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from blindlink.messages.agreement.document import SignedAgreement, read_agreement
from blindlink.messages.http import PART_TYPE
from blindlink.service.api.shapes import token
from worlds import parties
from worlds import service as world
from worlds.service import Served

VECTORS = Path(__file__).parents[1] / "vectors"
LIMITS = world.LIMITS


@dataclass
class Base:
    """The study that the vectors belong to."""

    folder: Path
    agreement: SignedAgreement
    owners: tuple[str, ...] = ("moj", "ohid")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    world.still.append(parties.NOW)  # of vectors that are a second too old or too young
    base = Base(
        tmp_path_factory.mktemp("vectors"), read_agreement(VECTORS / "base/study.agreement")
    )
    with world.served(base, linker=parties.keys("ttp")) as served:  # type: ignore[arg-type]
        served.open()
        yield served
    world.still.clear()


def send(served: Served, kind: str, data: bytes) -> dict[str, object]:
    """Upload whatever it is as moj, and wait for the verdict."""
    moj = parties.keys("moj")
    base = f"/v1/projects/{served.agreement.digest()}/uploads"
    document = {"kind": kind, "size": len(data), "digest": sha256(data).hexdigest()}
    answer = served.raw(moj, "POST", base, json.dumps(document).encode())
    if answer.status != 201:
        return {"state": "refused", "error": "FormatError", "reason": "header"}
    size = served.service.settings.limits.part_bytes
    for start in range(0, len(data), size):
        part = data[start : start + size]
        headers = {
            "Content-Type": PART_TYPE,
            "Upload-Offset": str(start),
            "Upload-Complete": "?1" if start + size >= len(data) else "?0",
        }
        sent = served.raw(moj, "PATCH", answer.headers["location"], part, headers)
        assert sent.status == 204
    client = served.client(moj)
    return client.settle(answer.headers["location"].rsplit("/", 1)[1], timeout=30)


def entries(served: Served) -> int:
    return len(served.raw("auditor", "GET", _audit(served)).json()["items"])


def _audit(served: Served) -> str:
    return f"/v1/projects/{served.agreement.digest()}/audit/entries"


def cases(kind: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((VECTORS / kind / "vectors.json").read_text())
    return [entry for entry in found if entry["expect"] != "accept"]


def test_faulty_submissions(service: Served) -> None:
    wrong = []
    before = entries(service)
    for entry in cases("submission"):
        data = (VECTORS / "submission" / entry["file"]).read_bytes()
        found = send(service, "submission", data)
        right = (found["state"], found.get("error")) == ("refused", entry["expect"])
        reason = str(found.get("reason"))
        if not right or entry["message"] not in reason or "/" in reason:
            wrong.append((entry["file"], found))
    assert wrong == []
    assert entries(service) == before
    world.eventually(lambda: not list(service.service.storage.listing()))


def test_faulty_withdrawals(service: Served) -> None:
    sound = (VECTORS / "base" / "moj.submission").read_bytes()
    assert send(service, "submission", sound)["state"] == "accepted"
    before, wrong = entries(service), []
    for entry in cases("withdrawal"):
        data = (VECTORS / "withdrawal" / entry["file"]).read_bytes()
        found = send(service, "withdrawal", data)
        if (found["state"], found.get("error")) != ("refused", entry["expect"]):
            wrong.append((entry["file"], found))
    assert wrong == []
    path = _audit(service)
    after = f"?after={token(before)}"
    events = {each["event"] for each in service.raw("auditor", "GET", path + after).json()["items"]}
    assert events == {"withdrawal-arrived", "withdrawal-refused"}
    world.eventually(lambda: len(list(service.service.storage.listing())) == 1)
