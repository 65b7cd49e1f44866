"""The linker's one run: what it verifies, freezes, refuses, and hands on."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from blindlink.errors import (
    AgreementError,
    BlindlinkError,
    InputError,
    MissingExtraError,
    OutputError,
    RefusedError,
    SeparationError,
    VerificationError,
)
from blindlink.linker.protocol.destroy import destroy
from blindlink.linker.protocol.intake import take
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.project import Project
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import Agreement
from blindlink.messages.audit.log import AuditLog, verify_log
from blindlink.messages.audit.receipt import load_receipt
from blindlink.messages.container import reader as container
from blindlink.messages.plan import Plan
from blindlink.messages.release import KIND
from blindlink.messages.submission.content import Content
from blindlink.owner import submit as submit_module
from blindlink.owner.withdraw import open_row_map, withdraw
from worlds.flow import NOW, World, entropy, finished, keys


def submitted(world: World) -> World:
    for name in world.owners:
        world.submit(name)
    return world


def columns(table: pa.Table, *names: str) -> list[list[str]]:
    return [table.column(name).to_pylist() for name in names]


def interrupt(*_: Any, **__: Any) -> None:
    """What the power cut does to a function."""
    raise KeyboardInterrupt


def events(world: World) -> list[str]:
    return [entry.event for entry in AuditLog.load(world.folder / "project/audit.log").entries]


def test_matches_are_right_and_stay_with_the_linker(tmp_path: Path) -> None:
    world = World(tmp_path)
    sent = {name: world.submit(name) for name in world.owners}
    done = world.link()
    names = {
        name: dict(
            zip(*(s.rows_of.column(c).to_pylist() for c in ("row_id", "entity_id")), strict=True)
        )
        for name, s in sent.items()
    }
    pairs = zip(
        *(done.matches.column(c).to_pylist() for c in ("left_row_id", "right_row_id")), strict=True
    )
    found = {(names["moj"][left], names["ohid"][right]) for left, right in pairs}
    expected = {(f"moj-secret-{n + 30}", f"ohid-secret-{n}") for n in range(30)}
    assert len(found & expected) >= 29
    assert done.links == len(done.matches) == len(found)
    assert done.report.threshold_method == "fixed"


def test_log_and_receipts(tmp_path: Path) -> None:
    world = submitted(World(tmp_path))
    done = world.link()
    assert events(world) == [
        "project-opened",
        "submission-received",
        "submission-received",
        "inputs-frozen",
        "released",
    ]
    log = AuditLog.load(tmp_path / "project/audit.log")
    for name, path in zip(world.owners, done.receipts, strict=True):
        with container.opened(tmp_path / f"{name}.submission", "submission") as sealed:
            manifest = sealed.manifest
        receipt = load_receipt(path, keys("ttp").public, manifest)
        rows = manifest.content["rows"]
        assert (receipt.document.received, receipt.document.accepted) == (rows, rows)
        verify_log(log, receipt.document.head.signed(), keys("ttp").public, "log")
        text = path.read_text()
        assert "link" not in text.replace("blindlink", "")
        assert "release" not in text


def test_one_run_for_one_agreement(tmp_path: Path) -> None:
    world = finished(tmp_path)
    with pytest.raises(RefusedError, match="the run of this agreement has ended"):
        world.link(out="again.release")
    assert not (tmp_path / "again.release").exists()
    world.submit("moj", "new.submission", sequence=2)
    with pytest.raises(RefusedError, match="inputs are frozen"):
        world.link("new.submission", "ohid.submission", out="again.release")


def test_a_run_that_broke_off_is_repeated_with_the_same_inputs_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = submitted(World(tmp_path))
    monkeypatch.setattr("blindlink.linker.protocol.release.write", interrupt)
    with pytest.raises(KeyboardInterrupt):
        world.link()
    monkeypatch.undo()
    assert events(world)[-1] == "inputs-frozen"
    assert not (tmp_path / "study.release").exists()
    world.submit("moj", "other.submission", sequence=2)
    with pytest.raises(RefusedError, match="frozen"):
        world.link("other.submission", "ohid.submission")
    world.link()
    assert events(world).count("inputs-frozen") == 1
    assert events(world)[-1] == "released"
    world.cohort()


def test_a_log_that_could_not_be_closed_leaves_a_run_that_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = submitted(World(tmp_path))
    monkeypatch.setattr(Project, "finish", interrupt)
    with pytest.raises(KeyboardInterrupt):
        world.link()
    monkeypatch.undo()
    with pytest.raises(OutputError, match="exists already"):
        world.link()
    world.link(force=True)
    assert events(world)[-1] == "released"


@pytest.mark.parametrize("sequence", [1, 2])
def test_resubmission_needs_a_higher_sequence_and_what_it_replaced_is_gone(
    tmp_path: Path, sequence: int
) -> None:
    world = submitted(World(tmp_path, terms={"minimum_overlap": 5}))
    receive(world, "moj.submission")
    world.submit("moj", "second.submission", sequence=sequence)
    if sequence == 1:
        with pytest.raises(RefusedError, match="sequence 1 is not above 1"):
            world.link("second.submission", "ohid.submission")
        return
    receive(world, "second.submission")
    with pytest.raises(RefusedError, match="received before, and replaced"):
        world.link("moj.submission", "ohid.submission")
    world.link("second.submission", "ohid.submission")


def receive(world: World, file: str) -> None:
    """What the service does as files arrive: verify and log, without a run."""
    with container.opened(world.folder / file, "submission") as sealed:
        manifest = sealed.manifest
    project = Project.open(
        world.folder / "project", world.agreement.digest(), now=NOW, entropy=entropy("p")
    )
    content = manifest.content
    acting = world.acting("ttp")
    project.receive("moj", manifest, content["sequence"], content["rows"], (), acting)


def test_receiving_the_same_file_twice_changes_nothing(tmp_path: Path) -> None:
    world = submitted(World(tmp_path))
    for _ in range(2):
        receive(world, "moj.submission")
    assert events(world) == ["project-opened", "submission-received"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("moj.submission",), "no submission of ohid"),
        (("moj.submission", "moj.submission", "ohid.submission"), "two submissions are of one"),
    ],
)
def test_one_submission_of_every_owner(
    tmp_path: Path, files: tuple[str, ...], message: str
) -> None:
    with pytest.raises(RefusedError, match=message):
        finished(tmp_path).link(*files, out="x.release")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"now": NOW.replace(year=2027)}, AgreementError, "expired"),
        ({"now": NOW.replace(year=2025)}, AgreementError, "future"),
        ({"keys": keys("analyst")}, AgreementError, "analyst is analyst, not linker"),
        ({"keys": keys("nhs")}, AgreementError, "none of its parties"),
    ],
)
def test_who_and_when(
    tmp_path: Path, change: dict[str, Any], error: type[BlindlinkError], message: str
) -> None:
    world = submitted(World(tmp_path))
    with pytest.raises(error, match=message):
        world.link(**change)
    assert not (tmp_path / "project").exists()
    assert not (tmp_path / "study.release").exists()


def test_submissions_of_another_agreement_are_refused(tmp_path: Path) -> None:
    world = submitted(World(tmp_path))
    other = World(tmp_path, terms={"version": 2})
    with pytest.raises(AgreementError, match="another agreement"):
        other.link()
    other.submit("moj", "two")
    with pytest.raises(AgreementError, match="two: belongs to another agreement"):
        world.link("two", "ohid.submission")


def test_a_project_folder_belongs_to_one_agreement(tmp_path: Path) -> None:
    world = finished(tmp_path)
    with pytest.raises(AgreementError, match="project of another agreement"):
        Project.open(tmp_path / "project", "00" * 32, now=NOW)
    with pytest.raises(OutputError, match="is also the input"):
        world.link(out="moj.submission", force=True)


def test_too_small_an_overlap_is_refused_and_ends_the_run(tmp_path: Path) -> None:
    world = submitted(World(tmp_path, terms={"minimum_overlap": 1000}))
    with pytest.raises(RefusedError, match="moj and ohid: fewer links than the agreement wants"):
        world.link()
    assert events(world)[-1] == "refused"
    assert not (tmp_path / "study.release").exists()
    with pytest.raises(RefusedError, match="has ended"):
        world.link()


def test_scores_that_do_not_separate_end_the_run(tmp_path: Path) -> None:
    world = World(tmp_path, people=10, controls=0, terms={"plan": Plan(), "minimum_overlap": 0})
    submitted(world)
    with pytest.raises(SeparationError):
        world.link()
    assert events(world)[-1] == "refused"


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    strict = World(tmp_path, terms={"minimum_rows": 500})
    with pytest.raises(RefusedError, match="66 of people"):
        strict.submit("ohid", "strict")


def test_an_empty_encoding_is_rejected_by_position_and_the_rest_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path)
    identities = world.tables["moj"]["identities"].to_pydict()
    for name in identities:
        if name != "entity_id":
            identities[name][0] = ""
    sent = world.submit("moj", tables={"identities": pa.table(identities)})
    world.submit("ohid")
    done = world.link()
    receipt = load_receipt(done.receipts[0], keys("ttp").public, None).document
    (rejected,) = receipt.rejected
    assert rejected.reason == "empty-encoding"
    assert receipt.accepted == sent.rows - 1
    (row,) = rejected.positions
    assert sent.rows_of["entity_id"][row].as_py() == "moj-secret-0"
    assert world.cohort().info["counts"]["moj"]["entities"] == 60


def test_a_receipt_cannot_list_too_many_rejected_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receipt has room for so many; a file with more is refused, not a traceback."""
    world = World(tmp_path)
    identities = world.tables["moj"]["identities"].to_pydict()
    for name in set(identities) - {"entity_id"}:
        identities[name][0] = identities[name][1] = ""
    world.submit("moj", tables={"identities": pa.table(identities)})
    monkeypatch.setattr("blindlink.linker.protocol.intake.REJECTED", 1)
    for keep in (True, False):
        path = tmp_path / "moj.submission"
        with ExitStack() as stack, pytest.raises(RefusedError, match="more than 1 rows have an em"):
            take(stack, path, Acting(world.agreement, keys("ttp"), NOW), keep=keep)


def test_reading_through_finds_what_keeping_finds(tmp_path: Path) -> None:
    world = World(tmp_path)
    identities = world.tables["moj"]["identities"].to_pydict()
    for name in set(identities) - {"entity_id"}:
        identities[name][3] = ""
    world.submit("moj", tables={"identities": pa.table(identities)})
    with ExitStack() as stack:
        kept, seen = (
            take(
                stack,
                tmp_path / "moj.submission",
                Acting(world.agreement, keys("ttp"), NOW),
                keep=k,
            )
            for k in (True, False)
        )
        assert len(kept.records.filters) == 1
        assert len(kept.digests) == len(kept.blob_ids) == kept.content.blobs
        assert (seen.records.filters, seen.records.match_keys, seen.digests) == ((), (), [])
        assert kept.rejected == seen.rejected != ()
        assert kept.usable.tolist() == seen.usable.tolist()
        assert kept.records.ids.tolist() == seen.records.ids.tolist()


class TestDishonestOwner:
    """What only an owner with another program can send: signed, and refused all the same."""

    def refused(self, world: World, error: type[BlindlinkError], message: str) -> None:
        world.submit("ohid")
        with pytest.raises(error, match=message):
            world.link()
        assert not (world.folder / "project").exists()

    def test_sections_for_somebody_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World(tmp_path)
        monkeypatch.setattr(Agreement, "analyst", property(lambda terms: terms.linker))
        world.submit("moj")
        monkeypatch.undo()
        self.refused(world, VerificationError, "section 'layout': is not for analyst")

    def test_filters_of_another_length(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def shorter(**fields: Any) -> Content:
            return Content(**{**fields, "bits": (fields["bits"][0] - 1,)})

        world = World(tmp_path)
        monkeypatch.setattr("blindlink.owner.submit.Content", shorter)
        world.submit("moj")
        monkeypatch.undo()
        self.refused(world, AgreementError, "not shaped as the schema says")

    def test_fewer_rows_than_agreed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        world = World(tmp_path, terms={"minimum_rows": 72})
        monkeypatch.setattr("blindlink.owner.prepare.check_rows", lambda *_: None)
        world.submit("moj")
        self.refused(world, RefusedError, "rows, .. of people; the agreement wants 72")

    def test_more_submissions_than_agreed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World(tmp_path)
        check = submit_module._check
        monkeypatch.setattr(
            submit_module, "_check", lambda acting, secret, _: check(acting, secret, 1)
        )
        world.submit("moj", "before")
        world.submit("moj", sequence=9, previous=tmp_path / "before.rows")
        self.refused(world, RefusedError, "9 submissions; the agreement allows 3")


def test_a_project_needs_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"not a directory|file exists"):
        Project.open(tmp_path / "file" / "project", "00" * 32, now=NOW)


class TestWithdrawal:
    def withdrawn(self, world: World, *people: str, file: str = "moj.withdrawal") -> Any:
        return withdraw(
            people,
            world.folder / "moj.submission.rows",
            Acting(world.agreement, keys("moj"), NOW),
            world.folder / file,
        )

    def test_takes_the_whole_person_out(self, tmp_path: Path) -> None:
        world = submitted(World(tmp_path))
        done = self.withdrawn(world, "moj-secret-0", "moj-secret-31")
        assert (done.entities, done.rows) == (2, 3)  # the first one has an alias
        world.link(withdrawals=[done.path])
        cohort = world.cohort()
        assert cohort.info["counts"]["moj"]["withdrawn"] == 2
        assert (cohort.people.owner == "moj").sum() == 58
        assert len(cohort.links) == 29
        of = world.tables["moj"]["events"].column("entity_id").to_pylist()
        left = sum(e not in ("moj-secret-0", "moj-secret-31") for e in of)
        assert len(cohort.tables["moj", "events"]) == left

    def test_a_received_withdrawal_cannot_be_left_out_later(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = submitted(World(tmp_path))
        done = self.withdrawn(world, "moj-secret-3")
        monkeypatch.setattr(Project, "freeze", interrupt)
        with pytest.raises(KeyboardInterrupt):
            world.link(withdrawals=[done.path])
        monkeypatch.undo()
        with pytest.raises(RefusedError, match="a withdrawal that was received is not given"):
            world.link()
        world.link(withdrawals=[done.path])

    def test_is_for_one_submission(self, tmp_path: Path) -> None:
        world = submitted(World(tmp_path))
        done = self.withdrawn(world, "moj-secret-3")
        world.submit("moj", "second", sequence=2)
        with pytest.raises(VerificationError, match="for another submission of this owner"):
            world.link("second", "ohid.submission", withdrawals=[done.path])

    def test_comes_too_late_after_the_run(self, tmp_path: Path) -> None:
        world = finished(tmp_path)
        done = self.withdrawn(world, "moj-secret-3")
        with pytest.raises(RefusedError, match="inputs are frozen"):
            world.link(withdrawals=[done.path], out="x.release")

    def test_of_another_owner_takes_out_nobody(self, tmp_path: Path) -> None:
        world = submitted(World(tmp_path))
        with pytest.raises(VerificationError):
            open_row_map(
                tmp_path / "moj.submission.rows", Acting(world.agreement, keys("ohid"), NOW)
            )

    @pytest.mark.parametrize(
        ("people", "message"),
        [((), "nobody to withdraw"), (("moj-secret-1", "moj-x"), "entity 2 of the list is not")],
    )
    def test_names_places_only(self, tmp_path: Path, people: tuple[str, ...], message: str) -> None:
        world = finished(tmp_path)
        with pytest.raises(BlindlinkError, match=message) as caught:
            self.withdrawn(world, *people)
        assert "moj-x" not in str(caught.value)
        assert not (tmp_path / "moj.withdrawal").exists()

    def test_the_row_map_holds_people_only(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        sent = world.submit("moj")
        found = open_row_map(
            tmp_path / "moj.submission.rows", Acting(world.agreement, keys("moj"), NOW)
        )
        rows = sent.rows_of.to_pylist()
        assert dict(zip((r.tobytes().hex() for r in found.ids), found.entities, strict=True)) == {
            row["row_id"]: row["entity_id"] for row in rows if not row["control"]
        }
        assert found.submission == sent.bundle_id


class TestDestroy:
    def test_erases_the_keys_and_stays_destroyed(self, tmp_path: Path) -> None:
        world = finished(tmp_path)
        key_file = tmp_path / "ttp.key"
        key_file.write_bytes(b"secret")
        first = destroy(
            Place(tmp_path / "project"), Acting(world.agreement, keys("ttp"), NOW), key_file
        )
        assert first.fresh
        assert not key_file.exists()
        assert events(world)[-1] == "destroyed"
        with pytest.raises(RefusedError, match="destroyed"):
            world.link(out="x.release")
        with pytest.raises(OutputError, match="no such file"):
            destroy(
                Place(tmp_path / "project"), Acting(world.agreement, keys("ttp"), NOW), key_file
            )
        assert events(world).count("destroyed") == 1

    def test_nothing_is_received_any_more(self, tmp_path: Path) -> None:
        world = submitted(World(tmp_path))
        Project.open(tmp_path / "project", world.agreement.digest(), now=NOW)
        (tmp_path / "k").write_bytes(b"x")
        late = NOW.replace(year=2030)  # an expired agreement can be destroyed
        destroy(
            Place(tmp_path / "project"), Acting(world.agreement, keys("ttp"), late), tmp_path / "k"
        )
        with pytest.raises(RefusedError, match="the project is destroyed"):
            world.link()

    def test_only_the_linker_destroys(self, tmp_path: Path) -> None:
        world = finished(tmp_path)
        with pytest.raises(AgreementError):
            destroy(
                Place(tmp_path / "project"),
                Acting(world.agreement, keys("moj"), NOW),
                tmp_path / "k",
            )


def test_the_release_is_for_the_analyst_alone(tmp_path: Path) -> None:
    world = finished(tmp_path)
    with container.opened(tmp_path / "study.release", KIND) as sealed:
        bundle = sealed.verify(keys("ttp").public, agreement=world.agreement.digest(), now=NOW)
        for section in bundle.manifest.sections:
            for name in ("moj", "ohid", "ttp"):
                with pytest.raises(VerificationError):
                    bundle.key(section.name, keys(name))


def test_a_frozen_project_is_never_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would fail again with the frozen files has ended; what the machine lacks is mended."""
    world = World(tmp_path)
    for name in world.owners:
        world.submit(name)

    def lacking(*_: Any, **__: Any) -> Any:
        raise MissingExtraError("numba", "linker")

    def too_many(*_: Any, **__: Any) -> Any:
        raise InputError("more pairs than can be held")

    monkeypatch.setattr("blindlink.linker.protocol.release.link_pair", lacking)
    with pytest.raises(MissingExtraError):
        world.link()
    digest = world.agreement.digest()
    state = Project.load(tmp_path / "project", digest).state()
    assert state.frozen
    assert state.outcome is None
    monkeypatch.setattr("blindlink.linker.protocol.release.link_pair", too_many)
    with pytest.raises(InputError, match="more pairs"):
        world.link()
    assert Project.load(tmp_path / "project", digest).state().outcome == "refused"
    with pytest.raises(RefusedError, match="has ended"):
        world.link()
