"""What the entries of a linker's log add up to, and whether they can: the rules of a project.

    project-opened          first, once: under this agreement
    submission-received     before the freeze; an owner's sequence rises; a bundle id is used once
    withdrawal-received     before the freeze; for the owner's latest submission
    inputs-frozen           once: the latest submission of each owner, and every withdrawal for it
    released, refused       once, after the freeze: how the one run ended
    destruction-begun       nothing is taken in or frozen any more
    agreement-ended         a party took its signature back: nothing is taken in, frozen or released
    destroyed               once; time never goes back

A service notes more (who holds keys, what was refused, who looked): these entries change nothing.

``replay`` is asked by the linker before it adds an entry, by the analyst of the log in a release,
and by ``audit verify``: a log that only grows says nothing about what it says.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blindlink.errors import FormatError, VerificationError
from blindlink.messages.audit import erasure, withdrawal_receipt
from blindlink.messages.audit.log import Entry
from blindlink.messages.fields import moment

OPENED = "project-opened"
RECEIVED = "submission-received"
WITHDRAWN = "withdrawal-received"
FROZEN = "inputs-frozen"
RELEASED, REFUSED = "released", "refused"
ENDED = "agreement-ended"
DESTROYED = erasure.DESTROYED
NOTES = frozenset(
    {
        *(erasure.HELD, erasure.ERASED, erasure.LOST),
        *(withdrawal_receipt.ARRIVED, withdrawal_receipt.REFUSED),
        *("party-destroyed", "approved", "run-asked", "hold", "hold-ended", "viewed", "downloaded"),
    }
)


@dataclass
class State:
    """Where a project stands.

    ``current``: bundle of each owner's latest submission; ``first_rows``: rows of its first one,
    where that was received; ``digests``: of every bundle received; ``withdrawals``: the bundle of
    the submission that each withdrawal is for; ``messages``: how many of them each owner sent;
    ``ended``: the agreement did; ``ending``: its destruction began.
    """

    agreement: str
    current: dict[str, str] = field(default_factory=dict)
    sequence: dict[str, int] = field(default_factory=dict)
    first_rows: dict[str, int] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    withdrawals: dict[str, str] = field(default_factory=dict)
    messages: dict[str, int] = field(default_factory=dict)
    frozen: dict[str, Any] | None = None
    outcome: str | None = None
    ended: bool = False
    ending: bool = False
    destroyed: bool = False

    @property
    def due(self) -> list[str]:
        """The withdrawals (bundles) that a run must heed, sorted."""
        current = set(self.current.values())
        return sorted(bundle for bundle, at in self.withdrawals.items() if at in current)


def replay(entries: Iterable[Entry], where: str) -> State:
    """Where a project stands after these entries.

    Raises FormatError for an entry of an unknown kind or shape, VerificationError for one that
    cannot stand at its place.
    """
    state, last = State(agreement=""), None
    for entry in entries:
        rule = _RULES.get(entry.event)
        if rule is None:  # of a later version, whose rules are not known here
            raise FormatError(f"{where}: an entry is of an unknown kind")
        if last is not None and moment(entry.time) < moment(last):
            raise VerificationError(f"{where}: entry {entry.index}: its time is before the last")
        last = entry.time
        try:
            wrong = _out_of_place(state, entry.event) or rule(state, entry.details)
        except (KeyError, TypeError, AttributeError):
            raise FormatError(f"{where}: an entry lacks what its kind has") from None
        if wrong:
            raise VerificationError(f"{where}: entry {entry.index}: {wrong}")
    return state


def _out_of_place(state: State, event: str) -> str | None:
    if (event == OPENED) == bool(state.agreement):
        return "a project is opened once, and first"
    if event in NOTES:
        return None
    if state.destroyed or (state.ending and event in (RECEIVED, WITHDRAWN, FROZEN)):
        return "the project was destroyed before, or its destruction had begun"
    if state.ended and event in (RECEIVED, WITHDRAWN, FROZEN, RELEASED):
        return "the agreement had ended"
    if state.frozen is not None and event in (RECEIVED, WITHDRAWN, FROZEN):
        return "the inputs were frozen before"
    return None


def _opened(state: State, details: Mapping[str, Any]) -> str | None:
    state.agreement = str(details["agreement"])
    return None if state.agreement else "names no agreement"


def _received(state: State, details: Mapping[str, Any]) -> str | None:
    owner, bundle, sequence = details["owner"], details["bundle"], details["sequence"]
    if details["agreement"] != state.agreement:
        return "a submission under another agreement"
    if bundle in state.digests:
        return "a bundle id was used before"
    if not isinstance(owner, str) or sequence <= state.sequence.get(owner, 0):
        return "a sequence number does not rise"
    state.current[owner], state.sequence[owner] = bundle, sequence
    state.digests[bundle] = details["submission"]
    if sequence == 1:
        state.first_rows[owner] = details["rows"]
    return None


def _withdrawn(state: State, details: Mapping[str, Any]) -> str | None:
    owner, bundle = details["owner"], details["bundle"]
    if bundle in state.digests:
        return "a bundle id was used before"
    if state.current.get(owner) != details["submission"]:
        return "a withdrawal for another submission than the latest"
    state.digests[bundle] = details["withdrawal"]
    state.withdrawals[bundle] = details["submission"]
    state.messages[owner] = state.messages.get(owner, 0) + 1
    return None


def _frozen(state: State, details: Mapping[str, Any]) -> str | None:
    state.frozen = dict(details)
    if sorted(details["submissions"]) != sorted(state.current.values()):
        return "what was frozen is not the latest submission of each owner"
    if details["withdrawals"] != state.due:
        return "what was frozen leaves a withdrawal out, or names another"
    return None


def _ended(outcome: str) -> Callable[[State, Mapping[str, Any]], str | None]:
    def ended(state: State, _: Mapping[str, Any]) -> str | None:
        if state.frozen is None or state.outcome is not None:
            return "a run ends once, after the inputs were frozen"
        state.outcome = outcome
        return None

    return ended


def _agreement_ended(state: State, details: Mapping[str, Any]) -> str | None:
    state.ended = bool(details["notice"])
    return None


def _begun(state: State, _: Mapping[str, Any]) -> str | None:
    state.ending = True
    return None


def _noted(_: State, __: Mapping[str, Any]) -> str | None:
    return None


def _destroyed(state: State, _: Mapping[str, Any]) -> str | None:
    state.destroyed = True
    return None


_RULES: dict[str, Callable[[State, Mapping[str, Any]], str | None]] = {
    OPENED: _opened,
    RECEIVED: _received,
    WITHDRAWN: _withdrawn,
    FROZEN: _frozen,
    RELEASED: _ended(RELEASED),
    REFUSED: _ended(REFUSED),
    ENDED: _agreement_ended,
    erasure.BEGUN: _begun,
    DESTROYED: _destroyed,
    **dict.fromkeys(NOTES, _noted),
}
