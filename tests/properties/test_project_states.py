"""The linker's project as a state machine: whatever happens in whatever order, its rules hold.

Submissions, replays, withdrawals, runs, crashes before and after each entry of the log, restarts,
clocks that jump, destruction. The model keeps only what the rules say; the log must agree with it.
"""

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

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

from blindlink.errors import FormatError, RefusedError
from blindlink.keys import PartyPublic
from blindlink.linker.protocol.project import (
    DESTROYED,
    FROZEN,
    REFUSED,
    RELEASED,
    WITHDRAWN,
    Project,
)
from blindlink.messages.acting import Acting
from blindlink.messages.audit.log import AuditLog, Head, verify_log
from blindlink.messages.audit.receipt import EVENT, load_receipt
from blindlink.messages.container import reader as container
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.fields import stamp
from blindlink.messages.signed import Signed
from worlds.flow import NOW, World, entropy, keys
from worlds.parties import signed

AGREEMENT = "ab" * 32
OWNERS = ("moj", "ohid")
SEQUENCES = st.integers(1, 4)


def manifest(owner: str, sequence: int, copy: int = 0) -> Manifest:
    """A submission's manifest; the same arguments give the same one."""
    name = f"{owner}/{sequence}/{copy}"
    return Manifest(
        format="blindlink-submission-v1",
        bundle=entropy(name)(16).hex(),
        agreement=AGREEMENT,
        sender=keys(owner).public.fingerprint(),
        created=stamp(NOW),
        expires=stamp(NOW + timedelta(days=30)),
        content={"first_rows": 10, "rows": 10, "sequence": sequence},
        sections=(),
    )


class Crash(BaseException):
    """The machine stops here."""


class Projects(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="blindlink-project-"))
        self.now = NOW
        self.current: dict[str, tuple[int, str]] = {}
        self.seen: set[str] = set()
        self.withdrawals: dict[str, str] = {}
        self.frozen: tuple[Any, ...] | None = None
        self.ended = self.destroyed = False
        self.heads: list[Signed[Head]] = []
        self.restart()

    def teardown(self) -> None:
        shutil.rmtree(getattr(self, "folder", "/nonexistent"), ignore_errors=True)

    @rule()
    def restart(self) -> None:
        """Everything that counts is on disk."""
        self.project = Project.open(
            self.folder / "p", AGREEMENT, now=self.now, entropy=entropy("log")
        )

    @rule(hours=st.integers(0, 48))
    def clock_jumps(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(owner=st.sampled_from(OWNERS), sequence=SEQUENCES, copy=st.integers(0, 1))
    def receive(self, owner: str, sequence: int, copy: int) -> None:
        found = manifest(owner, sequence, copy)
        again = self.current.get(owner) == (sequence, found.bundle)
        allowed = again or (
            not (self.frozen or self.destroyed)
            and found.bundle not in self.seen
            and sequence > self.current.get(owner, (0, ""))[0]
        )
        before = len(self.project.log.entries)
        try:
            path = self.project.receive(owner, found, sequence, 10, (), self.acting())
        except RefusedError:
            assert not allowed
            assert len(self.project.log.entries) == before
            return
        assert allowed
        assert len(self.project.log.entries) == before + (not again)
        self.seen.add(found.bundle)
        self.current[owner] = (sequence, found.bundle)
        receipt = load_receipt(path, keys("ttp").public, found)
        self.heads.append(receipt.document.head.signed())

    @rule(owner=st.sampled_from(OWNERS), number=st.integers(0, 2))
    @precondition(lambda self: self.current)
    def withdraw(self, owner: str, number: int) -> None:
        if owner not in self.current:
            return
        target = self.current[owner][1]
        found = manifest(owner, 0, number)
        known = found.bundle in self.withdrawals
        allowed = known or not (self.frozen or self.destroyed)
        try:
            self.project.withdraw(owner, found, target, 1, now=self.now)
        except RefusedError:
            assert not allowed
            return
        assert allowed
        self.withdrawals.setdefault(found.bundle, target)

    @rule(forget=st.booleans(), other=st.booleans())
    @precondition(lambda self: len(self.current) == len(OWNERS))
    def freeze(self, forget: bool, other: bool) -> None:
        bundles = sorted(bundle for _, bundle in self.current.values())
        due = sorted(b for b, target in self.withdrawals.items() if target in bundles)
        given = due[1:] if forget else due
        inputs = ("other" if other else bundles, given)
        allowed = (
            not (self.destroyed or self.ended or other)
            and given == due
            and self.frozen in (None, inputs)
        )
        try:
            self.project.freeze({"submissions": inputs[0], "withdrawals": given}, now=self.now)
        except RefusedError:
            assert not allowed
            return
        assert allowed
        self.frozen = inputs

    @rule(outcome=st.sampled_from([RELEASED, REFUSED]))
    @precondition(lambda self: self.frozen and not self.ended and not self.destroyed)
    def finish(self, outcome: str) -> None:
        self.project.finish(outcome, {}, now=self.now)
        self.ended = True

    @rule(chance=st.integers(0, 9))
    def destroy(self, chance: int) -> None:
        if chance == 0:
            assert self.project.destroy(now=self.now) == (not self.destroyed)
            self.destroyed = True

    @rule(owner=st.sampled_from(OWNERS), sequence=SEQUENCES, written=st.booleans())
    def crash_while_receiving(self, owner: str, sequence: int, written: bool) -> None:
        """Before the entry is on disk, or after it and before the receipt."""
        found = manifest(owner, sequence)
        with pytest.MonkeyPatch.context() as patch:
            target = "make_receipt" if written else "AuditLog.append"
            patch.setattr(f"blindlink.linker.protocol.project.{target}", _crash)
            try:
                self.project.receive(owner, found, sequence, 10, (), self.acting())
            except Crash:
                logged = any(e.details.get("bundle") == found.bundle for e in self._log().entries)
                assert logged == written or found.bundle in self.seen
                if logged and found.bundle not in self.seen:
                    self.seen.add(found.bundle)
                    self.current[owner] = (sequence, found.bundle)
            except RefusedError:
                pass
        self.restart()

    def acting(self) -> Acting:
        return Acting(signed(), keys("ttp"), self.now)

    def _log(self) -> AuditLog:
        return AuditLog.load(self.folder / "p" / "audit.log")

    @invariant()
    def the_log_extends_every_head_ever_given(self) -> None:
        log, linker = self._log(), self._linker()
        for number, head in enumerate(self.heads):
            verify_log(log, head, linker, f"head {number}")

    @invariant()
    def the_log_says_what_the_rules_say(self) -> None:
        entries = self._log().entries
        names = [entry.event for entry in entries]
        assert names[0] == "project-opened"
        assert names.count(FROZEN) == (self.frozen is not None)
        assert names.count(RELEASED) + names.count(REFUSED) == self.ended
        assert names.count(DESTROYED) == self.destroyed
        received = [entry for entry in entries if entry.event == EVENT]
        assert {entry.details["bundle"] for entry in received} == self.seen
        assert len(received) == len(self.seen)
        stops = [names.index(name) for name in (FROZEN, DESTROYED) if name in names]
        inputs = [at for at, name in enumerate(names) if name in (EVENT, WITHDRAWN)]
        assert not stops or max(inputs, default=0) < min(stops)
        state = self.project.state()
        assert state.current == {owner: bundle for owner, (_, bundle) in self.current.items()}

    def _linker(self) -> PartyPublic:
        return keys("ttp").public


def _crash(*_: Any, **__: Any) -> None:
    raise Crash


Projects.TestCase.settings = settings(max_examples=15, stateful_step_count=25)
TestProjects = Projects.TestCase


def test_a_log_made_and_left_empty_is_taken_up(tmp_path: Path) -> None:
    """The machine stopped between making the log and its first entry."""
    (tmp_path / "p" / "receipts").mkdir(parents=True)
    AuditLog.create(tmp_path / "p" / "audit.log", "00" * 16)
    project = Project.open(tmp_path / "p", AGREEMENT, now=NOW)
    assert [entry.event for entry in project.log.entries] == ["project-opened"]


def test_an_unknown_entry_stops_everything(tmp_path: Path) -> None:
    project = Project.open(tmp_path / "p", AGREEMENT, now=NOW)
    project.log.append("something-new", {}, now=NOW)
    with pytest.raises(FormatError, match="of an unknown kind"):
        Project.open(tmp_path / "p", AGREEMENT, now=NOW)


def test_worlds_agree_with_the_model(tmp_path: Path) -> None:
    """The manifests above are like those of real submissions as far as the project sees them."""
    World(tmp_path).submit("moj")
    with container.opened(tmp_path / "moj.submission", "submission") as sealed:
        assert set(sealed.manifest.model_dump()) == set(manifest("moj", 1).model_dump())
