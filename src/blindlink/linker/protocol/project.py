"""The linker's project folder: what it received, when inputs froze, how the one run ended.

    audit.log                      the audit log, which is also the only state: everything below
                                   follows from its entries, so the two can never disagree
    receipts/OWNER-SEQUENCE.receipt, OWNER-withdrawal-ENTRY.receipt
    reports/linkage-LEFT-RIGHT.html, .json   the quality of the links, aggregates only

Rules, each a RefusedError: nothing is taken after the inputs froze; a re-submission has a higher
sequence number, and what it replaced never comes back; a bundle id is used once; there is one run
for one agreement, which may be repeated after a crash with the same inputs until it has ended; a
destroyed project stays destroyed.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from blindlink.errors import AgreementError, BlindlinkError, OutputError, RefusedError
from blindlink.files import reason
from blindlink.keys import Entropy, system_entropy
from blindlink.messages.acting import Acting
from blindlink.messages.agreement.notice import ENDS, Notice
from blindlink.messages.audit.history import (
    DESTROYED,
    ENDED,
    FROZEN,
    OPENED,
    RECEIVED,
    REFUSED,
    RELEASED,
    WITHDRAWN,
    State,
    replay,
)
from blindlink.messages.audit.log import AuditLog
from blindlink.messages.audit.receipt import Rejection, log_details, make_receipt
from blindlink.messages.audit.withdrawal_receipt import REFUSED as WITHDRAWAL_REFUSED
from blindlink.messages.audit.withdrawal_receipt import Facts
from blindlink.messages.audit.withdrawal_receipt import make as make_withdrawal_receipt
from blindlink.messages.container.manifest import Manifest
from blindlink.messages.signed import Signed

__all__ = [
    "DESTROYED",
    "FROZEN",
    "OPENED",
    "REFUSED",
    "RELEASED",
    "WITHDRAWN",
    "Project",
    "State",
    "make_folder",
]

LOG = "audit.log"
RECEIPTS = "receipts"
REPORTS = "reports"
LATEST = "a later submission of this owner was received already: use that one"
WITHDRAWALS = 1000  # of one owner, so that nobody can fill the log


class Project:
    """The folder of one agreement at the linker."""

    def __init__(self, folder: Path, log: AuditLog) -> None:
        self.folder, self.log = folder, log

    @classmethod
    def open(
        cls, folder: Path, agreement: str, *, now: datetime, entropy: Entropy = system_entropy
    ) -> "Project":
        """The project in ``folder``, made anew where there is none.

        Raises AgreementError for the folder of another agreement, OutputError or FormatError.
        """
        path = folder / LOG
        if not path.exists():
            make_folder(folder)
            make_folder(folder / RECEIPTS)
            AuditLog.create(path, entropy(16).hex())
        log = AuditLog.load(path)
        if not log.entries:
            log.append(OPENED, {"agreement": agreement}, now=now)
        return cls.load(folder, agreement)

    @classmethod
    def load(cls, folder: Path, agreement: str) -> "Project":
        """The project that is in ``folder``. Raises InputError, FormatError or AgreementError."""
        project = cls(folder, AuditLog.load(folder / LOG))
        if project.state().agreement != agreement:
            raise AgreementError(
                f"{folder}: is the project of another agreement", hint="use a folder of its own"
            )
        return project

    def state(self) -> State:
        """Where the project stands, from its log."""
        return replay(self.log.entries, str(self.log.path))

    def receive(
        self,
        owner: str,
        manifest: Manifest,
        sequence: int,
        rows: int,
        rejected: tuple[Rejection, ...],
        acting: Acting,
    ) -> Path:
        """Log a verified submission and write its receipt; the same one again changes nothing.

        Raises RefusedError for a replay, an old sequence number, or after the inputs froze.
        """
        state = self.state()
        bundle, digest = manifest.bundle, manifest.digest()
        path = self.folder / RECEIPTS / f"{owner}-{sequence}.receipt"
        if state.current.get(owner) != bundle or state.digests[bundle] != digest:
            self._check_open(state)
            if bundle in state.digests:
                raise RefusedError(
                    f"{owner}: this bundle was received before, and replaced", hint=LATEST
                )
            if sequence <= state.sequence.get(owner, 0):
                raise RefusedError(
                    f"{owner}: sequence {sequence} is not above {state.sequence[owner]}",
                    hint=LATEST,
                )
            first = state.first_rows.get(owner)
            if first is not None and manifest.content.get("first_rows") != first:
                raise RefusedError(
                    f"{owner}: its first submission had {first} rows, and this one says otherwise",
                    hint="make it with the row map of the submission before",
                )
            details = log_details(owner, manifest, sequence, rows)
            self.log.append(RECEIVED, details, now=acting.now)
        if not path.exists():
            index = self._entry(RECEIVED, bundle)
            receipt = make_receipt(self.log, index, acting, manifest, rows, rejected)
            receipt.save(path)
        return path

    def withdraw(
        self, owner: str, manifest: Manifest, submission: str, rows: int, *, now: datetime
    ) -> None:
        """Log a verified withdrawal; the same one again changes nothing.

        Raises RefusedError for another one of the same bundle id, for too many of one owner, or
        after the inputs froze.
        """
        state = self.state()
        known = state.digests.get(manifest.bundle)
        if known == manifest.digest():
            return
        self._check_open(state)
        if known:
            raise RefusedError(f"{owner}: another file of this bundle id was received before")
        self._check_number(state, owner)
        details = {
            "owner": owner,
            "bundle": manifest.bundle,
            "rows": rows,
            "submission": submission,
            "withdrawal": manifest.digest(),
        }
        self.log.append(WITHDRAWN, details, now=now)

    def refuse_withdrawal(
        self, owner: str, facts: Facts, error: BlindlinkError, acting: Acting
    ) -> Path:
        """Log that a withdrawal is wrong, which changes nothing, and write the receipt that says
        so. Raises RefusedError for too many of one owner, or after the inputs froze."""
        state = self.state()
        self._check_open(state)
        details = {"error": type(error).__name__, "file": facts.file, "owner": owner}
        if not any(e.details == details for e in self.log.entries):
            self._check_number(state, owner)
            self.log.append(WITHDRAWAL_REFUSED, details, now=acting.now)
        wrong = replace(facts, withdrawal="", reason=error.message, rows=0)
        return self.withdrawal_receipt(owner, wrong, acting)

    def withdrawal_receipt(self, owner: str, facts: Facts, acting: Acting) -> Path:
        """Write the receipt of a withdrawal that was logged, unless it is there."""
        index = next(
            e.index
            for e in reversed(self.log.entries)
            if e.details.get("withdrawal" if facts.withdrawal else "file")
            == (facts.withdrawal or facts.file)
        )
        path = self.folder / RECEIPTS / f"{owner}-withdrawal-{index}.receipt"
        if not path.exists():
            receipt = make_withdrawal_receipt(self.log, index, acting.keys, facts, now=acting.now)
            receipt.save(path)
        return path

    def freeze(self, inputs: Mapping[str, Any], *, now: datetime) -> None:
        """From here on the inputs are these.

        Raises RefusedError when others were frozen before, when the run has ended, when the project
        is destroyed, or when a withdrawal that was received is not among them.
        """
        state = self.state()
        if state.destroyed or state.ending:
            raise RefusedError(f"{self.folder}: the project is destroyed")
        if state.ended:
            raise RefusedError(f"{self.folder}: the agreement has ended")
        if state.outcome:
            raise RefusedError(
                f"{self.folder}: the run of this agreement has ended",
                hint="a further run needs a new version of the agreement, signed by all",
            )
        if set(state.due) - set(inputs["withdrawals"]):
            raise RefusedError(
                f"{self.folder}: a withdrawal that was received is not given",
                hint="give every withdrawal file again",
            )
        latest = sorted(inputs["submissions"]) == sorted(state.current.values())
        if not latest or list(inputs["withdrawals"]) != state.due:
            raise RefusedError(
                f"{self.folder}: the inputs are not the latest submission of each owner and the "
                "withdrawals for them"
            )
        if state.frozen is None:
            self.log.append(FROZEN, dict(inputs), now=now)
        elif state.frozen != dict(inputs):
            raise RefusedError(
                f"{self.folder}: the inputs froze with other files",
                hint="repeat the run with the files of the first one",
            )

    def finish(
        self,
        outcome: str,
        details: Mapping[str, Any],
        *,
        now: datetime,
        entropy: Entropy = system_entropy,
    ) -> None:
        """Log how the run ended: RELEASED or REFUSED.

        With a random number: owners may hold a consistency proof, which has hashes of entries, and
        whoever can guess an entry could tell from its hash how the run ended.
        """
        self.log.append(outcome, {**details, "nonce": entropy(16).hex()}, now=now)

    def note(self, notice: Signed[Notice], party: str, *, now: datetime) -> bool:
        """Log a party's notice about the agreement; False when it was logged before."""
        event = ENDED if notice.document.kind in ENDS else "party-destroyed"
        kind, digest = notice.document.kind, notice.digest()
        if any(e.event == event and e.details["notice"] == digest for e in self.log.entries):
            return False
        self.log.append(event, {"kind": kind, "notice": digest, "party": party}, now=now)
        return True

    def frozen_size(self) -> int:
        """How many entries the log has up to the freeze."""
        return next(e.index for e in self.log.entries if e.event == FROZEN) + 1

    def destroy(self, *, now: datetime) -> bool:
        """Log the destruction; False when it was destroyed before."""
        if self.state().destroyed:
            return False
        self.log.append(DESTROYED, {}, now=now)
        return True

    def _check_open(self, state: State) -> None:
        if state.ended:
            raise RefusedError(f"{self.folder}: the agreement has ended")
        if state.destroyed or state.ending:
            raise RefusedError(f"{self.folder}: the project is destroyed")
        if state.frozen is not None:
            raise RefusedError(
                f"{self.folder}: the inputs are frozen",
                hint="a changed submission needs a new version of the agreement, signed by all",
            )

    def _check_number(self, state: State, owner: str) -> None:
        refused = (e for e in self.log.entries if e.event == WITHDRAWAL_REFUSED)
        wrong = sum(e.details.get("owner") == owner for e in refused)
        if state.messages.get(owner, 0) + wrong >= WITHDRAWALS:
            raise RefusedError(
                f"{owner}: more than {WITHDRAWALS} withdrawals",
                hint="one withdrawal may name any number of people",
            )

    def _entry(self, event: str, bundle: str) -> int:
        mine = (e for e in self.log.entries if e.event == event and e.details["bundle"] == bundle)
        return next(mine).index


def make_folder(folder: Path) -> None:
    """Make a folder of the linker's own: its log says how the run ended. Raises OutputError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: {reason(error)}") from None
