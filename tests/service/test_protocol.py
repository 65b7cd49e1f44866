"""The protocol through the service, on SQLite and on PostgreSQL."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from blindlink.client.connection import RefusalError
from blindlink.errors import VerificationError
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.audit.receipt import load_receipt
from blindlink.messages.signed import Signed
from worlds import flow
from worlds import service as world
from worlds.opened import contents
from worlds.service import Served

RANDOM = re.compile(
    r"[0-9a-f]{32,}|[A-Za-z0-9+/]{40,}={0,2}|2026-[0-9T:.-]+Z|[a-z2-7]{5}(-[a-z2-7]{5})+"
    r"|(?<=\"size\":)\d{4,}|(?<=\"offset\":)\d{4,}|(?<=\"rows\":)\d+|(?<=\"received\":)\d+|(?<=\"accepted\":)\d+"
)


class TestTheWholeStudy:
    def test_gives_what_linking_the_files_gives(self, served: Served) -> None:
        for owner in served.world.owners:
            assert served.submit(owner)["state"] == "accepted"
        assert served.run()["state"] == "released"
        served.client("analyst").download(served.folder / "study.release")
        by_service: dict[str, Any] = contents(served.world, "study.release")
        served.world.link(out="by-files.release")
        assert by_service == contents(served.world, "by-files.release")
        assert len(by_service["links"]) > 20
        cohort = served.world.cohort(now=world.clock())
        assert cohort is not None

    def test_reports_go_to_the_analyst(self, served: Served) -> None:
        for owner in served.world.owners:
            served.submit(owner)
        served.run()
        (report,) = served.client("analyst").report()
        assert (report["left"], report["right"]) == ("moj", "ohid")
        assert report["report"]["counts"]["links"] > 20

    def test_the_run_happens_once(self, served: Served) -> None:
        for owner in served.world.owners:
            served.submit(owner)
        first = served.run()
        again = served.run()
        assert again == first
        entries = served.raw("operator", "GET", _project(served) + "/audit/entries").json()
        events = [entry["event"] for entry in entries["items"]]
        assert events == [
            "project-opened",
            "key-held",
            "submission-received",
            "submission-received",
            "run-asked",
            "inputs-frozen",
            "released",
        ]


class TestOwners:
    def test_get_a_receipt_that_verifies(self, served: Served) -> None:
        sent = served.submit("moj")
        client, out = served.client("moj"), served.folder / "moj.receipt"
        manifest = client.check_file(served.folder / "moj.submission")[1]
        client.receipt(sent["id"], out, manifest, force=False)
        receipt = load_receipt(out, flow.keys("ttp").public, manifest).document
        assert receipt.accepted == receipt.received

    def test_see_nothing_of_a_run(self, served: Served) -> None:
        for owner in served.world.owners:
            served.submit(owner)
        before = {name: _seen(served, "moj", name) for name in ("", "/uploads", "/audit/heads")}
        served.run()
        for path in ("/run", "/report", "/release", "/audit/log"):
            assert served.raw("moj", "GET", _project(served) + path).status == 403
        after = {name: _seen(served, "moj", name) for name in ("", "/uploads", "/audit/heads")}
        assert before[""].pop("accepting")
        assert not after[""].pop("accepting")
        asked, frozen = (before["/audit/heads"]["sizes"][-1] + each for each in (1, 2))
        seen = after["/audit/heads"]["sizes"][len(before["/audit/heads"]["sizes"]) :]
        assert seen in ([frozen], [asked, frozen])
        assert before[""] == after[""]
        assert before["/uploads"] == after["/uploads"]

    def test_cannot_tell_release_from_refusal(self, tmp_path: Path) -> None:
        """Everything that an owner can read is the same text, but for ids and moments."""
        texts = []
        for least, folder in ((5, tmp_path / "a"), (59, tmp_path / "b")):
            folder.mkdir()
            made = flow.World(folder, terms={"minimum_overlap": least})
            for owner in made.owners:
                made.submit(owner)
            with world.served(made) as served:
                served.open()
                for owner in made.owners:
                    served.submit(owner)
                state = served.run()["state"]
                assert state == ("released" if least == 5 else "refused")
                texts.append(_everything_for_owner(served))
        assert texts[0] == texts[1]

    def test_replace_a_submission_before_the_freeze(self, served: Served) -> None:
        served.submit("moj")
        served.world.submit("moj", "again.submission", sequence=2)
        assert served.submit("moj", "again.submission")["state"] == "accepted"
        states = [each["state"] for each in served.client("moj").uploads()]
        assert states == ["replaced", "accepted"]
        old = served.submit("moj")  # the first one again: what was replaced never comes back
        assert (old["state"], old["error"]) == ("refused", "RefusedError")
        assert _objects(served, "submissions") == 1

    def test_send_the_same_submission_twice(self, served: Served) -> None:
        first, second = served.submit("moj"), served.submit("moj")
        assert (first["state"], second["state"]) == ("accepted", "accepted")
        assert _objects(served, "submissions") == 1

    def test_are_refused_after_the_freeze(self, served: Served) -> None:
        for owner in served.world.owners:
            served.submit(owner)
        served.run()
        with pytest.raises(RefusalError, match="frozen") as caught:
            served.client("moj").upload(served.folder / "moj.submission")
        assert caught.value.status == 409

    def test_withdraw_people(self, served: Served) -> None:
        for owner in served.world.owners:
            served.submit(owner)
        world.withdrawal(served.world, ["moj-secret-40", "moj-secret-41"])
        sent = served.client("moj").upload(served.folder / "moj.withdrawal")
        assert served.client("moj").settle(sent["id"])["state"] == "accepted"
        served.run()
        served.client("analyst").download(served.folder / "study.release")
        served.world.link(out="by-files.release", withdrawals=[served.folder / "moj.withdrawal"])
        found = contents(served.world, "study.release")
        assert found == contents(served.world, "by-files.release")

    def test_withdraw_from_the_submission_held_only(self, served: Served) -> None:
        served.submit("moj")
        world.withdrawal(served.world, ["moj-secret-40"])
        served.world.submit("moj", "again.submission", sequence=2)
        served.submit("moj", "again.submission")
        sent = served.client("moj").upload(served.folder / "moj.withdrawal")
        found = served.client("moj").settle(sent["id"])
        assert (found["state"], found["error"]) == ("refused", "VerificationError")


class TestTheRun:
    def test_wants_every_owner(self, served: Served) -> None:
        served.submit("moj")
        with pytest.raises(RefusalError, match="no submission of ohid") as caught:
            served.client("operator").start()
        assert caught.value.status == 409

    def test_may_be_refused_and_then_there_is_no_release(self, tmp_path: Path) -> None:
        made = flow.World(tmp_path, terms={"minimum_overlap": 59})
        for owner in made.owners:
            made.submit(owner)
        with world.served(made) as served:
            served.open()
            for owner in made.owners:
                served.submit(owner)
            found = served.run()
            assert found["state"] == "refused"
            assert "fewer links" in found["reason"]
            with pytest.raises(RefusalError):
                served.client("analyst").download(tmp_path / "out")
            assert not (tmp_path / "out").exists()
            assert _objects(served, "releases") == 0


class TestTheLog:
    def test_extends_every_head_that_was_kept(self, served: Served, tmp_path: Path) -> None:
        client, kept = served.client("ohid"), []
        for number, owner in enumerate(served.world.owners):
            served.submit(owner)
            kept.append(tmp_path / f"{number}.head")
            client.head(kept[-1], kept[-2] if number else None)
        served.run()
        auditor = served.client("auditor")
        auditor.head(tmp_path / "last.head", kept[0])
        data = served.raw("auditor", "GET", _project(served) + "/audit/log").body
        (tmp_path / "audit.log").write_bytes(data)
        log = AuditLog.load(tmp_path / "audit.log")
        assert len(log.entries) == 7
        for path in (*kept, tmp_path / "last.head"):
            verify_log(log, Signed.load(path, Head), flow.keys("ttp").public, str(path))

    def test_a_head_of_another_log_is_found_out(self, served: Served, tmp_path: Path) -> None:
        served.submit("moj")
        client = served.client("moj")
        client.head(tmp_path / "mine.head")
        other = flow.keys("ttp")
        found = Signed.load(tmp_path / "mine.head", Head).document
        forged = Signed.make(found.model_copy(update={"root": "0" * 64}), other)
        forged.save(tmp_path / "forged.head")
        served.submit("ohid")
        with pytest.raises(VerificationError):
            client.head(tmp_path / "new.head", tmp_path / "forged.head")
        assert not (tmp_path / "new.head").exists()

    def test_owners_see_their_own_entries(self, served: Served) -> None:
        for owner in served.world.owners:
            served.submit(owner)
        served.run()
        entries = served.raw("moj", "GET", _project(served) + "/audit/entries").json()["items"]
        assert [entry["event"] for entry in entries] == ["project-opened", "submission-received"]
        assert entries[1]["details"]["owner"] == "moj"
        path = _project(served) + "/audit/inclusion"
        assert served.raw("moj", "GET", f"{path}?index=2&size=4").status == 200
        assert served.raw("moj", "GET", f"{path}?index=3&size=4").status == 422  # ohid's
        assert served.raw("moj", "GET", f"{path}?index=6&size=7").status == 422  # the outcome


class TestDestruction:
    def test_leaves_no_file_and_no_key(self, served: Served) -> None:
        for owner in served.world.owners:
            served.submit(owner)
        served.run()
        settings = served.service.settings
        assert list(settings.key_folder.glob("*.key"))
        served.client("operator").destroy()
        world.eventually(lambda: served.client("operator").project()["state"] == "destroyed")
        world.eventually(lambda: not list(settings.key_folder.glob("*.key")))
        assert _objects(served) == 0
        with pytest.raises(RefusalError):
            served.client("analyst").download(served.folder / "late.release")
        head = served.client("moj").head(served.folder / "final.head")
        assert head.document.size == 8  # the last one that the key could sign: the end has begun
        events = [
            entry["event"]
            for entry in served.raw("moj", "GET", _project(served) + "/audit/entries").json()[
                "items"
            ]
        ]
        assert events[-3:] == ["destruction-begun", "key-erased", "destroyed"]
        log = served.client("auditor").log(served.folder / "audit.log")  # the attestations hold
        assert [each.event for each in log.entries[8:]] == ["key-erased", "destroyed"]

    def test_cannot_be_undone(self, served: Served) -> None:
        served.client("operator").destroy()
        world.eventually(lambda: served.client("operator").project()["state"] == "destroyed")
        with pytest.raises(RefusalError) as caught:
            served.client("moj").upload(served.folder / "moj.submission")
        assert caught.value.status == 409
        assert served.client("operator").open()["state"] == "destroyed"

    def test_wants_to_be_confirmed(self, served: Served) -> None:
        path = _project(served) + "/destroy"
        body = json.dumps({"confirm": "0" * 64}).encode()
        assert served.raw("operator", "POST", path, body).status == 422
        assert served.client("operator").project()["state"] == "open"


def test_a_second_project_wants_linker_keys_of_its_own(served: Served) -> None:
    changed = flow.World(served.folder, terms={"version": 2}).agreement
    with pytest.raises(RefusalError, match="serve another project"):
        served.client("operator", changed).open()


def test_a_linker_without_keys_here_is_refused(submitted: flow.World) -> None:
    with world.served(submitted, workers=False) as served:
        with pytest.raises(RefusalError, match="no worker of this service holds") as caught:
            served.client("operator").open()
        assert caught.value.status == 409


def _project(served: Served) -> str:
    return f"/v1/projects/{served.agreement.digest()}"


def _seen(served: Served, who: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = served.raw(who, "GET", _project(served) + path).json()
    return found


def _everything_for_owner(served: Served) -> list[str]:
    """Every answer that an owner can get by reading, without random values and moments."""
    base = _project(served)
    uploads = [f"{base}/uploads/{each['id']}" for each in _seen(served, "moj", "/uploads")["items"]]
    paths = ["/v1/projects", base, f"{base}/uploads", *uploads, f"{uploads[0]}/receipt"]
    paths += [f"{base}/{name}" for name in ("run", "report", "release", "audit/log")]
    paths += [f"{base}/audit/{name}" for name in ("heads", "heads/latest", "entries")]
    paths += [f"{base}/audit/heads/{size}" for size in (3, 4, 5)]
    paths += [
        f"{base}/audit/{name}={first}&{other}={second}"
        for name, other in (("consistency?first", "second"), ("inclusion?index", "size"))
        for first in (1, 3, 4)
        for second in (3, 4, 5)
    ]
    answers = [served.raw("moj", "GET", path) for path in paths]
    return [f"{each.status} {RANDOM.sub('*', each.body.decode())}" for each in answers]


def _objects(served: Served, kind: str = "") -> int:
    """How many objects there are, once nothing is at work."""
    return sum(kind in key for key, _, _ in served.service.storage.listing())
