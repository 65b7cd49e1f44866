"""Everybody who may knock, and what the table of rules says should happen."""

from collections.abc import Iterator
from dataclasses import dataclass

import flow_world
import trust_world
from blindlink.keys import PartyKeys
from blindlink.service import app
from blindlink.service.callers import PARTY

CALLERS = ("moj", "ohid", "ttp", "analyst", "operator", "auditor", "outsider", "stranger", "nobody")
ROLE = {
    "moj": "owner",
    "ohid": "owner",
    "ttp": "linker",
    "analyst": "analyst",
    "operator": "operator",
    "auditor": "auditor",
}
PROJECTS = ("own", "other", "no")


@dataclass(frozen=True)
class Knock:
    """One request of the table."""

    method: str
    path: str
    in_project: bool
    caller: str
    project: str
    allowed: bool

    @property
    def name(self) -> str:
        where = f"-{self.project}" if self.in_project else ""
        return f"{self.method} {self.path} {self.caller}{where}"

    @property
    def expected(self) -> set[int]:
        """Statuses that are right; an allowed request may be refused for what it says."""
        if self.caller in ("stranger", "nobody"):
            return {401}
        if not self.in_project:
            return {200, 201, 415} if self.allowed else {403}
        local = ROLE.get(self.caller) in ("operator", "auditor")
        foreign = (self.project == "other") != (self.caller == "outsider")
        if self.project == "no" or (foreign and not local):
            return {404}
        return {200, 201, 202, 204, 400, 404, 409, 411, 413, 415, 422} if self.allowed else {403}


def key(caller: str) -> PartyKeys | str:
    """With what a caller signs. The outsider is an owner of the other project."""
    if caller == "outsider":
        return trust_world.keys("moj")
    if caller == "stranger":
        return trust_world.keys("unknown")
    return caller if caller in ("operator", "auditor") else flow_world.keys(caller)


def role(caller: str) -> str | None:
    """The caller's role in the project where it has one."""
    return "owner" if caller == "outsider" else ROLE.get(caller)


def table() -> Iterator[Knock]:
    """Every endpoint, every caller, own, other and no project."""
    for method, path, roles, in_project in app.rules():
        for caller in CALLERS:
            found = role(caller)
            if not in_project and found not in ("operator", "auditor", None):
                found = PARTY
            for project in PROJECTS if in_project else ("own",):
                yield Knock(method, path, in_project, caller, project, found in roles)
