"""What states are called on a page, and the colour of their tag. The word says it all by itself."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tag:
    """A word for a state. ``colour`` is the name of a style, for the eye only."""

    text: str
    colour: str


PHASES = {
    "open": Tag("Taking submissions", "blue"),
    "frozen": Tag("Frozen", "yellow"),
    "queued": Tag("Waiting for a worker", "yellow"),
    "running": Tag("Linking", "yellow"),
    "released": Tag("Released", "green"),
    "refused": Tag("Refused", "red"),
    "failed": Tag("Failed", "red"),
    "ending": Tag("Being destroyed", "yellow"),
    "destroyed": Tag("Destroyed", "grey"),
    "broken": Tag("Audit log broken", "red"),
}
UPLOADS = {
    "receiving": Tag("Being sent", "yellow"),
    "received": Tag("Being verified", "yellow"),
    "accepted": Tag("Accepted", "green"),
    "refused": Tag("Refused", "red"),
    "replaced": Tag("Replaced", "grey"),
    "cancelled": Tag("Cancelled", "grey"),
    "failed": Tag("Failed", "red"),
}
NOT_SENT = Tag("Not sent yet", "grey")
JOBS = {
    "verify": "Verify an upload",
    "run": "Link",
    "destroy": "Destroy",
    "erase": "Erase a key",
    "sign": "Sign a head",
}
GOOD, BAD = Tag("Good", "green"), Tag("Not good", "red")


def phase(state: str) -> Tag:
    """The tag of a project's phase."""
    return PHASES.get(state, Tag(state, "grey"))


def upload(state: str) -> Tag:
    """The tag of an upload's state."""
    return UPLOADS.get(state, Tag(state, "grey"))
