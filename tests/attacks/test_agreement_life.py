"""What has ended is over: for whoever signs the next version, and for whoever hears of an end.

A party that likes the weak first version better than the strict second one finds nobody to act
under it; so does whoever stole keys, once that is known.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from attacks.test_signed_facts import played, take_in
from blindlink.cli import run
from blindlink.errors import AgreementError, RefusedError, VerificationError
from blindlink.keys import party as party_keys
from blindlink.linker.protocol.notices import log_notice
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.project import Project
from blindlink.linker.protocol.receive import receive
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import SignedAgreement, sign
from blindlink.messages.agreement.notice import (
    Notice,
    heed,
    heed_supersession,
    load_notice,
    make_notice,
    refuse_ended,
)
from blindlink.messages.signed import Signed
from worlds.files import STRETCHED, party, prepare, submit
from worlds.files import receive as receive_file
from worlds.flow import NOW, World, keys


def noticed(world: World, name: str = "moj", kind: Any = "revoked") -> Signed[Notice]:
    made = make_notice(world.agreement, keys(name), kind, "Not any more", now=NOW)
    made.save(world.folder / "a.notice", force=True)
    return load_notice(world.folder / "a.notice", world.agreement, now=NOW)


class TestEnds:
    @pytest.mark.parametrize("kind", ["revoked", "compromised"])
    def test_the_linker_takes_nothing_more_in(self, tmp_path: Path, kind: str) -> None:
        world = played(tmp_path)
        take_in(world, "moj.submission")
        project = tmp_path / "project"
        assert log_notice(
            noticed(world, "ohid", kind), world.agreement, keys("ttp"), project, now=NOW
        )
        for act in (
            lambda: take_in(world, "ohid.submission"),
            lambda: world.link(),
        ):
            with pytest.raises(RefusedError, match="the agreement has ended"):
                act()
        assert not (tmp_path / "study.release").exists()

    def test_a_notice_is_logged_once(self, tmp_path: Path) -> None:
        world = played(tmp_path)
        take_in(world, "moj.submission")
        project, notice = tmp_path / "project", noticed(world)
        log_notice(notice, world.agreement, keys("ttp"), project, now=NOW)
        assert not log_notice(notice, world.agreement, keys("ttp"), project, now=NOW)
        log = Project.load(project, world.agreement.digest()).log
        assert [each.event for each in log.entries].count("agreement-ended") == 1

    def test_a_linker_that_goes_on_all_the_same_is_found_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its log tells of the end, and then of a freeze; the analyst reads it."""
        world = played(tmp_path)
        for file in world.files():
            take_in(world, file)
        log_notice(noticed(world), world.agreement, keys("ttp"), tmp_path / "project", now=NOW)
        monkeypatch.setattr(Project, "freeze", _freeze_all_the_same)
        monkeypatch.setattr(Project, "receive", lambda *_, **__: tmp_path)
        monkeypatch.setattr(Project, "finish", lambda *_, **__: None)
        world.link()
        with pytest.raises(VerificationError, match="the agreement had ended"):
            world.cohort()

    def test_keys_remember(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        key, digest = tmp_path / "ohid.key", world.agreement.digest()
        refuse_ended(key, digest)
        assert heed(key, noticed(world))
        with pytest.raises(RefusedError, match="this agreement has ended: revoked"):
            refuse_ended(key, digest)
        refuse_ended(key, "ab" * 32)  # another one goes on

    def test_a_party_that_destroyed_its_part_ends_nothing(self, tmp_path: Path) -> None:
        world = played(tmp_path)
        for file in world.files():
            take_in(world, file)
        notice = noticed(world, "moj", "destroyed")
        assert not heed(tmp_path / "ohid.key", notice)
        log_notice(notice, world.agreement, keys("ttp"), tmp_path / "project", now=NOW)
        world.link()
        assert len(world.cohort().people)

    def test_a_stranger_ends_nothing(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        with pytest.raises(AgreementError, match="are none of its parties"):
            make_notice(world.agreement, keys("elsewhere"), "revoked", "x", now=NOW)
        forged = noticed(world).document.model_copy(
            update={"signer": keys("elsewhere").public.fingerprint()}
        )
        Signed.make(forged, keys("elsewhere")).save(tmp_path / "b.notice")
        with pytest.raises(AgreementError, match="is none of its parties"):
            load_notice(tmp_path / "b.notice", world.agreement, now=NOW)

    def test_nobody_ends_it_in_another_s_name(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        document = noticed(world).document
        signed = keys("ohid").sign(b"something else", domain=document.format)
        Signed(document, signed).save(tmp_path / "b.notice")
        with pytest.raises(VerificationError, match="signature of moj"):
            load_notice(tmp_path / "b.notice", world.agreement, now=NOW)

    def test_a_notice_is_about_one_agreement_and_of_the_past(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        noticed(world)
        other = World(tmp_path, terms={"minimum_rows": 11})
        with pytest.raises(AgreementError, match="is about another agreement"):
            load_notice(tmp_path / "a.notice", other.agreement, now=NOW)
        with pytest.raises(VerificationError, match="signed in the future"):
            load_notice(tmp_path / "a.notice", world.agreement, now=NOW - timedelta(hours=1))


def _freeze_all_the_same(project: Project, inputs: Any, *, now: Any) -> None:
    project.log.append("inputs-frozen", dict(inputs), now=now)


class TestVersions:
    def later(self, world: World, **terms: Any) -> SignedAgreement:
        changes = {"version": 2, "supersedes": world.agreement.digest(), **terms}
        agreement = world.agreement.agreement.model_copy(update=changes)
        signed = SignedAgreement.unsigned(agreement)
        for name in agreement.names:
            signed = sign(signed, keys(name), now=NOW)
        return signed

    def test_who_signs_the_second_acts_under_the_first_no_more(self, tmp_path: Path) -> None:
        world = World(tmp_path, terms={"minimum_rows": 1})
        strict = self.later(world, minimum_rows=50)
        for name in strict.agreement.names:
            heed_supersession(tmp_path / f"{name}.key", strict)
            with pytest.raises(RefusedError, match="has ended: superseded"):
                refuse_ended(tmp_path / f"{name}.key", world.agreement.digest())
            refuse_ended(tmp_path / f"{name}.key", strict.digest())

    def test_what_was_sent_under_the_first_is_refused_under_the_second(
        self, tmp_path: Path
    ) -> None:
        world = World(tmp_path)
        world.submit("moj")
        strict = self.later(world)
        with pytest.raises(AgreementError, match="belongs to another agreement"):
            receive(
                tmp_path / "moj.submission",
                Acting(strict, keys("ttp"), NOW),
                Place(tmp_path / "project"),
            )

    def test_a_first_version_supersedes_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(ValidationError, match="a first version supersedes nothing"):
            World(tmp_path, terms={"supersedes": "ab" * 32})


class TestCommands:
    """The same by the commands, with key files and their registers."""

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(party_keys, "_stretch", STRETCHED)
        monkeypatch.chdir(tmp_path)
        prepare(tmp_path)
        return tmp_path

    def end(self, kind: str = "revoked") -> int:
        what = ["--as", kind, "--reason", "Not any more", "--out", "moj.notice"]
        return run(["agreement", "end", *party("moj"), *what])

    def test_an_end_that_everybody_hears_of(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert submit("moj") == submit("ohid") == receive_file("moj.submission") == 0
        assert self.end() == 0
        assert submit("moj", "--sequence", "2", "--force") == 17
        assert "this agreement has ended: revoked" in capsys.readouterr().err
        heeding = ["agreement", "heed", "moj.notice"]
        assert run([*heeding, *party("ohid")]) == 0
        assert run([*heeding, *party("ttp")]) == 10  # the linker logs it
        assert run([*heeding, *party("ttp"), "--project", "project"]) == 0
        assert "the agreement has ended" in capsys.readouterr().out
        assert submit("ohid", "--sequence", "2", "--force") == 17
        assert receive_file("ohid.submission") == 17

    def test_destroying_one_s_part(self, folder: Path) -> None:
        assert submit("moj") == 0
        mine = ["moj.submission.rows", "linkage.key"]
        out = ["--out", "gone.notice", "--yes"]
        assert run(["agreement", "erase", *mine, "nothing", *party("moj"), *out]) == 10
        assert all((folder / name).exists() for name in mine)
        assert run(["agreement", "erase", *mine, *party("moj"), *out]) == 0
        assert not any((folder / name).exists() for name in [*mine, "moj.key"])
        found = Signed.load(folder / "gone.notice", Notice).document
        assert (found.kind, found.erased) == ("destroyed", 3)
        assert run(["agreement", "heed", "gone.notice", *party("ohid")]) == 0

    def test_a_linker_destroys_its_project(self, folder: Path) -> None:
        out = ["--out", "gone.notice", "--yes"]
        assert run(["agreement", "erase", *party("ttp"), *out]) == 10
