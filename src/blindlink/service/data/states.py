"""The states of everything that a row stands for. Each word means one thing, in one list."""

from enum import StrEnum


class UploadKind(StrEnum):
    """What an owner sends."""

    SUBMISSION = "submission"
    WITHDRAWAL = "withdrawal"


class UploadState(StrEnum):
    """receiving -> received (all bytes are here) -> accepted or refused; a submission that was
    accepted may be replaced. ``FAILED``: could not be verified for a fault of the machine."""

    RECEIVING = "receiving"
    RECEIVED = "received"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    FAILED = "failed"


UNDER_WAY = (UploadState.RECEIVING, UploadState.RECEIVED)


class RunState(StrEnum):
    """queued -> running -> released or refused, which the log says too, or failed."""

    QUEUED = "queued"
    RUNNING = "running"
    RELEASED = "released"
    REFUSED = "refused"
    FAILED = "failed"


class JobKind(StrEnum):
    """What there is to do for a worker."""

    VERIFY = "verify"
    RUN = "run"
    DESTROY = "destroy"
    ERASE = "erase"
    SIGN = "sign"


class JobState(StrEnum):
    """queued -> running -> done, or failed after the last attempt."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Phase(StrEnum):
    """Where a project stands, for those who may know. ``BROKEN``: its log cannot be read."""

    OPEN = "open"
    FROZEN = "frozen"
    QUEUED = "queued"
    RUNNING = "running"
    RELEASED = "released"
    REFUSED = "refused"
    FAILED = "failed"
    ENDING = "ending"
    DESTROYED = "destroyed"
    BROKEN = "broken"
