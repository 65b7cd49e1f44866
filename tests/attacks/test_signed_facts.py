"""What signed facts mean together: parties with correct keys and programs of their own.

Each test plays an attack of an audit to its end. A dishonest party signs correctly, and the honest
ones refuse because two facts do not agree, or because a limit holds where it is used.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from blindlink.analyst.cohort.figures import SHARES
from blindlink.errors import FormatError, OutputError, RefusedError, VerificationError
from blindlink.files import replacing
from blindlink.linker.protocol import assembly, intake, writing
from blindlink.linker.protocol import release as release_module
from blindlink.linker.protocol.destroy import destroy
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.project import Project
from blindlink.linker.protocol.receive import receive
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.document import Limits
from blindlink.messages.audit.kept import verify_kept
from blindlink.messages.audit.log import AuditLog
from blindlink.messages.linkage_report import (
    Bin,
    CurvePoint,
    Estimate,
    Level,
    LinkageReport,
    MethodRow,
    Pattern,
)
from blindlink.messages.plan import Plan
from blindlink.messages.used import read_used, write_used
from blindlink.owner.withdraw import withdraw
from worlds.flow import NOW, World, keys

LIMITS = {"rows": 10_000, "bytes": 10**9, "submissions": 3}


def played(folder: Path, **options: Any) -> World:
    world = World(folder, **options)
    for name in world.owners:
        world.submit(name)
    return world


def links_of(world: World) -> int:
    """Half of the first owner's sixty people are in every other file, and the others are alike."""
    others = len(world.owners) - 1
    return 30 * others + 60 * (others * (others - 1) // 2)


def withdrawn(world: World, people: list[str], file: str = "w", owner: str = "moj") -> Path:
    rows = world.folder / f"{owner}.submission.rows"
    out = world.folder / file
    return withdraw(people, rows, Acting(world.agreement, keys(owner), NOW), out).path


def take_in(world: World, file: str, submission: str = "moj.submission") -> None:
    """``linker receive``; ``submission`` is what a withdrawal is for."""
    receive(
        world.folder / file,
        Acting(world.agreement, keys("ttp"), NOW),
        Place(world.folder / "project"),
        submission=world.folder / submission,
    )


def refused(world: World, message: str) -> None:
    with pytest.raises((VerificationError, FormatError, RefusedError), match=message):
        world.cohort()
    assert not (world.folder / "cohort").exists()


def outcome(world: World) -> str | None:
    return Project.load(world.folder / "project", world.agreement.digest()).state().outcome


# ------------------------------------------------------- an owner that draws out another's file


class TestInventedPeople:
    """moj puts people whom it made up, or only knows of, into its entities as aliases."""

    def drawing(self, world: World, each: int = 3) -> None:
        """Every identity of ohid as an alias, ``each`` of them in one entity of moj."""
        mine, theirs = (world.tables[name]["identities"] for name in ("moj", "ohid"))
        ids = mine.column("entity_id").to_pylist()
        owners = [ids[number // each % 20] for number in range(theirs.num_rows)]
        aliases = theirs.set_column(0, "entity_id", pa.array(owners))
        world.submit("moj", tables={"identities": pa.concat_tables([mine, aliases])})
        world.submit_others("moj")

    def world(self, folder: Path, **limits: Any) -> World:
        plan = Plan(threshold="0.8", cardinality="one-to-many")
        terms = {"plan": plan, "limits": Limits(**(LIMITS | limits))}
        return World(folder, policies={"moj": "all", "ohid": "candidates"}, terms=terms)

    def test_without_limits_everybody_is_named(self, tmp_path: Path) -> None:
        """What the limits are for."""
        world = self.world(tmp_path)
        self.drawing(world)
        world.link()
        released = world.cohort().info["counts"]["ohid"]["released"]
        assert released == 60

    def test_has_too_many_rows_of_one_person(self, tmp_path: Path) -> None:
        world = self.world(tmp_path, entity_rows=3)
        with pytest.raises(RefusedError, match="one entity has 8 rows; the agreement allows 3"):
            self.drawing(world)

    def test_sends_too_many_rows_of_one_person(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = self.world(tmp_path, entity_rows=3)
        monkeypatch.setattr("blindlink.owner.prepare._check_entity_rows", lambda *_: None)
        self.drawing(world)
        path = tmp_path / "moj.submission"
        with pytest.raises(RefusedError, match="8 rows of one entity; the agreement allows 3"):
            receive(path, Acting(world.agreement, keys("ttp"), NOW), Place(tmp_path / "project"))

    def test_declares_fewer_rows_of_one_person(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = self.world(tmp_path)
        content = "blindlink.owner.submit.Content"
        honest = release_module.intake.Content
        monkeypatch.setattr(content, lambda **fields: honest(**(fields | {"entity_rows": 1})))
        self.drawing(world)
        monkeypatch.undo()
        with pytest.raises(FormatError, match="others than declared"):
            world.link()

    @pytest.mark.parametrize(
        ("limits", "message"),
        [
            ({"entity_links": 2}, "more links than the agreement allows"),
            ({"released": {"ohid": "0.6"}}, "more of its people would be named"),
        ],
    )
    def test_draws_more_than_agreed_and_the_linker_refuses(
        self, tmp_path: Path, limits: dict[str, Any], message: str
    ) -> None:
        world = self.world(tmp_path, **limits)
        self.drawing(world)
        with pytest.raises(RefusedError, match=message):
            world.link()
        assert outcome(world) == "refused"
        assert not (tmp_path / "study.release").exists()

    @pytest.mark.parametrize(
        ("limits", "message"),
        [
            ({"entity_links": 2}, "links: one has more than agreed"),
            ({"released": {"ohid": "0.6"}}, "more of them are named than agreed"),
        ],
    )
    def test_draws_more_than_agreed_with_the_linker_s_help(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        limits: dict[str, Any],
        message: str,
    ) -> None:
        world = self.world(tmp_path, **limits)
        self.drawing(world)
        monkeypatch.setattr(release_module, "_check_links", lambda *_: None)
        monkeypatch.setattr(release_module, "too_many_named", lambda *_: False)
        world.link()
        refused(world, message)

    def test_an_honest_study_stays_within_limits(self, tmp_path: Path) -> None:
        world = self.world(tmp_path, entity_rows=2, entity_links=2, released={"ohid": "1"})
        for name in world.owners:
            world.submit(name)
        world.link()
        assert len(world.cohort().links) == links_of(world)


# --------------------------------------------------------------- minima that withdrawals get round


class TestMinima:
    def world(self, folder: Path, **terms: Any) -> World:
        return played(folder, terms={"minimum_rows": 50, "minimum_overlap": 1} | terms)

    def people(self, number: int) -> list[str]:
        return [f"moj-secret-{at}" for at in range(number)]

    def test_a_withdrawal_leaves_too_few(self, tmp_path: Path) -> None:
        """772 rows submitted, 464 people withdrawn, five released: not any more."""
        world = self.world(tmp_path)
        path = withdrawn(world, self.people(30))
        with pytest.raises(RefusedError, match="rows of people are left after withdrawals"):
            world.link(withdrawals=[path])
        assert not (tmp_path / "project").exists()  # nothing is final: the owner may send again
        world.submit("moj", "again", sequence=2)
        world.link(*world.files("again"))
        assert len(world.cohort().people)

    def test_the_linker_does_not_mind(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = self.world(tmp_path)
        path = withdrawn(world, self.people(30))
        monkeypatch.setattr(release_module, "_check_people", lambda *_: None)
        world.link(withdrawals=[path])
        refused(world, "moj: .. rows of people are left; the agreement wants 50")

    def test_a_few_may_go(self, tmp_path: Path) -> None:
        world = self.world(tmp_path)
        world.link(withdrawals=[withdrawn(world, self.people(9))])
        assert world.cohort().info["counts"]["moj"]["withdrawn"] == 9

    def test_links_of_controls_do_not_count(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The linker cannot tell them apart; the analyst takes them out before it counts."""
        world = World(tmp_path, terms={"minimum_overlap": 30}, controls=5)
        honest = assembly.pair_rows

        def with_controls(pairs: Any, listed: Any, methods: Any) -> Any:
            return honest(pairs, listed, methods)

        for name in world.owners:
            world.submit(name)
        monkeypatch.setattr(assembly, "pair_rows", with_controls)
        world.link()
        assert len(world.cohort().links) == links_of(world)
        marked = "blindlink.analyst.cohort.opening._controls"

        def one_more(owner: Any, controls: Any, unsealed: Any, where: str) -> Any:
            found = np.zeros(len(owner.rows), bool)
            found[:] = owner.part.name == "moj"
            return found

        monkeypatch.setattr(marked, one_more)
        with pytest.raises(RefusedError, match="moj and ohid: 0 links of people"):
            world.cohort(out="second")


# ------------------------------------------------------------ the linker's word for what went in


class TestWhatWentIn:
    def test_says_that_people_were_withdrawn_who_were_not(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Leaving out the unlinked raises the share that is linked: 43.8 % became 58.5 %."""
        world, honest = played(tmp_path), assembly._listed

        def fewer(taken: Any, policy: Any, found: Any, entropy: Any) -> Any:
            gone = taken.withdrawn | (~found.candidate if taken.owner.name == "moj" else False)
            return honest(replace(taken, withdrawn=gone), policy, found, entropy)

        monkeypatch.setattr(assembly, "_listed", fewer)
        world.link()
        refused(world, "entities of moj: .. are missing")

    def test_ignores_a_withdrawal_that_it_received(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = played(tmp_path)
        path = withdrawn(world, ["moj-secret-40"])
        for name in ("moj.submission", "ohid.submission", "w"):
            take_in(world, name)
        monkeypatch.setattr(Project, "freeze", _freeze_without)
        world.link()
        refused(world, "log: entry [45]: what was frozen leaves a withdrawal out")
        assert path.exists()

    def test_names_somebody_who_was_withdrawn(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It logs and sends the message, and releases the person all the same."""
        world = played(tmp_path)
        path, honest = withdrawn(world, ["moj-secret-40"]), intake.without

        def kept(taken: Any, messages: Any) -> Any:
            return replace(honest(taken, messages), withdrawn=taken.withdrawn, usable=taken.usable)

        monkeypatch.setattr(intake, "without", kept)
        world.link(withdrawals=[path])
        refused(world, "entities of moj: (one was taken out by its owner|more than were submitted)")

    def test_links_a_submission_that_was_replaced(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world = played(tmp_path)
        people = world.tables["moj"]["identities"].slice(5)
        events = world.tables["moj"]["events"]
        held = set(people.column("entity_id").to_pylist())
        mine = pa.array([each in held for each in events.column("entity_id").to_pylist()])
        world.submit(
            "moj",
            "second",
            sequence=2,
            tables={"identities": people, "events": events.filter(mine)},
        )
        for name in (*world.files(), "second"):
            take_in(world, name)
        monkeypatch.setattr(Project, "receive", lambda *_, **__: tmp_path)
        monkeypatch.setattr(Project, "freeze", _freeze_current)
        world.link()
        refused(world, "log: moj sent another submission after the one that was linked")

    def test_forges_the_log(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The head that it signed for owners and the log in the release are one."""
        world = played(tmp_path)

        def shorter(log: AuditLog, *_: Any, **options: Any) -> Any:
            other = AuditLog(log.path, log.log_id, log.entries[:-1], log.leaves[:-1])
            return other.head(keys("ttp"), now=NOW, size=len(other.leaves))

        monkeypatch.setattr(release_module, "_head", shorter)
        world.link()
        refused(world, "log: does not end with the freeze|log: has not the entries")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"withdrawals": 1}, "withdrawal 1: cut off"),
            ({"withdrawal_bytes": 7}, "withdrawals: not the size"),
        ],
    )
    def test_declares_withdrawals_that_are_not_there(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        change: dict[str, int],
        message: str,
    ) -> None:
        world, honest = played(tmp_path), writing._part
        monkeypatch.setattr(
            writing, "_part", lambda *given: honest(*given).model_copy(update=change)
        )
        world.link()
        refused(world, message)


def _freeze_without(project: Project, inputs: Any, *, now: Any) -> None:
    project.log.append("inputs-frozen", {**inputs, "withdrawals": []}, now=now)


def _freeze_current(project: Project, inputs: Any, *, now: Any) -> None:
    current = list(project.state().current.values())
    project.log.append("inputs-frozen", {**inputs, "submissions": current}, now=now)


# ------------------------------------------------------------- blobs that are named and not sent


@pytest.mark.parametrize("owner", ["moj", "ohid"])
def test_ids_of_blobs_that_are_not_forwarded_are_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: str
) -> None:
    """With random ids no control would be among the candidates, and nobody would see it."""
    policies = {"moj": "matched", "ohid": "matched"}
    world = World(tmp_path, policies=policies)
    for name in world.owners:
        people = world.tables[name]["identities"]
        if name == owner:  # somebody of one link twice: one loses it, and is named all the same
            again = people.slice(0 if name == "ohid" and len(world.owners) == 2 else 45, 1)
            people = pa.concat_tables([people, again.set_column(0, "entity_id", [["twin"]])])
        world.submit(name, tables={"identities": people})
    honest = assembly._listed

    def invented(taken: Any, policy: Any, found: Any, entropy: Any) -> Any:
        listed = honest(taken, policy, found, entropy)
        rows = listed.rows.copy()
        other = np.flatnonzero(rows["forwarded"] == 0)
        if taken.owner.name == owner:
            assert len(other), "somebody is named and not forwarded"
            fresh = np.frombuffer(entropy(16 * len(other)), np.uint8).reshape(-1, 16)
            rows["first_blob"][other] = fresh
        return replace(listed, rows=rows)

    monkeypatch.setattr(assembly, "_listed", invented)
    world.link()
    refused(world, f"submission of {owner}: payload: a blob is not the owner's")


@pytest.mark.parametrize("policy", ["all", "candidates", "matched"])
def test_every_policy_proves_whom_it_names(tmp_path: Path, policy: str) -> None:
    world = played(tmp_path, policies={"moj": policy, "ohid": policy})
    world.link()
    cohort = world.cohort()
    assert len(cohort.links) == links_of(world)


# ------------------------------------------------------------------- numbers that stand twice


def counted(report: LinkageReport, **changes: int) -> LinkageReport:
    return report.model_copy(update={"counts": report.counts.model_copy(update=changes)})


SHARE = {"value": 0.5, "low": 0.4, "high": 0.6}
PAIRS: dict[str, tuple[Callable[[LinkageReport], LinkageReport], str]] = {
    # what the report says, against what the agreement, the pairs or the report itself say
    "links": (lambda r: counted(r, links=9999), "links: 9999 against 30"),
    "candidates": (lambda r: counted(r, candidates=1), "candidates: 1 against"),
    "conflicts": (lambda r: counted(r, conflicts=7), "conflicts: 7 against 0"),
    "entities": (lambda r: counted(r, left_entities=10**6), "left: more comparable"),
    "below nothing": (lambda r: counted(r, pairs_compared=-5), "pairs_compared is below 0"),
    "target": (lambda r: changed(r, target="precision:0.99"), "target: precision:0.99 against f1"),
    "cardinality": (lambda r: changed(r, cardinality="many-to-many"), "cardinality: many-to-many"),
    "methods used": (lambda r: changed(r, methods_used=("probabilistic",)), "methods: "),
    "threshold": (lambda r: changed(r, threshold=0.99), "threshold is not that of the agreed"),
    "how": (lambda r: changed(r, threshold_method="fallback"), "threshold is not that of the"),
    **{
        name: (
            lambda r, name=name: changed(r, **{name: Estimate(**(SHARE | {"value": 12.0}))}),
            f"{name} lies outside",
        )
        for name in SHARES
    },
    "interval": (
        lambda r: changed(r, precision=Estimate(**(SHARE | {"low": -7.0}))),
        "precision lies outside",
    ),
    "expected": (
        lambda r: changed(r, expected_matches=Estimate(value=1, low=2, high=3)),
        "expected_matches lies outside",
    ),
    "curve": (
        lambda r: changed(r, curve=(CurvePoint(threshold=0.5, links=1, precision=7.0),)),
        "curve: a share lies outside",
    ),
    "curve with holes": (
        lambda r: changed(
            r,
            curve=(
                CurvePoint(threshold=0.5, links=1, precision=0.7, recall=0.5),
                CurvePoint(threshold=0.6, links=1),
            ),
        ),
        "curve: one of its points lacks",
    ),
    "histogram": (
        lambda r: changed(r, histogram=(Bin(low=0, high=0.1, observed=-5),)),
        "histogram: a bin",
    ),
    "levels": (
        lambda r: changed(r, levels=(Level(filter=99, low=0, high=1, m=0.5, u=0.5, weight=0),)),
        "levels: one is of no filter",
    ),
    "patterns": (
        lambda r: changed(r, patterns=(Pattern(levels=(4,), pairs=1, weight=1, probability=0.5),)),
        "patterns: one has a level",
    ),
    "method rows": (
        lambda r: changed(
            r, methods=(MethodRow(method="clk", used=True, accepted=1, links=9, alone=0),)
        ),
        "methods: more links than accepted",
    ),
}


def changed(report: LinkageReport, **changes: Any) -> LinkageReport:
    return report.model_copy(update=changes)


def telling(change: Callable[..., Any]) -> Callable[..., Any]:
    """A linker that writes something else: ``change`` gets and returns the arguments of write."""
    honest = writing.write
    return lambda *arguments: honest(*change(*arguments))


@pytest.mark.parametrize("name", PAIRS)
def test_a_report_agrees_with_plan_pairs_and_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    change, message = PAIRS[name]
    world = played(tmp_path)

    def other(*given: Any) -> Any:
        writer, terms, found, *others = given
        reports = [replace(each, report=change(each.report)) for each in found.reports]
        return (writer, terms, replace(found, reports=reports), *others)

    monkeypatch.setattr(release_module, "write", telling(other))
    world.link()
    refused(world, f"moj and ohid: linkage report: .*{message}")


def in_pairs(field: str, value: Any, only: str | None = None) -> Callable[..., Any]:
    honest = assembly.pair_rows
    calls: list[int] = []

    def rows(*arguments: Any) -> Any:
        made = honest(*arguments)
        calls.append(1)
        if only is None or only == ("links", "candidates")[len(calls) - 1]:
            made[field][:1] = value
        return made

    return rows


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("probability", 0.4, "one has a probability without a model"),
        ("probability", 1.5, "no such probability"),
    ],
)
def test_pairs_agree_with_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: Any, message: str
) -> None:
    world = played(tmp_path)
    monkeypatch.setattr(writing, "pair_rows", in_pairs(field, value))
    world.link()
    refused(world, message)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["abacus"], "index: a method is none of a linkage plan"),
        (["clk+deterministic"], "index: a method is none of a linkage plan"),
        (["probabilistic"], "links: one is by no method of the agreed plan"),
        ([""], "links: one is by no method of the agreed plan"),
    ],
)
def test_methods_are_those_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], message: str
) -> None:
    world, honest = played(tmp_path), assembly.pair_rows
    monkeypatch.setattr(writing, "method_names", lambda _: names)

    def first(pairs: Any, listed: Any, _: Any) -> Any:
        known = assembly.method_names([each for each, _ in pairs])
        made = honest(pairs, listed, known)
        made["method"] = 0
        return made

    monkeypatch.setattr(writing, "pair_rows", first)
    world.link()
    refused(world, message)


def test_a_candidate_below_the_agreed_floor_carries_nobody_to_the_analyst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invented candidates would take every person of the other owner along."""
    world, honest = played(tmp_path), release_module._pairs
    calls: list[int] = []

    def invented(found: Any, sides: Any) -> Any:
        made = honest(found, sides)
        calls.append(1)
        if len(calls) != 2:
            return made
        left, right = np.zeros(40, np.int64), np.arange(40)
        return assembly.Pairs(
            np.r_[made.left, left],
            np.r_[made.right, right],
            np.r_[made.left_row, left],
            np.r_[made.right_row, right],
            np.r_[made.probability, np.full(40, np.nan)],
            np.r_[made.method, np.full(40, "", object)],
        )

    monkeypatch.setattr(release_module, "_pairs", invented)
    world.link()
    refused(world, "a pair stands twice|other candidates than its number|below the agreed floor")


def test_the_number_of_candidates_is_that_of_the_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, honest = played(tmp_path), assembly._listed

    def many(*given: Any) -> Any:
        listed = honest(*given)
        listed.rows["candidates"] = 2**32 - 1
        return listed

    monkeypatch.setattr(assembly, "_listed", many)
    world.link()
    refused(world, "one has other candidates than its number says")


# ------------------------------------------------------------------------- one run, provably


def test_a_second_release_of_one_agreement_is_not_opened(tmp_path: Path) -> None:
    """Another project folder, one withdrawal more: both would show what the person changed."""
    world = played(tmp_path)
    world.link()
    register = tmp_path / "analyst.key.releases"
    world.cohort(register=register)
    path = withdrawn(world, ["moj-secret-40"])
    world.link(place=Place(tmp_path / "second"), out="second.release", withdrawals=[path])
    with pytest.raises(RefusedError, match="another release of this agreement was opened before"):
        world.cohort("second.release", "other", register=register)
    assert not (tmp_path / "other").exists()
    world.cohort(out="again", register=register)  # the same one may be


def test_the_head_in_the_cohort_is_where_receipts_lead(tmp_path: Path) -> None:
    world = played(tmp_path)
    done = world.link()
    world.cohort()
    keys("ttp").public.save(tmp_path / "ttp")
    head = tmp_path / "cohort" / "linker.head"
    found = verify_kept(
        tmp_path / "project/audit.log", tmp_path / "ttp", [head], done.receipts, now=NOW
    )
    assert (found.heads, found.entries) == (len(world.owners) + 1, len(world.owners))


# ------------------------------------------------------------------------ what is not ours stays


def test_force_replaces_a_cohort_and_nothing_else(tmp_path: Path) -> None:
    world = played(tmp_path)
    world.link()
    world.cohort()
    notes = tmp_path / "cohort" / "thesis.docx"
    notes.write_text("years of work")
    with pytest.raises(OutputError, match=r"holds thesis\.docx, which is not part"):
        world.cohort(force=True)
    assert notes.read_text() == "years of work"
    notes.unlink()
    world.cohort(force=True)


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def write() -> None:
        with replacing(tmp_path / "out") as draft:
            draft.write_text("ours")
            (tmp_path / "out").write_text("theirs")

    with pytest.raises(OutputError, match="exists"):
        write()
    assert (tmp_path / "out").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_keys_that_serve_another_project_are_not_erased(tmp_path: Path) -> None:
    world = played(tmp_path)
    world.link()
    key, used = tmp_path / "ttp.key", tmp_path / "ttp.key.projects"
    key.write_bytes(b"secret")
    write_used(used, "ab" * 32, "open")
    write_used(used, world.agreement.digest(), "open")

    def end() -> None:
        project = tmp_path / "project"
        destroy(Place(project), Acting(world.agreement, keys("ttp"), NOW), key, used=used)

    with pytest.raises(RefusedError, match="these keys also serve the agreement abab"):
        end()
    assert key.exists()
    write_used(used, "ab" * 32, "destroyed")
    end()
    assert not key.exists()
    assert set(read_used(used).values()) == {"destroyed"}
