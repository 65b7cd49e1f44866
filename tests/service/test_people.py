"""Persons: keys that the service never had, two who sign, names in the log, leavers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from blindlink.client import person
from blindlink.client.connection import RefusalError
from blindlink.client.signing import Signer
from blindlink.errors import VerificationError
from blindlink.messages.approval import Act, Approval, statement
from blindlink.messages.audit.log import AuditLog
from blindlink.service.settings import People
from worlds import flow
from worlds import service as world
from worlds.service import Served


@pytest.fixture
def two(submitted: flow.World, database_url: str) -> Iterator[Served]:
    """A service where two people sign, with an open project and all submissions."""
    settings = {"people": People(approvals=2)}
    with world.served(submitted, database_url, settings=settings) as found:
        found.open()
        for owner in found.world.owners:
            found.submit(owner)
        yield found


def register(served: Served, by: str, role: str, name: str) -> str:
    """A new person, registered by somebody; returns who it is for ``Served.connection``."""
    path = person.make(served.service.settings.credential_folder / "private", role, name)
    for each in (path, path.with_suffix(".pub")):  # the service has no use for either file
        each.rename(served.service.settings.credential_folder / each.name.replace(".pub", ".half"))
    key = Signer.of_credential(served.service.settings.credential_folder / path.name)
    public = _public(served.service.settings.credential_folder / path.name)
    answer = served.client(by)._post("/v1/people", {"name": name, "role": role, "key": public})
    assert answer["keyid"] == key.keyid
    return f"{role}.{name}"


def _public(path: Path) -> str:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return key.public_key().public_bytes_raw().hex()


def log_of(served: Served) -> AuditLog:
    return served.client("auditor").log(served.folder / "audit.log", force=True)


class TestTwoPeople:
    def test_a_run_wants_the_word_of_both(self, two: Served) -> None:
        operator, auditor = two.client("operator"), two.client("auditor")
        with pytest.raises(RefusalError, match="signed word of 2 people"):
            operator.start()
        assert operator.approve(Act.RUN)["given"] == 1
        assert operator.approve(Act.RUN)["given"] == 1  # twice by one is one
        with pytest.raises(RefusalError, match="1 gave it"):
            operator.start()
        auditor.approve(Act.RUN)
        operator.start()
        assert operator.wait_for_run(timeout=60)["state"] == "released"
        words = [each for each in log_of(two).entries if each.event == "approved"]
        assert [each.details["by"] for each in words] == ["operator", "auditor"]
        for each in words:
            word = Approval.model_validate(
                {name: each.details[name] for name in ("statement", "signature")}
            )
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(each.details["key"]))
            word.verify(key, "entry")
        assert next(e for e in log_of(two).entries if e.event == "run-asked").details == {
            "by": ["operator", "auditor"]
        }

    def test_one_of_them_is_an_operator(self, two: Served) -> None:
        second = register(two, "operator", "auditor", "cleo")
        two.client("auditor").approve(Act.RUN)
        assert two.client(second).approve(Act.RUN)["given"] == 2
        with pytest.raises(RefusalError, match="one of them an operator"):
            two.client("operator").start()

    def test_a_release_is_held_back(self, two: Served) -> None:
        for who in ("operator", "auditor"):
            two.client(who).approve(Act.RUN)
        two.client("operator").start()
        two.client("operator").wait_for_run(timeout=60)
        out = two.folder / "study.release"
        with pytest.raises(RefusalError, match="release wants"):
            two.client("analyst").download(out)
        assert not out.exists()
        for who in ("operator", "auditor"):
            two.client(who).approve(Act.RELEASE)
        two.client("analyst").download(out)
        two.client("analyst").download(out, force=True)  # words are used up by the first
        assert two.world.cohort(now=world.clock()) is not None
        taken = [each.details for each in log_of(two).entries if each.event == "downloaded"]
        assert taken == [{"by": "analyst"}]

    def test_so_is_an_end_and_a_hold(self, two: Served) -> None:
        operator = two.client("operator")
        for act, ask in ((Act.HOLD, lambda: operator.hold(True)), (Act.DESTROY, operator.destroy)):
            with pytest.raises(RefusalError, match=f"{act} wants"):
                ask()
            for who in ("operator", "auditor"):
                two.client(who).approve(act)
            ask()
        world.eventually(lambda: operator.project()["state"] == "destroyed")
        begun = next(e for e in log_of(two).entries if e.event == "destruction-begun")
        assert begun.details["by"] == "operator, auditor"

    def test_a_word_for_one_thing_is_none_for_another(self, two: Served) -> None:
        for who in ("operator", "auditor"):
            two.client(who).approve(Act.RELEASE)
        with pytest.raises(RefusalError, match="run wants"):
            two.client("operator").start()

    def test_nobody_signs_for_somebody_else(self, two: Served) -> None:
        operator, auditor = two.client("operator"), two.client("auditor")
        log = operator._json("GET", f"{operator.path}/audit/heads")["log"]
        said = statement(
            operator.agreement.digest(),
            log,
            Act.RUN,
            auditor.connection.signer.keyid,
            world.clock(),
        )
        forged = Approval.make(said, operator.connection.signer.sign)
        for client in (operator, auditor):
            with pytest.raises(RefusalError):
                client._post(f"{client.path}/approvals", forged.model_dump(mode="json"))
        own = Approval.make(said, auditor.connection.signer.sign)
        with pytest.raises(RefusalError):  # brought by another
            operator._post(f"{operator.path}/approvals", own.model_dump(mode="json"))

    def test_an_old_word_does_not_count(self, two: Served) -> None:
        from datetime import timedelta

        operator = two.client("operator")
        log = operator._json("GET", f"{operator.path}/audit/heads")["log"]
        keyid = operator.connection.signer.keyid
        said = statement(
            operator.agreement.digest(), log, Act.RUN, keyid, world.clock() - timedelta(hours=1)
        )
        word = Approval.make(said, operator.connection.signer.sign)
        with pytest.raises(RefusalError, match="not made now"):
            operator._post(f"{operator.path}/approvals", word.model_dump(mode="json"))

    def test_a_changed_word_does_not_verify(self) -> None:
        key = Ed25519PrivateKey.generate()
        said = statement("0" * 64, "0" * 32, Act.RUN, "operator-" + "0" * 32, world.clock())
        word = Approval.make(said, key.sign)
        word.verify(key.public_key(), "word")
        other = word.model_copy(update={"statement": said.model_copy(update={"act": Act.DESTROY})})
        with pytest.raises(VerificationError):
            other.verify(key.public_key(), "word")


class TestPersons:
    def test_are_registered_by_the_other_role(self, embedded: Served) -> None:
        with pytest.raises(RefusalError, match="other role"):
            register(embedded, "operator", "operator", "dora")
        who = register(embedded, "auditor", "operator", "ada")
        assert embedded.client(who).project()["role"] == "operator"
        people = embedded.client("auditor")._json("GET", "/v1/people")["items"]
        assert {each["name"]: each["by"] for each in people} == {
            "operator": "installation",
            "auditor": "installation",
            "ada": "auditor",
        }

    def test_a_leaver_is_out_at_once_and_everywhere(self, embedded: Served) -> None:
        from worlds.visitor import Visitor

        who = register(embedded, "auditor", "operator", "ada")
        keyid = embedded.connection(who).signer.keyid
        visitor = Visitor.signed_in(embedded, who)
        assert visitor.get("").status == 200
        assert embedded.raw("operator", "DELETE", f"/v1/people/{keyid}").status == 403
        assert embedded.raw("auditor", "DELETE", f"/v1/people/{keyid}").status == 204
        assert embedded.raw(who, "GET", "/v1/projects").status == 401
        assert visitor.get("").status == 303
        items = embedded.client("auditor")._json("GET", "/v1/people")["items"]
        assert next(each for each in items if each["name"] == "ada")["until"] is not None

    def test_so_is_one_whom_the_installation_named(self, embedded: Served) -> None:
        keyid = embedded.connection("operator").signer.keyid
        assert embedded.raw("auditor", "DELETE", f"/v1/people/{keyid}").status == 204
        assert embedded.raw("operator", "GET", "/v1/projects").status == 401

    def test_a_name_is_never_anothers(self, embedded: Served) -> None:
        register(embedded, "auditor", "operator", "ada")
        with pytest.raises(RefusalError, match="is or was somebody's"):
            embedded.client("auditor")._post(
                "/v1/people", {"name": "ada", "role": "operator", "key": "ab" * 32}
            )

    def test_who_opened_a_project_stands_in_its_log(self, embedded: Served) -> None:
        assert log_of(embedded).entries[0].details["by"] == "operator"

    def test_see_their_browsers_and_end_them(self, embedded: Served) -> None:
        from worlds.visitor import Visitor

        visitors = [Visitor.signed_in(embedded, "operator") for _ in range(2)]
        path = "/v1/console/sessions"
        assert len(embedded.client("operator")._json("GET", path)["items"]) == 2
        assert embedded.client("auditor")._json("GET", path)["items"] == []
        assert embedded.raw("operator", "DELETE", path).status == 204
        assert [each.get("").status for each in visitors] == [303, 303]
