"""The whole flow as a state machine: real files, real crashes, every order, and who learns what.

Three submissions of each owner (the third of ohid's shares nobody with moj), a withdrawal of each,
runs with any of them, replays, crashes before and after every entry of the log, clocks that jump,
destruction. The model is the list of events that the rules of docs/spec allow; what is in the files
of a party is searched for planted words after every step.
"""

import pkgutil
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from blindlink import system
from blindlink.analyst.cohort.folder import build_cohort
from blindlink.errors import (
    AgreementError,
    BlindlinkError,
    InputError,
    RefusedError,
    VerificationError,
)
from blindlink.keys.files import encode
from blindlink.linker.protocol.destroy import destroy
from blindlink.linker.protocol.place import Place
from blindlink.linker.protocol.receive import receive
from blindlink.linker.protocol.release import link
from blindlink.messages.acting import Acting
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.signed import Signed
from blindlink.owner.withdraw import withdraw
from worlds.flow import NOW, SECRET, World, entropy, keys, tables

OWNERS = ("moj", "ohid")
NUMBERS = (1, 2, 3)
IDENTIFIER, PAYLOAD, OWN_ID = b"QXJVCANARY", b"JUDGE-CANARY", b"X-CANARY-7"
SECRETS = (SECRET.secret, encode(SECRET.secret).encode(), SECRET.secret.hex().encode())
LOG = "project/audit.log"
OWNER, NUMBER = st.sampled_from(OWNERS), st.sampled_from(NUMBERS)
CHOICE = st.fixed_dictionaries({"moj": NUMBER, "ohid": NUMBER})
CRASH = st.sampled_from([None, None, None, False, True])
GIVEN = st.sampled_from([[], [], [], [("moj", 1)], [("moj", 1), ("ohid", 2)]])


@cache
def made() -> Path:
    """Every file that owners make, once: NAME-NUMBER.submission and .withdrawal."""
    folder = Path(tempfile.mkdtemp(prefix="blindlink-states-"))
    world = World(folder, people=30, controls=2, terms={"minimum_overlap": 3})
    for name in OWNERS:
        for number in NUMBERS:
            mine = {table: _planted(rows) for table, rows in tables(name, 30).items()}
            if (name, number) == ("ohid", 3):
                dates = mine["identities"]["date_of_birth"].to_pylist()
                place = mine["identities"].column_names.index("date_of_birth")
                other = pa.array([f"1{date[1:2]}0{date[3:]}" for date in dates])
                mine["identities"] = mine["identities"].set_column(place, "date_of_birth", other)
            file = f"{name}-{number}"
            before = folder / f"{name}-{number - 1}.submission.rows" if number > 1 else None
            world.submit(name, f"{file}.submission", sequence=number, tables=mine, previous=before)
            withdraw(
                [f"{name}-secret-{20 - number}"],
                folder / f"{file}.submission.rows",
                Acting(world.agreement, keys(name), NOW, entropy=entropy(file)),
                folder / f"{file}.withdrawal",
            )
    return folder


def _planted(table: pa.Table) -> pa.Table:
    """The table with canaries: a place, an owner's number, a payload value that never leaves."""
    columns = table.to_pydict()
    for name, word in (("postcode_outward", IDENTIFIER), ("name_of_judge", PAYLOAD)):
        if name in columns:
            columns[name][5] = word.decode()
    for name in ("requirement_id", "episode_id"):
        if name in columns:
            columns[name] = [f"{OWN_ID.decode()}-{value}" for value in columns[name]]
    return pa.table(columns)


@cache
def world() -> World:
    return World(made(), people=30, controls=2, terms={"minimum_overlap": 3})


@dataclass(frozen=True)
class Model:
    """What the rules say has happened."""

    current: dict[str, int] = field(default_factory=dict)
    seen: frozenset[tuple[str, int]] = frozenset()
    withdrawn: frozenset[tuple[str, int]] = frozenset()
    frozen: Any = None
    outcome: str | None = None
    destroyed: bool = False
    begun: bool = False

    def after(self, event: tuple[Any, ...]) -> "Model":
        kind, *what = event
        if kind == "received":
            owner, number = what
            now = {**self.current, owner: number}
            return replace(self, current=now, seen=self.seen | {(owner, number)})
        if kind == "withdrawn":
            return replace(self, withdrawn=self.withdrawn | {(what[0], what[1])})
        return replace(self, **{kind: what[0]})

    @property
    def closed(self) -> bool:
        return bool(self.frozen or self.destroyed)

    def receiving(self, owner: str, number: int) -> tuple[list[Any], type[BlindlinkError] | None]:
        """Events, and the error that follows them."""
        if self.current.get(owner) == number:
            return [], None
        if self.closed or (owner, number) in self.seen or number <= self.current.get(owner, 0):
            return [], RefusedError
        return [("received", owner, number)], None

    def withdrawing(self, owner: str, number: int) -> tuple[list[Any], type[BlindlinkError] | None]:
        if (owner, number) in self.withdrawn:
            return [], None
        return ([], RefusedError) if self.closed else ([("withdrawn", owner, number)], None)

    def linking(
        self, choice: dict[str, int], given: Sequence[tuple[str, int]]
    ) -> tuple[list[Any], type[BlindlinkError] | None]:
        if any(choice[owner] != number for owner, number in given):
            return [], VerificationError
        model = self
        events: list[Any] = [] if self.begun else [("begun", True)]
        steps = [(Model.receiving, owner, choice[owner]) for owner in OWNERS]
        for step, owner, number in [*steps, *((Model.withdrawing, *each) for each in given)]:
            more, error = step(model, owner, number)
            events += more
            for event in more:
                model = model.after(event)
            if error:
                return events, error
        due = {each for each in model.withdrawn if model.current[each[0]] == each[1]}
        inputs = (tuple(choice[owner] for owner in OWNERS), frozenset(given))
        if model.destroyed or model.outcome or due - set(given):
            return events, RefusedError
        if model.frozen not in (None, inputs):
            return events, RefusedError
        if model.frozen is None:
            events.append(("frozen", inputs))
        refused = choice["ohid"] == 3
        events.append(("outcome", "refused" if refused else "released"))
        return events, RefusedError if refused else None


class Crash(BaseException):
    """The machine stops here."""


@contextmanager
def crashing(at: int, written: bool) -> Iterator[None]:
    """Stop at the append number ``at`` (from 0), before or after the entry is on the disk."""
    append, count = AuditLog.append, 0

    def stopping(log: AuditLog, *arguments: Any, **options: Any) -> int:
        nonlocal count
        count += 1
        if count <= at:
            return append(log, *arguments, **options)
        if written:
            append(log, *arguments, **options)
        raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AuditLog, "append", stopping)
        yield


class Flow(RuleBasedStateMachine):
    @initialize(
        begun=st.sampled_from([{}, {"moj": 1}, {"moj": 1, "ohid": 1}, {"moj": 2, "ohid": 2}])
    )
    def begin(self, begun: dict[str, int]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="blindlink-flow-"))
        self.files = made()
        self.now, self.model = NOW, Model()
        self.heads: list[Signed[Head]] = []
        self.key = self.folder / "ttp.key"
        self.key.write_bytes(b"stands for the linker's key file")
        for owner, number in begun.items():
            self.receive(owner, number, None)

    def teardown(self) -> None:
        shutil.rmtree(getattr(self, "folder", "/nonexistent"), ignore_errors=True)

    @rule(days=st.sampled_from([0, 0, 0, 0, 0, 0, 1, 10, 20, 31]))
    def clock_jumps(self, days: int) -> None:
        # Never back: a log in which time goes back is refused.
        self.now = max(self.now, NOW + timedelta(days=days))

    @property
    def in_force(self) -> bool:
        return NOW - timedelta(minutes=5) <= self.now < NOW + timedelta(days=30)

    @rule(owner=OWNER, number=NUMBER, crash=CRASH)
    def receive(self, owner: str, number: int, crash: bool | None) -> None:
        events, error = self.model.receiving(owner, number)
        if not self.model.begun:
            events = [("begun", True), *events]
        self.play(self.received, (f"{owner}-{number}.submission",), events, error, crash, 1)

    @rule(owner=OWNER, crash=CRASH)
    def receive_the_next(self, owner: str, crash: bool | None) -> None:
        self.receive(owner, min(self.model.current.get(owner, 0) + 1, 3), crash)

    @rule(owner=OWNER, crash=CRASH)
    def withdraw_from_what_is_there(self, owner: str, crash: bool | None) -> None:
        self.receive_withdrawal(owner, self.model.current.get(owner, 1), crash)

    @rule(owner=OWNER, number=NUMBER, crash=CRASH)
    def receive_withdrawal(self, owner: str, number: int, crash: bool | None) -> None:
        events, error = self.model.withdrawing(owner, number)
        if not self.model.begun:
            events, error = [], InputError
        elif owner not in self.model.current:
            events, error = [], VerificationError
        elif self.model.current[owner] != number:
            events, error = [], InputError  # it is held against the submission that it is for
        self.play(self.received, (f"{owner}-{number}.withdrawal",), events, error, crash, 0)

    @rule(choice=CHOICE, given=GIVEN, crash=CRASH)
    def link_any(self, choice: dict[str, int], given: Any, crash: bool | None) -> None:
        self._link(choice, sorted(given), crash, 2)

    @precondition(lambda self: len(self.model.current) == len(OWNERS))
    @rule(crash=CRASH, at=st.integers(0, 3))
    def link_what_is_there(self, crash: bool | None, at: int) -> None:
        given = [e for e in self.model.withdrawn if self.model.current[e[0]] == e[1]]
        self._link(dict(self.model.current), sorted(given), crash, at)

    def _link(self, choice: dict[str, int], given: Any, crash: bool | None, at: int) -> None:
        events, error = self.model.linking(choice, given)
        files = [self.files / f"{owner}-{choice[owner]}.submission" for owner in OWNERS]
        gone = [self.files / f"{owner}-{number}.withdrawal" for owner, number in given]
        self.play(self.linked, (files, gone), events, error, crash, at)

    @precondition(lambda self: self.model.begun)
    @rule(chance=st.integers(0, 5))
    def destroy(self, chance: int) -> None:
        if chance:
            return
        self.key.touch()
        done = destroy(
            Place(self.folder / "project"),
            Acting(world().agreement, keys("ttp"), self.now),
            self.key,
        )
        assert done.fresh == (not self.model.destroyed)
        assert not self.key.exists()
        self.model = replace(self.model, destroyed=True)
        self.heads.append(Signed.load(done.head, Head))

    def play(
        self,
        act: Any,
        arguments: tuple[Any, ...],
        events: list[Any],
        error: type[BlindlinkError] | None,
        crash: bool | None,
        at: int,
    ) -> None:
        """Do it; the model follows as far as the rules, or the crash, let it come."""
        if not self.in_force:
            with pytest.raises(AgreementError):
                act(*arguments)
            return
        if crash is not None and at < len(events):
            with crashing(at, crash), pytest.raises(Crash):
                act(*arguments)
            events = events[: at + crash]
        elif error:
            with pytest.raises(error):
                act(*arguments)
        else:
            act(*arguments)
        for event in events:
            self.model = self.model.after(event)

    def received(self, file: str) -> None:
        name, kind = file.split(".")
        done = receive(
            self.files / file,
            Acting(world().agreement, keys("ttp"), self.now),
            Place(self.folder / "project"),
            submission=self.files / f"{name}.submission" if kind == "withdrawal" else None,
        )
        assert done.receipt.exists()

    def linked(self, files: list[Path], gone: list[Path]) -> None:
        link(
            files,
            Acting(world().agreement, keys("ttp"), self.now),
            Place(self.folder / "project"),
            self.folder / "study.release",
            withdrawals=gone,
            force=True,
        )
        self.cohort(len(gone))

    def cohort(self, gone: int) -> None:
        """The analyst can open what went out; nobody who withdrew is in it."""
        out = self.folder / "cohort"
        shutil.rmtree(out, ignore_errors=True)
        made = build_cohort(
            self.folder / "study.release", Acting(world().agreement, keys("analyst"), self.now), out
        )
        assert (made.people["owner"] == "moj").sum() >= 30 - gone
        assert (made.people["owner"] == "moj").sum() <= 30

    @invariant()
    def the_log_is_the_model(self) -> None:
        path, model = self.folder / LOG, self.model
        if not path.exists():
            assert not model.begun
            return
        log = AuditLog.load(path)
        events = [entry.event for entry in log.entries]
        assert bool(events) == model.begun
        assert events.count("submission-received") == len(model.seen)
        assert events.count("withdrawal-received") == len(model.withdrawn)
        assert events.count("inputs-frozen") == (model.frozen is not None)
        assert [e for e in events if e in ("released", "refused")] == [
            e for e in [model.outcome] if e
        ]
        assert events.count("destroyed") == model.destroyed
        self.heads.append(log.head(keys("ttp"), now=self.now))
        for number, head in enumerate(self.heads[-12:]):
            verify_log(log, head, keys("ttp").public, f"head {number}")

    @invariant()
    def a_release_is_there_when_the_log_says_so(self) -> None:
        there = (self.folder / "study.release").exists()
        assert there or self.model.outcome != "released"
        assert not there or self.model.frozen  # a crash may have come between file and entry
        assert self.model.outcome != "refused" or not there or self.model.frozen

    @invariant()
    def nobody_finds_what_is_not_theirs(self) -> None:
        """Linker: project and files. Analyst: cohort. And nothing is left behind half-written."""
        for path in self.folder.rglob("*"):
            assert not path.name.endswith(".part"), path
            data = path.read_bytes() if path.is_file() else b""
            for word in (IDENTIFIER, PAYLOAD, OWN_ID, *SECRETS):
                assert word not in data, path
            if path.suffix == ".receipt":
                assert b"released" not in data
                assert b"refused" not in data


Flow.TestCase.settings = settings(max_examples=40, stateful_step_count=14)
TestFlow = Flow.TestCase


def test_files_of_owners_hold_no_canary() -> None:
    for path in made().iterdir():
        data = path.read_bytes()
        assert not any(word in data for word in (IDENTIFIER, PAYLOAD, OWN_ID, *SECRETS)), path


POINTS = (
    "blindlink.owner.submit.read_people",
    "blindlink.owner.prepare.restored",
    "blindlink.owner.encoding.spool.Spool.add",
    "blindlink.owner.encoding.spool.Spool.encodings",
    "blindlink.messages.submission.payload.seal",
    "blindlink.owner.submit.row_map_bytes",
    "blindlink.messages.container.writer.Writer.manifest",
    "blindlink.keys.party.PartyKeys.sign",
    "blindlink.system.sync",
)


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("after", [False, True])
def test_an_owner_that_crashes_leaves_nothing_and_can_repeat(
    tmp_path: Path, point: str, after: bool
) -> None:
    """Before or after each step; the earlier submission, where there is one, stays as it was."""
    world = World(tmp_path, people=30, controls=2)
    world.submit("moj")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    original = pkgutil.resolve_name(point.rpartition(".")[0]).__dict__[point.rpartition(".")[2]]

    def stopping(*arguments: Any, **options: Any) -> None:
        if after:
            original(*arguments, **options)
        raise Crash

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(point, stopping)
        with pytest.raises(Crash):
            world.submit("moj", sequence=2, force=True)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == before
    assert world.submit("moj", sequence=2, force=True).sequence == 2


def test_no_submission_without_its_row_map(tmp_path: Path) -> None:
    """A crash between the two files leaves the row map, which is of no use to anybody else."""
    sync, count = system.sync, 0

    def second(path: Path) -> None:
        nonlocal count
        count += 1
        if count == 2:
            raise Crash
        sync(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(system, "sync", second)
        with pytest.raises(Crash):
            World(tmp_path, people=30, controls=2).submit("moj")
    assert [path.name for path in tmp_path.iterdir()] == ["moj.submission.rows"]
