"""A linker or an owner with a program of its own: correctly signed and sealed, and found out."""

import builtins
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from blindlink.errors import FormatError, RefusedError, VerificationError
from blindlink.linker.model.link import Candidates
from blindlink.linker.protocol import assembly, writing
from blindlink.linker.protocol.assembly import Listed
from blindlink.messages import release
from blindlink.messages.agreement.document import Agreement, Limits
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.submission import content as submission
from blindlink.messages.submission import withdrawal
from blindlink.messages.submission.records import Column, TableLayout
from blindlink.owner import submit as submit_module
from blindlink.owner.prepare import random_ids
from worlds.flow import NOW, World, entropy, keys

POLICIES = {"moj": "all", "ohid": "candidates"}


def played(folder: Path, **options: Any) -> World:
    world = World(folder, **options)
    for name in world.owners:
        world.submit(name)
    return world


def refused(world: World, message: str) -> None:
    with pytest.raises((VerificationError, FormatError), match=message):
        world.cohort()
    assert not (world.folder / "cohort").exists()


class TestLinker:
    def test_releases_more_than_the_policy(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world, honest = played(tmp_path), assembly.list_entities
        monkeypatch.setattr(
            assembly,
            "list_entities",
            lambda taken, _, *rest: honest(taken, ["all"] * len(taken), *rest),
        )
        world.link()
        refused(world, "entities of ohid: released against the policy 'candidates'")

    def test_releases_less_than_the_policy(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world, honest = played(tmp_path), assembly.list_entities
        monkeypatch.setattr(
            assembly,
            "list_entities",
            lambda taken, _, *rest: honest(taken, ["matched"] * len(taken), *rest),
        )
        world.link()
        refused(world, "entities of moj: ")

    def test_names_somebody_without_a_reason(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = played(tmp_path, policies={"moj": "matched", "ohid": "matched"})
        honest = assembly._Involved.of

        def everybody(*arguments: Any) -> Any:
            found = honest(*arguments)
            return assembly._Involved(found.linked, np.ones_like(found.linked), found.counts)

        monkeypatch.setattr(assembly._Involved, "of", everybody)
        world.link()
        refused(world, "one is named without a reason")

    def test_leaves_somebody_out(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        world, honest = played(tmp_path), assembly._listed

        def fewer(taken: Any, policy: Any, found: Any, entropy: Any) -> Listed:
            listed = honest(taken, policy, found, entropy)
            keep = np.ones(len(listed.number), bool)
            keep[np.flatnonzero(~found.candidate[listed.number])[:1]] = False
            place = np.full_like(listed.place, -1)
            place[listed.number[keep]] = np.arange(keep.sum())
            return Listed(listed.number[keep], place, listed.rows[keep])

        monkeypatch.setattr(assembly, "_listed", fewer)
        world.link()
        refused(world, "entities of moj: 1 are missing")

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("withdrawals", 1, "withdrawal 1: cut off"),
            ("policy", "matched", "another policy than agreed"),
            ("name", "ohid", "not those of the agreement"),
        ],
    )
    def test_writes_a_false_index(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: Any, message: str
    ) -> None:
        world, honest = played(tmp_path), writing._part

        def false(taken: Any, *rest: Any) -> Any:
            part = honest(taken, *rest)
            return part.model_copy(update={field: value}) if part.name == "moj" else part

        monkeypatch.setattr(writing, "_part", false)
        world.link()
        refused(world, message)

    def test_gives_two_people_one_another_s_attributes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Blobs of two entities exchanged in the file: each is genuine, at the wrong place."""
        world, honest = played(tmp_path), writing._runs

        def exchanged(places: Any, most: int) -> Any:
            runs = [(place, 1) for place in places.tolist()]
            runs[0], runs[1] = runs[1], runs[0]
            return iter(runs) if len(places) > 1 else honest(places, most)

        monkeypatch.setattr(writing, "_runs", exchanged)
        world.link()
        refused(world, "payload: ")

    def test_goes_on_where_too_few_are_linked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = played(tmp_path, terms={"minimum_overlap": 31})
        monkeypatch.setattr(
            "blindlink.linker.protocol.release.len",
            lambda value: 31 if isinstance(value, Candidates) else builtins.len(value),
            raising=False,
        )
        world.link()
        monkeypatch.undo()
        refused(world, "links: moj and ohid have fewer than agreed")

    def test_links_a_pair_that_is_no_candidate(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world, honest = played(tmp_path), assembly.pair_rows
        calls: list[int] = []

        def fewer(*arguments: Any) -> Any:
            calls.append(1)
            return honest(*arguments)[len(calls) - 1 :]  # all links, then not all candidates

        monkeypatch.setattr(writing, "pair_rows", fewer)
        world.link()
        refused(world, "links: one is not among the candidates")

    @pytest.mark.parametrize(
        ("terms", "message"),
        [
            (
                {"minimum_rows": 100},
                "submission of moj: .. rows, .. of people; the agreement wants 100",
            ),
            ({"limits": Limits(rows=64, bytes=10**9, submissions=2)}, "wants 10 to 64"),
            ({"limits": Limits(rows=1000, bytes=1000, submissions=2)}, "bytes; the agreement"),
        ],
    )
    def test_takes_in_what_the_agreement_does_not_allow(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        terms: dict[str, Any],
        message: str,
    ) -> None:
        """With an owner that sends it. The analyst asks the agreement again."""
        world = World(tmp_path, terms=terms)
        for module in ("messages.submission.agreed.check_rows", "owner.prepare.check_rows"):
            monkeypatch.setattr(f"blindlink.{module}", lambda *_: None)
        monkeypatch.setattr("blindlink.linker.protocol.intake.check_agreed", lambda *_: None)
        monkeypatch.setattr("blindlink.linker.protocol.release._check_people", lambda *_: None)
        monkeypatch.setattr("blindlink.owner.submit.sum", lambda _: 0, raising=False)
        for name in world.owners:
            world.submit(name)
        world.link()
        monkeypatch.undo()
        with pytest.raises(RefusedError, match=message):
            world.cohort()

    def test_reports_that_are_too_large(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = played(tmp_path)
        world.link()
        monkeypatch.setattr(release, "REPORT_LIMIT", 100)
        refused(world, "reports: larger than [13]00 bytes")


class TestOwner:
    def test_marks_no_blob_of_a_control(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = World(tmp_path)
        monkeypatch.setattr("blindlink.owner.prepare.payload.CONTROL", 0)
        world.submit("moj")
        monkeypatch.undo()
        world.submit_others("moj")
        world.link()
        refused(world, "controls: do not agree with the marks")

    def test_lists_a_control_that_is_nobody(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def longer(ids: Any) -> list[bytes]:
            return [*builtins.sorted(ids), b"\xff" * 16]

        world = World(tmp_path)
        monkeypatch.setattr("blindlink.owner.submit.sorted", longer, raising=False)
        world.submit("moj")
        monkeypatch.undo()
        world.submit_others("moj")
        world.link()
        refused(world, "controls: one is not among the entities")

    @pytest.mark.parametrize(("agreed", "sent"), [(5, 4), (5, 6), (5, 0), ("0.05", 9), ("0.05", 0)])
    @pytest.mark.parametrize("policy", ["all", "matched"])
    def test_adds_another_number_of_controls(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        policy: str,
        agreed: Any,
        sent: int,
    ) -> None:
        world = World(tmp_path, policies={"moj": policy, "ohid": "candidates"}, controls=agreed)
        monkeypatch.setattr(Agreement, "control_count", lambda *_: sent)
        world.submit("moj")
        monkeypatch.undo()
        world.submit_others("moj")
        world.link()
        refused(world, "submission of moj: controls: not as many as agreed")

    def test_gives_two_blobs_one_id(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        world = World(tmp_path)

        def twice(number: int, entropy: Any) -> Any:
            ids = random_ids(number, entropy).copy()
            ids[1] = ids[0]
            return ids

        monkeypatch.setattr("blindlink.owner.submit.random_ids", twice)
        world.submit("moj")
        monkeypatch.undo()
        world.submit_others("moj")
        with pytest.raises(FormatError, match="payload: a blob id stands twice"):
            world.link()
        monkeypatch.setattr("blindlink.linker.protocol.intake.has_twins", lambda _: False)
        world.link()
        refused(world, "entities of moj: a blob id stands twice")

    def test_gives_somebody_two_blobs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Their number would tell the linker how much there is of each person."""
        world = World(tmp_path)

        honest = submit_module.prepare

        def longer(*arguments: Any) -> Any:
            made = honest(*arguments)
            return replace(made, blobs=made.blobs + (np.arange(len(made.blobs)) == 3))

        monkeypatch.setattr(submit_module, "prepare", longer)
        monkeypatch.setattr(submit_module, "random_ids", lambda n, e: random_ids(n + 1, e))
        world.submit("moj")
        monkeypatch.undo()
        world.submit_others("moj")
        with pytest.raises(FormatError, match="encodings: an entity has more than one blob"):
            world.link()


def test_nobody_matches_anybody(tmp_path: Path) -> None:
    """No links, no blobs, no proof: still a sound release."""
    policies = {"moj": "matched", "ohid": "matched"}
    world = World(tmp_path, policies=policies, terms={"minimum_overlap": 0})
    world.submit("moj")
    for year, name in enumerate(world.owners[1:], start=1930):
        strangers = world.tables[name]["identities"]
        days = [f"{year}-01-{1 + number % 28:02d}" for number in range(len(strangers))]
        place = strangers.column_names.index("date_of_birth")
        alone = strangers.set_column(place, "date_of_birth", [days])
        world.submit(name, tables={"identities": alone})
    world.link()
    cohort = world.cohort()
    assert len(cohort.people) == len(cohort.links) == len(cohort.tables["moj", "events"]) == 0
    assert cohort.info["controls"]["moj"]["number"] == 5


def manifest(kind: str, content: dict[str, Any], names: Sequence[str], folder: Path) -> Manifest:
    with container.create(
        folder / "x",
        kind,
        sender=keys("moj"),
        agreement="00" * 32,
        bundle="00" * 16,
        now=NOW,
        expires=NOW.replace(year=2027),
        entropy=entropy("x"),
    ) as draft:
        for name in names:
            with draft.section(name, keys("ttp").public) as out:
                out.write(bytes(16))
        draft.content = content
    return draft.manifest()


@pytest.mark.parametrize(
    ("kind", "content", "read"),
    [
        (
            "withdrawal",
            {"submission": "00" * 16, "rows": 2, "entities": 2},
            withdrawal.withdrawal_content,
        ),
        (
            "row-map",
            {"submission": "00" * 16, "rows": 1, "width": 9, "first_rows": 1},
            withdrawal.row_map_content,
        ),
        ("release", {"submissions": {"a": "00" * 32, "b": "00" * 32}}, release.content_of),
    ],
)
def test_sections_that_are_not_those_of_the_format(
    tmp_path: Path, kind: str, content: dict[str, Any], read: Callable[[Manifest, str], Any]
) -> None:
    with pytest.raises(FormatError, match="here: manifest: sections are not those of"):
        read(manifest(kind, content, ["rows"], tmp_path), "here")


ROW_MAP = withdrawal.RowMapContent(submission="00" * 16, rows=1, width=2, first_rows=1)
WITHDRAWAL = withdrawal.WithdrawalContent(submission="00" * 16, rows=2, entities=2)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda: withdrawal.read_row_map(bytes(33), ROW_MAP, "m"), "not the declared number"),
        (lambda: withdrawal.read_row_map(bytes(34), ROW_MAP, "m"), "a row has no entity"),
        (lambda: withdrawal.read_withdrawn(bytes(32), WITHDRAWAL.rows, "m"), "ascending ids"),
        (lambda: withdrawal.read_withdrawn(bytes(16), WITHDRAWAL.rows, "m"), "ascending ids"),
    ],
)
def test_rows_that_no_writer_makes(read: Callable[[], Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read()


def test_a_table_stands_once_in_a_layout() -> None:
    table = TableLayout(name="t", columns=(Column(name="c", kind="text", width=1),))
    with pytest.raises(ValidationError, match="a table or a field stands twice"):
        submission.Layout(tables=(table, table), losses=())
